#!/bin/sh
# The `claude` program takes the entry that its launcher makes and finds the server connected, without network and account: its own
# health check starts `kanban mcp` and says hello. $1 is the program, $2 the file with the entry. The home is the test's own.
set -eu
claude=$1
entry=$(cat "$2")
case $entry in *"$KANBAN_SOCKET"*) ;; *) echo "FAILED: another socket than this run's in $entry"; exit 1 ;; esac
"$claude" mcp add-json --scope user kanban "$entry"
for question in "list" "get kanban"; do
    # shellcheck disable=SC2086
    answer=$("$claude" mcp $question)
    echo "$answer"
    case $answer in
        *"kanban mcp"*Connected* | *Connected*"Command: "*kanban*) ;;
        *) echo "FAILED: claude mcp $question"; exit 1 ;;
    esac
done
echo "claude is connected"
