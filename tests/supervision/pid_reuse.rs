//! The numbers of a dead run's processes belong to strangers.
//!
//! In a PID namespace of its own the test says which PID is given out next, and as its first process it is the one to which
//! orphans fall.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use kanband::os::run_files::directory::RunIdentity;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use serde_json::json;

use crate::harness::{Config, Daemon, config, until};
use crate::namespaces::{Location, enter};
use crate::traces::{Born, born_as, identity_of, lines, run_dirs, run_number};

const LAST_PID: &str = "/proc/sys/kernel/ns_last_pid";

/// Enters a namespace where the next PID can be chosen; false outside of it.
fn is_inside(name: &str) -> bool {
    let probe = format!("echo 700 > {LAST_PID} && [ $(sh -c 'echo $$') -gt 700 ]");
    let options = ["--pid", "--fork", "--mount-proc", "--kill-child"];
    matches!(enter(name, &options, &["pid"], &probe), Location::Inside)
}

fn kill_9(pid: i32) {
    kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
}

/// Starts a program under this PID.
fn start_as(pid: i32, words: &[&str]) -> Child {
    until("the PID", || {
        std::fs::write(LAST_PID, (pid - 1).to_string()).unwrap();
        let mut command = Command::new(words[0]);
        let child = command.args(&words[1..]).stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        let mut child = child.unwrap();
        if i32::try_from(child.id()) == Ok(pid) {
            return Some(child);
        }
        child.kill().unwrap();
        child.wait().unwrap();
        None
    })
}

fn text(daemon: &Daemon) -> Config {
    let starts = daemon.scratch().join("starts");
    let script = format!("echo $KANBAN_RUN >> {}; exec sleep 600", starts.display());
    config(&[("sh", "exit", &script)])
}

/// A daemon that is down, and a run of it whose shim and worker were killed and reaped meanwhile.
fn with_dead_run() -> (Daemon, String, RunIdentity) {
    let mut daemon = Daemon::prepare("");
    daemon.configure(&text(&daemon));
    daemon.spawn();
    daemon.wait_until_up();
    let id = daemon.create(json!({ "assignee": "sh" }));
    daemon.worker_pid(&id);
    until("the worker at work", || {
        (lines(&daemon.scratch().join("starts")).len() == 1).then_some(())
    });
    let identity = identity_of(&daemon, run_number(&daemon.runs(&id)[0]));
    daemon.kill_9();
    for process in [&identity.shim, identity.worker.as_ref().unwrap()] {
        // The worker dies with its shim, perhaps before it can be told to.
        let _gone = kill(Pid::from_raw(process.pid), Signal::SIGKILL);
        // The test is the first process of its namespace, so orphans are its children; reaped, their PIDs are free.
        waitpid(Pid::from_raw(process.pid), None).unwrap();
    }
    (daemon, id, identity)
}

/// Has the daemon find the run, start it again, stop that, and be restarted once more; the strangers live through it all.
fn strangers_survive(daemon: &mut Daemon, id: &str, strangers: &[Born]) {
    let alive = |when: &str| {
        let dead: Vec<_> = strangers.iter().filter(|stranger| !stranger.is_alive()).collect();
        assert!(dead.is_empty(), "{when}: {dead:?} of {strangers:?} were hurt");
    };
    alive("before");
    daemon.configure(&text(daemon).with("dispatch.enabled", false));
    daemon.restart();
    daemon.wait_closed(id);
    assert_eq!(daemon.outcomes(id), ["lost"]);
    assert_eq!(daemon.status(id), "ready");
    alive("found");
    daemon.post("/v1/dispatch", &json!({}));
    assert_eq!(daemon.outcomes(id), ["lost", "-"]);
    daemon.kill_9();
    daemon.restart();
    daemon.post(&format!("/v1/tasks/{id}/reclaim"), &json!({}));
    daemon.wait_closed(id);
    assert_eq!(daemon.outcomes(id), ["lost", "reclaimed"]);
    alive("stopped");
    until("the files to be gone", || run_dirs(daemon).is_empty().then_some(()));
    daemon.kill_9();
    daemon.restart();
    daemon.post(&format!("/v1/tasks/{id}/archive"), &json!({}));
    alive("at the end");
}

