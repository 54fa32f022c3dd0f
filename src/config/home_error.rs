//! Why the program's surroundings cannot be used: no home, a bad variable, a socket path that does not fit.

use std::path::PathBuf;

use thiserror::Error;

/// Why the program's surroundings cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HomeError {
    /// Nothing says where the home is.
    #[error("no home directory is known: set KANBAN_HOME to the directory to use")]
    NoHome,
    /// A relative path, and the working directory cannot be told.
    #[error(
        "{variable}={value:?} is relative and the working directory is gone: give an absolute path"
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
        "KANBAN_SOCKET={path:?} is a socket for workers: unset KANBAN_SOCKET to start a daemon of your own \
         inside a run"
    )]
    WorkerSocket {
        /// The path.
        path: PathBuf,
    },
    /// A path that does not fit into a socket address.
    #[error(
        "socket path {path:?} has {length_bytes} bytes and the limit is {limit_bytes}: set KANBAN_SOCKET to \
         a shorter path"
    )]
    SocketPathTooLong {
        /// The path.
        path: PathBuf,
        /// Its length.
        length_bytes: usize,
        /// The greatest length that the system takes for it.
        limit_bytes: usize,
    },
}
