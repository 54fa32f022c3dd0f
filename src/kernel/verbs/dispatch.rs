//! `dispatch`: one pass that takes back what expired, then claims what may start. The plan itself is [`crate::kernel::dispatch`];
//! limits are counted from the open runs inside the transaction that claims.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::kernel::breaker::{Breaker, BreakerKey, Gate};
use crate::kernel::dispatch::{Lane, Plan, plan};
use crate::kernel::dispatch_switch::{DispatchSwitch, Hold};
use crate::kernel::error::{Fault, VerbError};
use crate::kernel::event::{EventKind, payload};
use crate::kernel::ids::{EpochSeconds, RunId, TaskId};
use crate::kernel::limits::{
    REQUEST_MEMORY_SECONDS, REQUESTS_PRUNED_PER_PASS, STARTS_PER_PASS_MAX, WAITS_PER_PASS_MAX,
    WAITS_PER_REQUEST_MAX,
};
use crate::kernel::nudge::{Beginning, beginning};
use crate::kernel::place::{BrokenPath, Looks, Place};
use crate::kernel::policy::Policy;
use crate::kernel::run::RunOutcome;
use crate::kernel::store::queue::{Backoff, StoredReadyQueue};
use crate::kernel::store::{self, Connection};
use crate::kernel::task::{Task, TaskStatus, WorkspaceKind};
use crate::kernel::tx::{Signal, Tx};
use crate::kernel::verb::Verb;
use crate::kernel::verbs::clamp_times::clamp_times;
use crate::kernel::verbs::ending::{Ending, synthesize_run};
use crate::kernel::verbs::expired_claims::reclaim_expired;
use crate::kernel::verbs::leasing::{self, Finding, Lease, UnseenPath};
use crate::kernel::verbs::long_waits::tell_long_waits;
use crate::kernel::verbs::open_run::{Supervision, open_run};

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
    /// What the paths of tasks lead to, as far as somebody has looked just now.
    pub looks: Looks,
}

/// A run that was claimed and is now to be started.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunOrder {
    /// The run.
    pub run_id: RunId,
    /// Its task, as claimed.
    pub task: Task,
    /// The assignee.
    pub profile: String,
    /// Its time limit, seconds.
    pub max_runtime_seconds: Option<i64>,
    /// Where its path led when its leases were taken.
    #[serde(default)]
    pub place: Option<Place>,
    /// What is wrong with its path, when it leads to no directory: nothing is started then.
    #[serde(default)]
    pub broken: Option<BrokenPath>,
    /// Whether it is told that the attempt before ended without a verdict.
    #[serde(default)]
    pub is_warned: bool,
    /// The session that it goes on with.
    #[serde(default)]
    pub resume: Option<Resume>,
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
    /// Whether the pass stopped at its own bound and another should follow at once.
    pub has_more: bool,
    /// When the next back-off or claim ends.
    pub next_due: Option<EpochSeconds>,
    /// What kept the pass from starting anything.
    pub held_by: Option<Hold>,
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
        let next_alert = if is_automatic { tell_long_waits(tx)? } else { None };
        if is_automatic && !tx.policy.dispatch_enabled {
            return Ok(PassReply { next_due: next_alert, ..PassReply::default() });
        }
        store::requests::prune(
            tx.store(),
            tx.now - REQUEST_MEMORY_SECONDS,
            REQUESTS_PRUNED_PER_PASS,
        )?;
        clamp_times(tx)?;
        store::tasks::release_backoffs(tx.store(), tx.now)?;
        let mut reply = PassReply { reclaimed: reclaim_expired(tx)?, ..PassReply::default() };
        let bound = u32::try_from(STARTS_PER_PASS_MAX).unwrap_or(u32::MAX);
        let max = if is_automatic { bound } else { self.max.unwrap_or(u32::MAX) };
        reply.held_by = DispatchSwitch::read(tx.store())?.hold(self.is_disk_low);
        let max = if reply.held_by.is_some() { 0 } else { max };
        leasing::let_go_on(tx, &self.looks)?;
        let wants_slots = self.start_heads(tx, max, &mut reply)?;
        if wants_slots > 0 {
            for run_id in store::runs::list_lingering(tx.store(), wants_slots)? {
                tx.signal(Signal::StopRun { run_id });
            }
        }
        reply.has_more |= is_automatic && reply.orders.len() == STARTS_PER_PASS_MAX;
        reply.unseen_paths = leasing::unseen_paths(tx.store())?;
        if !is_automatic {
            reply.skipped_unassigned = store::queue::list_ready_unassigned(tx.store())?;
        }
        let next_due = store::tasks::next_due(tx.store())?;
        reply.next_due = [next_due, next_alert].into_iter().flatten().min();
        Ok(reply)
    }
}

