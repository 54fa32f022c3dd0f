//! A panic in each actor: the daemon recovers, or ends cleanly where the policy says so.

use serde_json::json;

use crate::harness::{Daemon, config, until};

const SCRIPT: &str = "echo done";

/// Starts a daemon in which `point` panics once, and sees a task through all the same.
fn survives(point: &str) -> Daemon {
    let text = config(&[("sh", "exit", SCRIPT)]);
    let mut daemon = Daemon::with_fail_points(&text, &format!("{point}=panic@1"));
    daemon.spawn();
    daemon.wait_until_up();
    for _ in 0..3 {
        let id = daemon.create(json!({ "assignee": "sh" }));
        daemon.wait_status(&id, "done");
        daemon.wait_closed(&id);
        assert_eq!(daemon.outcomes(&id), ["completed"], "{point}");
    }
    assert!(daemon.log().contains(&format!("fail point {point}")), "{point} was never reached");
    daemon
}

#[test]
fn a_panicking_event_hub_is_rebuilt_and_nothing_is_missed() {
    survives("event-hub-committed");
}

#[test]
fn a_panicking_doorkeeper_is_rebuilt_and_makes_a_lost_socket_again() {
    let daemon = survives("doorkeeper-look");
    std::fs::remove_file(daemon.socket()).unwrap();
    // There by name before anybody listens at it.
    let connect = || std::os::unix::net::UnixStream::connect(daemon.socket());
    until("the socket", || connect().is_ok().then_some(()));
    daemon.create(json!({}));
}

#[test]
fn a_panicking_dispatcher_is_rebuilt_and_nothing_is_missed() {
    let text = config(&[("sh", "exit", SCRIPT)]).with("dispatch.interval_seconds", 3600);
    let mut daemon = Daemon::with_fail_points(&text, "dispatcher-wake=panic@1");
    daemon.spawn();
    daemon.wait_until_up();
    for _ in 0..3 {
        let id = daemon.create(json!({ "assignee": "sh" }));
        daemon.wait_status(&id, "done");
        daemon.wait_closed(&id);
        let mut outcomes = daemon.outcomes(&id);
        assert_eq!(outcomes.pop().as_deref(), Some("completed"));
        // The dispatcher may have been waiting for a claim when it panicked.
        assert!(outcomes.iter().all(|outcome| outcome == "spawn_failed"), "{outcomes:?}");
        assert_eq!(daemon.show(&id)["task"]["spawn_failures"], 0);
    }
    assert!(daemon.log().contains("fail point dispatcher-wake"));
}

#[test]
fn a_claim_that_is_committed_after_its_dispatcher_panicked_starts_again_at_once() {
    let text = config(&[("sh", "exit", SCRIPT)]).with("dispatch.interval_seconds", 3600);
    let mut daemon = Daemon::prepare(&text);
    let held = daemon.scratch().join("held");
    let points = format!("claim-made=hold:{}@1;dispatcher-asked=panic@1", held.display());
    daemon.arm(Some(&points));
    daemon.spawn();
    daemon.wait_until_up();
    let id = daemon.create(json!({ "assignee": "sh" }));
    until("the claim that is held", || held.exists().then_some(()));
    std::thread::scope(|scope| {
        // The client repeats its request, and the next dispatcher answers it when the claim is through.
        scope.spawn(|| daemon.post("/v1/dispatch", &json!({})));
        until("the next dispatcher", || daemon.log().contains("is restarted").then_some(()));
        // Time for a look at the open runs, which must not be over before the claim is.
        (0..20).for_each(|_| drop(daemon.get("/v1/tasks")));
        std::fs::remove_file(&held).unwrap();
    });
    daemon.wait_status(&id, "done");
    assert_eq!(daemon.outcomes(&id), ["spawn_failed", "completed"]);
    assert_eq!(daemon.show(&id)["task"]["spawn_failures"], 0);
}

#[test]
fn runs_claimed_by_a_dispatcher_that_panicked_are_closed_uncounted_and_their_tasks_start_again() {
    let text = config(&[("sh", "exit", SCRIPT)]);
    let mut daemon = Daemon::with_fail_points(&text, "claim-committed=panic@1");
    daemon.spawn();
    daemon.wait_until_up();
    let id = daemon.create(json!({ "assignee": "sh" }));
    daemon.wait_status(&id, "done");
    assert_eq!(daemon.outcomes(&id), ["spawn_failed", "completed"]);
    assert_eq!(daemon.show(&id)["task"]["spawn_failures"], 0);
}

