//! Why no profile is added.

use std::path::PathBuf;

use thiserror::Error;

use crate::kernel::error::ErrorCode;

/// Why no profile is added.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AddProfileError {
    /// The daemon is not its user's own.
    #[error("the daemon is the service of this machine: only root adds profiles to it")]
    OfMachine,
    /// There is no such launcher.
    #[error("launcher: no agent {name:?} is built in")]
    UnknownLauncher {
        /// As it was asked for.
        name: String,
        /// Those that are built in.
        known: String,
    },
    /// Its program is missing.
    #[error("launcher {launcher:?}: program `{program}` not found")]
    NoProgram {
        /// The launcher.
        launcher: String,
        /// Its program.
        program: String,
    },
    /// The profile is in the configuration.
    #[error("profile {name:?} already exists in the configuration")]
    ProfileExists {
        /// Its name.
        name: String,
    },
    /// The file is there.
    #[error("{} already exists", file.display())]
    FileExists {
        /// The file.
        file: PathBuf,
    },
    /// The file cannot be written.
    #[error("cannot write {}: {detail}", file.display())]
    Unwritten {
        /// The file.
        file: PathBuf,
        /// What the system said.
        detail: String,
    },
}

impl AddProfileError {
    /// Its stable code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::OfMachine => ErrorCode::Forbidden,
            Self::UnknownLauncher { .. } | Self::NoProgram { .. } => ErrorCode::InvalidValue,
            Self::ProfileExists { .. } | Self::FileExists { .. } => ErrorCode::ProfileExists,
            Self::Unwritten { .. } => ErrorCode::Internal,
        }
    }

    /// What helps, where there is something to say.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::OfMachine => Some(
                "put the lines into a file of /etc/kanband/conf.d, then `kanban reload`".into(),
            ),
            Self::UnknownLauncher { known, .. } => Some(format!("built in: {known}")),
            Self::NoProgram { .. } => Some(
                "install it, or start the daemon with a PATH that has it; then try again".into(),
            ),
            Self::ProfileExists { .. } => Some("`kanban profiles check` says what it needs".into()),
            Self::FileExists { .. } => Some("`kanban reload` reads it".into()),
            Self::Unwritten { .. } => None,
        }
    }

    /// Whether something broke.
    pub fn is_fault(&self) -> bool {
        matches!(self, Self::Unwritten { .. })
    }
}
