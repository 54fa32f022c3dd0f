//! `complete`, `block`, `unblock`.

use serde_json::{Value, json};

use crate::harness::{Board, keys, until};

#[test]
fn a_completed_task_keeps_its_handoff() {
    let board = Board::quiet();
    let id = board.create("t", &[]);
    let call = [
        "complete",
        &id,
        "--summary",
        "built it",
        "--result",
        "ok",
        "--metadata",
        r#"{"files": ["a"], "n": 1}"#,
    ];
    assert_eq!(board.say(call).ok(), format!("Completed {id}\n"));
    assert_eq!(board.task(&id)["result"], "ok");
    let run = &board.runs(&id)[0];
    assert_eq!(run["summary"], "built it");
    assert_eq!(run["metadata"], json!({"files": ["a"], "n": 1}));
    let again = board.say(["complete", &id]).failed(1);
    assert!(again.contains(&format!("cannot complete {id}: status=done")), "{again}");
}

#[test]
fn json_is_one_reply_for_each_task_that_moved() {
    let board = Board::quiet();
    let (a, b) = (board.create("a", &[]), board.create("b", &[]));
    let child = board.create("c", &["--parent", &a]);
    let replies = board.say(["complete", &a, &b, "--json"]).json();
    assert_eq!(keys(&replies[0]), ["already", "board", "id", "released", "run_id", "status"]);
    assert_eq!(
        replies[0],
        json!({"id": a, "board": "default", "status": "done", "run_id": null, "already": false, "released": 1})
    );
    assert_eq!(replies[1]["id"], b.as_str());
    assert_eq!(board.status(&child), "ready");
    let blocked = board.say(["block", &child, "why", "--json"]).json();
    assert_eq!(blocked[0]["status"], "blocked");
    let unblocked = board.say(["unblock", &child, "--json"]).json();
    assert_eq!(unblocked, json!([{"id": child, "board": "default", "status": "ready"}]));
}

#[test]
fn in_bulk_each_is_tried_and_each_failure_told() {
    let board = Board::quiet();
    let (a, b, c) = (board.create("a", &[]), board.create("b", &[]), board.create("c", &[]));
    board.say(["complete", &b]).ok();
    let said = board.say(["complete", &a, &b, &c, &a]);
    assert_eq!(said.code, 1);
    assert_eq!(said.out, format!("Completed {a}\nCompleted {c}\n"), "each once");
    assert!(said.err.contains(&format!("cannot complete {b}")), "{said:?}");
    assert_eq!(said.err.matches("error: ").count(), 1, "{said:?}");
    let said = board.say(["unblock", &a, "--json"]);
    assert_eq!((said.code, said.out.as_str()), (1, "[]\n"));
    // With --json the reply holds what was done, and each refusal is an object on stderr.
    let d = board.create("d", &[]);
    let said = board.say(["archive", &d, &c, "--json"]).json();
    assert_eq!(said.as_array().unwrap().len(), 2);
    let said = board.say(["archive", &d, &a, &c, "--json"]);
    let done: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((said.code, &done[0]["id"]), (1, &json!(a)));
    let objects = said.err.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    assert_eq!(objects.filter(|it| it["error"]["code"] == "wrong_status").count(), 2, "{said:?}");
}

