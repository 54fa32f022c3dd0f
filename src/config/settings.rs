//! The configuration as the rest of the program reads it: typed, checked, with units resolved.
//!
//! `Settings::default()` is what holds when nothing is configured; that these values are those of the table of
//! keys is proven in `default_file.rs`. Values come in through [`crate::config::load()`], which has checked each
//! against the table before it arrives here.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::config::accept::listen_address;
use crate::config::chat_settings::Chat;
pub use crate::config::disk_settings::Disk;
pub use crate::config::dispatch::{AUTO_LAUNCHER, Dispatch};
pub use crate::config::log_level::LogLevel;
pub use crate::config::notify_settings::Person;
use crate::config::notify_settings::{Channel, Notify};
use crate::config::presets;
use crate::config::review_settings::Review;
use crate::config::schedule_settings::Schedules;
use crate::config::template::Template;
use crate::config::web_settings::Web;
use crate::config::worktree::Worktree;
use crate::duration::parse_duration;

/// User that workers run as under a daemon of root, unless their profile names another.
pub const DEFAULT_WORKER_USER: &str = "kanban-agent";

/// Name of the launcher that a profile with a bare `argv` is run by.
pub const COMMAND_LAUNCHER: &str = "command";

/// Everything that can be configured.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Dispatch: starting ready tasks.
    #[serde(default)]
    pub dispatch: Dispatch,
    /// Supervision: starting, limiting and stopping workers.
    #[serde(default)]
    pub supervision: Supervision,
    /// Tasks taken by hand.
    #[serde(default)]
    pub claims: Claims,
    /// Tools for agents.
    #[serde(default)]
    pub mcp: Mcp,
    /// Room that is kept free.
    #[serde(default)]
    pub disk: Disk,
    /// Where workers work.
    #[serde(default)]
    pub workspaces: Workspaces,
    /// Worktrees of git.
    #[serde(default)]
    pub worktree: Worktree,
    /// Who looks at the work of a task.
    #[serde(default)]
    pub review: Review,
    /// Tasks that are created again and again.
    #[serde(default)]
    pub schedules: Schedules,
    /// The daemon's own log.
    #[serde(default)]
    pub log: Log,
    /// Figures over TCP.
    #[serde(default)]
    pub metrics: Metrics,
    /// The board on the web.
    #[serde(default)]
    pub web: Web,
    /// Notifications.
    #[serde(default)]
    pub notify: Notify,
    /// Channels by name.
    #[serde(default)]
    pub channels: BTreeMap<String, Channel>,
    /// People who write in chats.
    #[serde(default)]
    pub chat: Chat,
    /// People: assignees for whom nothing is started.
    #[serde(default)]
    pub people: BTreeMap<String, Person>,
    /// Profiles by assignee.
    #[serde(default)]
    pub profiles: BTreeMap<String, Profile>,
    /// Launchers by name, the presets among them.
    #[serde(default = "presets::launchers")]
    pub launchers: BTreeMap<String, Launcher>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            dispatch: Dispatch::default(),
            supervision: Supervision::default(),
            claims: Claims::default(),
            mcp: Mcp::default(),
            disk: Disk::default(),
            workspaces: Workspaces::default(),
            worktree: Worktree::default(),
            review: Review::default(),
            schedules: Schedules::default(),
            log: Log::default(),
            metrics: Metrics::default(),
            web: Web::default(),
            notify: Notify::default(),
            channels: BTreeMap::new(),
            chat: Chat::default(),
            people: BTreeMap::new(),
            profiles: BTreeMap::new(),
            launchers: presets::launchers(),
        }
    }
}

/// `[supervision]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Supervision {
    /// Time a worker has after its verdict to end by itself.
    #[serde(deserialize_with = "duration")]
    pub linger: Duration,
    /// Time between TERM and KILL.
    #[serde(deserialize_with = "duration")]
    pub grace: Duration,
    /// Time a shim has to say who it is.
    #[serde(deserialize_with = "duration")]
    pub spawn_timeout: Duration,
    /// Longest run where neither task nor profile says otherwise.
    #[serde(deserialize_with = "duration")]
    pub max_runtime: Duration,
    /// Time that a run may show no sign of life; zero: no limit.
    #[serde(deserialize_with = "duration")]
    pub progress_timeout: Duration,
    /// Time for which the limits of a run pause while it waits for answers; zero: none.
    #[serde(deserialize_with = "duration")]
    pub ask_timeout: Duration,
    /// Time that all runs of a task may take together; zero: without end.
    #[serde(deserialize_with = "duration")]
    pub max_total_runtime: Duration,
    /// Names of variables that workers get from the daemon's environment.
    pub pass_env: Vec<String>,
    /// The shim to use; none: look beside the daemon, then in /usr/libexec/kanband.
    #[serde(deserialize_with = "optional_path")]
    pub shim: Option<PathBuf>,
    /// Socket of the holder that starts the shims; none: the daemon starts them itself.
    #[serde(deserialize_with = "optional_path")]
    pub holder: Option<PathBuf>,
    /// Bytes of a run's output kept from its beginning.
    pub log_head_bytes: u64,
    /// Bytes of a run's output kept from its end.
    pub log_tail_bytes: u64,
    /// Pace at which a worker's output is taken.
    pub log_pace_bytes_per_second: u64,
    /// Containment of runs: how the processes of a run are held together.
    pub containment: ContainmentMode,
    /// Control group below which the runs get theirs; none: the daemon's own.
    #[serde(deserialize_with = "optional_path")]
    pub cgroup_base: Option<PathBuf>,
    /// Memory of a run whose profile names no limit.
    #[serde(rename = "memory_max", deserialize_with = "unless_zero")]
    pub memory_max_bytes: Option<u64>,
    /// Processes and threads of a run whose profile names no limit.
    #[serde(deserialize_with = "unless_zero")]
    pub pids_max: Option<u64>,
    /// CPU time of a run whose profile names no limit, 100 for one whole CPU.
    #[serde(deserialize_with = "unless_zero")]
    pub cpu_percent: Option<u32>,
    /// Size of the `/tmp` of a run that has its own.
    #[serde(rename = "private_tmp_max")]
    pub private_tmp_max_bytes: u64,
}

