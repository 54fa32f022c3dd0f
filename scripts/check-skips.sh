#!/bin/sh
# Fails for each skip that tests/allowed-skips.txt does not name. Called by ci.sh with the file of skips: suite, test and reason,
# separated by tabs. Prints every skip with its reason, and how many there were.
set -eu

skips=${1:?the file of skips}
allowed=$(dirname "$0")/../tests/allowed-skips.txt
touch "$skips"
awk -v allowed="$allowed" '
    BEGIN {
        while ((getline line < allowed) > 0) {
            if (line ~ /^#/ || split(line, part, " [|] ") != 3) continue
            reason[part[1] SUBSEP part[2]] = part[3]
        }
        FS = "\t"
    }
    {
        expected = reason[$1 SUBSEP $2]
        is_allowed = expected != "" && index($3, expected) == 1
        if (is_allowed) permitted++; else refused++
        print "skips: " (is_allowed ? "allowed" : "REFUSED") "  " $1 ": " $2 ": " $3
    }
    END {
        printf "skips: %d allowed by tests/allowed-skips.txt, %d refused\n", permitted, refused
        exit refused > 0
    }' "$skips"
