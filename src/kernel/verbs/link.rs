//! `link`: adds a dependency between two tasks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::event::EventBody;
use crate::kernel::ids::{BoardName, TaskId};
use crate::kernel::shorten::shorten;
use crate::kernel::store;
use crate::kernel::task::{Task, TaskStatus, TaskStep};
use crate::kernel::tx::{Tx, refuse_other_board};
use crate::kernel::verb::Verb;
use crate::kernel::verbs::fence::refuse_ended_run;
use crate::kernel::verbs::handover::refuse_beyond_reach;
use crate::kernel::verbs::moves::Cause;
use crate::kernel::verbs::room;

/// Makes `child_id` wait for `parent_id`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkTasks {
    /// The task that must be done first.
    pub parent_id: String,
    /// The task that waits.
    pub child_id: String,
    /// Board of both tasks; refused when one is on another board.
    #[serde(default)]
    pub board: Option<String>,
}

/// Result of `link`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "LinkReply")]
pub struct LinkReply<S = TaskStatus> {
    /// As requested.
    pub parent_id: String,
    /// As requested.
    pub child_id: String,
    /// Their board.
    #[schemars(with = "String")]
    pub board: BoardName,
    /// False when the link already existed.
    pub linked: bool,
    /// New status of the child: a ready child of an unfinished parent moves to `todo`.
    pub child_status: S,
}

impl Verb for LinkTasks {
    type Reply = LinkReply;
    const NAME: &'static str = "link";

    fn run(&self, tx: &mut Tx<'_>) -> Result<LinkReply, VerbError> {
        let (parent, child) = self.ends(tx)?;
        tx.caller.check(Self::NAME, &child.board, None)?;
        refuse_ended_run(tx)?;
        refuse_beyond_reach(tx, &child, Self::NAME)?;
        if parent.id == child.id {
            return Err(Refusal::SelfLink { id: parent.id.to_string() }.into());
        }
        if parent.board != child.board {
            return Err(Refusal::OtherBoard {
                id: parent.id.to_string(),
                board: child.board.to_string(),
            }
            .into());
        }
        if store::links::would_close_circle(tx.store(), &parent.id, &child.id)? {
            return Err(Refusal::Cycle {
                parent: parent.id.to_string(),
                child: child.id.to_string(),
            }
            .into());
        }
        let linked = store::links::insert(tx.store(), &parent.id, &child.id)?;
        let mut child_status = child.status;
        if linked {
            room::after_link(tx.store(), &parent.id, &child.id)?;
            room::for_event(tx.store(), &child.id)?;
            let message = EventBody::Linked { parent: &parent.id, child: &child.id };
            tx.changed(&child, &message)?;
            if child.status == TaskStatus::Ready && !parent.status.satisfies_children() {
                child_status = demote(tx, &child, &parent.id)?;
            }
        }
        Ok(LinkReply {
            parent_id: parent.id.to_string(),
            child_id: child.id.to_string(),
            board: child.board,
            linked,
            child_status,
        })
    }
}

impl LinkTasks {
    fn ends(&self, tx: &Tx<'_>) -> Result<(Task, Task), VerbError> {
        let mut unknown = Vec::new();
        let mut find = |given: &str| -> Result<Option<Task>, VerbError> {
            let found = match TaskId::parse(given) {
                Some(id) => store::tasks::get(tx.store(), &id)?,
                None => None,
            };
            if found.is_none() {
                unknown.push(shorten(given));
            }
            Ok(found)
        };
        match (find(&self.parent_id)?, find(&self.child_id)?) {
            (Some(parent), Some(child)) => {
                refuse_other_board(&parent, self.board.as_deref())?;
                refuse_other_board(&child, self.board.as_deref())?;
                Ok((parent, child))
            }
            _ => Err(Refusal::UnknownLinkEnds { ids: unknown.join(", ") }.into()),
        }
    }
}

fn demote(tx: &mut Tx<'_>, child: &Task, parent: &TaskId) -> Result<TaskStatus, VerbError> {
    let message = EventBody::Demoted { parent };
    tx.move_task(child, TaskStep::Demote, &Cause::of(LinkTasks::NAME, None, message))
}
