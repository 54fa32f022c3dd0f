//! What a parent process may leave to the daemon, set up by a launcher that then becomes it.

use std::io::Read as _;
use std::os::fd::AsRawFd as _;
use std::process::Command;

use nix::sys::signal::Signal;
use serde_json::json;
use support::skip;

use crate::harness::{Daemon, config, is_alive, until};

/// What a worker tells of itself: its status, its limits, its priority, what it has open.
const TELL: &str = "cat /proc/self/status; umask; nice; echo slack $(cat /proc/self/timerslack_ns); \
                    cat /proc/self/limits; ls -l /proc/self/fd; pwd; exit 0";

/// The mask of every signal from 1 to 64 in a line of a status file.
fn signals(status: &str, line: &str) -> u64 {
    let value = status.lines().find_map(|found| found.strip_prefix(&format!("{line}:"))).unwrap();
    u64::from_str_radix(value.trim(), 16).unwrap()
}

fn bit(signal: Signal) -> u64 {
    1 << (signal as i32 - 1)
}

fn file_of(pid: i32, name: &str) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap()
}

/// Python says the least about how to do such things to a process.
fn has_python() -> bool {
    let has = Command::new("python3").arg("-c").arg("").status().is_ok_and(|it| it.success());
    if !has {
        skip("there is no Python to set it up with");
    }
    has
}

/// A daemon that was started by this Python script, in whose place it stands; `None` where the launcher cannot do it (99).
fn inheriting(script: &str, profiles: &[(&str, &str, &str)]) -> Option<Daemon> {
    launched_as(Daemon::prepare(&config(profiles)), script)
}

/// The same with a home that is prepared already.
fn launched_as(mut daemon: Daemon, script: &str) -> Option<Daemon> {
    if !has_python() {
        return None;
    }
    let script = format!(
        "import ctypes, os, resource, signal, sys\nlibc = ctypes.CDLL(None, use_errno=True)\n{script}\n\
         os.execv(sys.argv[1], sys.argv[1:])\n"
    );
    if !daemon.spawn_by("python3", &["-c", &script]) {
        skip(format_args!("{}", daemon.log()));
        return None;
    }
    daemon.wait_until_up();
    Some(daemon)
}

/// What a worker of that daemon told of itself.
fn worker(daemon: &Daemon) -> String {
    let id = daemon.create(json!({ "assignee": "tell" }));
    daemon.wait_status(&id, "done");
    daemon.wait_closed(&id);
    assert_eq!(daemon.outcomes(&id), ["completed"]);
    daemon.run_log(&id)
}

/// No child of the daemon waits to be reaped, and TERM ends it.
fn ends_well(daemon: &mut Daemon) {
    let pid = daemon.pid();
    until("its children to be reaped", || {
        let children = file_of(pid, &format!("task/{pid}/children"));
        children.split_whitespace().all(|child| is_alive(child.parse().unwrap())).then_some(())
    });
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.wait_end().code(), Some(0), "{}", daemon.log());
}

const TELLER: [(&str, &str, &str); 1] = [("tell", "exit", TELL)];

#[test]
fn signals_that_a_starter_has_blocked_or_ignored_are_neither_to_daemon_nor_worker() {
    let block = "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))";
    let ignore = "for s in range(1, 65):\n  try: signal.signal(s, signal.SIG_IGN)\n  except (OSError, ValueError): pass";
    for script in [block, ignore, &format!("{ignore}\n{block}")] {
        let Some(mut daemon) = inheriting(script, &TELLER) else { return };
        let status = file_of(daemon.pid(), "status");
        assert_eq!(signals(&status, "SigBlk"), 0, "{status}");
        let ignored = [Signal::SIGPIPE, Signal::SIGTTIN, Signal::SIGTTOU, Signal::SIGXFSZ];
        let ignored = ignored.iter().fold(0, |set, signal| set | bit(*signal));
        assert_eq!(signals(&status, "SigIgn"), ignored, "{status}");
        let message = worker(&daemon);
        assert_eq!((signals(&message, "SigBlk"), signals(&message, "SigIgn")), (0, 0), "{message}");
        ends_well(&mut daemon);
    }
}

