//! `resolve`: the task that a person means by the beginning of its id.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::ids::TaskId;
use crate::kernel::query::Query;
use crate::kernel::rules::task_ref::{TaskRef, read};
use crate::kernel::shorten::shorten;
use crate::kernel::snapshot::Snapshot;
use crate::kernel::store;

/// Candidates that a refusal names.
const CANDIDATES_MAX: u32 = 10;

/// Events among which the newest task of a caller is looked for.
const EVENTS_LOOKED_AT_MAX: u32 = 50_000;

/// Finds the task whose id begins with a text, or the last one that the caller created (`@last`).
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ResolveTask {
    /// An id, at least four of its digits with or without `t_` in any case, or `@last`.
    pub id: String,
    /// Board of the task; default: `default`. `@last` looks at every board.
    pub board: Option<String>,
}

/// The task that was meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResolvedTask {
    /// Its id.
    #[schemars(with = "String")]
    pub id: TaskId,
    /// Its title.
    pub title: String,
}

impl Query for ResolveTask {
    type Reply = ResolvedTask;
    const NAME: &'static str = "resolve";

    fn read(&self, snapshot: &Snapshot<'_>) -> Result<ResolvedTask, VerbError> {
        let connection = snapshot.connection;
        let unknown = || Refusal::UnknownTask { id: shorten(&self.id) };
        let (written, is_short) = match read(&self.id) {
            TaskRef::Last => {
                let actor = snapshot.caller.actor().to_string();
                let last =
                    store::events::last_created_by(connection, &actor, EVENTS_LOOKED_AT_MAX)?;
                let task = snapshot.task(last.ok_or_else(unknown)?.as_str(), None, Self::NAME)?;
                return Ok(ResolvedTask { id: task.id, title: task.title });
            }
            TaskRef::Beginning(written) => (written, false),
            TaskRef::Short(written) => (written, true),
            TaskRef::Other => return Err(unknown().into()),
        };
        let board = snapshot.board(self.board.as_deref(), Self::NAME)?;
        // An id that is whole is meant, even where others begin with it.
        if let Some(task) = store::tasks::get(connection, &written)? {
            snapshot.caller.check(Self::NAME, &task.board, Some(&task.id))?;
            return Ok(ResolvedTask { id: task.id, title: task.title });
        }
        if is_short {
            return Err(unknown().into());
        }
        let limit = CANDIDATES_MAX + 1;
        let mut found = store::tasks::list_beginning_with(connection, &board, &written, limit)?;
        let is_cut = found.len() > CANDIDATES_MAX as usize;
        found.truncate(CANDIDATES_MAX as usize);
        match found.len() {
            0 => Err(unknown().into()),
            1 => found
                .pop()
                .map(|(id, title)| ResolvedTask { id, title })
                .ok_or_else(|| unknown().into()),
            _ => Err(Refusal::AmbiguousTask {
                id: shorten(&self.id),
                candidates: candidates(&found, is_cut),
            }
            .into()),
        }
    }
}

/// Lists tasks whose ids begin with a text, for a shell that completes one.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ListCandidates {
    /// At least four digits of an id, with or without `t_`, in any case.
    pub id: String,
    /// Board of the tasks; default: `default`.
    pub board: Option<String>,
    /// Maximum number of results; default and most: 1000.
    pub limit: Option<u32>,
}

/// Results of a list of candidates, at most.
const LISTED_MAX: u32 = 1000;

impl Query for ListCandidates {
    type Reply = Vec<ResolvedTask>;
    const NAME: &'static str = "candidates";

    fn read(&self, snapshot: &Snapshot<'_>) -> Result<Vec<ResolvedTask>, VerbError> {
        let board = snapshot.board(self.board.as_deref(), Self::NAME)?;
        let TaskRef::Beginning(beginning) = read(&self.id) else { return Ok(Vec::new()) };
        let limit = self.limit.unwrap_or(LISTED_MAX).min(LISTED_MAX);
        let connection = snapshot.connection;
        let found = store::tasks::list_beginning_with(connection, &board, &beginning, limit)?;
        Ok(found.into_iter().map(|(id, title)| ResolvedTask { id, title }).collect())
    }
}

/// `t_1a2b3c4d (title), …`.
fn candidates(found: &[(TaskId, String)], is_cut: bool) -> String {
    let names: Vec<String> =
        found.iter().map(|(id, title)| format!("{id} ({})", shorten(title))).collect();
    let more = if is_cut { ", and more" } else { "" };
    format!("{}{more}", names.join(", "))
}
