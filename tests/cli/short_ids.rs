//! Short ids: what stands for a task on a command line.

use serde_json::Value;

use crate::harness::{Board, Location};

/// A quiet board with these tasks, written as another program would.
fn board_of(tasks: &[(&str, &str)]) -> Board {
    let mut board = Board::quiet();
    board.kill();
    let file = rusqlite::Connection::open(board.home().join("kanban.db")).unwrap();
    for (id, title) in tasks {
        let sql = "INSERT INTO tasks (id, title, status, created_at) VALUES (?1, ?2, 'ready', 1)";
        file.execute(sql, [id, title]).unwrap();
    }
    drop(file);
    board.start();
    board
}

const DOOR: (&str, &str) = ("t_1a2b3c4d", "Fix the door");
const WALL: (&str, &str) = ("t_9e8f7a6b", "Paint the wall");

/// The id in the answer to `show`.
fn shown(board: &Board, written: &str) -> String {
    let details = board.say(["show", written, "--json"]).json();
    details["task"]["id"].as_str().unwrap().to_owned()
}

#[test]
fn four_digits_are_enough_in_any_case_and_with_or_without_the_prefix() {
    let board = board_of(&[DOOR, WALL]);
    for written in ["t_1a2b", "1a2b", "1A2B3", "T_1A2B3C4D", "1a2b3c4d", "t_1a2b3c4d"] {
        assert_eq!(shown(&board, written), DOOR.0, "{written}");
    }
    for written in
        ["1a2", "t_1a2", "1a2c", "t_1a2b3c4e", "1a2b3c4d5", "deploy", "1a2g", "t_", "@first"]
    {
        let message = board.say(["show", written]).failed(1);
        assert!(message.starts_with(&format!("error: no such task: {written}\n")), "{message}");
    }
}

#[test]
fn every_verb_that_names_tasks_takes_the_beginning_of_an_id() {
    let board = board_of(&[DOOR, WALL]);
    for words in [
        &["edit", "1a2b", "--title", "Repair the door"][..],
        &["comment", "t_1a2b", "in oak"],
        &["comment", "--body", "in oak", "t_1a2b", "t_9e8f"],
        &["assign", "t_1a2b", "dev"],
        &["link", "1a2b", "9e8f"],
        &["unlink", "1a2b", "9e8f"],
        &["runs", "1a2b"],
        &["why", "1a2b"],
        &["context", "1a2b"],
        &["attachments", "1a2b"],
        &["create", "A child", "--parent", "1a2b"],
        &["list", "--parent", "1a2b"],
        &["list", "--cursor", "1a2b"],
        &["search", "oak", "--parent", "1a2b"],
        &["tail", "1a2b", "--no-follow"],
        &["notify-list", "1a2b"],
        &["block", "t_1a2b", "later"],
        &["unblock", "1a2b", "9e8f"],
        &["schedule", "1a2b", "--in", "1h"],
        &["unschedule", "1a2b"],
        &["triage", "1a2b"],
        &["promote", "t_1a2b"],
        &["dispatch", "1a2b"],
        &["claim", "1a2b"],
        &["heartbeat", "1a2b"],
        &["complete", "1a2b"],
        &["wait", "1a2b", "--timeout", "0"],
        &["reopen", "1a2b"],
        &["archive", "1a2b"],
        &["unarchive", "1a2b"],
    ] {
        let said = board.say(words);
        let (code, err) = (said.code, said.err.clone());
        assert!(
            !err.contains("no such task") && !err.contains("unknown parent"),
            "{words:?}: {err}"
        );
        assert!(
            code == 0 || words[0] == "unblock" || words[0] == "reopen",
            "{words:?}: {code} {err}"
        );
    }
}