#[test]
fn whoever_has_the_pids_of_a_dead_shim_and_its_worker_is_left_alone() {
    if !is_inside("pid_reuse::whoever_has_the_pids_of_a_dead_shim_and_its_worker_is_left_alone") {
        return;
    }
    let (mut daemon, id, identity) = with_dead_run();
    let (shim, worker) = (identity.shim.pid, identity.worker.unwrap().pid);
    // The second leads a session, so that also the number of the worker's session is its own.
    let mut children =
        [start_as(shim, &["sleep", "600"]), start_as(worker, &["setsid", "sleep", "600"])];
    until("the session", || {
        let stat = std::fs::read_to_string(format!("/proc/{worker}/stat")).unwrap();
        stat.contains(&format!("(sleep) S 1 {worker} {worker} ")).then_some(())
    });
    strangers_survive(&mut daemon, &id, &[born_as(shim), born_as(worker)]);
    for child in &mut children {
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

#[test]
fn whoever_is_in_a_session_that_has_the_number_of_a_dead_workers_one_is_left_alone() {
    if !is_inside(
        "pid_reuse::whoever_is_in_a_session_that_has_the_number_of_a_dead_workers_one_is_left_alone",
    ) {
        return;
    }
    let (mut daemon, id, identity) = with_dead_run();
    let worker = identity.worker.unwrap().pid;
    // As services do: the leader of the session starts one that stays, and ends.
    let note = daemon.scratch().join("member");
    let script = format!("sleep 600 & echo $! > {}", note.display());
    let mut leader = start_as(worker, &["setsid", "sh", "-c", &script]);
    leader.wait().unwrap();
    let member: i32 = lines(Path::new(&note))[0].parse().unwrap();
    assert!(!Path::new(&format!("/proc/{worker}")).exists());
    strangers_survive(&mut daemon, &id, &[born_as(member)]);
    kill_9(member);
    waitpid(Pid::from_raw(member), None).unwrap();
}

#[test]
fn what_a_dead_shim_has_left_in_its_dead_workers_session_is_ended_whatever_its_environment() {
    if !is_inside(
        "pid_reuse::what_a_dead_shim_has_left_in_its_dead_workers_session_is_ended_whatever_its_environment",
    ) {
        return;
    }
    let mut daemon = Daemon::prepare("");
    let note = daemon.scratch().join("members");
    let script = format!(
        "env -i sleep 600 & echo $! >> {0}; echo $$ >> {0}; exec env -i sleep 600",
        note.display()
    );
    let text = config(&[("sh", "exit", &script)]);
    daemon.configure(&text);
    daemon.spawn();
    daemon.wait_until_up();
    let id = daemon.create(json!({ "assignee": "sh" }));
    let is_bare = |pid: &String| {
        let arguments = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        arguments.starts_with(b"sleep")
    };
    let members: Vec<Born> = until("both at work", || {
        let pids = lines(&note);
        let is_through = pids.len() == 2 && pids.iter().all(is_bare);
        is_through.then(|| pids.iter().map(|pid| born_as(pid.parse().unwrap())).collect())
    });
    let identity = identity_of(&daemon, run_number(&daemon.runs(&id)[0]));
    daemon.kill_9();
    kill_9(identity.shim.pid);
    for process in [&identity.shim, identity.worker.as_ref().unwrap()] {
        waitpid(Pid::from_raw(process.pid), None).unwrap();
    }
    let child =
        members.iter().find(|child| Some(child.pid) != identity.worker.as_ref().map(|w| w.pid));
    assert!(child.unwrap().is_alive(), "only the worker itself dies with its shim");
    daemon.configure(&text.with("dispatch.enabled", false));
    daemon.restart();
    daemon.wait_closed(&id);
    assert_eq!(daemon.outcomes(&id), ["lost"]);
    let left: Vec<_> = members.iter().filter(|member| member.is_alive()).collect();
    assert!(left.is_empty(), "{left:?} of {members:?}");
}
