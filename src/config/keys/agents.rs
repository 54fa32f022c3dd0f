//! The keys of the tables that operators name, profiles and launchers, and of the tools for agents.

use std::time::Duration;

use super::confinement::{LANDLOCK_WRITE, NO_NEW_PRIVS, PRIVATE_TMP};
use super::key::{Example, Key, Kind, Section, Shape};
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

/// People, by name.
pub(super) const PEOPLE: Section = Section {
    name: "people",
    doc: "One table per person. No workers are started for a person: their tasks wait in `kanban inbox`. Users who assign \
     a task to their own login need no table.",
    shape: Shape::Named {
        examples: &[Example {
            name: "ada",
            keys: &[
                "full_name",
                "telegram",
                "slack",
                "discord",
                "matrix",
                "mattermost",
                "mail",
                "quiet",
            ],
        }],
    },
    keys: PERSON,
};

const PERSON: &[Key] = &[
    Key {
        name: "full_name",
        kind: Kind::Text,
        default: None,
        example: Some("\"Ada Lovelace\""),
        unit: None,
        doc: "Full name.",
    },
    Key {
        name: "telegram",
        kind: Kind::Text,
        default: None,
        example: Some("\"4711\""),
        unit: None,
        doc: "Number of the user at Telegram, for messages that name the person.",
    },
    Key {
        name: "slack",
        kind: Kind::Text,
        default: None,
        example: Some("\"U024BE7LH\""),
        unit: None,
        doc: "Id of the user at Slack.",
    },
    Key {
        name: "discord",
        kind: Kind::Text,
        default: None,
        example: Some("\"846000000000000815\""),
        unit: None,
        doc: "Id of the user at Discord.",
    },
    Key {
        name: "matrix",
        kind: Kind::Text,
        default: None,
        example: Some("\"@ada:example.org\""),
        unit: None,
        doc: "Id of the user at Matrix.",
    },
    Key {
        name: "mattermost",
        kind: Kind::Text,
        default: None,
        example: Some("\"ada\""),
        unit: None,
        doc: "Name of the user at Mattermost.",
    },
    Key {
        name: "mail",
        kind: Kind::Text,
        default: None,
        example: Some("\"ada@example.org\""),
        unit: None,
        doc: "Mail address.",
    },
    Key {
        name: "quiet",
        kind: Kind::Text,
        default: None,
        example: Some("\"22:00-07:00 Europe/Berlin\""),
        unit: None,
        doc: "Quiet hours of subscriptions that name the person; before those of the channel.",
    },
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
        doc: "Source of the verdict if the profile has an `argv`: \"exit\", the exit code; or \"report\", the worker \
         reports it.",
    },
    Key {
        name: "model",
        kind: Kind::Text,
        default: None,
        example: Some("\"opus\""),
        unit: None,
        doc: "Default model of the tasks (`kanban create --model`); the launcher needs a placeholder for it.",
    },
    Key {
        name: "effort",
        kind: Kind::Text,
        default: None,
        example: Some("\"high\""),
        unit: None,
        doc: "Default effort of the tasks (`kanban create --effort`); the launcher needs a placeholder for it.",
    },
    Key {
        name: "args",
        kind: Kind::TextList,
        default: None,
        example: Some("[\"--verbose\"]"),
        unit: None,
        doc: "Extra arguments of this profile's workers, before those of the task (`kanban create --arg`); the \
         launcher needs a placeholder for them.",
    },
    Key {
        name: "env",
        kind: Kind::VariableTable,
        default: None,
        example: Some("{ EDITOR = \"true\", CI = \"1\" }"),
        unit: None,
        doc: "Environment variables of this profile's workers; names that begin with KANBAN_ are reserved for the \
         daemon. Values of at least 8 bytes are redacted in logs, except paths, locales, URLs without credentials, numbers and booleans.",
    },
    Key {
        name: "env_public",
        kind: Kind::VariableList,
        default: None,
        example: Some("[\"NODE_ENV\", \"PUBLIC_KEY\"]"),
        unit: None,
        doc: "Variables to exclude from redaction in logs. `kanban profiles check NAME` lists the redacted variables.",
    },
    Key {
        name: "env_file",
        kind: Kind::Path,
        default: None,
        example: Some("\"/etc/kanband/keys/coder\""),
        unit: None,
        doc: "File with more variables, one NAME=VALUE per line, read when a run starts; `env` overrides it. Use it \
         for API keys: it must be owned by root or the daemon's user and be readable by the owner and the daemon's group only.",
    },
    Key {
        name: "working_directory",
        kind: Kind::Path,
        default: None,
        example: Some("\"/srv/checkout\""),
        unit: None,
        doc: "Working directory of the workers instead of the task's workspace.",
    },
    Key {
        name: "max_running",
        kind: Kind::Integer { min: 0, max: 10_000 },
        default: None,
        example: Some("2"),
        unit: Some("runs"),
        doc: "Maximum number of open runs of this profile, within `dispatch.max_running`; 0 starts none.",
    },
    Key {
        name: "max_runtime",
        kind: Kind::Duration { min: SECOND, max: YEAR },
        default: None,
        example: Some("\"2h\""),
        unit: None,
        doc: "Time limit of a run, if the task sets none; overrides `supervision.max_runtime`.",
    },
    Key {
        name: "progress_timeout",
        kind: Kind::Duration { min: Duration::ZERO, max: YEAR },
        default: None,
        example: Some("\"10m\""),
        unit: None,
        doc: "Time a run may be inactive; overrides `supervision.progress_timeout`.",
    },
    Key {
        name: "user",
        kind: Kind::Text,
        default: None,
        example: Some("\"kanban-agent\""),
        unit: None,
        doc: "User of the workers; \"own\": one of this profile's own, made by `sudo kanban profiles add-user NAME`. Default: `kanban-agent` for the machine's daemon, root for a daemon of root with \
         KANBAN_HOME. A daemon of an ordinary user runs workers as itself and refuses other users; with `supervision.holder` the users listed in /etc/kanband/users are allowed.",
    },
    Key {
        name: "umask",
        kind: Kind::FileMode,
        default: None,
        example: Some("\"027\""),
        unit: None,
        doc: "File mode mask of workers (default: `022`).",
    },
    Key {
        name: "rlimits",
        kind: Kind::IntegerTable(RLIMIT_NAMES),
        default: None,
        example: Some("{ nofile = 4096, core = 0 }"),
        unit: None,
        doc: "Resource limits of each worker process, soft and hard, with the lower-case names of getrlimit(2).",
    },
    NO_NEW_PRIVS,
    PRIVATE_TMP,
    LANDLOCK_WRITE,
    Key {
        name: "memory_max",
        kind: Kind::Size { min_bytes: MIB },
        default: None,
        example: Some("\"4G\""),
        unit: None,
        doc: "Memory limit of all processes of a run together; enforced if the cgroup has the memory controller.",
    },
    Key {
        name: "pids_max",
        kind: Kind::Integer { min: 1, max: 4_194_304 },
        default: None,
        example: Some("512"),
        unit: Some("processes and threads"),
        doc: "Maximum number of processes and threads of a run; enforced if the cgroup has the pids controller.",
    },
    Key {
        name: "cpu_percent",
        kind: Kind::Integer { min: 1, max: 100_000 },
        default: None,
        example: Some("200"),
        unit: Some("percent of one CPU"),
        doc: "CPU limit of a run, 100: one CPU; enforced if the cgroup has the cpu controller.",
    },
    Key {
        name: "orchestrator",
        kind: Kind::Bool,
        default: None,
        example: Some("true"),
        unit: None,
        doc: "Offer the workers the orchestrator's tools in `kanban mcp`, for planning work.",
    },
    Key {
        name: "may_schedule",
        kind: Kind::Bool,
        default: None,
        example: Some("true"),
        unit: None,
        doc: "Start the schedules that orchestrating workers of this profile make at once; without it each waits until a person \
         resumes it.",
    },
    Key {
        name: "may_assign",
        kind: Kind::TextList,
        default: None,
        example: Some("[\"qa\", \"docs\"]"),
        unit: None,
        doc: "Profiles to whose workers this profile's workers may hand work, beside their own and all people; `[\"*\"]`: every \
         profile. Default: profiles of the same user without secrets (`env_file`, `env` outside `env_public`, secrets of the \
         launcher), which are confined no less (`landlock_write` with `working_directory`, `no_new_privs`, `private_tmp`), have no \
         `may_schedule` beyond its own, and whose own `may_assign` and `may_use_dirs` reach no further, and names without a table if \
         the same holds for them; every profile if the workers run as the daemon's user, or with `orchestrator = true`. Other tasks \
         wait in triage for a person.",
    },
    Key {
        name: "may_use_dirs",
        kind: Kind::TextList,
        default: None,
        example: Some("[\"/srv/checkouts\"]"),
        unit: None,
        doc: "Directories below which the tasks that this profile's workers create may work (`dir:` and `worktree:`), beside \
         the workspace and the repository of the creating worker. Default: none; all if the workers run as the daemon's user, or \
         with `orchestrator = true`. Other tasks wait in triage for a person. Paths are compared as they are written: a symbolic \
         link below such a directory is followed, to whatever the workers' user can open.",
    },
    Key {
        name: "review",
        kind: Kind::Text,
        default: None,
        example: Some("\"qa\""),
        unit: None,
        doc: "Reviewer of the tasks that this profile completes: a profile, \"human\", or \"none\". A profile must run as the \
         same user. The board may ask for more (`review.boards`), and a task for another (`kanban create --review`).",
    },
    Key {
        name: "worktree_submodules",
        kind: Kind::Bool,
        default: None,
        example: Some("true"),
        unit: None,
        doc: "Check out the submodules of this profile's worktrees; overrides `worktree.submodules`.",
    },
    Key {
        name: "worktree_setup",
        kind: Kind::Command,
        default: None,
        example: Some("[\"npm\", \"ci\"]"),
        unit: None,
        doc: "Command to run in a worktree before this profile's workers; overrides `worktree.setup`. Empty: none.",
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
        doc: "Program and arguments with placeholders: {task}, {assignee}, {workspace}, {prompt}, {skills}, {model}, \
         {effort}, {args} (the extra arguments of profile and task), {kanban} (the program), {socket}, {guidance} (the instructions for workers), {mcp_config} and {session} (a new UUID). An argument that consists only of {skills}, {model}, {effort} or {args} expands to zero or more arguments. Other braces are literal; {{task}} gives {task}.",
    },
    Key {
        name: "verdict",
        kind: Kind::Choice(VERDICTS),
        default: Some("\"report\""),
        example: None,
        unit: None,
        doc: "Source of the verdict: \"report\", the worker must report it; or \"exit\", the exit code.",
    },
    Key {
        name: "skills_argv",
        kind: Kind::OptionArgv(SKILL_PLACEHOLDERS),
        default: None,
        example: Some("[\"--skill\", \"{skill}\"]"),
        unit: None,
        doc: "Arguments for one skill of the task; they replace the argument {skills}, once per skill. Without them \
         the prompt lists the files of the skills.",
    },
    Key {
        name: "model_argv",
        kind: Kind::OptionArgv(MODEL_PLACEHOLDERS),
        default: None,
        example: Some("[\"--model\", \"{model}\"]"),
        unit: None,
        doc: "Arguments for the model of the task or profile; they replace the argument {model}. A launcher without \
         {model} in its argv does not support models.",
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
        doc: "Value of {prompt} in `argv`; here {prompt} is the daemon's text for the task. Add {guidance} if the \
         agent does not read MCP server instructions.",
    },
    Key {
        name: "resume_argv",
        kind: Kind::Argv,
        default: None,
        example: Some("[\"my-agent\", \"--resume\", \"{session}\", \"--say\", \"{prompt}\"]"),
        unit: None,
        doc: "Command to resume the session of a run, used once if a worker ended without a verdict; {prompt} is then \
         a reminder. Without it a new run is started instead.",
    },
    Key {
        name: "session_line",
        kind: Kind::Text,
        default: None,
        example: Some("\"session id: \""),
        unit: None,
        doc: "Prefix of the output line with the session id, for programs that create the id; programs that accept an \
         id have {session} in their argv instead.",
    },
    Key {
        name: "mcp_config",
        kind: Kind::Template(MCP_PLACEHOLDERS),
        default: None,
        example: Some(
            "'{\"kanban\": {\"command\": \"{kanban}\", \"args\": [\"mcp\", \"--socket\", \"{socket}\"]}}'",
        ),
        unit: None,
        doc: "Value of {mcp_config}: the configuration with the board's tools; {kanban} and {socket} are escaped for \
         JSON strings.",
    },
    Key {
        name: "version_argv",
        kind: Kind::TextList,
        default: None,
        example: Some("[\"--version\"]"),
        unit: None,
        doc: "Arguments that print the program's version, for `kanban profiles check`; empty: the version is not checked.",
    },
    Key {
        name: "mcp_entry_files",
        kind: Kind::TemplateList(FILE_PLACEHOLDERS),
        default: None,
        example: Some("[\"~/.my-agent/{assignee}.json\", \"~/.my-agent/settings.json\"]"),
        unit: None,
        doc: "Configuration files of the worker's user; one of them must have an entry `kanban` that starts `kanban \
         mcp`. For agents that accept MCP servers only from there; checked by `kanban profiles check`.",
    },
    Key {
        name: "env",
        kind: Kind::TemplateTable(ENV_PLACEHOLDERS),
        default: None,
        example: Some("{ MY_AGENT_CONFIG = \"{mcp_config}\" }"),
        unit: None,
        doc: "Environment variables of this launcher's workers; those of the profile override them.",
    },
    Key {
        name: "hermes_env",
        kind: Kind::Bool,
        default: Some("true"),
        example: None,
        unit: None,
        doc: "Set HERMES_KANBAN_TASK for workers. It enables Hermes' own board tools, which write to Hermes' own board.",
    },
];

pub(super) const MCP: &[Key] = &[Key {
    name: "ask_wait",
    kind: Kind::Duration { min: SECOND, max: Duration::from_secs(120) },
    default: Some("\"45s\""),
    example: None,
    unit: None,
    doc: "Maximum time that a call of `kanban_ask` waits for an answer before it returns `pending`; many clients give a call up \
     after 60 s.",
}];
