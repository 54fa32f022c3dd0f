//! `GET /v1/tasks/{id}/context`: what a worker reads before it begins.

use std::sync::Arc;

use crate::api::Api;
use crate::api::operations::{Answer, Call, json};
use crate::kernel::caller::Caller;
use crate::kernel::context::WorkspaceFacts;
use crate::kernel::queries::{GetContext, Snapshot};
use crate::os::run_files::directory::read_prepared;
use crate::os::workspaces::worktree_report::PreparedWorktree;

/// Answers it. A worker may ask before the board has been told what was found about its workspace; then the run's own file says it.
pub fn get_context(api: Arc<Api>, call: Call) -> Answer {
    Box::pin(async move {
        let query: GetContext = call.input.from_query()?;
        let own = match &call.caller {
            Caller::Worker { run_id, .. } => Some((*run_id, api.context.run_dir(*run_id))),
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
        json(&api.readers.read(call.caller, read).await?)
    })
}
