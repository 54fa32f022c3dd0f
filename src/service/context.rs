//! What a worker reads before it begins.

use std::sync::Arc;

use crate::kernel::context::{WorkspaceChanges, WorkspaceFacts};
use crate::kernel::ids::RunId;
use crate::kernel::queries::{ContextReply, GetContext, Snapshot};
use crate::os::run_files::directory::read_prepared;
use crate::os::workspaces::diff_report::{ChangedFile, DiffReport};
use crate::os::workspaces::worktree_report::PreparedWorktree;
use crate::service::{Requester, Service, ServiceError};

/// Reads it. What was found about the workspace of the open run stands in a file of that run: the board learns it later, and
/// what was changed there never.
///
/// # Errors
/// A refusal or a fault.
pub async fn context(
    service: Arc<Service>,
    by: Requester,
    query: GetContext,
) -> Result<ContextReply, ServiceError> {
    let paths = service.paths.clone();
    let read = move |snapshot: &Snapshot<'_>| {
        let of_run = |run_id: RunId| {
            let printed = read_prepared(&paths.run_dir(run_id)).ok().flatten()?;
            let PreparedWorktree { branch, notes, changes, .. } = PreparedWorktree::read(&printed)?;
            Some(WorkspaceFacts { run_id, branch, notes, changes: changes.map(shown) })
        };
        query.read_knowing(snapshot, &of_run)
    };
    Ok(service.readers.read(by.caller, read).await?)
}

fn shown(report: DiffReport) -> WorkspaceChanges {
    WorkspaceChanges {
        base: report.base(),
        files: report.files.iter().map(ChangedFile::line).collect(),
        file_count: report.file_count,
        added: report.added,
        deleted: report.deleted,
        notes: report.notes,
    }
}
