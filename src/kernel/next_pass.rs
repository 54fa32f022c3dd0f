//! What the next pass will do, determined by reading: for `kanban why`, and for a dry run.
//!
//! A pass first writes what time and others have changed (starts and defaults that are due, claims that ended, back-offs and waits that
//! are over) and then walks.
//! Here the walk ([`crate::kernel::dispatch::walk`]) and every decision ([`crate::kernel::rules::start`]) are the same; what a
//! pass would have written is kept beside the rows. `tests/board/starts.rs` holds the two against each other.

use std::collections::{BTreeMap, BTreeSet};

use crate::kernel::breaker::Gate;
use crate::kernel::dispatch::{Bounds, Candidates, Lane, QueueKey, Tried, walk};
use crate::kernel::error::Fault;
use crate::kernel::ids::{EpochSeconds, TaskId};
use crate::kernel::limits::{
    BEHIND_COUNTED_MAX, DUE_PER_PASS, STARTS_PER_PASS_MAX, WAITS_PER_PASS_MAX,
    WAITS_PER_REQUEST_MAX,
};
use crate::kernel::location::Looks;
use crate::kernel::policy::Policy;
use crate::kernel::rules::landing::{LandingFacts, landing};
use crate::kernel::rules::question::{AtDeadline, at_deadline};
use crate::kernel::rules::reason::Reason;
use crate::kernel::rules::start::{self, TaskFacts};
use crate::kernel::standing::{Asker, Standing, list_assignees, total_runtime};
use crate::kernel::store::leases::Wait;
use crate::kernel::store::{self, Connection};
use crate::kernel::task::{Task, TaskStatus};
use crate::kernel::verbs::leasing::{self, Changes, Finding, Release, Sight};

/// What the next pass is computed from.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// The board, inside one transaction.
    pub connection: &'a Connection,
    /// What the operator decided.
    pub policy: &'a Policy,
    /// The time, epoch seconds.
    pub now: EpochSeconds,
    /// Who will ask for the pass.
    pub asker: Asker,
    /// Maximum number of starts; none = no limit given.
    pub max: Option<u32>,
    /// What paths lead to, as far as the pass will know it.
    pub looks: &'a Looks,
}

impl View<'_> {
    fn sight<'s>(&'s self, changes: &'s Changes) -> Sight<'s> {
        let Self { connection, policy, now, looks, .. } = *self;
        Sight { connection, policy, now, looks, changes }
    }

    fn bounds(&self, standing: &Standing) -> Bounds {
        let board = standing.board.clone().unwrap_or_default();
        bounds(self.asker.is_automatic, self.max, standing.slots.clone().unwrap_or_default(), board)
    }
}

/// How far a pass goes.
pub fn bounds(is_automatic: bool, max: Option<u32>, free_slots: u32, by_board: u32) -> Bounds {
    let (most, max_aside) = if is_automatic {
        (u32::try_from(STARTS_PER_PASS_MAX).unwrap_or(u32::MAX), WAITS_PER_PASS_MAX)
    } else {
        (max.unwrap_or(u32::MAX), WAITS_PER_REQUEST_MAX)
    };
    Bounds { free_slots, max_starts: most.min(by_board), max_aside }
}

/// The next pass.
pub struct NextPass<'a> {
    view: View<'a>,
    standing: Standing,
    lanes: Vec<Lane>,
    changes: Changes,
    /// Tasks outside their queues that stand in them by then.
    back: BTreeMap<String, BTreeSet<QueueKey>>,
    /// The status that tasks have by then which go on at a time.
    landed: BTreeMap<TaskId, TaskStatus>,
    starts: Vec<(TaskId, String)>,
    /// Tasks that are put aside, with the reason where the rows have one.
    aside: BTreeMap<TaskId, Option<Reason>>,
}

impl<'a> NextPass<'a> {
    /// Walks through it.
    ///
    /// # Errors
    /// A fault of the database.
    pub fn look(view: View<'a>) -> Result<Self, Fault> {
        let standing = Standing::read(view.connection, view.policy, view.now, view.asker)?;
        let mut pass = Self {
            view,
            standing,
            lanes: Vec::new(),
            changes: Changes::default(),
            back: BTreeMap::new(),
            landed: BTreeMap::new(),
            starts: Vec::new(),
            aside: BTreeMap::new(),
        };
        let bounds = view.bounds(&pass.standing);
        if bounds.free_slots == 0 || bounds.max_starts == 0 {
            return Ok(pass);
        }
        pass.start_due()?;
        pass.answer_due()?;
        pass.take_back_claims()?;
        pass.let_go_on()?;
        let mut assignees = list_assignees(view.connection, !view.asker.is_automatic)?;
        for assignee in pass.back.keys() {
            let is_entered = store::people::contains(view.connection, assignee)?;
            assignees.push((assignee.clone(), is_entered));
        }
        pass.lanes = pass.standing.lanes(assignees, view.policy, view.now);
        walk(&pass.lanes.clone(), bounds, &mut pass)?;
        Ok(pass)
    }

