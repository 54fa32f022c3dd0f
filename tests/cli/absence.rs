//! A daemon that does not answer: one that is starting is waited for, and every other reason is named with what helps.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Stdio};

use support::skip;

use crate::harness::{Board, Location, Said, until};

/// A daemon that has its home and not yet its socket, for as long as the file `hold` is there.
struct Starting {
    location: Location,
    daemon: Child,
}

impl Starting {
    fn new() -> Self {
        let location = Location::new();
        let hold = location.path("hold");
        let point = format!("migrate-before-commit=hold:{}@1", hold.display());
        let mut daemon = location.daemon_command();
        let daemon = daemon.env("KANBAND_FAIL_POINTS", point).spawn().unwrap();
        until("the daemon to have its home", || hold.exists().then_some(()));
        Self { location, daemon }
    }

    fn list(&self) -> Child {
        let mut list = self.location.command(["list"]);
        list.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        self.daemon.kill().unwrap();
        self.daemon.wait().unwrap();
    }
}

#[test]
fn a_daemon_that_is_starting_is_waited_for() {
    let starting = Starting::new();
    let mut list = starting.list();
    assert!(list.try_wait().unwrap().is_none(), "it has given up at once");
    std::fs::remove_file(starting.location.path("hold")).unwrap();
    assert_eq!(Said::of_child(list).ok(), "(no matching tasks)\n");
}

#[test]
fn one_that_takes_long_to_start_is_named_in_the_end() {
    let starting = Starting::new();
    let message = Said::of_child(starting.list()).failed(4);
    let pid = format!("a daemon is running (pid {})", starting.daemon.id());
    assert!(message.contains(&pid) && message.contains("it is starting"), "{message}");
}

#[test]
fn without_a_daemon_each_reason_is_told_with_what_helps() {
    let location = Location::new();
    let hint = |expected: &[&str]| {
        let message = location.say(["list"]).failed(4);
        let hint = message.lines().find(|line| line.starts_with("hint: ")).unwrap();
        assert!(expected.iter().all(|words| hint.contains(words)), "{expected:?}: {message}");
        let doctor = location.say(["doctor"]);
        assert_eq!(doctor.code, 4, "{doctor:?}");
        doctor.out
    };
    hint(&["no database in", "`kanban init` creates one in", "with `kanband -d`"]);
    location.say(["init"]).ok();
    hint(&["start one with `kanband -d`"]);
    let socket = location.home().join("kanband.sock");
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let message = hint(&["start one with `kanband -d`"]);
    assert!(message.contains("no daemon answers on"), "{message}");
    std::fs::remove_file(&socket).unwrap();
    std::fs::create_dir(&socket).unwrap();
    let message =
        hint(&["is a directory, not a socket", "then start the daemon with `kanband -d`"]);
    assert!(message.contains("is a directory"), "{message}");
}

#[test]
fn a_socket_whose_place_is_taken_is_told_with_the_daemon_that_wants_it_back() {
    let board = Board::quiet();
    let socket = board.home().join("kanband.sock");
    let beside = board.path("beside");
    std::fs::write(&beside, "").unwrap();
    std::fs::rename(&beside, &socket).unwrap();
    let message = board.say(["list"]).failed(4);
    assert!(
        message.contains("is a regular file, not a socket: move it away; the daemon (pid"),
        "{message}"
    );
    std::fs::remove_file(&socket).unwrap();
    // It may not be made again yet; the daemon is there, so it is waited for.
    board.say(["list"]).ok();
}

#[test]
fn a_user_who_may_not_use_the_socket_is_told_why() {
    let board = Board::quiet();
    let call = |socket: &Path| {
        let mut list = board.command(["list"]);
        list.env("KANBAN_SOCKET", socket).uid(1).gid(1).current_dir("/");
        let said = list.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        said.map(Said::of_child)
    };
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(board.path(""), open.clone()).unwrap();
    std::fs::set_permissions(board.home(), open).unwrap();
    let socket = board.home().join("kanband.sock");
    let Ok(closed) = call(&socket) else {
        skip("only root can call as another user, who has to reach the program");
        return;
    };
    let message = closed.failed(4);
    assert!(message.contains("has no permission for") && message.contains("hint: "), "{message}");
    let shut = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(board.home(), shut).unwrap();
    let message = call(&socket).unwrap().failed(4);
    assert!(message.contains("has no permission for a directory above"), "{message}");
}
