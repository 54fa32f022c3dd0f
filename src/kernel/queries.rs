//! Requests that read: each is a struct, answered from one snapshot of a read-only connection.

mod list;
mod paged;
mod runs;
mod search;
mod show;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::caller::{Caller, Right};
use crate::kernel::context::{self, LocalTime};
use crate::kernel::counts::Counts;
use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::ids::{BoardName, EpochSeconds, TaskId};
use crate::kernel::policy::Policy;
pub use crate::kernel::store::attachments::Attachment;
pub use crate::kernel::store::boards::BoardRow;
pub use crate::kernel::store::subscriptions::Subscription;
use crate::kernel::store::{self, Connection};
use crate::kernel::task::{Task, TaskStatus};
use crate::kernel::tx::{refuse_other_board, shorten};
use crate::kernel::verbs::DispatchSwitch;
use crate::kernel::why::{Facts, Reason, reason};
pub use list::ListTasks;
pub use paged::{PageBounds, PageOf, Paged};
pub use runs::ListRuns;
pub use search::{Hit, SearchTasks};
pub use show::{LeftOut, ShowTask, TaskDetails};

/// What a query works with.
pub struct Snapshot<'c> {
    /// The read-only connection, inside one transaction.
    pub connection: &'c Connection,
    /// The time, epoch seconds.
    pub now: EpochSeconds,
    /// Who asks.
    pub caller: &'c Caller,
    /// How times are shown to people and models.
    pub local_time: &'c LocalTime,
}

/// A request that reads.
pub trait Query: Send + 'static {
    /// What it answers.
    type Reply: Serialize + Send + 'static;
    /// Its name, on every surface.
    const NAME: &'static str;

    /// Answers it.
    ///
    /// # Errors
    /// A refusal or a fault.
    fn read(&self, snapshot: &Snapshot<'_>) -> Result<Self::Reply, VerbError>;
}

impl Snapshot<'_> {
    /// The task that `id` names, if the caller may read it.
    ///
    /// # Errors
    /// A malformed id is answered like an unknown one.
    pub fn task(
        &self,
        id: &str,
        board: Option<&str>,
        verb: &'static str,
    ) -> Result<Task, VerbError> {
        let unknown = || Refusal::UnknownTask { id: shorten(id) };
        let task_id = TaskId::parse(id).ok_or_else(unknown)?;
        let task = store::tasks::get(self.connection, &task_id)?.ok_or_else(unknown)?;
        refuse_other_board(&task, board)?;
        self.caller.check(Right::Read, verb, &task.board, Some(&task.id))?;
        Ok(task)
    }

    /// The board that a request means: the one it names, the worker's own, or `default`.
    ///
    /// # Errors
    /// [`Refusal::UnknownBoard`], [`Refusal::Forbidden`].
    pub fn board(&self, name: Option<&str>, verb: &'static str) -> Result<BoardName, VerbError> {
        let board = match (name, self.caller) {
            (Some(name), _) => BoardName::parse(name)
                .ok_or_else(|| Refusal::UnknownBoard { name: shorten(name) })?,
            (None, Caller::Worker { board, .. }) => board.clone(),
            (None, Caller::Operator { .. } | Caller::System { .. }) => BoardName::default(),
        };
        self.caller.check(Right::Read, verb, &board, None)?;
        if store::boards::exists(self.connection, &board)? {
            Ok(board)
        } else {
            Err(Refusal::UnknownBoard { name: board.to_string() }.into())
        }
    }
}

/// Lists the files that are attached to a task.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListAttachments {
    /// The task.
    pub id: String,
    /// Board of the task, when the caller wants it checked.
    #[serde(default)]
    pub board: Option<String>,
}

impl Query for ListAttachments {
    type Reply = Vec<Attachment>;
    const NAME: &'static str = "attachments";

    fn read(&self, snapshot: &Snapshot<'_>) -> Result<Vec<Attachment>, VerbError> {
        let task = snapshot.task(&self.id, self.board.as_deref(), Self::NAME)?;
        Ok(store::attachments::list(snapshot.connection, &task.id)?)
    }
}

/// Shows what a worker reads before it begins.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetContext {
    /// The task.
    pub id: String,
    /// Board of the task, when the caller wants it checked.
    #[serde(default)]
    pub board: Option<String>,
}

/// The context as text.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ContextReply {
    /// The task.
    pub id: String,
    /// Its board.
    #[schemars(with = "String")]
    pub board: BoardName,
    /// Markdown.
    pub context: String,
}

impl Query for GetContext {
    type Reply = ContextReply;
    const NAME: &'static str = "context";

    fn read(&self, snapshot: &Snapshot<'_>) -> Result<ContextReply, VerbError> {
        self.read_knowing(snapshot, None)
    }
}

impl GetContext {
    /// The same, with what the caller's own run knows about its workspace: the board may not have it yet.
    ///
    /// # Errors
    /// As [`Query::read`].
    pub fn read_knowing(
        &self,
        snapshot: &Snapshot<'_>,
        workspace: Option<context::WorkspaceFacts>,
    ) -> Result<ContextReply, VerbError> {
        let task = snapshot.task(&self.id, self.board.as_deref(), Self::NAME)?;
        let material = context::Material::read(snapshot.connection, task, workspace)?;
        Ok(ContextReply {
            id: material.task.id.to_string(),
            board: material.task.board.clone(),
            context: context::render(&material, snapshot.local_time),
        })
    }
}

