//! `breakers`: lists circuit breakers.
//!
//! Four scopes, one list: a *task* that was given up, a *profile* whose starts fail, a *workspace* in which they fail, the
//! *host*. The rule of the last three is [`crate::kernel::breaker`], the limits of a task are in [`crate::kernel::retry`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::breaker::{Breaker, BreakerKey, BreakerState};
use crate::kernel::error::VerbError;
use crate::kernel::ids::EpochSeconds;
use crate::kernel::query::Query;
use crate::kernel::snapshot::Snapshot;
use crate::kernel::store;
use crate::kernel::task::Task;

/// What a breaker stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BreakerScope {
    /// One task.
    Task,
    /// Every task of a profile.
    Profile,
    /// Every task with a workspace in one directory or repository.
    Workspace,
    /// Everything.
    Host,
}

impl BreakerScope {
    /// All scopes.
    pub const ALL: [Self; 4] = [Self::Task, Self::Profile, Self::Workspace, Self::Host];

    /// The scope on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Profile => "profile",
            Self::Workspace => "workspace",
            Self::Host => "host",
        }
    }

    /// The scope of this text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text)
    }
}

/// A breaker that is open, or has recent failures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "BreakerInfo")]
pub struct BreakerInfo<C = BreakerScope, S = BreakerState> {
    /// `task:ID`, `profile:NAME`, `workspace:PATH` or `host`; the argument of `reset`.
    pub key: String,
    /// What it stops.
    pub scope: C,
    /// State.
    pub state: S,
    /// Consecutive failures.
    pub failures: u32,
    /// Time it opened, epoch seconds.
    pub opened_at: Option<EpochSeconds>,
    /// Time of the next probe, epoch seconds; null for a task, which needs a person, and while a probe runs.
    pub until: Option<EpochSeconds>,
    /// The last failure, in one line.
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

pub(in crate::kernel) fn of_task((task, opened_at): (Task, EpochSeconds)) -> BreakerInfo {
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
    /// Board of the task breakers; default: `default`. Breakers of profiles, workspaces and the host cover all boards.
    pub board: Option<String>,
}

impl Query for ListBreakers {
    type Reply = Vec<BreakerInfo>;
    const NAME: &'static str = "breakers";

    fn read(&self, snapshot: &Snapshot<'_>) -> Result<Vec<BreakerInfo>, VerbError> {
        let board = snapshot.board(self.board.as_deref(), Self::NAME)?.name;
        let stored = store::breakers::list(snapshot.connection)?.into_iter().map(Into::into);
        let given_up = store::tasks::list_given_up(snapshot.connection, &board)?;
        Ok(stored.chain(given_up.into_iter().map(of_task)).collect())
    }
}
