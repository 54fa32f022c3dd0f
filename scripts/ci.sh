#!/bin/sh
# The gate: every check in turn, with its minutes; the first that fails ends it. A skip fails it too, unless
# tests/allowed-skips.txt names it. Called by `make ci`.
set -eu

cd "$(dirname "$0")/.."
folder=${CARGO_TARGET_DIR:-target}
mkdir -p "$folder"
KANBAND_SKIPS=$(realpath "$folder")/skips.txt
export KANBAND_SKIPS
rm -f "$KANBAND_SKIPS"
told=""
started=$(date +%s)

minutes() { awk -v seconds="$(($(date +%s) - $1))" 'BEGIN { printf "%.1f min", seconds / 60 }'; }
tell() { printf '%s' "$told"; echo "ci: $1 in $(minutes "$started")"; }
step() { # name, command…
    name=$1
    shift
    began=$(date +%s)
    echo "ci: $name"
    if ! "$@"; then
        tell "FAILED at $name"
        exit 1
    fi
    told="${told}ci: $name: $(minutes "$began")
"
}

step "format and lints" make lint
step "internal documentation" make docs
step "tests, licences and counts" make test
step "page, bundle and board in a browser" make test-web
step "clients and servers of others, install test" make test-ext
step "skips" ./scripts/check-skips.sh "$KANBAND_SKIPS"
tell "everything held"
