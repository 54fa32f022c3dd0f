//! `detach`: removes an attachment.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::event::EventBody;
use crate::kernel::ids::BoardName;
use crate::kernel::shorten::shorten;
use crate::kernel::store;
use crate::kernel::store::attachments::Attachment;
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::attach::file_facts;

/// Removes an attached file.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DetachFile {
    /// The task.
    pub id: String,
    /// Name of the file.
    pub filename: String,
    /// Board of the task; refused when the task is on another board.
    #[serde(default)]
    pub board: Option<String>,
}

/// The removed attachment.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct DetachReply {
    /// The task.
    pub task_id: String,
    /// Its board.
    #[schemars(with = "String")]
    pub board: BoardName,
    /// The file.
    #[serde(flatten)]
    pub attachment: Attachment,
}

impl Verb for DetachFile {
    type Reply = DetachReply;
    const NAME: &'static str = "detach";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<DetachReply, VerbError> {
        let task = tx.task(&self.id, self.board.as_deref(), Self::NAME)?;
        let file = store::attachments::get(tx.store(), &task.id, &self.filename)?;
        let Some(attachment) = file else {
            let (id, filename) = (task.id.to_string(), shorten(&self.filename));
            return Err(Refusal::UnknownAttachment { id, filename }.into());
        };
        store::attachments::remove(tx.store(), &task.id, &attachment.filename)?;
        tx.event(&task, None, &EventBody::AttachmentRemoved(file_facts(&attachment)))?;
        Ok(DetachReply { task_id: task.id.to_string(), board: task.board, attachment })
    }
}
