//! `rate_limited`: a worker says that its provider refuses work for now, and until when.
//!
//! No failure: nothing is counted against anybody, the task is ready again and starts when the time has come. What keeps a
//! provider that never recovers from being asked without end is the number of automatic starts that one task gets.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::actor::Actor;
use crate::kernel::caller::Caller;
use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::event::EventBody;
use crate::kernel::ids::{BoardName, EpochSeconds, RunId};
use crate::kernel::limits::RATE_LIMIT_SECONDS_MAX;
use crate::kernel::run::{Run, RunOutcome};
use crate::kernel::task::{Task, TaskStatus, TaskStep};
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::ending::{Ending, end_current_run};
use crate::kernel::verbs::fence::{callers_run, run_over};
use crate::kernel::verbs::moves::Cause;
use crate::kernel::{store, validate};

/// Ends the run of a task that cannot go on before its provider takes work again.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RateLimitTask {
    /// The task.
    pub id: String,
    /// Delay before the next attempt, seconds, at most a week; default: the configured delay.
    pub retry_after_seconds: Option<i64>,
    /// The provider's message.
    pub reason: Option<String>,
    /// Board of the task; refused when the task is on another board.
    pub board: Option<String>,
}

/// Result of `rate_limited`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "RateLimitReply")]
pub struct RateLimitReply<S = TaskStatus> {
    /// The task.
    pub id: String,
    /// Its board.
    #[schemars(with = "String")]
    pub board: BoardName,
    /// Its new status.
    pub status: S,
    /// The ended run.
    pub run_id: Option<RunId>,
    /// Earliest time of the next start, epoch seconds.
    pub retry_at: Option<EpochSeconds>,
    /// True when this run had already reported it.
    pub already: bool,
}

impl Verb for RateLimitTask {
    type Reply = RateLimitReply;
    const NAME: &'static str = "rate_limited";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<RateLimitReply, VerbError> {
        let task = tx.task(&self.id, self.board.as_deref(), Self::NAME)?;
        let reason = validate::body("reason", self.reason.as_deref())?;
        let error = reason.as_deref().map_or("the worker reached a rate limit", str::trim);
        let seconds = self.seconds(tx)?;
        if let Some(run) = callers_run(tx)?.filter(|run| run.ended_at.is_some()) {
            return already(tx, &task, &run);
        }
        let step = TaskStep::Requeue(tx.landing(&task)?);
        Tx::step(&task, step, "rate limit", " (not running)")?;
        let ending = Ending { error: Some(error), ..Ending::of(RunOutcome::RateLimited) };
        let run_id = end_current_run(tx, &task, &ending)?;
        store::tasks::set_last_error(tx.store(), &task.id, error)?;
        let retry_at = (seconds > 0).then(|| tx.now + seconds);
        if let (Some(run_id), Some(retry_at)) = (run_id, retry_at) {
            store::runs::set_retry_at(tx.store(), run_id, retry_at)?;
        }
        let message = EventBody::RateLimited { retry_at, reason: error };
        let cause = Cause::of("rate limit", run_id, message).not_before(retry_at);
        let to = tx.move_task(&task, step, &cause)?;
        let (id, board) = (task.id.to_string(), task.board);
        Ok(RateLimitReply { id, board, status: to, run_id, retry_at, already: false })
    }
}

impl RateLimitTask {
    fn seconds(&self, tx: &Tx<'_>) -> Result<i64, Refusal> {
        match self.retry_after_seconds {
            None => Ok(tx.policy.rate_limit_seconds),
            Some(seconds) if (1..=RATE_LIMIT_SECONDS_MAX).contains(&seconds) => Ok(seconds),
            Some(seconds) => Err(Refusal::InvalidValue {
                field: "retry_after_seconds",
                problem: "must be between 1 second and 7 days",
                value: seconds.to_string(),
            }),
        }
    }
}

/// The answer to a run that has ended: `already` when it has said the same before.
fn already(tx: &Tx<'_>, task: &Task, run: &Run) -> Result<RateLimitReply, VerbError> {
    let is_own = matches!(tx.caller, Caller::Worker { .. })
        && run.verdict_by.as_deref().map(Actor::from) == Some(tx.caller.actor());
    if !is_own || run.outcome != Some(RunOutcome::RateLimited) {
        return Err(run_over(run).into());
    }
    Ok(RateLimitReply {
        id: task.id.to_string(),
        board: task.board.clone(),
        status: task.status,
        run_id: Some(run.id),
        retry_at: run.retry_at,
        already: true,
    })
}
