//! Errors of the board on the web.

use std::path::PathBuf;

use thiserror::Error;

use crate::kernel::error::ErrorCode;

/// Why a link is not made, or a session not opened or ended.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WebError {
    /// It is nowhere.
    #[error("{why}")]
    Off {
        /// Why.
        why: String,
        /// What helps.
        fix: String,
    },
    /// A link for another than the caller.
    #[error("only root and the daemon's user can make a link for {name}")]
    NotForOthers {
        /// The other.
        name: String,
    },
    /// There is no such user.
    #[error("no user {name} on this machine")]
    UnknownUser {
        /// The name.
        name: String,
    },
    /// The caller is no person.
    #[error("only a person at the operators' socket can have a link")]
    OnlyForPeople,
    /// There is no such session.
    #[error("no session {id}")]
    UnknownSession {
        /// Its id.
        id: String,
    },
    /// The user data base or the socket cannot be asked.
    #[error("cannot find out whether {name} may open the operators' socket")]
    Undecided {
        /// The user.
        name: String,
    },
    /// The sessions cannot be kept.
    #[error("cannot write {}: {detail}", file.display())]
    Unsaved {
        /// The file.
        file: PathBuf,
        /// What the system said.
        detail: String,
    },
    /// There is no token.
    #[error("the kernel has no randomness to give: {detail}")]
    NoRandomness {
        /// What it said.
        detail: String,
    },
}

impl WebError {
    /// Its stable code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Off { .. } | Self::Undecided { .. } => ErrorCode::Unavailable,
            Self::NotForOthers { .. } | Self::OnlyForPeople => ErrorCode::Forbidden,
            Self::UnknownUser { .. } => ErrorCode::InvalidValue,
            Self::UnknownSession { .. } => ErrorCode::NotFound,
            Self::Unsaved { .. } | Self::NoRandomness { .. } => ErrorCode::Internal,
        }
    }

    /// What helps, where there is something to say.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Off { fix, .. } => Some(fix),
            Self::NotForOthers { .. } => Some("`sudo kanban dashboard --for USER`"),
            Self::UnknownUser { .. } => {
                Some("a person without an account here needs the proxy, `web.proxy`")
            }
            Self::UnknownSession { .. } => Some("`kanban dashboard --sessions` lists them"),
            Self::Undecided { .. } => Some("retry in a moment"),
            Self::OnlyForPeople | Self::Unsaved { .. } | Self::NoRandomness { .. } => None,
        }
    }

    /// Whether something broke.
    pub fn is_fault(&self) -> bool {
        matches!(self, Self::Unsaved { .. } | Self::NoRandomness { .. })
    }
}
