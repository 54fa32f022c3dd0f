//! `GET /v1/tasks/{id}/context`: what a worker reads before it begins.

use std::sync::Arc;

use crate::api::Api;
use crate::api::operations::{Answer, Call, json};
use crate::kernel::caller::Caller;
use crate::kernel::context::WorkspaceFacts;
use crate::kernel::queries::{GetContext, Query as _, Snapshot};
use crate::os::run_files::read_prepared;
use crate::os::worktree_report::PreparedWorktree;

/// Answers it. A worker may ask before the board has been told what was found about its workspace; then the run's own file says it.
pub fn get_context(api: Arc<Api>, call: Call) -> Answer {
    Box::pin(async move {
        let mut query: GetContext = call.input.from_query()?;
        let own = match &call.caller {
            Caller::Worker { run_id, .. } => Some((*run_id, api.context.run_dir(*run_id))),
            Caller::Operator { .. } | Caller::System { .. } => None,
        };
        let read = move |snapshot: &Snapshot<'_>| {
            if let Some((run_id, dir)) = own {
                let prepared = read_prepared(&dir).ok().flatten();
                query.workspace =
                    prepared.as_deref().and_then(PreparedWorktree::read).map(|prepared| {
                        let PreparedWorktree { branch, notes, .. } = prepared;
                        WorkspaceFacts { run_id, branch, notes }
                    });
            }
            query.read(snapshot)
        };
        json(&api.readers.read(call.caller, read).await?)
    })
}
