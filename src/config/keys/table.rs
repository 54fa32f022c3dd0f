//! The table of all sections, and the keys of those that are about the board. Order here is the order in the default
//! file and the manual.

use std::time::Duration;

use super::agents::{LAUNCHER, MCP, PEOPLE, PROFILE};
use super::chat::CHAT_ROLES;
use super::confinement::PRIVATE_TMP_MAX;
use super::dispatch::DISPATCH;
use super::key::{Example, Key, Kind, Section, Shape};
use super::notify::{CHANNELS, METRICS, NOTIFY};
use super::reviews::REVIEW;
use super::schedules::SCHEDULES;
use super::web::WEB;

const MIB: i64 = 1024 * 1024;
const GIB: i64 = 1024 * MIB;
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Every section with every key.
pub static SECTIONS: &[Section] = &[
    Section {
        name: "dispatch",
        doc: "Dispatch: starting ready tasks.",
        shape: Shape::Keys,
        keys: DISPATCH,
    },
    Section {
        name: "supervision",
        doc: "Supervision: starting, limiting and stopping workers.",
        shape: Shape::Keys,
        keys: SUPERVISION,
    },
    Section {
        name: "claims",
        doc: "Manual claims (`kanban claim`).",
        shape: Shape::Keys,
        keys: CLAIMS,
    },
    Section { name: "mcp", doc: "Tools for agents (`kanban mcp`).", shape: Shape::Keys, keys: MCP },
    Section {
        name: "disk",
        doc: "Free space on the file system of the home.",
        shape: Shape::Keys,
        keys: DISK,
    },
    Section {
        name: "workspaces",
        doc: "Workspaces: scratch directories and worktrees created by the daemon.",
        shape: Shape::Keys,
        keys: WORKSPACES,
    },
    Section {
        name: "worktree",
        doc: "Git worktrees: workspaces of kind `worktree`.",
        shape: Shape::Keys,
        keys: WORKTREE,
    },
    Section {
        name: "review",
        doc: "Reviews: who looks at the work of a task before it is done.",
        shape: Shape::Keys,
        keys: REVIEW,
    },
    Section { name: "schedules", doc: "Schedules.", shape: Shape::Keys, keys: SCHEDULES },
    Section { name: "log", doc: "The daemon's log.", shape: Shape::Keys, keys: LOG },
    Section {
        name: "metrics",
        doc: "Prometheus metrics; the operators' socket always serves them (`GET /v1/metrics`).",
        shape: Shape::Keys,
        keys: METRICS,
    },
    Section { name: "web", doc: "The board on the web.", shape: Shape::Keys, keys: WEB },
    Section { name: "notify", doc: "Notifications.", shape: Shape::Keys, keys: NOTIFY },
    CHANNELS,
    PEOPLE,
    CHAT_ROLES,
    Section {
        name: "profiles",
        doc: "One table per profile, with the launcher and the limits of its workers. Assignees without a table, and who are \
         no people, use `dispatch.default_launcher`.",
        shape: Shape::Named {
            examples: &[
                Example {
                    name: "coder",
                    keys: &[
                        "launcher",
                        "model",
                        "effort",
                        "args",
                        "env",
                        "env_file",
                        "env_public",
                        "working_directory",
                        "max_running",
                        "max_runtime",
                        "progress_timeout",
                        "user",
                        "umask",
                        "rlimits",
                        "no_new_privs",
                        "private_tmp",
                        "landlock_write",
                        "memory_max",
                        "pids_max",
                        "cpu_percent",
                        "orchestrator",
                        "may_schedule",
                        "may_assign",
                        "may_use_dirs",
                        "review",
                        "worktree_submodules",
                        "worktree_setup",
                    ],
                },
                Example { name: "nightly-report", keys: &["argv", "verdict"] },
            ],
        },
        keys: PROFILE,
    },
    Section {
        name: "launchers",
        doc: "One table per launcher. A table with the name of a preset overrides only the keys it sets.",
        shape: Shape::Named {
            examples: &[Example {
                name: "my-agent",
                keys: &[
                    "argv",
                    "verdict",
                    "skills_argv",
                    "model_argv",
                    "effort_argv",
                    "prompt",
                    "resume_argv",
                    "session_line",
                    "mcp_config",
                    "version_argv",
                    "mcp_entry_files",
                    "env",
                    "hermes_env",
                ],
            }],
        },
        keys: LAUNCHER,
    },
];