/// A word that is no task, anywhere among ids, is found before anything is done to any of them.
#[test]
fn of_several_ids_one_that_is_no_task_leaves_nothing_half_done() {
    let board = Board::quiet();
    let (a, b) = (board.create("a", &[]), board.create("b", &["--triage"]));
    let blocked = board.create("c", &[]);
    board.say(["block", &blocked, "why"]).ok();
    let before = board.everything();
    for words in [
        &["complete", &a, "t_dead", "nonsense", &b][..],
        &["complete", &a, "all", "tests", "pass"],
        &["complete", &a, "t_dead", "--result", "r"],
        &["archive", &a, &b, "t_dead"],
        &["archive", "t_dead", &a],
        &["unblock", &blocked, "go", "on"],
        &["block", &a, "reason", "--ids", &b, "t_dead"],
        &["promote", &b, &a, "t_dead"],
        &["promote", &b, "reason", "--ids", "t_dead"],
    ] {
        let message = board.say(words).failed(1);
        assert!(
            message.contains("no such task") && message.contains("no task was changed"),
            "{words:?}: {message}"
        );
        let said = board.say(words.iter().chain(&["--json"]));
        assert_eq!((said.code, said.out.as_str()), (1, "[]\n"), "{words:?}");
        assert!(said.err.lines().last().unwrap().contains("unknown_task"), "{said:?}");
    }
    for words in [
        &["promote", &b, &a, "is", "waiting"][..],
        &["promote", &b, "reason", "--reason", "another"],
        &["block", &a, &b],
    ] {
        board.say(words).failed(2);
    }
    assert_eq!(board.everything(), before);
}

#[test]
fn behind_promote_stands_a_reason_or_more_ids() {
    let board = Board::quiet();
    let (a, b) = (board.create("a", &["--triage"]), board.create("b", &["--triage"]));
    board.say(["promote", &a, "customer", "is", "waiting"]).ok();
    let shown = board.say(["show", &a, "--json"]).json();
    let last = shown["events"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        (&last["kind"], &last["payload"]["reason"]),
        (&json!("promoted"), &json!("customer is waiting"))
    );
    let c = board.create("c", &["--triage"]);
    assert_eq!(board.say(["promote", &b, &c]).ok(), format!("Promoted {b}\nPromoted {c}\n"));
}

#[test]
fn a_handoff_belongs_to_one_task_and_a_result_to_each() {
    let board = Board::quiet();
    let (a, b) = (board.create("a", &[]), board.create("b", &[]));
    for flag in ["--summary", "--metadata"] {
        let message = board.say(["complete", &a, &b, flag, "{}"]).failed(2);
        assert!(message.contains("per-task"), "{message}");
    }
    assert_eq!((board.status(&a), board.status(&b)), ("ready".into(), "ready".into()));
    board.say(["complete", &a, &b, "--result", "shipped"]).ok();
    for id in [&a, &b] {
        assert_eq!(
            (board.status(id), &board.task(id)["result"]),
            ("done".into(), &json!("shipped"))
        );
    }
}

#[test]
fn a_kind_of_block_is_kept_with_its_event() {
    let board = Board::quiet();
    let (a, b) = (board.create("a", &[]), board.create("b", &[]));
    board.say(["block", &a, "which", "key", "--kind", "needs_input", "--ids", &b]).ok();
    for id in [&a, &b] {
        let shown = board.say(["show", id, "--json"]).json();
        let events = shown["events"].as_array().unwrap().clone();
        let blocked = events.into_iter().find(|event| event["kind"] == "blocked").unwrap();
        assert_eq!(blocked["payload"], json!({"reason": "which key", "kind": "needs_input"}));
    }
    let message = board.say(["block", &a, "x", "--kind", "mood"]).failed(1);
    assert!(message.contains("kind must be one of"), "{message}");
}

#[test]
fn metadata_is_an_object_or_a_usage_error() {
    let board = Board::quiet();
    let id = board.create("t", &[]);
    for wrong in ["[1]", "1", "null", "\"x\"", "true", "{", "", "{\"a\":1} x"] {
        let message = board.say(["complete", &id, "--metadata", wrong]).failed(2);
        assert!(message.starts_with("error: --metadata: "), "{message}");
    }
    assert_eq!(board.status(&id), "ready");
}

