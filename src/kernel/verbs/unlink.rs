//! `unlink`: removes a dependency between two tasks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::event::EventBody;
use crate::kernel::ids::{BoardName, TaskId};
use crate::kernel::shorten::shorten;
use crate::kernel::store;
use crate::kernel::task::{Landing, TaskStatus};
use crate::kernel::tx::{Tx, refuse_other_board};
use crate::kernel::verb::Verb;
use crate::kernel::verbs::release::promote;

/// Removes a dependency. A child whose last open parent it was becomes ready at once.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnlinkTasks {
    /// The task it depended on.
    pub parent_id: String,
    /// The dependent task.
    pub child_id: String,
    /// Board of the child; refused when the task is on another board.
    #[serde(default)]
    pub board: Option<String>,
}

/// Result of `unlink`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "UnlinkReply")]
pub struct UnlinkReply<S = TaskStatus> {
    /// As requested.
    pub parent_id: String,
    /// As requested.
    pub child_id: String,
    /// Their board.
    #[schemars(with = "String")]
    pub board: BoardName,
    /// New status of the child.
    pub child_status: S,
}

impl Verb for UnlinkTasks {
    type Reply = UnlinkReply;
    const NAME: &'static str = "unlink";

    fn run(&self, tx: &mut Tx<'_>) -> Result<UnlinkReply, VerbError> {
        let unknown = || Refusal::UnknownLink {
            parent: shorten(&self.parent_id),
            child: shorten(&self.child_id),
        };
        let parent = TaskId::parse(&self.parent_id).ok_or_else(unknown)?;
        let child_id = TaskId::parse(&self.child_id).ok_or_else(unknown)?;
        let child = store::tasks::get(tx.store(), &child_id)?.ok_or_else(unknown)?;
        refuse_other_board(&child, self.board.as_deref())?;
        tx.caller.check(Self::NAME, &child.board, None)?;
        if !store::links::delete(tx.store(), &parent, &child_id)? {
            return Err(unknown().into());
        }
        tx.changed(&child, &EventBody::Unlinked { parent: &parent, child: &child_id })?;
        let promoted = tx.landing(&child)? == Landing::Ready && promote(tx, &child_id)?;
        Ok(UnlinkReply {
            parent_id: parent.to_string(),
            child_id: child_id.to_string(),
            board: child.board,
            child_status: if promoted { TaskStatus::Ready } else { child.status },
        })
    }
}
