#!/bin/sh
# Counts the instructions of the kernel's verbs with callgrind. A count does not depend on how busy the machine is, but on the compiler and
# the C library, which are named beside it. What the host cannot do is skipped and said so. Called by `make bench`.
#
#   bench-instructions.sh BENCH      the program of the bench `kernel`
set -eu

bench=$(realpath "${1:?the program of the bench kernel}")
cd "$(dirname "$0")/.."
folder=$(realpath "${CARGO_TARGET_DIR:-target}")

if ! command -v valgrind >/dev/null 2>&1 || ! command -v python3 >/dev/null 2>&1; then
    echo "bench-instructions: SKIPPED: needs valgrind and python3 (apt-get install valgrind python3)"
    exit 0
fi
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
valgrind --quiet --tool=callgrind --callgrind-out-file="$out/callgrind" "$bench" --bench --quick --sizes 100 >"$out/said" 2>&1 || {
    cat "$out/said" >&2
    exit 1
}
python3 scripts/bench-instructions.py "$out"/callgrind* --json "$folder/instructions-bench.json"
