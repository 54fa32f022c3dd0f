//! Evidence that the worker of a run was started. Reads files and the process table, so it runs where blocking is allowed.

use crate::os::host::file_watch::{FileWatch, Interest, Watched};
use crate::os::processes::identity::ProcessIdentity;
use crate::os::processes::proc_tree::leader_below;
use crate::os::run_files::directory::{RunDir, RunIdentity, read_identity};

/// Whether a worker was started.
#[derive(Debug)]
pub(super) enum WorkerSign {
    /// It was; this is it.
    Seen(ProcessIdentity),
    /// It was not.
    NotYet,
    /// Unknown.
    Unknown,
}

/// The waiting for the worker of an adopted run.
#[derive(Debug, Default)]
pub(super) struct StartWatch {
    /// None where changes are not noticed.
    pub(super) watched: Option<Watched>,
    /// A look is under way.
    pub(super) is_looking: bool,
    /// Something has changed since that look began.
    pub(super) is_changed: bool,
}

/// Watches for the file that says who runs a run; none where that cannot be done.
pub(super) fn watch_identity(
    files: &FileWatch,
    dir: &RunDir,
    notify: impl Fn() + Send + Sync + 'static,
) -> Option<Watched> {
    let identity = dir.identity().file_name()?.to_owned();
    files.watch(dir.path(), Interest::Entries(vec![identity]), notify).ok()
}

/// Whether the worker was started, by what its shim has written down.
pub(super) fn worker_by_files(dir: &RunDir) -> WorkerSign {
    match read_identity(dir) {
        Ok(Some(RunIdentity { worker: Some(process), .. })) => WorkerSign::Seen(process),
        Ok(Some(_)) => WorkerSign::NotYet,
        // Removing it has not ended the shim.
        Ok(None) | Err(_) => WorkerSign::Unknown,
    }
}

/// The worker leads a session of its own right below its shim. So does a command that makes the workspace, but that is over
/// by now.
pub(super) fn worker_below(shim: Option<&ProcessIdentity>) -> WorkerSign {
    let Some(shim) = shim else { return WorkerSign::Unknown };
    match leader_below(shim) {
        Ok(Some(leader)) => WorkerSign::Seen(leader),
        Ok(None) | Err(_) => WorkerSign::Unknown,
    }
}
