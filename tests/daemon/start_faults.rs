//! Who pays for a start that fails: the host, a profile, the workspace, or the task. Each on a real daemon with real causes.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use support::skip;

use crate::harness::{Daemon, config, until};

fn breakers(daemon: &Daemon) -> Vec<String> {
    let breakers = daemon.get("/v1/breakers");
    let keys = breakers.as_array().unwrap().iter();
    keys.map(|breaker| breaker["key"].as_str().unwrap().to_owned()).collect()
}

fn in_repository(assignee: &str, path: &Path) -> Value {
    json!({ "assignee": assignee, "workspace_kind": "worktree", "workspace_path": path })
}

fn git(path: &Path, arguments: &[&str]) {
    let identity = ["-c", "user.name=ann", "-c", "user.email=ann@example.org"];
    let mut command = Command::new("git");
    let output = command.args(identity).arg("-C").arg(path).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_bad_repository_opens_its_own_breaker_and_other_tasks_of_the_profile_are_started() {
    if Command::new("git").arg("--version").output().is_err() {
        skip("git is not installed");
        return;
    }
    let daemon = Daemon::start(&config(&[("sh", "exit", "true")]));
    let bad = daemon.scratch().join("bad");
    std::fs::create_dir(&bad).unwrap();
    let failing: Vec<_> = (0..4).map(|_| daemon.create(in_repository("sh", &bad))).collect();
    let key = format!("workspace:{}", bad.display());
    let open = until("the breaker of the workspace", || {
        let breakers = daemon.get("/v1/breakers");
        let breakers = breakers.as_array().unwrap().clone();
        breakers.into_iter().find(|breaker| breaker["key"] == key && !breaker["until"].is_null())
    });
    assert!(open.to_string().contains("is not in a git repository"), "{open}");
    let late = daemon.create(in_repository("sh", &bad));
    let why = until("the reason", || {
        let why = daemon.get(&format!("/v1/tasks/{late}/why"));
        (why["reason"] == "workspace_breaker").then_some(why)
    });
    assert_eq!(why["path"], bad.to_str().unwrap());
    let figures = daemon.client().get_raw("/v1/metrics", &json!({})).unwrap().body;
    let figures = String::from_utf8(figures.to_vec()).unwrap();
    assert!(figures.contains("kanband_workspace_breakers_open 1\n"), "{figures}");
    assert!(!figures.contains(bad.to_str().unwrap()), "a task's path is no figure: {figures}");
    assert!(daemon.get("/v1/doctor").to_string().contains(&key));
    for _ in 0..6 {
        let healthy = daemon.create(json!({ "assignee": "sh" }));
        daemon.wait_status(&healthy, "done");
        assert_eq!(daemon.outcomes(&healthy), ["completed"]);
    }
    assert_eq!(breakers(&daemon), [key.as_str()], "neither the profile's nor the host's");
    assert!(failing.iter().all(|id| daemon.status(id) != "done"));
    // Repaired, and the breaker reset: whatever has not been given up is done.
    git(&bad, &["init", "--quiet", "--initial-branch=main"]);
    git(&bad, &["commit", "--quiet", "--allow-empty", "--message=first"]);
    daemon.post("/v1/breakers/reset", &json!({ "key": key }));
    daemon.wait_status(&late, "done");
}

/// A daemon with two profiles of a user that no other process belongs to, or none where the test cannot make one.
fn of_user(uid: u32) -> Option<Daemon> {
    if !nix::unistd::geteuid().is_root() {
        skip("only root can start a daemon of another user");
        return None;
    }
    let mut daemon = Daemon::prepare(&config(&[("a", "exit", "true"), ("b", "exit", "true")]));
    daemon.give_to(uid, uid);
    daemon.spawn();
    daemon.wait_until_up();
    Some(daemon)
}

/// While `fault` lasts every start fails and only the host is charged. Afterwards each task is done at its first true start.
///
/// Gives back what the failed runs say.
fn only_the_host_is_charged(daemon: &Daemon, fault: impl Fn(bool)) -> Vec<String> {
    fault(true);
    let ids: Vec<_> =
        ["a", "b", "a", "b"].map(|assignee| daemon.create(json!({ "assignee": assignee }))).into();
    until("the host's breaker to open", || {
        let breakers = daemon.get("/v1/breakers");
        let is_open = |breaker: &Value| breaker["key"] == "host" && !breaker["until"].is_null();
        breakers.as_array().unwrap().iter().any(is_open).then_some(())
    });
    ids.iter().for_each(|id| daemon.wait_closed(id));
    let failed: Vec<Value> =
        ids.iter().flat_map(|id| daemon.runs(id)).filter(|run| !run["error"].is_null()).collect();
    let errors: Vec<_> =
        failed.iter().map(|run| run["error"].as_str().unwrap().to_lowercase()).collect();
    for id in &ids {
        let task = &daemon.show(id)["task"];
        assert_eq!(task["spawn_failures"], 0, "{task}");
        assert_eq!(task["status"], "ready", "{task}");
    }
    fault(false);
    daemon.post("/v1/breakers/reset", &json!({ "key": "host" }));
    for id in &ids {
        daemon.wait_status(id, "done");
        let outcomes = daemon.outcomes(id);
        assert_eq!(outcomes.last().unwrap(), "completed");
        assert!(outcomes.iter().rev().skip(1).all(|outcome| outcome == "spawn_failed"));
    }
    assert_eq!(breakers(daemon), [""; 0]);
    errors
}

#[test]
fn run_directories_that_cannot_be_made_are_the_hosts_fault() {
    let Some(daemon) = of_user(4250) else { return };
    let runs = daemon.home().join("runs");
    let errors = only_the_host_is_charged(&daemon, |is_there| {
        let mode = if is_there { 0o500 } else { 0o700 };
        std::fs::set_permissions(&runs, std::fs::Permissions::from_mode(mode)).unwrap();
    });
    assert!(errors.iter().all(|error| error.contains("permission denied")), "{errors:#?}");
}

/// The number of processes and threads that the daemon's user may have, for the daemon and what it starts from now on.
struct ProcessLimit {
    daemon_pid: i32,
    uid: u32,
    before: String,
}

impl ProcessLimit {
    fn of(daemon: &Daemon, uid: u32) -> Option<Self> {
        if Command::new("prlimit").arg("--version").output().is_err() {
            skip("prlimit is not installed");
            return None;
        }
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", daemon.pid())).unwrap();
        let line = limits.lines().find_map(|line| line.strip_prefix("Max processes")).unwrap();
        let before = line.split_ascii_whitespace().next().unwrap().to_owned();
        Some(Self { daemon_pid: daemon.pid(), uid, before })
    }

    /// Sets the soft limit only, as the owner of the process: it is raised again.
    fn set(&self, count: Option<usize>) {
        use std::os::unix::process::CommandExt as _;
        let count = count.map_or(self.before.clone(), |count| count.to_string());
        let mut command = Command::new("prlimit");
        command.arg(format!("--pid={}", self.daemon_pid)).arg(format!("--nproc={count}:"));
        let status = command.current_dir("/").uid(self.uid).gid(self.uid).status();
        assert!(status.unwrap().success());
    }
}

#[test]
fn a_host_that_gives_the_daemon_no_process_is_charged_itself() {
    let Some(daemon) = of_user(4251) else { return };
    let Some(limit) = ProcessLimit::of(&daemon, 4251) else { return };
    let errors = only_the_host_is_charged(&daemon, |is_there| limit.set(is_there.then_some(1)));
    let is_the_shims = |error: &String| {
        error.contains("kanban-shim") && error.contains("resource temporarily unavailable")
    };
    assert!(errors.iter().all(is_the_shims), "{errors:#?}");
}
