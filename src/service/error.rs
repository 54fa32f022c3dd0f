//! Errors of use cases.

use thiserror::Error;

use crate::kernel::error::{ErrorCode, Fault, Hint, Refusal, VerbError};
use crate::kernel::event::kind_hint;
use crate::kernel::ids::{RunId, TaskId};
use crate::kernel::restore::RestoreError;
use crate::kernel::shorten::shorten;
use crate::kernel::store::OpenError;
use crate::kernel::task::Task;
use crate::service::add_profile::error::AddProfileError;
use crate::service::web::error::WebError;

/// Why a use case does not succeed. An edge makes its answer of it: [`ServiceError::code`], the text, [`ServiceError::hint`].
#[derive(Debug, Error)]
pub enum ServiceError {
    /// The board says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Something broke.
    #[error(transparent)]
    Failed(#[from] Fault),
    /// The new configuration is not taken.
    #[error("{problems}")]
    ConfigurationRefused {
        /// Every problem of it, a line each.
        problems: String,
    },
    /// A backup is not taken back.
    #[error("the backup {}", .0.problem())]
    BackupRefused(Box<OpenError>),
    /// A restore would lose runs.
    #[error("{count} run(s) are open; a restore would lose them")]
    OpenRuns {
        /// How many.
        count: usize,
    },
    /// There is no log.
    #[error("no log for {task}{}", of_run(*.run))]
    NoLog {
        /// The task.
        task: TaskId,
        /// The run that was asked for.
        run: Option<RunId>,
    },
    /// The log of a run was kept without times.
    #[error("since: the log of run {run} of {task} has no times")]
    NoLogTimes {
        /// The task.
        task: TaskId,
        /// The run.
        run: RunId,
    },
    /// There is no diff.
    #[error("cannot show what {task} changed: {why}")]
    NoDiff {
        /// The task.
        task: TaskId,
        /// Reason.
        why: String,
    },
    /// Git did not compare in time.
    #[error("comparing the worktree of {task} took more than {seconds} seconds")]
    DiffTimeout {
        /// The task.
        task: TaskId,
        /// The limit.
        seconds: u64,
    },
    /// The name of a file in a request.
    #[error("file: the name {problem}")]
    BadFileName {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The bytes of an attached file are gone.
    #[error("the contents of {filename} are missing from this home")]
    AttachmentLost {
        /// The file.
        filename: String,
    },
    /// A cursor of events is malformed.
    #[error("after: not a cursor: {value}")]
    BadCursor {
        /// As the caller wrote it, shortened.
        value: String,
    },
    /// There are no events of this kind.
    #[error("kinds: no such kind of event: {}", shorten(kind))]
    UnknownKind {
        /// As the caller wrote it.
        kind: String,
    },
    /// Files are on a disk that does not answer.
    #[error("reading the files of the profiles took more than {seconds} seconds")]
    NotInTime {
        /// How long was waited.
        seconds: u64,
    },
    /// The board on the web.
    #[error(transparent)]
    Web(#[from] WebError),
    /// No profile is added.
    #[error(transparent)]
    AddProfile(#[from] AddProfileError),
    /// The system gives no thread.
    #[error("cannot start a thread that {purpose}: {detail}")]
    NoThread {
        /// What it is for: "reads the configuration".
        purpose: &'static str,
        /// What the system said.
        detail: String,
    },
}

fn of_run(run: Option<RunId>) -> String {
    run.map(|run| format!(" run {run}")).unwrap_or_default()
}

impl ServiceError {
    /// Its stable code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::Failed(fault) => fault.code(),
            Self::ConfigurationRefused { .. } => ErrorCode::InvalidValue,
            Self::BackupRefused(_) => ErrorCode::BadBackup,
            Self::OpenRuns { .. } => ErrorCode::OpenRuns,
            Self::NoLog { .. }
            | Self::NoLogTimes { .. }
            | Self::NoDiff { .. }
            | Self::AttachmentLost { .. } => ErrorCode::NotFound,
            Self::DiffTimeout { .. } => ErrorCode::Timeout,
            Self::BadFileName { .. } | Self::UnknownKind { .. } => ErrorCode::InvalidValue,
            Self::BadCursor { .. } => ErrorCode::BadRequest,
            Self::NotInTime { .. } => ErrorCode::Timeout,
            Self::Web(error) => error.code(),
            Self::AddProfile(error) => error.code(),
            Self::NoThread { .. } => ErrorCode::Unavailable,
        }
    }

    /// What the caller could do, where there is something to say.
    pub fn hint(&self) -> Option<Hint> {
        match self {
            Self::Refused(refusal) => refusal.hint(),
            Self::Failed(fault) => fault.hint(),
            Self::ConfigurationRefused { .. } => {
                Some(Hint::words("the old configuration stays in effect"))
            }
            Self::BackupRefused(refused) => {
                Some(Hint::words(bad_backup_hint("the live database is unchanged", refused)))
            }
            Self::OpenRuns { .. } => Some(Hint::AwaitDrained),
            Self::NoLog { task, .. } => Some(Hint::ListRuns { id: task.to_string() }),
            Self::NoLogTimes { .. } => Some(Hint::words(
                "it was begun before this version, or its times could not be written; read it without `since`",
            )),
            Self::AttachmentLost { .. } => Some(Hint::words(
                "the file is no longer in the directory `attachments` of the home; `kanban restore` brings it from a backup that has it",
            )),
            Self::UnknownKind { kind } => Some(Hint::words(kind_hint(kind))),
            Self::Web(error) => error.hint().map(Hint::words),
            Self::AddProfile(error) => error.hint().map(Hint::words),
            Self::NoDiff { .. }
            | Self::DiffTimeout { .. }
            | Self::BadFileName { .. }
            | Self::BadCursor { .. }
            | Self::NotInTime { .. }
            | Self::NoThread { .. } => None,
        }
    }

    /// The task as it is, where the caller saw another one.
    pub fn current_task(&self) -> Option<&Task> {
        if let Self::Refused(refusal) = self { refusal.current_task() } else { None }
    }

    /// Whether an operator should look at it: the edge writes it into the log, once.
    pub fn is_fault(&self) -> bool {
        match self {
            // Neither at the end of the daemon nor under a load that is turned away has anything failed. A transaction that
            // failed and files that are lost are logged by the database.
            Self::Failed(fault) => !matches!(
                fault,
                Fault::ShuttingDown
                    | Fault::Busy { .. }
                    | Fault::Uncommitted { .. }
                    | Fault::BoardLost { .. }
            ),
            Self::Web(error) => error.is_fault(),
            Self::AddProfile(error) => error.is_fault(),
            Self::Refused(_)
            | Self::ConfigurationRefused { .. }
            | Self::BackupRefused(_)
            | Self::OpenRuns { .. }
            | Self::NoLog { .. }
            | Self::NoLogTimes { .. }
            | Self::NoDiff { .. }
            | Self::DiffTimeout { .. }
            | Self::BadFileName { .. }
            | Self::AttachmentLost { .. }
            | Self::BadCursor { .. }
            | Self::UnknownKind { .. }
            | Self::NotInTime { .. }
            | Self::NoThread { .. } => false,
        }
    }
}

impl From<VerbError> for ServiceError {
    fn from(error: VerbError) -> Self {
        match error {
            VerbError::Refused(refusal) => Self::Refused(refusal),
            VerbError::Failed(fault) => Self::Failed(fault),
        }
    }
}

impl From<RestoreError> for ServiceError {
    fn from(error: RestoreError) -> Self {
        match error {
            RestoreError::Backup(refused) => Self::BackupRefused(Box::new(refused)),
            RestoreError::OpenRuns { count } => Self::OpenRuns { count },
            RestoreError::Fault(fault) => Self::Failed(fault),
            RestoreError::Refused(refusal) => Self::Refused(refusal),
        }
    }
}

/// The hint for a refused backup: that nothing was changed, and how to make it acceptable.
pub fn bad_backup_hint(untouched: &str, refused: &OpenError) -> String {
    match refused.remedy() {
        Some(statements) => format!(
            "{untouched}; to remove the foreign objects from a copy: sqlite3 COPY '{statements}'"
        ),
        None => untouched.to_owned(),
    }
}

/// A file or folder of the home that cannot be worked with. `doing` is a verb phrase: "create the workspace /x".
pub fn file_fault(doing: impl Into<String>, error: &std::io::Error) -> Fault {
    let doing = doing.into();
    if error.kind() == std::io::ErrorKind::StorageFull {
        return Fault::DiskFull { doing };
    }
    Fault::File { doing, detail: error.to_string(), retryable: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_database_has_logged_is_not_logged_again_for_each_request_that_waited() {
        let full = Fault::DiskFull { doing: "commit".to_owned() };
        let uncommitted = Fault::Uncommitted { cause: Box::new(full.clone()) };
        let lost = Fault::BoardLost { loss: "kanban.db is gone".to_owned(), remedy: "restore it" };
        for (fault, is_logged_here) in [(full.clone(), true), (uncommitted, false), (lost, false)] {
            assert_eq!(ServiceError::from(fault.clone()).is_fault(), is_logged_here, "{fault}");
        }
        let answer = ServiceError::from(Fault::Uncommitted { cause: Box::new(full.clone()) });
        assert_eq!((answer.code(), answer.to_string()), (full.code(), full.to_string()));
    }
}
