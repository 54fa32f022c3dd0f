//! `dispatch`: one pass that takes back what expired, then claims what may start. The plan itself is [`crate::kernel::dispatch`];
//! limits are counted from the open runs inside the transaction that claims.

use serde::{Deserialize, Serialize};

use crate::kernel::breaker::{BreakerKey, Gate};
use crate::kernel::dispatch::{Candidates, QueueKey, Tried, walk};
use crate::kernel::dispatch_switch::Hold;
use crate::kernel::error::{Fault, VerbError};
use crate::kernel::event::EventBody;
use crate::kernel::ids::{EpochSeconds, RunId, TaskId};
use crate::kernel::limits::{
    REQUEST_MEMORY_SECONDS, REQUESTS_LOOKED_AT_PER_PASS, STARTS_PER_PASS_MAX,
};
use crate::kernel::location::{BrokenPath, Location, Looks};
use crate::kernel::next_pass::bounds;
use crate::kernel::question::Question;
use crate::kernel::reminder::{Beginning, beginning};
use crate::kernel::rules::assignee::Assignee;
use crate::kernel::rules::start::{self, TaskFacts};
use crate::kernel::run::{RunOutcome, RunRole};
use crate::kernel::standing::{Asker, Standing, list_assignees, total_runtime};
use crate::kernel::store;
use crate::kernel::store::leases::Wait;
use crate::kernel::store::queue::Backoff;
use crate::kernel::task::{Task, TaskStatus, TaskStep, WorkspaceKind};
use crate::kernel::tx::{Signal, Tx};
use crate::kernel::verb::Verb;
use crate::kernel::verbs::clamp_times::clamp_times;
use crate::kernel::verbs::disk_notice;
use crate::kernel::verbs::dispatch_named::NotStarted;
use crate::kernel::verbs::ending::{Ending, synthesize_run};
use crate::kernel::verbs::expired_claims::reclaim_expired;
use crate::kernel::verbs::fire_timer::{fire, is_dispatch_on};
use crate::kernel::verbs::leasing::{self, Changes, Finding, Lease, Sight, UnseenPath};
use crate::kernel::verbs::long_waits::tell_long_waits;
use crate::kernel::verbs::moves::Cause;
use crate::kernel::verbs::open_run::{RunKind, open_run};
use crate::kernel::verbs::review::give_to_person;

/// Who asked for a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PassMode {
    /// The dispatcher itself. Back-off and the lifetime cap of starts hold.
    Automatic,
    /// A person. Caps, breakers and pause hold, back-off does not.
    OnRequest {
        /// Failures after which a task started by this pass is given up.
        failure_limit: Option<u32>,
    },
}

/// One dispatch pass.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StartReadyRuns {
    /// Who asked for it.
    pub mode: PassMode,
    /// Starts at most.
    pub max: Option<u32>,
    /// The disk is nearly full: nothing is started.
    pub is_disk_low: bool,
    /// What the paths of tasks lead to, as far as just resolved.
    pub looks: Looks,
    /// Only these tasks, in this order; empty: what is at the head of the queues.
    #[serde(default)]
    pub only: Vec<TaskId>,
}

/// A run that was claimed and is now to be started.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunOrder {
    /// The run.
    pub run_id: RunId,
    /// Its task, as claimed.
    pub task: Task,
    /// The assignee; the reviewer of a review.
    pub profile: String,
    /// Its time limit, seconds.
    pub max_runtime_seconds: Option<i64>,
    /// Where its path led when its leases were taken.
    #[serde(default)]
    pub location: Option<Location>,
    /// What is wrong with its path, when it leads to no directory: nothing is started then.
    #[serde(default)]
    pub broken: Option<BrokenPath>,
    /// What the run is for.
    #[serde(default)]
    pub role: RunRole,
    /// Whether its prompt says that the attempt before ended without a verdict.
    #[serde(default)]
    pub is_warned: bool,
    /// The session that it goes on with.
    #[serde(default)]
    pub resume: Option<Resume>,
    /// The question of the run before, with its answer, where the session goes on with that.
    #[serde(default)]
    pub answer: Option<Question>,
    /// Since when the task had been ready, epoch seconds.
    #[serde(default)]
    pub ready_at: Option<EpochSeconds>,
}

/// The agent's session of an earlier run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    /// The run.
    pub run_id: RunId,
    /// Its session.
    pub session: String,
    /// What the review of its work wants changed; none: it ended without a verdict.
    #[serde(default)]
    pub changes: Option<String>,
}

