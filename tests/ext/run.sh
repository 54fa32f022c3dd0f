#!/bin/sh
# `kanban mcp` worked by clients that were written elsewhere: the Inspector of the protocol's makers, their Python client, and
# the `claude` program. The times of cron expressions beside those of another implementation. The board on the web behind Debian's
# nginx. Clients of chats at our fakes, and servers of others (Synapse, postfix) behind our courier. Called by `make test-ext` with the directory of our programs and one for what is installed.
#
# Nothing here is an account or a model: the clients call the tools as a script tells them. What cannot be had (no npm, no
# Python, no network to install from) is skipped and said so; what is there has to pass. What was installed once is used again;
# where the version that this was written for cannot be had, the newest one is taken.
set -eu

INSPECTOR="@modelcontextprotocol/inspector@2.12.0"
CLAUDE="@anthropic-ai/claude-code@2.1.330"
PYTHON_CLIENT="mcp==2.3.0"
CRONSIM="cronsim==2.8"
TELEGRAM="python-telegram-bot==22.8"
SLACK="slack-sdk==3.47.0"
DISCORD="@discordjs/ws@2.0.4"
MATRIX="matrix-nio==0.26.0"
SYNAPSE="matrix-synapse==1.163.2"
MATTERMOST="mattermostdriver==7.3.2"
WEBHOOKS="standardwebhooks==1.1.0"
MAIL="aiosmtpd==1.4.6"
# What the Inspector needs at least (major * 100 + minor), and what is installed for it where the host's Node is older.
NODE_MIN=2219
NODE="node@22"