/// Counts of a board.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GetStats {
    /// Board; `default` when none is named (a worker's own board inside a run).
    pub board: Option<String>,
}

/// How a board stands.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Stats {
    /// The board.
    #[schemars(with = "String")]
    pub board: BoardName,
    /// Tasks by status; archived ones and empty statuses are left out.
    pub by_status: BTreeMap<String, i64>,
    /// Tasks by assignee and status; archived and unassigned ones are left out.
    pub by_assignee: BTreeMap<String, BTreeMap<String, i64>>,
    /// Age of the oldest ready task, seconds.
    pub oldest_ready_age_seconds: Option<i64>,
    /// The time of the answer, epoch seconds.
    pub now: EpochSeconds,
}

/// Adds the counts, which the writing thread keeps in memory, to what the snapshot knows.
///
/// # Errors
/// A refusal or a fault.
pub fn stats(
    query: &GetStats,
    snapshot: &Snapshot<'_>,
    counts: &Counts,
) -> Result<Stats, VerbError> {
    let board = snapshot.board(query.board.as_deref(), "stats")?;
    let oldest = store::queue::oldest_ready(snapshot.connection, &board)?;
    let mut by_status: BTreeMap<String, i64> = BTreeMap::new();
    let mut by_assignee: BTreeMap<String, BTreeMap<String, i64>> = BTreeMap::new();
    for (key, count) in counts.of_board(&board) {
        if key.status == TaskStatus::Archived {
            continue;
        }
        let status = key.status.as_str().to_owned();
        *by_status.entry(status.clone()).or_default() += count;
        if let Some(assignee) = &key.assignee {
            *by_assignee.entry(assignee.clone()).or_default().entry(status).or_default() += count;
        }
    }
    Ok(Stats {
        board,
        by_status,
        by_assignee,
        oldest_ready_age_seconds: oldest.map(|created| (snapshot.now - created).max(0)),
        now: snapshot.now,
    })
}

/// Tells why a task is not running.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WhyTask {
    /// The task.
    pub id: String,
    /// Board of the task, when the caller wants it checked.
    #[serde(default)]
    pub board: Option<String>,
}

/// The one reason.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct WhyReply {
    /// The task.
    pub id: String,
    /// Its board.
    #[schemars(with = "String")]
    pub board: BoardName,
    /// Its status.
    pub status: TaskStatus,
    /// The reason.
    #[serde(flatten)]
    pub reason: Reason,
    /// The reason as a line for people.
    pub explanation: String,
    /// What could be done about it.
    pub hint: Option<String>,
}

/// Finds the reason; `host` adds what only the host knows.
///
/// # Errors
/// A refusal or a fault.
pub fn why(
    query: &WhyTask,
    snapshot: &Snapshot<'_>,
    policy: &Policy,
    host: impl FnOnce(&mut Facts),
) -> Result<WhyReply, VerbError> {
    let task = snapshot.task(&query.id, query.board.as_deref(), "why")?;
    let (id, board, status) = (task.id.to_string(), task.board.clone(), task.status);
    let mut facts = Facts::read(snapshot.connection, task, snapshot.now)?;
    host(&mut facts);
    let reason = reason(&facts, policy);
    let (explanation, hint) = (reason.explanation(), reason.hint(&id));
    Ok(WhyReply { id, board, status, reason, explanation, hint })
}

/// Tells whether the board starts anything.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GetDispatch {}

/// How the switch stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DispatchState {
    /// Whether the board starts anything.
    pub dispatch: DispatchSwitch,
    /// Supervised runs whose processes may be there.
    pub open_runs: usize,
}

impl Query for GetDispatch {
    type Reply = DispatchState;
    const NAME: &'static str = "get_dispatch";

    fn read(&self, snapshot: &Snapshot<'_>) -> Result<DispatchState, VerbError> {
        if let Caller::Worker { board, .. } = snapshot.caller {
            snapshot.caller.check(Right::Operate, Self::NAME, board, None)?;
        }
        Ok(DispatchState {
            dispatch: DispatchSwitch::read(snapshot.connection)?,
            open_runs: store::runs::list_open_supervised(snapshot.connection)?.len(),
        })
    }
}

/// Lists boards.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ListBoards {}

impl Query for ListBoards {
    type Reply = Vec<BoardRow>;
    const NAME: &'static str = "boards";

    fn read(&self, snapshot: &Snapshot<'_>) -> Result<Vec<BoardRow>, VerbError> {
        let mut boards = store::boards::list(snapshot.connection)?;
        if let Caller::Worker { board, .. } = snapshot.caller {
            boards.retain(|row| row.name == *board);
        }
        Ok(boards)
    }
}

/// Lists notification subscriptions.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ListSubscriptions {
    /// Only those to this task.
    pub task: Option<String>,
    /// Board of the task, when the caller wants it checked.
    pub board: Option<String>,
}

impl Query for ListSubscriptions {
    type Reply = Vec<Subscription>;
    const NAME: &'static str = "notify_list";

    fn read(&self, snapshot: &Snapshot<'_>) -> Result<Vec<Subscription>, VerbError> {
        let board = snapshot.board(self.board.as_deref(), Self::NAME)?;
        snapshot.caller.check(Right::Operate, Self::NAME, &board, None)?;
        Ok(match &self.task {
            Some(id) => {
                let task = snapshot.task(id, self.board.as_deref(), Self::NAME)?;
                store::subscriptions::list_of_task(snapshot.connection, &task.id)?
            }
            None => store::subscriptions::list_of_board(snapshot.connection, &board)?,
        })
    }
}