/// What a pass did.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct PassReply {
    /// Claims taken back.
    pub reclaimed: Vec<TaskId>,
    /// Tasks that have used up their automatic starts.
    pub auto_blocked: Vec<TaskId>,
    /// Runs to start, in order.
    pub orders: Vec<RunOrder>,
    /// Ready tasks without an assignee; only a person's pass looks.
    pub skipped_unassigned: Vec<TaskId>,
    /// Paths that are to be looked at before the tasks that name them can be claimed.
    #[serde(default)]
    pub unseen_paths: Vec<UnseenPath>,
    /// Assignees with ready tasks of whom it takes a look to say whether they are profiles.
    #[serde(default)]
    pub wanted_profiles: Vec<String>,
    /// Whether the pass stopped at its own bound and another should follow at once.
    pub has_more: bool,
    /// When something is due next: the end of a back-off or claim, a start, a due time, a deadline, an alert.
    pub next_due: Option<EpochSeconds>,
    /// What kept the pass from starting anything.
    pub held_by: Option<Hold>,
    /// Named tasks that were not started.
    #[serde(default)]
    pub not_started: Vec<NotStarted>,
    /// This reply was given before: its runs were started then, and are not to be started again.
    #[serde(skip)]
    pub is_repeated: bool,
}

impl Verb for StartReadyRuns {
    type Reply = PassReply;
    const NAME: &'static str = "dispatch";
    const MAY_USE_RESERVE: bool = true;

    fn repeated(reply: PassReply) -> PassReply {
        PassReply { is_repeated: true, ..reply }
    }

    fn run(&self, tx: &mut Tx<'_>) -> Result<PassReply, VerbError> {
        let is_automatic = self.mode == PassMode::Automatic;
        let has_more_due = fire(tx)?;
        let next_alert = if is_automatic { tell_long_waits(tx)? } else { None };
        if is_automatic && !tx.policy.dispatch_enabled {
            let next_due = [store::due::next(tx.store())?.moves(), next_alert];
            let next_due = next_due.into_iter().flatten().min();
            let wanted_profiles = all_wanted_profiles(tx)?;
            let reply = PassReply { has_more: has_more_due, ..PassReply::default() };
            return Ok(PassReply { next_due, wanted_profiles, ..reply });
        }
        forget_old_requests(tx)?;
        disk_notice::tell(tx, self.is_disk_low)?;
        clamp_times(tx)?;
        store::tasks::release_backoffs(tx.store(), tx.now)?;
        let mut reply = PassReply { reclaimed: reclaim_expired(tx)?, ..PassReply::default() };
        leasing::let_go_on(tx, &self.looks)?;
        let asker = Asker {
            is_automatic,
            // How many bytes are free is part of the explanation; the pass needs to know only that they are too few.
            low_disk_bytes: self.is_disk_low.then_some(0),
        };
        let standing = Standing::read(tx.store(), tx.policy, tx.now, asker)?;
        reply.held_by = standing.board.as_ref().err().and_then(start::hold);
        let wants_slots = if self.only.is_empty() {
            self.start_heads(tx, &standing, &mut reply)?
        } else {
            self.start_named(tx, &standing, &mut reply)?;
            reply.wanted_profiles = all_wanted_profiles(tx)?;
            0
        };
        if wants_slots > 0 {
            for run_id in store::runs::list_lingering(tx.store(), wants_slots)? {
                tx.signal(Signal::StopRun { run_id });
            }
        }
        if !reply.orders.is_empty() {
            crate::failpoint::hit("claim-made");
        }
        reply.has_more |= is_automatic && reply.orders.len() == STARTS_PER_PASS_MAX;
        reply.has_more |= has_more_due;
        reply.unseen_paths = leasing::unseen_paths(tx.store())?;
        if !is_automatic {
            reply.skipped_unassigned = store::queue::list_ready_unassigned(tx.store())?;
        }
        let next = store::due::next(tx.store())?;
        let occurrence = if is_dispatch_on(tx)? { next.occurrence } else { None };
        reply.next_due =
            [next.moves(), next.dispatch, occurrence, next_alert].into_iter().flatten().min();
        Ok(reply)
    }
}

