//! A `/proc` that hides processes of other users (`hidepid`), in a mount namespace of the test's own.
//!
//! The daemon is `daemon`'s (user and group 1), so its callers have to be, too: to it the test itself, root's, is hidden. Only
//! root can play this.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::skip;

use crate::harness::{Config, Daemon, config, is_alive, until};

/// The options that hide something.
const OPTIONS: [&str; 3] = ["noaccess", "invisible", "ptraceable"];

/// Mounts such a `/proc` and becomes the daemon's user.
fn script(option: &str) -> String {
    format!(
        "mount -t proc -o hidepid={option} proc /proc || exit 99; \
         exec setpriv --reuid=1 --regid=1 --clear-groups --inh-caps=-all -- \"$0\" \"$@\""
    )
}

/// A daemon under a `/proc` that hides, serving; none where that cannot be had.
fn start(option: &str, config: &Config) -> Option<Daemon> {
    let mut daemon = Daemon::prepare(config);
    if !nix::unistd::geteuid().is_root() {
        skip("only root can mount a /proc");
        return None;
    }
    daemon.give_to(1, 1);
    daemon.set("HOME", daemon.scratch().to_str().unwrap().to_owned().as_str());
    spawn(&mut daemon, option).then_some(daemon)
}

fn spawn(daemon: &mut Daemon, option: &str) -> bool {
    let script = script(option);
    if !daemon.spawn_by("unshare", &["--mount", "sh", "-c", &script]) {
        skip(format_args!("no /proc with hidepid={option} can be mounted here"));
        return false;
    }
    until("the daemon", || said(daemon, &["stats"]).status.success().then_some(()));
    true
}

/// What `kanban` says to `daemon`'s own user.
fn said(daemon: &Daemon, arguments: &[&str]) -> Output {
    let mut call = Command::new(env!("CARGO_BIN_EXE_kanban"));
    call.args(arguments).env_clear().env("KANBAN_HOME", daemon.home()).env("PATH", "/usr/bin:/bin");
    call.uid(1).gid(1).current_dir("/").stdin(Stdio::null()).output().unwrap()
}

fn message(daemon: &Daemon, arguments: &[&str]) -> String {
    let output = said(daemon, arguments);
    let message = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{arguments:?}: {output:?}\n{}", daemon.log());
    message
}

fn create(daemon: &Daemon, profile: &str) -> String {
    let message = message(daemon, &["create", "a task", "--assignee", profile]);
    message.split_whitespace().nth(1).unwrap().to_owned()
}

/// A column of the newest run of a task, from the database: the test itself is nobody whom the daemon would tell.
fn newest(daemon: &Daemon, id: &str, column: &str) -> Option<String> {
    let connection = rusqlite::Connection::open(daemon.home().join("kanban.db")).unwrap();
    let sql = format!(
        "SELECT CAST({column} AS TEXT) FROM task_runs WHERE task_id = ?1 ORDER BY id DESC LIMIT 1"
    );
    connection.query_row(&sql, [id], |row| row.get(0)).unwrap_or_default()
}

fn wait_outcome(daemon: &Daemon, id: &str, expected: &str) {
    until("the run's end", || newest(daemon, id, "closed_at"));
    assert_eq!(newest(daemon, id, "outcome").as_deref(), Some(expected), "{}", daemon.log());
}

