#!/bin/sh
# An upgrade while runs are open: builds the programs of an older commit, has their daemon start runs, and lets the daemon of this tree
# take them over (tests/upgrade). Called by `make test-upgrade`; no part of the gate, for it builds the product a second time.
#
#   test-upgrade.sh COMMIT PROGRAMS
set -eu

cd "$(dirname "$0")/.."
commit=$(git rev-parse --verify "${1:?the commit of the older programs}^{commit}")
programs=$(realpath "${2:?the folder of the programs}")
mkdir -p "${CARGO_TARGET_DIR:-target}/older"
folder=$(realpath "${CARGO_TARGET_DIR:-target}/older")

rm -rf "$folder/source"
mkdir "$folder/source"
git archive "$commit" | tar -x -C "$folder/source"
(cd "$folder/source" && CARGO_TARGET_DIR=$folder/target "${CARGO:-cargo}" build --locked --bins)
rm -rf "$folder/source"
python3 tests/upgrade/upgrade.py "$folder/target/debug" "$programs"
