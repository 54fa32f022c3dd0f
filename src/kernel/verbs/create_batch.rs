//! `create_batch`: many new tasks in one request. Each stands alone, in its order; the first that is refused ends it, and
//! those before it stay.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::{Edge, ErrorCode, VerbError};
use crate::kernel::objects;
use crate::kernel::tx::Tx;
use crate::kernel::validate;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::create::{CreateReply, CreateTask};

/// Creates tasks, one after the other.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CreateTasks {
    /// The tasks, each as `create` takes it.
    #[serde(deserialize_with = "objects::list")]
    pub tasks: Vec<CreateTask>,
}

/// What became of them.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct CreateTasksReply {
    /// The tasks, in the order of the request, up to the first that was refused.
    pub created: Vec<CreateReply>,
    /// The first that was refused; those behind it were not looked at.
    pub refused: Option<RefusedTask>,
}

/// A task that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RefusedTask {
    /// Its place in the request, from 0.
    pub index: usize,
    /// Why.
    pub code: ErrorCode,
    /// Why, for people.
    pub message: String,
    /// What could be done instead.
    pub hint: Option<String>,
}

impl Verb for CreateTasks {
    type Reply = CreateTasksReply;
    const NAME: &'static str = "create_batch";

    fn run(&self, tx: &mut Tx<'_>) -> Result<CreateTasksReply, VerbError> {
        let mut reply = CreateTasksReply::default();
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
}
