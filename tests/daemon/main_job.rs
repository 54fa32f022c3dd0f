//! The main job: a task becomes a supervised process and comes back done. The tick is an hour away in each of these.

use kanband::os::run_files::directory::{RunDir, read_identity};
use serde_json::json;

use crate::harness::{Daemon, config, is_alive, processes_of, until};

#[test]
fn a_worker_completes_its_task_through_the_command_line_and_its_child_starts_without_a_tick() {
    let script = "echo working on $KANBAN_TASK; \
                  kanban complete $KANBAN_TASK --summary \"made it\" --metadata '{\"files\": 2}'; echo told: $?";
    let daemon = Daemon::start(&config(&[("dev", "report", script)]));
    let parent = daemon.create(json!({ "assignee": "dev" }));
    let child = daemon.create(json!({ "assignee": "dev", "parents": [parent] }));
    daemon.wait_status(&child, "done");
    for id in [&parent, &child] {
        daemon.wait_closed(id);
        let run = &daemon.runs(id)[0];
        assert_eq!(run["outcome"], "completed");
        assert_eq!(run["exit_code"], 0);
        assert_eq!(run["summary"], "made it");
        assert_eq!(run["metadata"], json!({ "files": 2 }));
        let log = daemon.run_log(id);
        assert!(log.starts_with(&format!("working on {id}\n")), "{log}");
        assert!(log.ends_with("told: 0\n"), "{log}");
    }
    assert_eq!(daemon.outcomes(&child), ["completed"]);
    let mut kinds = daemon.kinds(&child);
    // A worker may have reported before its start was told.
    let spawned = kinds.iter().position(|kind| kind == "spawned").unwrap();
    kinds.remove(spawned);
    assert_eq!(kinds, ["created", "promoted", "claimed", "completed", "closed"]);
}

#[test]
fn an_exit_code_is_the_verdict_of_a_command_and_its_last_line_the_summary() {
    let daemon = Daemon::start(&config(&[("sh", "exit", "echo one; echo two")]));
    let id = daemon.create(json!({ "assignee": "sh" }));
    daemon.wait_status(&id, "done");
    assert_eq!(daemon.runs(&id)[0]["summary"], "two");
}

/// Start and end come to the daemon by different ways; which of them it looks at first is not in its hands.
#[test]
fn a_start_that_is_told_together_with_its_end_is_on_the_board() {
    let mut daemon = Daemon::prepare(&config(&[("sh", "exit", "true")]));
    let hold = daemon.scratch().join("hold");
    daemon.arm(Some(&format!("daemon-forked=hold:{}", hold.display())));
    daemon.spawn();
    daemon.wait_until_up();
    let id = daemon.create(json!({ "assignee": "sh" }));
    until("the start", || hold.exists().then_some(()));
    let run = daemon.runs(&id)[0]["id"].to_string();
    let dir = RunDir::new(daemon.home().join("runs").join(run));
    let identity = until("the worker", || {
        read_identity(&dir).unwrap().filter(|identity| identity.worker.is_some())
    });
    until("the shim's end", || (!is_alive(identity.shim.pid)).then_some(()));
    std::fs::remove_file(&hold).unwrap();
    daemon.wait_closed(&id);
    let kinds = ["created", "claimed", "spawned", "completed", "closed"];
    assert_eq!(daemon.kinds(&id), kinds);
    assert_eq!(daemon.runs(&id)[0]["worker_pid"], identity.worker.unwrap().pid);
}

#[test]
fn a_killed_worker_is_a_crash_with_its_signal_and_is_tried_again() {
    let flag =
        "test -e $KANBAN_WORKSPACE/again && exit 0; touch $KANBAN_WORKSPACE/again; exec sleep 600";
    let daemon = Daemon::start(&config(&[("sh", "exit", flag)]));
    let id = daemon.create(json!({ "assignee": "sh" }));
    let pid = daemon.worker_pid(&id);
    until("the first attempt at work", || {
        daemon.home().join("workspaces").join(&id).join("again").exists().then_some(())
    });
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::SIGKILL).unwrap();
    daemon.wait_status(&id, "done");
    let runs = daemon.runs(&id);
    assert_eq!(daemon.outcomes(&id), ["crashed", "completed"]);
    assert_eq!(runs[0]["signal"], 9);
    assert_eq!(daemon.show(&id)["task"]["spawn_failures"], 0, "success forgives");
}

#[test]
fn a_missing_program_fails_to_start_until_the_breaker_gives_up_and_the_task_waits_for_a_person() {
    let mut text = config(&[]);
    text.set("profiles.ghost.argv", vec!["/no/such/program"]);
    let daemon = Daemon::start(&text);
    let id = daemon.create(json!({ "assignee": "ghost" }));
    daemon.wait_status(&id, "blocked");
    let expected = ["spawn_failed", "spawn_failed", "spawn_failed", "spawn_failed", "gave_up"];
    assert_eq!(daemon.outcomes(&id), expected);
    let task = &daemon.show(&id)["task"];
    assert!(task["last_spawn_error"].as_str().unwrap().contains("/no/such/program"), "{task}");
    assert_eq!(daemon.runs(&id)[4]["cause"], "spawn_failed");
}

