//! The daemon dies at every point; nothing is started twice, nothing is lost.

use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{Daemon, config, is_alive, processes_of, until};

/// A worker that notes each of its starts and ends on request.
fn script(dir: &Path) -> String {
    let dir = dir.display();
    format!(
        "echo $$ >> {dir}/starts.$KANBAN_TASK; \
         while [ ! -e {dir}/end.$KANBAN_TASK ]; do sleep 0.02; done; exit $(cat {dir}/end.$KANBAN_TASK)"
    )
}

fn starts(daemon: &Daemon, id: &str) -> usize {
    let path = daemon.scratch().join(format!("starts.{id}"));
    std::fs::read_to_string(path).map_or(0, |text| text.lines().count())
}

fn tell_end(daemon: &Daemon, id: &str, code: i32) {
    let path = daemon.scratch().join(format!("end.{id}"));
    let beside = daemon.scratch().join("end.new");
    std::fs::write(&beside, code.to_string()).unwrap();
    std::fs::rename(beside, path).unwrap();
}

fn prepared(points: Option<&str>) -> Daemon {
    let daemon = match points {
        Some(points) => Daemon::with_fail_points("", points),
        None => Daemon::prepare(""),
    };
    let text = config(&[("sh", "exit", &script(daemon.scratch()))]);
    daemon.configure(&text);
    daemon
}

#[test]
fn workers_outlive_a_killed_daemon_and_are_found_again_under_the_same_runs() {
    let mut daemon = prepared(None);
    daemon.spawn();
    daemon.wait_until_up();
    let ids: Vec<_> = (0..3).map(|_| daemon.create(json!({ "assignee": "sh" }))).collect();
    let pids: Vec<_> = ids.iter().map(|id| daemon.worker_pid(id)).collect();
    let runs: Vec<_> = ids.iter().map(|id| daemon.runs(id)[0]["id"].clone()).collect();
    for id in &ids {
        until("the worker at work", || (starts(&daemon, id) == 1).then_some(()));
    }
    daemon.kill_9();
    assert!(pids.iter().all(|pid| is_alive(*pid)));
    tell_end(&daemon, &ids[0], 3);
    until("the first worker's end", || (!is_alive(pids[0])).then_some(()));
    // The task of the worker that failed is not to start again here.
    let text = config(&[("sh", "exit", &script(daemon.scratch()))]);
    daemon.configure(&text.with("dispatch.enabled", false));
    daemon.restart();
    daemon.wait_closed(&ids[0]);
    let ended = &daemon.runs(&ids[0])[0];
    assert_eq!((&ended["outcome"], &ended["exit_code"]), (&json!("crashed"), &json!(3)));
    for index in [1, 2] {
        let run = &daemon.runs(&ids[index])[0];
        assert_eq!(run["id"], runs[index]);
        assert_eq!(run["outcome"], json!(null));
        assert!(is_alive(pids[index]));
        tell_end(&daemon, &ids[index], 0);
        daemon.wait_status(&ids[index], "done");
        assert_eq!(daemon.runs(&ids[index]).len(), 1);
        assert_eq!(starts(&daemon, &ids[index]), 1, "started once");
        let kinds = daemon.kinds(&ids[index]);
        assert_eq!(kinds, ["created", "claimed", "spawned", "completed", "closed"]);
    }
}

/// Kills the daemon at a point between claim and worker, restarts it, and sees the task through.
fn killed_at(point: &str) -> (Daemon, String) {
    let mut daemon = prepared(Some(point));
    daemon.spawn();
    daemon.wait_until_up();
    // The daemon may die before it has answered; that the task was created is known from its claim.
    let _reply =
        daemon.client().post::<Value>("/v1/tasks", &json!({ "title": "a task", "assignee": "sh" }));
    daemon.wait_killed();
    daemon.restart();
    let id = daemon.get("/v1/tasks")[0]["id"].as_str().unwrap().to_owned();
    tell_end(&daemon, &id, 0);
    daemon.wait_status(&id, "done");
    daemon.wait_closed(&id);
    (daemon, id)
}

#[test]
fn killed_before_the_shim_is_started_the_run_counts_for_nothing_and_the_task_starts_once() {
    for point in ["claim-committed=kill", "daemon-spec-written=kill"] {
        let (daemon, id) = killed_at(point);
        assert_eq!(daemon.outcomes(&id), ["spawn_failed", "completed"], "{point}");
        assert_eq!(starts(&daemon, &id), 1, "{point}");
        assert_eq!(daemon.show(&id)["task"]["spawn_failures"], 0, "{point}");
    }
}

