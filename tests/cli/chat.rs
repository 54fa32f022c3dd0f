//! `slash`: a line of chat in, one text out.

use crate::harness::{Board, Location, until};

#[test]
fn a_message_does_what_the_command_line_does() {
    let board = Board::quiet();
    let text = board.say(["slash", "/kanban create 'Fix the door' --tenant carpenters"]).ok();
    let id = text.split(' ').nth(1).unwrap().to_owned();
    assert_eq!(text, format!("Created {id}  (ready, assignee=-)\n"));
    let listed = board.say(["list"]).ok();
    for message in ["/kanban list", "kanban ls", "list", " //kanban  list "] {
        assert_eq!(board.say(["slash", message]).ok(), listed, "{message:?}");
    }
    assert_eq!(board.say(["slash", "list", "--assignee", "nobody"]).ok(), "(no matching tasks)\n");
    let text = board.say(["slash", &format!("complete {id} --summary 'it closes'")]).ok();
    assert_eq!(text, format!("Completed {id}\n"));
}

#[test]
fn what_was_done_comes_before_what_was_refused_and_silence_is_told() {
    let board = Board::quiet();
    let (id, done) = (board.create("t", &[]), board.create("u", &[]));
    board.say(["archive", &done]).ok();
    let said = board.say(["slash", &format!("/kanban archive {id} {done}")]);
    assert_eq!((said.code, said.err.as_str()), (1, ""));
    let expected = format!("Archived {id} (t)\nerror: cannot archive {done}: status=archived");
    assert!(said.out.starts_with(&expected), "{said:?}");
    let board =
        Board::with_workers(&[("mute", "kanban complete $KANBAN_TASK --summary s >/dev/null")]);
    let id = board.create("t", &["--assignee", "mute"]);
    board.dispatch();
    board.say(["wait", &id, "--closed"]).ok();
    until("the log", || {
        (board.say(["slash", &format!("log {id}")]).out == "(no output)\n").then_some(())
    });
}

#[test]
fn usage_is_answered_as_text() {
    let location = Location::new();
    let said = location.say(["slash", "/kanban list --status sleeping"]);
    assert_eq!((said.code, said.err.as_str()), (2, ""));
    assert!(said.out.contains("possible values: triage"), "{said:?}");
    let help = location.say(["slash", "/kanban create --help"]).ok();
    assert!(help.contains("Usage: kanban create") && !help.contains('\u{1b}'), "{help}");
    assert!(location.say(["slash"]).ok().contains("Usage: kanban"));
    let said = location.say(["slash", "create \"open"]);
    assert_eq!(said.out, "error: unclosed quote\n");
}

#[test]
fn a_long_answer_fits_into_a_chat() {
    let board = Board::quiet();
    let title = "x".repeat(200);
    for _ in 0..30 {
        board.create(&title, &[]);
    }
    let text = board.say(["slash", "list"]).ok();
    assert!(text.chars().count() < 4000 && text.contains("… (truncated, "), "{text}");
}

#[test]
fn a_reclaim_from_a_chat_does_not_wait() {
    let script = "trap '' TERM; touch begun; while [ ! -e go ]; do sleep 0.02; done";
    let board = Board::with_workers(&[("dev", script)]);
    let id = board.create("t", &["--assignee", "dev"]);
    board.dispatch();
    let workspace = board.home().join("workspaces").join(&id);
    until("the worker", || workspace.join("begun").exists().then_some(()));
    let text = board.say(["slash", &format!("reclaim {id}")]).ok();
    assert!(text.contains(": stopping: run "), "{text}");
    std::fs::write(workspace.join("go"), "").unwrap();
    board.say(["wait", &id, "--status", "ready", "--closed"]).ok();
}
