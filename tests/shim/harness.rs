//! One run in a directory of its own, and a shim that never outlives its test.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use kanband::failpoint;
use kanband::os::processes::identity::{Liveness, ProcessIdentity};
use kanband::os::run_files::directory::{
    ExitRecord, LimitSpec, LogSpec, RUN_FILE_VERSION, RunDir, RunIdentity, RunSpec, read_exit,
    read_identity, write_spec,
};
use kanband::os::run_files::log::read_log;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The binary under test.
pub const SHIM: &str = env!("CARGO_BIN_EXE_kanban-shim");

/// Nonce of every spec that does not say otherwise.
pub const NONCE: &str = "nonce-of-this-start";

/// Variable that every process of a run carries, so that none can hide from [`Run::survivors`].
const MARK: &str = "KANBAND_TEST_RUN";

pub use support::wait::until;

/// A run directory with a spec that a test may change before it starts the shim.
pub struct Run {
    temp: tempfile::TempDir,
    pub dir: RunDir,
    pub spec: RunSpec,
}

impl Run {
    /// A run whose worker is this shell script, in a working directory of its own.
    pub fn of_script(script: &str) -> Self {
        Self::of(&["sh", "-c", script])
    }

    /// A run with this program and arguments.
    pub fn of(argv: &[&str]) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let cwd = temp.path().join("work");
        std::fs::create_dir(&cwd).unwrap();
        let dir = RunDir::new(temp.path().join("7"));
        dir.create().unwrap();
        let mark = temp.path().display().to_string();
        let env = [("PATH", "/usr/bin:/bin".to_owned()), (MARK, mark)];
        let spec = RunSpec {
            verdict: "exit".to_owned(),
            session_line: None,
            version: RUN_FILE_VERSION,
            incarnation: "incarnation".to_owned(),
            nonce: NONCE.to_owned(),
            run_id: 7,
            argv: argv.iter().map(|word| (*word).to_owned()).collect(),
            env: env.map(|(name, value)| (name.to_owned(), value)).into(),
            cwd,
            create_cwd: false,
            workspace: None,
            handed_over: None,
            user: None,
            token: None,
            setup: None,
            stdio: None,
            log: LogSpec {
                path: temp.path().join("run.log"),
                head_bytes: 1 << 20,
                tail_bytes: 1 << 20,
                pace_bytes_per_second: 16 << 20,
                redact: Vec::new(),
            },
            limits: LimitSpec {
                max_runtime_ms: None,
                grace_ms: 60_000,
                umask: None,
                rlimits: BTreeMap::new(),
                mark_bytes: None,
                no_new_privs: false,
                write_only_below: None,
            },
            containment: None,
            view: None,
            lease: None,
        };
        Self { temp, dir, spec }
    }

    /// Puts an executable script into the working directory.
    pub fn add_script(&self, name: &str, text: &str) {
        // Written by another process: a descriptor of ours, open for writing, would be inherited for an
        // instant by whatever another test starts meanwhile, and execve(2) would say ETXTBSY.
        let mut install = Command::new("install")
            .args(["-m", "755", "/dev/stdin"])
            .arg(self.work(name))
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        install.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        assert!(install.wait().unwrap().success());
    }

    /// Directory that holds the run directory, the log and the working directory.
    pub fn root(&self) -> &Path {
        self.temp.path()
    }

    /// A file that the worker may leave in its working directory.
    pub fn work(&self, name: &str) -> PathBuf {
        self.spec.cwd.join(name)
    }

    /// Writes the spec and starts a shim on it.
    pub fn start(&self) -> Shim {
        self.start_armed("")
    }

    /// Like [`Run::start`], with fail points armed.
    pub fn start_armed(&self, fail_points: &str) -> Shim {
        write_spec(&self.dir, &self.spec).unwrap();
        self.shim(NONCE, fail_points)
    }

    /// Starts a shim on whatever is in the run directory.
    pub fn shim(&self, nonce: &str, fail_points: &str) -> Shim {
        let mut command = Command::new(SHIM);
        command.arg(self.dir.path()).arg(nonce).env(failpoint::VARIABLE, fail_points);
        let child = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Shim { child }
    }

    /// Starts the shim by this shell command, its words appended, and waits for its end.
    pub fn finish_by(&self, shell: &str) -> ExitRecord {
        write_spec(&self.dir, &self.spec).unwrap();
        let script = format!("{shell} \"$0\" \"$1\" \"$2\"");
        let mut command = Command::new("sh");
        command.args(["-c", &script, SHIM]).arg(self.dir.path()).arg(NONCE);
        self.finished(Shim { child: command.stdin(Stdio::null()).spawn().unwrap() })
    }

    /// Starts the shim, waits for its end, and returns what it recorded.
    pub fn finish(&self) -> ExitRecord {
        self.finished(self.start())
    }

    /// Waits for a shim's end and returns what it recorded.
    pub fn finished(&self, mut shim: Shim) -> ExitRecord {
        assert_eq!(shim.exit_code(), Some(0));
        let record = read_exit(&self.dir).unwrap().expect("a record");
        assert_eq!((record.version, record.nonce.as_str()), (RUN_FILE_VERSION, NONCE));
        assert!(record.ended_at_ms >= record.started_at_ms);
        assert_eq!(self.survivors(), [0; 0], "a record stands for an empty tree");
        record
    }

    /// Waits until the worker has been started.
    pub fn identity(&self) -> RunIdentity {
        until("the worker's identity", || {
            read_identity(&self.dir).unwrap().filter(|identity| identity.worker.is_some())
        })
    }

    /// Waits until a file is there, and returns what is in it.
    pub fn wait_for(&self, name: &str) -> String {
        until(name, || std::fs::read_to_string(self.work(name)).ok())
    }

    /// The worker's output as it was kept.
    pub fn log(&self) -> String {
        let text = read_log(&self.spec.log.path, None).unwrap().expect("a log");
        String::from_utf8(text.bytes).unwrap()
    }

    /// Living processes that carry this run's mark in their environment, whichever process is their parent.
    pub fn survivors(&self) -> Vec<i32> {
        let mark = format!("{MARK}={}", self.root().display());
        support::processes::marked(mark.as_bytes())
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // Only after a failed test is there anything left; the processes are this run's by their mark.
        for pid in self.survivors() {
            let _gone = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

/// A running shim; killed when the test ends.
pub struct Shim {
    child: Child,
}

impl Shim {
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).unwrap();
    }

    pub fn wait(&mut self) -> ExitStatus {
        until("the shim's end", || self.child.try_wait().unwrap())
    }

    pub fn exit_code(&mut self) -> Option<i32> {
        self.wait().code()
    }
}

impl Drop for Shim {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Waits until a process has ended.
pub fn until_gone(process: &ProcessIdentity) {
    until("a process's end", || (process.check() == Liveness::Gone).then_some(()));
}
