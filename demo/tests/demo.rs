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
fn demo(place: &Location) -> Command {
    place.command_of(env!("CARGO_BIN_EXE_kanban-demo"))
}

fn played(place: &Location, arguments: &[&str]) -> Said {
    Said::of(demo(place).args(arguments).output().unwrap())
}

/// The home that the first line of the demo names.
fn home_of(told: &str) -> PathBuf {
    let first = told.lines().next().unwrap();
    PathBuf::from(first.rsplit_once(" in ").unwrap().1)
}

#[test]
fn every_story_ends_as_it_says_and_nothing_stays_behind() {
    let place = Location::new();
    let told = played(&place, &[]).ok();
    let home = home_of(&told);
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
    ] {
        assert!(told.contains(part), "{part} is not in {told}");
    }
    assert_eq!(told.lines().filter(|line| line.starts_with("  ok      ")).count(), 11, "{told}");
}

#[test]
fn as_json_it_tells_nothing_but_its_report() {
    let place = Location::new();
    let home = place.path("chosen");
    let report = played(&place, &["--json", "--home", home.to_str().unwrap()]).json();
    assert_eq!(report["ok"], true);
    assert_eq!(report["tasks"].as_array().unwrap().len(), 20);
    assert!(report["checks"].as_array().unwrap().iter().all(|check| check["ok"] == true));
    assert!(home.join("kanban.db").exists(), "a home that was chosen stays");
    assert_eq!(processes_of(&home), [] as [i32; 0]);
    let again = played(&place, &["--home", home.to_str().unwrap()]).failed(1);
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
    let told = Said::of(demo(&board).envs(variables).output().unwrap()).ok();
    assert!(told.contains("Every task ended where its story says"), "{told}");
    assert_eq!(board.everything().len(), 0);
}

#[test]
fn a_kept_daemon_can_be_looked_at_and_ended_as_it_says() {
    let place = Location::new();
    let told = played(&place, &["--keep"]).ok();
    let home = home_of(&told);
    assert!(told.contains(&format!("  export KANBAN_HOME='{}'\n", home.display())), "{told}");
    let kill_line = told.lines().find_map(|line| line.strip_prefix("  kill ")).unwrap();
    let pid = Pid::from_raw(kill_line.parse().unwrap());
    assert_eq!(processes_of(&home), [pid.as_raw()], "the daemon and nothing else");
    let listed = place.say_with(&[("KANBAN_HOME", home.to_str().unwrap())], &["list", "--json"]);
    assert_eq!(listed.json().as_array().unwrap().len(), 20);
    kill(pid, Signal::SIGTERM).unwrap();
    until("the daemon to end", || processes_of(&home).is_empty().then_some(()));
}

/// Plays until a line has `part`, then sends SIGINT; returns the home and how it ended.
fn interrupted_at(place: &Location, part: &str) -> (PathBuf, Child, String) {
    let mut command = demo(place);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let home = home_of(&lines.next().unwrap().unwrap());
    let mut told = String::new();
    while !told.contains(part) {
        told = lines.next().unwrap().unwrap();
    }
    assert!(!processes_of(&home).is_empty());
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGINT).unwrap();
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    (home, child, rest.join("\n"))
}

#[test]
fn ctrl_c_ends_the_daemon_its_workers_and_the_home() {
    let place = Location::new();
    for part in ["Story 1", "Transcribe signal", "all 2000 rows at once"] {
        let (home, child, rest) = interrupted_at(&place, part);
        let ended = child.wait_with_output().unwrap();
        let told = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(1), "{part}: {told} {rest}");
        assert_eq!(told, "error: interrupted\n");
        assert!(!home.exists(), "{part}: {}", home.display());
        assert_eq!(processes_of(&home), [] as [i32; 0], "{part}");
    }
}

#[test]
fn a_home_that_cannot_be_made_is_refused() {
    let place = Location::new();
    let told = played(&place, &["--home", "/nowhere/at/all", "--json"]).failed(1);
    let object: Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
    assert!(object["error"]["message"].as_str().unwrap().contains("/nowhere/at/all"));
}

#[test]
fn an_unknown_argument_is_a_usage_error() {
    let place = Location::new();
    for wrong in [&["--home"] as &[&str], &["x"]] {
        assert_eq!(played(&place, wrong).code, 2, "{wrong:?}");
    }
}

#[test]
fn it_does_not_play_in_a_home_of_kanband() {
    let board = Board::quiet();
    let inside = board.home().join("workspaces/t_1");
    let told = played(&board, &["--home", inside.to_str().unwrap()]).failed(1);
    assert!(told.contains("kanband home"), "{told}");
    assert!(!inside.exists());
}
