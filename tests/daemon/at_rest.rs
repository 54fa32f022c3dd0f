//! Runs that rest cost the daemon nothing, whichever daemon started them; and what hangs for one run holds up no other.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use kanband::os::run_files::directory::{RunDir, read_identity};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use support::skip;

use crate::harness::{Daemon, config, let_pass, until};
use crate::idle::voluntary_switches;

const RUNS: usize = 4;

/// Descriptors of the daemon that are inotify instances.
fn inotify_instances(daemon: &Daemon) -> usize {
    let links = std::fs::read_dir(format!("/proc/{}/fd", daemon.pid())).unwrap().flatten();
    let is_inotify = |target: &PathBuf| target == Path::new("anon_inode:inotify");
    links.filter_map(|link| std::fs::read_link(link.path()).ok()).filter(is_inotify).count()
}

fn prepared(script: &str, interval: u32, points: Option<&str>) -> Daemon {
    let mut daemon = Daemon::prepare("");
    let text = config(&[("sh", "exit", script)])
        .with("dispatch.interval_seconds", interval)
        .with("supervision.spawn_timeout", "1h");
    daemon.configure(&text);
    daemon.arm(points);
    daemon
}

/// Runs whose shims have said who they are and are held before they start their worker.
fn with_runs_that_have_not_begun(daemon: &mut Daemon) -> (Vec<String>, PathBuf) {
    let held = daemon.scratch().join("held");
    daemon.arm(Some(&format!("shim-identified=hold:{}", held.display())));
    daemon.spawn();
    daemon.wait_until_up();
    let ids: Vec<String> = (0..RUNS).map(|_| daemon.create(json!({ "assignee": "sh" }))).collect();
    for id in &ids {
        until("the shim", || {
            let run = daemon.runs(id).first()?["id"].as_i64()?;
            daemon.home().join(format!("runs/{run}/identity")).exists().then_some(())
        });
    }
    daemon.kill_9();
    daemon.arm(None);
    (ids, held)
}

/// Wakeups of the daemon's threads while a few seconds pass.
fn wakeups(daemon: &Daemon) -> u64 {
    // What the start has left to do is through when the daemon is quiet for a moment.
    until("rest", || {
        let before = voluntary_switches(daemon.pid());
        let_pass(Duration::from_millis(300));
        (voluntary_switches(daemon.pid()).abs_diff(before) < 5).then_some(())
    });
    let before = voluntary_switches(daemon.pid());
    let_pass(Duration::from_secs(3));
    voluntary_switches(daemon.pid()).abs_diff(before)
}

#[test]
fn adopted_runs_whose_workers_rest_wake_nobody() {
    let mut daemon = prepared("exec sleep 600", 3600, None);
    daemon.spawn();
    daemon.wait_until_up();
    let ids: Vec<String> = (0..RUNS).map(|_| daemon.create(json!({ "assignee": "sh" }))).collect();
    let pids: Vec<i32> = ids.iter().map(|id| daemon.worker_pid(id)).collect();
    daemon.kill_9();
    daemon.restart();
    let switches = wakeups(&daemon);
    assert!(switches < 20, "{switches} voluntary context switches");
    assert_eq!(inotify_instances(&daemon), 1);
    assert_eq!(ids.iter().map(|id| daemon.worker_pid(id)).collect::<Vec<_>>(), pids);
}

#[test]
fn adopted_runs_that_have_not_begun_wake_nobody_and_their_workers_are_seen_when_they_start() {
    let mut daemon = prepared("exec sleep 600", 3600, None);
    let (ids, held) = with_runs_that_have_not_begun(&mut daemon);
    daemon.spawn();
    daemon.wait_until_up();
    let switches = wakeups(&daemon);
    assert!(switches < 20, "{switches} voluntary context switches");
    assert_eq!(inotify_instances(&daemon), 1, "run directories share the daemon's one instance");
    for id in &ids {
        assert!(daemon.show(id)["task"]["worker_pid"].is_null());
    }
    std::fs::remove_file(held).unwrap();
    assert!(ids.iter().all(|id| daemon.worker_pid(id) > 0));
}

#[test]
fn where_no_inotify_instance_is_to_be_had_the_slow_tick_sees_the_workers_of_adopted_runs() {
    let mut daemon = prepared("exec sleep 600", 1, None);
    let (ids, held) = with_runs_that_have_not_begun(&mut daemon);
    let unshare = ["--user", "--map-root-user", "sh", "-c"];
    let script = "echo 0 > /proc/sys/user/max_inotify_instances || exit 99; exec \"$0\"";
    let can_be_made = Command::new("unshare").args(unshare).args([script, "true"]).status();
    if !can_be_made.is_ok_and(|status| status.success()) {
        skip("no user namespace can be made here");
        return;
    }
    assert!(daemon.spawn_by("unshare", &[&unshare[..], &[script]].concat()));
    daemon.wait_until_up();
    assert_eq!(inotify_instances(&daemon), 0);
    std::fs::remove_file(held).unwrap();
    assert!(ids.iter().all(|id| daemon.worker_pid(id) > 0));
}

#[test]
fn a_start_that_hangs_and_an_end_that_hangs_hold_up_no_other_run() {
    for point in ["start-made", "remains-found"] {
        let mut daemon = prepared("[ -e hang ] || exit 0; exec sleep 600", 3600, None);
        let held = daemon.scratch().join("held");
        daemon.arm(Some(&format!("{point}=hold:{}@1", held.display())));
        daemon.spawn();
        daemon.wait_until_up();
        let slow = tempfile::tempdir().unwrap();
        std::fs::write(slow.path().join("hang"), "").unwrap();
        let task = json!({
            "assignee": "sh", "workspace_kind": "dir", "workspace_path": slow.path(),
        });
        let hanging = daemon.create(task);
        if point == "remains-found" {
            daemon.worker_pid(&hanging);
            let dir = RunDir::new(daemon.home().join("runs/1"));
            let shim = read_identity(&dir).unwrap().unwrap().shim;
            kill(Pid::from_raw(shim.pid), Signal::SIGKILL).unwrap();
        }
        until("the hold", || held.exists().then_some(()));
        let other = daemon.create(json!({ "assignee": "sh" }));
        daemon.wait_status(&other, "done");
        daemon.wait_closed(&other);
        assert!(held.exists(), "{point}: still held");
        assert!(daemon.runs(&hanging)[0]["closed_at"].is_null(), "{point}");
        std::fs::remove_file(held).unwrap();
    }
}
