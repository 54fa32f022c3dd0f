#!/bin/sh
# Tests the page: its types, its own tests, that the committed bundle is what its sources give, and the board in a real browser with
# a real daemon. Prints the minutes, tests and skips of each. What the host cannot do is skipped and said so. Called by `make test-web`.
#
#   test-web.sh PROGRAMS      the folder of kanband, kanban and kanban-shim
set -eu

programs=$(realpath "${1:?the folder of the programs}")
cd "$(dirname "$0")/.."
. scripts/node.sh
folder=${CARGO_TARGET_DIR:-target}/web
mkdir -p "$folder"
folder=$(realpath "$folder")
failed=0

skip() { # suite, reason
    echo "test-web: SKIPPED $1: $2"
    [ -z "${KANBAND_SKIPS:-}" ] || printf '%s\tall\t%s\n' "$1" "$2" >>"$KANBAND_SKIPS"
}
minutes() { awk -v seconds="$(($(date +%s) - $1))" 'BEGIN { printf "%.1f min", seconds / 60 }'; }
# The last line of a suite's output says how many tests there were.
suite() { # name, command…
    name=$1
    shift
    began=$(date +%s)
    "$@" >"$folder/$name.log" 2>&1 && code=0 || { code=$?; failed=1; }
    cat "$folder/$name.log"
    count=$(sed -n 's/^.* tests \([0-9][0-9]*\)$/\1/p' "$folder/$name.log" | tail -n 1)
    echo "test-web: $name: ${count:-0} tests, 0 skips, $(minutes "$began")$([ "$code" = 0 ] || echo ", FAILED")"
    ./scripts/check-count.sh "$name" "${count:-0}" || failed=1
}

if ! has_node; then
    reason="there is no Node of 20.19 or newer (./scripts/setup-web.sh brings one)"
    for name in web-unit web-bundle web-browser; do skip "$name" "$reason"; done
    exit 0
fi
install_packages
export NO_COLOR=1
(cd web && npm run --silent check) || failed=1
suite web-unit npm --prefix web --silent test

# Byte for byte, into a folder of its own.
rm -rf "$folder/dist"
if (cd web && npx --no-install vite build --logLevel warn --outDir "$folder/dist" --emptyOutDir && node scripts/licences.mjs "$folder/dist") &&
    diff -rq web/dist "$folder/dist"; then
    echo "test-web: web-bundle: the committed bundle is what its sources give"
else
    echo "test-web: FAILED web-bundle: web/dist is not what Node $(node --version) makes of web/src (make web; commit web/dist)"
    failed=1
fi

if [ -x "${KANBAND_CHROMIUM:=/usr/bin/chromium}" ]; then
    export KANBAND_CHROMIUM
    KANBAND_PICTURES=$folder/failed
    rm -rf "$KANBAND_PICTURES"
    mkdir -p "$KANBAND_PICTURES"
    export KANBAND_PICTURES
    KANBAND_PROGRAMS=$programs suite web-browser node web/scripts/browser.mjs
    rmdir "$KANBAND_PICTURES" 2>/dev/null || echo "test-web: how the page looked in tests that failed: $KANBAND_PICTURES"
else
    skip web-browser "there is no Chromium at $KANBAND_CHROMIUM (./scripts/setup-web.sh installs it)"
fi
exit "$failed"
