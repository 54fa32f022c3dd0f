//! The keys of the tables that operators name: profiles and launchers.

use std::time::Duration;

use super::key::{Key, Kind};
use crate::config::template::{
    EFFORT_PLACEHOLDERS, ENV_PLACEHOLDERS, FILE_PLACEHOLDERS, MCP_PLACEHOLDERS, MODEL_PLACEHOLDERS,
    PROMPT_PLACEHOLDERS, SKILL_PLACEHOLDERS,
};

const MIB: i64 = 1024 * 1024;
const SECOND: Duration = Duration::from_secs(1);
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

const VERDICTS: &[&str] = &["report", "exit"];

/// What `rlimits` may name: the resources of getrlimit(2).
const RLIMIT_NAMES: &[&str] = &[
    "as",
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
];

pub(super) const PROFILE: &[Key] = &[
    Key {
        name: "launcher",
        kind: Kind::Text,
        default: None,
        example: Some("\"claude\""),
        unit: None,
        doc: "Launcher that starts this profile's workers; not together with `argv`.",
    },
    Key {
        name: "argv",
        kind: Kind::Argv,
        default: None,
        example: Some("[\"/usr/local/bin/nightly-report\", \"--task\", \"{task}\"]"),
        unit: None,
        doc: "Program and arguments instead of a launcher, run as launcher `command`: exit 0 completes the \
              task. Not together with `launcher`.",
    },
    Key {
        name: "verdict",
        kind: Kind::Choice(VERDICTS),
        default: None,
        example: Some("\"exit\""),
        unit: None,
        doc: "Where the verdict on the task comes from when the profile has an `argv`: \"exit\", the exit \
              code, or \"report\", the worker's own word.",
    },
    Key {
        name: "model",
        kind: Kind::Text,
        default: None,
        example: Some("\"opus\""),
        unit: None,
        doc: "Model of a task that names none (`kanban create --model`); the launcher must have a place for it.",
    },
    Key {
        name: "effort",
        kind: Kind::Text,
        default: None,
        example: Some("\"high\""),
        unit: None,
        doc: "Effort of a task that names none (`kanban create --effort`); the launcher must have a place for it.",
    },
    Key {
        name: "args",
        kind: Kind::TextList,
        default: None,
        example: Some("[\"--verbose\"]"),
        unit: None,
        doc: "Extra arguments of this profile's workers, before those of the task (`kanban create --arg`); the \
              launcher must have a place for them.",
    },
    Key {
        name: "env",
        kind: Kind::VariableTable,
        default: None,
        example: Some("{ EDITOR = \"true\", CI = \"1\" }"),
        unit: None,
        doc: "Variables for this profile's workers; names that begin with KANBAN_ are set by the daemon \
              alone. Values of at least 8 bytes are redacted in logs, unless they are a path, a locale, a URL without \
              credentials, a number or a boolean.",
    },
    Key {
        name: "env_public",
        kind: Kind::VariableList,
        default: None,
        example: Some("[\"NODE_ENV\", \"PUBLIC_KEY\"]"),
        unit: None,
        doc: "Variables whose values are not redacted in logs, whatever their names and values are. \
              `kanban profiles check NAME` lists those that are redacted.",
    },
    Key {
        name: "env_file",
        kind: Kind::Path,
        default: None,
        example: Some("\"/etc/kanband/keys/coder\""),
        unit: None,
        doc: "File with further variables, a line NAME=VALUE each, read when a run starts; `env` goes over it. The place \
              for keys: it must belong to root or to the daemon's user, and nobody else may read it, but for the daemon's \
              group.",
    },
    Key {
        name: "working_directory",
        kind: Kind::Path,
        default: None,
        example: Some("\"/srv/checkout\""),
        unit: None,
        doc: "Directory that workers start in instead of their task's workspace.",
    },
    Key {
        name: "max_running",
        kind: Kind::Integer { min: 0, max: 10_000 },
        default: None,
        example: Some("2"),
        unit: Some("runs"),
        doc: "How many runs of this profile may be open at one time, within `dispatch.max_running`; 0 \
              starts none.",
    },
    Key {
        name: "max_runtime",
        kind: Kind::Duration { min: SECOND, max: YEAR },
        default: None,
        example: Some("\"2h\""),
        unit: None,
        doc: "Longest run of a task that has no time of its own, instead of `supervision.max_runtime`.",
    },
    Key {
        name: "progress_timeout",
        kind: Kind::Duration { min: Duration::ZERO, max: YEAR },
        default: None,
        example: Some("\"10m\""),
        unit: None,
        doc: "How long a run may show no sign of life, instead of `supervision.progress_timeout`.",
    },
    Key {
        name: "user",
        kind: Kind::Text,
        default: None,
        example: Some("\"kanban-agent\""),
        unit: None,
        doc: "User that workers run as. Where none is named: `kanban-agent` under the machine's own daemon, root under \
              a daemon of root with KANBAN_HOME. A daemon of an ordinary user starts workers as itself and refuses any \
              other; one with `supervision.holder` starts them as the users that /etc/kanband/users allows.",
    },
    Key {
        name: "umask",
        kind: Kind::FileMode,
        default: None,
        example: Some("\"027\""),
        unit: None,
        doc: "File mode mask of workers, `022` where none is given.",
    },
    Key {
        name: "rlimits",
        kind: Kind::IntegerTable(RLIMIT_NAMES),
        default: None,
        example: Some("{ nofile = 4096, core = 0 }"),
        unit: None,
        doc: "Resource limits of each worker process, soft and hard, by their names in getrlimit(2) in \
              lower case.",
    },
    Key {
        name: "memory_max",
        kind: Kind::Size { min_bytes: MIB },
        default: None,
        example: Some("\"4G\""),
        unit: None,
        doc: "Memory that all processes of a run share; enforced where the cgroup has the memory \
              controller.",
    },
    Key {
        name: "pids_max",
        kind: Kind::Integer { min: 1, max: 4_194_304 },
        default: None,
        example: Some("512"),
        unit: Some("processes and threads"),
        doc: "How many processes and threads a run may have at one time; enforced where the cgroup has the \
              pids controller.",
    },
    Key {
        name: "cpu_percent",
        kind: Kind::Integer { min: 1, max: 100_000 },
        default: None,
        example: Some("200"),
        unit: Some("percent of one CPU"),
        doc: "CPU time that a run may use, 100 for one whole CPU; enforced where the cgroup has the cpu \
              controller.",
    },
    Key {
        name: "orchestrator",
        kind: Kind::Bool,
        default: None,
        example: Some("true"),
        unit: None,
        doc: "Whether the workers plan work for others: `kanban mcp` shows them the tools for that too.",
    },
    Key {
        name: "worktree_submodules",
        kind: Kind::Bool,
        default: None,
        example: Some("true"),
        unit: None,
        doc: "Whether submodules of this profile's worktrees are checked out, instead of `worktree.submodules`.",
    },
    Key {
        name: "worktree_setup",
        kind: Kind::Command,
        default: None,
        example: Some("[\"npm\", \"ci\"]"),
        unit: None,
        doc: "Program and arguments that run in a worktree before this profile's workers, instead of `worktree.setup`; \
              empty: none.",
    },
];

