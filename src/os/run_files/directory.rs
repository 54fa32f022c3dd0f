//! The files of one run: the messages between the daemon and its shim.
//!
//! ```text
//! runs/<run id>/spec       written by the daemon before the shim starts; 0600
//!               lock       held by the shim for its whole life (flock)
//!               identity   written by the shim, by rename, before the worker starts and once more after
//!               exit       written by the shim, by rename, when the worker's tree is proven empty
//!               exit.collected   the same file, renamed by the daemon once what it says is durable
//!               token      written by the daemon; 0600; names the run to a process outside its tree
//!               deadline   written by the daemon, by rename, when a time limit is moved; the shim reads it when its time is up
//!               prepared   what the command that made the workspace printed; before the worker starts
//! ```
//!
//! The types are here; the submodule `disk` reads, writes and clears them. Daemon and shim may be of
//! different versions (an upgrade leaves running shims alone), so each file carries a version, readers ignore
//! keys they do not know, and a key is never given a second meaning.

mod disk;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::os::holder::protocol::AskedView;
use crate::os::processes::identity::ProcessIdentity;

pub use disk::{
    collect_exit, is_exit_collected, read_deadline, read_exit, read_identity, read_prepared,
    read_spec, read_token, remove, sync_exit, write_deadline, write_exit, write_identity,
    write_private, write_spec, write_token,
};

/// Version that this build writes into every run file.
pub const RUN_FILE_VERSION: u32 = 1;

/// The run of what belongs to no run of the board.
pub const NO_RUN: i64 = 0;

/// Beginning of the names of run directories and control groups of commands that belong to no run.
pub const COMMAND_PREFIX: &str = "command-";

/// Paths of the files in one run directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDir {
    path: PathBuf,
}

impl RunDir {
    /// The run directory at `path`; nothing is created.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }
    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.path
    }
    /// What to run and within which limits.
    pub fn spec(&self) -> PathBuf {
        self.path.join("spec")
    }
    /// The run lock.
    pub fn lock(&self) -> PathBuf {
        self.path.join("lock")
    }
    /// Who the shim and the worker are.
    pub fn identity(&self) -> PathBuf {
        self.path.join("identity")
    }
    /// What the commands before the worker say; gone when they are done.
    pub fn setup(&self) -> PathBuf {
        self.path.join("setup")
    }
    /// What the command that made the workspace printed.
    pub fn prepared(&self) -> PathBuf {
        self.path.join("prepared")
    }
    /// How it ended.
    pub fn exit(&self) -> PathBuf {
        self.path.join("exit")
    }
    /// How it ended, after the daemon has taken it over.
    pub fn exit_collected(&self) -> PathBuf {
        self.path.join("exit.collected")
    }
    /// When the run has to end, if that is not as its spec says.
    pub fn deadline(&self) -> PathBuf {
        self.path.join("deadline")
    }
    /// The capability of the run for processes outside its tree.
    pub fn token(&self) -> PathBuf {
        self.path.join("token")
    }
}

/// What the shim is to start. Written by the daemon after the claim is durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSpec {
    /// [`RUN_FILE_VERSION`] of the writer.
    pub version: u32,
    /// Incarnation of the database the run belongs to; a run directory of another one is ignored.
    pub incarnation: String,
    /// Random word made for this start. The shim gets it as an argument too and starts nothing when the
    /// two differ, so a stale shim can never act on a newer spec.
    pub nonce: String,
    /// Row id of the run.
    pub run_id: i64,
    /// How the worker reports, for the daemon that adopts the run; the shim does not read it.
    #[serde(default)]
    pub verdict: String,
    /// What stands before the agent's session in its output, for the daemon; the shim does not read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_line: Option<String>,
    /// Program and arguments; the program is looked up on the `PATH` of `env` when it has no slash.
    pub argv: Vec<String>,
    /// The worker's whole environment; nothing is inherited.
    pub env: BTreeMap<String, String>,
    /// Working directory of the worker.
    pub cwd: PathBuf,
    /// Whether the shim creates `cwd` (with its parents) when it is missing: `dir` workspaces are made
    /// under the worker's own rights, never under the daemon's.
    #[serde(default)]
    pub create_cwd: bool,
    /// The directory of the work, when the daemon knows which one it is; `cwd` is entered through it when both have
    /// the same path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<WorkspaceSpec>,
    /// A directory that the daemon has made for the worker's user: it becomes that user's before anything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handed_over: Option<WorkspaceSpec>,
    /// Name of the worker's user, when that is not the daemon's. For readers, not for the shim: that has it from
    /// its starter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The run's token, when its file belongs to such a user, so that the daemon that adopts the run still has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Commands that make the workspace before the worker starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setup: Option<SetupSpec>,
    /// What a command reads and where its standard error goes; none for a worker, which reads nothing and has one log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdio: Option<StdioSpec>,
    /// Where and how the worker's output is kept.
    pub log: LogSpec,
    /// Deadlines and process limits.
    pub limits: LimitSpec,
    /// The control groups of the run; none where it has only its sub-reaper.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub containment: Option<ContainmentSpec>,
    /// What the run sees of the machine, for the holder; none for what everybody sees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<AskedView>,
    /// The lease without which the run ends; none for a run of the board's own host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<LeaseSpec>,
}