#[test]
fn a_repeated_verdict_of_the_same_run_is_no_failure() {
    let script = "kanban complete $KANBAN_TASK --summary s; echo \"first $?\"; \
                  kanban complete $KANBAN_TASK --summary s; echo \"second $?\"; \
                  kanban complete $KANBAN_TASK --summary other; echo \"third $?\"";
    let board = Board::with_workers(&[("dev", script)]);
    let id = board.create("t", &["--assignee", "dev"]);
    board.dispatch();
    let log = until("the worker to end", || {
        Some(board.say(["log", &id]).out).filter(|log| log.contains("third"))
    });
    let expected = [
        format!("Completed {id}"),
        "first 0".to_owned(),
        format!("Completed {id} (already completed by this run)"),
        "second 0".to_owned(),
    ];
    assert_eq!(log.lines().take(4).collect::<Vec<_>>(), expected);
    assert!(log.ends_with("third 1\n"), "{log}");
    assert_eq!(board.kinds(&id).iter().filter(|kind| *kind == "completed").count(), 1);
}

#[test]
fn a_worker_has_to_say_what_it_did_and_what_it_needs() {
    let script =
        "kanban complete $KANBAN_TASK; kanban block $KANBAN_TASK; kanban block $KANBAN_TASK help";
    let board = Board::with_workers(&[("dev", script)]);
    let id = board.create("t", &["--assignee", "dev"]);
    board.dispatch();
    until("the block", || (board.status(&id) == "blocked").then_some(()));
    let log = until("the log", || {
        Some(board.say(["log", &id]).out).filter(|log| log.contains("Blocked"))
    });
    assert!(log.contains("error: a summary or a result is required"), "{log}");
    assert!(log.contains("error: reason is required"), "{log}");
}

#[test]
fn a_block_keeps_its_reason_as_a_comment_for_every_task() {
    let board = Board::quiet();
    let ids = ["a", "b", "c"].map(|title| board.create(title, &[]));
    let message = board.say(["block", &ids[0], "no", "key", "--ids", &ids[1], &ids[2]]).ok();
    let lines: Vec<String> = ids.iter().map(|id| format!("Blocked {id}: no key\n")).collect();
    assert_eq!(message, lines.concat());
    for id in &ids {
        let shown = board.say(["show", id, "--json"]).json();
        assert_eq!(shown["task"]["status"], "blocked");
        assert_eq!(shown["comments"][0]["body"], "BLOCKED: no key");
    }
    let silent = board.create("d", &[]);
    assert_eq!(board.say(["block", &silent]).ok(), format!("Blocked {silent}\n"));
    assert_eq!(board.say(["show", &silent, "--json"]).json()["comments"], json!([]));
    let again = board.say(["block", &silent]).failed(1);
    assert!(again.contains(&format!("cannot block {silent}: status=blocked")), "{again}");
}

#[test]
fn an_unblocked_task_is_ready_or_waits_for_its_parents() {
    let board = Board::quiet();
    let (id, parent) = (board.create("t", &[]), board.create("p", &[]));
    let message = board.say(["unblock", &id]).failed(1);
    assert!(
        message.contains(&format!("cannot unblock {id}: status=ready (not blocked?)")),
        "{message}"
    );
    board.say(["block", &id]).ok();
    assert_eq!(board.say(["unblock", &id]).ok(), format!("Unblocked {id}\n"));
    board.say(["block", &id]).ok();
    board.say(["link", &parent, &id]).ok();
    let message = board.say(["unblock", &id]).ok();
    assert!(message.starts_with(&format!("Unblocked {id} (todo")), "{message}");
    assert_eq!(board.status(&id), "todo");
}

#[test]
fn automatic_starts_are_counted_anew_only_when_asked_for() {
    let config = "[profiles.dev]\nargv = [\"/bin/sh\", \"-c\", \"kanban block $KANBAN_TASK x\"]\n\
                  verdict = \"report\"\n";
    let board = Board::with(config);
    let id = board.create("t", &["--assignee", "dev"]);
    let starts_after = |runs: usize| {
        until("the task to be blocked again", || {
            (board.runs(&id).len() == runs && board.status(&id) == "blocked").then_some(())
        });
        board.task(&id)["auto_starts"].clone()
    };
    assert_eq!(starts_after(1), 1);
    board.say(["unblock", &id]).ok();
    assert_eq!(starts_after(2), 2);
    board.say(["unblock", &id, "--more-starts"]).ok();
    assert_eq!(starts_after(3), 1);
}
