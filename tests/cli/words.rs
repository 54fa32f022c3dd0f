//! Words of other tools, short flags, and what an error says in the end.

use serde_json::json;

use crate::harness::{Board, Location};
use crate::talk::at_terminal;

#[test]
fn the_help_lists_verbs_in_groups() {
    let help = Location::new().say(["--help"]).ok();
    let titles = ["Start:", "Work:", "Look:", "Answer:", "Steer:", "Data:", "Agents:", "Options:"];
    let lines: Vec<&str> = help.lines().filter(|line| titles.contains(line)).collect();
    assert_eq!(lines, titles, "{help}");
    assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
    let within = |title: &str, verb: &str| {
        let group =
            help.split(&format!("{title}:\n")).nth(1).unwrap().split("\n\n").next().unwrap();
        group.lines().any(|line| line.split_whitespace().next() == Some(verb))
    };
    for (title, verb) in [("Work", "create"), ("Look", "list"), ("Steer", "stop"), ("Data", "gc")] {
        assert!(within(title, verb), "{title} {verb}: {help}");
    }
}

#[test]
fn short_flags_are_those_of_other_tools() {
    let board = Board::quiet();
    let id = board.create("t", &["-a", "dev", "-p", "3", "-l", "web", "-l", "ui"]);
    let task = board.task(&id);
    assert_eq!((&task["assignee"], &task["priority"]), (&json!("dev"), &json!(3)));
    assert_eq!(task["labels"], json!(["ui", "web"]));
    board.create("other", &["-a", "qa"]);
    let titles = |words: &[&str]| -> Vec<String> {
        let listed = board.say(["list", "--json"].iter().chain(words)).json();
        let title = |task: &serde_json::Value| task["title"].as_str().unwrap().to_owned();
        listed.as_array().unwrap().iter().map(title).collect()
    };
    assert_eq!(titles(&["-a", "dev", "-s", "ready", "-l", "web"]), ["t"]);
    assert_eq!(titles(&["-n", "1"]).len(), 1);
    board.say(["edit", &id, "-p", "-1", "-a", "qa", "-l", "new"]).ok();
    assert_eq!(board.task(&id)["labels"], json!(["new", "ui", "web"]));
    assert_eq!(board.say(["create", "-q", "quiet"]).ok().trim().len(), "t_00000000".len());
    assert_eq!(board.say(["wait", &id, "-s", "ready"]).ok(), format!("{id} ready\n"));
}

#[test]
fn a_word_that_means_one_verb_is_that_verb() {
    let board = Board::quiet();
    let id = board.say(["new", "t", "-q"]).ok().trim().to_owned();
    assert!(board.say(["ps"]).ok().contains(&id));
    assert!(board.say(["view", &id]).ok().contains("ready"));
    assert!(board.say(["done", &id]).ok().contains(&id));
    assert_eq!(board.status(&id), "done");
    let message = board.say(["retry", &id]).failed(1);
    assert!(message.contains("cannot unblock"), "{message}");
    let message = board.say(["logs", &id]).failed(1);
    assert!(message.contains("no log for"), "{message}");
    let message = board.say(["kill", &id]).failed(1);
    assert!(message.contains("cannot stop"), "{message}");
    board.say(["rm", &id]).ok();
    assert_eq!(board.status(&id), "archived");
}

#[test]
fn rm_asks_at_a_terminal_and_archives() {
    let board = Board::quiet();
    let id = board.create("the only copy", &[]);
    let (code, shown) = at_terminal(&board, &[], &["rm", &id], "n\n");
    assert!(code == 1 && shown.contains(&format!("Archive {id} (the only copy)?")), "{shown}");
    assert_eq!(board.status(&id), "ready");
    let (code, _) = at_terminal(&board, &[], &["delete", &id], "y\n");
    assert_eq!((code, board.status(&id).as_str()), (0, "archived"));
    board.say(["unarchive", &id]).ok();
    let (code, shown) = at_terminal(&board, &[], &["rm", &id, "--yes"], "");
    assert!(code == 0 && !shown.contains('?'), "{shown}");
}

#[test]
fn a_usage_error_ends_with_one_example_and_json_without() {
    let board = Board::quiet();
    for (words, example) in [
        (&["show"][..], "example: kanban show "),
        (&["crate", "x"], "example: kanban create "),
        (&["finish", "t_1"], "example: kanban complete "),
        (&["list", "--limit", "0"], "example: kanban list"),
        (&["boards", "create"], "example: kanban boards create "),
        (&["schedule", "t_1", "--at", "soon"], "example: kanban schedule "),
        (&["assign", "t_1"], "example: kanban assign "),
        (&["frobnicate"], "example: kanban create "),
    ] {
        let said = board.say(words).failed(2);
        let last = said.lines().last().unwrap();
        assert!(last.starts_with(example), "{words:?}: {said}");
        assert_eq!(said.matches("example: ").count(), 1, "{said}");
        let said = board.say(words.iter().copied().chain(["--json"])).failed(2);
        assert!(!said.contains("example: "), "{said}");
    }
    let message = board.say(["show", "t_dead"]).failed(1);
    assert!(!message.contains("example: "), "{message}");
}

#[test]
fn a_meaning_is_suggested_before_a_spelling() {
    let location = Location::new();
    let message = location.say(["remove", "t_1"]).failed(2);
    assert!(message.contains("hint: use `kanban archive`"), "{message}");
    assert!(!message.contains("tip:"), "{message}");
    let message = location.say(["create", "t", "--description", "x"]).failed(2);
    assert!(message.contains("hint: use `--body`"), "{message}");
    let said = location.say(["slash", "close t_1"]);
    assert!(said.out.contains("use `kanban complete`"), "{said:?}");
}

