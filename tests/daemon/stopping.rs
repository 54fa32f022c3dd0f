//! Stopping real processes: the ladder behind every verb that takes work away, and what does not die.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::harness::{Config, Daemon, config, is_alive, until};

/// Ends by nothing but SIGKILL; says when it is deaf.
const DEAF: &str = "trap '' TERM; touch deaf; while :; do sleep 0.02; done";

fn started(daemon: &Daemon) -> (String, i32) {
    let id = daemon.create(json!({ "assignee": "sh" }));
    let pid = daemon.worker_pid(&id);
    let deaf = daemon.home().join("workspaces").join(&id).join("deaf");
    until("the worker to be deaf", || deaf.exists().then_some(()));
    (id, pid)
}

fn quick(script: &str) -> Config {
    config(&[("sh", "report", script)]).with("supervision.grace", "100ms")
}

#[test]
fn every_verb_that_takes_work_away_ends_the_processes_before_anything_starts_again() {
    for (verb, body, outcome, status) in [
        ("stop", json!({ "then": "hold" }), "stopped", "blocked"),
        ("stop", json!({ "then": "cancel" }), "stopped", "archived"),
        ("stop", json!({}), "stopped", "running"),
        ("reclaim", json!({}), "reclaimed", "running"),
        ("reassign", json!({ "assignee": "nobody-starts-this" }), "reclaimed", "-"),
        ("archive", json!({}), "reclaimed", "archived"),
    ] {
        let daemon = Daemon::start(&quick(DEAF));
        let (id, pid) = started(&daemon);
        daemon.post(&format!("/v1/tasks/{id}/{verb}"), &body);
        let first = until("the run to be closed", || {
            let run = daemon.runs(&id)[0].clone();
            (!run["closed_at"].is_null()).then_some(run)
        });
        assert!(!is_alive(pid), "{verb} {body}: closed means gone");
        assert_eq!(first["outcome"], outcome, "{verb} {body}");
        assert_eq!(first["signal"], 9, "{verb} {body}: {first}");
        if status != "-" {
            daemon.wait_status(&id, status);
        }
    }
}

/// As long as this is there, a shim stands still before its first round of killing.
struct Hold(PathBuf);

impl Drop for Hold {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0));
    }
}

/// A daemon whose shims do not come to kill.
fn with_held_kills() -> (Daemon, Hold) {
    let mut daemon = Daemon::prepare(&quick(DEAF));
    let hold = daemon.scratch().join("hold");
    daemon.arm(Some(&format!("shim-kill-round=hold:{}@1", hold.display())));
    daemon.spawn();
    daemon.wait_until_up();
    (daemon, Hold(hold))
}

fn until_unkillable(daemon: &Daemon, id: &str) {
    until("the run to be unkillable", || {
        daemon.runs(id).iter().any(|run| run["state"] == "unkillable").then_some(())
    });
}

#[test]
fn what_does_not_die_keeps_its_slot_alerts_once_and_is_given_up_by_a_persons_word() {
    let (daemon, hold) = with_held_kills();
    let (id, pid) = started(&daemon);
    daemon.post(&format!("/v1/tasks/{id}/stop"), &json!({ "reason": "enough" }));
    until_unkillable(&daemon, &id);
    assert!(is_alive(pid));
    assert_eq!((daemon.status(&id).as_str(), daemon.runs(&id).len()), ("ready", 1));
    let why = daemon.get(&format!("/v1/tasks/{id}/why"));
    assert_eq!(why["reason"], "previous_run_unkillable", "{why}");
    assert!(why["hint"].as_str().unwrap().contains("kanban stop --force"), "{why}");
    let dispatched = daemon.post("/v1/dispatch", &json!({}));
    assert_eq!(dispatched["spawned"], json!([]), "nobody starts beside it");
    assert_eq!(daemon.kinds(&id).iter().filter(|kind| *kind == "unkillable").count(), 1);

    daemon.post("/v1/dispatch/switch", &json!({ "to": "paused" }));
    let reply = daemon.post(&format!("/v1/tasks/{id}/stop"), &json!({ "force": true }));
    assert_eq!((&reply["stopping"], &reply["run_id"]), (&json!(false), &json!(1)));
    let closed: Value = daemon.show(&id)["events"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&closed["kind"], &closed["payload"]["forced"]), (&json!("closed"), &json!(true)));
    assert_eq!(daemon.get(&format!("/v1/tasks/{id}/why"))["reason"], "paused", "its slot is free");
    drop(hold);
    until("its end after all", || (!is_alive(pid)).then_some(()));
    until("its files to go", || (!daemon.home().join("runs/1").exists()).then_some(()));
    assert_eq!(daemon.outcomes(&id), ["stopped"]);
}

#[test]
fn a_run_whose_time_is_up_and_that_does_not_die_becomes_unkillable_and_closes_when_it_does() {
    let (daemon, hold) = with_held_kills();
    let id = daemon.create(json!({ "assignee": "sh", "max_runtime_seconds": 1 }));
    until_unkillable(&daemon, &id);
    assert_eq!(daemon.status(&id), "running");
    assert_eq!(daemon.get(&format!("/v1/tasks/{id}/why"))["reason"], "previous_run_unkillable");
    daemon.post("/v1/dispatch/switch", &json!({ "to": "paused" }));
    drop(hold);
    daemon.wait_closed(&id);
    assert_eq!(daemon.outcomes(&id), ["timed_out"]);
    assert_eq!(daemon.status(&id), "ready");
}
