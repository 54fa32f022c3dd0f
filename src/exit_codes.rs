//! Exit codes of the programs, in one place.

use std::process::ExitCode;

/// Exit codes of `kanban`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CliExit {
    /// Done.
    Ok,
    /// The board says no.
    Refused,
    /// The command line is wrong.
    Usage,
    /// What was waited for did not happen in time.
    Timeout,
    /// No daemon answers.
    NotReachable,
    /// The daemon reports a fault.
    Fault,
    /// `kanban daemon --force` was the daemon: its own code.
    OfDaemon(u8),
}

impl CliExit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Refused => 1,
            Self::Usage => 2,
            Self::Timeout => 3,
            Self::NotReachable => 4,
            Self::Fault => 5,
            Self::OfDaemon(code) => code,
        }
    }
}

impl From<CliExit> for ExitCode {
    fn from(exit: CliExit) -> Self {
        Self::from(exit.code())
    }
}

/// Exit codes of `kanband`. 70 and above are those of sysexits.h.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DaemonExit {
    /// Asked to end.
    Ok,
    /// A fault.
    Fault,
    /// The command line is wrong.
    Usage,
    /// A part cannot go on (EX_SOFTWARE).
    Software,
    /// Another daemon owns the home or its socket (EX_TEMPFAIL).
    Owned,
    /// The configuration or the database is refused (EX_CONFIG).
    Config,
}

impl DaemonExit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Fault => 1,
            Self::Usage => 2,
            Self::Software => 70,
            Self::Owned => 75,
            Self::Config => 78,
        }
    }
}

impl From<DaemonExit> for ExitCode {
    fn from(exit: DaemonExit) -> Self {
        Self::from(exit.code())
    }
}
