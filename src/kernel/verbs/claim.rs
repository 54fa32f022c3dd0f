//! `claim` and `heartbeat`: people and pull-style workers who work on a task without a process of ours.
//!
//! A manual claim has an end (its TTL) that a heartbeat moves on. Nothing else ends it but a verdict, an operator, or a
//! dispatch pass after that end; a restart of the daemon does not.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::kernel::board::Verb;
use crate::kernel::caller::{Caller, Right};
use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::event::{EventKind, payload};
use crate::kernel::ids::{BoardName, EpochSeconds, RunId, TaskId};
use crate::kernel::limits::HEARTBEAT_NOTE_BYTES_MAX;
use crate::kernel::place::{Place, refuse_relative};
use crate::kernel::run::{Run, RunOutcome};
use crate::kernel::store::{self, runs::NewRun};
use crate::kernel::task::{Task, TaskStatus, TaskStep};
use crate::kernel::tx::{Signal, Tx, text_or_null};
use crate::kernel::validate;
use crate::kernel::verbs::ending::{Ending, end_current_run};
use crate::kernel::verbs::{leasing, refuse_ended_run, reread, room};

/// Longest life of a manual claim between two heartbeats, seconds: 30 days.
pub(super) const TTL_SECONDS_MAX: i64 = 30 * 24 * 60 * 60;

/// Claims a ready task for somebody who works on it outside kanband.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimTask {
    /// The task.
    pub id: String,
    /// Life of the claim between heartbeats, seconds; the configured one when not given.
    #[serde(default)]
    pub ttl_seconds: Option<i64>,
    /// Who claims; `<user>@<host>` by custom.
    #[serde(default)]
    pub claimer: Option<String>,
    /// Board of the task, when the caller wants it checked.
    #[serde(default)]
    pub board: Option<String>,
    /// A directory in the repository of which the client has made the worktree, when the task names none.
    #[serde(default)]
    pub repository: Option<String>,
    /// Branch of the worktree that the client has made.
    #[serde(default)]
    pub branch: Option<String>,
    /// Directory of the work, resolved and made before the claim by whoever may: the daemon for scratch, the client
    /// for everything else. Not on the wire.
    #[serde(skip)]
    #[schemars(skip)]
    pub workspace: String,
    /// What the task's path leads to, looked at before the claim by the daemon. Not on the wire.
    #[serde(skip)]
    #[schemars(skip)]
    pub place: Option<Place>,
}

/// The claimed task.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ClaimReply {
    /// The task.
    #[serde(flatten)]
    pub task: Task,
    /// The run that the claim opened.
    pub run_id: RunId,
    /// Directory of the work.
    pub workspace: String,
}

impl Verb for ClaimTask {
    type Reply = ClaimReply;
    const NAME: &'static str = "claim";

    fn run(&self, tx: &mut Tx<'_>) -> Result<ClaimReply, VerbError> {
        let task = tx.task(&self.id, self.board.as_deref(), Right::Operate, Self::NAME)?;
        let ttl = self.ttl(tx)?;
        let claimer = validate::name("claimer", self.claimer.as_deref())?
            .unwrap_or_else(|| tx.caller.author().to_owned());
        let lock = task.claim_lock.as_deref().unwrap_or("none");
        Tx::step(&task, TaskStep::Claim, Self::NAME, &format!(" lock={lock}"))?;
        if let Some(open) = store::runs::get_open(tx.store(), &task.id)? {
            return Err(
                Refusal::PreviousRunOpen { id: task.id.to_string(), run_id: open.id }.into()
            );
        }
        refuse_relative(&task)?;
        let lease = leasing::find_for_person(tx, &task, self.place.clone())?;
        let run_id = open_run(tx, &task, &claimer, Some(tx.now + ttl), Supervision::Manual)?;
        lease.take(tx.store(), run_id)?;
        store::tasks::set_workspace_path(tx.store(), &task.id, &self.workspace)?;
        if let Some(branch) = validate::argument_name("branch", self.branch.as_deref())? {
            store::workspaces::set_branch(tx.store(), &task.id, &branch)?;
        }
        Ok(ClaimReply { task: reread(tx, &task.id)?, run_id, workspace: self.workspace.clone() })
    }
}

impl ClaimTask {
    fn ttl(&self, tx: &Tx<'_>) -> Result<i64, Refusal> {
        let ttl = self.ttl_seconds.unwrap_or(tx.policy.claim_ttl_seconds);
        if (1..=TTL_SECONDS_MAX).contains(&ttl) {
            Ok(ttl)
        } else {
            Err(Refusal::InvalidValue {
                field: "ttl_seconds",
                problem: "must be between 1 second and 30 days",
                value: ttl.to_string(),
            })
        }
    }
}

/// Whether a process of ours works on a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Supervision {
    /// No.
    Manual,
    /// Yes, started by an automatic pass.
    Automatic,
    /// Yes, started by a person's dispatch.
    OnRequest {
        /// Failures after which the task is given up, when the person said so.
        failure_limit: Option<u32>,
    },
}