programs=$(cd "$1" && pwd)
mkdir -p "$2"
installed=$(cd "$2" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
began_s=$(date +%s)
passed=0
failed=0
skipped=0

say() { printf 'test-ext: %s\n' "$*"; }
skip() {
    say "SKIPPED $1: $2"
    skipped=$((skipped + 1))
    [ -z "${KANBAND_SKIPS:-}" ] || printf 'test-ext\t%s\t%s\n' "$1" "$2" >>"$KANBAND_SKIPS"
}
check() { # name, command…
    name=$1
    shift
    if "$@" >"$place/said" 2>&1; then
        say "passed  $name"
        passed=$((passed + 1))
    else
        say "FAILED  $name"
        sed 's/^/    /' "$place/said"
        failed=$((failed + 1))
    fi
}

# An installation that takes longer than this (seconds) counts as failed.
PATIENCE=300

# Installs into $installed/NAME once for each version; says why it cannot.
npm_package() { # name, package@version
    command -v npm >/dev/null 2>&1 && command -v node >/dev/null 2>&1 || { why="no npm and node"; return 1; }
    [ "$(cat "$installed/$1/version" 2>/dev/null)" = "$2" ] && return 0
    why="npm could not install $2, see $installed/$1.log"
    : >"$installed/$1.log" || return 1
    for package in "$2" "${2%@*}"; do
        rm -rf "${installed:?}/$1"
        mkdir -p "$installed/$1" || return 1
        if timeout "$PATIENCE" npm install --no-audit --no-fund --loglevel=error --fetch-retries=1 --fetch-timeout=60000 --prefix "$installed/$1" "$package" \
            </dev/null >>"$installed/$1.log" 2>&1; then
            [ "$package" = "$2" ] || say "$2 cannot be had, $package is taken"
            echo "$2" >"$installed/$1/version"
            return 0
        fi
    done
    rm -rf "${installed:?}/$1"
    return 1
}

# The host's Node as a number: major * 100 + minor; 0 without one.
node_version() {
    node --version 2>/dev/null | awk -F '[v.]' '{ found = $2 * 100 + $3 } END { print found + 0 }'
}

# Puts a Node that is new enough on the path: the host's, else one of our own.
new_node() {
    [ "$(node_version)" -lt "$NODE_MIN" ] || return 0
    npm_package node "$NODE" || return 1
    PATH="$installed/node/node_modules/node/bin:$PATH"
    export PATH
    [ "$(node_version)" -ge "$NODE_MIN" ] || { why="$NODE does not run here"; return 1; }
}

# Installs into an environment $installed/NAME of its own, once for each version; says why it cannot.
python_package() { # name, package==version, further packages…
    command -v python3 >/dev/null 2>&1 || { why="no python3"; return 1; }
    name=$1
    wanted=$2
    shift 2
    [ "$(cat "$installed/$name/version" 2>/dev/null)" = "$wanted" ] && return 0
    why="pip could not install $wanted, see $installed/$name.log"
    rm -rf "${installed:?}/$name"
    timeout "$PATIENCE" python3 -m venv "$installed/$name" >"$installed/$name.log" 2>&1 || return 1
    for package in "$wanted" "${wanted%%=*}"; do
        if timeout "$PATIENCE" "$installed/$name/bin/python" -m pip install --quiet --retries 1 "$package" "$@" \
            </dev/null >>"$installed/$name.log" 2>&1; then
            [ "$package" = "$wanted" ] || say "$wanted cannot be had, $package is taken"
            echo "$wanted" >"$installed/$name/version"
            return 0
        fi
    done
    return 1
}

# Installs packages of Debian where their programs are missing; says why it cannot. Nothing that is installed gives way for them, such as
# another mail server, and no service of the machine is set up.
debian_packages() { # "programs…", packages…
    [ "$(id -u)" = 0 ] || { why="only root can start it"; return 1; }
    missing=""
    for program in $1; do command -v "$program" >/dev/null 2>&1 || missing="$missing $program"; done
    shift
    [ -n "$missing" ] || return 0
    why="$missing is missing, and there is no apt-get"
    command -v apt-get >/dev/null 2>&1 || return 1
    why="apt-get could not install $*, see $installed/apt.log"
    apt-get update -qq >"$installed/apt.log" 2>&1 || return 1
    apt-get install -s --no-install-recommends "$@" >>"$installed/apt.log" 2>&1 || return 1
    if grep '^Remv ' "$installed/apt.log"; then
        why="it would take the place of $(sed -n 's/^Remv \([^ ]*\).*/\1/p' "$installed/apt.log" | tr '\n' ' ')"
        return 1
    fi
    echo "postfix postfix/main_mailer_type select No configuration" | debconf-set-selections >>"$installed/apt.log" 2>&1 || return 1
    DEBIAN_FRONTEND=noninteractive timeout "$PATIENCE" apt-get install -qq -y --no-install-recommends "$@" \
        </dev/null >>"$installed/apt.log" 2>&1
}

# A daemon with a home of its own. Short names: a socket's path has 108 bytes.
place=$(mktemp -d /tmp/kbx.XXXXXX)
daemon=""
finish() {
    set +e
    if [ -n "$daemon" ]; then
        for run in "$place"/home/runs/*/identity; do
            [ -e "$run" ] || continue
            shim=$(sed 's/.*"shim":{[^}]*"pid":\([0-9]*\).*/\1/' "$run")
            # The number may be somebody else's by now; the shim's own name tells.
            case $(cat "/proc/$shim/comm" 2>/dev/null) in kanban-shim*) kill -QUIT "$shim" 2>/dev/null ;; esac
        done
        kill "$daemon" 2>/dev/null
        wait "$daemon" 2>/dev/null
    fi
    rm -rf "$place"
}
trap finish EXIT
trap 'exit 130' INT TERM

unset KANBAN_SOCKET KANBAN_TASK KANBAN_RUN KANBAN_TOKEN_FILE KANBAN_BOARD KANBAN_WORKSPACE KANBAN_PROFILE
export KANBAN_HOME="$place/home" HOME="$place/person" PATH="$programs:$PATH"
mkdir -p "$KANBAN_HOME" "$HOME"
cat >"$KANBAN_HOME/kanband.toml" <<EOF
[dispatch]
enabled = false
[supervision]
linger = "1s"
[profiles.held]
argv = ["sleep", "600"]
verdict = "report"
[profiles.inspector]
argv = ["sh", "$here/inspector.sh", "$installed/inspector/node_modules/.bin/mcp-inspector"]
verdict = "report"
[profiles.python]
argv = ["$installed/python/bin/python", "$here/client.py"]
verdict = "report"
[profiles.claude]
argv = ["sh", "$here/claude.sh", "$installed/claude/node_modules/.bin/claude", "$place/entry"]
verdict = "exit"
[profiles.launched]
launcher = "claude"
EOF
# Before the daemon starts: its workers have its path.
no_node=""
new_node || no_node=$why
kanband >"$place/daemon.log" 2>&1 &
daemon=$!
tries=0
until kanban stats >/dev/null 2>&1; do
    tries=$((tries + 1))
    if [ "$tries" -gt 300 ] || ! kill -0 "$daemon" 2>/dev/null; then
        cat "$place/daemon.log" >&2
        exit 1
    fi
    sleep 0.1