/// The lease of a run's host ([`crate::os::run_files::lease`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseSpec {
    /// Its file.
    pub path: PathBuf,
    /// The epoch of the host in which the run was given to it. The board changes it when it gives runs of the host up.
    pub epoch: u64,
}

/// Control groups of a run, by their directories. The daemon makes them before the shim is started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainmentSpec {
    /// The worker tree's own. The shim puts the worker into it, empties it and removes it, and is never in it.
    pub leaf: PathBuf,
    /// The shim's.
    pub shims: PathBuf,
    /// What is enforced on the leaf; a limit that nothing here can enforce is not among them.
    #[serde(default)]
    pub limits: GroupLimits,
}

/// Limits that the processes of a run share.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GroupLimits {
    /// Memory, bytes.
    pub memory_max_bytes: Option<u64>,
    /// Processes and threads.
    pub pids_max: Option<u64>,
    /// CPU time, 100 for one whole CPU.
    pub cpu_percent: Option<u32>,
}

/// A directory that was leased for the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkspaceSpec {
    /// Its path, as the worker gets it.
    pub path: PathBuf,
    /// The innermost directory of it that was there.
    pub anchor: PathBuf,
    /// Device of the anchor.
    pub device: u64,
    /// Inode of the anchor.
    pub inode: u64,
    /// Names that the shim makes below it, under the worker's own rights.
    #[serde(default)]
    pub missing: Vec<String>,
}

/// What is done before the worker.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetupSpec {
    /// Programs with their arguments, one after the other, looked up as the worker's is.
    pub argv: Vec<Vec<String>>,
    /// Time that each may take, milliseconds.
    pub timeout_ms: u64,
    /// Commands that run in the workspace afterwards, with their output in the run's log.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<SetupCommand>,
}

/// A command of the operator's before the worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetupCommand {
    /// The setting that it stands in, for messages.
    pub setting: String,
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Where it runs.
    pub cwd: PathBuf,
}

/// What a command of [`SetupSpec::argv`] prints when it fails: one line of JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetupFailure {
    /// One line for people.
    pub message: String,
    /// The kernel's error number, 0 when there is none.
    #[serde(default)]
    pub errno: i32,
}

/// The standard descriptors of a command that are not a worker's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StdioSpec {
    /// What it reads, at most what a pipe holds.
    pub input: String,
    /// Where its standard error is kept; its standard output alone is in the log.
    pub errors: LogSpec,
}

/// How a worker's output is captured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogSpec {
    /// The file that keeps the head; the tail's segments are named after it.
    pub path: PathBuf,
    /// Bytes kept from the beginning.
    pub head_bytes: u64,
    /// Bytes kept, at least, from the end.
    pub tail_bytes: u64,
    /// Pace at which output is taken from the worker, in bytes per second; a faster worker waits. 0 = no limit.
    pub pace_bytes_per_second: u64,
    /// Secret values. All their forms are redacted before output reaches the file.
    #[serde(default)]
    pub redact: Vec<String>,
}

/// Deadlines and process limits of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitSpec {
    /// Longest time the worker may run, in milliseconds on CLOCK_MONOTONIC from its start; none = no limit.
    pub max_runtime_ms: Option<u64>,
    /// Time between TERM and KILL, in milliseconds.
    pub grace_ms: u64,
    /// File mode mask of the worker; none = 0o022.
    #[serde(default)]
    pub umask: Option<u32>,
    /// `nofile`, `nproc`, `core`, `fsize`, `cpu`, `as`… and the value set as both soft and hard limit.
    #[serde(default)]
    pub rlimits: BTreeMap<String, u64>,
    /// Highest hard limit of POSIX message queues that the worker may have, bytes: its mark
    /// ([`crate::os::processes::worker_mark`]); none where workers bear none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark_bytes: Option<u64>,
    /// Whether no program that the worker executes gives it another user, group or capability.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_new_privs: bool,
    /// Where alone the worker may write, and what the operator has run before it; none for wherever their user may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write_only_below: Option<Vec<PathBuf>>,
}

