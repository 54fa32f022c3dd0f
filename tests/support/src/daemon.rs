//! A daemon in a temporary home, and ways to look at it.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use kanband::api::client::{Client, ClientError, task_path};
use kanband::os::control_groups::cgroup::{default_base, end_leaf};
use kanband::os::control_groups::leaf::Leaf;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::config::default_launcher;
pub use crate::config::{Config, config};
pub use crate::processes::{is_alive, processes_of};
use crate::wait::until_or;
pub use crate::wait::{DEADLINE, let_pass, until};

/// A home and the daemon that serves it.
pub struct Daemon {
    dir: tempfile::TempDir,
    child: Option<Child>,
    env: BTreeMap<String, String>,
    /// Whose it is, when that is not the tester's: user and group.
    run_as: Option<(u32, u32)>,
}

impl Daemon {
    /// A daemon with this configuration, serving.
    pub fn start(config: &(impl Display + ?Sized)) -> Self {
        let mut daemon = Self::prepare(config);
        daemon.spawn();
        daemon.wait_until_up();
        daemon
    }

    /// A home with this configuration and no daemon yet.
    pub fn prepare(config: &(impl Display + ?Sized)) -> Self {
        Self::prepare_in(&std::env::temp_dir(), config)
    }

    /// The same in a new folder of `parent`.
    pub fn prepare_in(parent: &Path, config: &(impl Display + ?Sized)) -> Self {
        let dir = tempfile::Builder::new().prefix("kb").tempdir_in(parent).unwrap();
        std::fs::create_dir(dir.path().join("home")).unwrap();
        std::fs::write(dir.path().join("home/kanband.toml"), config.to_string()).unwrap();
        Self { dir, child: None, env: BTreeMap::new(), run_as: None }
    }

    /// Writes its configuration, for its next start or for a reload.
    pub fn configure(&self, config: &(impl Display + ?Sized)) {
        std::fs::write(self.home().join("kanband.toml"), config.to_string()).unwrap();
    }

    /// The same with fail points armed.
    pub fn with_fail_points(config: &(impl Display + ?Sized), points: &str) -> Self {
        let mut daemon = Self::prepare(config);
        daemon.arm(Some(points));
        daemon
    }

    /// Gives its home to another user, as whom it runs from here on; the directory above lets that user through.
    pub fn give_to(&mut self, uid: u32, gid: u32) {
        use std::os::unix::fs::{PermissionsExt as _, chown};
        let passable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(self.dir.path(), passable).unwrap();
        for path in [self.home(), self.home().join("kanband.toml")] {
            chown(path, Some(uid), Some(gid)).unwrap();
        }
        self.run_as = Some((uid, gid));
    }

    /// Its fail points from the next start on.
    pub fn arm(&mut self, points: Option<&str>) {
        self.env.remove("KANBAND_FAIL_POINTS");
        if let Some(points) = points {
            self.env.insert("KANBAND_FAIL_POINTS".into(), points.into());
        }
    }

