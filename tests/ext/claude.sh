#!/bin/sh
# The `claude` program takes our entry and finds the server connected, without network and account: its own health check starts
# `kanban mcp` and says hello. $1 is the program. The home is the test's own.
set -eu
claude=$1
entry="{\"type\": \"stdio\", \"command\": \"kanban\", \"args\": [\"mcp\", \"--socket\", \"$KANBAN_SOCKET\"]}"
"$claude" mcp add-json --scope user kanban "$entry"
for question in "list" "get kanban"; do
    # shellcheck disable=SC2086
    answer=$("$claude" mcp $question)
    echo "$answer"
    case $answer in
        *"kanban mcp"*Connected* | *Connected*"Command: kanban"*) ;;
        *) echo "FAILED: claude mcp $question"; exit 1 ;;
    esac
done
echo "claude is connected"
