//! `reset_breaker`: a person closes a breaker; its failures are forgotten, and what it held back may start.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::breaker::{Breaker, BreakerKey};
use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::event::EventBody;
use crate::kernel::ids::TaskId;
use crate::kernel::queries::breakers::{BreakerInfo, of_task};
use crate::kernel::shorten::shorten;
use crate::kernel::store;
use crate::kernel::task::TaskStatus;
use crate::kernel::tx::{Signal, Tx};
use crate::kernel::verb::Verb;
use crate::kernel::verbs::unblock::UnblockTask;

/// Closes a breaker by a person's word: its failures are forgotten, and what it held back may start.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetBreaker {
    /// `task:ID`, `profile:NAME`, `workspace:PATH` or `host`.
    pub key: String,
}

impl Verb for ResetBreaker {
    /// The breaker as it stood before.
    type Reply = BreakerInfo;
    const NAME: &'static str = "reset_breaker";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<BreakerInfo, VerbError> {
        tx.caller.may_ask(Self::NAME)?;
        match (self.key.strip_prefix("task:"), BreakerKey::parse(&self.key)) {
            (Some(id), _) => self.let_task_go_on(tx, id),
            (None, Some(key)) => self.close(tx, &key),
            (None, None) => Err(Refusal::InvalidValue {
                field: "key",
                problem: "a breaker is task:ID, profile:NAME, workspace:PATH or host",
                value: shorten(&self.key),
            }
            .into()),
        }
    }
}

impl ResetBreaker {
    fn no_such(&self) -> VerbError {
        Refusal::UnknownBreaker { key: shorten(&self.key) }.into()
    }

    /// The same as unblocking it with all its starts, for a task that was given up and no other.
    fn let_task_go_on(&self, tx: &mut Tx<'_>, id: &str) -> Result<BreakerInfo, VerbError> {
        let task = tx.task(id, None, Self::NAME)?;
        let run = store::runs::get_latest(tx.store(), &task.id)?;
        let gave_up = run.filter(|run| {
            run.outcome == Some(crate::kernel::run::RunOutcome::GaveUp)
                && task.status == TaskStatus::Blocked
        });
        let Some(run) = gave_up else { return Err(self.no_such()) };
        let unblock = UnblockTask { id: task.id.to_string(), more_starts: true, board: None };
        unblock.run(tx)?;
        Ok(of_task((task, run.ended_at.unwrap_or_default())))
    }

    fn close(&self, tx: &mut Tx<'_>, key: &BreakerKey) -> Result<BreakerInfo, VerbError> {
        let breaker = store::breakers::get(tx.store(), key)?;
        if breaker.is_closed() && breaker.failures == 0 {
            return Err(self.no_such());
        }
        let first: Option<TaskId> = breaker.first_task_id.clone();
        store::breakers::put(tx.store(), &Breaker::closed(key.clone()), tx.now)?;
        tx.signal(Signal::BreakerMoved { key: key.to_text(), open_until: None });
        tx.signal(Signal::DispatchDue);
        let task = match first {
            Some(id) => store::tasks::get(tx.store(), &id)?,
            None => None,
        };
        if let Some(task) = task {
            let message = EventBody::BreakerReset { key: &key.to_text(), reset: true };
            tx.event(&task, None, &message)?;
        }
        Ok(breaker.into())
    }
}
