//! `create_batch`: many new tasks in one request. Each stands alone, in its order; the first that is refused ends it, and
//! those before it stay.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::kernel::error::{Edge, ErrorCode, VerbError};
use crate::kernel::objects;
use crate::kernel::tx::Tx;
use crate::kernel::validate;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::create::{CreateReply, CreateTask};
use crate::kernel::verbs::created_reply;

/// Creates tasks, one after the other.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CreateTasks {
    /// The tasks, each with the fields of `create`.
    #[serde(deserialize_with = "objects::list")]
    pub tasks: Vec<CreateTask>,
}

/// Result of `create_batch`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "CreateTasksReply")]
pub struct CreateTasksReply<C = CreateReply, R = RefusedTask> {
    /// The created tasks in the order of the request, up to the first refusal.
    pub created: Vec<C>,
    /// The first refused task; later ones were not processed.
    pub refused: Option<R>,
}

/// A refused task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "RefusedTask")]
pub struct RefusedTask<C = ErrorCode> {
    /// Index in the request, from 0.
    pub index: usize,
    /// Reason.
    pub code: C,
    /// Reason, for people.
    pub message: String,
    /// Suggested action.
    pub hint: Option<String>,
}

impl Verb for CreateTasks {
    type Reply = CreateTasksReply;
    const NAME: &'static str = "create_batch";

    fn run(&self, tx: &mut Tx<'_>) -> Result<CreateTasksReply, VerbError> {
        let mut reply = CreateTasksReply { created: Vec::new(), refused: None };
        for (index, task) in validate::list("tasks", &self.tasks)?.iter().enumerate() {
            // A create looks at everything before it writes anything, so a refused one has left nothing behind.
            match task.run(tx) {
                Ok(created) => reply.created.push(created),
                Err(VerbError::Refused(refusal)) => {
                    reply.refused = Some(RefusedTask {
                        index,
                        code: refusal.code(),
                        message: refusal.to_string(),
                        hint: refusal.hint().and_then(|hint| hint.render(Edge::Api)),
                    });
                    break;
                }
                Err(VerbError::Failed(fault)) => return Err(fault.into()),
            }
        }
        Ok(reply)
    }

    fn kept_reply(&self, reply: &CreateTasksReply) -> serde_json::Result<Value> {
        let pairs = self.tasks.iter().zip(&reply.created);
        let created = pairs.map(|(task, created)| created_reply::kept(task, created));
        let mut kept = json!({ "created": created.collect::<serde_json::Result<Vec<_>>>()? });
        if let (Some(refused), Some(kept)) = (&reply.refused, kept.as_object_mut()) {
            kept.insert("refused".to_owned(), serde_json::to_value(refused)?);
        }
        Ok(kept)
    }

    fn whole_reply(&self, mut kept: Value) -> Value {
        // Each part is that of the request in the same position.
        let created = kept.get_mut("created").and_then(Value::as_array_mut);
        for (part, task) in created.into_iter().flatten().zip(&self.tasks) {
            *part = created_reply::whole(task, part.take());
        }
        kept
    }
}