#[test]
fn a_hang_up_that_nohup_has_ignored_reads_the_configuration_again() {
    let ignore = "signal.signal(signal.SIGHUP, signal.SIG_IGN)";
    let Some(mut daemon) = inheriting(ignore, &TELLER) else { return };
    daemon.configure(&config(&TELLER).with("dispatch.interval_seconds", 3599));
    daemon.signal(Signal::SIGHUP);
    until("the reload", || daemon.log().contains("interval_seconds").then_some(()));
    ends_well(&mut daemon);
}

#[test]
fn an_alarm_that_was_set_before_does_not_end_the_daemon() {
    let alarm = "for t in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF): signal.setitimer(t, 0.5)";
    let Some(mut daemon) = inheriting(alarm, &TELLER) else { return };
    crate::harness::let_pass(std::time::Duration::from_millis(700));
    worker(&daemon);
    ends_well(&mut daemon);
}

#[test]
fn files_of_the_home_are_private_and_a_worker_has_its_own_mask_whatever_the_starters_is() {
    use std::os::unix::fs::PermissionsExt as _;
    for mask in ["0", "0o777"] {
        let Some(mut daemon) = inheriting(&format!("os.umask({mask})"), &TELLER) else { return };
        let message = worker(&daemon);
        assert!(message.lines().any(|line| line == "0022"), "{message}");
        for entry in std::fs::read_dir(daemon.home()).unwrap().map(Result::unwrap) {
            let (name, mode) = (entry.file_name(), entry.metadata().unwrap().permissions().mode());
            let is_ours =
                !["kanband.toml", "kanband.sock.worker"].iter().any(|other| *other == name);
            let expected = if entry.file_type().unwrap().is_dir() { 0o700 } else { 0o600 };
            assert!(!is_ours || mode & 0o777 == expected, "umask {mask}: {name:?} has {mode:o}");
        }
        ends_well(&mut daemon);
    }
}

#[test]
fn a_daemon_without_standard_descriptors_has_none_of_its_files_in_their_place() {
    let Some(mut daemon) = inheriting("for fd in (0, 1, 2): os.close(fd)", &TELLER) else { return };
    for number in 0..3 {
        let link = std::fs::read_link(format!("/proc/{}/fd/{number}", daemon.pid())).unwrap();
        assert_eq!(link, std::path::Path::new("/dev/null"));
    }
    worker(&daemon);
    ends_well(&mut daemon);
}

#[test]
fn descriptors_that_a_starter_has_left_open_are_kept_open_by_nobody() {
    let (mut end, inherited) = std::io::pipe().unwrap();
    let number = inherited.as_raw_fd();
    // The launcher opens it again, as one that is inherited.
    let script = format!(
        "fd = os.open('/proc/{}/fd/{number}', os.O_WRONLY)\nfor n in (3, 9, 200): os.dup2(fd, n, inheritable=True)",
        std::process::id()
    );
    let Some(mut daemon) = inheriting(&script, &TELLER) else { return };
    drop(inherited);
    // Read to its end: no process has the other one.
    let read = std::thread::spawn(move || end.read_to_end(&mut Vec::new()).unwrap());
    until("the end of the pipe", || read.is_finished().then_some(()));
    let message = worker(&daemon);
    let open = message.lines().filter(|line| line.contains(" -> ")).count();
    // 0 to 2, and the directory that is being listed.
    assert_eq!(open, 4, "{message}");
    ends_well(&mut daemon);
}

#[test]
fn a_directory_in_which_the_daemon_was_started_may_go() {
    let script = "import tempfile\nd = tempfile.mkdtemp()\nos.chdir(d)\nos.rmdir(d)";
    let Some(mut daemon) = inheriting(script, &TELLER) else { return };
    let directory = std::fs::read_link(format!("/proc/{}/cwd", daemon.pid())).unwrap();
    assert_eq!(directory, std::path::Path::new("/"));
    assert!(worker(&daemon).contains("/workspaces/t_"));
    ends_well(&mut daemon);
}

