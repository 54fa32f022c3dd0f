//! `breakers`: what holds starts back after failures, and a person's word that lets them go on.
//!
//! Four scopes, one list: a *task* that was given up, a *profile* whose starts fail, a *workspace* in which they fail, the
//! *host*. The rule of the last three is [`crate::kernel::breaker`], the limits of a task are in [`crate::kernel::retry`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::board::Verb;
use crate::kernel::breaker::{Breaker, BreakerKey, BreakerState};
use crate::kernel::caller::{Caller, Right};
use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::event::{EventKind, payload};
use crate::kernel::ids::{BoardName, EpochSeconds, RunId, TaskId};
use crate::kernel::queries::{Query, Snapshot};
use crate::kernel::store;
use crate::kernel::task::{Task, TaskStatus};
use crate::kernel::tx::{Signal, Tx, shorten};
use crate::kernel::verbs::UnblockTask;

/// What a breaker holds back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BreakerScope {
    /// One task.
    Task,
    /// Every task of a profile.
    Profile,
    /// Every task that works in one directory or repository.
    Workspace,
    /// Everything.
    Host,
}

impl BreakerScope {
    /// The scope as it is shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Profile => "profile",
            Self::Workspace => "workspace",
            Self::Host => "host",
        }
    }
}

/// A breaker that is not closed, or has failures in a row behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BreakerInfo {
    /// `task:ID`, `profile:NAME`, `workspace:PATH` or `host`: what `reset` takes.
    pub key: String,
    /// What it holds back.
    pub scope: BreakerScope,
    /// Its position.
    pub state: BreakerState,
    /// Failures in a row.
    pub failures: u32,
    /// When it opened, epoch seconds.
    pub opened_at: Option<EpochSeconds>,
    /// When the next probe may pass, epoch seconds; none for a task, which waits for a person, and while a probe runs.
    pub until: Option<EpochSeconds>,
    /// The last failure in one line.
    pub last_error: Option<String>,
}

impl From<Breaker> for BreakerInfo {
    fn from(breaker: Breaker) -> Self {
        let scope = match breaker.key {
            BreakerKey::Profile(_) => BreakerScope::Profile,
            BreakerKey::Workspace(_) => BreakerScope::Workspace,
            BreakerKey::Host => BreakerScope::Host,
        };
        Self {
            key: breaker.key.to_text(),
            scope,
            state: breaker.state,
            failures: breaker.failures,
            opened_at: breaker.opened_at,
            until: breaker.open_until,
            last_error: breaker.last_error,
        }
    }
}

fn of_task((task, opened_at): (Task, EpochSeconds)) -> BreakerInfo {
    BreakerInfo {
        key: format!("task:{}", task.id),
        scope: BreakerScope::Task,
        state: BreakerState::Open,
        failures: task.spawn_failures,
        opened_at: Some(opened_at),
        until: None,
        last_error: task.last_spawn_error,
    }
}

/// Lists breakers: the host's, those of profiles and workspaces, and the tasks of a board that were given up.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ListBreakers {
    /// Board of the tasks; `default` when none is named. Profiles, workspaces and the host are those of all boards.
    pub board: Option<String>,
}

impl Query for ListBreakers {
    type Reply = Vec<BreakerInfo>;
    const NAME: &'static str = "breakers";

    fn read(&self, snapshot: &Snapshot<'_>) -> Result<Vec<BreakerInfo>, VerbError> {
        let board = snapshot.board(self.board.as_deref(), Self::NAME)?;
        snapshot.caller.check(Right::Operate, Self::NAME, &board, None)?;
        let stored = store::breakers::list(snapshot.connection)?.into_iter().map(Into::into);
        let given_up = store::tasks::list_given_up(snapshot.connection, &board)?;
        Ok(stored.chain(given_up.into_iter().map(of_task)).collect())
    }
}

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
        let board = match tx.caller {
            Caller::Worker { board, .. } => board.clone(),
            Caller::Operator { .. } | Caller::System { .. } => BoardName::default(),
        };
        tx.caller.check(Right::Operate, Self::NAME, &board, None)?;
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
        let task = tx.task(id, None, Right::Operate, Self::NAME)?;
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
            let told = payload([("key", key.to_text().into()), ("reset", true.into())]);
            tx.event(&task, None, EventKind::BreakerClosed, Some(told))?;
        }
        store::install::set_setting(
            tx.store(),
            &format!("breaker_reset:{}", key.to_text()),
            &breaker.failures.to_string(),
            tx.now,
            &tx.caller.actor(),
        )?;
        Ok(breaker.into())
    }
}

/// Moves a breaker by `rule`, writes it when it changed, and tells of it when it opened or closed: under the task (and in
/// the run) that did it.
pub(super) fn move_breaker(
    tx: &mut Tx<'_>,
    key: &BreakerKey,
    (task, run_id): (&Task, Option<RunId>),
    rule: impl FnOnce(Breaker) -> Breaker,
) -> Result<(), VerbError> {
    let before = store::breakers::get(tx.store(), key)?;
    let after = rule(before.clone());
    if after == before {
        return Ok(());
    }
    store::breakers::put(tx.store(), &after, tx.now)?;
    if after.state != before.state || after.probe_run_id != before.probe_run_id {
        tx.signal(Signal::BreakerMoved { key: key.to_text(), open_until: after.open_until });
        if after.is_closed() {
            tx.signal(Signal::DispatchDue);
        }
    }
    if before.is_closed() && !after.is_closed() {
        let told = payload([
            ("key", key.to_text().into()),
            ("until", after.open_until.into()),
            ("error", after.last_error.into()),
        ]);
        tx.event(task, run_id, EventKind::BreakerOpened, Some(told))?;
    } else if after.is_closed() && !before.is_closed() {
        let told = payload([("key", key.to_text().into())]);
        tx.event(task, run_id, EventKind::BreakerClosed, Some(told))?;
    }
    Ok(())
}
