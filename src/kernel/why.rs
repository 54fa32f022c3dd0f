//! Why a task is not running: the one reason, the first that holds, in the order in which a dispatch pass would meet them.
//!
//! The reason of a task that does not wait for a start follows from its status. For a ready task the rules say what is in the way
//! ([`crate::kernel::rules::start`]), and the next pass, walked through by reading, says whether it starts or what is before it.

mod facts;
mod words;

use crate::kernel::error::Fault;
use crate::kernel::next_pass::{NextPass, View, has_ended_claim};
pub use crate::kernel::rules::reason::Reason;
use crate::kernel::rules::start::{self, TaskFacts};
use crate::kernel::run::RunState;
use crate::kernel::standing::total_runtime;
use crate::kernel::store;
use crate::kernel::task::{Task, TaskStatus};
use facts::Facts;

/// The reasons of the tasks of one snapshot. The next pass is walked through once for all of them, if one of them asks for it.
pub struct Why<'a> {
    view: View<'a>,
    next_pass: Option<NextPass<'a>>,
}

impl<'a> Why<'a> {
    /// For tasks as `view` has them.
    pub fn new(view: View<'a>) -> Self {
        Self { view, next_pass: None }
    }

    /// Why `task` is not running.
    ///
    /// # Errors
    /// A fault of the database.
    pub fn reason(&mut self, task: &Task) -> Result<Reason, Fault> {
        let facts = Facts::read(self.view.connection, task)?;
        if let (Some(run), Some(error)) = (&facts.open_run, &facts.doubt)
            && matches!(task.status, TaskStatus::Running | TaskStatus::Ready | TaskStatus::Review)
        {
            return Ok(Reason::RunUnknown { run_id: run.id, error: error.clone() });
        }
        let is_unkillable =
            facts.open_run.as_ref().is_some_and(|run| run.state == RunState::Unkillable);
        let may_ask = matches!(task.status, TaskStatus::Running | TaskStatus::Blocked);
        if may_ask
            && !is_unkillable
            && let Some(open) = store::questions::get_open(self.view.connection, &task.id)?
        {
            // Its default lets the task go on.
            let is_due = open.deadline_at.is_some_and(|at| at <= self.view.now);
            if is_due && self.next_pass()?.does_start(&task.id) {
                return Ok(Reason::StartsNext);
            }
            let run_id = open.run_id.filter(|_| !open.blocks);
            return Ok(Reason::Question { question: open.id.to_string(), text: open.text, run_id });
        }
        Ok(match task.status {
            TaskStatus::Running => self.of_running(task, &facts)?,
            TaskStatus::Done => Reason::Done,
            TaskStatus::Archived => Reason::Archived,
            TaskStatus::Triage => {
                Reason::Triage { held: store::worker_tasks::held(self.view.connection, &task.id)? }
            }
            TaskStatus::Todo => Reason::Dependency { open_parents: facts.open_parents },
            TaskStatus::Scheduled => self.of_scheduled(task)?,
            TaskStatus::Review if task.queue_profile().is_some() => self.of_ready(task, &facts)?,
            TaskStatus::Review => {
                let reviewer = task.acting_reviewer().map(str::to_owned);
                Reason::Review { reviewer, why: task.review_why.clone() }
            }
            TaskStatus::Blocked => {
                Reason::Blocked { why: facts.block_reason, gave_up: facts.gave_up }
            }
            TaskStatus::Ready => self.of_ready(task, &facts)?,
        })
    }

    fn of_scheduled(&mut self, task: &Task) -> Result<Reason, Fault> {
        let until = task.start_at.filter(|_| !task.parked);
        let is_due = until.is_some_and(|until| until <= self.view.now);
        if is_due && self.next_pass()?.does_start(&task.id) {
            return Ok(Reason::StartsNext);
        }
        Ok(Reason::Scheduled { until })
    }

    fn of_running(&mut self, task: &Task, facts: &Facts) -> Result<Reason, Fault> {
        if facts.open_run.as_ref().is_some_and(|run| run.state == RunState::Unkillable) {
            let run_id = task.current_run_id.unwrap_or_default();
            return Ok(Reason::PreviousRunUnkillable { run_id });
        }
        let View { connection, now, .. } = self.view;
        if has_ended_claim(connection, task, now)? && self.next_pass()?.does_start(&task.id) {
            return Ok(Reason::StartsNext);
        }
        let by = task.claim_lock.clone().unwrap_or_default();
        let open_parents = facts.open_parents.clone();
        Ok(Reason::Running { run_id: task.current_run_id, by, open_parents })
    }

    fn of_ready(&mut self, task: &Task, facts: &Facts) -> Result<Reason, Fault> {
        let View { connection, policy, now, asker, .. } = self.view;
        let assignee = task.assignee.as_deref().unwrap_or_default();
        let facts = TaskFacts {
            task,
            is_of_person: store::people::contains(connection, assignee)?,
            open_run: facts.open_run.as_ref().map(|run| (run.id, run.state)),
            total_runtime_seconds: total_runtime(connection, policy, &task.id)?,
            now,
            is_automatic: asker.is_automatic,
        };
        match start::task(&facts, policy) {
            Err(reason) => Ok(reason),
            Ok(()) => self.next_pass()?.reason(task),
        }
    }

    fn next_pass(&mut self) -> Result<&NextPass<'a>, Fault> {
        let next_pass = match self.next_pass.take() {
            Some(next_pass) => next_pass,
            None => NextPass::look(self.view)?,
        };
        Ok(self.next_pass.insert(next_pass))
    }
}
