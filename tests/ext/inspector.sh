#!/bin/sh
# A worker that knows the board only through the MCP Inspector's command line: from show to complete. $1 is the Inspector.
set -eu
inspector=$1
out=$(mktemp)
trap 'rm -f "$out"' EXIT

# Every call is a session of its own, with a server of its own. Outside of a run's processes the server needs the token.
ask() {
    set -- --cli kanban mcp --socket "$KANBAN_SOCKET" -e "KANBAN_TASK=$KANBAN_TASK" -e "KANBAN_RUN=$KANBAN_RUN" \
        -e "KANBAN_TOKEN_FILE=$KANBAN_TOKEN_FILE" "$@"
    "$inspector" "$@" >"$out" 2>&1 || { echo "FAILED: $*"; cat "$out"; return 1; }
    cat "$out"
}
says() { grep -qF -- "$1" "$out" || { echo "FAILED: it does not say $1"; exit 1; }; }

ask --method tools/list
for tool in show complete block heartbeat comment create link; do
    says "\"kanban_$tool\""
done
ask --method tools/call --tool-name kanban_show
says "Write the page"
says worker_context
ask --method tools/call --tool-name kanban_heartbeat --tool-arg "note=half of it"
says "$KANBAN_TASK"
# What is refused is a result of the tool that says so, not a fault of the protocol.
"$inspector" --cli kanban mcp --socket "$KANBAN_SOCKET" -e "KANBAN_TASK=$KANBAN_TASK" -e "KANBAN_RUN=$KANBAN_RUN" \
    -e "KANBAN_TOKEN_FILE=$KANBAN_TOKEN_FILE" --method tools/call --tool-name kanban_show --tool-arg task_id=t_00000000 \
    >"$out" 2>&1 || true
cat "$out"
says isError
says "no such task"
ask --method tools/call --tool-name kanban_complete --tool-arg "summary=By the Inspector" \
    --tool-arg 'metadata={"changed_files": ["page.html"]}'
says "$KANBAN_TASK"