#[test]
fn where_proc_hides_others_a_users_own_daemon_serves_its_user_and_no_worker_passes_for_one() {
    // The second one is below a process of the run that nobody may look into.
    let pause = "kanban pause > told 2>&1; \
        env -i PATH=\"$PATH\" KANBAN_SOCKET=\"${KANBAN_SOCKET%.worker}\" setsid python3 -c \
        'import ctypes, subprocess; ctypes.CDLL(None).prctl(4, 0, 0, 0, 0); \
         subprocess.run([\"setsid\", \"-w\", \"kanban\", \"pause\"])' > hidden 2>&1; \
        kanban comment $KANBAN_TASK placed; mv told hidden ../..; exit 0";
    for option in OPTIONS {
        let Some(daemon) = start(option, &config(&[("sh", "exit", pause)])) else { return };
        let id = create(&daemon, "sh");
        wait_outcome(&daemon, &id, "completed");
        let read = |file: &str| std::fs::read_to_string(daemon.home().join(file)).unwrap();
        assert!(read("told").contains("may not"), "{option}: {}", read("told"));
        let hidden = read("hidden");
        if hidden.contains("python3: not found") {
            skip("a process that hides, without Python");
        } else {
            assert!(hidden.contains("hides an ancestor"), "{option}: {hidden}");
        }
        assert!(!message(&daemon, &["status"]).contains("paused"), "{option}");
        let shown = message(&daemon, &["show", &id]);
        assert!(shown.contains("placed") && shown.contains("sh"), "{option}: {shown}");
        let doctor = String::from_utf8(said(&daemon, &["doctor"]).stdout).unwrap();
        assert!(doctor.contains(&format!("(hidepid={option})")), "{doctor}");
    }
}

#[test]
fn a_caller_that_is_hidden_itself_is_refused_with_the_mount_option() {
    let Some(daemon) = start("invisible", &config(&[])) else { return };
    let refused = daemon.client().get::<serde_json::Value>("/v1/tasks", &serde_json::json!({}));
    let refused = refused.unwrap_err().to_string();
    assert!(
        refused.contains("cannot identify the calling process") && refused.contains("hidepid"),
        "{refused}"
    );
}

#[test]
fn where_proc_hides_others_runs_are_adopted_and_those_of_a_dead_shim_are_ended() {
    for option in OPTIONS {
        let script = "[ $KANBAN_RUN = 1 ] || exec sleep 600; trap '' TERM; sleep 600 & wait; wait";
        let Some(mut daemon) = start(option, &config(&[("sh", "exit", script)])) else { return };
        let id = create(&daemon, "sh");
        let worker = until("the worker", || newest(&daemon, &id, "worker_pid"));
        daemon.kill_9();
        assert!(spawn(&mut daemon, option));
        assert_eq!(newest(&daemon, &id, "outcome"), None, "{option}: it is the same run");
        let run = kanband::os::run_files::directory::RunDir::new(daemon.home().join("runs/1"));
        let identity = kanband::os::run_files::directory::read_identity(&run).unwrap().unwrap();
        kill(Pid::from_raw(identity.shim.pid), Signal::SIGKILL).unwrap();
        let first = || {
            let connection = rusqlite::Connection::open(daemon.home().join("kanban.db")).unwrap();
            let sql = "SELECT outcome FROM task_runs WHERE id = 1 AND closed_at IS NOT NULL";
            connection.query_row(sql, [], |row| row.get::<_, String>(0)).ok()
        };
        assert_eq!(until("its end", first), "lost", "{option}");
        assert!(!is_alive(worker.parse().unwrap()), "{option}");
    }
}

#[test]
fn a_worker_that_nobody_may_look_into_is_seen_to_start_to_compute_and_to_leave_nothing() {
    // A program that its user may execute and not read is hidden even from its own user. It computes in silence for longer than
    // the limit on silence, and leaves a process behind that is hidden as well.
    let script =
        "../../sleeper 600 & end=$(($(date +%s) + 4)); while [ $(date +%s) -lt $end ]; do :; done";
    let text = config(&[("sh", "exit", script)])
        .with("supervision.progress_timeout", "1s")
        .with("profiles.sh.argv", vec!["../../shell", "-c", script]);
    for option in ["noaccess", "invisible"] {
        let Some(daemon) = start(option, &text) else { return };
        for (name, program) in [("shell", "/bin/sh"), ("sleeper", "/bin/sleep")] {
            let copy = daemon.home().join(name);
            std::fs::copy(program, &copy).unwrap();
            std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(0o111)).unwrap();
        }
        let id = create(&daemon, "sh");
        until("the worker", || newest(&daemon, &id, "worker_pid"));
        wait_outcome(&daemon, &id, "completed");
    }
}

