//! Errors of the environment: no home, an invalid variable, a too long socket path.

use std::path::PathBuf;

use thiserror::Error;

/// Why the program's surroundings cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HomeError {
    /// Nothing says where the home is.
    #[error("cannot find a home directory: set KANBAN_HOME")]
    NoHome,
    /// A relative path, and the working directory is unknown.
    #[error(
        "{variable}={value:?} is relative, but the working directory does not exist: use an absolute path"
    )]
    NoWorkingDirectory {
        /// The variable.
        variable: &'static str,
        /// Its value.
        value: PathBuf,
    },
    /// A variable that names a place and is not UTF-8.
    #[error("{variable} is not valid UTF-8: {value:?}")]
    NotUtf8 {
        /// The variable.
        variable: String,
        /// Its value, with what cannot be shown replaced.
        value: String,
    },
    /// A daemon was told to listen where another one's workers are served, as every worker's environment
    /// would have it.
    #[error(
        "KANBAN_SOCKET={path:?} is a workers' socket: unset KANBAN_SOCKET to start a daemon \
         inside a run"
    )]
    WorkerSocket {
        /// The path.
        path: PathBuf,
    },
    /// A path that does not fit into a socket address.
    #[error(
        "socket path {path:?} is too long: {length_bytes} bytes, maximum {limit_bytes}: set KANBAN_SOCKET to \
         a shorter path"
    )]
    SocketPathTooLong {
        /// The path.
        path: PathBuf,
        /// Its length.
        length_bytes: usize,
        /// The maximum length that the system accepts.
        limit_bytes: usize,
    },
}