    /// A variable of its environment from the next start on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.env.insert(name.into(), value.into());
    }

    pub fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    /// The base of its control groups: where they are, if there are any.
    pub fn base(&self) -> PathBuf {
        default_base(&self.home()).unwrap_or_else(|| self.dir.path().join("no-groups"))
    }

    /// A directory beside the home, for the test's own files.
    pub fn scratch(&self) -> &Path {
        self.dir.path()
    }

    pub fn socket(&self) -> PathBuf {
        let elsewhere = self.env.get("KANBAN_SOCKET").map(PathBuf::from);
        elsewhere.unwrap_or_else(|| self.home().join("kanband.sock"))
    }

    /// The socket of workers.
    pub fn worker_socket(&self) -> PathBuf {
        PathBuf::from(format!("{}.worker", self.socket().display()))
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(crate::programs::kanband());
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("KANBAN_HOME", self.home())
            .envs(default_launcher(&self.home()))
            .envs(&self.env);
        if let Some((uid, gid)) = self.run_as {
            std::os::unix::process::CommandExt::uid(&mut command, uid);
            std::os::unix::process::CommandExt::gid(&mut command, gid);
            command.current_dir("/");
        }
        command
    }

    pub fn spawn(&mut self) {
        let log =
            std::fs::OpenOptions::new().create(true).append(true).open(self.log_path()).unwrap();
        self.spawn_logging_to(log);
    }

    /// The same with its log somewhere else.
    pub fn spawn_logging_to(&mut self, stderr: impl Into<Stdio>) {
        let mut command = self.command();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr);
        self.spawn_as(&mut command);
    }

    /// The same from a command of the test's own.
    pub fn spawn_as(&mut self, command: &mut Command) {
        self.child = Some(command.spawn().unwrap());
    }

    /// Starts it with this file mode mask.
    pub fn spawn_under_mask(&mut self, mask: &str) {
        let log = std::fs::File::create(self.log_path()).unwrap();
        let program = self.command();
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &format!("umask {mask}; exec \"$0\"")]).arg(program.get_program());
        let variables = program.get_envs().filter_map(|(name, value)| Some((name, value?)));
        command.env_clear().envs(variables).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.child = Some(command.spawn().unwrap());
    }

    /// Starts it by another program, whose last argument it is; false when that program cannot do its part (99, or its own error).
    pub fn spawn_by(&mut self, program: &str, arguments: &[&str]) -> bool {
        let daemon = self.command();
        let log =
            std::fs::OpenOptions::new().create(true).append(true).open(self.log_path()).unwrap();
        let mut command = Command::new(program);
        command.args(arguments).arg(daemon.get_program()).env_clear();
        command.envs(daemon.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let Ok(mut child) = command.spawn() else { return false };
        let is_daemon =
            until("the daemon, or the end of what starts it", || match child.try_wait().unwrap() {
                Some(status) => Some(status.code() != Some(99) && !self.log().contains(program)),
                None => self.home().join("kanban.db").exists().then_some(true),
            });
        self.child = is_daemon.then_some(child);
        is_daemon
    }

    /// Starts it as a service manager does that has made its sockets: they are descriptors 3 and up.
    pub fn spawn_with_sockets(&mut self, first: &UnixListener, second: Option<&UnixListener>) {
        let descriptor = |listener: &UnixListener| OwnedFd::from(listener.try_clone().unwrap());
        self.spawn_with_descriptors(descriptor(first), second.map(descriptor));
    }

    /// The same with descriptors of any kind.
    pub fn spawn_with_descriptors(&mut self, first: OwnedFd, second: Option<OwnedFd>) {
        const HAND_OVER: &str = "exec 3<&0 0</dev/null; export LISTEN_FDS=1; \
             if [ \"$1\" = two ]; then exec 4<&1 1>/dev/null; LISTEN_FDS=2; fi; \
             export LISTEN_PID=$$; exec \"$0\"";
        let program = self.command();
        let log =
            std::fs::OpenOptions::new().create(true).append(true).open(self.log_path()).unwrap();
        let mut command = Command::new("/bin/sh");
        command.args(["-c", HAND_OVER]).arg(program.get_program()).env_clear();
        let variables = program.get_envs().filter_map(|(name, value)| Some((name, value?)));
        command.envs(variables).stdin(first).stdout(Stdio::null()).stderr(log);
        if let Some(second) = second {
            command.arg("two").stdout(second);
        }
        self.child = Some(command.spawn().unwrap());
    }

    fn log_path(&self) -> PathBuf {
        self.dir.path().join("daemon.log")
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.as_ref().expect("no daemon").id()).unwrap()
    }

    pub fn wait_until_up(&mut self) {
        let mut child = self.child.take();
        let is_up = || self.try_get("/v1/daemon").is_ok();
        let ended = until_or(
            || format!("the daemon did not come up\n{}", self.log()),
            || {
                let ended = child.as_mut().and_then(|child| child.try_wait().unwrap());
                (ended.is_some() || is_up()).then_some(ended)
            },
        );
        self.child = child;
        assert!(ended.is_none(), "the daemon ended: {ended:?}\n{}", self.log());
    }

    /// Whether it serves; false when a fail point has killed it instead.
    pub fn came_up(&mut self) -> bool {
        until("the daemon's start or death", || {
            if self.try_get("/v1/daemon").is_ok() {
                return Some(true);
            }
            let ended = self.child.as_mut().and_then(|child| child.try_wait().unwrap())?;
            assert_eq!(ended.signal(), Some(9), "{}", self.log());
            self.child = None;
            Some(false)
        })
    }

    /// Kills it as a power cut would, but for the disk.
    pub fn kill_9(&mut self) {
        self.signal(Signal::SIGKILL);
        self.wait_end();
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).unwrap();
    }

    /// Whether it is over; [`Self::wait_end`] says how.
    pub fn has_ended(&mut self) -> bool {
        self.child.as_mut().expect("no daemon").try_wait().unwrap().is_some()
    }

    /// How it ended.
    pub fn wait_end(&mut self) -> ExitStatus {
        let child = self.child.as_mut().expect("no daemon");
        let status = until("the daemon's end", || child.try_wait().unwrap());
        self.child = None;
        status
    }

    /// Starts it again after its end, without the fail points it had.
    pub fn restart(&mut self) {
        assert!(self.child.is_none());
        self.env.clear();
        self.spawn();
        self.wait_until_up();
    }

    /// Waits until a fail point has killed it.
    pub fn wait_killed(&mut self) {
        assert_eq!(self.wait_end().signal(), Some(9), "{}", self.log());
    }

    pub fn client(&self) -> Client {
        Client::at(self.socket(), None, false).unwrap()
    }

    fn try_get(&self, path: &str) -> Result<Value, ClientError> {
        self.client().get(path, &json!({}))
    }

    pub fn get(&self, path: &str) -> Value {
        self.try_get(path).unwrap_or_else(|error| panic!("GET {path}: {error}\n{}", self.log()))
    }

    pub fn post(&self, path: &str, body: &Value) -> Value {
        self.client()
            .post(path, body)
            .unwrap_or_else(|error| panic!("POST {path}: {error}\n{}", self.log()))
    }

    /// Creates a task and returns its id.
    pub fn create(&self, fields: Value) -> String {
        let mut body = json!({ "title": "a task" });
        for (key, value) in fields.as_object().unwrap() {
            body[key] = value.clone();
        }
        self.post("/v1/tasks", &body)["id"].as_str().unwrap().to_owned()
    }

    pub fn show(&self, id: &str) -> Value {
        self.get(&task_path(id, "").unwrap())
    }

    pub fn status(&self, id: &str) -> String {
        self.show(id)["task"]["status"].as_str().unwrap().to_owned()
    }

    pub fn runs(&self, id: &str) -> Vec<Value> {
        self.show(id)["runs"].as_array().unwrap().clone()
    }

    pub fn outcomes(&self, id: &str) -> Vec<String> {
        let text = |run: &Value| run["outcome"].as_str().unwrap_or("-").to_owned();
        self.runs(id).iter().map(text).collect()
    }

    pub fn kinds(&self, id: &str) -> Vec<String> {
        let events = self.show(id)["events"].as_array().unwrap().clone();
        events.iter().map(|event| event["kind"].as_str().unwrap().to_owned()).collect()
    }

    pub fn wait_status(&self, id: &str, status: &str) {
        let explain = || format!("{id} is not {status}\n{:#}\n{}", self.show(id), self.log());
        until_or(explain, || (self.status(id) == status).then_some(()));
    }

    /// Waits until no run of the task is open.
    pub fn wait_closed(&self, id: &str) {
        until("all runs closed", || {
            self.runs(id).iter().all(|run| !run["closed_at"].is_null()).then_some(())
        });
    }

    /// The PID of the task's worker, once it runs.
    pub fn worker_pid(&self, id: &str) -> i32 {
        until("a worker", || {
            let pid = self.show(id)["task"]["worker_pid"].as_i64()?;
            i32::try_from(pid).ok()
        })
    }

    /// The log of the newest run.
    pub fn run_log(&self, id: &str) -> String {
        let path = task_path(id, "log").unwrap();
        match self.client().get_raw(&path, &json!({})) {
            Ok(reply) => String::from_utf8(reply.body.to_vec()).unwrap(),
            Err(error) => panic!("no log of {id}: {error}"),
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- log of the daemon\n{}", self.log());
        }
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
        end_shims(&self.home().join("runs"));
        if std::thread::panicking() {
            for pid in processes_of(&self.home()) {
                let _is_sent = kill(Pid::from_raw(pid), Signal::SIGKILL).is_ok();
            }
        }
        if let Some(base) = default_base(&self.home()) {
            let is_gone = end_leaf(&Leaf::new(&base), DEADLINE);
            assert!(is_gone || std::thread::panicking(), "{} does not go", base.display());
        }
    }
}

/// Shims outlive their daemon by design; a test ends those of its own home, also those that have lost their files.
fn end_shims(runs: &Path) {
    for shim in kanband::os::run_files::shim_search::shims_below(runs).unwrap_or_default() {
        end_shim(&shim.identity);
    }
    let Ok(entries) = std::fs::read_dir(runs) else { return };
    for entry in entries.flatten() {
        let dir = kanband::os::run_files::directory::RunDir::new(entry.path());
        let Ok(Some(identity)) = kanband::os::run_files::directory::read_identity(&dir) else {
            continue;
        };
        end_shim(&identity.shim);
    }
}

fn end_shim(shim: &kanband::os::processes::identity::ProcessIdentity) {
    if let Ok(Some(shim)) = kanband::os::processes::pidfd::PidFd::open(shim) {
        // One that a fail point still holds hears nothing but SIGKILL, and a second panic would end the whole suite.
        let is_failed = std::thread::panicking();
        drop(shim.signal(if is_failed { Signal::SIGKILL } else { Signal::SIGQUIT }));
        until("a shim's end", || shim.has_exited().unwrap().then_some(()));
    }
}
