#!/bin/sh
# What the package promises, tried on the machine that this runs on: installs, upgrades, removes and purges it. Only for a machine
# that is thrown away. Called by the unit that install-test.sh puts into it, with the directory of the packages:
#
#   current.deb  the package;  next.deb  the same programs as a higher version;  older.deb  one that knows an older schema only
#
# Each claim is a function that succeeds or says why not. They stand in the order in which they are tried, at the end.
set -u

packages=$1
passed=0
failed=0
skipped=0
# How long a fact may take on a slow machine before it counts as one that does not come.
patience_s=${PATIENCE_S:-60}
said=$(mktemp)
told=$(mktemp)
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive

say() { printf 'install-test: %s\n' "$*"; }
skip() { say "SKIPPED $1: $2"; skipped=$((skipped + 1)); }
claim() { # function; its name is the claim
    name=$(echo "$1" | tr _ ' ')
    since=$(date '+%F %T')
    : >"$told"
    # Not as a condition: there `set -e` would not hold.
    (set -e; "$1") >"$said" 2>&1
    code=$?
    if [ "$code" = 0 ]; then
        say "passed  $name"
        sed 's/^/    /' "$told"
        passed=$((passed + 1))
    else
        say "FAILED  $name"
        sed 's/^/    /' "$said"
        journalctl -q -n 25 --since "$since" --no-pager -u kanband -u kanband-runs -u kanband.socket | sed 's/^/    | /'
        failed=$((failed + 1))
    fi
}
tell() { echo "$*" >>"$told"; } # what was seen, for the reader of a claim that holds
no() { echo "$*" >&2; return 1; }

# Waits until a command succeeds.
within() { # command…
    tries=$((patience_s * 5))
    until "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || { no "did not come within $patience_s s: $*"; return 1; }
        sleep 0.2
    done
}

as() { # user, command…
    user=$1
    shift
    runuser -u "$user" -- env -u KANBAN_SOCKET -u KANBAN_HOME HOME="/home/$user" "$@" </dev/null
}
board() { as member kanban "$@"; }
field() { sed -n "s/^ *\"$1\": \"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p" | head -n 1; }
property() { systemctl show -P "$2" "$1"; }
daemon_pid() { # never 0: kill(1) would take that for everything here
    pid=$(property kanband.service MainPID)
    if [ "${pid:-0}" = 0 ]; then no "kanband.service has no process"; else echo "$pid"; fi
}
is() { [ "$2" = "$3" ] || no "$1: '$2' where '$3' was expected"; }
contains() { case $2 in *"$3"*) ;; *) no "$1 does not contain '$3': $2" ;; esac; }
active() { # units…
    for unit in "$@"; do is "$unit" "$(systemctl is-active "$unit")" active || return 1; done
}
inactive() { for unit in "$@"; do [ "$(systemctl is-active "$unit")" != active ] || no "$unit is active" || return 1; done; }