#[test]
fn an_id_that_begins_several_is_refused_with_at_most_ten_of_them_and_their_titles() {
    let tasks: Vec<(String, String)> =
        (0..12).map(|nth| (format!("t_abcd{nth:04x}"), format!("Part {nth}"))).collect();
    let tasks: Vec<_> = tasks.iter().map(|(id, title)| (id.as_str(), title.as_str())).collect();
    let board = board_of(&tasks);
    let message = board.say(["show", "abcd"]).failed(1);
    assert!(message.starts_with("error: abcd is the beginning of several ids: t_abcd0000 (Part 0), t_abcd0001 (Part 1), "), "{message}");
    assert!(
        message.contains("t_abcd0009 (Part 9), and more\nhint: write more of the id"),
        "{message}"
    );
    assert!(!message.contains("Part 10"), "{message}");
    let two = board.say(["show", "abcd000", "--json"]).failed(1);
    let object: Value = serde_json::from_str(two.lines().last().unwrap()).unwrap();
    assert_eq!(object["error"]["code"], "ambiguous_task");
    assert_eq!(shown(&board, "abcd000b"), "t_abcd000b");
    // Nothing is done to any of them.
    board.say(["archive", "abcd"]).failed(1);
    assert_eq!(board.say(["list", "--json"]).json().as_array().unwrap().len(), 12);
}

#[test]
fn an_id_that_is_whole_is_meant_even_where_others_begin_with_it() {
    let board = board_of(&[("t_abcd", "short"), ("t_abcd0001", "long")]);
    assert_eq!(shown(&board, "t_abcd"), "t_abcd");
    assert_eq!(shown(&board, "abcd"), "t_abcd");
    assert_eq!(shown(&board, "abcd0"), "t_abcd0001");
}

#[test]
fn ids_of_another_board_are_not_meant() {
    let board = board_of(&[DOOR]);
    board.say(["boards", "create", "shop"]).ok();
    board.say(["show", "1a2b", "--board", "shop"]).failed(1);
    assert_eq!(shown(&board, "1a2b"), DOOR.0);
}

#[test]
fn a_word_of_a_text_is_no_task() {
    let board = board_of(&[("t_dead0001", "Fix the door")]);
    for words in [
        &["comment", "dead", "beef"][..],
        &["answer", "dead", "yes"],
        &["block", "dead", "end"],
        &["request-changes", "dead", "end"],
    ] {
        let message = board.say(words).failed(1);
        assert!(message.starts_with("error: no such task: dead\n"), "{words:?}: {message}");
    }
    board.say(["comment", "t_dead", "dead", "beef"]).ok();
    let details = board.say(["show", "dead", "--json"]).json();
    assert_eq!(details["comments"][0]["body"], "dead beef");
}

#[test]
fn ids_from_stdin_and_from_runs_are_whole() {
    let board = board_of(&[DOOR]);
    let message = board.say_from(b"1a2b\n", &["archive", "-"]).failed(1);
    assert!(message.contains("no such task: 1a2b"), "{message}");
    let in_run = board.say_with(&[("KANBAN_RUN", "7")], &["show", "1a2b"]).failed(1);
    assert!(in_run.contains("no such task: 1a2b"), "{in_run}");
    assert_eq!(board.status(DOOR.0), "ready");
}

#[test]
fn the_last_task_is_the_one_that_this_user_created_last_also_after_a_restart() {
    let mut board = Board::quiet();
    let message = board.say(["show", "@last"]).failed(1);
    assert!(message.starts_with("error: no such task: @last\n"), "{message}");
    board.create("first", &[]);
    let last = board.say(["create", "second", "-q"]).ok();
    let last = last.trim_end();
    assert!(last.len() == 10 && last.starts_with("t_"), "{last}");
    board.say(["comment", "@last", "about the second"]).ok();
    board.kill();
    board.start();
    assert_eq!(shown(&board, "@last"), last);
    board.say(["archive", "@last"]).ok();
    assert_eq!(board.status(last), "archived");
}

#[test]
fn verbs_that_end_or_remove_work_print_the_title_of_what_they_took() {
    let board = board_of(&[DOOR, WALL, ("t_00000001", "One"), ("t_00000002", "Two")]);
    assert_eq!(
        board.say(["archive", DOOR.0]).ok(),
        format!("Archived {} (Fix the door)\n", DOOR.0)
    );
    assert_eq!(
        board.say(["cancel", "9e8f"]).ok(),
        format!("Cancelled {} (Paint the wall)\n", WALL.0)
    );
    let both = board.say(["archive", "--where", "status=ready"]).ok();
    assert_eq!(both, "Archived t_00000001 (One)\nArchived t_00000002 (Two)\n");
    board.say(["stop", "t_deadbeef"]).failed(1);
}

#[test]
fn without_a_daemon_a_short_id_is_not_said_to_be_unknown() {
    let location = Location::new();
    for id in ["t_1a2b3c4d", "1a2b"] {
        location.say(["show", id]).failed(4);
    }
}
