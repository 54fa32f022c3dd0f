#!/bin/sh
# Runs every suite of the workspace, then prints the minutes, tests and skips of each, and in the last line what was skipped and why.
# Fails when a test fails, when a suite has fewer tests than tests/counts.txt says, and when one that the file names was not run.
#
#   test.sh [--update-counts]    with it, tests are listed instead of run, and tests/counts.txt is rewritten
set -eu

cd "$(dirname "$0")/.."
folder=${CARGO_TARGET_DIR:-target}
mkdir -p "$folder"
rows=$folder/suites.$$
code=$folder/code.$$
own_skips=$folder/skips.$$
trap 'rm -f "$rows" "$code" "$own_skips"' EXIT
: >"$own_skips"
update=${1:-}
if [ "$update" = --update-counts ]; then how=--list; else how=--test-threads=${TEST_THREADS:-4}; fi

# All are run, also after one has failed: the whole of it is seen at once.
{
    KANBAND_SKIPS=$(realpath "$own_skips") "${CARGO:-cargo}" test --locked --workspace --no-fail-fast -- \
        "$how" 2>&1 && echo 0 >"$code" || echo 1 >"$code"
} | awk -v rows="$rows" '
    function now(   seconds) { "date +%s" | getline seconds; close("date +%s"); return seconds }
    function end() { if (suite != "") print suite, tests, now() - began > rows; suite = "" }
    # A suite is named as its target; benches and programs have names of suites and of the library.
    /^ +Running / {
        end()
        suite = $NF; sub(/.*\//, "", suite); sub(/-[0-9a-f]+\)$/, "", suite)
        if ($0 ~ / benches\//) suite = "bench-" suite
        if ($0 ~ / src\/bin\//) suite = "bin-" suite
        tests = 0; began = now()
    }
    /^ +Doc-tests / { end() }
    /^test result: / { tests = $4 + $6 + $8 }
    /^[0-9]+ tests?, [0-9]+ benchmarks?$/ { tests = $1 }
    { print; fflush() }
    END { end() }'

failed=$(cat "$code")
[ -s "$rows" ] || { echo "test: FAILED no suite was run"; exit 1; }
while read -r suite count seconds; do
    skips=$(awk -F '\t' -v suite="$suite" '$1 == suite { n++ } END { print n + 0 }' "$own_skips")
    minutes=$(awk -v seconds="$seconds" 'BEGIN { printf "%.1f", seconds / 60 }')
    echo "test: $suite: $count tests, $skips skips, $minutes min"
    [ "$update" = --update-counts ] || ./scripts/check-count.sh "$suite" "$count" || failed=1
done <"$rows"
sed 's/^/test: skipped /; s/\t/: /g' "$own_skips"
[ -z "${KANBAND_SKIPS:-}" ] || cat "$own_skips" >>"$KANBAND_SKIPS"

# What is no suite of cargo's is counted where it is run: by `make test-ext` and `make test-web`.
others='^(#|test-ext |install-test |web-unit |web-browser )'
if [ "$update" = --update-counts ]; then
    { grep -E "$others" tests/counts.txt; awk '{ print $1, $2 }' "$rows"; } >"$code"
    cp "$code" tests/counts.txt
else
    for suite in $(grep -vE "$others" tests/counts.txt | cut -d ' ' -f 1); do
        grep -q "^$suite " "$rows" || { echo "counts: FAILED the suite $suite was not run"; failed=1; }
    done
fi
[ "$update" = --update-counts ] || ./scripts/skip-summary.sh "$own_skips"
exit "$failed"