pub(super) const LAUNCHER: &[Key] = &[
    Key {
        name: "argv",
        kind: Kind::Argv,
        default: None,
        example: Some(
            "[\"my-agent\", \"{skills}\", \"{model}\", \"{args}\", \"--say\", \"{prompt}\"]",
        ),
        unit: None,
        doc: "Program and arguments, in which these are filled in: {task}, {assignee}, {workspace}, {prompt}, \
              {skills}, {model}, {effort}, {args} (the extra arguments of profile and task), {kanban} (the \
              program), {socket}, {guidance} (what every worker is to know), {mcp_config} and {session} (a new \
              UUID). An argument that is {skills}, {model}, {effort} or {args} and nothing else becomes none or \
              several. Other braces stay as they are, {{task}} gives {task}.",
    },
    Key {
        name: "verdict",
        kind: Kind::Choice(VERDICTS),
        default: Some("\"report\""),
        example: None,
        unit: None,
        doc: "Where the verdict on the task comes from: \"report\", the worker must say it, or \"exit\", \
              its exit code says it.",
    },
    Key {
        name: "skills_argv",
        kind: Kind::OptionArgv(SKILL_PLACEHOLDERS),
        default: None,
        example: Some("[\"--skill\", \"{skill}\"]"),
        unit: None,
        doc: "Arguments for one skill of the task; they take the place of an argument that is {skills} and \
              nothing else, once per skill. Without them the text for the worker names the files of the skills.",
    },
    Key {
        name: "model_argv",
        kind: Kind::OptionArgv(MODEL_PLACEHOLDERS),
        default: None,
        example: Some("[\"--model\", \"{model}\"]"),
        unit: None,
        doc: "Arguments for the model that task or profile ask for; they take the place of an argument that is \
              {model} and nothing else. A launcher without {model} in its argv takes no model.",
    },
    Key {
        name: "effort_argv",
        kind: Kind::OptionArgv(EFFORT_PLACEHOLDERS),
        default: None,
        example: Some("[\"--effort\", \"{effort}\"]"),
        unit: None,
        doc: "The same for the effort and {effort}.",
    },
    Key {
        name: "prompt",
        kind: Kind::Template(PROMPT_PLACEHOLDERS),
        default: None,
        example: Some("\"{guidance} {prompt}\""),
        unit: None,
        doc: "Text that {prompt} stands for in `argv`; {prompt} in here is the daemon's own text for the \
              task. {guidance} belongs here where the agent does not read the instructions of MCP servers.",
    },
    Key {
        name: "resume_argv",
        kind: Kind::Argv,
        default: None,
        example: Some("[\"my-agent\", \"--resume\", \"{session}\", \"--say\", \"{prompt}\"]"),
        unit: None,
        doc: "Program and arguments that go on with the session of a run, which is done once when a worker ended \
              without a verdict; {prompt} is then a reminder. Without it a new run is started instead.",
    },
    Key {
        name: "session_line",
        kind: Kind::Text,
        default: None,
        example: Some("\"session id: \""),
        unit: None,
        doc: "What stands before the session's id at the beginning of a line of the output, for a program that \
              makes the id itself; one that takes it has {session} in its argv instead.",
    },
    Key {
        name: "mcp_config",
        kind: Kind::Template(MCP_PLACEHOLDERS),
        default: None,
        example: Some(
            "'{\"kanban\": {\"command\": \"{kanban}\", \"args\": [\"mcp\", \"--socket\", \"{socket}\"]}}'",
        ),
        unit: None,
        doc: "What {mcp_config} stands for: the text that gives the agent the board's tools; {kanban} and {socket} \
              are written in it as inside of JSON strings.",
    },
    Key {
        name: "version_argv",
        kind: Kind::TextList,
        default: None,
        example: Some("[\"--version\"]"),
        unit: None,
        doc: "Arguments with which the program says its version and ends, for `kanban profiles check`; without \
              them it is not asked.",
    },
    Key {
        name: "mcp_entry_files",
        kind: Kind::TemplateList(FILE_PLACEHOLDERS),
        default: None,
        example: Some("[\"~/.my-agent/{assignee}.json\", \"~/.my-agent/settings.json\"]"),
        unit: None,
        doc: "Files of the worker's user, of which one must have an entry `kanban` that starts `kanban mcp`, for an \
              agent that takes its MCP servers from nowhere else; `kanban profiles check` looks.",
    },
    Key {
        name: "env",
        kind: Kind::TemplateTable(ENV_PLACEHOLDERS),
        default: None,
        example: Some("{ MY_AGENT_CONFIG = \"{mcp_config}\" }"),
        unit: None,
        doc: "Variables for this launcher's workers, below those of the profile.",
    },
    Key {
        name: "hermes_env",
        kind: Kind::Bool,
        default: Some("true"),
        example: None,
        unit: None,
        doc: "Whether workers get HERMES_KANBAN_TASK, which turns on Hermes' own board tools; they write to \
              Hermes' own board.",
    },
];
