#!/bin/sh
# Fails when a suite has fewer tests than tests/counts.txt says, so that none is lost unnoticed: a change that removes one lowers
# the number in the same commit. `make counts` raises the numbers.
#
#   check-count.sh SUITE COUNT
set -eu

suite=$1
count=$2
file=$(dirname "$0")/../tests/counts.txt
expected=$(sed -n "s/^$suite \([0-9]*\)\$/\1/p" "$file")
if [ -z "$expected" ]; then
    echo "counts: FAILED tests/counts.txt does not name the suite $suite ($count tests)"
    exit 1
elif [ "$count" -lt "$expected" ]; then
    echo "counts: FAILED $suite has $count tests, fewer than the $expected of tests/counts.txt"
    exit 1
fi
