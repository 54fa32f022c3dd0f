//! Every request that writes, one file per group of verbs. A verb's struct is also its wire format: the socket, the CLI
//! and the MCP tools all send these fields, unknown ones are refused.

mod assign;
mod attach;
mod breakers;
mod claim;
mod comment;
mod create;
mod create_batch;
mod dispatch;
mod edit;
mod ending;
mod gc;
mod launch;
mod leasing;
mod link;
mod operate;
mod prepared;
mod rate_limit;
mod room;
mod settings;
mod stalled;
mod stop;
mod subscribe;
mod supervise;
mod unblock;
mod verdict;

pub use assign::{ArchiveReply, ArchiveTask, AssignReply, AssignTask, UnlinkReply, UnlinkTasks};
pub use attach::{AttachFile, AttachReply, DetachFile, DetachReply, check_attach};
pub use breakers::{BreakerInfo, BreakerScope, ListBreakers, ResetBreaker};
pub use claim::{ClaimReply, ClaimTask, HeartbeatReply, HeartbeatTask};
pub use comment::{CommentReply, CommentTask};
pub use create::{CreateReply, CreateTask};
pub use create_batch::{CreateTasks, CreateTasksReply, RefusedTask};
pub use dispatch::{
    ClampTimes, DispatchPreview, DispatchReport, PassMode, PassReply, PromoteReleased, Resume,
    RunOrder, SpawnedTask, StartReadyRuns, preview_dispatch,
};
pub use edit::{EditReply, EditTask};
pub use gc::{CollectGarbage, CollectReply, EVENTS_FLOOR, collectable};
pub use launch::{Launch, LaunchFooting, RecordDoubt};
pub use leasing::{UnseenPath, task_paths, unknown_workspace};
pub use link::{LinkReply, LinkTasks};
pub use operate::{PromoteReply, PromoteTask, ReassignTask, ReclaimReply, ReclaimTask};
pub use prepared::RecordPrepared;
pub use rate_limit::{RateLimitReply, RateLimitTask};
pub(in crate::kernel) use settings::switch_dispatch;
pub use settings::{
    CreateBoard, CreateBoardReply, DispatchSwitch, Hold, SetDispatch, SetDispatchReply,
};
pub use stalled::EndStalledRun;
pub use stop::{AfterStop, StopTask};
pub use subscribe::{
    AdvanceSubscription, Subscribe, SubscribeReply, Unsubscribe, UnsubscribeReply,
};
pub use supervise::{CloseReply, CloseRun, ProcessIds, RecordRunState, RecordSpawned};
pub use unblock::{UnblockReply, UnblockTask};
pub use verdict::{BlockTask, CompleteTask, VerdictReply};

use crate::kernel::caller::Caller;
use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::event::EventKind;
use crate::kernel::ids::TaskId;
use crate::kernel::run::Run;
use crate::kernel::store;
use crate::kernel::task::{Task, TaskStatus};
use crate::kernel::tx::{Signal, Tx};

/// The run of the calling worker, as its row says; none for everybody else.
fn callers_run(tx: &Tx<'_>) -> Result<Option<Run>, VerbError> {
    let Caller::Worker { run_id, .. } = tx.caller else { return Ok(None) };
    match store::runs::get(tx.store(), *run_id)? {
        Some(run) => Ok(Some(run)),
        None => {
            Err(Refusal::RunOver { run_id: *run_id, detail: "it is not known".to_owned() }.into())
        }
    }
}

/// Refuses a worker whose run has ended.
fn refuse_ended_run(tx: &Tx<'_>) -> Result<(), VerbError> {
    match callers_run(tx)? {
        Some(run) if run.ended_at.is_some() => Err(run_over(&run).into()),
        Some(_) | None => Ok(()),
    }
}

/// Refuses a worker whose run is closed, or was ended by somebody else: after its own verdict it may still comment.
fn refuse_ousted_run(tx: &Tx<'_>) -> Result<(), VerbError> {
    match callers_run(tx)? {
        Some(run) if !run.is_open() => Err(run_over(&run).into()),
        Some(run)
            if run.ended_at.is_some()
                && run.verdict_by.as_deref() != Some(tx.caller.actor().as_str()) =>
        {
            Err(run_over(&run).into())
        }
        Some(_) | None => Ok(()),
    }
}

fn run_over(run: &Run) -> Refusal {
    let detail = match (run.outcome, run.verdict_by.as_deref()) {
        (Some(outcome), Some(by)) => format!("{outcome} by {by}"),
        (Some(outcome), None) => outcome.to_string(),
        (None, _) => "it has no outcome".to_owned(),
    };
    Refusal::RunOver { run_id: run.id, detail }
}

/// Makes every child ready that waited for `parent` alone.
fn promote_released_children(tx: &mut Tx<'_>, parent: &TaskId) -> Result<usize, VerbError> {
    let children = store::links::list_released_children(tx.store(), parent)?;
    let mut promoted = 0;
    for child in children {
        promoted += usize::from(promote(tx, &child)?);
    }
    Ok(promoted)
}

/// Makes a `todo` task ready; false when it is not `todo`.
pub(in crate::kernel) fn promote(tx: &mut Tx<'_>, id: &TaskId) -> Result<bool, VerbError> {
    let Some(task) = store::tasks::get(tx.store(), id)? else { return Ok(false) };
    if task.status != TaskStatus::Todo {
        return Ok(false);
    }
    store::tasks::set_status(tx.store(), id, TaskStatus::Todo, TaskStatus::Ready, None, tx.now)?;
    tx.count(&task, Some(TaskStatus::Todo), Some(TaskStatus::Ready));
    tx.event(&task, None, EventKind::Promoted, None)?;
    tx.signal(Signal::DispatchDue);
    Ok(true)
}

/// The task as it is now, after a verb changed it.
pub(in crate::kernel) fn reread(tx: &Tx<'_>, id: &TaskId) -> Result<Task, VerbError> {
    store::tasks::get(tx.store(), id)?
        .ok_or_else(|| Refusal::UnknownTask { id: id.to_string() }.into())
}
