//! What a worker reads before it begins.

use std::sync::Arc;

use crate::kernel::caller::Caller;
use crate::kernel::context::WorkspaceFacts;
use crate::kernel::queries::{ContextReply, GetContext, Snapshot};
use crate::os::run_files::directory::read_prepared;
use crate::os::workspaces::worktree_report::PreparedWorktree;
use crate::service::{Requester, Service, ServiceError};

/// Reads it. A worker may ask before the board has been told what was found about its workspace; then the run's own file says it.
///
/// # Errors
/// A refusal or a fault.
pub async fn context(
    service: Arc<Service>,
    by: Requester,
    query: GetContext,
) -> Result<ContextReply, ServiceError> {
    let own = match &by.caller {
        Caller::Worker { run_id, .. } => Some((*run_id, service.paths.run_dir(*run_id))),
        Caller::Operator { .. } | Caller::System { .. } => None,
    };
    let read = move |snapshot: &Snapshot<'_>| {
        let workspace = own.and_then(|(run_id, dir)| {
            let printed = read_prepared(&dir).ok().flatten()?;
            let PreparedWorktree { branch, notes, .. } = PreparedWorktree::read(&printed)?;
            Some(WorkspaceFacts { run_id, branch, notes })
        });
        query.read_knowing(snapshot, workspace)
    };
    Ok(service.readers.read(by.caller, read).await?)
}