impl StartReadyRuns {
    /// Claims what the plan says. A task whose place is taken or unknown is put aside, and the plan is made anew: what
    /// stands behind it has its turn. Returns how many slots are short.
    fn start_heads(
        &self,
        tx: &mut Tx<'_>,
        max: u32,
        reply: &mut PassReply,
    ) -> Result<u32, VerbError> {
        let is_automatic = self.mode == PassMode::Automatic;
        let aside_max = if is_automatic { WAITS_PER_PASS_MAX } else { WAITS_PER_REQUEST_MAX };
        let mut aside = 0;
        loop {
            let started = u32::try_from(reply.orders.len()).unwrap_or(u32::MAX);
            let left = max.saturating_sub(started);
            let (plan, gates) = make_plan(tx.store(), tx.policy, tx.now, left, !is_automatic)?;
            let aside_before = aside;
            for id in &plan.start {
                let task = tx.reread(id)?;
                let spent = if is_automatic { what_is_spent(tx, &task)? } else { None };
                if let Some(spent) = spent {
                    block_spent_task(tx, &task, &spent)?;
                    reply.auto_blocked.push(task.id);
                    reply.has_more = true;
                    continue;
                }
                match leasing::find(tx, &task, &self.looks)? {
                    Finding::Free(lease) => {
                        reply.orders.push(self.claim(tx, &task, *lease, &gates)?);
                    }
                    Finding::Waits { key, because } => {
                        store::leases::wait_for(tx.store(), &task.id, &key, because.as_deref())?;
                        aside += 1;
                    }
                }
            }
            if aside == aside_before {
                return Ok(plan.wants_slots);
            }
            if aside >= aside_max {
                reply.has_more = true;
                return Ok(0);
            }
        }
    }

    fn claim(
        &self,
        tx: &mut Tx<'_>,
        task: &Task,
        lease: Lease,
        gates: &Gates,
    ) -> Result<RunOrder, VerbError> {
        let profile = task.assignee.clone().unwrap_or_default();
        let supervision = match self.mode {
            PassMode::Automatic => Supervision::Automatic,
            PassMode::OnRequest { failure_limit } => Supervision::OnRequest { failure_limit },
        };
        let latest = store::runs::get_latest(tx.store(), &task.id)?;
        let beginning = beginning(task, &profile, latest.as_ref());
        let resume = latest.filter(|_| beginning == Beginning::Resumed);
        let resume = resume.and_then(|run| Some(Resume { run_id: run.id, session: run.session? }));
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
        for breaker in gates.probed_by(&profile, tx.now).chain(of_workspace) {
            let breaker = breaker.clone().probing(run_id);
            store::breakers::put(tx.store(), &breaker, tx.now)?;
            tx.signal(Signal::BreakerMoved { key: breaker.key.to_text(), open_until: None });
        }
        let run = store::runs::get(tx.store(), run_id)?;
        let max_runtime_seconds = run.and_then(|run| run.max_runtime_seconds);
        let ready_at = task.ready_at;
        let (task, place, broken) = (tx.reread(&task.id)?, lease.place, lease.broken);
        let is_warned = beginning == Beginning::Warned;
        Ok(RunOrder {
            run_id,
            task,
            profile,
            max_runtime_seconds,
            place,
            broken,
            is_warned,
            resume,
            ready_at,
        })
    }
}

