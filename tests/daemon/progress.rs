//! The progress watchdog on real processes: silence ends a run, any sign of life keeps it.

use serde_json::json;

use crate::harness::{Config, Daemon, config, is_alive, let_pass, until};

fn watched(profiles: &[(&str, &str, &str)]) -> Config {
    config(profiles)
        .with("dispatch.failure_limit", 2)
        .with("supervision.progress_timeout", "2s")
        .with("supervision.grace", "100ms")
}

#[test]
fn a_silent_run_is_ended_as_timed_out_and_one_that_computes_talks_or_calls_goes_on() {
    let daemon = Daemon::start(&watched(&[
        ("silent", "report", "echo begun; exec sleep 600"),
        ("computes", "report", "while :; do :; done"),
        ("talks", "report", "while :; do echo on and on; sleep 1; done"),
        ("calls", "report", "while :; do kanban heartbeat $KANBAN_TASK; sleep 1; done >/dev/null"),
    ]));
    let lively: Vec<_> = ["computes", "talks", "calls"]
        .map(|name| daemon.create(json!({ "assignee": name })))
        .into_iter()
        .collect();
    let silent = daemon.create(json!({ "assignee": "silent" }));
    let first = daemon.worker_pid(&silent);
    daemon.wait_status(&silent, "blocked");
    daemon.wait_closed(&silent);
    assert!(!is_alive(first));
    let runs = daemon.runs(&silent);
    assert_eq!(daemon.outcomes(&silent), ["timed_out", "gave_up"]);
    for run in &runs {
        let error = run["error"].as_str().unwrap();
        assert!(error.starts_with("no progress for "), "{error}");
        assert_eq!(run["log_tail"], "begun\n", "what it said last is kept");
        assert_eq!(run["signal"], 15, "it went down the ladder");
    }
    let timed_out = daemon.show(&silent)["events"]
        .as_array()
        .unwrap()
        .iter()
        .find(|event| event["kind"] == "timed_out")
        .unwrap()
        .clone();
    assert!(timed_out["payload"]["error"].as_str().unwrap().contains("no progress"), "{timed_out}");
    for id in &lively {
        assert_eq!(daemon.outcomes(id), ["-"], "{:#}", daemon.runs(id)[0]);
    }
}

#[test]
fn a_profile_has_a_watchdog_of_its_own_or_none_and_without_one_nothing_is_looked_at() {
    let text =
        watched(&[("exempt", "report", "exec sleep 600"), ("watched", "report", "exec sleep 600")]);
    let daemon = Daemon::start(&text.with("profiles.exempt.progress_timeout", "0s"));
    let exempt = daemon.create(json!({ "assignee": "exempt" }));
    daemon.worker_pid(&exempt);
    let watched = daemon.create(json!({ "assignee": "watched" }));
    daemon.wait_status(&watched, "blocked");
    assert_eq!(daemon.outcomes(&exempt), ["-"]);
}

#[test]
fn a_run_that_was_found_again_is_watched_too() {
    let mut daemon = Daemon::start(&watched(&[("silent", "report", "exec sleep 600")]));
    let id = daemon.create(json!({ "assignee": "silent" }));
    let pid = daemon.worker_pid(&id);
    daemon.kill_9();
    let_pass(std::time::Duration::from_millis(100));
    assert!(is_alive(pid), "nobody watches it now");
    daemon.restart();
    until("its end", || {
        daemon.runs(&id)[0]["error"]
            .as_str()
            .map(str::to_owned)
            .filter(|error| error.starts_with("no progress"))
    });
    until("its processes to go", || (!is_alive(pid)).then_some(()));
}
