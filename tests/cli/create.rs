//! `create`.

use serde_json::{Value, json};

use crate::harness::{Board, keys};

#[test]
fn a_new_task_is_told_in_one_line() {
    let board = Board::quiet();
    let message = board.say(["create", "Fix the door"]).ok();
    let id = message.split(' ').nth(1).unwrap();
    assert_eq!(message, format!("Created {id}  (ready, assignee=-)\n"));
    assert_eq!(board.task(id)["title"], "Fix the door");
    let message = board.say(["create", "Paint it", "--assignee", "ann", "--parent", id]).ok();
    assert!(message.ends_with("  (todo, assignee=ann)\n"), "{message}");
}

#[test]
fn json_is_the_whole_task_and_whether_it_is_new() {
    let board = Board::quiet();
    let created = board.say(["create", "t", "--json"]).json();
    let mut task = board.task(created["id"].as_str().unwrap());
    task["created"] = true.into();
    assert_eq!(created, task);
    for key in [
        "id",
        "title",
        "body",
        "assignee",
        "status",
        "priority",
        "tenant",
        "workspace_kind",
        "workspace_path",
        "created_by",
        "created_at",
        "started_at",
        "completed_at",
        "result",
        "skills",
        "claim_lock",
        "claim_expires",
        "spawn_failures",
        "worker_pid",
        "last_spawn_error",
        "max_runtime_seconds",
        "current_run_id",
    ] {
        assert!(keys(&created).contains(&key), "{key}");
    }
}

#[test]
fn every_flag_reaches_the_task() {
    let board = Board::quiet();
    let parent = board.create("p", &[]);
    let created = board
        .say([
            "create",
            "t",
            "--body",
            "all of it",
            "--assignee",
            "dev",
            "--parent",
            &parent,
            "--workspace",
            "dir:~/src",
            "--create-dir",
            "--tenant",
            "shop",
            "--priority",
            "-3",
            "--idempotency-key",
            "k",
            "--max-runtime",
            "1.5m",
            "--created-by",
            "ann",
            "--skill",
            "b",
            "--skill",
            "a",
            "--json",
        ])
        .json();
    let home = board.path("src");
    for (key, expected) in [
        ("body", json!("all of it")),
        ("assignee", json!("dev")),
        ("status", json!("todo")),
        ("workspace_kind", json!("dir")),
        ("workspace_path", json!(home.to_str().unwrap())),
        ("tenant", json!("shop")),
        ("priority", json!(-3)),
        ("idempotency_key", json!("k")),
        ("max_runtime_seconds", json!(90)),
        ("no_max_runtime", json!(false)),
        ("created_by", json!("ann")),
        ("skills", json!(["b", "a"])),
    ] {
        assert_eq!(created[key], expected, "{key}");
    }
    let triage = board.say(["create", "u", "--triage", "--max-runtime", "None", "--json"]).json();
    assert_eq!(triage["status"], "triage");
    assert_eq!(triage["no_max_runtime"], true);
    let shown = board.say(["show", created["id"].as_str().unwrap(), "--json"]).json();
    assert_eq!(shown["parents"], json!([parent]));
}

#[test]
fn a_body_may_come_from_stdin() {
    let board = Board::quiet();
    let body = "first line\n  second: „größer“\n";
    let said = board.say_from(body.as_bytes(), &["create", "t", "--body", "-", "--json"]);
    assert_eq!(said.json()["body"], body);
}

#[test]
fn skills_are_a_list_wherever_a_task_is_shown() {
    let board = Board::quiet();
    let created = board.say(["create", "t", "--json"]).json();
    assert_eq!(created["skills"], json!([]));
    let id = created["id"].as_str().unwrap();
    assert_eq!(board.say(["list", "--json"]).json()[0]["skills"], json!([]));
    assert_eq!(board.task(id)["skills"], json!([]));
    assert_eq!(board.say(["claim", id, "--json"]).json()["skills"], json!([]));
    let waited = board.say(["wait", id, "--status", "running", "--json"]).json();
    assert_eq!(waited[0]["skills"], json!([]));
}

#[test]
fn an_idempotency_key_makes_one_task_of_two_calls() {
    let board = Board::quiet();
    let call = ["create", "t", "--idempotency-key", "nightly", "--json"];
    let (first, second) = (board.say(call).json(), board.say(call).json());
    assert_eq!(first["id"], second["id"]);
    assert_eq!((&first["created"], &second["created"]), (&json!(true), &json!(false)));
    let message = board.say(["create", "t", "--idempotency-key", "nightly"]).ok();
    assert!(message.starts_with("Already exists: t_"), "{message}");
    let other = board.say(["create", "u", "--idempotency-key", "nightly"]).failed(1);
    assert!(
        other.contains("created with different content") && other.contains("hint: "),
        "{other}"
    );
}