const SUPERVISION: &[Key] = &[
    Key {
        name: "linger",
        kind: Kind::Duration { min: Duration::ZERO, max: HOUR },
        default: Some("\"30s\""),
        example: None,
        unit: None,
        doc: "Time a worker has to exit after its verdict before it is stopped; ends early when its slot is needed.",
    },
    Key {
        name: "grace",
        kind: Kind::Duration { min: Duration::ZERO, max: HOUR },
        default: Some("\"5s\""),
        example: None,
        unit: None,
        doc: "Time between SIGTERM and SIGKILL when a run is stopped; fixed for a run at its start.",
    },
    Key {
        name: "spawn_timeout",
        kind: Kind::Duration { min: SECOND, max: HOUR },
        default: Some("\"10s\""),
        example: None,
        unit: None,
        doc: "Time limit for the shim of a new run to identify itself; then the start counts as failed. Applies from \
         the next start.",
    },
    Key {
        name: "max_runtime",
        kind: Kind::Duration { min: SECOND, max: YEAR },
        default: Some("\"24h\""),
        example: None,
        unit: None,
        doc: "Time limit of a run, if neither the task nor its profile sets one; fixed for a run at its start.",
    },
    Key {
        name: "progress_timeout",
        kind: Kind::Duration { min: Duration::ZERO, max: YEAR },
        default: Some("\"0s\""),
        example: None,
        unit: None,
        doc: "Time a run may be inactive (no output, no CPU time, no request to the board) before it is stopped as \
         timed out; 0s: no limit. Fixed for a run when the daemon starts or finds it.",
    },
    Key {
        name: "ask_timeout",
        kind: Kind::Duration { min: Duration::ZERO, max: WEEK },
        default: Some("\"4h\""),
        example: None,
        unit: None,
        doc: "Maximum total time for which `max_runtime` and `progress_timeout` of a run pause while it waits for answers \
         (`kanban ask`); 0s: they do not pause. `max_total_runtime` does not pause.",
    },
    Key {
        name: "max_total_runtime",
        kind: Kind::Duration { min: Duration::ZERO, max: YEAR },
        default: Some("\"0s\""),
        example: None,
        unit: None,
        doc: "Maximum total time of all runs of a task; then it is no longer started automatically. 0s: no limit.",
    },
    Key {
        name: "pass_env",
        kind: Kind::VariableList,
        default: Some("[]"),
        example: None,
        unit: None,
        doc: "Additional environment variables that workers inherit from the daemon; applies from the next start.",
    },
    Key {
        name: "shim",
        kind: Kind::OptionalPath,
        default: Some("\"\""),
        example: None,
        unit: None,
        doc: "Path of `kanban-shim`; empty: beside `kanband`, else in /usr/libexec/kanband.",
    },
    Key {
        name: "holder",
        kind: Kind::OptionalPath,
        default: Some("\"\""),
        example: None,
        unit: None,
        doc: "Socket of `kanban-shim --hold`, which runs as root and starts workers as other users for a daemon that \
              is not; the package sets it to /run/kanband-runs/holder.sock. Empty: the daemon starts them itself. \
              Read at the start only; a daemon in a person's own home does not use it.",
    },
    Key {
        name: "log_head_bytes",
        kind: Kind::Integer { min: 0, max: GIB },
        default: Some("1048576"),
        example: None,
        unit: Some("bytes"),
        doc: "Amount of a run's output to keep from the beginning; fixed for a run at its start.",
    },
    Key {
        name: "log_tail_bytes",
        kind: Kind::Integer { min: 4096, max: GIB },
        default: Some("1048576"),
        example: None,
        unit: Some("bytes"),
        doc: "Amount of a run's output to keep from the end; fixed for a run at its start.",
    },
    Key {
        name: "log_pace_bytes_per_second",
        kind: Kind::Integer { min: 4096, max: 16 * GIB },
        default: Some("16777216"),
        example: None,
        unit: Some("bytes per second"),
        doc: "Maximum rate at which a worker's output is read, to protect the board from verbose workers; faster \
         workers block. Fixed for a run at its start.",
    },
    Key {
        name: "containment",
        kind: Kind::Choice(&["auto", "subreaper"]),
        default: Some("\"auto\""),
        example: None,
        unit: None,
        doc: "Containment of a run's processes: \"auto\", a control group per run if a writable cgroup v2 hierarchy \
         is found; or \"subreaper\", only the shim. `kanban doctor` shows the mode in use.",
    },
    Key {
        name: "cgroup_base",
        kind: Kind::OptionalPath,
        default: Some("\"\""),
        example: None,
        unit: None,
        doc: "Directory of a control group delegated to kanband, as the parent of the groups of runs; empty: the \
         daemon's own group.",
    },
    Key {
        name: "memory_max",
        kind: Kind::Size { min_bytes: 0 },
        default: Some("0"),
        example: None,
        unit: None,
        doc: "Memory limit of all processes of a run together, if its profile sets none; 0: no limit. Enforced if the \
         cgroup has the memory controller.",
    },
    Key {
        name: "pids_max",
        kind: Kind::Integer { min: 0, max: 4_194_304 },
        default: Some("0"),
        example: None,
        unit: Some("processes and threads"),
        doc: "Maximum number of processes and threads of a run, if its profile sets none; 0: no limit. Enforced if \
         the cgroup has the pids controller.",
    },
    Key {
        name: "cpu_percent",
        kind: Kind::Integer { min: 0, max: 100_000 },
        default: Some("0"),
        example: None,
        unit: Some("percent of one CPU"),
        doc: "CPU limit of a run, if its profile sets none; 100: one CPU, 0: no limit. Enforced if the cgroup has the \
         cpu controller.",
    },
    PRIVATE_TMP_MAX,
];

