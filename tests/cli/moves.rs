//! `assign`, `unlink`, `archive`, `promote`, `edit`.

use serde_json::json;

use crate::harness::{Board, keys};
use crate::talk::at_terminal;

#[test]
fn a_task_is_given_to_a_profile_and_taken_from_it() {
    let board = Board::quiet();
    let id = board.create("t", &[]);
    assert_eq!(board.say(["assign", &id, "dev"]).ok(), format!("Assigned {id} to dev\n"));
    assert_eq!(board.task(&id)["assignee"], "dev");
    let message = board.say(["assign", &id, "dev"]).ok();
    assert_eq!(message, format!("Assigned {id} to dev (no change)\n"));
    for nobody in ["none", "-", "NULL"] {
        board.say(["assign", &id, "dev"]).ok();
        let message = board.say(["assign", &id, nobody]).ok();
        assert_eq!(message, format!("Assigned {id} to (unassigned)\n"));
        assert_eq!(board.task(&id)["assignee"], json!(null));
    }
    let json = board.say(["assign", &id, "qa", "--json"]).json();
    assert_eq!(json, json!({"id": id, "board": "default", "assignee": "qa", "changed": true}));
}

#[test]
fn a_child_whose_last_parent_is_unlinked_is_ready() {
    let board = Board::quiet();
    let [a, b] = ["a", "b"].map(|title| board.create(title, &[]));
    let child = board.create("c", &["--parent", &a, "--parent", &b]);
    assert_eq!(board.say(["unlink", &a, &child]).ok(), format!("Unlinked {a} -> {child}\n"));
    assert_eq!(board.status(&child), "todo");
    let json = board.say(["unlink", &b, &child, "--json"]).json();
    assert_eq!(
        json,
        json!({"parent_id": b, "child_id": child, "board": "default", "child_status": "ready"})
    );
    let message = board.say(["unlink", &b, &child]).failed(1);
    assert!(message.contains(&format!("no such link: {b} -> {child}")), "{message}");
}

#[test]
fn archived_tasks_hold_their_children_and_leave_the_list() {
    let board = Board::quiet();
    let [a, b] = ["a", "b"].map(|title| board.create(title, &[]));
    let child = board.create("c", &["--parent", &a]);
    board.say(["claim", &b]).ok();
    let said = board.say(["archive", &a, &b]);
    assert_eq!(said.code, 0);
    let run = board.runs(&b)[0]["id"].as_i64().unwrap();
    assert_eq!(
        said.out,
        format!(
            "Archived {a} (a); blocked until `kanban unblock`: {child}\nArchived {b} (b): stopping run {run}\n"
        )
    );
    assert_eq!(board.runs(&b)[0]["outcome"], "reclaimed");
    assert_eq!(board.status(&child), "blocked");
    assert_eq!(board.say(["unblock", &child]).ok(), format!("Unblocked {child}\n"));
    let listed = board.say(["list"]).ok();
    assert!(!listed.contains(&a) && listed.contains(&child), "{listed}");
    assert!(board.say(["list", "--archived"]).ok().contains(&a));
    let again = board.say(["archive", &a, "--json"]);
    assert_eq!((again.code, again.out.as_str()), (1, "[]\n"));
}

