# Runs the acceptance cases of the specification against the engineer's work, both handed over by the parents.
set -eu
context=$(kanban context "$KANBAN_TASK")
handed() { printf '%s\n' "$context" | sed -n "s/^_metadata_.*\"$1\":\"\([^\"]*\)\".*/\1/p" | head -n 1; }
iteration=$(printf '%s\n' "$context" | sed -n 's/^_metadata_.*"review_iteration":\([0-9]*\).*/\1/p')
command=$(handed command)
for word in $(handed must_accept); do $command "$word"; done
for word in $(handed must_refuse); do
  if $command "$word"; then kanban block "$KANBAN_TASK" "'$word' is accepted"; exit 0; fi
done
kanban comment "$KANBAN_TASK" "checked with '$command'" >/dev/null
kanban complete "$KANBAN_TASK" --summary "approved at review iteration $iteration"
