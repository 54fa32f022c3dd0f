//! `bulk`: one verb for many tasks in one request: by their ids, or by a filter. Each stands alone, in the given order: a refusal
//! is answered for its task, and the others go on.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::kernel::error::{Edge, Fault, Refusal, VerbError};
use crate::kernel::limits::BULK_TASKS_MAX;
use crate::kernel::location::{DirectoryDoubts, WantedDirectory};
use crate::kernel::shorten::shorten;
use crate::kernel::snapshot::Snapshot;
use crate::kernel::store::boards::BoardKey;
use crate::kernel::store::listing::ListFilter;
use crate::kernel::store::{self, Connection};
use crate::kernel::task::TaskStatus;
use crate::kernel::task_filter::TaskFilter;
use crate::kernel::tx::Tx;
use crate::kernel::validate;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::answer::AnswerTask;
use crate::kernel::verbs::approve::ApproveTask;
use crate::kernel::verbs::archive::ArchiveTask;
use crate::kernel::verbs::assign::AssignTask;
use crate::kernel::verbs::block::BlockTask;
use crate::kernel::verbs::cancel::CancelTask;
use crate::kernel::verbs::comment::CommentTask;
use crate::kernel::verbs::complete::CompleteTask;
use crate::kernel::verbs::create_batch::RefusedTask;
use crate::kernel::verbs::edit::EditTask;
use crate::kernel::verbs::promote::PromoteTask;
use crate::kernel::verbs::reassign::ReassignTask;
use crate::kernel::verbs::reclaim::ReclaimTask;
use crate::kernel::verbs::reopen::ReopenTask;
use crate::kernel::verbs::request_changes::RequestChanges;
use crate::kernel::verbs::request_review::RequestReview;
use crate::kernel::verbs::restart::RestartTask;
use crate::kernel::verbs::schedule::ScheduleTask;
use crate::kernel::verbs::stop::StopTask;
use crate::kernel::verbs::triage::TriageTask;
use crate::kernel::verbs::unarchive::UnarchiveTask;
use crate::kernel::verbs::unblock::UnblockTask;
use crate::kernel::verbs::unschedule::UnscheduleTask;

/// One verb for many tasks.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BulkTasks {
    /// Operation of a task: `answer`, `approve`, `archive`, `assign`, `block`, `cancel`, `comment`, `complete`, `edit`, `promote`, `reassign`,
    /// `reclaim`, `reopen`, `request_changes`, `request_review`, `restart`, `schedule`, `stop`, `triage`, `unarchive`, `unblock` or `unschedule`.
    pub verb: String,
    /// The tasks, at most 500; without any, those of the filter.
    pub ids: Vec<String>,
    /// Which tasks, instead of ids; one condition at least is needed.
    #[serde(rename = "where")]
    pub filter: Option<TaskFilter>,
    /// Fields of the operation, the same for every task.
    #[schemars(with = "std::collections::BTreeMap<String, Value>")]
    pub fields: Map<String, Value>,
    /// Board of the tasks; a task of another board is refused. Default: `default`.
    pub board: Option<String>,
    /// What is wrong with the directories that `edit` moves tasks to, as far as the host of the daemon knows.
    #[serde(skip)]
    pub directories: DirectoryDoubts,
}

/// Result of `bulk`, task by task.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "BulkReply")]
pub struct BulkReply<R = BulkResult> {
    /// The tasks in the order of the request.
    pub results: Vec<R>,
}

/// What became of one task: a reply or a refusal.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "BulkResult")]
pub struct BulkResult<R = RefusedTask> {
    /// The task, as the request names it.
    pub id: String,
    /// The reply of the operation.
    pub reply: Option<Value>,
    /// Why it was refused.
    pub refused: Option<R>,
}

