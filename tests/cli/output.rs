//! For whom the output is: a terminal, a pipe, a program, nobody.

use std::fs::File;
use std::io::Read as _;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::harness::{Board, Location};

#[test]
fn a_pipe_that_nobody_reads_is_no_error() {
    let board = Board::quiet();
    board.create("t", &[]);
    for arguments in [&["list"][..], &["list", "--json"], &["stats"], &["--help"], &[]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let child = board.command(arguments).stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(0), "{arguments:?}");
        assert_eq!(String::from_utf8(ended.stderr).unwrap(), "", "{arguments:?}");
    }
}

#[test]
fn a_full_disk_is_told() {
    let board = Board::quiet();
    board.create("t", &[]);
    let full = File::options().write(true).open("/dev/full").unwrap();
    let ended = board.command(["list"]).stdout(full).output().unwrap();
    assert_eq!(ended.status.code(), Some(5));
    assert!(String::from_utf8(ended.stderr).unwrap().starts_with("error: cannot write the output"));
}

#[test]
fn json_is_indented_and_keeps_every_letter() {
    let board = Board::quiet();
    board.create("Tür ✓ 日本", &[]);
    let out = board.say(["list", "--json"]).ok();
    assert!(out.starts_with("[\n  {\n    \"id\": \"t_"), "{out}");
    assert!(out.contains("\"title\": \"Tür ✓ 日本\""), "{out}");
    assert!(out.ends_with("\n]\n"), "{out}");
}

#[test]
fn with_json_an_error_is_an_object_on_stderr_too() {
    let board = Board::quiet();
    for (arguments, exit, code, has_hint) in [
        (&["show", "t_dead"][..], 1, "unknown_task", true),
        (&["create", " "], 1, "title_required", false),
        (&["create"], 2, "title_required", true),
        (&["create", "t", "--max-runtime", "abc"], 2, "invalid_value", false),
        (&["list", "--status", "x"], 2, "bad_request", false),
        (&["creat"], 2, "bad_request", false),
    ] {
        let said = board.say(arguments.iter().chain(&["--json"]));
        let err = said.failed(exit);
        let object: Value = serde_json::from_str(err.lines().last().unwrap()).unwrap();
        assert_eq!(object["error"]["code"], code, "{arguments:?}");
        assert!(err.contains(object["error"]["message"].as_str().unwrap()), "{err}");
        assert_eq!(object["error"]["hint"].is_string(), has_hint, "{arguments:?}");
    }
    let plain = board.say(["show", "t_dead"]).failed(1);
    assert_eq!(plain, "error: no such task: t_dead\nhint: list task ids with `kanban list`\n");
}

#[test]
fn on_a_terminal_a_list_fits_and_has_ages() {
    let board = Board::quiet();
    board.create(&"long title ".repeat(20), &["--assignee", "ann"]);
    board.create("短い題名です", &[]);
    let size = nix::pty::Winsize { ws_row: 24, ws_col: 64, ws_xpixel: 0, ws_ypixel: 0 };
    let pty = nix::pty::openpty(Some(&size), None).unwrap();
    let status = board.command(["list"]).stdout(pty.slave).status().unwrap();
    assert!(status.success());
    let mut shown = Vec::new();
    // EIO is how a terminal says that its other side is closed.
    let _ended = File::from(pty.master).read_to_end(&mut shown);
    let shown = String::from_utf8(shown).unwrap();
    assert_eq!(shown.lines().count(), 2, "{shown}");
    for line in shown.lines() {
        assert!(line.trim_end().chars().count() <= 64, "{line}");
        let age = line.split_whitespace().nth(4).unwrap();
        assert!(age.ends_with('s') || age.ends_with('m'), "{line}");
    }
    assert!(shown.lines().any(|line| line.trim_end().ends_with('…')), "{shown}");
    assert!(!shown.contains('\u{1b}'), "no colours");
}

#[test]
fn the_board_can_be_named_by_flag_or_variable() {
    let board = Board::quiet();
    board.create("t", &[]);
    assert!(board.say(["list", "--board", "default"]).ok().contains("  t\n"));
    let message = board.say(["--board", "nowhere", "list"]).failed(1);
    assert!(message.contains("unknown board: nowhere"), "{message}");
    board.say_with(&[("KANBAN_BOARD", "nowhere")], &["list"]).failed(1);
    board.say_with(&[("KANBAN_BOARD", " ")], &["list"]).ok();
    board.say_with(&[("KANBAN_BOARD", "nowhere")], &["list", "--board", "default"]).ok();
    board.say(["list", "--board", ""]).failed(1);
}

#[test]
fn without_a_daemon_every_verb_says_where_it_looked() {
    let location = Location::new();
    for arguments in [
        &["list"][..],
        &["create", "t"],
        &["show", "t_1"],
        &["link", "t_1", "t_2"],
        &["claim", "t_1"],
        &["heartbeat", "t_1"],
        &["comment", "t_1", "x"],
        &["complete", "t_1"],
        &["block", "t_1"],
        &["unblock", "t_1"],
        &["answer", "t_1", "x"],
        &["context", "t_1"],
        &["runs", "t_1"],
        &["log", "t_1"],
        &["stats"],
        &["dispatch"],
        &["wait", "t_1"],
    ] {
        let said = location.say(arguments);
        assert_eq!(said.code, 4, "{arguments:?} {said:?}");
        assert!(
            said.err.contains(location.home().join("kanband.sock").to_str().unwrap()),
            "{said:?}"
        );
        assert!(
            said.err.contains("\nhint: ") && said.err.contains("`kanban init` creates one"),
            "{said:?}"
        );
    }
    let said = location.say(["list", "--json"]);
    let object: Value = serde_json::from_str(said.err.lines().last().unwrap()).unwrap();
    assert_eq!(object["error"]["code"], json!("unavailable"));
}