#[test]
fn a_promotion_names_what_it_passed_over_or_what_stops_it() {
    let board = Board::quiet();
    let parent = board.create("p", &[]);
    let waiting = board.create("w", &["--parent", &parent]);
    let idea = board.create("i", &["--triage"]);
    let bound = board.create("b", &["--triage"]);
    board.say(["link", &parent, &bound]).ok();
    let message = board.say(["promote", &waiting]).failed(1);
    assert!(
        message.contains(&format!("cannot promote {waiting}: unfinished parents: {parent}")),
        "{message}"
    );
    assert!(message.contains("hint: use `--force`"), "{message}");
    let message = board.say(["promote", &idea, &bound]).ok();
    let expected = format!("Promoted {idea}\nPromoted {bound} (todo: a parent is unfinished)\n");
    assert_eq!(message, expected);
    let message = board.say(["promote", &waiting, "--force", "--reason", "it is only docs"]).ok();
    assert_eq!(message, format!("Promoted {waiting} (ignoring {parent})\n"));
    assert_eq!(board.status(&waiting), "ready");
    let shown = board.say(["show", &waiting, "--json"]).json();
    let event = shown["events"].as_array().unwrap().last().unwrap();
    assert_eq!(event["kind"], "promoted");
    assert_eq!(event["payload"]["reason"], "it is only docs");
    assert_eq!(event["payload"]["unmet"], json!([parent]));
    let json = board.say(["promote", &bound, "--force", "--json"]).json();
    assert_eq!(
        json,
        json!([{"id": bound, "board": "default", "status": "ready", "unmet": [parent]}])
    );
}

#[test]
fn flags_change_what_they_name_and_nothing_else() {
    let board = Board::quiet();
    let id = board.create("t", &["--body", "old", "--tenant", "shop", "--label", "draft"]);
    let message = board.say(["edit", &id, "--title", "better", "--priority", "-2"]).ok();
    assert_eq!(message, format!("Edited {id} (title, priority)\n"));
    let labels = ["edit", &id, "--label", "b", "--label", "a", "--unlabel", "draft"];
    assert_eq!(board.say(labels).ok(), format!("Edited {id} (labels)\n"));
    let task = board.task(&id);
    assert_eq!((&task["title"], &task["body"]), (&json!("better"), &json!("old")));
    assert_eq!((&task["labels"], &task["tenant"]), (&json!(["a", "b"]), &json!("shop")));
    board.say(["edit", &id, "--body", "", "--tenant", ""]).ok();
    let task = board.task(&id);
    assert_eq!((&task["body"], &task["tenant"]), (&json!(null), &json!(null)));
    let message = board.say(["edit", &id, "--title", "better"]).ok();
    assert_eq!(message, format!("{id}: no change\n"));
    let json = board.say(["edit", &id, "--title", "best", "--json"]).json();
    assert_eq!((&json["title"], &json["changed"]), (&json!("best"), &json!(["title"])));
    assert!(keys(&json).contains(&"skills"));
}

#[test]
fn at_a_terminal_an_editor_opens_on_title_and_body() {
    let board = Board::quiet();
    let id = board.create("old title", &["--body", "old body\nof two lines"]);
    let edit = |script: &str| {
        let script = format!("f() {{ {script}; }}; f");
        at_terminal(&board, &[("EDITOR", &script)], &["edit", &id], "")
    };
    let saved = board.path("seen");
    let (code, shown) = edit(&format!("cp \"$1\" {}; true", saved.display()));
    assert_eq!((code, shown.as_str()), (0, format!("{id}: no change\n").as_str()));
    let seen = std::fs::read_to_string(&saved).unwrap();
    assert_eq!(seen, "old title\n---\nold body\nof two lines\n");
    let (code, shown) = edit("printf 'new title\\n---\\nnew body\\n' > \"$1\"");
    assert_eq!((code, shown), (0, format!("Edited {id} (title, body)\n")));
    let task = board.task(&id);
    assert_eq!((&task["title"], &task["body"]), (&json!("new title"), &json!("new body")));
    let (code, shown) = edit("printf '\\n---\\nlost?\\n' > \"$1\"");
    assert!(code == 1 && shown.contains("title is required"), "{shown}");
    let kept = shown.lines().find_map(|line| line.strip_prefix("note: your text was saved to "));
    assert!(std::fs::read_to_string(kept.unwrap()).unwrap().contains("lost?"), "{shown}");
    let _is_removed =
        std::fs::remove_dir_all(std::path::Path::new(kept.unwrap()).parent().unwrap());
    let (code, shown) = edit("echo changed > \"$1\"; exit 7");
    assert!(code == 1 && shown.contains("failed"), "{shown}");
    assert_eq!(board.task(&id)["title"], "new title");
}
