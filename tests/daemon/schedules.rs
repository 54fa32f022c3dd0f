//! Times on the real clock: the timer fires, occurrences become runs, and a daemon that dies makes nothing twice.

use serde_json::{Value, json};

use crate::harness::{Daemon, config, until};

const SCRIPT: &str = "echo done";

fn schedule(name: &str, cron: &str) -> Value {
    json!({ "name": name, "cron": cron, "zone": "UTC", "overlap": "queue", "task": { "title": "t", "assignee": "sh" } })
}

/// The tasks of a schedule: nominal time and status.
fn occurrences(daemon: &Daemon, name: &str) -> Vec<(i64, String)> {
    let shown = daemon.get(&format!("/v1/schedules/{name}"));
    let one =
        |one: &Value| (one["at"].as_i64().unwrap(), one["status"].as_str().unwrap().to_owned());
    shown["occurrences"].as_array().unwrap().iter().map(one).collect()
}

#[test]
fn an_occurrence_comes_at_its_minute_and_a_daemon_that_was_killed_makes_it_once() {
    let text = config(&[("sh", "exit", SCRIPT)]);
    // The daemon dies after the commit of the occurrence, before the timer has its reply.
    let mut daemon = Daemon::with_fail_points(&text, "timer-fired=kill@2");
    daemon.spawn();
    daemon.wait_until_up();
    daemon.post("/v1/schedules", &schedule("minutely", "* * * * *"));
    daemon.wait_end();
    daemon.arm(None);
    daemon.spawn();
    daemon.wait_until_up();
    until("the occurrence is done", || {
        occurrences(&daemon, "minutely").iter().any(|(_, status)| status == "done").then_some(())
    });
    let mut times: Vec<i64> =
        occurrences(&daemon, "minutely").into_iter().map(|(at, _)| at).collect();
    assert!(times.iter().all(|at| at % 60 == 0), "{times:?}");
    times.dedup();
    assert_eq!(times.len(), occurrences(&daemon, "minutely").len(), "each once");
}
