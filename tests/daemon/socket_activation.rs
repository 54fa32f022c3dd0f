//! Sockets that a service manager has made: taken as they are, left as they are, so that a restart has no gap.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use kanband::api::client::Client;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::harness::{Daemon, config, until};

/// The sockets that `daemon` is to serve, made for it.
fn sockets(daemon: &Daemon) -> [(PathBuf, UnixListener); 2] {
    let workers = PathBuf::from(format!("{}.worker", daemon.socket().display()));
    [daemon.socket(), workers].map(|path| {
        let listener = UnixListener::bind(&path).unwrap();
        (path, listener)
    })
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn sockets_that_are_handed_over_are_served_in_any_order_and_left_alone() {
    let mut daemon = Daemon::prepare(&config(&[("sh", "exit", "kanban show $KANBAN_TASK")]));
    let [operators, workers] = sockets(&daemon);
    for (path, _) in [&operators, &workers] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o640)).unwrap();
    }
    daemon.spawn_with_sockets(&workers.1, Some(&operators.1));
    daemon.wait_until_up();
    // The worker calls on the workers' socket.
    let id = daemon.create(json!({ "assignee": "sh" }));
    daemon.wait_status(&id, "done");
    assert_eq!(daemon.outcomes(&id), ["completed"]);
    let flags = std::fs::read_to_string(format!("/proc/{}/fdinfo/3", daemon.pid())).unwrap();
    let flags = flags.lines().find_map(|line| line.strip_prefix("flags:")).unwrap();
    assert_ne!(i64::from_str_radix(flags.trim(), 8).unwrap() & 0o2_000_000, 0, "close on exec");
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.wait_end().code(), Some(0));
    for (path, _) in [&operators, &workers] {
        assert_eq!(mode(path), 0o640, "neither removed nor changed");
    }
}

#[test]
fn a_request_between_two_daemons_is_answered_by_the_second() {
    let mut daemon = Daemon::prepare(&config(&[]));
    let [operators, workers] = sockets(&daemon);
    daemon.spawn_with_sockets(&operators.1, Some(&workers.1));
    daemon.wait_until_up();
    let id = daemon.create(json!({}));
    daemon.signal(Signal::SIGTERM);
    daemon.wait_end();
    let socket = daemon.socket();
    let (asking, asked) = std::sync::mpsc::channel();
    let request = std::thread::spawn(move || {
        let client = Client::at(socket, None, false).unwrap();
        asking.send(()).unwrap();
        let shown: Value = client.get(&format!("/v1/tasks/{id}"), &json!({})).unwrap();
        shown["task"]["status"].clone()
    });
    asked.recv().unwrap();
    assert!(!request.is_finished(), "nobody is there to answer");
    daemon.spawn_with_sockets(&operators.1, Some(&workers.1));
    assert_eq!(request.join().unwrap(), "ready");
}

#[test]
fn sockets_that_do_not_fit_are_refused_in_one_line_and_nothing_is_made() {
    let mut daemon = Daemon::prepare(&config(&[]));
    let elsewhere = daemon.scratch().join("elsewhere");
    let other = UnixListener::bind(&elsewhere).unwrap();
    let operators = UnixListener::bind(daemon.socket()).unwrap();
    for (first, second, expected) in [
        (&operators, Some(&other), elsewhere.to_str().unwrap()),
        (&operators, None, "kanband.sock.worker is missing"),
        (&operators, Some(&operators), "twice"),
    ] {
        let before = daemon.log().len();
        daemon.spawn_with_sockets(first, second);
        assert_eq!(daemon.wait_end().code(), Some(78), "{}", daemon.log());
        let message = daemon.log().split_off(before);
        assert!(message.contains(expected) && message.lines().count() == 1, "{message}");
        assert!(!daemon.home().join("kanban.db").exists());
    }
    until("nothing", || daemon.socket().exists().then_some(()));
}