#[test]
fn killed_between_fork_and_lock_the_task_starts_exactly_once_whoever_wins_the_lock() {
    for _ in 0..10 {
        let (daemon, id) = killed_at("daemon-forked=kill");
        assert_eq!(starts(&daemon, &id), 1);
        let outcomes = daemon.outcomes(&id);
        assert!(
            outcomes == ["completed"] || outcomes == ["spawn_failed", "completed"],
            "{outcomes:?}"
        );
    }
}

#[test]
fn killed_after_the_shim_has_its_lock_the_same_run_goes_on() {
    for point in
        ["shim-locked=kill-parent", "shim-identified=kill-parent", "shim-started=kill-parent"]
    {
        let (daemon, id) = killed_at(point);
        assert_eq!(daemon.outcomes(&id), ["completed"], "{point}");
        assert_eq!(starts(&daemon, &id), 1, "{point}");
        assert_eq!(daemon.runs(&id)[0]["exit_code"], 0, "{point}");
    }
}

#[test]
fn killed_around_the_exit_record_the_true_exit_is_known() {
    for point in ["shim-recorded=kill-parent", "exit-read=kill"] {
        let mut daemon = prepared(Some(point));
        daemon.spawn();
        daemon.wait_until_up();
        let id = daemon.create(json!({ "assignee": "sh" }));
        daemon.worker_pid(&id);
        tell_end(&daemon, &id, 0);
        daemon.wait_killed();
        daemon.restart();
        daemon.wait_status(&id, "done");
        daemon.wait_closed(&id);
        assert_eq!(daemon.outcomes(&id), ["completed"], "{point}");
        assert_eq!(daemon.runs(&id)[0]["exit_code"], 0, "{point}");
        assert_eq!(starts(&daemon, &id), 1, "{point}");
    }
}

#[test]
fn killed_after_a_run_was_closed_its_files_are_removed_by_the_next_daemon() {
    let mut daemon = prepared(Some("run-closed=kill"));
    daemon.spawn();
    daemon.wait_until_up();
    let id = daemon.create(json!({ "assignee": "sh" }));
    daemon.worker_pid(&id);
    tell_end(&daemon, &id, 0);
    daemon.wait_killed();
    let left = || std::fs::read_dir(daemon.home().join("runs")).unwrap().count();
    assert_eq!(left(), 1);
    until("the shim to be gone", || processes_of(&daemon.home()).is_empty().then_some(()));
    daemon.restart();
    assert_eq!(daemon.status(&id), "done");
    let left = || std::fs::read_dir(daemon.home().join("runs")).unwrap().count();
    until("the files to be gone", || (left() == 0).then_some(()));
}

#[test]
fn killed_between_the_commit_of_a_verdict_and_its_reply_the_repeated_call_succeeds() {
    let report = "kanban complete $KANBAN_TASK --summary \"told twice\"; echo told: $?";
    // The first answered verb is the create, the second the verdict.
    let mut daemon =
        Daemon::with_fail_points(&config(&[("dev", "report", report)]), "verb-answered=kill@2");
    daemon.spawn();
    daemon.wait_until_up();
    let id = daemon.create(json!({ "assignee": "dev" }));
    daemon.wait_killed();
    daemon.restart();
    assert_eq!(daemon.status(&id), "done", "the commit was durable");
    daemon.wait_closed(&id);
    assert_eq!(daemon.run_log(&id), format!("Completed {id}\ntold: 0\n"));
    assert_eq!(daemon.outcomes(&id), ["completed"]);
    let completed = daemon.kinds(&id).iter().filter(|kind| *kind == "completed").count();
    assert_eq!(completed, 1, "done once");
}

#[test]
fn a_shim_that_dies_takes_its_tree_along_and_the_run_is_lost_uncharged() {
    let mut daemon = prepared(None);
    daemon.spawn();
    daemon.wait_until_up();
    let id = daemon.create(json!({ "assignee": "sh" }));
    let worker = daemon.worker_pid(&id);
    until("the worker at work", || (starts(&daemon, &id) == 1).then_some(()));
    let run_id = daemon.runs(&id)[0]["id"].as_i64().unwrap();
    let dir = kanband::os::run_files::directory::RunDir::new(
        daemon.home().join(format!("runs/{run_id}")),
    );
    let shim = kanband::os::run_files::directory::read_identity(&dir).unwrap().unwrap().shim;
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(shim.pid), nix::sys::signal::SIGKILL)
        .unwrap();
    until("the second start", || (starts(&daemon, &id) == 2).then_some(()));
    assert!(!is_alive(worker), "the first worker must be gone before the second begins");
    assert_eq!(daemon.outcomes(&id), ["lost", "-"]);
    assert_eq!(daemon.show(&id)["task"]["spawn_failures"], 0);
    tell_end(&daemon, &id, 0);
    daemon.wait_status(&id, "done");
}
