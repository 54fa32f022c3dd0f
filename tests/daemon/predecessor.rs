//! What went wrong with the predecessor's processes and clients, played again on the real daemon.
//! `docs/predecessor.md` has the whole list.

use kanband::api::client::Client;
use serde_json::{Value, json};

use crate::harness::{Daemon, config, is_alive, until};

#[test]
fn workers_of_every_profile_see_the_one_board_whatever_home_their_profile_names() {
    let script = "kanban show $KANBAN_TASK --json > /dev/null || exit 1; \
                  kanban complete $KANBAN_TASK --summary \"$HERMES_HOME $HERMES_PROFILE\"";
    let mut text = config(&[("coder", "report", script), ("writer", "report", script)]);
    for name in ["coder", "writer"] {
        let variable = |variable: &str| format!("profiles.{name}.env.{variable}");
        text.set(&variable("HERMES_HOME"), format!("/elsewhere/profiles/{name}"));
        text.set(&variable("HOME"), format!("/elsewhere/{name}"));
    }
    let daemon = Daemon::start(&text);
    let first = daemon.create(json!({ "assignee": "coder" }));
    let second = daemon.create(json!({ "assignee": "writer", "parents": [first] }));
    for (id, name) in [(&first, "coder"), (&second, "writer")] {
        daemon.wait_status(id, "done");
        let message = &daemon.runs(id)[0]["summary"];
        assert_eq!(*message, format!("/elsewhere/profiles/{name} {name}"));
    }
}

#[test]
fn a_second_attempt_has_all_its_time_again() {
    let script = "test -e again && { sleep 1.2; exit 0; }; touch again; exec sleep 600";
    let daemon = Daemon::start(&config(&[("sh", "exit", script)]));
    let id = daemon.create(json!({ "assignee": "sh", "max_runtime_seconds": 3 }));
    daemon.wait_status(&id, "done");
    assert_eq!(daemon.outcomes(&id), ["timed_out", "completed"]);
}

#[test]
fn a_worker_that_will_not_end_holds_up_nobody_else() {
    let stubborn = "trap '' TERM; touch begun; while :; do sleep 1; done";
    let text = config(&[("stubborn", "exit", stubborn), ("quick", "exit", "true")])
        .with("supervision.grace", "10m");
    let daemon = Daemon::start(&text);
    let overdue: Vec<_> = (0..2)
        .map(|_| daemon.create(json!({ "assignee": "stubborn", "max_runtime_seconds": 1 })))
        .collect();
    let taken_back = daemon.create(json!({ "assignee": "stubborn" }));
    let begun = daemon.home().join("workspaces").join(&taken_back).join("begun");
    until("the worker at work", || begun.exists().then_some(()));
    let reply = daemon.post(&format!("/v1/tasks/{taken_back}/reclaim"), &json!({}));
    assert_eq!(reply["stopping"], true);
    for _ in 0..3 {
        let id = daemon.create(json!({ "assignee": "quick" }));
        daemon.wait_status(&id, "done");
    }
    let runs = daemon.runs(&taken_back);
    assert_eq!((runs.len(), &runs[0]["closed_at"]), (1, &json!(null)), "no second one beside it");
    assert_eq!(daemon.runs(&overdue[0]).len(), 1);
    assert!(is_alive(i32::try_from(runs[0]["worker_pid"].as_i64().unwrap()).unwrap()));
}

fn open_descriptors(daemon: &Daemon) -> usize {
    // Reading connections are opened when they are needed and kept: their files are no leak.
    let is_of_board = |file: &std::path::Path| file.to_string_lossy().contains("/kanban.");
    let entries = std::fs::read_dir(format!("/proc/{}/fd", daemon.pid())).unwrap().flatten();
    let files = entries.filter_map(|entry| std::fs::read_link(entry.path()).ok());
    files.filter(|file| !is_of_board(file)).count()
}

#[test]
fn a_thousand_calls_leave_no_descriptor_open_and_looking_commits_nothing() {
    let daemon = Daemon::start(&config(&[]));
    let id = daemon.create(json!({}));
    let look = || {
        daemon.show(&id);
        daemon.get("/v1/tasks");
        daemon.get("/v1/stats");
        daemon.get(&format!("/v1/tasks/{id}/context"));
        daemon.post("/v1/dispatch", &json!({ "dry_run": true }));
    };
    look();
    let commits = || daemon.get("/v1/daemon")["database_commits"].clone();
    // The pass that the creation caused may still be on its way.
    let mut last = json!(null);
    until("the last commit", || {
        let now = commits();
        std::mem::replace(&mut last, now.clone()).eq(&now).then_some(())
    });
    let before = open_descriptors(&daemon);
    for _ in 0..200 {
        look();
    }
    assert_eq!(commits(), last);
    until("the connections to be closed", || (open_descriptors(&daemon) <= before).then_some(()));
}

