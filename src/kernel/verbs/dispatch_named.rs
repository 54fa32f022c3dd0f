//! `dispatch ID…`: a person's pass over these tasks alone. Limits, breakers and pause hold for it; a task that does not start is
//! answered with its reason.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::ids::TaskId;
use crate::kernel::next_pass::View;
use crate::kernel::rules::reason::Reason;
use crate::kernel::rules::start::{self, TaskFacts};
use crate::kernel::shorten::shorten;
use crate::kernel::standing::{Asker, Standing};
use crate::kernel::store;
use crate::kernel::store::leases::Wait;
use crate::kernel::task::{Task, TaskStatus};
use crate::kernel::tx::Tx;
use crate::kernel::verbs::dispatch::{PassReply, StartReadyRuns};
use crate::kernel::verbs::leasing::{self, Changes, Finding, Lease, Sight};
use crate::kernel::why::Why;

/// A named task that was not started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotStarted {
    /// The task.
    pub task_id: String,
    /// The reason, as `why` names it.
    pub reason: String,
    /// The reason, in one line for people.
    pub explanation: String,
}

/// What the pass has started so far.
#[derive(Default)]
struct Started {
    total: u32,
    by_profile: BTreeMap<String, u32>,
}

impl StartReadyRuns {
    /// Claims the named tasks that may start, in their order.
    pub(super) fn start_named(
        &self,
        tx: &mut Tx<'_>,
        standing: &Standing,
        reply: &mut PassReply,
    ) -> Result<(), VerbError> {
        let mut started = Started::default();
        for id in &self.only {
            let task = tx.reread(id)?;
            match self.lease_of(tx, standing, &started, &task)? {
                Ok(lease) => {
                    reply.orders.push(self.claim(tx, &task, lease, standing)?);
                    started.total += 1;
                    let profile = task.queue_profile().unwrap_or_default().to_owned();
                    *started.by_profile.entry(profile).or_default() += 1;
                }
                Err(reason) => reply.not_started.push(NotStarted {
                    task_id: id.to_string(),
                    reason: reason.name().to_owned(),
                    explanation: reason.explanation(),
                }),
            }
        }
        Ok(())
    }

    /// The lease under which a task may start now, or why it does not.
    fn lease_of(
        &self,
        tx: &mut Tx<'_>,
        standing: &Standing,
        started: &Started,
        task: &Task,
    ) -> Result<Result<Lease, Reason>, VerbError> {
        if task.status != TaskStatus::Ready && task.queue_profile().is_none() {
            return Ok(Err(self.why(tx, task)?));
        }
        if let Err(reason) = room(tx, standing, started, task) {
            return Ok(Err(reason));
        }
        let open = store::runs::get_open(tx.store(), &task.id)?;
        let assignee = task.assignee.as_deref().unwrap_or_default();
        let facts = TaskFacts {
            task,
            is_of_person: tx.people.contains(tx.connection, assignee)?,
            open_run: open.map(|run| (run.id, run.state)),
            total_runtime_seconds: 0, // A person's pass does not mind it.
            now: tx.now,
            is_automatic: false,
        };
        if let Err(reason) = start::task(&facts, tx.policy) {
            return Ok(Err(reason));
        }
        let changes = Changes::default();
        let (connection, policy, now) = (tx.store(), tx.policy, tx.now);
        let sight = Sight { connection, policy, now, looks: &self.looks, changes: &changes };
        match leasing::find(sight, task)? {
            Finding::Free(lease) => Ok(Ok(*lease)),
            Finding::Waits { wait: Wait { key, because }, reason } => {
                store::leases::wait_for(tx.store(), &task.id, &key, because.as_deref())?;
                Ok(Err(reason.unwrap_or(Reason::Behind { others: 1 })))
            }
        }
    }

    fn why(&self, tx: &Tx<'_>, task: &Task) -> Result<Reason, VerbError> {
        let view = View {
            connection: tx.store(),
            policy: tx.policy,
            now: tx.now,
            asker: Asker { is_automatic: false, low_disk_bytes: self.is_disk_low.then_some(0) },
            max: None,
            looks: &self.looks,
        };
        Ok(Why::new(view).reason(task)?)
    }
}

/// Whether board, host and profile have room for one more.
fn room(tx: &Tx<'_>, standing: &Standing, started: &Started, task: &Task) -> Result<(), Reason> {
    standing.board.clone()?;
    let free = standing.slots.clone()?;
    let max_running = tx.policy.max_running;
    start::slots(max_running.saturating_sub(free) + started.total, max_running)?;
    let profile = task.queue_profile().unwrap_or_default();
    let room = standing.room(profile, tx.policy, tx.now)?;
    let of_profile = started.by_profile.get(profile).copied().unwrap_or_default();
    if of_profile < room {
        return Ok(());
    }
    Err(match tx.policy.max_running_by_profile.get(profile) {
        Some(max_running) => {
            Reason::ProfileCap { open_runs: *max_running, max_running: *max_running }
        }
        // Its breaker lets one through to try.
        None => Reason::ProfileBreaker { until: None, error: None },
    })
}

/// Ids of tasks as a request names them.
///
/// # Errors
/// [`Refusal::UnknownTask`] for one that is malformed.
pub fn named_tasks(ids: &[String]) -> Result<Vec<TaskId>, Refusal> {
    let mut named: Vec<TaskId> = Vec::new();
    for given in ids {
        let unknown = || Refusal::UnknownTask { id: shorten(given) };
        let id = TaskId::parse(given).ok_or_else(unknown)?;
        if !named.contains(&id) {
            named.push(id);
        }
    }
    Ok(named)
}
