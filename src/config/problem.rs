//! Problems of a configuration, all reported at once.
//!
//! Each problem names where the value came from, its key, the value and what would have been right, in one
//! line, so that a whole list of them is readable in a terminal and in the journal.

use std::fmt;
use std::time::Duration;

use thiserror::Error;

use crate::config::keys::Kind;
use crate::config::template::TemplateError;
use crate::duration::{DurationError, format_duration};

/// Everything wrong with the configuration; never empty.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct ConfigProblems(pub Vec<Problem>);

impl fmt::Display for ConfigProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, the environment variable or the built-in launcher that the value came from.
    pub origin: String,
    /// The key with its section, `dispatch.max_running`; none when the whole file is meant.
    pub key: Option<String>,
    /// What is wrong with it.
    pub fault: ProblemKind,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)?;
        if let ProblemKind::Syntax { line: Some(line), .. } = &self.fault {
            write!(f, ":{line}")?;
        }
        if let Some(key) = &self.key {
            write!(f, ": {key}")?;
        }
        write!(f, ": {}", self.fault)
    }
}

/// What is wrong with a file or a value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProblemKind {
    /// A file is there and cannot be read.
    #[error("cannot read it: {cause}")]
    Unreadable {
        /// What the system said.
        cause: String,
    },
    /// A file is not TOML.
    #[error("invalid TOML: {message}")]
    Syntax {
        /// Line of the file, counted from 1.
        line: Option<usize>,
        /// What the parser said, in one line.
        message: String,
    },
    /// There is no such section or key.
    #[error("unknown key{}", did_you_mean(nearest.as_deref()))]
    UnknownKey {
        /// The known one that was probably meant.
        nearest: Option<String>,
    },
    /// A profile or launcher with a blank name.
    #[error("the name is empty")]
    BlankName,
    /// A value that is not of the key's type, or not one that it takes.
    #[error("expected {expected}, found {found}")]
    WrongValue {
        /// What the key takes.
        expected: Expected,
        /// The value.
        found: String,
    },
    /// A string that is no duration.
    #[error(transparent)]
    Duration(#[from] DurationError),
    /// A string that is no template.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// What one value becomes among the arguments has no place for it.
    #[error("{{{name}}} is missing: every {name} would give the same arguments")]
    NoPlaceholderFor {
        /// The placeholder.
        name: &'static str,
    },
    /// A name that no environment variable can have.
    #[error("{name:?} is not a valid name of an environment variable")]
    VariableName {
        /// The name.
        name: String,
    },
    /// A byte that no argument or variable can hold.
    #[error("contains a NUL byte")]
    NulByte,
    /// A launcher that is not there.
    #[error("unknown launcher {name:?}{}; known launchers: {known}", did_you_mean(nearest.as_deref()))]
    UnknownLauncher {
        /// The name.
        name: String,
        /// The known one that was probably meant.
        nearest: Option<String>,
        /// All known ones, joined by commas.
        known: String,
    },
    /// A profile with two ways to start.
    #[error("has both launcher and argv: remove one")]
    LauncherAndArgv,
    /// One name for a person and a profile.
    #[error("[profiles] has this name too: rename one of them")]
    PersonIsProfile,
    /// A launcher with the name that stands for looking for one.
    #[error("the name is reserved for `dispatch.default_launcher`: choose another")]
    LauncherIsReserved,
    /// A verdict where the launcher decides.
    #[error("requires argv: the verdict of a launcher is set in [launchers.NAME]")]
    VerdictWithoutArgv,
    /// A launcher that names no program.
    #[error("argv is missing: name the program and its arguments")]
    NoArgv,
    /// A launcher that gets its program from a profile, used without one.
    #[error("launcher {name:?} has no argv of its own: set argv in a profile instead")]
    NothingToRun {
        /// The launcher.
        name: String,
    },
    /// An argument that stands for the arguments of the skills, which are not said.
    #[error("has the argument {{skills}}, but skills_argv is not set")]
    NoSkillsArgv,
    /// The extra arguments of a task in the middle of one.
    #[error("{{args}} must be an argument of its own")]
    ArgsNotAlone,
    /// The MCP configuration is asked for and not said.
    #[error("has {{mcp_config}}, but mcp_config is not set")]
    NoMcpConfig,
    /// A session that nothing could find again.
    #[error("has {{session}}, but argv does not have it and session_line is not set")]
    NoSession,
    /// A profile asks for what its launcher has no place for.
    #[error("launcher {launcher:?} does not support {option}: its argv has no {{{option}}}")]
    OptionNotTaken {
        /// `model`, `effort` or `args`.
        option: &'static str,
        /// The launcher.
        launcher: String,
    },
    /// The first wait is longer than the longest.
    #[error("{} is longer than dispatch.backoff_max, {}", format_duration(*base), format_duration(*max))]
    BackoffOrder {
        /// `backoff_base`.
        base: Duration,
        /// `backoff_max`.
        max: Duration,
    },
    /// What stands for the origin of a site and is none.
    #[error(
        "expected an origin as browsers send it, such as \"https://board.example.org\" (https, small letters, no path, no usual port), found {found:?}"
    )]
    NoOrigin {
        /// What stands there.
        found: String,
    },
    /// A path that would mean another one in each workspace.
    #[error(
        "{path:?} is not an absolute path: begin it with `/`, or with `~/` for the workers' home"
    )]
    RelativePath {
        /// The path.
        path: String,
    },
    /// Half of what describes a proxy.
    #[error("requires both user and origin")]
    HalfAProxy,
    /// A reviewer that cannot be one.
    #[error("{problem}")]
    Reviewer {
        /// What is in the way.
        problem: String,
    },
    /// A value that passed every check and was refused all the same.
    #[error("invalid: {message}")]
    NotAccepted {
        /// What was said.
        message: String,
    },
}

/// What would have been taken instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// A value of this kind.
    Kind(Kind),
    /// A table of keys.
    Table,
    /// A string, blank or not.
    Text,
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind(kind) => kind.fmt(f),
            Self::Table => f.write_str("a table of keys"),
            Self::Text => f.write_str("a string"),
        }
    }
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map(|nearest| format!(", did you mean {nearest}?")).unwrap_or_default()
}
