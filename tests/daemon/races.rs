//! Many clients at once.

use std::collections::HashSet;

use kanband::api::client::{Client, ClientError};
use serde_json::{Value, json};

use crate::bad_requests::raw;
use crate::harness::{Daemon, config};

#[test]
fn of_eight_clients_that_claim_one_task_one_wins() {
    let daemon = Daemon::start(&config(&[]));
    for _ in 0..20 {
        let id = daemon.create(json!({}));
        let path = format!("/v1/tasks/{id}/claim");
        let wins: usize = std::thread::scope(|scope| {
            let clients: Vec<_> = (0..8)
                .map(|n| {
                    let (path, daemon) = (&path, &daemon);
                    scope.spawn(move || {
                        let body = json!({ "claimer": format!("client-{n}") });
                        match daemon.client().post::<Value>(path, &body) {
                            Ok(_) => 1,
                            Err(ClientError::Refused(_)) => 0,
                            Err(error) => panic!("{error}"),
                        }
                    })
                })
                .collect();
            clients.into_iter().map(|client| client.join().unwrap()).sum()
        });
        assert_eq!(wins, 1);
        assert_eq!(daemon.runs(&id).len(), 1);
    }
}

#[test]
fn two_hundred_clients_create_ten_thousand_tasks_none_lost_none_double() {
    let daemon = Daemon::start(&config(&[]));
    let socket = daemon.socket();
    let ids: Vec<String> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..200)
            .map(|client| {
                let socket = &socket;
                scope.spawn(move || {
                    (0..50)
                        .map(|n| {
                            let api = Client::at(socket.clone(), None, false).unwrap();
                            let body = json!({ "title": format!("{client}/{n}") });
                            let task: Value = api.post("/v1/tasks", &body).unwrap();
                            task["id"].as_str().unwrap().to_owned()
                        })
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    assert_eq!(ids.len(), 10_000);
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 10_000, "ids are given once");
    let listed = daemon.get("/v1/tasks");
    let titles: HashSet<&str> =
        listed.as_array().unwrap().iter().map(|task| task["title"].as_str().unwrap()).collect();
    assert_eq!(listed.as_array().unwrap().len(), 10_000);
    assert_eq!(titles.len(), 10_000);
    assert_eq!(daemon.get("/v1/stats")["by_status"]["ready"], 10_000);
    let figures = daemon.get("/v1/daemon");
    let (requests, commits) = (
        figures["database_requests"].as_u64().unwrap(),
        figures["database_commits"].as_u64().unwrap(),
    );
    assert!(commits < requests, "{requests} requests in {commits} commits: nothing was grouped");
}

#[test]
fn a_dispatch_that_is_asked_again_starts_no_second_worker_and_reports_the_first() {
    let workers = config(&[("dev", "report", "exec sleep 600")]);
    let daemon = Daemon::start(&workers.with("dispatch.enabled", false));
    for _ in 0..2 {
        daemon.create(json!({"assignee": "dev"}));
    }
    daemon.post("/v1/dispatch/switch", &json!({"to": "paused"}));
    let held = daemon.post("/v1/dispatch", &json!({}));
    assert_eq!((&held["spawned"], &held["held_by"]), (&json!([]), &json!("paused")));
    daemon.post("/v1/dispatch/switch", &json!({"to": "on"}));
    let ask = || {
        let request = "POST /v1/dispatch HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
                       kanban-request-id: r-1\r\ncontent-length: 9\r\n\r\n{\"max\":1}";
        let answer = raw(&daemon, request.as_bytes());
        serde_json::from_str::<Value>(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    };
    let (first, again) = (ask(), ask());
    assert_eq!(first["spawned"].as_array().unwrap().len(), 1, "{first}");
    assert_eq!(first["spawned"], again["spawned"]);
    assert_eq!(daemon.get("/v1/stats")["by_status"]["running"], 1);
    assert_eq!(daemon.get("/v1/stats")["by_status"]["ready"], 1);
}