done

new_task() { # profile; its run is started
    task=$(kanban create "Write the page" --assignee "$1" --json | sed -n 's/.*"id": *"\(t_[0-9a-f]*\)".*/\1/p' | head -n 1)
    kanban dispatch >/dev/null
}

ended_well() { # summary
    kanban wait "$task" --timeout 120s || { kanban show "$task"; kanban log "$task"; return 1; }
    kanban runs "$task" --json | tee "$place/runs"
    grep -q '"outcome": *"completed"' "$place/runs" && grep -q "\"summary\": *\"$1\"" "$place/runs"
}

# The daemon starts the client as the worker of a run: who it is, is told by the kernel.
inside_a_run() { # profile, summary
    new_task "$1"
    ended_well "$2"
}

# The client runs elsewhere, as in a container: who it is, is told by the run's token.
with_a_token() { # summary, command…
    summary=$1
    shift
    new_task held
    run=$(kanban runs "$task" --json | sed -n 's/.*"id": *\([0-9][0-9]*\).*/\1/p' | head -n 1)
    tries=0
    until [ -s "$KANBAN_HOME/runs/$run/identity" ]; do
        tries=$((tries + 1))
        [ "$tries" -le 300 ] || return 1
        sleep 0.1
    done
    env -u KANBAN_HOME KANBAN_SOCKET="$KANBAN_HOME/kanband.sock.worker" KANBAN_TASK="$task" KANBAN_RUN="$run" \
        KANBAN_TOKEN_FILE="$KANBAN_HOME/runs/$run/token" timeout 120 "$@" || return 1
    ended_well "$summary"
}

if [ -z "$no_node" ] && npm_package inspector "$INSPECTOR"; then
    check "MCP Inspector, inside a run that the daemon started" inside_a_run inspector "By the Inspector"
    check "MCP Inspector, elsewhere with the run's token" with_a_token "By the Inspector" \
        sh "$here/inspector.sh" "$installed/inspector/node_modules/.bin/mcp-inspector"
else
    skip "MCP Inspector" "${no_node:-$why}"
fi

if python_package python "$PYTHON_CLIENT"; then
    check "Python client, inside a run that the daemon started" inside_a_run python "By the Python client"
    check "Python client, elsewhere with the run's token" with_a_token "By the Python client" \
        "$installed/python/bin/python" "$here/client.py"
else
    skip "Python client" "$why"
fi

# The entry that the launcher `claude` makes: what stands behind --mcp-config among the arguments that it would start.
launched_entry() {
    kanban profiles --json | node -e '
        const profiles = JSON.parse(require("fs").readFileSync(0, "utf8"));
        const { argv } = profiles.find((profile) => profile.name === "launched");
        const config = JSON.parse(argv[argv.indexOf("--mcp-config") + 1]);
        console.log(JSON.stringify(config.mcpServers.kanban));' >"$place/entry"
}

# The plugin for people is one that the program itself finds nothing wrong with.
plugin_is_valid() {
    for kit in "$here/../../integrations" "$here/../../integrations/claude-code"; do
        "$installed/claude/node_modules/.bin/claude" plugin validate "$kit" || return 1
    done
}

if ! npm_package claude "$CLAUDE"; then
    skip "claude" "$why"
elif ! timeout 60 "$installed/claude/node_modules/.bin/claude" --version >"$place/said" 2>&1; then
    skip "claude" "it does not run here: $(head -n 1 "$place/said")"
