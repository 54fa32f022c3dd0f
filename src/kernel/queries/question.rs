//! `question`: shows a question.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::ids::QuestionId;
use crate::kernel::query::Query;
use crate::kernel::question::Question;
use crate::kernel::shorten::shorten;
use crate::kernel::snapshot::Snapshot;
use crate::kernel::store;

/// Shows a question of a task.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowQuestion {
    /// The task.
    pub id: String,
    /// The question.
    pub question: String,
    /// Board of the task; refused when the task is on another board.
    #[serde(default)]
    pub board: Option<String>,
}

impl Query for ShowQuestion {
    type Reply = Question;
    const NAME: &'static str = "question";

    fn read(&self, snapshot: &Snapshot<'_>) -> Result<Question, VerbError> {
        let task = snapshot.task(&self.id, self.board.as_deref(), Self::NAME)?;
        let found = match QuestionId::parse(&self.question) {
            Some(id) => store::questions::get(snapshot.connection, &id)?,
            None => None,
        };
        let unknown = || Refusal::UnknownQuestion {
            id: task.id.to_string(),
            question: shorten(&self.question),
        };
        Ok(found.filter(|found| found.task_id == task.id).ok_or_else(unknown)?)
    }
}
