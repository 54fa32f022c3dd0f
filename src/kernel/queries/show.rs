//! `show`: everything about a task, as far as it fits into one answer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::VerbError;
use crate::kernel::event::Event;
use crate::kernel::ids::{BoardName, EventId, RunId, TaskId};
use crate::kernel::query::Query;
use crate::kernel::question::Question;
use crate::kernel::run::Run;
use crate::kernel::snapshot::Snapshot;
use crate::kernel::store;
use crate::kernel::store::attachments::Attachment;
use crate::kernel::store::comments::Comment;
use crate::kernel::task::Task;

/// Questions of a task that are shown.
const QUESTIONS_SHOWN: usize = 20;

/// Shows everything about a task. Of comments, events and runs it shows the newest that fit into an answer, and says how many older
/// ones are left out; the three `…_before` fields ask for those.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ShowTask {
    /// The task.
    pub id: String,
    /// Only comments older than the one with this id.
    pub comments_before: Option<i64>,
    /// Only events older than the one with this id.
    pub events_before: Option<EventId>,
    /// Only runs older than this one.
    pub runs_before: Option<RunId>,
    /// Board of the task; refused when the task is on another board.
    pub board: Option<String>,
}

/// A task with its history.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "TaskDetails")]
pub struct TaskDetails<T = Task, R = Run, Q = Question> {
    /// Its board.
    #[schemars(with = "String")]
    pub board: BoardName,
    /// The task.
    pub task: T,
    /// Tasks it depends on.
    #[schemars(with = "Vec<String>")]
    pub parents: Vec<TaskId>,
    /// Tasks that depend on it.
    #[schemars(with = "Vec<String>")]
    pub children: Vec<TaskId>,
    /// Comments, oldest first.
    pub comments: Vec<Comment>,
    /// Attachments, by name.
    #[serde(default)]
    pub attachments: Vec<Attachment>,
    /// Name of the schedule that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// Its newest questions, oldest first, at most 20.
    #[serde(default = "Vec::<Q>::new")]
    pub questions: Vec<Q>,
    /// Events, oldest first.
    pub events: Vec<Event>,
    /// Runs, oldest first.
    pub runs: Vec<R>,
    /// Number of older records omitted; absent when there are none.
    #[serde(default, skip_serializing_if = "LeftOut::is_nothing")]
    pub left_out: LeftOut,
}

/// Number of older records omitted from a reply.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LeftOut {
    /// Comments.
    pub comments: u64,
    /// Events.
    pub events: u64,
    /// Runs.
    pub runs: u64,
}

impl LeftOut {
    /// Whether everything is there.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl Query for ShowTask {
    type Reply = TaskDetails;
    const NAME: &'static str = "show";

    fn read(&self, snapshot: &Snapshot<'_>) -> Result<TaskDetails, VerbError> {
        let task = snapshot.task(&self.id, self.board.as_deref(), Self::NAME)?;
        let connection = snapshot.connection;
        let comments = store::comments::newest_page(connection, &task.id, self.comments_before)?;
        let events = store::events::newest_page(connection, &task.id, self.events_before)?;
        let runs = store::runs::newest_page(connection, &task.id, self.runs_before)?;
        let mut questions = store::questions::list_newest(connection, &task.id, QUESTIONS_SHOWN)?;
        questions.reverse();
        let schedule = match task.schedule_id {
            Some(id) => store::schedules::name_of(connection, id)?,
            None => None,
        };
        Ok(TaskDetails {
            schedule,
            questions,
            parents: store::links::list_parents(connection, &task.id)?,
            children: store::links::list_children(connection, &task.id)?,
            attachments: store::attachments::list(connection, &task.id)?,
            left_out: LeftOut {
                comments: comments.left_out,
                events: events.left_out,
                runs: runs.left_out,
            },
            comments: comments.items,
            events: events.items,
            runs: runs.items,
            board: task.board.clone(),
            task,
        })
    }
}
