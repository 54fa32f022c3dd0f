//! Verbs for many tasks: by ids, by ids on stdin, or by a filter; and command lines that mean one task as before.

use kanband::api::client::{Client, ClientError};
use serde_json::{Value, json};

use crate::harness::{Board, until};

/// A verb that takes many tasks.
struct Many {
    verb: &'static str,
    /// What is done to a new task before.
    before: &'static [&'static [&'static str]],
    /// What stands behind the tasks.
    words: &'static [&'static str],
    /// What a task says afterwards, and where.
    after: (&'static str, &'static str),
}

const fn many(
    verb: &'static str,
    before: &'static [&'static [&'static str]],
    words: &'static [&'static str],
    after: (&'static str, &'static str),
) -> Many {
    Many { verb, before, words, after }
}

const CLAIMED: &[&[&str]] = &[&["claim"]];
const DONE: &[&[&str]] = &[&["complete"]];

const IN_REVIEW: &[&[&str]] = &[&["block"], &["request-review"]];

/// What has to change, and what is answered, is about one task; only the API takes many.
const OF_ONE_TASK: [&str; 2] = ["answer", "request_changes"];

const VERBS: &[Many] = &[
    many("approve", IN_REVIEW, &[], ("/task/status", "done")),
    many("archive", &[], &[], ("/task/status", "archived")),
    many("assign", &[], &["dev"], ("/task/assignee", "dev")),
    many("block", &[], &["--reason", "why"], ("/runs/0/summary", "why")),
    many("cancel", CLAIMED, &[], ("/task/status", "archived")),
    many("comment", &[], &["--body", "read it"], ("/comments/0/body", "read it")),
    many("complete", &[], &["--result", "shipped"], ("/task/result", "shipped")),
    many("edit", &[], &["--model", "large"], ("/task/model", "large")),
    many("promote", &[&["triage"]], &[], ("/task/status", "ready")),
    many("reassign", CLAIMED, &["dev"], ("/task/assignee", "dev")),
    many("reclaim", CLAIMED, &[], ("/runs/0/outcome", "reclaimed")),
    many("reopen", DONE, &[], ("/task/status", "ready")),
    many("request_review", &[&["block"]], &[], ("/task/status", "review")),
    many("restart", CLAIMED, &[], ("/runs/0/outcome", "stopped")),
    many("schedule", &[], &["--park"], ("/task/status", "scheduled")),
    many("stop", CLAIMED, &[], ("/task/status", "blocked")),
    many("triage", &[], &[], ("/task/status", "triage")),
    many("unarchive", &[&["archive"]], &[], ("/task/status", "ready")),
    many("unblock", &[&["block"]], &[], ("/task/status", "ready")),
    many("unschedule", &[&["schedule", "--park"]], &[], ("/task/status", "ready")),
];

#[test]
fn every_verb_of_many_takes_ids_and_stdin_and_a_filter() {
    let board = Board::quiet();
    for Many { verb, before, words, after: (pointer, value) } in VERBS {
        for form in ["ids", "stdin", "filter"] {
            let tenant = format!("{verb}-{form}");
            let ids = ["a", "b"].map(|title| board.create(title, &["--tenant", &tenant]));
            let other = board.create("other", &[]);
            for words in *before {
                for id in &ids {
                    board.say(words.iter().copied().chain([id.as_str()])).ok();
                }
            }
            let archived = if *verb == "unarchive" { "status=archived," } else { "" };
            let filter = format!("{archived}tenant={tenant}");
            let (tasks, input) = match form {
                "ids" => (vec![ids[0].as_str(), &ids[1]], String::new()),
                "stdin" => (vec!["-"], format!("{}\n{}\n", ids[0], ids[1])),
                _ => (vec!["--where", &filter], String::new()),
            };
            let typed = verb.replace('_', "-");
            let call: Vec<&str> =
                [typed.as_str()].into_iter().chain(tasks).chain(words.to_vec()).collect();
            let untouched = board.task(&other);
            let said = board.say_from(input.as_bytes(), &[&call[..], &["--json"]].concat());
            assert_eq!(said.code, 0, "{call:?}: {said:?}");
            assert_eq!(said.json().as_array().unwrap().len(), 2, "{call:?}");
            for id in &ids {
                let shown = board.say(["show", id, "--json"]).json();
                let found = shown.pointer(pointer).and_then(Value::as_str);
                assert_eq!(found, Some(*value), "{call:?}: {shown}");
            }
            assert_eq!(board.task(&other), untouched, "{call:?}");
        }
    }
}

