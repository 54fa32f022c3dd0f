//! Errors of a call to the daemon.

use std::io;
use std::path::PathBuf;

use hyper::StatusCode;
use thiserror::Error;

use crate::api::client::absence::Absence;
use crate::api::client::seen::{ErrorBody, ErrorDetail};
use crate::config::HomeError;
use crate::kernel::error::ErrorCode;

/// Why a call did not succeed.
#[derive(Debug, Error)]
pub enum ClientError {
    /// No daemon answers.
    #[error("no daemon answers on {}: {detail}", socket.display())]
    NotReachable {
        /// Where it was looked for.
        socket: PathBuf,
        /// What the system said.
        detail: String,
        /// How connect(2) failed; none when a connection broke.
        kind: Option<io::ErrorKind>,
        /// Why, and what helps, where the client knows its surroundings.
        absence: Option<Box<Absence>>,
    },
    /// The daemon refuses.
    #[error("{}", .0.message)]
    Refused(ErrorDetail),
    /// The daemon reports a fault.
    #[error("{}", .0.message)]
    Fault(ErrorDetail),
    /// The answer did not come in time.
    #[error("the daemon did not answer in time")]
    Timeout,
    /// The connection broke in the middle of something that is not repeated: what became of it is not known.
    #[error("the connection to the daemon was lost: {0}")]
    Lost(String),
    /// The answer cannot be understood.
    #[error("cannot parse the daemon's reply: {0}")]
    Unreadable(String),
    /// The client itself cannot work.
    #[error("{0}")]
    Local(String),
    /// The wait was interrupted: see [`crate::api::client::Interrupt`].
    #[error("interrupted")]
    Interrupted,
}

impl ClientError {
    /// What this side refuses before it sends anything, in the words of the daemon.
    pub(super) fn refused(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::Refused(ErrorDetail::new(code, message))
    }
}

impl From<HomeError> for ClientError {
    fn from(error: HomeError) -> Self {
        Self::Local(error.to_string())
    }
}

/// The error that an answer with this status means.
pub(super) fn error_of(status: StatusCode, body: &[u8]) -> ClientError {
    match serde_json::from_slice::<ErrorBody>(body) {
        Ok(ErrorBody { error }) if status.is_client_error() => ClientError::Refused(error),
        Ok(ErrorBody { error }) => ClientError::Fault(error),
        Err(_) => {
            let text = String::from_utf8_lossy(body);
            ClientError::Unreadable(format!("{status} {}", text.trim()))
        }
    }
}