/// Containment of runs: how the processes of a run are held together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContainmentMode {
    /// A control group where one can be had, beside the sub-reaper.
    #[default]
    Auto,
    /// The sub-reaper alone.
    SubReaper,
}

impl Default for Supervision {
    fn default() -> Self {
        Self {
            linger: Duration::from_secs(30),
            grace: Duration::from_secs(5),
            spawn_timeout: Duration::from_secs(10),
            max_runtime: Duration::from_secs(24 * 60 * 60),
            progress_timeout: Duration::ZERO,
            ask_timeout: Duration::from_secs(4 * 60 * 60),
            max_total_runtime: Duration::ZERO,
            pass_env: Vec::new(),
            shim: None,
            holder: None,
            log_head_bytes: 1024 * 1024,
            log_tail_bytes: 1024 * 1024,
            log_pace_bytes_per_second: 16 * 1024 * 1024,
            containment: ContainmentMode::Auto,
            cgroup_base: None,
            memory_max_bytes: None,
            pids_max: None,
            cpu_percent: None,
            private_tmp_max_bytes: 2 * 1024 * 1024 * 1024,
        }
    }
}

/// `[claims]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Claims {
    /// How long a claim made by hand holds without a heartbeat.
    #[serde(deserialize_with = "duration")]
    pub ttl: Duration,
}

impl Default for Claims {
    fn default() -> Self {
        Self { ttl: Duration::from_secs(15 * 60) }
    }
}

/// `[mcp]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mcp {
    /// How long `kanban_ask` waits for an answer before it returns `pending`.
    #[serde(deserialize_with = "duration")]
    pub ask_wait: Duration,
}

impl Default for Mcp {
    fn default() -> Self {
        Self { ask_wait: Duration::from_secs(45) }
    }
}

/// `[workspaces]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Workspaces {
    /// How long the workspace of a task that is done or archived is kept from `kanban gc`.
    #[serde(deserialize_with = "duration")]
    pub retention: Duration,
    /// Longest time that the making of a workspace may take.
    #[serde(deserialize_with = "duration")]
    pub setup_timeout: Duration,
}

impl Default for Workspaces {
    fn default() -> Self {
        Self {
            retention: Duration::from_secs(7 * 24 * 60 * 60),
            setup_timeout: Duration::from_secs(5 * 60),
        }
    }
}

/// `[log]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// Minimum log level.
    pub level: LogLevel,
}

/// `[metrics]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Metrics {
    /// Where they are served over TCP, if anywhere.
    #[serde(deserialize_with = "optional_address")]
    pub listen: Option<SocketAddr>,
}

