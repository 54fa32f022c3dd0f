//! The table of all sections, and the keys of those that are about the board. Order here is the order in the default file and the manual.

use std::time::Duration;

use super::agents::{LAUNCHER, PROFILE};
use super::key::{Example, Key, Kind, Section, Shape};

const MIB: i64 = 1024 * 1024;
const GIB: i64 = 1024 * MIB;
const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);
const MONTH: Duration = Duration::from_secs(30 * 24 * 60 * 60);
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Every section with every key.
pub static SECTIONS: &[Section] = &[
    Section {
        name: "dispatch",
        doc: "When a ready task is given to a worker.",
        shape: Shape::Keys,
        keys: DISPATCH,
    },
    Section {
        name: "supervision",
        doc: "How a worker's processes are started, watched and ended.",
        shape: Shape::Keys,
        keys: SUPERVISION,
    },
    Section {
        name: "claims",
        doc: "Tasks that somebody took by hand with `kanban claim`.",
        shape: Shape::Keys,
        keys: CLAIMS,
    },
    Section {
        name: "disk",
        doc: "Room that is kept free on the file system of the home.",
        shape: Shape::Keys,
        keys: DISK,
    },
    Section {
        name: "workspaces",
        doc: "Where workers work: scratch directories and worktrees that the daemon makes.",
        shape: Shape::Keys,
        keys: WORKSPACES,
    },
    Section {
        name: "worktree",
        doc: "Worktrees of git: the workspaces of kind `worktree`.",
        shape: Shape::Keys,
        keys: WORKTREE,
    },
    Section {
        name: "log",
        doc: "What the daemon writes about itself.",
        shape: Shape::Keys,
        keys: LOG,
    },
    Section {
        name: "metrics",
        doc: "Figures for Prometheus; on the operators' socket they are always there (`GET /v1/metrics`).",
        shape: Shape::Keys,
        keys: METRICS,
    },
    Section {
        name: "profiles",
        doc: "One table per assignee: how its workers are started and within which limits. An assignee \
              without a table runs under `dispatch.default_launcher`.",
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
                        "memory_max",
                        "pids_max",
                        "cpu_percent",
                        "orchestrator",
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
        doc: "One table per way to start an agent. A table with the name of a preset changes only the \
              keys that it holds.",
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

const DISPATCH: &[Key] = &[
    Key {
        name: "enabled",
        kind: Kind::Bool,
        default: Some("true"),
        example: None,
        unit: None,
        doc: "Whether ready tasks are started, and lost claims taken back, without being asked to; with \
              `false` only `kanban dispatch` does so.",
    },
    Key {
        name: "interval_seconds",
        kind: Kind::Integer { min: 1, max: 86_400 },
        default: Some("60"),
        example: None,
        unit: Some("seconds"),
        doc: "Time between two passes that look for work nobody announced; announced work starts at once, \
              so a shorter time buys no speed.",
    },
    Key {
        name: "max_running",
        kind: Kind::Integer { min: 0, max: 10_000 },
        default: Some("8"),
        example: None,
        unit: Some("runs"),
        doc: "How many supervised runs may be open at one time over all profiles; 0 starts none, and a \
              lower value ends none that is open.",
    },
    Key {
        name: "default_launcher",
        kind: Kind::Text,
        default: Some("\"hermes\""),
        example: None,
        unit: None,
        doc: "Launcher of an assignee that has no profile, and of a profile that names neither launcher \
              nor argv; holds from the next start of a worker.",
    },
    Key {
        name: "strict_profiles",
        kind: Kind::Bool,
        default: Some("false"),
        example: None,
        unit: None,
        doc: "Whether a task for an assignee without a profile is refused; tasks already on the board stay.",
    },
    Key {
        name: "failure_limit",
        kind: Kind::Integer { min: 1, max: 1_000 },
        default: Some("5"),
        example: None,
        unit: Some("failures"),
        doc: "After how many failed runs in a row a task is given up and blocked for a person; applied \
              when the next run fails.",
    },
    Key {
        name: "backoff_base",
        kind: Kind::Duration { min: MILLISECOND, max: DAY },
        default: Some("\"1s\""),
        example: None,
        unit: None,
        doc: "Wait before the retry after a first failure; it doubles with each further one, and a wait \
              that has begun is not changed.",
    },
    Key {
        name: "backoff_max",
        kind: Kind::Duration { min: MILLISECOND, max: MONTH },
        default: Some("\"10m\""),
        example: None,
        unit: None,
        doc: "Longest wait before a retry; longer waits found at start are cut to it.",
    },
    Key {
        name: "rate_limit_wait",
        kind: Kind::Duration { min: Duration::ZERO, max: WEEK },
        default: Some("\"5m\""),
        example: None,
        unit: None,
        doc: "Wait before the next start of a task whose worker met a rate limit and did not tell until when.",
    },
    Key {
        name: "queue_wait_alert",
        kind: Kind::Duration { min: Duration::ZERO, max: YEAR },
        default: Some("\"0s\""),
        example: None,
        unit: None,
        doc: "How long a task may be ready before one event `waiting_long` tells of it, with the reason; 0s tells \
              of none.",
    },
    Key {
        name: "lifetime_starts",
        kind: Kind::Integer { min: 1, max: 100_000 },
        default: Some("20"),
        example: None,
        unit: Some("starts"),
        doc: "How often a task may be started without a person's word over its whole life, successes \
              included; applied at the next start.",
    },
];

const SUPERVISION: &[Key] = &[
    Key {
        name: "linger",
        kind: Kind::Duration { min: Duration::ZERO, max: HOUR },
        default: Some("\"30s\""),
        example: None,
        unit: None,
        doc: "Time that a worker has to end by itself after its verdict before it is stopped; cut short \
              when its slot is wanted.",
    },
    Key {
        name: "grace",
        kind: Kind::Duration { min: Duration::ZERO, max: HOUR },
        default: Some("\"5s\""),
        example: None,
        unit: None,
        doc: "Time between TERM and KILL when a run is stopped; fixed for a run at its start.",
    },
    Key {
        name: "spawn_timeout",
        kind: Kind::Duration { min: SECOND, max: HOUR },
        default: Some("\"10s\""),
        example: None,
        unit: None,
        doc: "How long a new run's shim may take to say who it is before the start counts as failed; \
              holds from the next start.",
    },
    Key {
        name: "max_runtime",
        kind: Kind::Duration { min: SECOND, max: YEAR },
        default: Some("\"24h\""),
        example: None,
        unit: None,
        doc: "Longest run of a task that has no time of its own and whose profile has none; fixed for a \
              run at its start.",
    },
    Key {
        name: "progress_timeout",
        kind: Kind::Duration { min: Duration::ZERO, max: YEAR },
        default: Some("\"0s\""),
        example: None,
        unit: None,
        doc: "How long a run may show no sign of life (no output, no CPU time, no call of the board) before it is \
              ended as timed out; 0s: for ever. A run is watched as the daemon that started or found it is set.",
    },
    Key {
        name: "max_total_runtime",
        kind: Kind::Duration { min: Duration::ZERO, max: YEAR },
        default: Some("\"0s\""),
        example: None,
        unit: None,
        doc: "How long all runs of a task may take together before it waits for a person instead of starting \
              again by itself; 0s: without end.",
    },
    Key {
        name: "pass_env",
        kind: Kind::VariableList,
        default: Some("[]"),
        example: None,
        unit: None,
        doc: "Names of variables that workers get from the daemon's environment beside the few that they \
              always get; holds from the next start.",
    },
    Key {
        name: "shim",
        kind: Kind::OptionalPath,
        default: Some("\"\""),
        example: None,
        unit: None,
        doc: "Path of the `kanban-shim` to use; empty: the one beside `kanband`, else the one in \
              /usr/libexec/kanband.",
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
        doc: "How much of a run's output is kept from its beginning; fixed for a run at its start.",
    },
    Key {
        name: "log_tail_bytes",
        kind: Kind::Integer { min: 4096, max: GIB },
        default: Some("1048576"),
        example: None,
        unit: Some("bytes"),
        doc: "How much of a run's output is kept from its end; fixed for a run at its start.",
    },
    Key {
        name: "log_pace_bytes_per_second",
        kind: Kind::Integer { min: 4096, max: 16 * GIB },
        default: Some("16777216"),
        example: None,
        unit: Some("bytes per second"),
        doc: "Pace at which a worker's output is taken, so that a talkative one never slows the board; a \
              faster worker waits. Fixed for a run at its start.",
    },
    Key {
        name: "containment",
        kind: Kind::Choice(&["auto", "subreaper"]),
        default: Some("\"auto\""),
        example: None,
        unit: None,
        doc: "What holds the processes of a run together: \"auto\", a control group of its own wherever a \
              writable cgroup v2 hierarchy is found, or \"subreaper\", only the process that supervises it; \
              `kanban doctor` says which it is.",
    },
    Key {
        name: "cgroup_base",
        kind: Kind::OptionalPath,
        default: Some("\"\""),
        example: None,
        unit: None,
        doc: "Directory of a control group that was handed over to kanband, below which the runs get theirs; \
              empty: the group that the daemon itself is in.",
    },
    Key {
        name: "memory_max",
        kind: Kind::Size { min_bytes: 0 },
        default: Some("0"),
        example: None,
        unit: None,
        doc: "Memory that all processes of a run share where its profile says nothing, 0 for no limit; \
              enforced where the cgroup has the memory controller.",
    },
    Key {
        name: "pids_max",
        kind: Kind::Integer { min: 0, max: 4_194_304 },
        default: Some("0"),
        example: None,
        unit: Some("processes and threads"),
        doc: "How many processes and threads a run may have at one time where its profile says nothing, 0 \
              for no limit; enforced where the cgroup has the pids controller.",
    },
    Key {
        name: "cpu_percent",
        kind: Kind::Integer { min: 0, max: 100_000 },
        default: Some("0"),
        example: None,
        unit: Some("percent of one CPU"),
        doc: "CPU time that a run may use where its profile says nothing, 100 for one whole CPU, 0 for no \
              limit; enforced where the cgroup has the cpu controller.",
    },
];

const CLAIMS: &[Key] = &[Key {
    name: "ttl",
    kind: Kind::Duration { min: SECOND, max: YEAR },
    default: Some("\"15m\""),
    example: None,
    unit: None,
    doc: "How long a claim made by hand holds without a heartbeat; used for new claims and for heartbeats. \
          Supervised runs need none: their process is their sign of life.",
}];

const DISK: &[Key] = &[
    Key {
        name: "min_free_bytes",
        kind: Kind::Integer { min: 0, max: 1024 * GIB },
        default: Some("209715200"),
        example: None,
        unit: Some("bytes"),
        doc: "With less room than this nothing is started; it goes on by itself when there is room again. \
              0 looks at no disk.",
    },
    Key {
        name: "reserve_bytes",
        kind: Kind::Integer { min: 0, max: GIB },
        default: Some("16777216"),
        example: None,
        unit: Some("bytes"),
        doc: "Size of a file that is given up on a full disk, so that verdicts can still be recorded; taken \
              when the daemon starts. 0 keeps none.",
    },
];

const WORKSPACES: &[Key] = &[
    Key {
        name: "retention",
        kind: Kind::Duration { min: Duration::ZERO, max: YEAR },
        default: Some("\"7d\""),
        example: None,
        unit: None,
        doc: "How long the scratch directory or worktree of a task that is done or archived stays; then the \
              next `kanban gc` removes it. A worktree with work that nothing else has is never removed.",
    },
    Key {
        name: "setup_timeout",
        kind: Kind::Duration { min: SECOND, max: DAY },
        default: Some("\"5m\""),
        example: None,
        unit: None,
        doc: "How long the making of a worktree may take, and then `worktree.setup`, before the start counts as \
              failed; fixed for a run at its start.",
    },
];

const WORKTREE: &[Key] = &[
    Key {
        name: "branch_prefix",
        kind: Kind::BranchPrefix,
        default: Some("\"kanban/\""),
        example: None,
        unit: None,
        doc: "Beginning of the names of new branches; the task's id follows. Git cannot have a branch `kanban` beside a \
              branch `kanban/ID`: where the repository has one, the branch of a task is `kanban-ID`, and its run says so. \
              A task keeps the branch that it has.",
    },
    Key {
        name: "submodules",
        kind: Kind::Bool,
        default: Some("false"),
        example: None,
        unit: None,
        doc: "Whether submodules are fetched and checked out, those of submodules too, before the worker starts, with the \
              worker's user's configuration of git. With `false` their directories are empty, and the worker's context \
              says so.",
    },
    Key {
        name: "setup",
        kind: Kind::Command,
        default: Some("[]"),
        example: None,
        unit: None,
        doc: "Program and arguments that run in the worktree before each start of a worker, as its user, in its environment, \
              and with their output in the run's log, such as `[\"git\", \"lfs\", \"pull\"]`; a failure is a failed \
              start. Bounded by `workspaces.setup_timeout`. Empty: none.",
    },
];

const LOG: &[Key] = &[Key {
    name: "level",
    kind: Kind::Choice(&["error", "warn", "info", "debug", "trace"]),
    default: Some("\"info\""),
    example: None,
    unit: None,
    doc: "Least weight of the lines that are written, from `error` (few) to `trace` (all).",
}];

const METRICS: &[Key] = &[Key {
    name: "listen",
    kind: Kind::OptionalAddress,
    default: Some("\"\""),
    example: None,
    unit: None,
    doc: "Address and port on which `GET /metrics` answers over TCP, to anybody who can reach it, or a port of the \
          loopback alone; empty: none. Holds from the next start of the daemon.",
}];
