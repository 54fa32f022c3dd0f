//! A process whose shim is gone is never mistaken for an operator.

use std::path::{Path, PathBuf};

use serde_json::json;
use support::skip;

use crate::containment::{MODES, config_in, has_groups};
use crate::harness::{Daemon, is_alive, until};

/// What an orphan does when the file `go` is there: tries what only an operator may do, at the operators' door.
const CALL: &str = "while [ ! -e DIR/go ]; do sleep 0.02; done; kanban pause > DIR/told.new 2>&1; \
                    mv DIR/told.new DIR/told; exec sleep 600";

/// How an orphan tries to be nobody.
struct Disguise {
    what: &'static str,
    script: &'static str,
    /// Whether it is about control groups.
    needs_groups: bool,
    /// Whether nothing is left by which the daemon would find it without a control group.
    is_lost: bool,
}

const DISGUISES: [Disguise; 4] = [
    Disguise {
        what: "its token unset",
        script: "unset KANBAN_TOKEN_FILE; setsid sh -c 'CALL' &",
        needs_groups: false,
        is_lost: false,
    },
    Disguise {
        what: "no variable left, in the session",
        script: "env -i PATH=\"$PATH\" KANBAN_SOCKET=SOCKET sh -c 'CALL' &",
        needs_groups: false,
        is_lost: false,
    },
    Disguise {
        what: "no variable and no session left",
        script: "env -i PATH=\"$PATH\" KANBAN_SOCKET=SOCKET setsid sh -c 'CALL' &",
        needs_groups: false,
        is_lost: true,
    },
    Disguise {
        what: "no variable and no session left, and out of its control group",
        script: "env -i PATH=\"$PATH\" KANBAN_SOCKET=SOCKET setsid sh -c 'echo $$ > ELSEWHERE; CALL' &",
        needs_groups: true,
        is_lost: true,
    },
];

/// Where the daemon stands still meanwhile: before it has heard of the worker, and before it ends what is left.
const POINTS: [&str; 2] = ["daemon-forked", "remains-found"];

/// What the daemon told an orphan of a run whose shim was killed, before anything was done about it.
fn message(mode: &str, disguise: &Disguise, point: &str) -> Option<String> {
    let mut daemon = Daemon::prepare("");
    let dir = daemon.scratch().display().to_string();
    let socket = daemon.socket().display().to_string();
    let call = format!("echo $$ > DIR/orphan; {CALL}");
    let elsewhere = root_of_groups(&daemon.base()).map(|root| root.join("cgroup.procs"));
    let elsewhere = elsewhere.map_or_else(String::new, |procs| procs.display().to_string());
    let script = format!("export KANBAN_SOCKET=SOCKET; {} wait", disguise.script)
        .replace("ELSEWHERE", &elsewhere)
        .replace("CALL", &call)
        .replace("DIR", &dir)
        .replace("SOCKET=SOCKET", &format!("SOCKET={socket}"));
    let text = config_in(mode, &[("sh", "exit", &script)]);
    daemon.configure(&text);
    let hold = daemon.scratch().join("hold");
    daemon.arm(Some(&format!("{point}=hold:{}@1", hold.display())));
    daemon.spawn();
    daemon.wait_until_up();
    let has_groups = has_groups(&daemon);
    if disguise.needs_groups && !(has_groups && is_writable(&elsewhere)) {
        return None;
    }
    daemon.create(json!({ "assignee": "sh" }));
    let orphan: i32 = until("the orphan", || {
        std::fs::read_to_string(daemon.scratch().join("orphan")).ok()?.trim().parse().ok()
    });
    let run = kanband::os::run_files::directory::RunDir::new(daemon.home().join("runs/1"));
    // The worker may have called before its shim has written down who it is.
    let identity = until("the worker's identity", || {
        kanband::os::run_files::directory::read_identity(&run)
            .unwrap()
            .filter(|identity| identity.worker.is_some())
    });
    let shim = nix::unistd::Pid::from_raw(identity.shim.pid);
    nix::sys::signal::kill(shim, nix::sys::signal::SIGKILL).unwrap();
    until("the daemon to notice", || hold.exists().then_some(()));
    until("the worker's end", || (!is_alive(identity.worker.as_ref().unwrap().pid)).then_some(()));
    assert!(is_alive(orphan), "there is nobody to call");
    std::fs::write(daemon.scratch().join("go"), "").unwrap();
    let message =
        until("an answer", || std::fs::read_to_string(daemon.scratch().join("told")).ok());
    let dispatch = daemon.get("/v1/dispatch/switch")["dispatch"].clone();
    assert_ne!(dispatch, "paused", "{mode}, {point}: {}: {message}", disguise.what);
    daemon.post("/v1/dispatch/switch", &json!({ "to": "paused" }));
    std::fs::remove_file(&hold).unwrap();
    if disguise.is_lost && (disguise.needs_groups || !has_groups) {
        let orphan = nix::unistd::Pid::from_raw(orphan);
        nix::sys::signal::kill(orphan, nix::sys::signal::SIGKILL).unwrap();
    }
    until("the orphan's end", || (!is_alive(orphan)).then_some(()));
    Some(message)
}