/// `[profiles.NAME]`: how the workers of one assignee are started and limited.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Profile {
    /// Launcher; none with `argv` or for the default one.
    pub launcher: Option<String>,
    /// Command instead of a launcher.
    pub argv: Option<Vec<Template>>,
    /// Where the verdict comes from; only with `argv`.
    pub verdict: Option<Verdict>,
    /// Model of a task that names none.
    pub model: Option<String>,
    /// Effort of a task that names none.
    pub effort: Option<String>,
    /// Extra arguments of every worker, before those of the task.
    pub args: Vec<String>,
    /// Variables for the workers.
    pub env: Variables,
    /// File with further ones, read when a run starts.
    pub env_file: Option<PathBuf>,
    /// Names of variables that are not secret; see [`crate::config::secrets`].
    pub env_public: Vec<String>,
    /// Directory to start in instead of the workspace.
    pub working_directory: Option<PathBuf>,
    /// Greatest number of this profile's runs open at one time.
    pub max_running: Option<u32>,
    /// Longest run of a task that has no time of its own.
    #[serde(deserialize_with = "optional_duration")]
    pub max_runtime: Option<Duration>,
    /// Time that a run may show no sign of life; zero: no limit.
    #[serde(deserialize_with = "optional_duration")]
    pub progress_timeout: Option<Duration>,
    /// User that the workers run as; see [`DEFAULT_WORKER_USER`].
    pub user: Option<String>,
    /// File mode mask.
    pub umask: Option<u32>,
    /// Limits by their names in getrlimit(2), lower case.
    pub rlimits: BTreeMap<String, u64>,
    /// Whether set-user-id programs change nothing; see [`crate::config::worker_user::no_new_privs`].
    pub no_new_privs: Option<bool>,
    /// Whether a run has a `/tmp` and a `/proc` of its own, where the holder starts it.
    pub private_tmp: Option<bool>,
    /// Where else than in its workspace a worker may write; empty: wherever its user may.
    pub landlock_write: Vec<String>,
    /// Whether the workers plan work for others: they are shown the tools for that too.
    pub orchestrator: bool,
    /// Whether the schedules that they make need no person to begin.
    pub may_schedule: bool,
    /// Profiles that they may hand work to, beside their own.
    pub may_assign: Option<Vec<String>>,
    /// Directories below which the tasks that they create may work.
    pub may_use_dirs: Option<Vec<String>>,
    /// Who reviews what it completes, as written.
    pub review: Option<String>,
    /// Whether submodules of worktrees are checked out, instead of `worktree.submodules`.
    pub worktree_submodules: Option<bool>,
    /// Command in a worktree before the worker, instead of `worktree.setup`; empty: none.
    pub worktree_setup: Option<Vec<String>>,
    /// Memory that a run's processes share.
    #[serde(rename = "memory_max")]
    pub memory_max_bytes: Option<u64>,
    /// Processes and threads of a run.
    pub pids_max: Option<u64>,
    /// CPU time of a run, 100 for one whole CPU.
    pub cpu_percent: Option<u32>,
}

/// `[launchers.NAME]`: a way to start an agent.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Launcher {
    /// Program and arguments; empty only in the preset `command`, whose command a profile gives.
    pub argv: Vec<Template>,
    /// Where the verdict on the task comes from.
    pub verdict: Verdict,
    /// Arguments for one skill.
    pub skills_argv: Vec<Template>,
    /// Arguments for the model; empty: the model itself.
    pub model_argv: Vec<Template>,
    /// Arguments for the effort; empty: the effort itself.
    pub effort_argv: Vec<Template>,
    /// What `{prompt}` stands for; none: the daemon's own text.
    pub prompt: Option<Template>,
    /// Program and arguments that go on with an earlier session; empty: it cannot.
    pub resume_argv: Vec<Template>,
    /// What stands before the session's id in the output, where the program makes the id itself.
    pub session_line: Option<String>,
    /// Text that gives the agent the board's tools; the values in it are written as in JSON strings.
    pub mcp_config: Option<Template>,
    /// Arguments with which the program tells its version; empty: it is not asked.
    pub version_argv: Vec<String>,
    /// Files of the worker's user in which the board's tools are entered by hand; one of them must have them.
    pub mcp_entry_files: Vec<Template>,
    /// Variables for the workers.
    pub env: BTreeMap<String, Template>,
    /// Whether workers get HERMES_KANBAN_TASK.
    pub hermes_env: bool,
}

impl Default for Launcher {
    fn default() -> Self {
        Self {
            argv: Vec::new(),
            verdict: Verdict::Report,
            skills_argv: Vec::new(),
            model_argv: Vec::new(),
            effort_argv: Vec::new(),
            prompt: None,
            resume_argv: Vec::new(),
            session_line: None,
            mcp_config: None,
            version_argv: Vec::new(),
            mcp_entry_files: Vec::new(),
            env: BTreeMap::new(),
            hermes_env: true,
        }
    }
}

/// Where the verdict on a task comes from. A reported one counts under both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The worker must say it; an exit without a word breaks the protocol.
    Report,
    /// The exit code says it.
    Exit,
}

impl Verdict {
    /// The word in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::Exit => "exit",
        }
    }
}

/// Environment variables of a profile. They often hold keys to paid services, so `Debug` shows names only.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Variables(pub BTreeMap<String, String>);

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.keys().map(|name| (name, "[redacted]"))).finish()
    }
}

pub(super) fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_secs)
}

pub(super) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_duration(&text).map_err(serde::de::Error::custom)
}

fn optional_duration<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    duration(deserializer).map(Some)
}

fn optional_path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok(Some(text).filter(|text| !text.is_empty()).map(PathBuf::from))
}

fn optional_address<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SocketAddr>, D::Error> {
    String::deserialize(deserializer).map(|text| listen_address(&text))
}

/// In a section whose every key has a value, 0 is that of a limit that is not set.
fn unless_zero<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default + PartialEq,
{
    T::deserialize(deserializer).map(|limit| Some(limit).filter(|limit| *limit != T::default()))
}

#[cfg(test)]
mod tests;