#[test]
fn a_panicking_worker_actor_gives_its_run_to_a_new_one() {
    for point in ["worker-started", "spawn-recorded", "exit-read"] {
        let text = config(&[("sh", "exit", "sleep 0.2; echo done")]);
        let mut daemon = Daemon::with_fail_points(&text, &format!("{point}=panic@1"));
        daemon.spawn();
        daemon.wait_until_up();
        let id = daemon.create(json!({ "assignee": "sh" }));
        daemon.wait_status(&id, "done");
        daemon.wait_closed(&id);
        let outcomes = daemon.outcomes(&id);
        let expected: &[&str] = if point == "worker-started" {
            &["spawn_failed", "completed"] // nothing had been started; the run counts for nothing
        } else {
            &["completed"]
        };
        assert_eq!(outcomes, expected, "{point}");
        assert_eq!(daemon.show(&id)["task"]["spawn_failures"], 0);
        assert!(daemon.log().contains(&format!("fail point {point}")));
    }
}

#[test]
fn a_panicking_crash_detector_is_rebuilt_and_adopts() {
    survives("crash-detector-audit");
}

#[test]
fn a_panicking_circuit_breaker_is_rebuilt() {
    let mut text = config(&[("sh", "exit", SCRIPT)]);
    text.set("profiles.ghost.argv", vec!["/no/such/program"]);
    let mut daemon = Daemon::with_fail_points(&text, "circuit-breaker-moved=panic@1");
    daemon.spawn();
    daemon.wait_until_up();
    for _ in 0..6 {
        daemon.create(json!({ "assignee": "ghost" }));
    }
    crate::harness::until("the panic", || {
        daemon.log().contains("fail point circuit-breaker-moved").then_some(())
    });
    let id = daemon.create(json!({ "assignee": "sh" }));
    daemon.wait_status(&id, "done");
}

#[test]
fn a_panicking_timer_is_rebuilt_and_fires() {
    let text = config(&[("sh", "exit", SCRIPT)]);
    let mut daemon = Daemon::with_fail_points(&text, "timer-fire=panic@2");
    daemon.spawn();
    daemon.wait_until_up();
    let in_two_seconds = kanband::os::host::clock::epoch_seconds() + 2;
    let id = daemon.create(json!({ "assignee": "sh", "start_at": in_two_seconds }));
    daemon.wait_status(&id, "done");
    assert!(daemon.log().contains("fail point timer-fire"), "{}", daemon.log());
}

#[test]
fn a_panicking_notifier_is_rebuilt() {
    survives("notifier-drain");
}

#[test]
fn an_actor_that_panics_without_end_ends_the_daemon_with_its_own_exit_code() {
    let text = config(&[("sh", "exit", SCRIPT)]);
    let mut daemon = Daemon::with_fail_points(&text, "notifier-drain=panic");
    daemon.spawn();
    assert_eq!(daemon.wait_end().code(), Some(70), "{}", daemon.log());
}

#[test]
fn a_panicking_database_or_root_ends_the_daemon_and_the_next_start_goes_on() {
    for point in ["database-pending=panic@3", "root-run-signal=panic@1", "root-actor-down=panic@1"]
    {
        let text = config(&[("sh", "exit", "sleep 0.1; echo done")]);
        let mut daemon = Daemon::with_fail_points(&text, point);
        daemon.spawn();
        // It may come to its point before it serves, or by what it is asked to do.
        let created = until("an answer or the end", || {
            let task = json!({ "title": "t", "assignee": "sh" });
            match daemon.client().post::<serde_json::Value>("/v1/tasks", &task) {
                Ok(task) => Some(Ok(task)),
                Err(error) => daemon.has_ended().then_some(Err(error)),
            }
        });
        assert_eq!(daemon.wait_end().code(), Some(70), "{point}\n{}", daemon.log());
        daemon.restart();
        let id = match created {
            Ok(task) => task["id"].as_str().unwrap().to_owned(),
            Err(_) => daemon.create(json!({ "assignee": "sh" })),
        };
        daemon.wait_status(&id, "done");
    }
}
