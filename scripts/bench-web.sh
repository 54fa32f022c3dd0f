#!/bin/sh
# Measures the page in Chromium on a daemon of its own. What the host cannot do is skipped and said so. Called by `make bench`.
#
#   bench-web.sh PROGRAMS [FLAG]…      the folder of kanband, kanban and kanban-shim; flags as in web/scripts/bench.mjs
set -eu

programs=$(realpath "${1:?the folder of the programs}")
shift
cd "$(dirname "$0")/.."
. scripts/node.sh
folder=$(realpath "${CARGO_TARGET_DIR:-target}")

if ! has_node; then
    echo "bench-web: SKIPPED: there is no Node of 20.19 or newer (./scripts/setup-web.sh brings one)"
    exit 0
fi
if [ ! -x "${KANBAND_CHROMIUM:=/usr/bin/chromium}" ]; then
    echo "bench-web: SKIPPED: there is no Chromium at $KANBAND_CHROMIUM (./scripts/setup-web.sh installs it)"
    exit 0
fi
install_packages
export KANBAND_CHROMIUM NO_COLOR=1
KANBAND_PROGRAMS=$programs node web/scripts/bench.mjs --json "$folder/web-bench.json" "$@"