#[test]
fn of_many_clients_with_one_key_each_gets_the_same_task() {
    let daemon = Daemon::start(&config(&[]));
    for round in 0..10 {
        let body = json!({ "title": "once", "idempotency_key": format!("key {round}") });
        let replies: Vec<Value> = std::thread::scope(|scope| {
            let post =
                || Client::at(daemon.socket(), None, false).unwrap().post("/v1/tasks", &body);
            let clients: Vec<_> = (0..16).map(|_| scope.spawn(post)).collect();
            clients.into_iter().map(|client| client.join().unwrap().unwrap()).collect()
        });
        let makers = replies.iter().filter(|reply| reply["created"] == true).count();
        assert_eq!(makers, 1, "{replies:?}");
        assert!(replies.iter().all(|reply| reply["id"] == replies[0]["id"]));
    }
    assert_eq!(daemon.get("/v1/tasks").as_array().unwrap().len(), 10);
}

#[test]
fn a_status_cannot_be_written_from_outside() {
    let daemon = Daemon::start(&config(&[]));
    let id = daemon.create(json!({}));
    let before = daemon.show(&id);
    for status in ["running", "ready", "done", "triage"] {
        let body = json!({ "status": status });
        let answer = daemon.client().patch::<Value>(&format!("/v1/tasks/{id}"), &body);
        let refusal = answer.unwrap_err().to_string();
        assert!(refusal.contains("unknown field `status`"), "{refusal}");
    }
    assert_eq!(daemon.show(&id), before);
}

#[test]
fn a_listener_that_missed_what_gc_removed_is_told_to_look_again() {
    let daemon = Daemon::start(&config(&[]));
    let id = daemon.create(json!({}));
    daemon.post(&format!("/v1/tasks/{id}/archive"), &json!({}));
    let kept = daemon.create(json!({}));
    until("a second to have passed and gc to remove the task", || {
        let gone = daemon.post("/v1/gc", &json!({ "older_than_days": 0 }));
        (gone["tasks"] == 1).then_some(())
    });
    let first = |after: &str| {
        let query = json!({ "after": after });
        let reply = daemon.client().get_raw("/v1/events", &query).unwrap();
        let text = String::from_utf8(reply.body.to_vec()).unwrap();
        text.lines().next().map(|line| serde_json::from_str::<Value>(line).unwrap())
    };
    assert!(first("1").unwrap()["resync"].is_string());
    assert_eq!(first("2").unwrap()["task_id"], kept.as_str(), "nothing was missed from here on");
}

#[test]
fn every_reply_about_a_task_names_its_board() {
    let daemon = Daemon::start(&config(&[]));
    daemon.post("/v1/boards", &json!({ "name": "side" }));
    let parent = daemon.create(json!({ "board": "side" }));
    let id = daemon.create(json!({ "board": "side" }));
    let chat = json!({ "board": "side", "platform": "p", "chat_id": "1" });
    let named = json!({ "board": "side" });
    let ends = json!({ "board": "side", "parent_id": parent, "child_id": id });
    let at = |verb: &str| format!("/v1/tasks/{id}/{verb}");
    for (path, body) in [
        ("/v1/tasks".to_owned(), json!({ "board": "side", "title": "t" })),
        (at("comment"), json!({ "board": "side", "body": "b" })),
        (at("claim"), named.clone()),
        (at("heartbeat"), named.clone()),
        (at("reclaim"), named.clone()),
        (at("reassign"), named.clone()),
        (at("assign"), named.clone()),
        (at("block"), json!({ "board": "side", "reason": "r" })),
        (at("unblock"), named.clone()),
        ("/v1/links".to_owned(), ends.clone()),
        (at("promote"), json!({ "board": "side", "force": true })),
        ("/v1/links/remove".to_owned(), ends),
        (at("notify_subscribe"), chat.clone()),
        (at("notify_unsubscribe"), chat.clone()),
        (at("complete"), json!({ "board": "side", "summary": "s" })),
        (at("archive"), named.clone()),
    ] {
        assert_eq!(daemon.post(&path, &body)["board"], "side", "{path}");
    }
    daemon.post(&format!("/v1/tasks/{parent}/notify_subscribe"), &chat);
    let looks = [format!("/v1/tasks/{id}"), at("context"), at("why"), "/v1/stats".to_owned()];
    for path in looks {
        let reply: Value = daemon.client().get(&path, &named).unwrap();
        assert_eq!(reply["board"], "side", "{path}");
    }
    for path in ["/v1/tasks", "/v1/subscriptions"] {
        let reply: Value = daemon.client().get(path, &named).unwrap();
        let rows = reply.as_array().unwrap();
        assert!(!rows.is_empty() && rows.iter().all(|row| row["board"] == "side"), "{path}");
    }
}
