//! Through the real sockets: a worker hands over what its profile may, and a person has to let the rest go on.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

use serde_json::{Value, json};

use crate::harness::{Daemon, config};

/// A daemon with a run of `reader`, which may hand work to nobody but itself and people; its token.
fn scene() -> (Daemon, String, String) {
    let none = Vec::<String>::new;
    let text = config(&[("reader", "report", "exec sleep 600"), ("deployer", "exit", "exit 0")])
        .with("profiles.reader.may_assign", none())
        .with("profiles.reader.may_use_dirs", none());
    let daemon = Daemon::start(&text);
    let own = daemon.create(json!({ "assignee": "reader" }));
    daemon.worker_pid(&own);
    let token = std::fs::read_to_string(daemon.home().join("runs/1/token")).unwrap();
    (daemon, token.trim().to_owned(), own)
}

/// What the workers' socket answers: status and reply.
fn as_worker(daemon: &Daemon, token: &str, path: &str, body: &Value) -> (u16, Value) {
    let mut stream = UnixStream::connect(daemon.worker_socket()).unwrap();
    let body = body.to_string();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nkanban-token: {token}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, reply) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(reply).unwrap_or(Value::Null))
}

fn create(daemon: &Daemon, token: &str, task: Value) -> Value {
    let (status, reply) = as_worker(daemon, token, "/v1/tasks", &task);
    assert!((200..300).contains(&status), "{status} {reply}");
    reply
}

#[test]
fn a_worker_that_assigns_upwards_has_its_task_wait_for_a_person() {
    let (daemon, token, _) = scene();
    let reply = create(&daemon, &token, json!({ "title": "loot", "assignee": "deployer" }));
    assert_eq!((&reply["status"], &reply["held"]), (&json!("triage"), &json!("may_assign")));
    let id = reply["id"].as_str().unwrap();
    for verb in ["promote", "unblock", "assign", "reassign", "claim", "edit"] {
        let path = format!("/v1/tasks/{id}/{verb}");
        let (status, reply) = as_worker(&daemon, &token, &path, &json!({}));
        assert!((400..500).contains(&status), "{verb}: {status} {reply}");
    }
    daemon.post("/v1/dispatch", &json!({}));
    assert!(daemon.runs(id).is_empty(), "nothing is started for it");
    daemon.post(&format!("/v1/tasks/{id}/promote"), &json!({}));
    daemon.wait_status(id, "done");
}

#[test]
fn a_workers_own_directories_are_its_workspace_and_nothing_beside_it() {
    let (daemon, token, own) = scene();
    let own = daemon.runs(&own)[0]["workspace_path"].clone();
    let dir = |path: &str| json!({ "title": "t", "assignee": "reader", "workspace_kind": "dir", "workspace_path": path });
    let own = own.as_str().unwrap();
    assert_eq!(create(&daemon, &token, dir(own))["held"], Value::Null);
    assert_eq!(create(&daemon, &token, dir("/tmp"))["held"], "may_use_dirs");
    let (status, refused) = as_worker(&daemon, &token, "/v1/tasks", &dir(&format!("{own}/..")));
    assert_eq!((status, &refused["error"]["code"]), (400, &json!("invalid_value")));
}
