#!/bin/sh
# Builds the page anew into web/dist, which is committed: `cargo build` needs no Node.
set -eu

cd "$(dirname "$0")/.."
. scripts/node.sh
has_node || { echo "web: there is no Node of 20.19 or newer (./scripts/setup-web.sh brings one)" >&2; exit 1; }
install_packages
cd web
npm run --silent check
npm run --silent build