const CLAIMS: &[Key] = &[Key {
    name: "ttl",
    kind: Kind::Duration { min: SECOND, max: YEAR },
    default: Some("\"15m\""),
    example: None,
    unit: None,
    doc: "Lifetime of a manual claim without a heartbeat; applies to new claims and heartbeats. Supervised runs need \
     no heartbeat.",
}];

const DISK: &[Key] = &[
    Key {
        name: "min_free_bytes",
        kind: Kind::Integer { min: 0, max: 1024 * GIB },
        default: Some("209715200"),
        example: None,
        unit: Some("bytes"),
        doc: "Minimum free space; below it no tasks are started until space is free again. 0 disables the check.",
    },
    Key {
        name: "reserve_bytes",
        kind: Kind::Integer { min: 0, max: GIB },
        default: Some("16777216"),
        example: None,
        unit: Some("bytes"),
        doc: "Size of a reserve file, removed on a full disk so that verdicts can still be recorded; applies when the \
         daemon starts. 0 disables it.",
    },
];

const WORKSPACES: &[Key] = &[
    Key {
        name: "retention",
        kind: Kind::Duration { min: Duration::ZERO, max: YEAR },
        default: Some("\"7d\""),
        example: None,
        unit: None,
        doc: "Time to keep the scratch directory or worktree of a done or archived task; then the next `kanban gc` \
         removes it. A worktree that holds the only copy of work is never removed.",
    },
    Key {
        name: "setup_timeout",
        kind: Kind::Duration { min: SECOND, max: DAY },
        default: Some("\"5m\""),
        example: None,
        unit: None,
        doc: "Time limit for creating a worktree, and again for `worktree.setup`; then the start counts as failed. \
         Fixed for a run at its start.",
    },
];

const WORKTREE: &[Key] = &[
    Key {
        name: "branch_prefix",
        kind: Kind::BranchPrefix,
        default: Some("\"kanban/\""),
        example: None,
        unit: None,
        doc: "Prefix of the names of new branches, followed by the task id. Git does not allow a branch `kanban` \
         beside `kanban/ID`: in a repository with that branch, the branch of a task is `kanban-ID`, noted in its run. Existing branches keep their names.",
    },
    Key {
        name: "submodules",
        kind: Kind::Bool,
        default: Some("false"),
        example: None,
        unit: None,
        doc: "Fetch and check out submodules recursively before the worker starts, with the git configuration of the \
         worker's user. With `false` their directories are empty, noted in the worker's context.",
    },
    Key {
        name: "setup",
        kind: Kind::Command,
        default: Some("[]"),
        example: None,
        unit: None,
        doc: "Command to run in the worktree before each start of a worker, such as `[\"git\", \"lfs\", \"pull\"]`: \
         as the worker's user, in its environment, with output in the run's log. If it fails, the start fails. Limited by `workspaces.setup_timeout`. Empty: none.",
    },
];

const LOG: &[Key] = &[Key {
    name: "level",
    kind: Kind::Choice(&["error", "warn", "info", "debug", "trace"]),
    default: Some("\"info\""),
    example: None,
    unit: None,
    doc: "Minimum log level, from `error` (few lines) to `trace` (all).",
}];