type Run = fn(&mut Tx<'_>, Value, &DirectoryDoubts) -> Result<Value, VerbError>;

fn run_as<V: Verb + DeserializeOwned>(
    tx: &mut Tx<'_>,
    request: Value,
    _directories: &DirectoryDoubts,
) -> Result<Value, VerbError> {
    reply_of(&parsed::<V>(request)?, tx)
}

fn run_edit(
    tx: &mut Tx<'_>,
    request: Value,
    directories: &DirectoryDoubts,
) -> Result<Value, VerbError> {
    let edit = EditTask { directories: directories.clone(), ..parsed(request)? };
    reply_of(&edit, tx)
}

fn parsed<V: DeserializeOwned>(request: Value) -> Result<V, Refusal> {
    serde_json::from_value(request).map_err(|error| Refusal::InvalidValue {
        field: "fields",
        problem: "do not fit the verb",
        value: shorten(&error.to_string()),
    })
}

fn reply_of(verb: &impl Verb, tx: &mut Tx<'_>) -> Result<Value, VerbError> {
    let reply = verb.run(tx)?;
    serde_json::to_value(reply)
        .map_err(|error| Fault::Corrupt { what: "reply", value: error.to_string() }.into())
}

const VERBS: [(&str, Run); 22] = [
    ("answer", run_as::<AnswerTask>),
    ("approve", run_as::<ApproveTask>),
    ("archive", run_as::<ArchiveTask>),
    ("assign", run_as::<AssignTask>),
    ("block", run_as::<BlockTask>),
    ("cancel", run_as::<CancelTask>),
    ("comment", run_as::<CommentTask>),
    ("complete", run_as::<CompleteTask>),
    ("edit", run_edit),
    ("promote", run_as::<PromoteTask>),
    ("reassign", run_as::<ReassignTask>),
    ("reclaim", run_as::<ReclaimTask>),
    ("reopen", run_as::<ReopenTask>),
    ("request_changes", run_as::<RequestChanges>),
    ("request_review", run_as::<RequestReview>),
    ("restart", run_as::<RestartTask>),
    ("schedule", run_as::<ScheduleTask>),
    ("stop", run_as::<StopTask>),
    ("triage", run_as::<TriageTask>),
    ("unarchive", run_as::<UnarchiveTask>),
    ("unblock", run_as::<UnblockTask>),
    ("unschedule", run_as::<UnscheduleTask>),
];

impl Verb for BulkTasks {
    type Reply = BulkReply;
    const NAME: &'static str = "bulk";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<BulkReply, VerbError> {
        let board = tx.board(self.board.as_deref(), Self::NAME)?;
        let Some((_, run)) = VERBS.iter().find(|(name, _)| *name == self.verb) else {
            let names = VERBS.map(|(name, _)| name).join(", ");
            return Err(invalid("verb", &format!("{} (one of {names})", shorten(&self.verb))));
        };
        if self.fields.contains_key("id") || self.fields.contains_key("board") {
            return Err(invalid("fields", "id or board"));
        }
        let ids = match &self.filter {
            None => validate::list("ids", &self.ids)?.to_vec(),
            Some(filter) if self.ids.is_empty() => matching(filter, tx.store(), board)?,
            Some(_) => return Err(invalid("where", "ids and a filter")),
        };
        let limit = usize::try_from(BULK_TASKS_MAX).unwrap_or(usize::MAX);
        if ids.len() > limit {
            return Err(Refusal::TooLarge { field: "ids", actual: ids.len(), limit }.into());
        }
        let mut results = Vec::with_capacity(ids.len());
        for id in ids {
            let request = self.request(&id);
            results.push(self.one(tx, *run, id, request)?);
        }
        Ok(BulkReply { results })
    }
}

impl BulkTasks {
    /// The directories that it moves tasks to, for a look before it is done. What is refused is left to the verb.
    ///
    /// # Errors
    /// A fault of the database.
    pub fn wanted_directories(
        &self,
        snapshot: &Snapshot<'_>,
    ) -> Result<Vec<WantedDirectory>, VerbError> {
        let names_workspace =
            ["workspace_kind", "workspace_path"].iter().any(|name| self.fields.contains_key(*name));
        if self.verb != EditTask::NAME || !names_workspace {
            return Ok(Vec::new());
        }
        let ids = match &self.filter {
            None => self.ids.clone(),
            Some(filter) => {
                let board = snapshot.board(self.board.as_deref(), Self::NAME)?;
                matching(filter, snapshot.connection, board)?
            }
        };
        let mut wanted = Vec::new();
        let limit = usize::try_from(BULK_TASKS_MAX).unwrap_or(usize::MAX);
        for id in ids.iter().take(limit) {
            let edit: EditTask = parsed(Value::Object(self.request(id)))?;
            match edit.wanted_directory(snapshot) {
                Ok(directory) => wanted.extend(directory),
                Err(VerbError::Refused(_)) => {}
                Err(failed @ VerbError::Failed(_)) => return Err(failed),
            }
        }
        Ok(wanted)
    }

    /// The request of one task.
    fn request(&self, id: &str) -> Map<String, Value> {
        let mut request = self.fields.clone();
        request.insert("id".to_owned(), id.into());
        if let Some(board) = &self.board {
            request.insert("board".to_owned(), board.clone().into());
        }
        request
    }

    /// One task, which leaves nothing when it is refused.
    fn one(
        &self,
        tx: &mut Tx<'_>,
        run: Run,
        id: String,
        request: Map<String, Value>,
    ) -> Result<BulkResult, VerbError> {
        match tx.alone(|tx| run(tx, Value::Object(request), &self.directories))? {
            Ok(reply) => Ok(BulkResult { id, reply: Some(reply), refused: None }),
            Err(VerbError::Refused(refusal)) => {
                let refused = RefusedTask {
                    index: 0,
                    code: refusal.code(),
                    message: refusal.to_string(),
                    hint: refusal.hint().and_then(|hint| hint.render(Edge::Api)),
                };
                Ok(BulkResult { id, reply: None, refused: Some(refused) })
            }
            Err(failed @ VerbError::Failed(_)) => Err(failed),
        }
    }
}

/// The tasks that a filter lets through, in the order of a listing. One that has no condition would mean every task; that is never meant.
fn matching(
    filter: &TaskFilter,
    connection: &Connection,
    board: BoardKey,
) -> Result<Vec<String>, VerbError> {
    let which = filter.read(connection)?;
    if which.is_empty() {
        return Err(invalid("where", "no condition"));
    }
    let filter = ListFilter {
        board,
        include_archived: which.statuses.contains(&TaskStatus::Archived),
        which,
        // One more, so that too many are seen.
        limit: Some(BULK_TASKS_MAX + 1),
        ..ListFilter::default()
    };
    Ok(store::listing::list_ids(connection, &filter)?
        .into_iter()
        .map(|id| id.to_string())
        .collect())
}

fn invalid(field: &'static str, value: &str) -> VerbError {
    let problem = "cannot be used here";
    Refusal::InvalidValue { field, problem, value: value.to_owned() }.into()
}
