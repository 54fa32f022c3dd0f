//! A daemon in a home of its own, and calls of `kanban` with nothing in their environment but that home.

use crate::config::default_launcher;
use std::ffi::OsStr;
use std::fmt::Display;
use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use kanband::api::client::Client;
use kanband::os::run_files::leftovers::end_runs;
use serde_json::Value;

pub use crate::config::Config;
pub use crate::processes::processes_of;
pub use crate::wait::{DEADLINE, until};

/// Nothing starts by itself.
pub fn quiet() -> Config {
    Config::new().with("dispatch.enabled", false)
}

/// What a call of `kanban` said.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    /// What a call in the background said, once it has ended.
    pub fn of_child(mut child: Child) -> Self {
        until("a call to end", || child.try_wait().unwrap());
        Self::of(child.wait_with_output().unwrap())
    }

    /// What a call said that has ended.
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or_else(|| panic!("it was killed: {output:?}")),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// stdout of a call that has to succeed and to say nothing on stderr but warnings.
    pub fn ok(self) -> String {
        let is_warning = |line: &str| line.starts_with("warning: ");
        assert!(self.code == 0 && self.err.lines().all(is_warning), "{self:?}");
        self.out
    }

    /// stdout as JSON of a call that has to succeed.
    pub fn json(self) -> Value {
        let out = self.ok();
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"))
    }

    /// stderr of a call that has to fail with `code` and to print no data.
    pub fn failed(self, code: i32) -> String {
        assert!(self.code == code && self.out.is_empty(), "expected {code}: {self:?}");
        // With `--json` the object is alone.
        let is_told = self.err.starts_with("error: ") || self.err.starts_with("{\"error\"");
        assert!(is_told, "{self:?}");
        self.err
    }
}

/// A directory that may hold a home, and `kanban` with that home.
pub struct Location {
    dir: tempfile::TempDir,
}

impl Location {
    pub fn new() -> Self {
        Self { dir: tempfile::Builder::new().prefix("kb").tempdir().unwrap() }
    }

    /// The home; its parent is there, it is not.
    pub fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    /// A directory for the test's own files.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A call that is ready to be made.
    pub fn command<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = self.command_of(crate::programs::kanban());
        command.args(arguments);
        command
    }

    /// A call of another program in the same surroundings.
    pub fn command_of(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.dir.path())
            .env("TMPDIR", self.dir.path())
            .env("TZ", "UTC")
            .env("KANBAN_HOME", self.home())
            .current_dir(self.dir.path())
            .stdin(Stdio::null());
        command
    }

    /// The daemon, ready to be started.
    pub fn daemon_command(&self) -> Command {
        let log = File::options().create(true).append(true).open(self.path("kanband.log")).unwrap();
        let mut command = Command::new(crate::programs::kanband());
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.path(""))
            .env("TZ", "UTC")
            .env("KANBAN_HOME", self.home())
            .envs(default_launcher(&self.home()))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        command
    }

    /// Calls `kanban`.
    pub fn say<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Said {
        Said::of(self.command(arguments).output().unwrap())
    }

    /// Calls `kanban` with variables beside the home.
    pub fn say_with(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Said {
        Said::of(self.command(arguments).envs(variables.iter().copied()).output().unwrap())
    }

    /// Calls `kanban` with something on stdin.
    pub fn say_from(&self, input: &[u8], arguments: &[&str]) -> Said {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // It may have seen enough before the end.
        let _is_all_taken = child.stdin.take().unwrap().write_all(input).is_ok();
        Said::of(child.wait_with_output().unwrap())
    }
}

/// A place with a daemon.
pub struct Board {
    location: Location,
    daemon: Option<Child>,
}

impl std::ops::Deref for Board {
    type Target = Location;

    fn deref(&self) -> &Location {
        &self.location
    }
}

impl Board {
    /// A board on which nothing starts by itself.
    pub fn quiet() -> Self {
        Self::with(&quiet())
    }

