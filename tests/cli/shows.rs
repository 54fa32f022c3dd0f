//! `show`, `runs`, `context`, `log`.

use serde_json::{Value, json};

use crate::harness::{Board, keys, until};

#[test]
fn show_has_fields_then_body_comments_events_and_runs() {
    let board = Board::quiet();
    let parent = board.create("p", &[]);
    let id = board.create(
        "Fix it",
        &[
            "--body",
            "line one\nline two",
            "--tenant",
            "house",
            "--skill",
            "glue",
            "--parent",
            &parent,
        ],
    );
    board.say(["comment", &id, "mind", "the", "paint", "--author", "ann"]).ok();
    board.say(["complete", &parent, "--summary", "prepared", "--result", "ok"]).ok();
    board.say(["block", &id, "no key"]).ok();
    let shown = board.say(["show", &id]).ok();
    for line in [
        format!("Task {id}: Fix it"),
        "  status:    blocked".to_owned(),
        "  assignee:  -".to_owned(),
        "  tenant:    house".to_owned(),
        "  workspace: scratch".to_owned(),
        "  skills:    glue".to_owned(),
        "  completed: -".to_owned(),
        format!("  parents:   {parent}"),
        "  children:  -".to_owned(),
        "Body:".to_owned(),
        "  line two".to_owned(),
        "Comments (2):".to_owned(),
        "Events (5):".to_owned(),
        "Runs (1):".to_owned(),
        "     → no key".to_owned(),
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line:?} is not in {shown}");
    }
    assert!(shown.contains("] ann: mind the paint\n"), "{shown}");
    assert!(
        shown.contains("] blocked it: no key  (") && shown.contains("] commented  (ann)\n"),
        "{shown}"
    );
    assert!(shown.contains("  #2 blocked @- 0s "), "{shown}");
    let shown = board.say(["show", &parent]).ok();
    assert!(shown.contains("\nResult:\n  ok\n"), "{shown}");
    assert!(shown.contains(&format!("  children:  {id}\n")), "{shown}");
}

#[test]
fn show_as_json_has_everything_under_stable_keys() {
    let board = Board::quiet();
    let id = board.create("t", &[]);
    board.say(["claim", &id]).ok();
    board.say(["heartbeat", &id]).ok();
    board.say(["comment", &id, "x"]).ok();
    let shown = board.say(["show", &id, "--json"]).json();
    assert_eq!(
        keys(&shown),
        [
            "attachments",
            "board",
            "children",
            "comments",
            "events",
            "parents",
            "questions",
            "runs",
            "task"
        ]
    );
    assert_eq!(keys(&shown["comments"][0]), ["author", "body", "created_at", "id"]);
    for key in ["kind", "payload", "created_at", "run_id"] {
        assert!(keys(&shown["events"][0]).contains(&key), "{key}");
    }
    for event in shown["events"].as_array().unwrap() {
        assert!(event["payload"].is_object() || event["payload"].is_null(), "{event}");
    }
    let run_keys = keys(&shown["runs"][0]);
    for key in [
        "id",
        "profile",
        "step_key",
        "status",
        "outcome",
        "summary",
        "error",
        "metadata",
        "worker_pid",
        "started_at",
        "ended_at",
        "closed_at",
        "exit_code",
        "signal",
    ] {
        assert!(run_keys.contains(&key), "{key}");
    }
    assert_eq!(board.runs(&id), *shown["runs"].as_array().unwrap());
}

#[test]
fn only_the_newest_twenty_events_are_shown_to_people() {
    let board = Board::quiet();
    let id = board.create("t", &[]);
    for number in 0..25 {
        board.say(["comment", &id, &format!("note {number}")]).ok();
    }
    let shown = board.say(["show", &id]).ok();
    let events = shown.lines().filter(|line| line.contains("] commented  (")).count();
    assert_eq!(events, 20);
    assert!(shown.contains("Events (26):"), "{shown}");
    let json = board.say(["show", &id, "--json"]).json();
    assert_eq!(json["events"].as_array().unwrap().len(), 26);
}

