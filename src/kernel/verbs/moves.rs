//! How a task moves: the one function that changes a task's status, and the one that changes the state of an open run.

use crate::kernel::error::{Fault, VerbError};
use crate::kernel::event::EventBody;
use crate::kernel::ids::{EpochSeconds, RunId, TaskId};
use crate::kernel::rules::landing::{LandingFacts, landing};
use crate::kernel::rules::review;
use crate::kernel::run::{Run, RunState, RunStep};
use crate::kernel::store;
use crate::kernel::store::tasks::{self, Arrival, Start};
use crate::kernel::task::{HUMAN, Landing, Task, TaskStatus, TaskStep};
use crate::kernel::tx::{Signal, Tx};
use crate::kernel::verbs::questions;

/// Why a task moves, and what goes with it.
#[derive(Debug, Clone)]
pub(in crate::kernel) struct Cause<'a> {
    /// The verb that a refusal names.
    pub verb: &'static str,
    /// The run that the event belongs to.
    pub run_id: Option<RunId>,
    /// The event that tells of it.
    pub event: EventBody<'a>,
    /// What else its row says from then on.
    pub arrival: Arrival<'a>,
}

impl<'a> Cause<'a> {
    /// A cause with nothing beside its event.
    pub(in crate::kernel) fn of(
        verb: &'static str,
        run_id: Option<RunId>,
        event: EventBody<'a>,
    ) -> Self {
        Self { verb, run_id, event, arrival: Arrival::Plain }
    }

    /// The same, and no automatic start before a time.
    pub(in crate::kernel) fn not_before(self, not_before: Option<EpochSeconds>) -> Self {
        self.with(Arrival::NotBefore(not_before))
    }

    /// The same, and what its row says beside the status.
    pub(in crate::kernel) fn with(self, arrival: Arrival<'a>) -> Self {
        Self { arrival, ..self }
    }
}

impl Tx<'_> {
    /// Where a task lands that goes on now, with the parents that it has.
    ///
    /// # Errors
    /// A fault of the database.
    pub(in crate::kernel) fn landing(&self, task: &Task) -> Result<Landing, Fault> {
        let parents = store::links::parents_of(self.store(), &task.id)?;
        Ok(landing(LandingFacts::of(task, parents), self.now))
    }

    /// Appends the event of a change of the task's fields, whose id is the version of its row from then on.
    ///
    /// # Errors
    /// A fault of the database.
    pub(in crate::kernel) fn changed(
        &mut self,
        task: &Task,
        event: &EventBody<'_>,
    ) -> Result<(), VerbError> {
        let version = self.event(task, None, event)?;
        Ok(tasks::set_version(self.store(), &task.id, version)?)
    }

    /// Moves an open run by a step of its state machine; nothing when it has no such step. Returns its state from then on.
    ///
    /// # Errors
    /// A fault of the database.
    pub(in crate::kernel) fn move_run(&self, run: &Run, step: RunStep) -> Result<RunState, Fault> {
        let Some(state) = run.state.after(step) else { return Ok(run.state) };
        store::runs::set_state(self.store(), run.id, state)?;
        Ok(state)
    }

    /// Moves a task by a step of its state machine: derives the new status, writes the row, counts, appends the event, and
    /// signals when it is ready. `task` is the row as it was read in this transaction. Returns the new status.
    ///
    /// # Errors
    /// [`crate::kernel::error::Refusal::WrongStatus`] when the step cannot be taken; [`Fault::Corrupt`] when the row is not what
    /// was read.
    pub(in crate::kernel) fn move_task(
        &mut self,
        task: &Task,
        step: TaskStep,
        cause: &Cause<'_>,
    ) -> Result<TaskStatus, VerbError> {
        let to = Self::step(task, step, cause.verb, "")?;
        let version = self.event(task, cause.run_id, &cause.event)?;
        let arrival = &cause.arrival;
        let given = if let Arrival::PersonReviews { why } = arrival { Some(*why) } else { None };
        let why = match given {
            Some(why) => Some(why.to_owned()),
            None if to == TaskStatus::Review => review::person_instead(task, self.policy),
            None => None,
        };
        let is_reviewed = |name: &str| to == TaskStatus::Review && name != HUMAN && why.is_none();
        let is_pending =
            to == TaskStatus::Ready || task.reviewer.as_deref().is_some_and(is_reviewed);
        let start = Start { is_pending, review_why: why.as_deref() };
        let is_moved = tasks::set_status(
            self.store(),
            &task.id,
            (task.status, to),
            (arrival, start),
            (version, self.now),
        )?;
        if !is_moved {
            let value = format!("{} is not {}", task.id, task.status);
            return Err(Fault::Corrupt { what: "status of a task", value }.into());
        }
        // One that is archived has not been let go: brought back, it waits again.
        if task.status == TaskStatus::Triage && to != TaskStatus::Archived {
            store::worker_tasks::let_go(self.store(), &task.id)?;
        }
        self.count(task, Some(task.status), Some(to));
        if task.status == TaskStatus::Blocked {
            questions::withdraw_of_block(self, task)?;
        }
        if is_pending {
            self.signal(Signal::DispatchDue);
        }
        let start_at = task.start_at.filter(|_| to == TaskStatus::Scheduled);
        let due_at = task.due_at.filter(|_| task.status.satisfies_children());
        for at in [start_at, due_at].into_iter().flatten() {
            self.signal(Signal::TimeSet { at });
        }
        Ok(to)
    }

    /// Has the last run of a task that is to start again linger no longer: the next attempt waits for its slot.
    ///
    /// # Errors
    /// A fault of the database.
    pub(in crate::kernel) fn stop_open_run(&mut self, id: &TaskId) -> Result<(), Fault> {
        if let Some(open) = store::runs::get_open(self.store(), id)? {
            self.signal(Signal::StopRun { run_id: open.id });
        }
        Ok(())
    }
}