#[test]
fn the_creator_is_the_caller_when_nobody_is_named() {
    let board = Board::quiet();
    let created = board.say(["create", "t", "--json"]).json();
    let user = nix::unistd::User::from_uid(nix::unistd::geteuid()).unwrap().unwrap();
    assert_eq!(created["created_by"], user.name.as_str());
}

#[test]
fn ready_work_that_nothing_starts_is_warned_of() {
    let board = Board::with(
        "[profiles.dev]\nargv = [\"true\"]\n[profiles.off]\nargv = [\"true\"]\nmax_running = 0\n",
    );
    let warned = |board: &Board, arguments: &[&str]| -> (String, Value) {
        let said = board.say(["create", "t"].iter().chain(arguments).chain(&["--json"]));
        assert_eq!(said.code, 0, "{said:?}");
        let made: Value = serde_json::from_str(&said.out).unwrap();
        (said.err, made["warnings"].clone())
    };
    // Nothing is wrong, or nothing is ready and assigned.
    for arguments in [&["--assignee", "dev"][..], &[]] {
        assert_eq!(warned(&board, arguments), (String::new(), json!(null)), "{arguments:?}");
    }
    let (err, warnings) = warned(&board, &["--assignee", "off"]);
    assert!(
        err.starts_with("warning: ") && warnings[0].as_str().unwrap().contains("0 of 0 open runs"),
        "{err}{warnings}"
    );
    board.say(["pause"]).ok();
    for arguments in [&["--triage", "--assignee", "dev"][..], &[]] {
        assert_eq!(warned(&board, arguments), (String::new(), json!(null)), "{arguments:?}");
    }
    let (err, warnings) = warned(&board, &["--assignee", "dev"]);
    assert!(err.contains("dispatch is paused") && err.contains("kanban resume"), "{err}");
    assert_eq!(warnings.as_array().unwrap().len(), 1);
    // For people it stands beside the line that says what was made; of many tasks it is shown once.
    let said = board.say(["create", "t", "--assignee", "dev"]);
    assert!(said.out.starts_with("Created t_") && said.err.starts_with("warning: "), "{said:?}");
    let lines = "{\"title\":\"a\",\"assignee\":\"dev\"}\n{\"title\":\"b\",\"assignee\":\"dev\"}\n";
    let said = board.say_from(lines.as_bytes(), &["create", "--from-jsonl", "-"]);
    assert_eq!((said.code, said.err.lines().count()), (0, 1), "{said:?}");

    let board = Board::quiet();
    let (err, _) = warned(&board, &["--assignee", "dev"]);
    assert!(err.contains("automatic dispatch is disabled"), "{err}");
}

#[test]
fn an_empty_time_limit_is_none() {
    let board = Board::quiet();
    let id = board.create("t", &["--max-runtime", ""]);
    let task = board.task(&id);
    assert_eq!(
        (&task["max_runtime_seconds"], &task["no_max_runtime"]),
        (&json!(null), &json!(false))
    );
}

#[test]
fn a_task_with_a_later_start_is_scheduled_and_one_with_a_past_start_says_so() {
    let board = Board::quiet();
    let later = board.create("later", &["--assignee", "dev", "--in", "2h", "--due", "tomorrow"]);
    let task = board.say(["show", &later, "--json"]).json()["task"].clone();
    assert_eq!(task["status"], "scheduled");
    let wait = task["start_at"].as_i64().unwrap() - task["created_at"].as_i64().unwrap();
    assert!((7199..=7201).contains(&wait), "{task}");
    assert!(task["due_at"].as_i64().unwrap() > task["created_at"].as_i64().unwrap());
    let past = board.say(["create", "past", "--assignee", "dev", "--at", "2020-01-01", "--json"]);
    let past = past.json();
    assert_eq!(past["status"], "ready");
    let warnings = past["warnings"].as_array().unwrap();
    assert!(warnings.iter().any(|it| it == "its start time is past: it does not wait"), "{past}");
    // A command that is repeated says another time and means the same task.
    let keyed = ["create", "keyed", "--idempotency-key", "k", "--json", "--in"];
    let first = board.say(keyed.into_iter().chain(["1h"])).json();
    let again = board.say(keyed.into_iter().chain(["2h"])).json();
    assert_eq!((&again["id"], &again["created"]), (&first["id"], &json!(false)));
    for (flag, text) in [("--at", "yesterday 9:00"), ("--due", "soon"), ("--in", "tomorrow")] {
        let refused = board.say(["create", "t", flag, text]).failed(2);
        assert!(refused.contains(flag) && refused.contains(text), "{refused}");
    }
    board.say(["create", "t", "--at", "tomorrow", "--in", "1h"]).failed(2);
}