new_task() { # profile
    board create "Work of $1" --assignee "$1" --json | field id
}
run_of() { board runs "$1" --json | field id; } # task
identity_of() { cat "/var/lib/kanband/runs/$1/identity"; } # run
worker_of() { identity_of "$1" | sed -n 's/.*"worker":{[^}]*"pid":\([0-9]*\).*/\1/p'; }
shim_of() { identity_of "$1" | sed -n 's/.*"shim":{[^}]*"pid":\([0-9]*\).*/\1/p'; }
log_of() { cat /var/lib/kanband/logs/"$1"/*.log; } # task
has_ticks() { [ "$(log_of "$1" | grep -c '^tick ')" -gt "${2:-3}" ]; } # task, more than
log_is_gapless() { # task
    log_of "$1" | awk '/^tick / { n++; if ($2 != n) { print "tick " $2 " is line " n; exit 1 } } END { exit n == 0 }'
}
grows() { # task
    had=$(log_of "$1" | grep -c '^tick ')
    within has_ticks "$1" "$had"
}

# Two workers that run endlessly; everything that has to stay is written down.
start_two_workers() {
    rm -f /root/workers
    for number in 1 2; do
        task=$(new_task ticker)
        [ -n "$task" ] || no "no task $number"
        within has_ticks "$task"
        run=$(run_of "$task")
        echo "$task $run $(shim_of "$run") $(worker_of "$run")" >>/root/workers
    done
    is "workers" "$(wc -l </root/workers)" 2
}
workers_go_on() {
    is "workers that were started" "$(wc -l </root/workers)" 2
    while read -r task run shim worker; do
        is "run of $task" "$(run_of "$task")" "$run"
        is "runs of $task" "$(board runs "$task" --json | grep -c '"task_id"')" 1
        is "state of $task" "$(board runs "$task" --json | field state)" running
        is "shim of run $run" "$(shim_of "$run")" "$shim"
        is "worker of run $run" "$(worker_of "$run")" "$worker"
        contains "process $shim" "$(cat "/proc/$shim/comm")" kanban-shim
        is "user of process $worker" "$(stat -c %U "/proc/$worker")" kanban-agent
        grows "$task"
        log_is_gapless "$task"
        tell "run $run: supervisor $shim, worker $worker, log without a gap up to $(log_of "$task" | tail -n 1)"
    done </root/workers
}
workers_are_gone() {
    is "workers that were started" "$(wc -l </root/workers)" 2
    while read -r _ _ shim worker; do
        for process in "$shim" "$worker"; do [ ! -d "/proc/$process" ] || no "process $process lives"; done
    done </root/workers
}
answers() { board stats >/dev/null; }
# What this kernel has. Without cgroup.kill kanband uses no control groups.
has_groups() { [ -e /sys/fs/cgroup/system.slice/cgroup.kill ]; }
has_landlock() { grep -q landlock /sys/kernel/security/lsm; }

# ---- claims -----------------------------------------------------------------------------------------------------------------

it_is_installed_without_a_network_and_runs() {
    apt-get install -y --no-install-recommends "$packages/current.deb"
    active kanband-runs.service kanband.service kanband.socket kanban-courier.socket kanband-web.socket kanband-backup.timer kanband-gc.timer
    for unit in kanband-runs.service kanband.service kanband.socket kanban-courier.socket kanband-web.socket kanband-backup.timer kanband-gc.timer; do
        is "$unit" "$(systemctl is-enabled "$unit")" enabled
    done
    is "user of the daemon" "$(stat -c %U "/proc/$(daemon_pid)")" kanband
    is "user of the holder" "$(stat -c %U "/proc/$(property kanband-runs.service MainPID)")" root
    is "capabilities of the daemon" "$(sed -n 's/^CapEff:\t//p' "/proc/$(daemon_pid)/status")" 0000000000000000
}

# It is off until a channel is set up, and what it may do does not depend on that.
the_courier_is_there_and_has_no_rights() {
    inactive kanban-courier.service
    is "kanban-courier.service" "$(systemctl is-enabled kanban-courier.service || true)" disabled
    is "groups of the courier" "$(id -nG kanban-courier)" kanban-courier
    systemd-analyze verify --man=no kanban-courier.service kanban-courier.socket
    for path in /var/lib/kanband/kanban.db /etc/kanband/kanband.toml /run/kanband/kanband.sock; do
        if as kanban-courier test -r "$path"; then no "the courier reads $path"; fi
    done
    contains "its version" "$(/usr/libexec/kanband/kanban-courier --version)" kanban-courier
}

# A receiver on this host: what it gets is written down.
a_message_leaves_by_the_courier_alone() {
    cat >/root/receive.sh <<'EOF'
length=0
while IFS= read -r line; do
    line=$(printf %s "$line" | tr -d '\r')
    [ -n "$line" ] || break
    echo "$line" >>/root/received
    case $line in [Cc]ontent-[Ll]ength:*) length=${line##*: } ;; esac
done
head -c "$length" >>/root/received
printf 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n'
EOF
    printf '[Socket]\nListenStream=127.0.0.1:8099\nAccept=yes\n' >/run/systemd/system/receiver.socket
    printf '[Service]\nExecStart=/bin/sh /root/receive.sh\nStandardInput=socket\n' >/run/systemd/system/receiver@.service
    systemctl daemon-reload
    systemctl start receiver.socket
    cat >/etc/kanband/conf.d/20-channels.toml <<'EOF'
[channels.hooks]
kind = "webhook"
credential = "hooks"
allow = ["127.0.0.0/8"]
allow_http = true
EOF
    if as member kanban notify setup hooks </dev/null; then no "a member writes a secret of the service"; fi
    printf 'whsec_%s\n' "$(head -c 32 /dev/urandom | base64 -w 0)" | kanban notify setup hooks
    is "the secret" "$(stat -c '%a %U:%G' /etc/kanband/credentials/hooks)" "600 root:root"
    is "its directory" "$(stat -c '%a %U' /etc/kanband/credentials)" "700 root"
    active kanban-courier.service kanban-courier.socket kanband.service
    is "user of the courier" "$(stat -c %U "/proc/$(property kanban-courier.service MainPID)")" kanban-courier
    board notify test hooks http://127.0.0.1:8099/in
    within grep -q '"class":"test"' /root/received
    contains "what was received" "$(cat /root/received)" "webhook-signature: v1,"
    is "the courier's socket" "$(stat -c '%a %U:%G' /run/kanband/kanband.sock.courier)" "660 root:kanban-courier"
    said=$(KANBAN_SOCKET=/run/kanband/kanband.sock.courier kanban list 2>&1) && no "root is the courier"
    contains "what root is told there" "$said" kanban-courier
    said=$(as kanban-courier env KANBAN_SOCKET=/run/kanband/kanband.sock.courier kanban list 2>&1) && no "the courier reads the board"
    tell "what the courier is told: $said"
    if as kanban-agent env KANBAN_SOCKET=/run/kanband/kanband.sock.courier kanban list; then no "the workers' user is the courier"; fi
    systemctl stop receiver.socket
}

a_line_from_a_chat_is_run_in_the_sandbox_of_the_courier() {
    # Telegram, as far as it is needed: one person writes one line, and what is answered is kept.
    cat >/root/telegram.pl <<'EOF'
use strict;
use IO::Socket::INET;
my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1:8098', Listen => 16, ReuseAddr => 1) or die;
$SIG{CHLD} = 'IGNORE';
while (my $client = $server->accept) {
    next if fork;
    my $length = 0;
    my $path = (split ' ', <$client>)[1];
    while (my $line = <$client>) { $length = $1 if $line =~ /^content-length: *(\d+)/i; last if $line =~ /^\r?\n$/ }
    my $body = '';
    read $client, $body, $length if $length;
    my $result = '{"id":1,"is_bot":true,"first_name":"b","username":"board_bot"}';
    if ($path =~ /getUpdates/) {
        my $is_heard = $body =~ /"offset": *([1-9]\d*)/;
        sleep 20 if $is_heard;
        my $from = '"from":{"id":815,"is_bot":false,"first_name":"Ada"},"chat":{"id":815,"type":"private"}';
        $result = $is_heard ? '[]' : qq([{"update_id":7,"message":{"message_id":1,"date":1700000000,$from,"text":"/kanban list"}}]);
    } elsif ($path =~ /sendMessage/) {
        open my $kept, '>>', '/root/chat-said' or die;
        print $kept "$body\n";
        close $kept;
        $result = '{"message_id":2,"date":1700000000,"chat":{"id":815,"type":"private"}}';
    }
    my $reply = qq({"ok":true,"result":$result});
    print $client "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ", length $reply, "\r\nconnection: close\r\n\r\n$reply";
    exit;
}
EOF
    systemd-run --quiet --unit=fake-telegram /usr/bin/perl /root/telegram.pl
    board create "Said in a chat" --assignee nobody
    cat >/etc/kanband/conf.d/21-chat.toml <<'EOF'
[channels.tg]
kind = "telegram"
url = "http://127.0.0.1:8098"
credential = "tg"
listen = true
allow = ["127.0.0.0/8"]
allow_http = true
EOF
    board reload
    board chat allow tg 815 --as ada --role member
    printf '4711:a-token\n' | kanban notify setup tg
    within grep -q "Said in a chat" /root/chat-said
    is "restarts of the courier" "$(property kanban-courier.service NRestarts)" 0
    systemctl stop fake-telegram.service
    rm /etc/kanband/conf.d/21-chat.toml
    board reload
}

a_hook_runs_as_its_own_user_and_reaches_nothing() {
    install -d -m 777 /tmp/hook
    cat >/etc/kanband/hooks.d/10-try <<'EOF'
#!/bin/bash
# Says what it is, and what of all that it tries lets it in.
cat >"/tmp/hook/read.$$"
id -un >/tmp/hook/user
for door in "" .worker .courier; do
    # Inside a run the client waits a minute for a door that does not open.
    said=$(KANBAN_SOCKET=/run/kanband/kanband.sock$door timeout 2 kanban list 2>&1) && echo "socket$door: $said" >>/tmp/hook/reached
done
courier=$(pgrep -x kanban-courier | head -n 1)
daemon=$(pgrep -x kanband | head -n 1)
for file in /etc/kanband/credentials/hooks /etc/kanband/kanband.toml /var/lib/kanband/kanban.db \
    "/proc/$courier/environ" "/proc/$courier/mem" "/proc/$daemon/environ" "/proc/$daemon/mem" /run/kanband-runs/holder.sock; do
    cat "$file" >/dev/null 2>&1 && echo "$file" >>/tmp/hook/reached
done
ls /run/credentials/kanban-courier.service >/dev/null 2>&1 && echo credentials >>/tmp/hook/reached
mv "/tmp/hook/read.$$" /tmp/hook/done
EOF
    chmod 755 /etc/kanband/hooks.d/10-try
    board reload
    board create "for the hook" --assignee nobody
    within test -s /tmp/hook/done
    is "user of the hook" "$(cat /tmp/hook/user)" kanban-hook
    contains "what it read" "$(cat /tmp/hook/done)" '"type":"task.'
    if [ -s /tmp/hook/reached ]; then no "a hook reaches $(cat /tmp/hook/reached)"; fi
    contains "doctor" "$(board doctor)" "kanban-hook"
    rm /etc/kanband/hooks.d/10-try
    board reload
}

the_configuration_is_the_services_alone() {
    is "kanband.toml" "$(stat -c '%a %U:%G' /etc/kanband/kanband.toml)" "640 root:kanband"
    is "conf.d" "$(stat -c '%a %U:%G' /etc/kanband/conf.d)" "750 root:kanband"
    if as stranger cat /etc/kanband/kanband.toml; then no "a stranger reads the configuration"; fi
}

an_upgrade_shuts_an_open_configuration_and_leaves_its_content() {
    echo "# kept by the administrator" >>/etc/kanband/kanband.toml
    chown root:root /etc/kanband/kanband.toml
    chmod 644 /etc/kanband/kanband.toml
    before=$(sha256sum </etc/kanband/kanband.toml)
    dpkg-reconfigure kanband
    is "kanband.toml" "$(stat -c '%a %U:%G' /etc/kanband/kanband.toml)" "640 root:kanband"
    is "its content" "$(sha256sum </etc/kanband/kanband.toml)" "$before"
    active kanband.service
}

a_mode_that_an_administrator_has_chosen_is_left_and_doctor_names_it() {
    cp -p /etc/kanband/kanband.toml /root/kanband.toml
    printf '[profiles.keyed]\nargv = ["true"]\nenv = { DEPLOY_TOKEN = "a-key-of-keyed" }\n' >>/etc/kanband/kanband.toml
    chown root:adm /etc/kanband/kanband.toml
    chmod 644 /etc/kanband/kanband.toml
    dpkg-reconfigure kanband
    is "kanband.toml" "$(stat -c '%a %U:%G' /etc/kanband/kanband.toml)" "644 root:adm"
    doctor=$(board doctor) && no "doctor finds nothing"
    contains "doctor" "$doctor" "/etc/kanband/kanband.toml contains secrets and is readable by all users"
    cp -p /root/kanband.toml /etc/kanband/kanband.toml
    is "kanband.toml" "$(stat -c '%a %U:%G' /etc/kanband/kanband.toml)" "640 root:kanband"
    board doctor
}

the_units_are_right_and_the_daemon_is_confined() {
    cd /usr/lib/systemd
    is "findings in the units" "$(systemd-analyze verify --man=no system/kanband* system/kanban-* 2>&1)" ""
    is "findings in the user units" "$(XDG_RUNTIME_DIR=/tmp systemd-analyze --user verify --man=no user/kanband* 2>&1)" ""
    # In tenths: exposure 2.0 of the daemon and of what runs beside it, 6.0 of the holder, whose children are the workers.
    for unit in kanband:20 kanban-courier:20 kanband-backup:20 kanband-gc:20 kanband-runs:60; do
        systemd-analyze security --no-pager --threshold="${unit#*:}" "${unit%:*}.service"
        tell "$(systemd-analyze security --no-pager "${unit%:*}.service" | sed -n 's/.*\(Overall.*[0-9]\) .*/\1/p')"
    done
}

