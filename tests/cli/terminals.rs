//! Untrusted text on a terminal: no verb passes control characters on.

use std::fs::File;
use std::io::Read as _;

use kanband::text::signs::{Kind, signs};
use serde_json::json;

use crate::harness::{Board, until};

/// Sets the clipboard, names the window, clears the screen, writes backwards, hides.
const HOSTILE: &str = "fine \u{1b}]52;c;cm0gLXJmIH4K\u{7}\u{1b}]0;owned\u{7}\u{1b}[2J\u{1b}[1;1H\u{9b}2J\u{202e}dlrow\u{2066}\u{200b}\u{2028}\u{85}end";

/// The same as far as a name may have it.
const HOSTILE_NAME: &str = "ann\u{202e}\u{200b}\u{2028}";

/// The output of a call to a terminal, stdout and stderr.
fn on_terminal(board: &Board, arguments: &[&str]) -> String {
    let size = nix::pty::Winsize { ws_row: 24, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
    let pty = nix::pty::openpty(Some(&size), None).unwrap();
    let mut command = board.command(arguments);
    command.envs([("LANG", "C.UTF-8"), ("NO_COLOR", "1"), ("PAGER", "cat")]);
    command.stdout(pty.slave.try_clone().unwrap()).stderr(pty.slave);
    let mut child = command.spawn().unwrap();
    // Its copies of the terminal.
    drop(command);
    let reader = std::thread::spawn(move || {
        let mut shown = Vec::new();
        // EIO is how a terminal says that its other side is closed.
        let _ended = File::from(pty.master).read_to_end(&mut shown);
        shown
    });
    until("the call to end", || child.try_wait().unwrap());
    String::from_utf8(reader.join().unwrap()).unwrap()
}

/// The characters that a terminal would not simply display.
fn obeyed(shown: &str) -> Vec<char> {
    let lines = shown.replace("\r\n", "\n");
    let is_text = |sign: char| matches!(sign, '\n' | '\t');
    signs(&lines)
        .filter(|(sign, kind)| *kind != Kind::Seen && !is_text(*sign))
        .map(|(sign, _)| sign)
        .collect()
}

/// A board on which all untrusted text is hostile.
fn hostile_board() -> (Board, String) {
    let octal: String = HOSTILE.bytes().map(|byte| format!("\\{byte:03o}")).collect();
    let script =
        format!("printf '{octal}\\n'; kanban block \"$KANBAN_TASK\" \"$(printf '{octal}')\"");
    let board = Board::with_workers(&[("dev", &script)]);
    let parent = board.create(HOSTILE, &["--body", HOSTILE, "--tenant", HOSTILE_NAME]);
    let metadata = json!({ HOSTILE: HOSTILE }).to_string();
    board.say(["complete", &parent, "--summary", HOSTILE, "--metadata", &metadata]).ok();
    let id = board.create(HOSTILE, &["--body", HOSTILE, "--assignee", "dev", "--parent", &parent]);
    board.say(["comment", &id, HOSTILE, "--author", HOSTILE_NAME]).ok();
    std::fs::write(board.path("file"), HOSTILE).unwrap();
    let file = board.path("file").display().to_string();
    board.say(["attach", &id, &file, "--name", &HOSTILE_NAME.replace('\u{2028}', "")]).ok();
    board.say(["dispatch", "--max", "1"]).ok();
    until("the run to be closed", || board.runs(&id)[0]["closed_at"].as_i64());
    board.say(["create", "other", "--assignee", HOSTILE_NAME]).ok();
    (board, id)
}

#[test]
fn no_verb_has_a_terminal_do_what_others_wrote() {
    let (board, id) = hostile_board();
    let name = HOSTILE_NAME.replace('\u{2028}', "");
    let slash = format!("/kanban show {id}");
    for arguments in [
        &["list"][..],
        &["list", "--json"],
        &["list", "-o", "wide"],
        &["list", "-o", "csv"],
        &[],
        &["board"],
        &["tree", &id],
        &["inbox"],
        &["show", &id],
        &["show", &id, "--json"],
        &["log", &id],
        &["log", &id, "--json"],
        &["log", &id, "--follow"],
        &["tail", &id, "--no-follow"],
        &["tail", &id, "--no-follow", "--json"],
        &["why", &id],
        &["why", &id, "--json"],
        &["status"],
        &["status", "--json"],
        &["search", "fine"],
        &["search", "fine", "--json"],
        &["runs", &id],
        &["runs", &id, "--json"],
        &["context", &id],
        &["context", &id, "--json"],
        &["doctor"],
        &["stats"],
        &["assignees"],
        &["attachments", "list", &id],
        &["attachments", "get", &id, &name, "-o", "-"],
        &["slash", &slash],
        &["slash", &slash, "--json"],
        &["export", "-"],
        &["profiles", "check", HOSTILE_NAME],
        // Errors that repeat what they were given.
        &["show", HOSTILE],
        &["show", HOSTILE, "--json"],
        &["list", "--status", HOSTILE],
        &["list", "--board", HOSTILE],
        &[HOSTILE],
        &["slash", HOSTILE],
    ] {
        let shown = on_terminal(&board, arguments);
        assert!(!shown.trim().is_empty(), "{arguments:?}");
        assert_eq!(obeyed(&shown), Vec::<char>::new(), "{arguments:?}: {shown:?}");
    }
}

#[test]
fn a_log_is_clean_on_a_terminal_and_whole_in_a_pipe_and_with_raw() {
    let (board, id) = hostile_board();
    let shown = on_terminal(&board, &["log", &id]);
    assert!(shown.starts_with("fine \u{fffd}]52;c;cm0gLXJmIH4K\u{fffd}"), "{shown:?}");
    let raw = board.say(["log", &id]).ok();
    assert!(raw.starts_with(&format!("{HOSTILE}\nBlocked {id}: fine ")), "{raw:?}");
    assert_eq!(board.say(["log", &id, "--raw"]).ok(), raw);
    assert_eq!(on_terminal(&board, &["log", &id, "--raw"]).replace("\r\n", "\n"), raw);
    let message = board.say(["log", &id, "--raw", "--json"]).failed(2);
    assert!(message.contains("JSON holds text, not bytes"), "{message}");
}

#[test]
fn a_table_keeps_its_columns_whatever_stands_in_it() {
    let board = Board::quiet();
    let names = [("ann", 3), ("日本", 4), ("a\u{301}nn", 3), ("👩\u{200d}💻", 2)];
    for (name, _) in names {
        board.say(["create", "task", "--assignee", name]).ok();
    }
    let list = board.say(["list"]).ok();
    for (name, columns) in names {
        let cell = format!("  {name}{}  task\n", " ".repeat(20 - columns));
        assert!(list.contains(&cell), "{cell:?} {list}");
    }
}