#[test]
fn a_worker_that_exceeds_its_time_is_ended_with_everything_it_started() {
    let script = "trap '' TERM; (trap '' TERM; setsid sh -c 'trap \"\" TERM; while :; do sleep 1; done') & \
                  while :; do sleep 1; done";
    let text = config(&[("sh", "exit", script)])
        .with("supervision.grace", "100ms")
        .with("dispatch.failure_limit", 1);
    let daemon = Daemon::start(&text);
    let id = daemon.create(json!({ "assignee": "sh", "max_runtime_seconds": 1 }));
    daemon.wait_status(&id, "blocked");
    daemon.wait_closed(&id);
    let run = &daemon.runs(&id)[0];
    assert_eq!((&run["outcome"], &run["cause"]), (&json!("gave_up"), &json!("timed_out")));
    until("the shim's own end", || (processes_of(&daemon.home()) == [daemon.pid()]).then_some(()));
    let message = daemon.show(&id)["events"].as_array().unwrap().clone();
    let event = message.iter().find(|event| event["kind"] == "timed_out").unwrap();
    assert_eq!(event["payload"]["limit_seconds"], 1);
    assert_eq!(event["payload"]["sigkill"], true);
}

#[test]
fn after_its_verdict_a_worker_that_stays_is_ended_when_its_linger_is_over() {
    let script =
        "kanban complete $KANBAN_TASK --summary done; trap '' TERM; while :; do sleep 1; done";
    let text = config(&[("dev", "report", script)])
        .with("supervision.linger", "100ms")
        .with("supervision.grace", "100ms");
    let daemon = Daemon::start(&text);
    let id = daemon.create(json!({ "assignee": "dev" }));
    daemon.wait_status(&id, "done");
    let pid = i32::try_from(daemon.runs(&id)[0]["worker_pid"].as_i64().unwrap()).unwrap();
    daemon.wait_closed(&id);
    assert!(!is_alive(pid));
    let run = &daemon.runs(&id)[0];
    assert_eq!(run["outcome"], "completed", "how its process ended changes nothing");
    assert_eq!(run["signal"], 9);
}

#[test]
fn no_more_workers_run_than_the_caps_allow_and_each_end_starts_the_next() {
    let script = "n=$(mktemp $KANBAN_WORKSPACE/../../running.XXXXXX); ls $KANBAN_WORKSPACE/../../running.* | wc -l; \
                  sleep 0.05; rm $n";
    let text = config(&[("a", "exit", script), ("b", "exit", script)])
        .with("dispatch.max_running", 3)
        .with("profiles.b.max_running", 1);
    let daemon = Daemon::start(&text);
    let ids: Vec<_> = (0..12)
        .map(|n| daemon.create(json!({ "assignee": if n % 2 == 0 { "a" } else { "b" } })))
        .collect();
    for id in &ids {
        daemon.wait_status(id, "done");
        let most: u32 = daemon.runs(id)[0]["summary"].as_str().unwrap().trim().parse().unwrap();
        assert!(most <= 3, "{most} at once");
    }
}

#[test]
fn a_manual_dispatch_answers_when_its_starts_are_confirmed() {
    let mut text = config(&[("sh", "exit", "sleep 600")]);
    text.set("profiles.ghost.argv", vec!["/no/such/program"]);
    let daemon = Daemon::start(&text.with("dispatch.enabled", false));
    let id = daemon.create(json!({ "assignee": "sh" }));
    let ghost = daemon.create(json!({ "assignee": "ghost" }));
    let unassigned = daemon.create(json!({}));
    let dry = daemon.post("/v1/dispatch", &json!({ "dry_run": true }));
    assert_eq!(dry["spawned"].as_array().unwrap().len(), 2);
    assert_eq!(daemon.status(&id), "ready", "a dry run writes nothing");
    let none = daemon.post("/v1/dispatch", &json!({ "max": 0 }));
    assert_eq!(none["spawned"], json!([]));
    let report = daemon.post("/v1/dispatch", &json!({ "failure_limit": 1 }));
    let workspace = daemon.home().join("workspaces").join(&id);
    assert_eq!(
        report["spawned"],
        json!([{ "task_id": id, "assignee": "sh", "workspace": workspace }])
    );
    assert_eq!(report["skipped_unassigned"], json!([unassigned]));
    assert_eq!(report["auto_blocked"], json!([ghost]));
    assert!(is_alive(daemon.worker_pid(&id)));
}

#[test]
fn secrets_of_a_profile_do_not_reach_the_log_nor_the_failure_that_quotes_it() {
    let script = "printf 'the key is '; printf %s ${SERVICE_API_KEY%secret}; echo secret; echo $MODEL; exit 3";
    let text = config(&[("dev", "report", script)])
        .with("profiles.dev.env.SERVICE_API_KEY", "sk-0815-secret")
        .with("profiles.dev.env.MODEL", "sk-model")
        .with("profiles.dev.env_public", vec!["MODEL"]);
    let daemon = Daemon::start(&text.with("dispatch.failure_limit", 1));
    let id = daemon.create(json!({"assignee": "dev"}));
    daemon.wait_status(&id, "blocked");
    assert_eq!(daemon.run_log(&id), "the key is [redacted]\nsk-model\n");
    let run = daemon.runs(&id).pop().unwrap();
    assert_eq!(run["log_tail"], "the key is [redacted]\nsk-model\n");
    assert!(!daemon.show(&id).to_string().contains("0815"));
}
