# Tests the command that the parent handed over, and reports how many cases it passed.
set -eu
context=$(kanban context "$KANBAN_TASK")
handed() { printf '%s\n' "$context" | sed -n "s/^_metadata_.*\"$1\":\"\([^\"]*\)\".*/\1/p" | head -n 1; }
command=$(handed command)
run=0
passed=0
: > test-report.txt
while read -r expected field value; do
  if $command "$field" "$value" </dev/null; then got=accept; else got=refuse; fi
  run=$((run + 1))
  if [ "$got" = "$expected" ]; then passed=$((passed + 1)); word=ok; else word=FAILED; fi
  echo "$word: $field $value is to be met with $expected" | tee -a test-report.txt
done <<'END'
accept email ann@example.org
refuse email ann.example.org
accept password correct-horse-battery
refuse password short
accept created 2026-05-01
refuse created yesterday
refuse shoe-size 43
END
if [ "$passed" -ne "$run" ]; then
  kanban block "$KANBAN_TASK" "review-required: $((run - passed)) of $run cases fail, see test-report.txt"
  exit 0
fi
kanban complete "$KANBAN_TASK" --summary "$passed of $run cases pass against '$command'" \
  --metadata "{\"changed_files\":[\"test-report.txt\"],\"tests_run\":$run,\"tests_passed\":$passed}"
