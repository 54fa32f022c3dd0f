//! The sockets while the daemon runs: removed, renamed, replaced, and what becomes of the work meanwhile.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use kanband::api::client::NextLine;
use nix::sys::signal::Signal;
use serde_json::json;
use support::skip;

use crate::harness::{Daemon, config, let_pass, until};

/// Whether both sockets lead to a daemon.
fn leads_in(daemon: &Daemon) -> Option<()> {
    let is_open = |path: PathBuf| UnixStream::connect(path).is_ok();
    let answers = daemon.client().get::<serde_json::Value>("/v1/daemon", &json!({})).is_ok();
    (answers && is_open(daemon.worker_socket())).then_some(())
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// A daemon whose sockets are in a directory of their own, two levels below the test's.
fn with_own_directory() -> (Daemon, PathBuf) {
    let mut daemon = Daemon::prepare(&config(&[]));
    let directory = daemon.scratch().join("run/kanband");
    daemon.set("KANBAN_SOCKET", directory.join("k.sock").to_str().unwrap());
    daemon.spawn();
    daemon.wait_until_up();
    (daemon, directory)
}

#[test]
fn sockets_that_are_removed_or_renamed_are_made_again_and_open_connections_continue() {
    let daemon = Daemon::start(&config(&[("sh", "report", "sleep 600")]));
    let client = daemon.client();
    let mut lines = client.lines("/v1/events", &json!({ "follow": true })).unwrap();
    let away = daemon.scratch().join("away");
    let remove = |path: &Path| std::fs::remove_file(path).unwrap();
    let rename = |path: &Path| std::fs::rename(path, &away).unwrap();
    let moments: [&dyn Fn(&Path); 2] = [&remove, &rename];
    for moment in moments {
        for paths in [
            vec![daemon.socket()],
            vec![daemon.worker_socket()],
            vec![daemon.socket(), daemon.worker_socket()],
        ] {
            paths.iter().for_each(|path| moment(path));
            until("the sockets", || leads_in(&daemon));
            assert_eq!((mode(&daemon.socket()), mode(&daemon.worker_socket())), (0o600, 0o666));
        }
    }
    let id = daemon.create(json!({}));
    let message = until("the event", || match lines.next(None) {
        NextLine::Line(line) => Some(line),
        NextLine::End | NextLine::Timeout | NextLine::Interrupted => panic!("the stream has ended"),
    });
    assert!(message.contains(&id), "{message}");
    assert!(daemon.log().contains("recreating the socket"), "{}", daemon.log());
}

#[test]
fn a_look_at_the_sockets_that_hangs_holds_up_no_task_and_the_socket_is_made_after_it() {
    let mut daemon = Daemon::prepare(&config(&[("sh", "exit", "exit 0")]));
    let held = daemon.scratch().join("held");
    daemon.arm(Some(&format!("doors-look=hold:{}@1", held.display())));
    daemon.spawn();
    daemon.wait_until_up();
    until("the look that hangs", || held.exists().then_some(()));
    std::fs::remove_file(daemon.worker_socket()).unwrap();
    let id = daemon.create(json!({ "assignee": "sh" }));
    daemon.wait_status(&id, "done");
    daemon.wait_closed(&id);
    assert!(!daemon.worker_socket().exists(), "the look still hangs");
    std::fs::remove_file(held).unwrap();
    until("the sockets", || leads_in(&daemon));
    daemon.signal(Signal::SIGTERM);
    daemon.wait_end();
    assert!(!daemon.socket().exists() && !daemon.worker_socket().exists());
}

#[test]
fn a_socket_that_is_removed_again_and_again_is_made_as_often() {
    let daemon = Daemon::start(&config(&[]));
    for _ in 0..10 {
        std::fs::remove_file(daemon.worker_socket()).unwrap();
        until("the sockets", || leads_in(&daemon));
    }
}

#[test]
fn a_directory_of_sockets_that_is_removed_or_renamed_with_those_above_it_is_made_again() {
    let (daemon, directory) = with_own_directory();
    let above = directory.parent().unwrap().to_owned();
    for (at, gone) in [&directory, &above].into_iter().enumerate() {
        // The daemon may make a socket in it meanwhile.
        until("its end", || std::fs::remove_dir_all(gone).ok());
        until("the sockets", || leads_in(&daemon));
        assert_eq!(mode(&directory), 0o700);
        std::fs::rename(gone, daemon.scratch().join(format!("away-{at}"))).unwrap();
        until("the sockets", || leads_in(&daemon));
    }
}

#[test]
fn sockets_whose_directory_cannot_be_made_yet_are_made_when_it_can() {
    let (daemon, directory) = with_own_directory();
    let above = directory.parent().unwrap();
    std::fs::rename(above, daemon.scratch().join("away")).unwrap();
    std::fs::write(above, "in the way").unwrap();
    // The daemon may have been faster.
    until("the loss", || {
        daemon.log().contains("the socket is gone; clients cannot connect to it").then_some(())
    });
    assert!(leads_in(&daemon).is_none());
    std::fs::remove_file(above).unwrap();
    until("the sockets", || leads_in(&daemon));
}

#[test]
fn what_somebody_else_has_put_in_the_place_of_a_socket_stays_until_they_take_it_away() {
    let daemon = Daemon::start(&config(&[]));
    let (path, beside) = (daemon.socket(), daemon.scratch().join("beside"));
    for (what, message) in [
        ("file", "a regular file is in its place"),
        ("directory", "a directory is in its place"),
        ("link", "a symbolic link is in its place"),
        ("socket", "another process"),
    ] {
        let mut stranger = None;
        match what {
            "file" => std::fs::write(&beside, "mine").unwrap(),
            "directory" => std::fs::create_dir(&beside).unwrap(),
            "link" => std::os::unix::fs::symlink("/nowhere", &beside).unwrap(),
            _ => stranger = Some(UnixListener::bind(&beside).unwrap()),
        }
        let before = daemon.log().len();
        // Exchanged in one step: the path is never free for the daemon.
        nix::fcntl::renameat2(
            nix::fcntl::AT_FDCWD,
            &beside,
            nix::fcntl::AT_FDCWD,
            &path,
            nix::fcntl::RenameFlags::RENAME_EXCHANGE,
        )
        .unwrap();
        std::fs::remove_file(&beside).unwrap();
        until("the loss in the log", || daemon.log()[before..].contains(message).then_some(()));
        let checks = until("a word of it", || {
            let socket = daemon.worker_socket();
            UnixStream::connect(socket).ok()
        });
        drop(checks);
        let there = std::fs::symlink_metadata(&path).unwrap().file_type();
        if there.is_dir() {
            std::fs::remove_dir(&path).unwrap();
        } else {
            std::fs::remove_file(&path).unwrap();
        }
        until("the sockets", || leads_in(&daemon));
        drop(stranger);
    }
}

#[test]
fn a_leftover_in_the_place_of_a_socket_is_replaced() {
    let daemon = Daemon::start(&config(&[]));
    let beside = daemon.scratch().join("beside");
    drop(UnixListener::bind(&beside).unwrap());
    std::fs::rename(&beside, daemon.socket()).unwrap();
    until("the sockets", || leads_in(&daemon));
}

#[test]
fn at_its_end_the_daemon_removes_its_own_sockets_and_no_others() {
    let mut daemon = Daemon::start(&config(&[]));
    let beside = daemon.scratch().join("beside");
    let stranger = UnixListener::bind(&beside).unwrap();
    std::fs::rename(&beside, daemon.worker_socket()).unwrap();
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.wait_end().code(), Some(0));
    assert!(!daemon.socket().exists());
    assert!(UnixStream::connect(daemon.worker_socket()).is_ok(), "the stranger's is there");
    drop(stranger);
}