impl StartReadyRuns {
    /// Claims what the walk through the queues finds. Returns how many slots are short.
    fn start_heads(
        &self,
        tx: &mut Tx<'_>,
        standing: &Standing,
        reply: &mut PassReply,
    ) -> Result<u32, VerbError> {
        let is_automatic = self.mode == PassMode::Automatic;
        let assignees = list_assignees(tx.store(), !is_automatic)?;
        reply.wanted_profiles = wanted_profiles(tx, &assignees)?;
        let lanes = standing.lanes(assignees, tx.policy, tx.now);
        let free_slots = standing.slots.clone().unwrap_or_default();
        let by_board = standing.board.clone().unwrap_or_default();
        let bounds = bounds(is_automatic, self.max, free_slots, by_board);
        let mut pass = Pass { verb: self, tx, standing, reply };
        let walked = walk(&lanes, bounds, &mut pass)?;
        reply.has_more |= walked.is_cut_short;
        Ok(walked.wants_slots)
    }

    pub(super) fn claim(
        &self,
        tx: &mut Tx<'_>,
        task: &Task,
        lease: Lease,
        standing: &Standing,
    ) -> Result<RunOrder, VerbError> {
        let (profile, role) =
            (task.queue_profile().unwrap_or_default().to_owned(), task.next_role());
        let supervision = match self.mode {
            PassMode::Automatic => RunKind::Automatic,
            PassMode::OnRequest { failure_limit } => RunKind::OnRequest { failure_limit },
        };
        let latest = store::runs::get_latest(tx.store(), &task.id)?;
        let latest = match task.resume_run_id {
            // The session of a run that was sent back is not that of the newest, which is the review.
            Some(run_id) if role == RunRole::Work => store::runs::get(tx.store(), run_id)?,
            Some(_) | None => latest.filter(|run| run.role() == role),
        };
        let answered = match &latest {
            Some(run) if run.outcome == Some(RunOutcome::Blocked) => {
                store::questions::get_answered_block(tx.store(), &task.id, run.id)?
            }
            Some(_) | None => None,
        };
        let beginning = beginning(task, &profile, latest.as_ref(), answered.is_some());
        let answer = answered.filter(|_| beginning == Beginning::Answered);
        let is_resumed = matches!(beginning, Beginning::Resumed | Beginning::Answered);
        let resume = latest.filter(|_| is_resumed);
        let changes = match &resume {
            Some(run) if run.outcome == Some(RunOutcome::Completed) => {
                store::runs::get_latest_review(tx.store(), &task.id)?.and_then(|run| run.summary)
            }
            Some(_) | None => None,
        };
        let resume =
            resume.and_then(|run| Some(Resume { run_id: run.id, session: run.session?, changes }));
        let run_id = open_run(tx, task, &format!("kanband/{profile}"), None, supervision)?;
        lease.take(tx.store(), run_id)?;
        if self.mode == PassMode::Automatic {
            store::tasks::count_automatic_start(tx.store(), &task.id)?;
        }
        if let Some(BreakerKey::Workspace(path)) = lease.breaker.as_ref().map(|found| &found.key) {
            store::runs::set_workspace_key(tx.store(), run_id, path)?;
            if task.workspace_kind == WorkspaceKind::Worktree {
                store::leases::set_repository(tx.store(), &task.id, path)?;
            }
        }
        let of_workspace = lease.breaker.as_ref().filter(|found| found.gate(tx.now) == Gate::Probe);
        for breaker in standing.probed_by(&profile, tx.now).chain(of_workspace) {
            let breaker = breaker.clone().probing(run_id);
            store::breakers::put(tx.store(), &breaker, tx.now)?;
            tx.signal(Signal::BreakerMoved { key: breaker.key.to_text(), open_until: None });
        }
        let run = store::runs::get(tx.store(), run_id)?;
        let max_runtime_seconds = run.and_then(|run| run.max_runtime_seconds);
        let ready_at = task.ready_at;
        let mut task = tx.reread(&task.id)?;
        if role == RunRole::Review {
            // What the task asks of its worker, the reviewer's launcher may not even take.
            (task.model, task.effort, task.args, task.skills) = (None, None, Vec::new(), None);
        }
        let (location, broken) = (lease.location, lease.broken);
        let is_warned = beginning == Beginning::Warned;
        Ok(RunOrder {
            run_id,
            task,
            profile,
            max_runtime_seconds,
            location,
            broken,
            role,
            is_warned,
            resume,
            answer,
            ready_at,
        })
    }
}

/// The walk of a pass, which claims what it finds.
struct Pass<'p, 't> {
    verb: &'p StartReadyRuns,
    tx: &'p mut Tx<'t>,
    standing: &'p Standing,
    reply: &'p mut PassReply,
}

