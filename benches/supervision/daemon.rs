//! The real daemon in a home of its own, and ways to talk to it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kanband::api::client::{Client, Lines, NextLine, task_path};
use kanband::os::control_groups::cgroup::end_base_of;
use kanband::os::processes::pidfd::PidFd;
use kanband::os::run_files::directory::{RunDir, RunIdentity, read_identity};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::Plan;

/// After so long the bench gives up.
const PATIENCE: Duration = Duration::from_secs(120);

/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(1);

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_kanband");

pub struct Daemon {
    // The directory goes last, when no process is in it.
    child: Option<Child>,
    client: Client,
    dir: tempfile::TempDir,
}

impl Daemon {
    /// A daemon with room for `width` runs and one profile `w` that runs `argv`, serving.
    pub fn start(plan: &Plan, target: &Path, width: usize, argv: &[&str]) -> Self {
        Self::start_with(plan, target, width, argv, "", |_home| {})
    }

    /// The same with more of a configuration, in a home that is prepared for it.
    pub fn start_with(
        plan: &Plan,
        target: &Path,
        width: usize,
        argv: &[&str],
        more: &str,
        prepare: impl FnOnce(&Path),
    ) -> Self {
        let dir = tempfile::Builder::new().prefix("kb").tempdir_in(target).unwrap();
        let home = dir.path().join("home");
        std::fs::create_dir(&home).unwrap();
        let config = format!(
            "[dispatch]\nmax_running = {width}\nfailure_limit = 1\n[log]\nlevel = \"warn\"\n\
             [supervision]\ncontainment = {:?}\n\
             [profiles.w]\nargv = {argv:?}\nverdict = \"exit\"\n{more}",
            plan.containment
        );
        std::fs::write(home.join("kanband.toml"), config).unwrap();
        prepare(&home);
        let client = Client::at(home.join("kanband.sock"), None, false).unwrap();
        let mut daemon = Self { child: None, client, dir };
        daemon.spawn();
        daemon.wait_until_live(0);
        daemon
    }

    fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    pub fn spawn(&mut self) {
        let mut command = Command::new(PROGRAM);
        command.env_clear().env("PATH", "/usr/bin:/bin").env("KANBAN_HOME", self.home());
        command.stdin(Stdio::null()).stdout(Stdio::null());
        self.child = Some(command.spawn().unwrap());
    }

