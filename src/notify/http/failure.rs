//! Why a request has no answer.

use thiserror::Error;

/// Why a request has no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Failure {
    /// It may not be sent there: another attempt ends the same way.
    #[error("{error}")]
    Refused {
        /// A word for figures and tables.
        code: &'static str,
        /// One line for people.
        error: String,
    },
    /// The other side has not seen it.
    #[error("{error}")]
    NotSent {
        /// The same.
        code: &'static str,
        /// The same.
        error: String,
    },
    /// It was written, and no answer came: the other side may have acted on it.
    #[error("{error}")]
    Lost {
        /// The same.
        code: &'static str,
        /// The same.
        error: String,
    },
}

impl Failure {
    /// One that another attempt does not heal.
    pub fn refused(code: &'static str, error: impl Into<String>) -> Self {
        Self::Refused { code, error: error.into() }
    }

    /// One before anything was written.
    pub fn not_sent(code: &'static str, error: impl Into<String>) -> Self {
        Self::NotSent { code, error: error.into() }
    }

    /// One afterwards.
    pub fn lost(code: &'static str, error: impl Into<String>) -> Self {
        Self::Lost { code, error: error.into() }
    }
}
