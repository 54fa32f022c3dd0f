//! Runs are held together, by control groups and without: nothing of a run outlives it, nothing of it stays behind.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use kanband::os::processes::identity::ProcessIdentity;
use kanband::os::processes::pidfd::Signal;
use kanband::os::run_files::directory::{RunDir, read_identity};
use rusqlite::Connection;
use serde_json::json;

use crate::harness::{Config, Daemon, config, is_alive, until};

/// Both modes. On a host without a writable hierarchy the first is the second.
pub const MODES: [&str; 2] = ["auto", "subreaper"];

/// A configuration in this mode with short times, in which a task that fails is given up.
pub fn config_in(mode: &str, profiles: &[(&str, &str, &str)]) -> Config {
    config(profiles)
        .with("supervision.containment", mode)
        .with("supervision.linger", "50ms")
        .with("supervision.grace", "50ms")
        .with("dispatch.failure_limit", 1)
}

/// Whether the daemon has control groups, in its own words.
pub fn has_groups(daemon: &Daemon) -> bool {
    let doctor = daemon.get("/v1/doctor");
    let checks = doctor["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == "containment").unwrap();
    let message = check["message"].as_str().unwrap();
    let has_groups = message.starts_with("cgroup v2 at ");
    assert!(has_groups || message.starts_with("sub-reaper only: "), "{message}");
    has_groups
}

/// The version 2 group of a process.
fn group_of(pid: i32) -> String {
    let text = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    text.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or_default().to_owned()
}

fn shim_of(daemon: &Daemon, run_id: i64) -> i32 {
    let dir = RunDir::new(daemon.home().join(format!("runs/{run_id}")));
    read_identity(&dir).unwrap().unwrap().shim.pid
}

fn kill_9(pid: i32) {
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), Signal::SIGKILL).unwrap();
}

/// Whole numbers that processes have written into a file, one a line, once there are so many.
fn pids_in(path: &Path, count: usize) -> Vec<i32> {
    until("every process of the tree", || {
        let text = std::fs::read_to_string(path).ok()?;
        let pids: Vec<i32> = text.lines().map(|line| line.parse().unwrap()).collect();
        (pids.len() == count).then_some(pids)
    })
}