#[test]
fn a_home_that_was_renamed_is_not_made_anew_and_leads_in_when_it_is_back() {
    let daemon = Daemon::start(&config(&[]));
    let away = daemon.scratch().join("away");
    std::fs::rename(daemon.home(), &away).unwrap();
    until("the loss in the log", || daemon.log().contains("was renamed").then_some(()));
    std::fs::create_dir(daemon.home()).unwrap();
    daemon.signal(Signal::SIGHUP);
    until("another look", || (daemon.log().matches("setting changed").count() >= 5).then_some(()));
    let made: Vec<_> = std::fs::read_dir(daemon.home()).unwrap().collect();
    assert!(made.is_empty(), "{made:?}");
    std::fs::remove_dir(daemon.home()).unwrap();
    std::fs::rename(&away, daemon.home()).unwrap();
    until("the sockets", || leads_in(&daemon));
    daemon.create(json!({}));
}

/// Workers that end when the test says so; those after the first do not end by themselves.
const ENDING: &str =
    "[ $KANBAN_RUN -le 3 ] || exec sleep 600; while [ ! -e ../../go ]; do sleep 0.02; done; ";

#[test]
fn a_worker_that_ends_while_its_socket_cannot_be_made_is_lost_and_charged_to_nobody() {
    let ends = |code: u8| format!("{ENDING} exit {code}");
    let daemon = Daemon::start(&config(&[
        ("silent", "report", &ends(0)),
        ("failing", "report", &ends(3)),
        ("command", "exit", &ends(3)),
    ]));
    let ids: Vec<String> = ["silent", "failing", "command"]
        .iter()
        .map(|profile| daemon.create(json!({ "assignee": profile })))
        .collect();
    for id in &ids {
        daemon.worker_pid(id);
    }
    daemon.post("/v1/dispatch/switch", &json!({ "to": "paused" }));
    let path = daemon.worker_socket();
    std::fs::write(daemon.scratch().join("beside"), "").unwrap();
    std::fs::rename(daemon.scratch().join("beside"), &path).unwrap();
    until("the loss in the log", || {
        daemon.log().contains("the socket is gone; clients cannot connect to it").then_some(())
    });
    let checks = daemon.get("/v1/doctor")["checks"].to_string();
    assert!(checks.contains("a regular file is in its place"), "{checks}");
    std::fs::write(daemon.home().join("go"), "").unwrap();
    ids.iter().for_each(|id| daemon.wait_closed(id));
    for (id, outcome, code) in [(&ids[0], "lost", 0), (&ids[1], "lost", 3), (&ids[2], "crashed", 3)]
    {
        let run = daemon.runs(id)[0].clone();
        assert_eq!(
            (&run["outcome"], &run["exit_code"]),
            (&json!(outcome), &json!(code)),
            "{run:#}"
        );
        let is_named = run["error"].as_str().unwrap().contains(path.to_str().unwrap());
        assert_eq!(is_named, outcome == "lost", "{run:#}");
        let failures = daemon.show(id)["task"]["spawn_failures"].clone();
        assert_eq!(failures, json!(i32::from(outcome == "crashed")), "{outcome}");
    }
    std::fs::remove_file(&path).unwrap();
    until("the sockets", || leads_in(&daemon));
}