else
    check "claude, the entry that its launcher makes" launched_entry
    check "claude, its health check of that entry inside a run" inside_a_run claude "claude is connected"
    check "claude, its validation of our plugin" plugin_is_valid
fi

if [ "$(id -u)" != 0 ]; then
    skip "nginx" "only root can start a proxy of another user"
elif ! command -v nginx >/dev/null 2>&1 || ! command -v openssl >/dev/null 2>&1; then
    skip "nginx" "nginx or openssl is not installed (\`make setup ci\` installs them)"
else
    mkdir "$place/proxy"
    check "nginx, the board on the web behind it" python3 "$here/proxy.py" "$place/proxy"
fi

# The zones of the host where it has them; else the package has its own.
if python_package cronsim "$CRONSIM" tzdata; then
    for round in years changes; do
        check "cronsim, the same occurrences: $round" \
            "$installed/cronsim/bin/python" "$here/cron.py" "$programs/occurrences" "$round"
    done
else
    skip "cronsim" "$why"
fi

# Clients and verifiers of providers, written elsewhere, at our fakes and behind our courier.
if python_package telegram "$TELEGRAM"; then
    check "python-telegram-bot, our fake of Telegram" \
        timeout 120 "$installed/telegram/bin/python" "$here/channels.py" telegram "$programs/fakes"
else
    skip "python-telegram-bot" "$why"
fi
if python_package slack "$SLACK"; then
    check "slack-sdk, our fake of Slack" \
        timeout 120 "$installed/slack/bin/python" "$here/channels.py" slack "$programs/fakes"
else
    skip "slack-sdk" "$why"
fi
if [ -z "$no_node" ] && npm_package discord "$DISCORD"; then
    check "discord.js, our fake of Discord" timeout 120 node "$here/discord.mjs" "$programs/fakes" "$installed/discord"
else
    skip "discord.js" "${no_node:-$why}"
fi
if python_package matrix "$MATRIX"; then
    check "matrix-nio, our fake of Matrix" \
        timeout 120 "$installed/matrix/bin/python" "$here/channels.py" matrix "$programs/fakes"
else
    skip "matrix-nio" "$why"
fi
if python_package mattermost "$MATTERMOST"; then
    check "mattermostdriver, our fake of Mattermost" \
        timeout 120 "$installed/mattermost/bin/python" "$here/channels.py" mattermost "$programs/fakes"
else
    skip "mattermostdriver" "$why"
fi
if python_package synapse "$SYNAPSE"; then
    check "Synapse, what the courier sends and sends again" \
        timeout 300 "$installed/synapse/bin/python" "$here/channels.py" synapse "$programs/fakes" "$programs/kanban-courier"
else
    skip "Synapse" "$why"
fi
if python_package webhooks "$WEBHOOKS" trustme; then
    check "standardwebhooks, the signatures of the courier behind TLS" \
        timeout 120 "$installed/webhooks/bin/python" "$here/channels.py" webhook "$programs/fakes" "$programs/kanban-courier"
else
    skip "standardwebhooks" "$why"
fi
if python_package mail "$MAIL" trustme; then
    check "aiosmtpd, the mail of the courier by STARTTLS" \
        timeout 120 "$installed/mail/bin/python" "$here/channels.py" mail "$programs/fakes" "$programs/kanban-courier"
else
    skip "aiosmtpd" "$why"
fi

if ! debian_packages postfix postfix; then
    skip "postfix" "$why"
elif ! python_package mail "$MAIL" trustme; then
    skip "postfix" "$why"
else
    check "postfix, the mail of the courier in its boxes" \
        timeout 300 "$installed/mail/bin/python" "$here/postfix.py" "$programs/fakes" "$programs/kanban-courier"
fi

say "$passed passed, $failed failed, $skipped skipped, $((($(date +%s) - began_s + 30) / 60)) min"
# A client that cannot be had is skipped as one: only a whole run is counted.
[ "$skipped" != 0 ] || "$here/../../scripts/check-count.sh" test-ext "$passed" || failed=1
[ "$failed" = 0 ]