#[test]
fn a_task_is_written_in_an_editor_and_a_refused_text_is_kept() {
    let board = Board::quiet();
    let create = |script: &str, words: &[&str]| {
        let script = format!("f() {{ {script}; }}; f");
        let words: Vec<&str> = ["create", "-e"].iter().chain(words).copied().collect();
        at_terminal(&board, &[("EDITOR", &script)], &words, "")
    };
    let write = "printf 'from the editor\\n---\\nits body\\n' > \"$1\"";
    let (code, shown) = create(write, &["-a", "dev", "-p", "2"]);
    assert!(code == 0 && shown.starts_with("Created t_"), "{shown}");
    let id = shown.split_whitespace().nth(1).unwrap();
    let task = board.task(id);
    assert_eq!((&task["title"], &task["body"]), (&json!("from the editor"), &json!("its body")));
    assert_eq!((&task["assignee"], &task["priority"]), (&json!("dev"), &json!(2)));
    let (code, shown) = create("true", &["as it was given", "--body", "text"]);
    assert!(code == 0, "{shown}");
    let (code, shown) = create("true", &[]);
    assert!(code == 1 && shown.contains("title is required; no task was created"), "{shown}");
    let refused = "printf 'kept\\n---\\nbody\\n' > \"$1\"";
    let (code, shown) = create(refused, &["--parent", "t_00000000"]);
    assert!(code == 1 && shown.contains("unknown parent"), "{shown}");
    let kept = shown.lines().find_map(|line| line.strip_prefix("note: your text was saved to "));
    let kept = std::path::Path::new(kept.unwrap_or_else(|| panic!("{shown}")));
    assert_eq!(std::fs::read_to_string(kept).unwrap(), "kept\n---\nbody\n");
    let message = board.say(["create", "-e", "t"]).failed(2);
    assert!(message.contains("no terminal for an editor"), "{message}");
    let said = board.say(["slash", "create -e t"]);
    assert!(said.out.contains("a chat has no editor"), "{said:?}");
}

#[test]
fn a_priority_is_taken_as_a_word_wherever_it_is_taken() {
    let board = Board::quiet();
    let id = board.create("t", &["--priority", "urgent"]);
    assert_eq!(board.task(&id)["priority"], 100);
    board.say(["edit", &id, "-p", "low"]).ok();
    assert_eq!(board.task(&id)["priority"], -10);
    let add = ["schedules", "add", "s", "--cron", "@daily", "--title", "t", "--priority", "high"];
    board.say(add).ok();
    let message = board.say(["create", "t", "--priority", "1000001"]).failed(1);
    assert!(message.contains("priority: must be -1000000 to 1000000"), "{message}");
    let message = board.say(["create", "t", "--priority", "highest"]).failed(2);
    assert!(message.contains("low, normal, high, urgent"), "{message}");
}

#[test]
fn a_title_is_one_line() {
    let board = Board::quiet();
    let message = board.say(["create", "two\nlines"]).failed(1);
    assert!(message.contains("title: must be one line; put the rest into the body"), "{message}");
    let said = board.say_from(b"from a pipe\n", &["create", "-", "-q"]);
    assert_eq!(board.task(said.ok().trim())["title"], "from a pipe");
}

#[test]
fn what_removes_much_asks_at_a_terminal_and_says_how_much_and_how_old() {
    let board = Board::quiet();
    let lines: String =
        (0..21).map(|n| format!("{{\"title\": \"{n}\", \"tenant\": \"x\"}}\n")).collect();
    board.say_from(lines.as_bytes(), &["create", "--from-jsonl", "-"]).ok();
    let count = |board: &Board| board.say(["list", "--json"]).json().as_array().unwrap().len();
    let archive = ["archive", "--where", "tenant=x"];
    let (code, shown) = at_terminal(&board, &[], &archive, "n\n");
    assert!(code == 1 && shown.contains("Archive 21 tasks, the oldest created 2"), "{shown}");
    let (code, shown) = at_terminal(&board, &[], &["cancel", "--where", "tenant=x"], "n\n");
    assert!(code == 1 && shown.contains("Cancel 21 tasks"), "{shown}");
    let stop = ["stop", "--cancel", "--where", "tenant=x"];
    let (code, shown) = at_terminal(&board, &[], &stop, "n\n");
    assert!(code == 1 && shown.contains("Cancel 21 tasks, the oldest created 2"), "{shown}");
    assert_eq!(count(&board), 21);
    let (code, shown) = at_terminal(&board, &[], &["archive", "--where", "tenant=x", "--yes"], "");
    assert!(code == 0 && !shown.contains('?'), "{shown}");
    assert_eq!(count(&board), 0);
    let gc = ["gc", "--older-than-days", "0"];
    crate::harness::until("the second to be over", || {
        let (code, shown) = at_terminal(&board, &[], &gc, "n\n");
        (code == 1 && shown.contains("Remove 21 task(s)")).then(|| {
            assert!(shown.contains("; the oldest task was archived 2"), "{shown}");
            assert!(shown.contains("not confirmed; nothing was removed"), "{shown}");
        })
    });
    let backup = board.path("b.db").display().to_string();
    board.say(["backup", &backup]).ok();
    let (code, shown) = at_terminal(&board, &[], &["restore", &backup], "n\n");
    assert!(code == 1 && shown.contains("Replace the whole database (0 task(s) on"), "{shown}");
    assert!(shown.contains(", written 2") && shown.contains("ago)?"), "{shown}");
    // A script that says so is believed, with or without the flag.
    let gone = board.say(["gc", "--older-than-days", "0", "--yes", "--json"]).json();
    assert_eq!(gone["tasks"], 21);
}
