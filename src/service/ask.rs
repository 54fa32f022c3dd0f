//! Asking while the run goes on: the reply says how long the asker may wait at once.

use std::sync::Arc;

use crate::kernel::caller::Caller;
use crate::kernel::verbs::{AskReply, AskTask};
use crate::os::host::clock::epoch_seconds;
use crate::service::{Requester, Service, ServiceError};

/// Time before the end of a run at which its last call returns, seconds: enough to block with the question.
const LAST_CALL_SECONDS: i64 = 60;

/// Asks a question, or finds the one that this run has asked. Where nothing pauses the time limit of the run, the last wait is over
/// a minute before it.
///
/// # Errors
/// A refusal or a fault.
pub async fn ask(
    service: Arc<Service>,
    by: Requester,
    verb: AskTask,
) -> Result<AskReply, ServiceError> {
    let fixed_end = match &by.caller {
        Caller::Worker { run_id, .. } => service.live_runs.fixed_end(*run_id),
        Caller::Operator { .. } | Caller::Courier | Caller::Chat(_) | Caller::System { .. } => None,
    };
    let mut reply = service.database.submit(by.submit(verb)).await?;
    if let Some(end) = fixed_end {
        let left_ms = (end - LAST_CALL_SECONDS - epoch_seconds()).max(0).unsigned_abs() * 1000;
        reply.is_last_call = left_ms <= reply.wait_ms;
        reply.wait_ms = reply.wait_ms.min(left_ms);
    }
    Ok(reply)
}