#[test]
fn a_daemon_with_an_empty_environment_but_its_home_runs_workers_that_find_their_programs() {
    let mut daemon = Daemon::prepare(&config(&TELLER));
    let home = format!("KANBAN_HOME={}", daemon.home().display());
    if !daemon.spawn_by("env", &["-i", &home]) {
        panic!("{}", daemon.log());
    }
    daemon.wait_until_up();
    worker(&daemon);
    ends_well(&mut daemon);
}

#[test]
fn timers_of_daemon_and_worker_are_exact_whatever_slack_the_starter_has() {
    let script = "assert libc.prctl(29, 10**10, 0, 0, 0) == 0";
    let Some(mut daemon) = inheriting(script, &TELLER) else { return };
    assert_eq!(file_of(daemon.pid(), "timerslack_ns").trim(), "50000");
    let message = worker(&daemon);
    assert!(message.contains("slack 50000"), "{message}");
    ends_well(&mut daemon);
}

#[test]
fn orphans_are_no_children_of_a_daemon_whose_starter_was_a_sub_reaper() {
    let script = "setsid sh -c 'echo $$ > ../../orphan; exec sleep 600' & wait";
    let mut daemon = Daemon::prepare(&config(&[("leave", "exit", script)]));
    // What a dead shim leaves is looked at before it is ended.
    let hold = daemon.scratch().join("hold");
    daemon.arm(Some(&format!("remains-found=hold:{}@1", hold.display())));
    let sub_reaper = "assert libc.prctl(36, 1, 0, 0, 0) == 0";
    let Some(daemon) = launched_as(daemon, sub_reaper) else { return };
    let id = daemon.create(json!({ "assignee": "leave" }));
    daemon.worker_pid(&id);
    let file = daemon.home().join("orphan");
    let orphan: i32 =
        until("the orphan", || std::fs::read_to_string(&file).ok()?.trim().parse().ok());
    let run = kanband::os::run_files::directory::RunDir::new(daemon.home().join("runs/1"));
    let identity = kanband::os::run_files::directory::read_identity(&run).unwrap().unwrap();
    let shim = nix::unistd::Pid::from_raw(identity.shim.pid);
    nix::sys::signal::kill(shim, Signal::SIGKILL).unwrap();
    until("the daemon to notice", || hold.exists().then_some(()));
    let stat = file_of(orphan, "stat");
    let parent = stat.rsplit(')').next().unwrap().split_whitespace().nth(1).unwrap();
    assert_ne!(parent, daemon.pid().to_string(), "{stat}");
    std::fs::remove_file(&hold).unwrap();
}

#[test]
fn a_raised_priority_is_the_daemons_and_a_lowered_one_its_workers_too() {
    for (script, worker_nice) in [
        ("os.setpriority(os.PRIO_PROCESS, 0, -5)", "0"),
        ("os.setpriority(os.PRIO_PROCESS, 0, 5)", "5"),
    ] {
        let script = format!("try:\n  {script}\nexcept PermissionError: os._exit(99)");
        let Some(mut daemon) = inheriting(&script, &TELLER) else { return };
        let message = worker(&daemon);
        assert!(message.lines().any(|line| line == worker_nice), "{worker_nice}: {message}");
        ends_well(&mut daemon);
    }
    let script = "try: os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))\nexcept PermissionError: os._exit(99)";
    let profiles = [TELLER[0], ("stay", "exit", "exec sleep 600")];
    let Some(daemon) = inheriting(script, &profiles) else { return };
    let id = daemon.create(json!({ "assignee": "stay" }));
    let stat = file_of(daemon.worker_pid(&id), "stat");
    // The scheduling policy is field 41; the name before it may hold blanks.
    let policy = stat.rsplit(')').next().unwrap().split_whitespace().nth(41 - 3).unwrap();
    assert_eq!(policy, "0", "{stat}");
}