/// Who runs a run. Written by the shim under the run lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunIdentity {
    /// [`RUN_FILE_VERSION`] of the writer.
    pub version: u32,
    /// Nonce of the spec that was started.
    pub nonce: String,
    /// The shim.
    pub shim: ProcessIdentity,
    /// The worker, once it has been started.
    pub worker: Option<ProcessIdentity>,
    /// When the shim ends the run, milliseconds on CLOCK_MONOTONIC, unless [`RunDeadline`] says later; none without a limit, before
    /// the worker has been started, and from shims that read no [`RunDeadline`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
}

/// When the run has to end. Written by the daemon while the worker waits for an answer, and again when it has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunDeadline {
    /// [`RUN_FILE_VERSION`] of the writer.
    pub version: u32,
    /// Nonce of the start that it is for.
    pub nonce: String,
    /// The time, milliseconds on CLOCK_MONOTONIC.
    pub deadline_ms: u64,
}

/// How a run's process tree ended. Its presence means: the tree is proven empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitRecord {
    /// [`RUN_FILE_VERSION`] of the writer.
    pub version: u32,
    /// Nonce of the spec that was started.
    pub nonce: String,
    /// Why the worker was never started; none when it was.
    pub start_failure: Option<StartFailure>,
    /// Exit code of the worker process.
    pub code: Option<i32>,
    /// Signal that ended the worker process.
    pub signal: Option<i32>,
    /// The shim began its stop ladder because `max_runtime_ms` had passed.
    pub timed_out: bool,
    /// The shim began its stop ladder because it was asked to (SIGTERM, SIGQUIT).
    pub stop_requested: bool,
    /// The stop ladder had to use SIGKILL.
    pub killed: bool,
    /// Processes other than the worker that were still there when it ended.
    pub swept_count: u32,
    /// Start of the worker, epoch milliseconds.
    pub started_at_ms: i64,
    /// Proof of the empty tree, epoch milliseconds.
    pub ended_at_ms: i64,
    /// Time between the two on CLOCK_MONOTONIC, milliseconds.
    pub elapsed_ms: u64,
    /// User and system time of the whole tree, microseconds; without a control group as far as it was reaped.
    pub cpu_us: u64,
    /// Largest resident set of any one process of the tree, bytes.
    pub max_rss_bytes: u64,
    /// Output taken from the worker, bytes, before capping.
    pub log_bytes: u64,
    /// Bytes that should have been kept but could not be written (a full disk, a file size limit).
    #[serde(default)]
    pub log_lost_bytes: u64,
    /// Most memory that the tree had at one time, bytes; none where nothing counted it.
    #[serde(default)]
    pub memory_peak_bytes: Option<u64>,
    /// Processes of the tree that were killed because memory ran out; none where nothing counted them.
    #[serde(default)]
    pub oom_kill_count: Option<u64>,
    /// The run was ended, or not begun, because its lease was over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lease_lost: bool,
}

/// Why a worker was not started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartFailure {
    /// The step that failed.
    pub step: StartStep,
    /// What of that step, where the step alone does not say who is to blame; none in records of older shims.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<StartPart>,
    /// The kernel's error number, 0 when there is none.
    pub errno: i32,
    /// One line for people: what could not be done, with the value.
    pub message: String,
}

impl StartFailure {
    /// The kernel's error number, when it gave one.
    pub fn errno(&self) -> Option<i32> {
        Some(self.errno).filter(|errno| *errno != 0)
    }
}

/// What of a step failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartPart {
    /// The working directory that the profile names, not the workspace of the task.
    ProfileDirectory,
    /// A command that makes the workspace.
    Setup,
    /// Executing such a command, which is this installation's own program, or losing it.
    SetupHost,
    /// Becoming the worker's user.
    User,
    /// Handing over what the daemon has made for the run.
    HandingOver,
    /// One of a later version.
    #[serde(other)]
    Unknown,
}

/// Steps between the run lock and the worker's first instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartStep {
    /// Making or entering the working directory.
    Workspace,
    /// Opening the log.
    Log,
    /// Setting limits, user, or file mode mask.
    Limits,
    /// Forking.
    Fork,
    /// Entering the control groups.
    Containment,
    /// Finding or executing the program.
    Exec,
    /// Reading the lease of the host.
    Lease,
}
