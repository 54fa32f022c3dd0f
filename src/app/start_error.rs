//! Errors of the daemon's start, and their exit codes.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::config::{ConfigProblems, HomeError};
use crate::exit_codes::DaemonExit;
use crate::kernel::error::ErrorCode;
use crate::kernel::store::OpenError;
use crate::os::home::board_files::BoardLoss;
use crate::os::home::lock::HomeLockError;
use crate::os::host::service_manager::HandedError;
use crate::os::host::socket_file::SocketError;

/// Why the daemon does not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// Paths are unknown.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The configuration is wrong.
    #[error("{0}")]
    Config(#[from] ConfigProblems),
    /// The home cannot be made or used.
    #[error("cannot use the home {}: {source}", path.display())]
    HomeUnusable {
        /// The directory or file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The home is on a file system on which a database would be damaged sooner or later.
    #[error("the home {} is on {file_system}, and the database needs a local disk; select another directory with KANBAN_HOME", path.display())]
    HomeNotLocal {
        /// The home.
        path: PathBuf,
        /// What it is on.
        file_system: &'static str,
    },
    /// Another daemon has the home, or may have it.
    #[error("{}", of_lock(.0))]
    Locked(HomeLockError),
    /// The home is known and its database is gone.
    #[error("{} is missing, but this home was used before; refusing to recreate it: restore it, or remove {} to start with an empty board", database.display(), install_id.display())]
    DatabaseMissing {
        /// The database.
        database: PathBuf,
        /// What says that the home was used.
        install_id: PathBuf,
    },
    /// The database is refused.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// The board's files changed hands while they were opened.
    #[error(transparent)]
    BoardLost(BoardLoss),
    /// A backup is refused.
    #[error("the backup {}", .0.problem())]
    BadBackup(OpenError),
    /// A restore would replace the board under runs that are under way.
    #[error("run {} is open; a restore would lose it", run)]
    LiveRuns {
        /// One of them.
        run: String,
    },
    /// It is not known whether a restore would replace the board under a run.
    #[error("cannot determine the state of run {run}: {why}; a restore could lose it")]
    UnknownRun {
        /// The run.
        run: String,
        /// Why it is not known.
        why: String,
    },
    /// The sockets cannot be made.
    #[error(transparent)]
    Sockets(#[from] SocketError),
    /// The service manager's sockets are not those that are served.
    #[error(transparent)]
    Handed(#[from] HandedError),
    /// The shim is not there.
    #[error("cannot open the shim {}: {source}", path.display())]
    Shim {
        /// Where it was looked for.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The root directory cannot be entered.
    #[error("cannot enter the directory /: {0}")]
    NoRoot(io::Error),
    /// `/proc` does not show what the daemon has to see.
    #[error("{0}")]
    ProcHidden(String),
    /// A daemon beside the machine's service would take its board away.
    #[error("the home {} is that of the machine's service: start it with `systemctl start kanband`", path.display())]
    OfService {
        /// The home.
        path: PathBuf,
    },
    /// Something else.
    #[error("cannot {doing}: {detail}")]
    Fault {
        /// What it tried.
        doing: &'static str,
        /// Why not.
        detail: String,
    },
}

/// Whose the home is, with what can be done about it.
fn of_lock(error: &HomeLockError) -> String {
    match error {
        HomeLockError::Held { home, owner_pid, .. } => {
            let home = home.display();
            let pid = owner_pid.map_or_else(String::new, |pid| format!(" (pid {pid})"));
            format!(
                "another daemon{pid} serves the home {home}: see `kanban status`, or select another home with KANBAN_HOME"
            )
        }
        HomeLockError::Unusable { .. } => error.to_string(),
    }
}

impl StartError {
    /// The exit code that tells of it.
    pub fn exit(&self) -> DaemonExit {
        match self {
            Self::Home(_)
            | Self::Config(_)
            | Self::HomeUnusable { .. }
            | Self::HomeNotLocal { .. }
            | Self::DatabaseMissing { .. }
            | Self::BadBackup(_)
            | Self::LiveRuns { .. }
            | Self::UnknownRun { .. }
            | Self::BoardLost(_)
            | Self::Handed(_)
            | Self::ProcHidden(_)
            | Self::OfService { .. }
            | Self::Database(_) => DaemonExit::Config,
            Self::Locked(HomeLockError::Held { .. }) | Self::Sockets(SocketError::InUse { .. }) => {
                DaemonExit::Owned
            }
            Self::Locked(_) => DaemonExit::Config,
            Self::Sockets(_) | Self::Shim { .. } | Self::NoRoot(_) | Self::Fault { .. } => {
                DaemonExit::Fault
            }
        }
    }

    /// Its stable code, for a command that works on a home without a daemon.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Home(_) | Self::HomeNotLocal { .. } | Self::OfService { .. } => {
                ErrorCode::BadRequest
            }
            Self::Config(_) => ErrorCode::InvalidValue,
            Self::HomeUnusable { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                ErrorCode::Unavailable
            }
            Self::Locked(HomeLockError::Held { .. }) | Self::Sockets(SocketError::InUse { .. }) => {
                ErrorCode::Unavailable
            }
            Self::DatabaseMissing { .. } | Self::BoardLost(_) => ErrorCode::BoardLost,
            Self::BadBackup(_) => ErrorCode::BadBackup,
            Self::LiveRuns { .. } | Self::UnknownRun { .. } => ErrorCode::OpenRuns,
            Self::HomeUnusable { .. }
            | Self::Locked(_)
            | Self::Database(_)
            | Self::Sockets(_)
            | Self::Handed(_)
            | Self::Shim { .. }
            | Self::NoRoot(_)
            | Self::ProcHidden(_)
            | Self::Fault { .. } => ErrorCode::Internal,
        }
    }

    pub(super) fn fault(doing: &'static str, error: &dyn std::error::Error) -> Self {
        Self::Fault { doing, detail: error.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_start_names_its_own_cause_by_code_and_exit_code() {
        let path = || PathBuf::from("/srv/board");
        let of =
            |kind: io::ErrorKind| StartError::HomeUnusable { path: path(), source: kind.into() };
        let missing =
            StartError::DatabaseMissing { database: path(), install_id: path().join("id") };
        let held = HomeLockError::Held { home: path(), path: path().join("lock"), owner_pid: None };
        let unknown = StartError::UnknownRun { run: "7".to_owned(), why: "x".to_owned() };
        let remote = StartError::HomeNotLocal { path: path(), file_system: "nfs" };
        let shim = StartError::Shim { path: path(), source: io::ErrorKind::NotFound.into() };
        for (error, code, exit) in [
            (of(io::ErrorKind::PermissionDenied), ErrorCode::Internal, DaemonExit::Config),
            (of(io::ErrorKind::StorageFull), ErrorCode::Unavailable, DaemonExit::Config),
            (remote, ErrorCode::BadRequest, DaemonExit::Config),
            (missing, ErrorCode::BoardLost, DaemonExit::Config),
            (unknown, ErrorCode::OpenRuns, DaemonExit::Config),
            (StartError::Locked(held), ErrorCode::Unavailable, DaemonExit::Owned),
            (shim, ErrorCode::Internal, DaemonExit::Fault),
        ] {
            assert_eq!((error.code(), error.exit()), (code, exit), "{error}");
        }
    }
}
