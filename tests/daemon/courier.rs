//! The courier's door: who is let in, what is handed out there, and that a call waits until something is due.

use std::path::PathBuf;
use std::thread;

use kanband::api::client::{Client, ClientError};
use serde_json::{Value, json};

use crate::harness::{Daemon, config, until};

const CHANNELS: &str = "[notify]\ncourier = \"off\"\n[channels.hook]\nkind = \"webhook\"\n";

fn daemon() -> Daemon {
    Daemon::start(&format!("{}\n{CHANNELS}", config(&[("sh", "exit", "true")])))
}

fn door(daemon: &Daemon) -> PathBuf {
    daemon.home().join("kanband.sock.courier")
}

fn courier(daemon: &Daemon) -> Client {
    Client::at(door(daemon), None, false).unwrap()
}

fn subscribe(daemon: &Daemon) {
    let wanted = json!({ "platform": "hook", "chat_id": "https://example.org/kanban" });
    daemon.post("/v1/subscriptions", &wanted);
}

#[test]
fn what_is_written_with_an_event_is_handed_out_and_settled_once_also_after_a_death_of_the_daemon() {
    let mut daemon = daemon();
    subscribe(&daemon);
    let id = daemon.create(json!({ "title": "sent" }));
    daemon.post(&format!("/v1/tasks/{id}/complete"), &json!({ "summary": "it is done" }));
    daemon.kill_9();
    daemon.restart();
    let leased: Value =
        courier(&daemon).post("/v1/outbox/lease", &json!({ "max": 9, "wait_ms": 0 })).unwrap();
    let row = &leased["rows"][0];
    assert_eq!(row["notice"]["task"]["id"], json!(id), "{leased}");
    assert_eq!(row["notice"]["lines"], json!(["it is done"]));
    let outcome = json!({ "sent": { "provider_id": "1" } });
    let result = json!({ "id": row["id"], "lease": row["lease"], "outcome": outcome });
    let settled: Value =
        courier(&daemon).post("/v1/outbox/settle", &json!({ "results": [result] })).unwrap();
    assert_eq!(settled["taken"], 1);
    let again: Value =
        courier(&daemon).post("/v1/outbox/lease", &json!({ "max": 9, "wait_ms": 0 })).unwrap();
    assert_eq!(again["rows"], json!([]));
}

#[test]
fn figures_count_what_waits_and_what_was_given_up() {
    let daemon = daemon();
    subscribe(&daemon);
    let figure = |name: &str| -> String {
        let reply = daemon.client().get_raw("/v1/metrics", &json!({})).unwrap();
        let page = String::from_utf8(reply.body.to_vec()).unwrap();
        let line = page.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        line.unwrap_or_default().to_owned()
    };
    let (waiting, dead) =
        ("kanband_messages_waiting{channel=\"hook\"}", "kanband_messages_dead{channel=\"hook\"}");
    assert_eq!(figure(waiting), "");
    let id = daemon.create(json!({ "title": "sent" }));
    daemon.post(&format!("/v1/tasks/{id}/complete"), &json!({}));
    assert_eq!((figure(waiting).as_str(), figure(dead).as_str()), ("1", "0"));
    let lease = json!({ "max": 9, "wait_ms": 0 });
    let leased: Value = courier(&daemon).post("/v1/outbox/lease", &lease).unwrap();
    let row = &leased["rows"][0];
    let outcome = json!({ "permanent": { "code": "http_410", "error": "gone" } });
    let result = json!({ "id": row["id"], "lease": row["lease"], "outcome": outcome });
    let results = json!({ "results": [result] });
    let _: Value = courier(&daemon).post("/v1/outbox/settle", &results).unwrap();
    assert_eq!((figure(waiting).as_str(), figure(dead).as_str()), ("0", "1"));
}

#[test]
fn a_call_that_waits_is_answered_by_the_commit_that_brings_something() {
    let daemon = daemon();
    subscribe(&daemon);
    let door = door(&daemon);
    let waiting = thread::spawn(move || -> Value {
        let client = Client::at(door, None, false).unwrap();
        client.post("/v1/outbox/lease", &json!({ "max": 9, "wait_ms": 600_000 })).unwrap()
    });
    let id = daemon.create(json!({ "title": "sent" }));
    daemon.post(&format!("/v1/tasks/{id}/complete"), &json!({}));
    until("the waiting call is answered", || waiting.is_finished().then_some(()));
    let leased = waiting.join().unwrap();
    assert_eq!(leased["rows"][0]["notice"]["kind"], "completed", "{leased}");
}

#[test]
fn the_courier_carries_and_does_nothing_else_and_nobody_else_carries() {
    let daemon = daemon();
    let id = daemon.create(json!({}));
    let courier = courier(&daemon);
    for (path, body) in [
        (format!("/v1/tasks/{id}/complete"), json!({})),
        ("/v1/tasks".to_owned(), json!({ "title": "mine" })),
        ("/v1/reload".to_owned(), json!({})),
    ] {
        let answer: Result<Value, ClientError> = courier.post(&path, &body);
        assert!(
            matches!(&answer, Err(ClientError::Refused(detail)) if detail.message.contains("may not")),
            "{path}: {answer:?}"
        );
    }
    let answer: Result<Value, ClientError> = courier.get("/v1/tasks", &json!({}));
    assert!(matches!(&answer, Err(ClientError::Refused(_))), "{answer:?}");
    let lease = json!({ "max": 1, "wait_ms": 0 });
    let answer: Result<Value, ClientError> = daemon.client().post("/v1/outbox/lease", &lease);
    assert!(matches!(&answer, Err(ClientError::Refused(_))), "{answer:?}");
}

#[test]
fn another_configuration_of_channels_ends_the_waiting() {
    let daemon = daemon();
    let known: Value = courier(&daemon).get("/v1/courier/channels", &json!({})).unwrap();
    assert_eq!(known["channels"][0]["name"], "hook");
    let ask = json!({ "max": 1, "wait_ms": 600_000, "version": known["version"] });
    let door = door(&daemon);
    let waiting = thread::spawn(move || -> Value {
        Client::at(door, None, false).unwrap().post("/v1/outbox/lease", &ask).unwrap()
    });
    let more = format!(
        "{}\n{CHANNELS}[channels.more]\nkind = \"ntfy\"\n",
        config(&[("sh", "exit", "true")])
    );
    daemon.configure(&more);
    daemon.post("/v1/reload", &json!({}));
    until("the waiting call is answered", || waiting.is_finished().then_some(()));
    assert_eq!(waiting.join().unwrap()["reload"], json!(true));
}