#[test]
fn a_hidden_process_that_a_worker_leaves_behind_is_swept() {
    let script = "../../sleeper 600 & echo $! > ../../left; exit 0";
    let Some(daemon) = start("invisible", &config(&[("sh", "exit", script)])) else { return };
    let copy = daemon.home().join("sleeper");
    std::fs::copy("/bin/sleep", &copy).unwrap();
    std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(0o111)).unwrap();
    let id = create(&daemon, "sh");
    wait_outcome(&daemon, &id, "completed");
    let left = std::fs::read_to_string(daemon.home().join("left")).unwrap();
    assert!(!is_alive(left.trim().parse().unwrap()));
}

#[test]
fn a_run_whose_shim_died_keeps_its_slot_while_a_hidden_process_of_it_lives() {
    let script = "../../sleeper 600 & echo $! > ../../left; wait";
    let Some(daemon) = start("invisible", &config(&[("sh", "exit", script)])) else { return };
    let copy = daemon.home().join("sleeper");
    std::fs::copy("/bin/sleep", &copy).unwrap();
    std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(0o111)).unwrap();
    let id = create(&daemon, "sh");
    let left: i32 = until("the hidden process", || {
        std::fs::read_to_string(daemon.home().join("left")).ok()?.trim().parse().ok()
    });
    until("the worker", || newest(&daemon, &id, "worker_pid"));
    let run = kanband::os::run_files::directory::RunDir::new(daemon.home().join("runs/1"));
    let identity = kanband::os::run_files::directory::read_identity(&run).unwrap().unwrap();
    kill(Pid::from_raw(identity.shim.pid), Signal::SIGKILL).unwrap();
    until("a word of it", || daemon.log().contains("the slot stays occupied").then_some(()));
    assert!(is_alive(left));
    assert_eq!(
        (newest(&daemon, &id, "id"), newest(&daemon, &id, "closed_at")),
        (Some("1".into()), None)
    );
    message(&daemon, &["pause"]);
    kill(Pid::from_raw(left), Signal::SIGKILL).unwrap();
    wait_outcome(&daemon, &id, "lost");
}

#[test]
fn a_daemon_that_could_not_see_the_workers_of_other_users_is_refused_with_the_mount_option() {
    let holder = "[supervision]\nholder = \"/nowhere/holder.sock\"\n";
    for option in OPTIONS {
        let mut daemon = Daemon::prepare(holder);
        if !nix::unistd::geteuid().is_root() {
            skip("only root can mount a /proc");
            return;
        }
        daemon.give_to(1, 1);
        let mut start = Command::new("unshare");
        start.args(["--mount", "sh", "-c", &script(option), env!("CARGO_BIN_EXE_kanband")]);
        let output = start.env("KANBAN_HOME", daemon.home()).stdin(Stdio::null()).output().unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        if output.status.code() == Some(99) || message.starts_with("unshare:") {
            skip(format_args!("no /proc with hidepid={option} can be mounted here"));
            return;
        }
        assert_eq!(output.status.code(), Some(78), "{option}: {message}");
        let expected = format!("kanband: /proc is mounted with hidepid={option}: ");
        assert!(message.starts_with(&expected) && message.lines().count() == 1, "{message}");
        assert!(!daemon.home().join("kanban.db").exists(), "nothing is made");
    }
}

/// Runs a test of the holder again, under a `/proc` that hides others from everybody but the group of the daemon.
#[test]
fn where_the_daemon_is_in_the_group_of_the_mount_a_holder_works_as_ever() {
    let test = "held::a_task_runs_as_its_user_and_nobody_has_a_right_that_he_does_not_need";
    let script = "mount -t proc -o hidepid=invisible,gid=1 proc /proc || exit 99; exec \"$0\" --exact \"$1\" --nocapture";
    let mut again = Command::new("unshare");
    again.args(["--mount", "sh", "-c", script]).arg(std::env::current_exe().unwrap()).arg(test);
    let output = again.stdin(Stdio::null()).output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(99) || message.starts_with("unshare:") {
        skip("no /proc with hidepid can be mounted here");
        return;
    }
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && shown.contains("1 passed"), "{shown}\n{message}");
}