    /// A board on which nothing starts by itself, with the shell scripts of these profiles as workers.
    pub fn with_workers(scripts: &[(&str, &str)]) -> Self {
        let config = scripts.iter().fold(quiet(), |config, (profile, script)| {
            config.with_worker(profile, "report", script)
        });
        Self::with(&config)
    }

    /// A board with this configuration.
    pub fn with(config: &(impl Display + ?Sized)) -> Self {
        let location = Location::new();
        std::fs::create_dir(location.home()).unwrap();
        std::fs::write(location.home().join("kanband.toml"), config.to_string()).unwrap();
        let mut board = Self { location, daemon: None };
        board.start();
        board
    }

    /// Starts the daemon, again after [`Board::kill`].
    pub fn start(&mut self) {
        self.daemon = Some(self.daemon_command().spawn().unwrap());
        until("the daemon to answer", || {
            let ended = self.daemon.as_mut().unwrap().try_wait().unwrap();
            assert!(
                ended.is_none(),
                "{}",
                std::fs::read_to_string(self.path("kanband.log")).unwrap()
            );
            (self.say(["stats"]).code == 0).then_some(())
        });
    }

    /// SIGKILL to the daemon; workers go on.
    pub fn kill(&mut self) {
        let mut daemon = self.daemon.take().unwrap();
        daemon.kill().unwrap();
        daemon.wait().unwrap();
    }

    /// What the daemon counts about itself.
    pub fn figure(&self, name: &str) -> u64 {
        let client = Client::at(self.home().join("kanband.sock"), None, false).unwrap();
        let shown: Value = client.get("/v1/daemon", &[("", ""); 0]).unwrap();
        shown[name].as_u64().unwrap()
    }

    /// Creates a task with these further arguments and returns its id.
    pub fn create(&self, title: &str, arguments: &[&str]) -> String {
        let words = ["create", title, "--json"].into_iter().chain(arguments.iter().copied());
        self.say(words).json()["id"].as_str().unwrap().to_owned()
    }

    /// A task now.
    pub fn task(&self, id: &str) -> Value {
        self.say(["show", id, "--json"]).json()["task"].take()
    }

    /// The status of a task now.
    pub fn status(&self, id: &str) -> String {
        self.task(id)["status"].as_str().unwrap().to_owned()
    }

    /// The runs of a task now.
    pub fn runs(&self, id: &str) -> Vec<Value> {
        self.say(["runs", id, "--json"]).json().as_array().unwrap().clone()
    }

    /// Returns when a client follows the events and what is there already has been read for it: so many reads later
    /// than `before`.
    pub fn until_reads(&self, before: u64, reads: u64) {
        until("the stream to be open", || {
            (self.figure("database_reads") >= before + reads).then_some(())
        });
    }

    /// The kinds of a task's events.
    pub fn kinds(&self, id: &str) -> Vec<String> {
        let shown = self.say(["show", id, "--json"]).json();
        let kind = |event: &Value| event["kind"].as_str().unwrap().to_owned();
        shown["events"].as_array().unwrap().iter().map(kind).collect()
    }

    /// Everything on the board, to see whether it has changed.
    pub fn everything(&self) -> Vec<Value> {
        let tasks = self.say(["list", "--archived", "--json"]).json();
        let show = |task: &Value| self.say(["show", task["id"].as_str().unwrap(), "--json"]).json();
        tasks.as_array().unwrap().iter().map(show).collect()
    }

    /// Starts the task's worker and returns when it has been started.
    pub fn dispatch(&self) -> Value {
        self.say(["dispatch", "--json"]).json()
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            let _is_ended = daemon.kill().is_ok() && daemon.wait().is_ok();
        }
        let left = end_runs(&self.home().join("runs"), DEADLINE);
        assert!(std::thread::panicking() || matches!(left, Ok(0)), "workers are left: {left:?}");
    }
}

/// The keys of a JSON object.
pub fn keys(object: &Value) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}