    /// What starts, in order, with the assignees.
    pub fn starts(&self) -> &[(TaskId, String)] {
        &self.starts
    }

    /// Why the pass starts nothing at all, when there is such a reason.
    pub fn held(&self) -> Option<&Reason> {
        self.standing.board.as_ref().err()
    }

    /// Whether it starts `id`.
    pub fn does_start(&self, id: &TaskId) -> bool {
        self.starts.iter().any(|(started, _)| started == id)
    }

    /// Why a ready task does not start in it, as far as that does not lie with the task itself.
    ///
    /// # Errors
    /// A fault of the database.
    pub fn reason(&self, task: &Task) -> Result<Reason, Fault> {
        let assignee = task.start_profile().unwrap_or_default();
        let room = self.standing.room(assignee, self.view.policy, self.view.now);
        let rooms = [&self.standing.board, &room, &self.standing.slots];
        if let Some(Err(reason)) = rooms.into_iter().find(|room| room.is_err()) {
            return Ok(reason.clone());
        }
        if self.does_start(&task.id) {
            return Ok(Reason::StartsNext);
        }
        if let Some(Some(reason)) = self.aside.get(&task.id) {
            return Ok(reason.clone());
        }
        let waits = store::leases::wait_of(self.view.connection, &task.id)?;
        if let Some(wait) = waits
            && !self.is_back(assignee, task)
            && let Some(reason) = self.location_reason(&wait)?
        {
            return Ok(reason);
        }
        self.behind(assignee, task, room.unwrap_or_default())
    }

    fn is_back(&self, assignee: &str, task: &Task) -> bool {
        self.back.get(assignee).is_some_and(|keys| keys.contains(&key_of(task)))
    }

    fn location_reason(&self, wait: &Wait) -> Result<Option<Reason>, Fault> {
        let facts = leasing::location_facts(self.view.sight(&self.changes), wait)?;
        Ok(start::location(&facts).err())
    }

    /// Its rank among those of its own profile, while they take all of its room; else among all that come before it.
    fn behind(&self, assignee: &str, task: &Task, room: u32) -> Result<Reason, Fault> {
        let key = key_of(task);
        let count = |assignee: &str, limit: u32| {
            store::queue::count_before(self.view.connection, assignee, &key, limit)
        };
        let mut others = count(assignee, BEHIND_COUNTED_MAX)?;
        if others < room {
            for lane in self.lanes.iter().filter(|lane| lane.assignee != assignee) {
                let left = BEHIND_COUNTED_MAX.saturating_sub(others);
                others += count(&lane.assignee, lane.room.min(left))?;
            }
        }
        // Nothing but another one keeps it from starting, be it one that stands in no queue yet.
        Ok(Reason::Behind { others: others.max(1) })
    }

    /// As the pass lets scheduled tasks go on whose time has come.
    fn start_due(&mut self) -> Result<(), Fault> {
        let View { connection, now, .. } = self.view;
        for id in store::tasks::list_start_due(connection, now, DUE_PER_PASS)? {
            self.land(&id)?;
        }
        Ok(())
    }

    /// As the pass answers questions by default, and lets the tasks go on that are blocked for them.
    fn answer_due(&mut self) -> Result<(), Fault> {
        let View { connection, now, .. } = self.view;
        for question in store::questions::list_due(connection, now, DUE_PER_PASS)? {
            let has_default = question.default_answer.is_some();
            let is_answered =
                at_deadline(question.blocks, has_default) == AtDeadline::AnswerByDefault;
            if question.blocks && is_answered {
                self.land(&question.task_id)?;
            }
        }
        Ok(())
    }

    /// Lets a task go on, into its queue if it is ready by then.
    fn land(&mut self, id: &TaskId) -> Result<(), Fault> {
        let View { connection, now, .. } = self.view;
        let Some(mut task) = store::tasks::get(connection, id)? else { return Ok(()) };
        let parents = store::links::parents_of(connection, id)?;
        task.status = landing(LandingFacts::of(&task, parents), now).status();
        let has_open_run = store::runs::get_open(connection, id)?.is_some();
        if let (Some(profile), false) = (task.queue_profile(), has_open_run) {
            self.back.entry(profile.to_owned()).or_default().insert(key_of(&task));
            self.landed.insert(id.clone(), task.status);
        }
        Ok(())
    }

