//! The demo: the real one, on real processes.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must fail loudly"
)]

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use support::command_line::{Board, Location, Said, processes_of, until};

/// The demo in the surroundings of a place.
fn demo(location: &Location) -> Command {
    location.command_of(env!("CARGO_BIN_EXE_kanban-demo"))
}

fn played(location: &Location, arguments: &[&str]) -> Said {
    Said::of(demo(location).args(arguments).output().unwrap())
}

/// The home that the first line of the demo names.
fn home_of(message: &str) -> PathBuf {
    let first = message.lines().next().unwrap();
    PathBuf::from(first.rsplit_once(" in ").unwrap().1)
}

#[test]
fn every_story_ends_as_it_says_and_nothing_stays_behind() {
    let location = Location::new();
    let message = played(&location, &[]).ok();
    let home = home_of(&message);
    assert!(!home.exists(), "{}", home.display());
    assert_eq!(processes_of(&home), [] as [i32; 0]);
    for part in [
        "Story 1",
        "Story 2",
        "Story 3",
        "Story 4",
        "killed process",
        "gave up",
        "blocked (1)",
        "done (19)",
        "spawn_failed, spawn_failed, gave_up",
        "crashed, completed",
        "blocked, completed",
        "Every task ended where its story says",
        "\nTo look at a board in a browser: make demo-board",
    ] {
        assert!(message.contains(part), "{part} is not in {message}");
    }
    assert_eq!(
        message.lines().filter(|line| line.starts_with("  ok      ")).count(),
        11,
        "{message}"
    );
}

#[test]
fn as_json_it_tells_nothing_but_its_report() {
    let location = Location::new();
    let home = location.path("chosen");
    let report = played(&location, &["--json", "--home", home.to_str().unwrap()]).json();
    assert_eq!(report["ok"], true);
    assert_eq!(report["tasks"].as_array().unwrap().len(), 20);
    assert!(report["checks"].as_array().unwrap().iter().all(|check| check["ok"] == true));
    assert!(home.join("kanban.db").exists(), "a home that was chosen stays");
    assert_eq!(processes_of(&home), [] as [i32; 0]);
    let again = played(&location, &["--home", home.to_str().unwrap()]).failed(1);
    assert!(again.contains("it is not empty"), "{again}");
}

#[test]
fn it_never_meets_a_daemon_that_runs_already() {
    let board = Board::quiet();
    let socket = board.home().join("kanband.sock");
    let variables = [
        ("KANBAN_SOCKET", socket.to_str().unwrap()),
        ("KANBAN_BOARD", "nowhere"),
        ("KANBAND__DISPATCH__ENABLED", "false"),
        ("KANBAN_RUN", "7"),
    ];
    let message = Said::of(demo(&board).envs(variables).output().unwrap()).ok();
    assert!(message.contains("Every task ended where its story says"), "{message}");
    assert_eq!(board.everything().len(), 0);
}

#[test]
fn a_kept_daemon_can_be_looked_at_and_ended_as_it_says() {
    let location = Location::new();
    let message = played(&location, &["--keep"]).ok();
    let home = home_of(&message);
    assert!(message.contains(&format!("  export KANBAN_HOME='{}'\n", home.display())), "{message}");
    let kill_line = message.lines().find_map(|line| line.strip_prefix("  kill ")).unwrap();
    let pid = Pid::from_raw(kill_line.parse().unwrap());
    assert_eq!(processes_of(&home), [pid.as_raw()], "the daemon and nothing else");
    let listed = location.say_with(&[("KANBAN_HOME", home.to_str().unwrap())], &["list", "--json"]);
    assert_eq!(listed.json().as_array().unwrap().len(), 20);
    kill(pid, Signal::SIGTERM).unwrap();
    until("the daemon to end", || processes_of(&home).is_empty().then_some(()));
}

/// Plays until a line has `part`, then sends SIGINT; returns the home and how it ended.
fn interrupted_at(location: &Location, part: &str) -> (PathBuf, Child, String) {
    let mut command = demo(location);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let home = home_of(&lines.next().unwrap().unwrap());
    let mut message = String::new();
    while !message.contains(part) {
        message = lines.next().unwrap().unwrap();
    }
    assert!(!processes_of(&home).is_empty());
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGINT).unwrap();
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    (home, child, rest.join("\n"))
}

#[test]
fn ctrl_c_ends_the_daemon_its_workers_and_the_home() {
    let location = Location::new();
    for part in ["Story 1", "Transcribe signal", "all 2000 rows at once"] {
        let (home, child, rest) = interrupted_at(&location, part);
        let ended = child.wait_with_output().unwrap();
        let message = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(1), "{part}: {message} {rest}");
        assert_eq!(message, "error: interrupted\n");
        assert!(!home.exists(), "{part}: {}", home.display());
        assert_eq!(processes_of(&home), [] as [i32; 0], "{part}");
    }
}

#[test]
fn the_board_to_look_at_has_every_status_and_leaves_nothing_behind() {
    let location = Location::new();
    let mut command = demo(&location);
    let mut child = command.arg("--board").stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let home = home_of(&lines.next().unwrap());
    let link = lines.find(|line| line.contains("/in#")).unwrap();
    let address = link.trim().strip_prefix("http://").unwrap().split('/').next().unwrap();
    assert!(std::net::TcpStream::connect(address).is_ok(), "{link}");
    lines.find(|line| line.starts_with("Ctrl-C")).unwrap();
    for status in
        ["triage", "todo", "scheduled", "ready", "running", "blocked", "review", "done", "archived"]
    {
        let variables = [("KANBAN_HOME", home.to_str().unwrap())];
        let listed = location.say_with(&variables, &["list", "--status", status, "--json"]);
        assert!(!listed.json().as_array().unwrap().is_empty(), "{status}");
    }
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGINT).unwrap();
    let rest: Vec<String> = lines.collect();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{rest:?}");
    assert!(!home.exists(), "{}", home.display());
    assert_eq!(processes_of(&home), [] as [i32; 0]);
    assert!(std::net::TcpStream::connect(address).is_err());
}

#[test]
fn a_home_that_cannot_be_made_is_refused() {
    let location = Location::new();
    let message = played(&location, &["--home", "/nowhere/at/all", "--json"]).failed(1);
    let object: Value = serde_json::from_str(message.lines().last().unwrap()).unwrap();
    assert!(object["error"]["message"].as_str().unwrap().contains("/nowhere/at/all"));
}

#[test]
fn an_unknown_argument_is_a_usage_error() {
    let location = Location::new();
    for wrong in [&["--home"] as &[&str], &["x"]] {
        assert_eq!(played(&location, wrong).code, 2, "{wrong:?}");
    }
}

#[test]
fn it_does_not_play_in_a_home_of_kanband() {
    let board = Board::quiet();
    let inside = board.home().join("workspaces/t_1");
    let message = played(&board, &["--home", inside.to_str().unwrap()]).failed(1);
    assert!(message.contains("kanband home"), "{message}");
    assert!(!inside.exists());
}
