#!/bin/sh
# Stands in for an agent's program, under whose name it lies on the PATH: writes down how it was started, finds the board's tools
# where that program would, and says through them that the task is done. With SILENT=N the first N runs end without a word.
set -eu
name=${0##*/}
if [ "${1:-}" = "--version" ]; then
    echo "$name 9.9.9"
    exit 0
fi
facts=$FACTS/$KANBAN_RUN
mkdir -p "$facts"
for argument in "$@"; do printf '%s\0' "$argument"; done >"$facts/argv"
env >"$facts/env"
pwd >"$facts/cwd"
cat >"$facts/stdin"
echo "$name of run $KANBAN_RUN"
if [ "$name" = codex ]; then echo "session id: s-$KANBAN_RUN"; fi
if [ "$KANBAN_RUN" -le "${SILENT:-0}" ]; then exit 0; fi

# An agent that reads its own settings passes KANBAN_SOCKET on because the entry says so; every other passes nothing.
own=""
case $name in
    claude)
        while [ "$1" != "--mcp-config" ]; do shift; done
        config=$2 ;;
    codex)
        while [ "$1" != "-c" ]; do shift; done
        config=$2 ;;
    opencode) config=$OPENCODE_CONFIG_CONTENT ;;
    gemini) own=$HOME/.gemini/settings.json ;;
    hermes) own=$HOME/.hermes/config.yaml ;;
esac
if [ -n "$own" ]; then
    grep -q 'kanban' "$own" && grep -q 'KANBAN_SOCKET' "$own"
    set -- env -i "PATH=$PATH" "KANBAN_SOCKET=$KANBAN_SOCKET" kanban mcp
else
    words=$(printf '%s' "$config" | grep -o '"[^"]*"' | tr -d '"')
    program=$(printf '%s\n' "$words" | grep '/kanban$')
    socket=$(printf '%s\n' "$words" | grep -x -A 1 -e '--socket' | tail -n 1)
    set -- env -i "PATH=$PATH" "$program" mcp --socket "$socket"
fi

mkfifo "$facts/in" "$facts/out"
"$@" <"$facts/in" >"$facts/out" &
exec 3>"$facts/in" 4<"$facts/out"
ask() { # id, method, parameters
    printf '{"jsonrpc":"2.0","id":%s,"method":"%s","params":%s}\n' "$1" "$2" "$3" >&3
    while IFS= read -r answer <&4; do
        case $answer in *"\"id\":$1,"* | *"\"id\":$1}"*) printf '%s\n' "$answer" >>"$facts/said"; break ;; esac
    done
    case $answer in *'"isError":true'* | *'"error":'*) exit 3 ;; esac
}
ask 1 initialize '{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"fake","version":"1"}}'
printf '{"jsonrpc":"2.0","method":"notifications/initialized"}\n' >&3
ask 2 tools/call '{"name":"kanban_show","arguments":{}}'
ask 3 tools/call "{\"name\":\"kanban_complete\",\"arguments\":{\"summary\":\"by $name\"}}"
exec 3>&- 4<&-
wait