#[test]
fn a_worker_has_the_limits_that_the_daemon_was_started_with() {
    let limits = "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n\
                  resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, 1 << 30))\n\
                  resource.setrlimit(resource.RLIMIT_NOFILE, (300, 600))\n\
                  resource.setrlimit(resource.RLIMIT_STACK, (4 << 20, 8 << 20))";
    let Some(mut daemon) = inheriting(limits, &TELLER) else { return };
    let message = worker(&daemon);
    for (name, soft, hard) in [
        ("Max core file size", "0", "0"),
        ("Max file size", "1073741824", "1073741824"),
        ("Max open files", "300", "600"),
        ("Max stack size", "4194304", "8388608"),
    ] {
        let line = message.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[..2], [soft, hard], "{name}: {message}");
    }
    ends_well(&mut daemon);
}

#[test]
fn a_file_size_limit_is_an_error_and_not_the_end_of_the_daemon() {
    let limit = "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))";
    let text = "[disk]\nreserve_bytes = 0\nmin_free_bytes = 0\n";
    if !has_python() {
        return;
    }
    let mut daemon = Daemon::prepare(text);
    // The launcher's own runtime ignores the signal.
    let script = format!(
        "import os, resource, signal, sys\nsignal.signal(signal.SIGXFSZ, signal.SIG_DFL)\n{limit}\n\
         os.execv(sys.argv[1], sys.argv[1:])\n"
    );
    assert!(daemon.spawn_by("python3", &["-c", &script]), "{}", daemon.log());
    daemon.wait_until_up();
    let large = json!({ "title": "large", "body": "x".repeat(200_000) });
    until("a write beyond the limit", || {
        daemon.client().post::<serde_json::Value>("/v1/tasks", &large).err()
    });
    daemon.get("/v1/daemon");
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.wait_end().code(), Some(0), "{}", daemon.log());
}

#[test]
fn what_a_starter_has_taken_away_for_good_is_no_hindrance_and_its_capabilities_are_no_workers() {
    // no_new_privs; keep capabilities and no root without them, locked.
    let bits = "assert libc.prctl(38, 1, 0, 0, 0) == 0\nlibc.prctl(8, 1, 0, 0, 0)\nlibc.prctl(28, 0b1111, 0, 0, 0)";
    let Some(mut daemon) = inheriting(bits, &TELLER) else { return };
    worker(&daemon);
    ends_well(&mut daemon);
    let mut daemon = Daemon::prepare(&config(&TELLER));
    if !nix::unistd::geteuid().is_root() {
        skip("only root can give a capability away");
        return;
    }
    daemon.give_to(1, 1);
    let with = [
        "--reuid=1",
        "--regid=1",
        "--clear-groups",
        "--inh-caps=+net_bind_service",
        "--ambient-caps=+net_bind_service",
        "--",
    ];
    assert!(daemon.spawn_by("setpriv", &with), "{}", daemon.log());
    daemon.wait_until_up();
    assert_ne!(signals(&file_of(daemon.pid(), "status"), "CapAmb"), 0);
    let message = worker(&daemon);
    assert_eq!((signals(&message, "CapAmb"), signals(&message, "CapEff")), (0, 0), "{message}");
    ends_well(&mut daemon);
}

#[test]
fn children_of_the_command_line_are_waited_for_although_its_starter_ignores_their_end() {
    if !has_python() {
        return;
    }
    let daemon = Daemon::start(&config(&[("tell", "exit", "exit 0")]));
    let script = "import os, signal, sys\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\nos.execv(sys.argv[1], sys.argv[1:])";
    let mut command = Command::new("python3")
        .args(["-c", script, env!("CARGO_BIN_EXE_kanban"), "daemon", "--force", "--pidfile"])
        .arg(daemon.scratch().join("pid"))
        .env("KANBAN_HOME", daemon.home())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    // The daemon that it starts is the second one here, and its end is known.
    let status = until("its end", || command.try_wait().unwrap());
    assert_eq!(status.code(), Some(75));
}