#[test]
fn tasks_on_stdin_are_waited_for_and_started_and_a_filter_starts_what_it_names() {
    let board = Board::with_workers(&[("dev", "exec kanban complete $KANBAN_TASK --summary s")]);
    board.say(["pause"]).ok();
    let create =
        |title: &str, tenant: &str| board.create(title, &["--assignee", "dev", "--tenant", tenant]);
    let [a, b, c, other] = [("a", "x"), ("b", "x"), ("c", "y"), ("d", "z")]
        .map(|(title, tenant)| create(title, tenant));
    let held = board.say(["dispatch", "--where", "tenant=y"]);
    assert_eq!(held.code, 1, "{held:?}");
    assert!(held.out.contains("Held: paused") && held.out.contains(&c), "{held:?}");
    // Nothing named is not everything.
    for (input, words, note) in [
        ("\n", &["dispatch", "-"][..], "stdin has no ids"),
        ("", &["dispatch", "--where", "tenant=nobody"], "no task matches tenant=nobody"),
        ("\n", &["wait", "-"], "stdin has no ids"),
    ] {
        let said = board.say_from(input.as_bytes(), words);
        assert_eq!(
            (said.code, said.err.as_str()),
            (0, format!("note: {note}\n").as_str()),
            "{words:?}"
        );
        assert!(!said.out.contains("t_"), "{said:?}");
    }
    board.say(["block", &other, "later"]).ok();
    board.say(["resume"]).ok();
    board.say_from(format!("{a}\n{b}\n").as_bytes(), &["dispatch", "-"]).ok();
    board.say(["dispatch", "--where", "tenant=y"]).ok();
    let waited = board.say_from(
        format!("{a} {b}\n{c}\n").as_bytes(),
        &["wait", "-", "--closed", "--timeout", "60s"],
    );
    assert_eq!(waited.ok(), format!("{a} done\n{b} done\n{c} done\n"));
}

/// The API says which verbs take many; each has to be tried above.
#[test]
fn no_verb_of_many_is_forgotten() {
    let board = Board::quiet();
    let client = Client::at(board.home().join("kanband.sock"), None, false).unwrap();
    let wrong = client.post::<Value>("/v1/tasks/bulk", &json!({"verb": "x", "ids": ["t_1"]}));
    let Err(ClientError::Refused(detail)) = wrong else { panic!("{wrong:?}") };
    let mut names: Vec<&str> = VERBS.iter().map(|many| many.verb).collect();
    names.extend(OF_ONE_TASK);
    names.sort_unstable();
    assert!(detail.message.contains(&format!("(one of {})", names.join(", "))), "{detail:?}");
}

#[test]
fn a_command_line_for_one_task_means_what_it_meant() {
    let board = Board::quiet();
    let [a, b] = ["a", "b"].map(|title| board.create(title, &[]));
    let shown = |id: &str| board.say(["show", id, "--json"]).json();
    board.say(["assign", &a, "--board", "default", "dev"]).ok();
    assert_eq!(board.task(&a)["assignee"], "dev");
    board.say(["assign", &a, "-"]).ok();
    board.say(["reassign", "--reason", "r", &b, "--no-wait", "qa"]).ok();
    assert_eq!(
        (&board.task(&a)["assignee"], &board.task(&b)["assignee"]),
        (&json!(null), &json!("qa"))
    );
    board.say(["comment", &a, &b, "is", "broken"]).ok();
    assert_eq!(shown(&a)["comments"][0]["body"], format!("{b} is broken"));
    assert_eq!(shown(&b)["comments"], json!([]));
    board.say(["block", &a, &b, "is", "in", "the", "way"]).ok();
    assert_eq!((board.status(&a), board.status(&b)), ("blocked".into(), "ready".into()));
    // A verb that took one task answers for one as before, the others with a list.
    let keys = |words: &[&str]| -> Value {
        board.say(words.iter().chain(&["--json"])).json()["id"].clone()
    };
    for words in
        [&["assign", &a, "dev"][..], &["edit", &a, "--priority", "3"], &["reassign", &a, "qa"]]
    {
        let id = keys(words);
        assert_eq!(id, a, "{words:?}");
    }
    let comment = board.say(["comment", &a, "hello", "--json"]).json();
    assert_eq!(comment["task_id"], a);
    let both = board.say(["assign", &a, &b, "dev", "--json"]).json();
    assert_eq!((&both[0]["id"], &both[1]["id"]), (&json!(a), &json!(b)));
    let refused = board.say(["stop", &b, "--json"]);
    assert_eq!((refused.code, refused.out.as_str()), (1, ""));
}

