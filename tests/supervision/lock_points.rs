//! The daemon killed at each of the eight points between a claim and the reading of its end, again and again, under load.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kanband::api::client::Client;
use kanband::kernel::random::{SeededRandom, below};
use serde_json::{Value, json};

use crate::harness::{Daemon, let_pass, until};
use crate::traces::{
    Over, from_env, lines, processes_that_name, quick_config, run_dirs, run_number, seed, tally,
};

/// Most tasks that wait or run at any time.
const OPEN_MAX: usize = 12;

/// A worker that notes that it began, works for a moment that its number decides, and notes that it is through.
fn script(dir: &Path) -> String {
    let dir = dir.display();
    format!(
        "echo $KANBAN_TASK $KANBAN_RUN >> {dir}/starts; sleep 0.0$((KANBAN_RUN % 10)); \
         echo $KANBAN_TASK $KANBAN_RUN >> {dir}/ends"
    )
}

/// Creates a task whenever few are left, until it is over. Requests are repeated until they are answered.
fn create_on(socket: PathBuf, dir: &Path, created: &Mutex<Vec<String>>, is_over: &AtomicBool) {
    let client = Client::at(socket, None, true).unwrap();
    while !is_over.load(Ordering::SeqCst) {
        let ended = lines(&dir.join("ends")).len();
        if created.lock().unwrap().len() >= ended + OPEN_MAX {
            let_pass(Duration::from_millis(5));
            continue;
        }
        let body = json!({ "title": "once", "assignee": "sh" });
        let task = client.post::<Value>("/v1/tasks", &body).unwrap();
        created.lock().unwrap().push(task["id"].as_str().unwrap().to_owned());
    }
}

/// Has the daemon killed at the point so often, the n-th time that it is come by, and sees every task through.
fn killed_at(point: &str, action: &str) {
    let deaths = from_env("KANBAND_POINT_DEATHS", 20);
    let mut random = SeededRandom::new(seed(point));
    let mut daemon = Daemon::prepare("");
    let script = script(daemon.scratch());
    daemon.configure(&quick_config("", 4, &[("sh", "exit", &script)]));
    daemon.spawn();
    daemon.wait_until_up();
    daemon.kill_9();
    let created = Mutex::new(Vec::new());
    let is_over = AtomicBool::new(false);
    let (socket, dir) = (daemon.socket(), daemon.scratch().to_owned());
    std::thread::scope(|scope| {
        let over = Over(&is_over);
        scope.spawn(|| create_on(socket, &dir, &created, &is_over));
        for _ in 0..deaths {
            // A shim counts for itself alone: the first that comes by is the one.
            let nth = if action == "kill" { 1 + below(&mut random, 4) } else { 1 };
            daemon.arm(Some(&format!("{point}={action}@{nth}")));
            daemon.spawn();
            daemon.wait_killed();
        }
        drop(over);
        daemon.arm(None);
        daemon.spawn();
    });
    daemon.wait_until_up();
    each_was_done_once(&daemon, &created.into_inner().unwrap(), point);
}

fn each_was_done_once(daemon: &Daemon, created: &[String], point: &str) {
    for id in created {
        daemon.wait_status(id, "done");
        daemon.wait_closed(id);
    }
    let (starts, ends) =
        (lines(&daemon.scratch().join("starts")), lines(&daemon.scratch().join("ends")));
    let mut not_started = 0;
    let mut expected = Vec::new();
    for id in created {
        let mut runs = daemon.runs(id);
        let done = runs.pop().unwrap();
        assert_eq!(
            (&done["outcome"], &done["exit_code"]),
            (&json!("completed"), &json!(0)),
            "{point}: {done:#}"
        );
        expected.push(format!("{id} {}", run_number(&done)));
        for run in runs {
            assert_eq!(run["outcome"], "spawn_failed", "{point}: {run:#}");
            assert_eq!(run["error"], "not started: the daemon exited between claim and start");
            not_started += 1;
        }
        assert_eq!(daemon.show(id)["task"]["spawn_failures"], 0, "{point}: {id}");
    }
    assert_eq!(tally(&starts), tally(&expected), "{point}: started");
    assert_eq!(tally(&ends), tally(&expected), "{point}: done");
    eprintln!(
        "{point}: {} tasks, {not_started} claims whose worker was not started",
        created.len()
    );
    until("the files of every run to be gone", || run_dirs(daemon).is_empty().then_some(()));
    until("every shim to be gone", || {
        (processes_that_name(daemon.scratch()).len() == 1).then_some(())
    });
}

#[test]
fn killed_when_a_claim_was_committed_the_work_is_done_once() {
    killed_at("claim-committed", "kill");
}

#[test]
fn killed_when_a_spec_was_written_the_work_is_done_once() {
    killed_at("daemon-spec-written", "kill");
}

#[test]
fn killed_when_a_shim_was_forked_the_work_is_done_once() {
    killed_at("daemon-forked", "kill");
}

#[test]
fn killed_when_a_shim_has_its_lock_the_work_is_done_once() {
    killed_at("shim-locked", "kill-parent");
}

#[test]
fn killed_when_a_shim_has_said_who_it_is_the_work_is_done_once() {
    killed_at("shim-identified", "kill-parent");
}

#[test]
fn killed_when_a_worker_was_started_the_work_is_done_once() {
    killed_at("shim-started", "kill-parent");
}

#[test]
fn killed_when_an_exit_was_recorded_the_work_is_done_once() {
    killed_at("shim-recorded", "kill-parent");
}

#[test]
fn killed_when_an_exit_was_read_the_work_is_done_once() {
    killed_at("exit-read", "kill");
}