    /// As the pass takes back the manual claims that have ended.
    fn take_back_claims(&mut self) -> Result<(), Fault> {
        let View { connection, now, .. } = self.view;
        for id in store::tasks::list_expired_claims(connection, now)? {
            let Some(task) = store::tasks::get(connection, &id)? else { continue };
            if has_ended_claim(connection, &task, now)? {
                self.changes.closed.extend(task.current_run_id);
                let key = key_of(&task);
                self.back.entry(task.assignee.unwrap_or_default()).or_default().insert(key);
            }
        }
        Ok(())
    }

    /// As the pass lets those go on whose back-off or wait is over.
    fn let_go_on(&mut self) -> Result<(), Fault> {
        let View { connection, now, asker, .. } = self.view;
        let with_backoff = !asker.is_automatic;
        let mut back = store::queue::list_due(connection, now)?;
        for key in store::leases::list_wanted(connection)? {
            match leasing::release(self.view.sight(&self.changes), &key)? {
                Release::Nobody | Release::NobodyBecause(_) => {}
                Release::Heads => back.extend(store::queue::list_waiting_heads(
                    connection,
                    &key,
                    with_backoff,
                    now,
                )?),
                Release::Everybody => {
                    back.extend(store::queue::list_waiting(connection, &key, with_backoff, now)?);
                }
            }
        }
        for task in back {
            self.back.entry(task.profile).or_default().insert(task.key);
        }
        Ok(())
    }
}

impl Candidates for NextPass<'_> {
    type Error = Fault;

    fn next(
        &mut self,
        assignee: &str,
        after: Option<&QueueKey>,
    ) -> Result<Option<QueueKey>, Fault> {
        let with_backoff = !self.view.asker.is_automatic;
        let queued = store::queue::next(self.view.connection, assignee, after, with_backoff)?;
        let mut back = self.back.get(assignee).into_iter().flatten();
        let back = back.find(|key| after.is_none_or(|after| *key > after)).cloned();
        Ok(match (queued, back) {
            (Some(queued), Some(back)) => Some(queued.min(back)),
            (queued, back) => queued.or(back),
        })
    }

    fn try_start(&mut self, id: &TaskId) -> Result<Tried, Fault> {
        let View { connection, policy, now, asker, .. } = self.view;
        let Some(mut task) = store::tasks::get(connection, id)? else { return Ok(Tried::PutAside) };
        task.status = self.landed.get(id).copied().unwrap_or(task.status);
        let facts = TaskFacts {
            task: &task,
            is_of_person: false, // No lane is a person's.
            open_run: None,      // The queue has none that has one.
            total_runtime_seconds: total_runtime(connection, policy, id)?,
            now,
            is_automatic: asker.is_automatic,
        };
        if let Err(reason) = start::task(&facts, policy) {
            return Ok(if reason.is_used_up() { Tried::GivenUp } else { Tried::PutAside });
        }
        match leasing::find(self.view.sight(&self.changes), &task)? {
            Finding::Free(lease) => {
                self.changes.taken.extend(lease.keys);
                if let Some(breaker) = lease.breaker
                    && breaker.gate(now) == Gate::Probe
                {
                    self.changes.probed.insert(breaker.key);
                }
                self.starts.push((id.clone(), task.start_profile().unwrap_or_default().to_owned()));
                Ok(Tried::Started)
            }
            Finding::Waits { reason, .. } => {
                self.aside.insert(id.clone(), reason);
                Ok(Tried::PutAside)
            }
        }
    }
}

fn key_of(task: &Task) -> QueueKey {
    QueueKey { priority: std::cmp::Reverse(task.priority), seq: task.seq, id: task.id.clone() }
}

/// Whether a task has a manual claim that is expired and not yet taken back.
///
/// # Errors
/// A fault of the database.
pub fn has_ended_claim(
    connection: &Connection,
    task: &Task,
    now: EpochSeconds,
) -> Result<bool, Fault> {
    let has_ended = task.claim_expires.is_some_and(|end| end < now);
    if task.status != TaskStatus::Running || !has_ended {
        return Ok(false);
    }
    let Some(run_id) = task.current_run_id else { return Ok(true) };
    // A supervised run is as alive as its process, whatever a foreign hand wrote into the row.
    Ok(!store::runs::get(connection, run_id)?.is_some_and(|run| run.supervised))
}