/// The breakers that have a say in this pass.
pub(super) struct Gates {
    host: Breaker,
    profiles: BTreeMap<String, Breaker>,
}

impl Gates {
    fn read(connection: &Connection) -> Result<Self, Fault> {
        let mut gates = Self { host: Breaker::closed(BreakerKey::Host), profiles: BTreeMap::new() };
        for breaker in store::breakers::list_but_workspaces(connection)? {
            match &breaker.key {
                BreakerKey::Host => gates.host = breaker,
                BreakerKey::Profile(name) => {
                    gates.profiles.insert(name.clone(), breaker);
                }
                // Looked at when it is known where a task works.
                BreakerKey::Workspace(_) => {}
            }
        }
        Ok(gates)
    }

    fn of_profile(&self, name: &str, now: EpochSeconds) -> Gate {
        self.profiles.get(name).map_or(Gate::Free, |breaker| breaker.gate(now))
    }

    /// Breakers for which a start of `profile` is the probe.
    fn probed_by(&self, profile: &str, now: EpochSeconds) -> impl Iterator<Item = &Breaker> {
        let host = Some(&self.host);
        let own = self.profiles.get(profile);
        [host, own].into_iter().flatten().filter(move |breaker| breaker.gate(now) == Gate::Probe)
    }
}

pub(super) fn make_plan(
    connection: &Connection,
    policy: &Policy,
    now: EpochSeconds,
    max_starts: u32,
    with_backoff: bool,
) -> Result<(Plan, Gates), Fault> {
    let gates = Gates::read(connection)?;
    let open_by_profile: BTreeMap<String, u32> =
        store::runs::count_open_by_profile(connection)?.into_iter().collect();
    let open_count: u32 = open_by_profile.values().sum();
    let mut assignees = store::queue::list_ready_assignees(connection, Backoff::Over)?;
    if with_backoff {
        assignees.extend(store::queue::list_ready_assignees(connection, Backoff::Running)?);
        assignees.sort();
        assignees.dedup();
    }
    if let Some(known) = &policy.strict_profiles {
        assignees.retain(|assignee| known.contains(assignee));
    }
    let lanes: Vec<Lane> = assignees
        .into_iter()
        .map(|assignee| Lane {
            open_runs: open_by_profile.get(&assignee).copied().unwrap_or_default(),
            max_running: policy.max_running_by_profile.get(&assignee).copied(),
            gate: gates.of_profile(&assignee, now),
            assignee,
        })
        .collect();
    let free_slots = policy.max_running.saturating_sub(open_count);
    let max_starts = match gates.host.gate(now) {
        Gate::Free => max_starts,
        Gate::Probe => max_starts.min(1),
        Gate::Shut { .. } => 0,
    };
    let mut queue = StoredReadyQueue { connection, with_backoff };
    Ok((plan(&lanes, free_slots, max_starts, &mut queue)?, gates))
}

/// What one task gets over its whole life and this one has had; none while something is left.
fn what_is_spent(tx: &Tx<'_>, task: &Task) -> Result<Option<String>, VerbError> {
    let starts = tx.policy.lifetime_starts;
    if task.auto_starts >= starts {
        return Ok(Some(format!("all {starts} automatic starts are used up")));
    }
    let Some(longest) = tx.policy.max_total_runtime_seconds else { return Ok(None) };
    let from = store::tasks::runtime_from(tx.store(), &task.id)?;
    let total = store::runs::total_runtime(tx.store(), &task.id, from)?;
    Ok((total >= longest).then(|| format!("its runs took {total}s of {longest}s in all")))
}

/// A task that has had all that one task gets waits for a person.
fn block_spent_task(tx: &mut Tx<'_>, task: &Task, spent: &str) -> Result<(), VerbError> {
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
    let (from, to) = (task.status, TaskStatus::Blocked);
    store::tasks::set_status(tx.store(), &task.id, from, to, None, tx.now)?;
    tx.count(task, Some(from), Some(to));
    let told = payload([("failures", failures.into()), ("error", error.as_str().into())]);
    tx.event(task, Some(run_id), EventKind::GaveUp, Some(told))?;
    Ok(())
}