impl Candidates for Pass<'_, '_> {
    type Error = VerbError;

    fn next(
        &mut self,
        assignee: &str,
        after: Option<&QueueKey>,
    ) -> Result<Option<QueueKey>, VerbError> {
        let with_backoff = self.verb.mode != PassMode::Automatic;
        Ok(store::queue::next(self.tx.store(), assignee, after, with_backoff)?)
    }

    fn try_start(&mut self, id: &TaskId) -> Result<Tried, VerbError> {
        let task = self.tx.reread(id)?;
        let facts = TaskFacts {
            task: &task,
            is_of_person: false, // No lane is a person's.
            open_run: None,      // The queue has none that has one.
            total_runtime_seconds: total_runtime(self.tx.store(), self.tx.policy, id)?,
            now: self.tx.now,
            is_automatic: self.verb.mode == PassMode::Automatic,
        };
        match start::task(&facts, self.tx.policy) {
            Ok(()) => {}
            Err(reason) if reason.is_used_up() => {
                block_spent_task(self.tx, &task, &reason.explanation())?;
                self.reply.auto_blocked.push(task.id);
                self.reply.has_more = true;
                return Ok(Tried::GivenUp);
            }
            Err(_) => return Ok(Tried::PutAside),
        }
        let changes = Changes::default();
        let sight = Sight {
            connection: self.tx.store(),
            policy: self.tx.policy,
            now: self.tx.now,
            looks: &self.verb.looks,
            changes: &changes,
        };
        match leasing::find(sight, &task)? {
            Finding::Free(lease) => {
                let order = self.verb.claim(self.tx, &task, *lease, self.standing)?;
                self.reply.orders.push(order);
                Ok(Tried::Started)
            }
            Finding::Waits { wait: Wait { key, because }, .. } => {
                store::leases::wait_for(self.tx.store(), &task.id, &key, because.as_deref())?;
                Ok(Tried::PutAside)
            }
        }
    }
}

/// Of assignees with tasks in the queue, and of those whose tasks are in back-off, the ones of whom it takes a look to say whether they
/// are profiles.
fn wanted_profiles(tx: &Tx<'_>, queued: &[(String, bool)]) -> Result<Vec<String>, Fault> {
    let assignees = &tx.policy.assignees;
    if !assignees.is_auto {
        return Ok(Vec::new());
    }
    let held = store::queue::list_queued_profiles(tx.store(), Backoff::Running)?;
    let wants = |(name, is_entered): &&(String, bool)| {
        assignees.takes_a_look(name) && assignees.get(Some(name), *is_entered) != Assignee::Person
    };
    Ok(queued.iter().chain(&held).filter(wants).map(|(name, _)| name.clone()).collect())
}

/// The same, for a pass that does not read the queues.
fn all_wanted_profiles(tx: &Tx<'_>) -> Result<Vec<String>, Fault> {
    if !tx.policy.assignees.is_auto {
        return Ok(Vec::new());
    }
    wanted_profiles(tx, &list_assignees(tx.store(), false)?)
}

/// Forgets replies that no client asks for again.
fn forget_old_requests(tx: &mut Tx<'_>) -> Result<(), Fault> {
    if !tx.forgetting.is_due(tx.now) {
        return Ok(());
    }
    let before = tx.now - REQUEST_MEMORY_SECONDS;
    let cursor = tx.forgetting.cursor.as_str();
    let next = store::requests::prune(tx.store(), cursor, before, REQUESTS_LOOKED_AT_PER_PASS)?;
    tx.forgetting.go_on(next, tx.now);
    Ok(())
}

/// A task that has had all that one task gets waits for a person; so does its review.
fn block_spent_task(tx: &mut Tx<'_>, task: &Task, spent: &str) -> Result<(), VerbError> {
    if task.status == TaskStatus::Review {
        return give_to_person(tx, task, spent);
    }
    let error = format!("{spent}; `kanban unblock --more-starts {}` allows more", task.id);
    let ending = Ending { error: Some(&error), ..Ending::of(RunOutcome::GaveUp) };
    let run_id = synthesize_run(tx, task, RunOutcome::GaveUp.run_status(), &ending)?;
    let failures = task.spawn_failures;
    store::tasks::set_failures(
        tx.store(),
        &task.id,
        failures,
        task.protocol_violations,
        Some(&error),
    )?;
    let message = EventBody::GaveUp { failures, error: &error };
    tx.move_task(task, TaskStep::Block, &Cause::of("block", Some(run_id), message))?;
    Ok(())
}