/// Puts what happened on the board back by this time: as if the daemon had been idle, or away, for as long.
fn age_events(daemon: &Daemon, seconds: i64) {
    let connection = rusqlite::Connection::open(daemon.home().join("kanban.db")).unwrap();
    connection.execute("UPDATE task_events SET created_at = created_at - ?1", [seconds]).unwrap();
}

#[test]
fn a_worker_that_ends_long_after_the_last_daemon_is_lost_and_one_that_ends_soon_has_failed() {
    let script = format!("{ENDING} exit 3");
    for (seconds, outcome) in [(0, "crashed"), (120, "lost")] {
        let mut daemon = Daemon::start(&config(&[("failing", "report", &script)]));
        let id = daemon.create(json!({ "assignee": "failing" }));
        daemon.worker_pid(&id);
        daemon.post("/v1/dispatch/switch", &json!({ "to": "paused" }));
        daemon.kill_9();
        std::fs::write(daemon.home().join("go"), "").unwrap();
        let record = daemon.home().join("runs/1/exit");
        until("the exit record", || record.exists().then_some(()));
        age_events(&daemon, seconds);
        daemon.restart();
        daemon.wait_closed(&id);
        let run = daemon.runs(&id)[0].clone();
        assert_eq!((&run["outcome"], &run["exit_code"]), (&json!(outcome), &json!(3)), "{run:#}");
    }
}