/// A script that starts copies of itself which leave their session, ignore TERM and hold no descriptor. Each writes its PID
/// into `up.<task>`; the first one goes on when all three are there.
fn write_stubborn(dir: &Path) -> PathBuf {
    let path = dir.join("stubborn");
    let text = "trap '' TERM HUP INT; cd \"$(dirname \"$0\")\"
if [ \"$1\" -gt 0 ]; then (setsid sh \"$0\" $(($1 - 1)) &); fi
echo $$ >> up.$KANBAN_TASK
if [ \"$1\" -eq 2 ]; then
  while [ \"$(wc -l < up.$KANBAN_TASK)\" -lt 3 ]; do sleep 0.02; done
  eval \"$2\"
fi
exec 0<&- 1>&- 2>&-
while :; do sleep 60; done
";
    std::fs::write(&path, text).unwrap();
    path
}

/// A daemon whose worker starts the stubborn tree and then does `last`.
fn with_stubborn(mode: &str, verdict: &str, last: &str) -> Daemon {
    let mut daemon = Daemon::prepare("");
    let script = write_stubborn(daemon.scratch());
    let script = format!("exec sh {} 2 '{last}'", script.display());
    let text = config_in(mode, &[("sh", verdict, &script)]);
    daemon.configure(&text);
    daemon.spawn();
    daemon.wait_until_up();
    daemon
}

#[test]
fn nothing_of_a_stubborn_tree_is_left_when_its_run_closes_after_success_too() {
    let done = "kanban complete $KANBAN_TASK --summary done";
    for mode in MODES {
        for (verdict, last) in [("exit", "exit 0"), ("report", done)] {
            let daemon = with_stubborn(mode, verdict, last);
            let id = daemon.create(json!({ "assignee": "sh" }));
            let pids = pids_in(&daemon.scratch().join(format!("up.{id}")), 3);
            daemon.wait_status(&id, "done");
            daemon.wait_closed(&id);
            let alive: Vec<_> = pids.iter().filter(|pid| is_alive(**pid)).collect();
            assert!(alive.is_empty(), "{mode} {verdict}: {alive:?} of {pids:?} are left");
            assert!(!daemon.base().join("runs/1").exists(), "{mode} {verdict}: the leaf is left");
            assert_eq!(daemon.outcomes(&id), ["completed"], "{mode} {verdict}");
        }
    }
}

#[test]
fn the_worker_alone_is_in_its_leaf_and_its_shim_beside_it() {
    let mut daemon = Daemon::start(&config_in("auto", &[("sh", "exit", "exec sleep 600")]));
    if !has_groups(&daemon) {
        return;
    }
    let id = daemon.create(json!({ "assignee": "sh" }));
    let worker = daemon.worker_pid(&id);
    let base = daemon.base();
    let name = base.file_name().unwrap().to_str().unwrap().to_owned();
    assert!(group_of(worker).ends_with(&format!("/{name}/runs/1")), "{}", group_of(worker));
    let shim = group_of(shim_of(&daemon, 1));
    assert!(shim.ends_with(&format!("/{name}/shims")), "{shim}");
    assert!(!group_of(daemon.pid()).contains(&name));
    let members = std::fs::read_to_string(base.join("runs/1/cgroup.procs")).unwrap();
    assert_eq!(members, format!("{worker}\n"));
    assert_eq!(daemon.runs(&id)[0]["containment"], "cgroup");

    // A base in use outlives its daemon; one that is not goes with it.
    daemon.signal(Signal::SIGTERM);
    daemon.wait_end();
    assert!(is_alive(worker) && base.join("runs/1").exists());
    daemon.restart();
    kill_9(worker);
    daemon.wait_closed(&id);
    until("the run's files to go", || (!daemon.home().join("runs/1").exists()).then_some(()));
    assert!(!base.join("runs/1").exists());
}

#[test]
fn a_base_without_runs_goes_with_its_daemon() {
    let mut daemon = Daemon::start(&config_in("auto", &[("sh", "exit", "true")]));
    let id = daemon.create(json!({ "assignee": "sh" }));
    daemon.wait_status(&id, "done");
    daemon.wait_closed(&id);
    until("the run's files to go", || (!daemon.home().join("runs/1").exists()).then_some(()));
    assert_eq!(daemon.base().exists(), has_groups(&daemon));
    daemon.signal(Signal::SIGTERM);
    daemon.wait_end();
    assert!(!daemon.base().exists());
}

#[test]
fn a_shim_killed_with_its_tree_alive_loses_the_run_and_nobody_of_the_tree_lives_on() {
    for mode in MODES {
        let mut daemon = Daemon::prepare("");
        let up = daemon.scratch().join("up");
        let hold = daemon.scratch().join("hold");
        // The second leaves the session; without control groups only its environment tells whose it is.
        let script = format!(
            "trap '' TERM; setsid sh -c 'echo $$ >> {0}; exec sleep 600' & echo $$ >> {0}; wait",
            up.display()
        );
        let text = config_in(mode, &[("sh", "exit", &script)]);
        daemon.configure(&text);
        daemon.arm(Some(&format!("remains-found=hold:{}@1", hold.display())));
        daemon.spawn();
        daemon.wait_until_up();
        let id = daemon.create(json!({ "assignee": "sh" }));
        let pids = pids_in(&up, 2);
        let leaf = daemon.base().join("runs/1");
        assert_eq!(leaf.exists(), has_groups(&daemon));
        kill_9(shim_of(&daemon, 1));
        until("the daemon to notice", || hold.exists().then_some(()));
        assert!(pids.iter().any(|pid| is_alive(*pid)), "{mode}: there is nothing to end");
        let run = &daemon.runs(&id)[0];
        assert!(run["closed_at"].is_null() && run["outcome"].is_null(), "{mode}: {run}");
        std::fs::remove_file(&hold).unwrap();
        until("the second start", || {
            let text = std::fs::read_to_string(&up).ok()?;
            (text.lines().count() > 2).then_some(())
        });
        assert!(!pids.iter().any(|pid| is_alive(*pid)), "{mode}: two runs of one task at a time");
        assert!(!leaf.exists(), "{mode}");
        assert_eq!(daemon.outcomes(&id), ["lost", "-"], "{mode}");
        assert_eq!(
            daemon.show(&id)["task"]["spawn_failures"],
            0,
            "{mode}: the task is not charged"
        );
        let board = Connection::open(daemon.home().join("kanban.db")).unwrap();
        let host: (i64, String) = board
            .query_row("SELECT failures, last_error FROM breakers WHERE key = 'host'", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .unwrap();
        assert_eq!(host.0, 1, "{mode}: the host is charged");
        assert!(host.1.contains("shim died"), "{mode}: {}", host.1);
    }
}

#[test]
fn in_a_leaf_not_even_one_that_has_lost_every_mark_outlives_its_shim() {
    let mut daemon = Daemon::prepare("");
    let up = daemon.scratch().join("up");
    let script = format!(
        "if [ -e {0} ]; then exit 0; fi; env -i PATH=$PATH setsid sh -c 'echo $$ > {0}; exec sleep 600' & wait",
        up.display()
    );
    let text = config_in("auto", &[("sh", "exit", &script)]);
    daemon.configure(&text);
    daemon.spawn();
    daemon.wait_until_up();
    if !has_groups(&daemon) {
        return;
    }
    let id = daemon.create(json!({ "assignee": "sh" }));
    let orphan = pids_in(&up, 1)[0];
    kill_9(shim_of(&daemon, 1));
    daemon.wait_status(&id, "done");
    assert!(!is_alive(orphan));
    assert_eq!(daemon.outcomes(&id), ["lost", "completed"]);
}

/// A process of the test itself; ended with it.
struct Stranger(Child);

impl Stranger {
    fn start() -> Self {
        Self(Command::new("sleep").arg("600").spawn().unwrap())
    }

    fn pid(&self) -> i32 {
        i32::try_from(self.0.id()).unwrap()
    }

    fn move_into(&self, group: &Path) {
        std::fs::write(group.join("cgroup.procs"), self.pid().to_string()).unwrap();
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn a_run_is_not_over_while_anybody_is_in_its_leaf() {
    let daemon = Daemon::start(&config_in("auto", &[("sh", "exit", "exec sleep 600")]));
    if !has_groups(&daemon) {
        return;
    }
    let id = daemon.create(json!({ "assignee": "sh" }));
    let worker = daemon.worker_pid(&id);
    // No descendant of the shim, so wait(2) knows nothing of it; and a group made in the leaf, as a worker may.
    let stranger = Stranger::start();
    let below = daemon.base().join("runs/1/made/by/worker");
    std::fs::create_dir_all(&below).unwrap();
    stranger.move_into(&below);
    let shim = shim_of(&daemon, 1);
    kill_9(worker);
    daemon.wait_closed(&id);
    assert!(!is_alive(stranger.pid()), "the run closed with a process in its leaf");
    until("the shim's end", || (!is_alive(shim)).then_some(()));
    assert!(!daemon.base().join("runs/1").exists());
}

#[test]
fn leaves_of_runs_that_are_over_are_emptied_and_removed_at_the_start() {
    let mut daemon = Daemon::start(&config_in("auto", &[("sh", "exit", "exec sleep 600")]));
    if !has_groups(&daemon) {
        return;
    }
    let id = daemon.create(json!({ "assignee": "sh" }));
    let worker = daemon.worker_pid(&id);
    daemon.kill_9();
    let runs = daemon.base().join("runs");
    for name in ["998", "999", "of-another"] {
        std::fs::create_dir(runs.join(name)).unwrap();
    }
    let stranger = Stranger::start();
    stranger.move_into(&runs.join("998"));
    daemon.restart();
    assert!(!is_alive(stranger.pid()));
    assert!(!runs.join("998").exists() && !runs.join("999").exists());
    assert!(runs.join("of-another").exists());
    assert!(is_alive(worker) && runs.join("1").exists(), "the leaf of an open run is left alone");
}

#[test]
fn a_run_of_another_boot_is_lost_and_nobody_is_signalled() {
    for mode in MODES {
        let mut daemon = Daemon::start(&config_in(mode, &[("sh", "exit", "exec sleep 600")]));
        let id = daemon.create(json!({ "assignee": "sh" }));
        let worker = daemon.worker_pid(&id);
        let mine = daemon.create(json!({ "title": "by hand" }));
        daemon.post(&format!("/v1/tasks/{mine}/claim"), &json!({}));
        daemon.kill_9();
        kill_9(shim_of(&daemon, 1));
        until("the worker's end", || (!is_alive(worker)).then_some(()));
        let mut stranger = Command::new("setsid").args(["sleep", "600"]).spawn().unwrap();
        let pid = i32::try_from(stranger.id()).unwrap();
        let identity = ProcessIdentity::of(pid).unwrap().unwrap();
        let database = daemon.home().join("kanban.db");
        let board = Connection::open(&database).unwrap();
        let changed = board
            .execute(
                "UPDATE task_runs SET boot_id = 'another', shim_pid = ?1, shim_start_ticks = ?2, worker_pid = ?1,
                        worker_start_ticks = ?2
                 WHERE id = 1 AND boot_id IS NOT NULL",
                rusqlite::params![pid, i64::try_from(identity.start_ticks).unwrap()],
            )
            .unwrap();
        assert_eq!(changed, 1, "the boot was recorded");
        drop(board);
        std::fs::remove_file(daemon.home().join("runs/1/lock")).unwrap();
        // A process that has these numbers now is not the worker of that boot, whatever it looks like.
        let text = config_in(mode, &[]).with("dispatch.enabled", false);
        daemon.configure(&text);
        daemon.restart();
        daemon.wait_closed(&id);
        let run = &daemon.runs(&id)[0];
        assert_eq!(run["outcome"], "lost", "{mode}");
        assert!(run["error"].as_str().unwrap().contains("restarted"), "{mode}: {run}");
        assert_eq!(daemon.status(&id), "ready", "{mode}");
        assert_eq!(daemon.show(&id)["task"]["spawn_failures"], 0, "{mode}");
        assert!(is_alive(pid), "{mode}: a stranger was signalled");
        assert_eq!(daemon.status(&mine), "running", "{mode}: a claim by hand has no boot");
        stranger.kill().unwrap();
        stranger.wait().unwrap();
    }
}
