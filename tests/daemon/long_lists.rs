//! Answers that would be large: lists come in pages, what is left out of a page is counted, and old deep JSON stays readable.

use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{Daemon, config};

fn fill(daemon: &Daemon, count: usize, body: &str) {
    for numbers in (0..count).collect::<Vec<_>>().chunks(500) {
        let tasks: Vec<Value> =
            numbers.iter().map(|n| json!({ "title": format!("task {n}"), "body": body })).collect();
        daemon.post("/v1/tasks/batch", &json!({ "tasks": tasks }));
    }
}

fn ids(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|task| task["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_list_of_many_pages_has_every_task_once_and_in_order() {
    let daemon = Daemon::start(&config(&[]));
    fill(&daemon, 2_500, "");
    let whole = ids(&daemon.get("/v1/tasks?sort=created"));
    assert_eq!(whole.len(), 2_500);
    let mut by_cursor: Vec<String> = Vec::new();
    loop {
        let after = by_cursor.last().map(|id| format!("&cursor={id}")).unwrap_or_default();
        let page = ids(&daemon.get(&format!("/v1/tasks?sort=created&limit=700{after}")));
        if page.is_empty() {
            break;
        }
        by_cursor.extend(page);
    }
    assert_eq!(whole, by_cursor);
    assert_eq!(ids(&daemon.get("/v1/tasks?sort=created&limit=1700")), whole[..1700]);
}

#[test]
fn a_list_of_large_tasks_is_not_held_in_memory() {
    let daemon = Daemon::start(&config(&[]));
    let body = "word ".repeat(200_000);
    for _ in 0..12 {
        fill(&daemon, 5, &body);
    }
    let list = daemon.get("/v1/tasks");
    assert_eq!(list.as_array().unwrap().len(), 60);
    assert!(list.as_array().unwrap().iter().all(|task| task["body"] == body.as_str()));
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap();
    let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    let peak_kib: u64 = peak.split_whitespace().nth(1).unwrap().parse().unwrap();
    // The answer has 60 MiB.
    assert!(peak_kib < 120 * 1024, "the daemon grew to {peak_kib} KiB");
}

#[test]
fn a_task_that_is_too_long_to_show_is_shown_in_pages() {
    let daemon = Daemon::start(&config(&[]));
    let id = daemon.create(json!({}));
    let body = "x".repeat(1024 * 1024);
    for n in 0..6 {
        let comment = json!({ "body": format!("{n} {}", &body[..body.len() - 2]) });
        daemon.post(&format!("/v1/tasks/{id}/comment"), &comment);
    }
    let first = |shown: &Value| -> Vec<String> {
        let comments = shown["comments"].as_array().unwrap();
        comments.iter().map(|comment| comment["body"].as_str().unwrap()[..1].to_owned()).collect()
    };
    let mut shown = daemon.show(&id);
    assert_eq!(first(&shown), ["3", "4", "5"], "the newest that fit");
    assert_eq!(shown["left_out"], json!({ "comments": 3, "events": 0, "runs": 0 }));
    let oldest = &shown["comments"][0]["id"];
    shown = daemon.get(&format!("/v1/tasks/{id}?comments_before={oldest}"));
    assert_eq!(first(&shown), ["0", "1", "2"]);
    assert_eq!(shown.get("left_out"), None, "nothing is older");
}

fn set_metadata(home: &Path, metadata: &str) {
    let board = rusqlite::Connection::open(home.join("kanban.db")).unwrap();
    board.execute("UPDATE task_runs SET metadata = ?1", [metadata]).unwrap();
}

#[test]
fn metadata_that_is_too_deep_is_refused_and_what_was_stored_before_stays_readable() {
    let mut daemon = Daemon::start(&config(&[]));
    let id = daemon.create(json!({}));
    let deep = |levels: usize| -> String {
        format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels))
    };
    let request = format!(r#"{{"summary":"x","metadata":{}}}"#, deep(120));
    let post = format!(
        "POST /v1/tasks/{id}/complete HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{request}",
        request.len()
    );
    let refused = crate::bad_requests::raw(&daemon, post.as_bytes());
    assert!(refused.contains("is nested too deeply"), "{refused}");
    daemon.post(
        &format!("/v1/tasks/{id}/complete"),
        &json!({ "summary": "x", "metadata": { "a": 1 } }),
    );
    daemon.signal(nix::sys::signal::Signal::SIGTERM);
    daemon.wait_end();
    set_metadata(&daemon.home(), &deep(126));
    daemon.restart();
    let innermost = |run: &Value| {
        let mut value = &run["metadata"]["a"];
        let mut levels = 0;
        while let Some(inner) = value.as_array() {
            levels += 1;
            value = inner.first().unwrap_or(&Value::Null);
        }
        levels
    };
    assert_eq!(innermost(&daemon.runs(&id)[0]), 126);
    assert_eq!(innermost(&daemon.get(&format!("/v1/tasks/{id}/runs"))[0]), 126);
}