#[test]
fn what_may_be_meant_otherwise_is_refused_and_changes_nothing() {
    let board = Board::quiet();
    let [a, b] = ["a", "b"].map(|title| board.create(title, &["--tenant", "x"]));
    let before = board.everything();
    for (words, message) in [
        (&["assign", &a, &b][..], "PROFILE is missing"),
        (&["assign", "dev"], "ID or PROFILE is missing"),
        (&["assign", &a, "dev", "--where", "tenant=x"], "not both"),
        (&["reassign", &a, &b], "PROFILE is missing"),
        (&["comment", "--where", "tenant=x", &a, "hello"], "not both"),
        (&["comment", "--where", "tenant=x"], "comment body is required"),
        (&["comment", "--where", "tenant=x", "hello", "--body", "hello"], "once"),
        (&["block", "--where", "tenant=x", &a], "not both"),
        (&["block", &a, "why", "--ids", &b, "--where", "tenant=x"], "cannot be used with"),
        (&["promote", "--where", "tenant=x", &a], "not both"),
        (&["edit", &a, &b, "--title", "c"], "per-task"),
        (&["edit", "--where", "tenant=x", "--if-version", "1", "--priority", "1"], "per-task"),
        (&["edit", &a, &b], "the editor is for a single task"),
        (&["complete", "--where", "tenant=x", "--summary", "s"], "per-task"),
        (&["stop", &a, "--where", "tenant=x"], "cannot be used with"),
        (&["archive", "--where", ""], "expected KEY=VALUE"),
    ] {
        let said = board.say(words).failed(2);
        assert!(said.contains(message), "{words:?}: {said}");
    }
    for words in [&["assign", &a, "t_dead", "dev"][..], &["comment", &a, "hello", "--body", "x"]] {
        let said = board.say(words).failed(1);
        assert!(said.contains("no task was changed"), "{words:?}: {said}");
    }
    assert_eq!(board.everything(), before);
    let said = board.say(["assign", "--where", "tenant=y", "dev"]);
    assert_eq!((said.code, said.out.as_str()), (0, ""));
    assert_eq!(said.err, "note: no task matches tenant=y\n");
    let said = board.say_from(b"\n", &["stop", "-", "--json"]);
    assert_eq!((said.code, said.out.as_str()), (0, "[]\n"));
}

#[test]
fn many_runs_are_stopped_at_once_and_their_processes_are_gone_when_it_returns() {
    let script = "touch begun; while :; do sleep 0.02; done";
    let board = Board::with_workers(&[("dev", script)]);
    let ids = ["a", "b"].map(|title| board.create(title, &["--assignee", "dev"]));
    let ready = board.create("ready", &["--tenant", "x"]);
    board.dispatch();
    for id in &ids {
        let begun = board.home().join("workspaces").join(id).join("begun");
        until("the worker to begin", || begun.exists().then_some(()));
    }
    let said = board.say(["stop", &ids[0], &ready, &ids[1], "--reason", "enough"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains(&format!("cannot stop {ready}")), "{said:?}");
    for ((line, id), title) in said.out.lines().zip(&ids).zip(["a", "b"]) {
        let run = &board.runs(id)[0];
        assert_eq!(line, format!("Stopped {id} ({title}): blocked (run {} has ended)", run["id"]));
        assert!(run["closed_at"].is_i64(), "{run}");
    }
    assert_eq!(said.out.lines().count(), 2, "{said:?}");
}
