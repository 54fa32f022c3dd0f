# Works until it is stopped, so that a board has something that runs.
set -eu
echo "watching the queue"
kanban heartbeat "$KANBAN_TASK" --note "nothing unusual"
exec sleep 86400