/// Opens a run of a ready task that has no open run: the row, the claim, the event.
pub(super) fn open_run(
    tx: &mut Tx<'_>,
    task: &Task,
    lock: &str,
    expires: Option<EpochSeconds>,
    supervision: Supervision,
) -> Result<RunId, VerbError> {
    let supervised = supervision != Supervision::Manual;
    let failure_limit = match supervision {
        Supervision::OnRequest { failure_limit } => failure_limit,
        Supervision::Manual | Supervision::Automatic => None,
    };
    let run_id = store::runs::insert_open(
        tx.store(),
        &NewRun {
            task_id: &task.id,
            profile: task.assignee.as_deref(),
            step_key: task.current_step_key.as_deref(),
            lock,
            expires,
            max_runtime_seconds: if supervised { max_runtime(tx, task) } else { None },
            supervised,
            automatic: supervision == Supervision::Automatic,
            failure_limit,
            now: tx.now,
        },
    )?;
    store::tasks::set_running_if_ready(tx.store(), &task.id, lock, expires, run_id, tx.now)?;
    tx.count(task, Some(task.status), Some(TaskStatus::Running));
    let told = payload([
        ("lock", lock.into()),
        ("expires", expires.map_or(Value::Null, Value::from)),
        ("run_id", run_id.into()),
    ]);
    tx.event(task, Some(run_id), EventKind::Claimed, Some(told))?;
    Ok(run_id)
}

/// The task's own limit, else its profile's, else the default; none when it was lifted.
fn max_runtime(tx: &Tx<'_>, task: &Task) -> Option<i64> {
    if task.no_max_runtime {
        return None;
    }
    let of_profile = || tx.policy.max_runtime_by_profile.get(task.assignee.as_deref()?).copied();
    task.max_runtime_seconds.or_else(of_profile).or(tx.policy.max_runtime_seconds)
}

/// Says that the work goes on.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeartbeatTask {
    /// The task.
    pub id: String,
    /// What was reached since the last one.
    #[serde(default)]
    pub note: Option<String>,
    /// Who holds the claim; must match it when given.
    #[serde(default)]
    pub claimer: Option<String>,
    /// Board of the task, when the caller wants it checked.
    #[serde(default)]
    pub board: Option<String>,
}

/// The heartbeat as recorded.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct HeartbeatReply {
    /// The task.
    pub id: String,
    /// Its board.
    #[schemars(with = "String")]
    pub board: BoardName,
    /// Its run.
    pub run_id: Option<RunId>,
    /// When a manual claim now ends.
    pub claim_expires: Option<EpochSeconds>,
}

impl Verb for HeartbeatTask {
    type Reply = HeartbeatReply;
    const NAME: &'static str = "heartbeat";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<HeartbeatReply, VerbError> {
        let task = tx.task(&self.id, self.board.as_deref(), Right::ActOnTask, Self::NAME)?;
        refuse_ended_run(tx)?;
        let note = validate::body("note", self.note.as_deref())?;
        validate::text("note", note.as_deref().unwrap_or_default(), HEARTBEAT_NOTE_BYTES_MAX)?;
        if task.status != TaskStatus::Running {
            return Err(Refusal::WrongStatus {
                verb: Self::NAME,
                id: task.id.to_string(),
                status: task.status,
                why: " (not running?)".to_owned(),
            }
            .into());
        }
        self.refuse_other_claimer(tx, &task)?;
        let expires = task.claim_expires.map(|end| end.max(tx.now + tx.policy.claim_ttl_seconds));
        store::tasks::set_heartbeat(tx.store(), &task.id, tx.now, expires)?;
        if let Some(run_id) = task.current_run_id {
            store::runs::set_heartbeat(tx.store(), run_id, tx.now, expires)?;
        }
        let told = note.map(|note| payload([("note", text_or_null(Some(&note)))]));
        if room::has_for_heartbeat_event(tx.store(), &task.id)? {
            tx.event(&task, task.current_run_id, EventKind::Heartbeat, told)?;
        }
        Ok(HeartbeatReply {
            id: task.id.to_string(),
            board: task.board,
            run_id: task.current_run_id,
            claim_expires: expires,
        })
    }
}

impl HeartbeatTask {
    fn refuse_other_claimer(&self, tx: &Tx<'_>, task: &Task) -> Result<(), Refusal> {
        let lock = task.claim_lock.as_deref().unwrap_or_default();
        match (&self.claimer, tx.caller) {
            (Some(claimer), Caller::Operator { .. } | Caller::System { .. }) if claimer != lock => {
                Err(Refusal::OtherClaimer {
                    verb: Self::NAME,
                    id: task.id.to_string(),
                    lock: lock.to_owned(),
                    claimer: claimer.clone(),
                })
            }
            (Some(_), Caller::Worker { run_id, .. }) => Err(Refusal::Forbidden {
                caller: format!("a worker (run {run_id})"),
                verb: "name another claimer",
            }),
            (Some(_), Caller::Operator { .. } | Caller::System { .. }) | (None, _) => Ok(()),
        }
    }
}

/// Takes back every manual claim that ended before now. Part of a dispatch pass.
pub(super) fn reclaim_expired(tx: &mut Tx<'_>) -> Result<Vec<TaskId>, VerbError> {
    let expired = store::tasks::list_expired_claims(tx.store(), tx.now)?;
    for id in &expired {
        let task = reread(tx, id)?;
        let run = match task.current_run_id {
            Some(run_id) => store::runs::get(tx.store(), run_id)?,
            None => None,
        };
        if run.as_ref().is_some_and(|run: &Run| run.supervised) {
            continue; // a supervised run is as alive as its process, whatever a foreign hand wrote into the row
        }
        let lock = task.claim_lock.clone().unwrap_or_default();
        let error = format!("stale_lock={lock}");
        let run_id = end_current_run(
            tx,
            &task,
            &Ending { error: Some(&error), ..Ending::of(RunOutcome::Reclaimed) },
        )?;
        let to = Tx::step(&task, TaskStep::Requeue, "reclaim", "")?;
        store::tasks::set_status(tx.store(), id, task.status, to, None, tx.now)?;
        tx.count(&task, Some(task.status), Some(to));
        let told = payload([("stale_lock", lock.into())]);
        tx.event(&task, run_id, EventKind::Reclaimed, Some(told))?;
        tx.signal(Signal::DispatchDue);
    }
    Ok(expired)
}