/// The root of the hierarchy in which the groups below `base` are.
fn root_of_groups(base: &Path) -> Option<PathBuf> {
    let is_group = |path: &&Path| path.join("cgroup.procs").exists();
    // The base itself may not be there yet.
    base.ancestors().skip(1).filter(is_group).last().map(Path::to_owned)
}

fn is_writable(path: &str) -> bool {
    std::fs::OpenOptions::new().write(true).open(path).is_ok()
}

#[test]
fn an_orphan_of_a_dead_shim_is_no_operator_however_it_hides() {
    for mode in MODES {
        for disguise in &DISGUISES {
            for point in POINTS {
                let Some(message) = message(mode, disguise, point) else { continue };
                let is_refused = message.contains("cannot identify the calling process")
                    || message.contains("may not");
                assert!(is_refused, "{mode}, {}, {point}: {message}", disguise.what);
            }
        }
    }
}

/// A hard limit of POSIX message queues as `/proc/self/limits` in a script's output shows it.
const OWN_LIMIT: &str = "awk '/^Max msgqueue/ { print \"limit \" $5 }' /proc/self/limits";

fn limits_in(log: &str) -> Vec<u64> {
    let limits = log.lines().filter_map(|line| line.strip_prefix("limit "));
    limits.map(|limit| limit.parse().unwrap_or(u64::MAX)).collect()
}

fn own_limit() -> u64 {
    use nix::sys::resource::{Resource, getrlimit};
    getrlimit(Resource::RLIMIT_MSGQUEUE).unwrap().1
}

#[test]
fn a_worker_bears_the_mark_and_a_limit_of_its_profile_is_no_way_out() {
    let text = config_in("auto", &[("plain", "exit", OWN_LIMIT), ("high", "exit", OWN_LIMIT)])
        .with("profiles.high.rlimits.msgqueue", i64::MAX);
    let daemon = Daemon::start(&text);
    for profile in ["plain", "high"] {
        let id = daemon.create(json!({ "assignee": profile }));
        daemon.wait_status(&id, "done");
        let own = own_limit();
        assert_eq!(limits_in(&daemon.run_log(&id)), [own - 1], "{profile}, tester: {own}");
    }
}

#[test]
fn a_daemon_inside_a_run_serves_the_processes_of_that_run_and_marks_its_own_workers() {
    // What a developer's agent does that tries the program out: the daemon, an operator, and a worker, all in one run.
    let script = "OWN; export KANBAN_HOME=DIR/inner; mkdir $KANBAN_HOME; unset KANBAN_SOCKET KANBAN_TOKEN_FILE KANBAN_RUN; \
                  printf '%s\n' '[profiles.inner]' 'argv = [\"sh\", \"DIR/inner.sh\"]' > $KANBAN_HOME/kanband.toml; \
                  KANBAND > DIR/inner.log 2>&1 & \
                  until kanban status > /dev/null 2>&1; do sleep 0.05; done; \
                  kanban pause > /dev/null && kanban resume > /dev/null && echo operated; \
                  id=$(kanban create inner --assignee inner --json | sed -n 's/.*\"id\": *\"\\([^\"]*\\)\".*/\\1/p' | head -1); \
                  until kanban show $id | grep -q done; do sleep 0.05; done; kanban log $id; kill $!; wait $!";
    let mut daemon = Daemon::prepare("");
    let dir = daemon.scratch().display().to_string();
    std::fs::write(daemon.scratch().join("inner.sh"), OWN_LIMIT).unwrap();
    let script = script
        .replace("OWN", OWN_LIMIT)
        .replace("DIR", &dir)
        .replace("KANBAND ", concat!(env!("CARGO_BIN_EXE_kanband"), " "));
    daemon.configure(&config_in("auto", &[("outer", "exit", &script)]));
    daemon.spawn();
    daemon.wait_until_up();
    let id = daemon.create(json!({ "assignee": "outer" }));
    daemon.wait_status(&id, "done");
    daemon.wait_closed(&id);
    let log = daemon.run_log(&id);
    let inner = std::fs::read_to_string(daemon.scratch().join("inner.log")).unwrap_or_default();
    assert!(log.contains("operated"), "{log}\n{inner}");
    let own = own_limit();
    assert_eq!(limits_in(&log), [own - 1, own - 2], "{log}");
}

#[test]
fn a_daemon_whose_own_limit_is_0_has_no_mark_and_doctor_says_so() {
    let check = |daemon: &Daemon| {
        let doctor = daemon.get("/v1/doctor");
        let checks = doctor["checks"].as_array().unwrap();
        checks.iter().find(|check| check["name"] == "worker mark").unwrap().clone()
    };
    let text = config_in("auto", &[("sh", "exit", OWN_LIMIT)]);
    let mut daemon = Daemon::prepare(&text);
    if !daemon.spawn_by("prlimit", &["--msgqueue=0"]) {
        skip("there is no prlimit");
        return;
    }
    daemon.wait_until_up();
    let found = check(&daemon);
    assert_eq!(found["health"], "warn", "{found}");
    assert!(found["message"].as_str().unwrap().contains("is 0"), "{found}");
    let id = daemon.create(json!({ "assignee": "sh" }));
    daemon.wait_status(&id, "done");
    let marked = Daemon::start(&text);
    let found = check(&marked);
    assert_eq!(found["health"], "ok", "{found}");
}