#[test]
fn what_others_wrote_cannot_steer_a_terminal() {
    let board = Board::quiet();
    let id = board.create("red \u{1b}[31mtitle", &["--body", "over\rwritten \u{7}"]);
    board.say(["comment", &id, "bell \u{7}"]).ok();
    for verb in ["list", "show"] {
        let shown =
            if verb == "list" { board.say(["list"]) } else { board.say(["show", &id]) }.ok();
        assert!(!shown.contains(['\u{1b}', '\r', '\u{7}']), "{shown:?}");
    }
    assert_eq!(board.task(&id)["title"], "red \u{1b}[31mtitle");
}

#[test]
fn runs_are_listed_oldest_first_with_what_they_left() {
    let board = Board::quiet();
    let id = board.create("t", &["--assignee", "dev"]);
    assert_eq!(board.say(["runs", &id]).ok(), format!("(no runs yet for {id})\n"));
    assert_eq!(board.say(["runs", &id, "--json"]).json(), json!([]));
    board.say(["claim", &id]).ok();
    let open = board.say(["runs", &id]).ok();
    assert!(open.lines().nth(1).unwrap().contains("(running)"), "{open}");
    board.say(["block", &id, "which\none"]).ok();
    board.say(["unblock", &id]).ok();
    board.say(["claim", &id]).ok();
    board.say(["complete", &id, "--summary", "all done"]).ok();
    let runs = board.say(["runs", &id]).ok();
    let lines: Vec<Vec<&str>> = runs.lines().map(|l| l.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["RUN", "OUTCOME", "PROFILE", "ELAPSED", "STARTED"]);
    let runs_json = board.runs(&id);
    let number = |index: usize| runs_json[index]["id"].to_string();
    assert_eq!(lines[1][..3], [&number(0), "blocked", "dev"]);
    assert!(lines[1][3].ends_with(['s', 'm']), "{runs}");
    assert_eq!(lines[2], ["→", "which"]);
    assert_eq!(lines[3][..3], [&number(1), "completed", "dev"]);
    assert_eq!(lines[4], ["→", "all", "done"]);
    let outcomes: Vec<Value> = board.runs(&id).iter().map(|run| run["outcome"].clone()).collect();
    assert_eq!(outcomes, [json!("blocked"), json!("completed")]);
}

#[test]
fn context_is_what_a_worker_reads() {
    let board = Board::quiet();
    let parent = board.create("p", &[]);
    let metadata = r#"{"file":"a.rs"}"#;
    board.say(["complete", &parent, "--summary", "did p", "--metadata", metadata]).ok();
    let id = board.create("t", &["--parent", &parent, "--body", "the body"]);
    let context = board.say(["context", &id]).ok();
    assert!(context.starts_with(&format!("# Kanban task {id}: t\n")), "{context}");
    for part in ["## Body", "the body", "## Parent task results", "did p", metadata] {
        assert!(context.contains(part), "{part} is not in {context}");
    }
    let json = board.say(["context", &id, "--json"]).json();
    assert_eq!(json, json!({ "id": id, "board": "default", "context": context }));
}

#[test]
fn a_log_is_printed_as_it_is_and_ends_its_last_line() {
    let script = "printf 'one\\ntwo \\303\\274 \\377'; exit 3";
    let board = Board::with_workers(&[("dev", script)]);
    let id = board.create("t", &["--assignee", "dev"]);
    let none = board.say(["log", &id]).failed(1);
    assert!(none.contains(&format!("no log for {id}")), "{none}");
    board.dispatch();
    until("the run to be closed", || board.runs(&id)[0]["closed_at"].as_i64());
    let printed = board.command(["log", &id]).output().unwrap();
    assert_eq!(printed.stdout, b"one\ntwo \xc3\xbc \xff\n");
    let tail = board.command(["log", &id, "--tail", "2"]).output().unwrap();
    assert_eq!(tail.stdout, b" \xff\n");
    let run_id = board.runs(&id)[0]["id"].as_i64().unwrap();
    let json = board.say(["log", &id, "--run", &run_id.to_string(), "--json"]).json();
    assert_eq!(
        json,
        json!({"id": id, "run_id": run_id, "content": "one\ntwo ü \u{fffd}", "omitted_bytes": 0})
    );
    assert_eq!(board.say(["log", &id, "--tail", "2", "--json"]).json()["omitted_bytes"], 10);
    let other = board.say(["log", &id, "--run", "999"]).failed(1);
    assert!(other.contains("no log for"), "{other}");
}