bits() { sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"; } # process, field
core_limit() { sed -n 's/^Max core file size *\([^ ]*\) *\([^ ]*\).*/\1 \2/p' "/proc/$1/limits"; } # process

the_holder_has_the_rights_that_it_hands_over_and_mounts() {
    holder=$(property kanband-runs.service MainPID)
    # CHOWN, KILL, SETGID, SETUID, SETPCAP, SYS_ADMIN.
    for field in CapBnd CapPrm CapEff; do is "$field of the holder" "$(bits "$holder" $field)" 00000000002001e1; done
    # A filter of calls must not bring it along: workers would have it for good.
    is "NoNewPrivs of the holder" "$(bits "$holder" NoNewPrivs)" 0
    is "cores of the holder" "$(core_limit "$holder")" "0 unlimited"
    is "cores of the daemon" "$(core_limit "$(daemon_pid)")" "0 0"
    is "families of the daemon" "$(property kanband.service RestrictAddressFamilies | tr ' ' '\n' | sort | tr '\n' ' ')" "AF_NETLINK AF_UNIX "
    # Field 19 of stat is the 17th behind the name.
    daemon=$(daemon_pid)
    indexer=$(grep -lx indexer "/proc/$daemon"/task/*/comm)
    is "nice value of the indexer" "$(sed 's/.*) //' "${indexer%/comm}/stat" | cut -d ' ' -f 17)" 10
    is "nice value of the daemon" "$(sed 's/.*) //' "/proc/$daemon/stat" | cut -d ' ' -f 17)" 0
    for limit in MemoryHigh MemoryMax TasksMax; do
        if [ "$(property kanband.service $limit)" = infinity ]; then no "the daemon has no $limit"; fi
    done
}

nobody_logs_in_as_the_workers_user_nor_leaves_timers_in_its_name() {
    is "its shell" "$(getent passwd kanban-agent | cut -d : -f 7)" /usr/sbin/nologin
    is "lines about it in cron.deny" "$(grep -cx kanban-agent /etc/cron.deny)" 1
    is "mode of cron.deny" "$(stat -c %a /etc/cron.deny)" 644
    [ ! -e /etc/at.deny ] || no "there is a list of another package already"
    # The package `at` comes later, and with it its list.
    mkdir -p /root/at/DEBIAN /root/at/etc
    printf 'Package: at\nVersion: 1\nArchitecture: all\nMaintainer: x <x@x.invalid>\nDescription: x\n' >/root/at/DEBIAN/control
    echo daemon >/root/at/etc/at.deny
    dpkg-deb --build /root/at /root/at.deb
    dpkg --install /root/at.deb
    is "at.deny" "$(tr '\n' ' ' </etc/at.deny)" "daemon kanban-agent "
    # One that an administrator gives it stays.
    usermod --shell /bin/bash kanban-agent
    dpkg-reconfigure kanband
    is "its shell after that" "$(getent passwd kanban-agent | cut -d : -f 7)" /bin/bash
    usermod --shell /usr/sbin/nologin kanban-agent
    is "at.deny after a second time" "$(tr '\n' ' ' </etc/at.deny)" "daemon kanban-agent "
    is "lines about it in cron.deny" "$(grep -cx kanban-agent /etc/cron.deny)" 1
}

# The figures of the board over TCP.
figures() { # port
    bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$1"; printf "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" >&3; cat <&3' figures "$1"
}

a_port_of_the_configuration_is_a_socket_units_and_doctor_names_it_until_then() {
    printf '[metrics]\nlisten = "9464"\n[web]\nlisten = 9191\n' >/etc/kanband/conf.d/20-ports.toml
    systemctl restart kanband.service
    doctor=$(board doctor || true)
    contains "doctor" "$doctor" "kanband-metrics.socket is not active"
    contains "doctor" "$doctor" "kanband-web.socket listens on 127.0.0.1:9119, not on 127.0.0.1:9191"
    if figures 9464; then no "the daemon opened a port itself"; fi
    # As an upgrade from a version that opened them itself.
    rm -f /var/lib/systemd/deb-systemd-helper-enabled/kanband-metrics.socket.dsh-also
    # The unit of the web listens at its own address meanwhile.
    active kanband-web.socket kanband.service
    dpkg-reconfigure kanband
    active kanband.service kanband-metrics.socket kanband-web.socket
    contains "the metrics" "$(figures 9464)" "kanband_open_runs"
    contains "a page" "$(bash -c 'exec 3<>/dev/tcp/127.0.0.1/9191; printf "GET / HTTP/1.1\r\nHost: 127.0.0.1:9191\r\nConnection: close\r\n\r\n" >&3; cat <&3')" " 401 "
    doctor=$(board doctor) || no "doctor finds faults: $doctor"
    case $doctor in *kanband-metrics.socket*) no "doctor still names the unit: $doctor" ;; esac
    # What an administrator changes later is not written over.
    echo "# mine" >>/etc/systemd/system/kanband-metrics.socket.d/listen.conf
    dpkg-reconfigure kanband
    grep -q mine /etc/systemd/system/kanband-metrics.socket.d/listen.conf || no "it was written again"
    systemctl stop kanband.service
    systemctl disable --now kanband-metrics.socket
    systemctl stop kanband-web.socket
    rm -r /etc/kanband/conf.d/20-ports.toml /etc/systemd/system/kanband-metrics.socket.d /etc/systemd/system/kanband-web.socket.d
    systemctl daemon-reload
    systemctl start kanband-web.socket kanband.service
}

people_of_the_group_get_a_status_and_a_manual() {
    useradd -m -G kanban member
    useradd -m stranger
    board status
    board doctor || no "doctor finds faults"
    for page in man1/kanban.1 man1/kanban-list.1 man5/kanband.toml.5 man8/kanband.8; do
        [ -s "/usr/share/man/$page.gz" ] || no "no $page"
    done
    for page in README.Debian examples/kanband.toml; do
        [ -s "/usr/share/doc/kanband/$page" ] || no "no $page"
    done
}

doctor_names_what_this_kernel_lacks_and_a_profile_that_needs_it_is_not_started() {
    doctor=$(board doctor || true)
    if has_groups; then
        case $doctor in *"sub-reaper only"*) no "no control groups: $doctor" ;; esac
    else
        contains "doctor" "$doctor" "sub-reaper only"
        contains "doctor" "$doctor" "has no cgroup.kill (requires Linux 5.14)"
        contains "doctor" "$doctor" "web callers"
        tell "$(printf '%s\n' "$doctor" | grep 'cgroup.kill' | head -n 1)"
    fi
    contains "doctor" "$doctor" "runs have a /tmp, a /var/tmp and a /proc of their own"
    install -d -o kanban-agent /srv/narrow /srv/beside
    cat >/etc/kanband/conf.d/13-narrow.toml <<'EOF'
[profiles.narrow]
argv = ["sh", "-c", "echo x >/srv/narrow/file && echo wrote; echo x >/srv/beside/file || echo kept; exit 0"]
landlock_write = ["/srv/narrow"]
EOF
    systemctl reload kanband.service
    task=$(new_task narrow)
    if has_landlock; then
        board wait "$task" --closed --timeout "${patience_s}s" || { board show "$task"; no "it did not end"; }
        is "the worker" "$(log_of "$task" | grep -x 'wrote\|kept' | tr '\n' ' ')" "wrote kept "
        [ ! -e /srv/beside/file ] || no "it wrote where it may not"
        tell "landlock_write holds"
    else
        within sh -c "runuser -u member -- kanban runs $task --json | grep -q '\"outcome\": \"spawn_failed\"\|\"outcome\": \"gave_up\"'"
        contains "profiles check" "$(kanban profiles check narrow || true)" "this kernel has no Landlock (Linux 5.13"
        contains "doctor" "$(board doctor || true)" "this kernel has no Landlock (Linux 5.13"
        [ ! -e /srv/narrow/file ] || no "it was started without what it asked for"
        tell "$(board runs "$task" --json | grep '"error"' | head -n 1)"
        board archive "$task" || true
    fi
    rm -r /etc/kanband/conf.d/13-narrow.toml /srv/narrow /srv/beside
    systemctl reload kanband.service
}

the_sockets_are_open_to_the_group_only_and_to_workers_only() {
    is "operators' socket" "$(stat -c '%a %U:%G' /run/kanband/kanband.sock)" "660 root:kanban"
    is "workers' socket" "$(stat -c '%a' /run/kanband/kanband.sock.worker)" 666
    is "their directory" "$(stat -c '%a %U' /run/kanband)" "755 root"
    board list >/dev/null
    if as stranger kanban list >/dev/null 2>&1; then no "a stranger reads the board"; fi
    code=0
    as stranger env KANBAN_SOCKET=/run/kanband/kanband.sock kanban list || code=$?
    is "exit code for a stranger" "$code" 4
    code=0
    as stranger env KANBAN_SOCKET=/run/kanband/kanband.sock.worker kanban list || code=$?
    is "exit code for a stranger at the workers' socket" "$code" 1
    if as stranger ls /var/lib/kanband; then no "a stranger lists the home"; fi
    if as kanban-agent kanban list; then no "the workers' user is an operator"; fi
}

a_good_configuration_is_taken_by_reload() {
    before=$(daemon_pid)
    cat >/etc/kanband/conf.d/10-test.toml <<'EOF'
[supervision]
linger = "1s"
grace = "2s"
[profiles.who]
argv = ["sh", "-c", "grep -E '^(CapEff|NoNewPrivs):' /proc/self/status; echo I am $(id -un)"]
[profiles.ticker]
argv = ["sh", "-c", "i=0; while :; do i=$((i + 1)); echo tick $i; sleep 0.2; done"]
verdict = "report"
[profiles.visitor]
argv = ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/9119; printf 'GET / HTTP/1.1\\r\\nHost: 127.0.0.1:9119\\r\\nConnection: close\\r\\n\\r\\n' >&3; cat <&3"]
verdict = "exit"
[profiles.intruder]
argv = ["id"]
user = "stranger"
EOF
    systemctl reload kanband.service
    within sh -c 'journalctl -q -u kanband --no-pager | grep -q "profiles.ticker"'
    is "daemon" "$(daemon_pid)" "$before"
}

a_bad_configuration_is_refused_whole_by_reload() {
    before=$(daemon_pid)
    trap 'rm -f /etc/kanband/conf.d/20-bad.toml' EXIT
    printf '[dispatch]\nmax_running = 0\nfailure_limt = 3\n' >/etc/kanband/conf.d/20-bad.toml
    if systemctl reload kanband.service; then no "systemctl was told that all is well"; fi
    within sh -c 'journalctl -q -u kanband --no-pager | grep -q "failure_limt"'
    is "daemon" "$(daemon_pid)" "$before"
    rm /etc/kanband/conf.d/20-bad.toml
    # max_running = 0 of the same file did not hold: something starts.
    task=$(new_task who)
    board wait "$task" --timeout "${patience_s}s"
}

a_task_is_run_as_the_workers_user_without_privileges() {
    task=$(new_task who)
    board wait "$task" --timeout "${patience_s}s" || { board show "$task"; no "it did not end"; }
    is "outcome" "$(board runs "$task" --json | field outcome)" completed
    is "summary" "$(board runs "$task" --json | field summary)" "I am kanban-agent"
    contains "log" "$(board log "$task")" "CapEff:	0000000000000000"
}

a_user_that_root_has_not_allowed_is_refused() {
    task=$(new_task intruder)
    within sh -c "runuser -u member -- kanban runs $task --json | grep -q '\"outcome\": \"spawn_failed\"\|\"outcome\": \"gave_up\"'"
    contains "error" "$(board runs "$task" --json | grep '"error"' | head -n 1)" stranger
    board archive "$task" || true
}

a_profile_gets_a_user_of_its_own() {
    cat >/etc/kanband/conf.d/12-own.toml <<'EOF'
[profiles.deployer]
argv = ["sh", "-c", "touch $HOME/mine && stat -c '%U %a' $HOME && echo I am $(id -un)"]
user = "own"
env = { DEPLOY_TOKEN = "s3cret-of-deployer" }
[profiles.reader]
argv = ["sh", "-c", "kanban create upwards --assignee deployer --json; ls /var/lib/kanban-agents/deployer 2>&1; echo asked"]
EOF
    systemctl reload kanband.service
    within sh -c 'kanban profiles check deployer | grep -q "sudo kanban profiles add-user deployer"'
    contains "doctor" "$(kanban doctor || true)" "sudo kanban profiles add-user deployer"
    contains "refusal of others" "$(as member kanban profiles add-user deployer 2>&1 || true)" "only root can"
    contains "what it did" "$(kanban profiles add-user deployer)" "kanban-deployer (made)"
    contains "a second time" "$(kanban profiles add-user deployer)" "already in /etc/kanband/users"
    is "shell" "$(getent passwd kanban-deployer | cut -d: -f7)" /usr/sbin/nologin
    is "home" "$(stat -c '%U %a' /var/lib/kanban-agents/deployer)" "kanban-deployer 700"
    for list in cron at; do
        is "lines about it in $list.deny" "$(grep -cx kanban-deployer "/etc/$list.deny")" 1
    done
    is "file of users" "$(stat -c '%U %a' /etc/kanband/users) $(grep -c '^kanban-deployer$' /etc/kanband/users)" "root 644 1"
    task=$(new_task deployer)
    board wait "$task" --timeout "${patience_s}s" || { board show "$task"; no "it did not end"; }
    is "summary" "$(board runs "$task" --json | field summary)" "I am kanban-deployer"
    contains "log" "$(board log "$task")" "kanban-deployer 700"
    tell "a run of deployer: $(board runs "$task" --json | field summary)"
}

a_worker_that_assigns_upwards_waits_for_a_person() {
    task=$(new_task reader)
    board wait "$task" --timeout "${patience_s}s" || { board show "$task"; no "it did not end"; }
    reply=$(board log "$task")
    contains "reply to the worker" "$reply" '"held": "may_assign"'
    contains "home of the other" "$reply" "Permission denied"
    upwards=$(board list --status triage --json | field id)
    [ -n "$upwards" ] || no "no task is in triage: $reply"
    contains "why" "$(board why "$upwards")" "may_assign"
    contains "inbox" "$(board inbox)" "$upwards"
    is "runs of it" "$(board runs "$upwards" --json | grep -c '"task_id"' || true)" 0
    board promote "$upwards"
    board wait "$upwards" --timeout "${patience_s}s"
    is "summary" "$(board runs "$upwards" --json | field summary)" "I am kanban-deployer"
    rm /etc/kanband/conf.d/12-own.toml
    systemctl reload kanband.service
}

the_journal_has_fields_and_no_line_twice() {
    task=$(new_task who)
    run=""
    board wait "$task" --closed --timeout "${patience_s}s"
    run=$(run_of "$task")
    within sh -c "journalctl -q -u kanband -o json --no-pager | grep -q '$task'"
    found=$(journalctl -q -o json --no-pager "KANBAN_TASK=$task")
    contains "entries of the task" "$found" "\"KANBAN_RUN\":\"$run\""
    contains "entries of the task" "$found" '"KANBAN_BOARD":"default"'
    contains "entries of the task" "$found" '"_SYSTEMD_UNIT":"kanband.service"'
    twice=$(journalctl -q -u kanband -o cat --no-pager "KANBAN_TASK=$task" | sort | uniq -d)
    is "lines that stand twice" "$twice" ""
}

# Two profiles with users of their own. One worker leaves things behind and waits, the other tries to get at them.
two_users_that_are_apart() {
    for name in agent-a agent-b; do
        id "$name" >/dev/null 2>&1 || useradd --system -m -d "/var/lib/$name" "$name"
        grep -qx "$name" /etc/kanband/users || echo "$name" >>/etc/kanband/users
    done
    mkdir -p /usr/local/lib/apart
    cat >/usr/local/lib/apart/victim <<'EOF'
cd "$KANBAN_WORKSPACE" && echo mine >draft
echo x >/tmp/victim && echo x >/var/tmp/victim && echo ready
exec sleep 600
EOF
    cat >/usr/local/lib/apart/attack <<'EOF'
cd "$KANBAN_WORKSPACE"
t() { if eval "$2" >/dev/null 2>&1; then echo "open $1"; else echo "shut $1"; fi; }
until [ -e go ]; do sleep 0.1; done
. ./go
t token 'cat "$TOKEN"'
t scratch 'cat "$SCRATCH/draft"'
t environment 'cat "/proc/$VICTIM/environ"'
t signals 'kill -0 "$VICTIM"'
t tmp '[ -e /tmp/victim ]'
t var-tmp '[ -e /var/tmp/victim ]'
t entry '[ -e "/proc/$VICTIM" ]'
t own-tmp 'echo x >/tmp/victim'
t board 'kanban show "$KANBAN_TASK"'
echo tried
EOF
    chmod -R go+rX /usr/local/lib/apart
    cp /usr/bin/id /usr/local/lib/apart/own-id
    chmod 4755 /usr/local/lib/apart/own-id
    cat >/etc/kanband/conf.d/30-apart.toml <<'EOF'
[profiles.victim]
argv = ["sh", "/usr/local/lib/apart/victim"]
verdict = "report"
user = "agent-a"
env = { DEPLOY_TOKEN = "s3cret-of-the-victim" }
[profiles.attacker]
argv = ["sh", "/usr/local/lib/apart/attack"]
user = "agent-b"
[profiles.rights-kept]
argv = ["sh", "-c", "/usr/local/lib/apart/own-id -u; exit 0"]
[profiles.rights-given]
argv = ["sh", "-c", "/usr/local/lib/apart/own-id -u; exit 0"]
no_new_privs = false
EOF
    chgrp kanband /etc/kanband/conf.d/30-apart.toml
    chmod 640 /etc/kanband/conf.d/30-apart.toml
    systemctl reload kanband.service
}
has_line() { log_of "$1" 2>/dev/null | grep -qx "$2"; } # task, line
runs_of_two_users_get_at_nothing_of_each_other() {
    two_users_that_are_apart
    victim=$(new_task victim)
    within has_line "$victim" ready
    run=$(run_of "$victim")
    worker=$(worker_of "$run")
    attacker=$(new_task attacker)
    work=/var/lib/kanband/workspaces/$attacker
    within test -d "$work"
    echo "TOKEN=/var/lib/kanband/runs/$run/token SCRATCH=/var/lib/kanband/workspaces/$victim VICTIM=$worker" >"$work/go.new"
    chmod 644 "$work/go.new"
    mv "$work/go.new" "$work/go"
    within has_line "$attacker" tried
    for thing in token scratch environment signals tmp var-tmp entry; do
        has_line "$attacker" "shut $thing" || no "$thing of another run: $(log_of "$attacker")"
    done
    for thing in own-tmp board; do
        has_line "$attacker" "open $thing" || no "$thing: $(log_of "$attacker")"
    done
    contains "doctor" "$(board doctor)" "runs have a /tmp, a /var/tmp and a /proc of their own"
    # What is mounted on the host later arrives in a run; what a run has for itself stays there.
    case $(findmnt -n -o PROPAGATION /) in
    *shared*)
        mkdir -p /mnt/late
        mount -t tmpfs late /mnt/late
        echo late >/mnt/late/file
        is "a later mount in the run" "$(nsenter -t "$worker" -m cat /mnt/late/file)" late
        umount /mnt/late
        tell "a later mount of the machine arrived in the run"
        ;;
    *) tell "mounts of this machine are not shared" ;;
    esac
    nsenter -t "$worker" -m test -e /tmp/victim || no "the run has no /tmp of its own"
    [ ! -e /tmp/victim ] || no "it is in the /tmp of the machine"
    # Nobody tidies up after a supervisor that was killed but the kernel.
    kill -9 "$(shim_of "$run")"
    within test ! -d "/proc/$worker"
    if grep kanband-run /proc/self/mountinfo; then no "mounts are left"; fi
    for task in "$victim" "$attacker"; do
        board stop "$task" || true
        board archive "$task" || true
    done
}
a_set_user_id_program_gives_a_worker_nothing_unless_its_profile_says_so() {
    for profile in rights-kept rights-given; do
        task=$(new_task "$profile")
        board wait "$task" --closed --timeout "${patience_s}s"
        case $profile in
        rights-kept) expected=$(id -u kanban-agent) ;;
        *) expected=0 ;;
        esac
        is "user of the program in $profile" "$(log_of "$task" | head -n 1)" "$expected"
    done
}

message_queues_of() { awk '/^Max msgqueue/ { print $5 }' "/proc/$1/limits"; } # process
a_caller_with_the_limit_of_a_worker_is_refused_and_everybody_else_is_not() {
    own=$(message_queues_of "$(daemon_pid)")
    task=$(new_task ticker)
    within has_ticks "$task"
    worker=$(worker_of "$(run_of "$task")")
    is "limit of the worker" "$(message_queues_of "$worker")" $((own - 1))
    code=0
    refused=$(as member prlimit --msgqueue=$((own - 1)) kanban list 2>&1) || code=$?
    [ "$code" != 0 ] || no "a caller with the limit of a worker is an operator"
    contains "refusal" "$refused" "hard limit of POSIX message queues is $((own - 1)) bytes"
    contains "refusal" "$refused" "raise the limit to $own"
    board list >/dev/null
    contains "doctor" "$(board doctor)" "worker mark"
    # What acts for the service does so outside of every run.
    systemctl reload kanband.service
    systemctl start kanband-gc.service
    board stop "$task"
    board archive "$task" || true
}

an_orphan_in_a_persons_own_board_is_no_operator() {
    id=$(id -u stranger)
    # The manager of the claim before has ended, or it would be the one that is asked.
    within test ! -S "/run/user/$id/systemd/private"
    loginctl enable-linger stranger
    within test -S "/run/user/$id/systemd/private"
    mine() { as stranger env XDG_RUNTIME_DIR="/run/user/$id" "$@"; }
    runuser -u stranger -- mkdir -p /home/stranger/orphan /home/stranger/.config/kanband
    cat >/home/stranger/orphan/worker <<'EOF'
setsid env -i PATH=/usr/bin:/bin SUPERVISOR=$PPID sh /home/stranger/orphan/orphan </dev/null >/dev/null 2>&1 &
sleep 600
EOF
    cat >/home/stranger/orphan/orphan <<'EOF'
cd /home/stranger/orphan
group=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)
case $group in
*/app.slice/*)
    elsewhere=${group%%/app.slice/*}/app.slice/elsewhere
    mkdir -p "$elsewhere" && echo $$ >"$elsewhere/cgroup.procs" && echo left >left
    ;;
esac
kill -9 "$SUPERVISOR"
sleep 1
KANBAN_SOCKET=/run/user/$(id -u)/kanband/kanband.sock kanban pause >told.new 2>&1
mv told.new told
EOF
    cat >/home/stranger/.config/kanband/kanband.toml <<'EOF'
[profiles.orphan]
argv = ["sh", "/home/stranger/orphan/worker"]
verdict = "report"
EOF
    chown stranger /home/stranger/.config/kanband/kanband.toml
    chmod 600 /home/stranger/.config/kanband/kanband.toml
    mine systemctl --user start kanband.service
    task=$(mine kanban create "Leaves" --assignee orphan --json | field id)
    within test -e /home/stranger/orphan/told
    answer=$(cat /home/stranger/orphan/told)
    contains "answer to the orphan" "$answer" "cannot identify the calling process"
    if [ -e /home/stranger/orphan/left ]; then
        contains "answer to the orphan" "$answer" "POSIX message queues"
        tell "it had left its control group"
    fi
    mine kanban stop "$task" || true
    mine systemctl --user stop kanband.service kanband.socket
    loginctl disable-linger stranger
}

two_workers_live() { start_two_workers; }

a_restart_keeps_workers_and_refuses_nobody() {
    before=$(daemon_pid)
    holder=$(property kanband-runs.service MainPID)
    # A client calls all the time.
    (for _ in 1 2 3 4 5 6 7 8 9 10; do board stats >/dev/null || echo refused; done) >/root/calls 2>&1 &
    calls=$!
    systemctl restart kanband.service
    wait "$calls"
    is "calls during the restart" "$(cat /root/calls)" ""
    [ "$(daemon_pid)" != "$before" ] || no "it was not restarted"
    is "holder" "$(property kanband-runs.service MainPID)" "$holder"
    workers_go_on
}

a_killed_daemon_is_restarted_and_finds_its_workers() {
    before=$(daemon_pid)
    count=$(property kanband.service NRestarts)
    kill -9 "$before"
    within sh -c "[ \"\$(systemctl show -P NRestarts kanband.service)\" -gt $count ] && systemctl -q is-active kanband.service"
    [ "$(daemon_pid)" != "$before" ] || no "it was not restarted"
    workers_go_on
}

a_dispatcher_that_hangs_is_ended_by_the_watchdog() {
    drop_ins=/run/systemd/system/kanband.service.d
    mkdir -p "$drop_ins"
    printf '[Service]\nWatchdogSec=10\n' >"$drop_ins/watchdog.conf"
    printf '[Service]\nEnvironment=KANBAND_FAIL_POINTS=dispatcher-wake=hold:/var/lib/kanband/hung\n' >"$drop_ins/hang.conf"
    systemctl daemon-reload
    systemctl restart kanband.service
    hung=$(daemon_pid)
    board create "Wakes the dispatcher" --assignee who >/dev/null || true
    within test -e /var/lib/kanband/hung
    rm "$drop_ins/hang.conf"
    systemctl daemon-reload
    within sh -c "[ \"\$(systemctl show -P MainPID kanband.service)\" != $hung ] && systemctl -q is-active kanband.service"
    rm -rf "$drop_ins" /var/lib/kanband/hung
    systemctl daemon-reload
    contains "journal" "$(journalctl -q -u kanband --no-pager | grep -i watchdog)" "Watchdog timeout"
    tell "$(journalctl -q -u kanband -o cat --no-pager | grep 'Watchdog timeout' | tail -n 1)"
    systemctl restart kanband.service
    workers_go_on
}

# A request to the board on the web, by a process of a user; prints the reply.
request() { # user, method, path, cookie, body
    as "$1" bash -c 'exec 3<>/dev/tcp/127.0.0.1/9119
        printf "%s %s HTTP/1.1\r\nHost: 127.0.0.1:9119\r\nOrigin: http://127.0.0.1:9119\r\nConnection: close\r\n" "$1" "$2" >&3
        printf "Cookie: %s\r\nContent-Type: application/json\r\nContent-Length: %s\r\n\r\n%s" "$3" "${#4}" "$4" >&3
        cat <&3' request "$2" "$3" "${4:-}" "${5:-}"
}
# The first line of the reply, without its end.
status_of() { request "$@" | head -n 1 | tr -d '\r'; }

the_board_is_on_the_web_for_members_and_for_nobody_else() {
    contains "a page without a session" "$(status_of member GET /)" " 401 "
    token=$(board dashboard --json | field url)
    token="{\"token\":\"${token#*#}\"}"
    contains "the login of another user" "$(status_of stranger POST /in '' "$token")" " 401 "
    reply=$(request member POST /in '' "$token" | tr -d '\r')
    contains "the login" "$reply" " 204 "
    cookie=$(printf '%s\n' "$reply" | sed -n 's/^[Ss]et-[Cc]ookie: \([^;]*\).*/\1/p')
    contains "the page" "$(status_of member GET / "$cookie")" " 200 "
    contains "the page for another user with the cookie" "$(status_of stranger GET / "$cookie")" " 401 "
    systemctl restart kanband.service
    contains "the page after a restart" "$(status_of member GET / "$cookie")" " 200 "
    is "the file of sessions" "$(stat -c '%a %U' /var/lib/kanband/web-sessions.json)" "600 kanband"
    board dashboard --revoke all
    contains "the page after the end of the session" "$(status_of member GET / "$cookie")" " 401 "
}

a_worker_is_known_as_one_on_the_web() {
    task=$(new_task visitor)
    board wait "$task" --timeout "${patience_s}s" || { board show "$task"; no "it did not end"; }
    if has_groups; then
        if board doctor | grep "web callers"; then no "only users are known"; fi
        contains "log" "$(board log "$task")" "403 Forbidden"
        contains "log" "$(board log "$task")" "belongs to a run"
    else
        contains "doctor" "$(board doctor || true)" "web callers"
        contains "log" "$(board log "$task")" " 401 "
        tell "without control groups it is known by its user"
    fi
}

a_web_port_that_is_taken_is_named_and_nothing_else_fails() {
    systemctl stop kanband-web.socket kanband.service
    systemd-run --quiet --unit=port-thief --socket-property=ListenStream=127.0.0.1:9119 /bin/true
    systemctl start kanband.service
    answers
    contains "doctor" "$(board doctor || true)" "user root listens there"
    systemctl stop port-thief.socket kanband.service
    systemctl reset-failed kanband-web.socket || true
    systemctl start kanband-web.socket kanband.service
    active kanband-web.socket kanband.service
    contains "a page" "$(status_of member GET /)" " 401 "
}

a_call_starts_a_stopped_daemon() {
    systemctl stop kanband.service
    inactive kanband.service
    active kanband.socket kanband-web.socket kanband-runs.service
    answers
    active kanband.service
    workers_go_on
}

an_upgrade_keeps_workers_and_the_holder() {
    # As the earlier version made it.
    usermod --shell /bin/bash kanban-agent
    rm /var/lib/kanband/.shell-of-kanban-agent
    before=$(daemon_pid)
    holder=$(property kanband-runs.service MainPID)
    apt-get install -y --no-install-recommends "$packages/next.deb"
    is "version" "$(dpkg-query -W -f '${Version}' kanband)" "$(dpkg-deb -f "$packages/next.deb" Version)"
    [ "$(daemon_pid)" != "$before" ] || no "the daemon is the old one"
    case $(readlink "/proc/$(daemon_pid)/exe") in *deleted*) no "the daemon runs the old program" ;; esac
    is "holder" "$(property kanband-runs.service MainPID)" "$holder"
    is "shell of the workers' user" "$(getent passwd kanban-agent | cut -d : -f 7)" /usr/sbin/nologin
    workers_go_on
}

a_downgrade_across_a_schema_version_is_refused() {
    before=$(daemon_pid)
    if apt-get install -y --allow-downgrades --no-install-recommends "$packages/older.deb" >/root/downgrade 2>&1; then
        no "it was installed"
    fi
    contains "reason" "$(cat /root/downgrade)" "this downgrade is refused"
    tell "$(grep 'kanband: ' /root/downgrade | head -n 2)"
    is "version" "$(dpkg-query -W -f '${Version}' kanband)" "$(dpkg-deb -f "$packages/next.deb" Version)"
    is "state" "$(dpkg-query -W -f '${db:Status-Abbrev}' kanband)" "ii "
    is "daemon" "$(daemon_pid)" "$before"
    workers_go_on
}

a_backup_is_made_by_the_timer_and_the_oldest_go() {
    active kanband-backup.timer
    is "what the timer starts" "$(property kanband-backup.timer Unit)" kanband-backup.service
    systemctl start kanband-backup.service
    backups=/var/backups/kanband
    is "backups" "$(find $backups -type f | wc -l)" 1
    newest=$(find $backups -type f)
    is "owner" "$(stat -c '%U %a' "$newest")" "kanband 600"
    is "kind" "$(head -c 15 "$newest")" "SQLite format 3"
    for day in 01 02 03 04 05 06 07 08 09 10 11 12 13 14 15; do
        # Of this board: backups of others are not removed.
        runuser -u kanband -- cp "$newest" "$backups/kanban-202001${day}T030000Z.db"
    done
    sleep 1
    systemctl start kanband-backup.service
    is "backups that stay" "$(find $backups -type f | wc -l)" 14
    [ -e "$newest" ] || no "the newer one was removed"
    [ ! -e "$backups/kanban-20200103T030000Z.db" ] || no "an older one stayed"
    tell "$(journalctl -q -u kanband-backup -o cat --no-pager | grep 'Backup written' | tail -n 1)"
}

garbage_is_collected_by_the_timer_and_status_says_so() {
    active kanband-gc.timer
    is "what the timer starts" "$(property kanband-gc.timer Unit)" kanband-gc.service
    systemctl start kanband-gc.service
    contains "status" "$(board status)" "last gc"
    contains "status" "$(board status --json | tr -d ' \n')" '"gc":{"at":'
    tell "$(board status | grep 'last gc')"
}

backups_of_an_earlier_version_are_moved_out_of_what_a_purge_deletes() {
    runuser -u kanband -- mkdir -p /var/lib/kanband/backups
    runuser -u kanband -- sh -c 'echo old >/var/lib/kanband/backups/kanban-20190101T030000Z.db'
    dpkg-reconfigure -f noninteractive kanband
    [ ! -e /var/lib/kanband/backups ] || no "the old directory is left"
    is "moved" "$(cat /var/backups/kanband/kanban-20190101T030000Z.db)" old
}

a_person_has_a_board_of_their_own() {
    loginctl enable-linger stranger
    id=$(id -u stranger)
    within test -S "/run/user/$id/systemd/private"
    mine() { as stranger env XDG_RUNTIME_DIR="/run/user/$id" "$@"; }
    # The machine's configuration is not for them.
    own=/home/stranger/.config/kanband
    runuser -u stranger -- mkdir -p "$own"
    cat >"$own/kanband.toml" <<'EOF'
[profiles.ticker]
argv = ["sh", "-c", "i=0; while :; do i=$((i + 1)); echo tick $i; sleep 0.2; done"]
verdict = "report"
EOF
    chown stranger "$own/kanband.toml"
    chmod 600 "$own/kanband.toml"
    mine systemctl --user start kanband.service
    task=$(mine kanban create "Mine" --assignee ticker --json | field id)
    logs=/home/stranger/.local/state/kanband/logs/$task
    within sh -c "grep -q 'tick 3' $logs/*.log" || { mine kanban runs "$task" --json && no "its worker says nothing"; }
    worker=$(mine kanban runs "$task" --json | field worker_pid)
    is "user of the worker" "$(stat -c %U "/proc/$worker")" stranger
    before=$(mine systemctl --user show -P MainPID kanband.service)
    mine systemctl --user restart kanband.service
    [ "$(mine systemctl --user show -P MainPID kanband.service)" != "$before" ] || no "it was not restarted"
    is "run" "$(mine kanban runs "$task" --json | field worker_pid)" "$worker"
    is "state" "$(mine kanban runs "$task" --json | field state)" running
    [ -d "/proc/$worker" ] || no "the worker ended"
    mine kanban stop "$task"
    mine systemctl --user stop kanband.service kanband.socket
    # In a home of its own and in the background: a transient unit, which a worker outlives.
    trial() { mine env KANBAN_HOME=/home/stranger/trial TRIAL=here "$@"; }
    trial kanban init --yes
    unit=$(mine systemctl --user list-units --plain --no-legend 'kanband-*.service' | cut -d ' ' -f 1)
    [ -n "$unit" ] || no "there is no transient unit"
    trial kanban stats
    trial kanban doctor || no "doctor finds faults"
    grep -q 'kanband is ready' /home/stranger/trial/kanband.log || no "the log is not in the home"
    pid=$(cat /home/stranger/trial/lock)
    is "unit" "$(mine systemctl --user show -P MainPID "$unit")" "$pid"
    grep -qz '^TRIAL=here$' "/proc/$pid/environ" || no "a variable of the caller is missing"
    code=0
    trial kanband -d || code=$?
    is "exit code of a second one" "$code" 75
    mine systemctl --user stop "$unit"
    code=0
    trial kanban stats || code=$?
    is "exit code without it" "$code" 4
    loginctl disable-linger stranger
}

stopping_the_holder_ends_every_worker() {
    systemctl stop kanband.socket kanban-courier.socket kanband-web.socket
    systemctl stop kanband-runs.service
    inactive kanband-runs.service kanband.service
    workers_are_gone
    is "processes of the workers' users" "$(pgrep -u kanban-agent,kanban-deployer | wc -l)" 0
    systemctl start kanband.socket kanban-courier.socket kanband-web.socket kanband.service
    while read -r task run _ _; do
        within sh -c "runuser -u member -- kanban runs $task --json | grep -q '\"closed_at\": [0-9]'"
        board archive "$task" || true
        tell "run $run: $(board runs "$task" --json | field outcome)"
    done </root/workers
}

a_removal_stops_workers_and_keeps_the_board() {
    start_two_workers
    apt-get remove -y kanband
    inactive kanband-runs.service kanband.service kanband.socket kanban-courier.socket kanban-courier.service kanband-web.socket kanband-backup.timer kanband-gc.timer
    workers_are_gone
    [ ! -e /run/kanband/kanband.sock ] || no "the socket is still there"
    [ -s /var/lib/kanband/kanban.db ] || no "the board is gone"
    [ -s /etc/kanband/kanband.toml ] || no "the configuration is gone"
}

an_installation_after_a_removal_has_the_same_board() {
    apt-get install -y --no-install-recommends "$packages/current.deb"
    active kanband-runs.service kanband.service kanband.socket kanban-courier.socket kanband-web.socket
    while read -r task run _ _; do
        board show "$task" >/dev/null
        within sh -c "runuser -u member -- kanban runs $task --json | grep -q '\"id\": $run,'"
    done </root/workers
}

a_purge_deletes_the_board() {
    apt-get purge -y kanband
    inactive kanband-runs.service kanband.service kanband.socket kanban-courier.socket kanban-courier.service kanband-web.socket
    # Purged with the board that they are of, they would be good for nothing.
    [ -n "$(find /var/backups/kanband -name 'kanban-*.db')" ] || no "the backups are gone"
    rm -r /var/backups/kanband
    left=$(find / -xdev \( -path /root -o -path /home -o -path /sys -o -path /var/log \) -prune -o -name '*kanban*' -print)
    is "files that are left" "$left" ""
    [ ! -e /etc/cron.deny ] || no "cron.deny is left"
    is "at.deny" "$(cat /etc/at.deny)" daemon
    getent passwd kanband >/dev/null || no "the user is gone, and its number may be given to another one"
    is "processes of the workers' user" "$(pgrep -u kanban-agent | wc -l)" 0
}

# ---- limits, where the machine hands the controllers down --------------------------------------------------------------------

leaf_of() { echo "/sys/fs/cgroup/system.slice/kanband-runs.service/kanband/runs/$1"; } # run

a_memory_limit_ends_a_worker_with_its_peak() {
    task=$(new_task hog)
    within sh -c "runuser -u member -- kanban runs $task --json | grep -q '\"outcome\": \"oom\"'"
    board runs "$task" --json >/root/hog
    peak=$(field memory_peak_bytes </root/hog)
    kills=$(field oom_kills </root/hog)
    [ "$peak" -gt 16000000 ] && [ "$peak" -le 33554432 ] || no "peak: $peak"
    [ "$kills" -ge 1 ] || no "kills: $kills"
    tell "outcome oom, peak $peak bytes of 33554432, processes killed for it: $kills"
    board archive "$task"
}

a_limit_on_processes_refuses_a_fork() {
    task=$(new_task forker)
    within sh -c "runuser -u member -- kanban log $task | grep -qi 'fork'"
    tell "with pids_max = 8: $(board log "$task" | grep -i fork | head -n 1)"
    board archive "$task"
}

limits_hold_over_a_restart_of_the_daemon() {
    task=$(new_task limited)
    within has_ticks "$task"
    run=$(run_of "$task")
    leaf=$(leaf_of "$run")
    before=$(cat "$leaf/memory.max" "$leaf/pids.max" | tr '\n' ' ')
    is "limits" "$before" "67108864 20 "
    systemctl restart kanband.service
    tell "memory.max and pids.max before and after: $before"
    is "limits after the restart" "$(cat "$leaf/memory.max" "$leaf/pids.max" | tr '\n' ' ')" "$before"
    is "worker" "$(worker_of "$run")" "$(cat "$leaf/cgroup.procs" | grep -x "$(worker_of "$run")")"
    grows "$task"
    log_is_gapless "$task"
    board stop "$task" --hold || board stop "$task"
    [ ! -d "$leaf" ] || no "the group of the run is left"
}

add_limited_profiles() {
    cat >/etc/kanband/conf.d/15-limits.toml <<'EOF'
[profiles.hog]
argv = ["tail", "/dev/zero"]
memory_max = "32M"
[profiles.forker]
argv = ["sh", "-c", "n=0; while [ $n -lt 30 ]; do sleep 60 & n=$((n + 1)); done; echo all of them"]
pids_max = 8
[profiles.limited]
argv = ["sh", "-c", "i=0; while :; do i=$((i + 1)); echo tick $i; sleep 0.2; done"]
verdict = "report"
memory_max = "64M"
pids_max = 20
EOF
    systemctl restart kanband.service
}

# ---- in this order ----------------------------------------------------------------------------------------------------------

say "$(systemd-detect-virt), systemd $(systemctl --version | sed -n '1s/systemd \([0-9]*\).*/\1/p'), Linux $(uname -r), $(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' /etc/os-release)"
claim it_is_installed_without_a_network_and_runs
if [ "$failed" != 0 ]; then
    say "nothing else is tried with what was not installed"
    say "$passed passed, $failed failed, $skipped skipped"
    exit 1
fi
claim the_units_are_right_and_the_daemon_is_confined
claim the_holder_has_the_rights_that_it_hands_over_and_mounts
claim nobody_logs_in_as_the_workers_user_nor_leaves_timers_in_its_name
claim people_of_the_group_get_a_status_and_a_manual
claim the_sockets_are_open_to_the_group_only_and_to_workers_only
claim doctor_names_what_this_kernel_lacks_and_a_profile_that_needs_it_is_not_started
claim a_good_configuration_is_taken_by_reload
claim a_bad_configuration_is_refused_whole_by_reload
claim the_courier_is_there_and_has_no_rights
claim a_message_leaves_by_the_courier_alone
claim a_line_from_a_chat_is_run_in_the_sandbox_of_the_courier
claim a_hook_runs_as_its_own_user_and_reaches_nothing
claim the_configuration_is_the_services_alone
claim an_upgrade_shuts_an_open_configuration_and_leaves_its_content
claim a_mode_that_an_administrator_has_chosen_is_left_and_doctor_names_it
claim a_port_of_the_configuration_is_a_socket_units_and_doctor_names_it_until_then
claim a_task_is_run_as_the_workers_user_without_privileges
claim a_user_that_root_has_not_allowed_is_refused
claim a_profile_gets_a_user_of_its_own
claim a_worker_that_assigns_upwards_waits_for_a_person
claim runs_of_two_users_get_at_nothing_of_each_other
claim a_set_user_id_program_gives_a_worker_nothing_unless_its_profile_says_so
claim a_caller_with_the_limit_of_a_worker_is_refused_and_everybody_else_is_not
claim the_journal_has_fields_and_no_line_twice
claim two_workers_live
claim a_restart_keeps_workers_and_refuses_nobody
claim a_killed_daemon_is_restarted_and_finds_its_workers
if [ "${FAIL_POINTS:-}" = 1 ]; then
    claim a_dispatcher_that_hangs_is_ended_by_the_watchdog
else
    skip "a dispatcher that hangs is ended by the watchdog" "the programs were built without fail points"
fi
claim a_call_starts_a_stopped_daemon
claim the_board_is_on_the_web_for_members_and_for_nobody_else
claim a_worker_is_known_as_one_on_the_web
claim a_web_port_that_is_taken_is_named_and_nothing_else_fails
claim an_upgrade_keeps_workers_and_the_holder
claim a_downgrade_across_a_schema_version_is_refused
claim a_backup_is_made_by_the_timer_and_the_oldest_go
claim garbage_is_collected_by_the_timer_and_status_says_so
claim backups_of_an_earlier_version_are_moved_out_of_what_a_purge_deletes
if has_groups; then
    why="this machine hands no memory and pids controllers down"
else
    why="this kernel has no cgroup.kill"
fi
controllers=$(cat /sys/fs/cgroup/system.slice/kanband-runs.service/cgroup.controllers 2>/dev/null)
has_groups || controllers=""
case " $controllers " in
*" memory "*)
    add_limited_profiles
    claim a_memory_limit_ends_a_worker_with_its_peak
    claim a_limit_on_processes_refuses_a_fork
    claim limits_hold_over_a_restart_of_the_daemon
    claim a_restart_keeps_workers_and_refuses_nobody
    ;;
*)
    for name in "a memory limit ends a worker with its peak" "a limit on processes refuses a fork" "limits hold over a restart of the daemon"; do
        skip "$name" "$why ('$controllers'); make test-vm has them"
    done
    ;;
esac
claim a_person_has_a_board_of_their_own
claim an_orphan_in_a_persons_own_board_is_no_operator
claim stopping_the_holder_ends_every_worker
claim a_removal_stops_workers_and_keeps_the_board
claim an_installation_after_a_removal_has_the_same_board
claim a_purge_deletes_the_board
say "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