#[test]
fn a_worker_that_reports_while_its_socket_is_made_again_has_done_its_work() {
    let script = "kanban heartbeat $KANBAN_TASK >/dev/null; touch ../../called; while [ ! -e ../../go ]; do sleep 0.02; done; \
                  kanban complete $KANBAN_TASK --summary finished";
    let daemon = Daemon::start(&config(&[("agent", "report", script)]));
    let id = daemon.create(json!({ "assignee": "agent" }));
    until("the worker", || daemon.home().join("called").exists().then_some(()));
    let (path, beside) = (daemon.worker_socket(), daemon.scratch().join("beside"));
    std::fs::write(&beside, "").unwrap();
    std::fs::rename(&beside, &path).unwrap();
    std::fs::write(daemon.home().join("go"), "").unwrap();
    until("the loss in the log", || {
        daemon.log().contains("the socket is gone; clients cannot connect to it").then_some(())
    });
    // It calls by now, and is not heard.
    let_pass(std::time::Duration::from_millis(300));
    assert_eq!(daemon.status(&id), "running");
    std::fs::remove_file(&path).unwrap();
    daemon.wait_status(&id, "done");
    assert_eq!(daemon.outcomes(&id), ["completed"]);
}

#[test]
fn sockets_of_a_service_manager_are_left_lost_with_what_helps() {
    let mut daemon = Daemon::prepare(&config(&[("sh", "report", "sleep 600")]));
    let operators = UnixListener::bind(daemon.socket()).unwrap();
    let workers = UnixListener::bind(daemon.worker_socket()).unwrap();
    daemon.spawn_with_sockets(&operators, Some(&workers));
    daemon.wait_until_up();
    std::fs::remove_file(daemon.worker_socket()).unwrap();
    let remedy = "systemctl restart kanband.socket kanband.service";
    until("the loss in the log", || daemon.log().contains(remedy).then_some(()));
    let doctor = daemon.get("/v1/doctor");
    let checks = doctor["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == "workers' socket").unwrap();
    assert_eq!(check["health"], "fail", "{check}");
    assert!(check["fix"].as_str().unwrap().contains(remedy), "{check}");
    daemon.signal(Signal::SIGHUP);
    until("the reload", || (daemon.log().matches("configuration").count() > 0).then_some(()));
    assert!(!daemon.worker_socket().exists(), "only the service manager makes it");
}

#[test]
fn where_no_inotify_instance_is_to_be_had_the_slow_tick_finds_a_lost_socket_and_doctor_says_so() {
    let text = config(&[]).with("dispatch.interval_seconds", 1);
    let mut daemon = Daemon::prepare(&text);
    // In a user namespace of its own, whose limit is nobody else's.
    let script = "echo 0 > /proc/sys/user/max_inotify_instances || exit 99; exec \"$0\"";
    if !daemon.spawn_by("unshare", &["--user", "--map-root-user", "sh", "-c", script]) {
        skip("no user namespace can be made here");
        return;
    }
    daemon.wait_until_up();
    let doctor = daemon.get("/v1/doctor");
    let checks = doctor["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == "file watch").unwrap();
    assert_eq!(check["health"], "warn", "{check}");
    assert!(check["fix"].as_str().unwrap().contains("fs.inotify.max_user_instances"), "{check}");
    std::fs::remove_file(daemon.socket()).unwrap();
    until("the sockets", || leads_in(&daemon));
}

#[test]
fn a_mode_that_an_operator_sets_stays_and_a_worker_that_it_shuts_out_is_lost() {
    let script = format!("{ENDING} exit 0");
    let mut daemon = Daemon::prepare(&config(&[("silent", "report", &script)]));
    if !nix::unistd::geteuid().is_root() {
        skip("only root can start a daemon of another user");
        return;
    }
    daemon.give_to(1, 1);
    daemon.spawn();
    daemon.wait_until_up();
    let id = daemon.create(json!({ "assignee": "silent" }));
    daemon.worker_pid(&id);
    daemon.post("/v1/dispatch/switch", &json!({ "to": "paused" }));
    set_mode(&daemon.worker_socket(), 0o000);
    until("the loss in the log", || {
        daemon.log().contains("denies access to workers").then_some(())
    });
    std::fs::write(daemon.home().join("go"), "").unwrap();
    daemon.wait_closed(&id);
    assert_eq!(daemon.outcomes(&id), ["lost"]);
    assert_eq!(mode(&daemon.worker_socket()), 0o000, "an operator has set it");
}