    pub fn kill_9(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.as_ref().unwrap().id()).unwrap()
    }

    /// Waits until the daemon answers that so many runs are live.
    pub fn wait_until_live(&self, count: usize) {
        let started = Instant::now();
        loop {
            let answer: Result<Value, _> = self.client.get("/v1/daemon", &json!({}));
            if answer.as_ref().is_ok_and(|info| info["live_runs"] == count) {
                return;
            }
            assert!(
                started.elapsed() < PATIENCE,
                "waited in vain for {count} live runs: {answer:?}"
            );
            self.pause(PAUSE);
        }
    }

    /// Waits until nothing more is committed.
    pub fn wait_until_quiet(&self) {
        let mut last = Value::Null;
        loop {
            let info: Value = self.client.get("/v1/daemon", &json!({})).unwrap();
            if last == info {
                return;
            }
            last = info;
            self.pause(Duration::from_millis(200));
        }
    }

    pub fn pause(&self, time: Duration) {
        self.client.pause(time);
    }

    /// One of the figures of the daemon about itself.
    pub fn figure(&self, name: &str) -> f64 {
        let info: Value = self.client.get("/v1/daemon", &json!({})).unwrap();
        info[name].as_f64().unwrap()
    }

    pub fn switch(&self, to: &str) {
        let _now: Value = self.client.post("/v1/dispatch/switch", &json!({ "to": to })).unwrap();
    }

    /// Creates a task for the profile; its id. When this returns the task is ready: its commit is on the disk.
    pub fn create(&self) -> String {
        let task: Value =
            self.client.post("/v1/tasks", &json!({ "title": "a task", "assignee": "w" })).unwrap();
        task["id"].as_str().unwrap().to_owned()
    }

    /// Has a verb done to a task.
    pub fn act(&self, id: &str, verb: &str, fields: &Value) {
        let _done: Value = self.client.post(&task_path(id, verb).unwrap(), fields).unwrap();
    }

    /// Calls the API.
    pub fn post(&self, path: &str, fields: &Value) {
        let _done: Value = self.client.post(path, fields).unwrap();
    }

    /// Ends the courier of this home.
    /// Waits until it is so.
    pub fn wait_until(&self, is_so: impl Fn() -> bool) {
        let started = Instant::now();
        while !is_so() {
            assert!(started.elapsed() < PATIENCE, "waited in vain");
            self.pause(PAUSE);
        }
    }

    /// The process of the courier that it has started.
    pub fn courier(&self) -> i32 {
        let is_courier = |pid: &i32| {
            std::fs::read_to_string(format!("/proc/{pid}/comm"))
                .is_ok_and(|name| name.trim() == "kanban-courier")
        };
        support::processes::processes_of(&self.home()).into_iter().find(is_courier).unwrap()
    }

    pub fn end_courier(&self) {
        let _is_sent = kill(Pid::from_raw(self.courier()), Signal::SIGKILL).is_ok();
    }

    pub fn create_many(&self, count: usize) {
        let tasks: Vec<Value> =
            (0..count).map(|_| json!({ "title": "a task", "assignee": "w" })).collect();
        for some in tasks.chunks(100) {
            let reply: Value =
                self.client.post("/v1/tasks/batch", &json!({ "tasks": some })).unwrap();
            assert_eq!(reply["refused"], Value::Null);
        }
    }

    /// What the task's worker has printed.
    pub fn log_of(&self, id: &str) -> String {
        let reply = self.client.get_raw(&task_path(id, "log").unwrap(), &json!({})).unwrap();
        String::from_utf8(reply.body.to_vec()).unwrap()
    }

    /// A client for a stream of events.
    pub fn listener(&self) -> Client {
        Client::at(self.home().join("kanband.sock"), None, false).unwrap()
    }

    /// Who the shims and workers of all open runs are.
    pub fn identities(&self) -> Vec<RunIdentity> {
        let entries = std::fs::read_dir(self.home().join("runs")).into_iter().flatten().flatten();
        entries
            .filter_map(|entry| read_identity(&RunDir::new(entry.path())).ok().flatten())
            .collect()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
        let shims = self.identities().into_iter();
        let shims: Vec<PidFd> =
            shims.filter_map(|run| PidFd::open(&run.shim).ok().flatten()).collect();
        shims.iter().for_each(|shim| drop(shim.signal(Signal::SIGQUIT)));
        shims.iter().for_each(|shim| drop(shim.wait_exit(PATIENCE)));
        end_base_of(&self.home(), PATIENCE);
    }
}

/// The events from now on.
pub struct Events<'c>(Lines<'c>);

impl<'c> Events<'c> {
    pub fn follow(listener: &'c Client) -> Self {
        let query = json!({ "after": "now", "follow": true });
        Self(listener.lines("/v1/events", &query).unwrap())
    }

    /// Waits for the next event of this kind, of this task where one is given.
    pub fn wait_for(&mut self, kind: &str, id: Option<&str>) -> Value {
        loop {
            let NextLine::Line(line) = self.0.next(Some(PATIENCE)) else {
                panic!("waited in vain for an event {kind}");
            };
            let event: Value = serde_json::from_str(&line).unwrap();
            let is_of_task = id.is_none_or(|id| event["task_id"] == id);
            assert!(
                !(is_of_task && event["kind"] == "spawn_failed"),
                "a worker could not be started: {event}"
            );
            if event["kind"] == kind && is_of_task {
                return event;
            }
        }
    }
}
