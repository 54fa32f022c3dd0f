#!/bin/sh
# One line about the tests that were skipped: how many, and why. Called by test.sh with the file of skips: suite, test and reason,
# separated by tabs.
set -eu

awk -F '\t' '
    { count++; if (!($3 in times)) order[++reasons] = $3; times[$3]++ }
    END {
        if (count == 0) { print "skipped: none"; exit }
        for (at = 1; at <= reasons; at++) {
            reason = order[at]
            why = why (at > 1 ? "; " : "") reason (times[reason] > 1 ? " (" times[reason] ")" : "")
        }
        print "skipped: " count ", because " why
    }' "${1:?the file of skips}"
