//! What was found about a workspace before the worker started: from the run's files to the board.

use actix::{ActorFutureExt as _, AsyncContext as _, Context, WrapFuture as _};

use super::{WRITE_AGAIN, Worker, is_retryable};
use crate::actors::database::Submit;
use crate::kernel::verbs::RecordPrepared;
use crate::os::run_files::directory::read_prepared;
use crate::os::workspaces::worktree_report::PreparedWorktree;

impl Worker {
    /// Tells the board, if there is something to tell. Until it has it, the run's file says the same.
    pub(super) fn record_prepared(&mut self, context: &mut Context<Self>) {
        let printed = match read_prepared(&self.run_dir) {
            Ok(Some(printed)) => printed,
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(run = self.run_id, %error, "the report about a workspace cannot be read");
                return;
            }
        };
        let Some(found) = PreparedWorktree::read(&printed) else { return };
        let PreparedWorktree { branch, is_reused, notes } = found;
        let verb = RecordPrepared { run_id: self.run_id, branch, is_reused, notes };
        let database = self.deps.database.clone();
        let submit = async move { database.submit(Submit::by_system("worker", verb)).await };
        context.spawn(submit.into_actor(self).map(|answer, worker, context| {
            if let Err(error) = answer {
                tracing::warn!(run = worker.run_id, %error, "the report about a workspace cannot be recorded");
                if is_retryable(&error) {
                    context.run_later(WRITE_AGAIN, Self::record_prepared);
                }
            }
        }));
    }
}
