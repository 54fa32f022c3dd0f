//! `comment`: a durable note on a task, in any status.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::caller::Caller;
use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::event::EventBody;
use crate::kernel::ids::BoardName;
use crate::kernel::limits::BODY_BYTES_MAX;
use crate::kernel::task::Task;
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::fence::refuse_ousted_run;
use crate::kernel::verbs::room;
use crate::kernel::{store, validate};

/// Comments on a task.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommentTask {
    /// The task.
    pub id: String,
    /// Text of the comment.
    pub body: String,
    /// Name of the author; only for callers outside any run.
    #[serde(default)]
    pub author: Option<String>,
    /// Board of the task; refused when the task is on another board.
    #[serde(default)]
    pub board: Option<String>,
}

/// The new comment.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct CommentReply {
    /// The task.
    pub task_id: String,
    /// Its board.
    #[schemars(with = "String")]
    pub board: BoardName,
    /// The comment.
    pub comment_id: i64,
    /// Author of the comment.
    pub author: String,
}

impl Verb for CommentTask {
    type Reply = CommentReply;
    const NAME: &'static str = "comment";

    fn run(&self, tx: &mut Tx<'_>) -> Result<CommentReply, VerbError> {
        let task = tx.task(&self.id, self.board.as_deref(), Self::NAME)?;
        refuse_ousted_run(tx)?;
        let author = self.author(tx.caller)?;
        let body = validate::text("comment", self.body.trim(), BODY_BYTES_MAX)?.to_owned();
        if body.is_empty() {
            return Err(Refusal::CommentBodyRequired.into());
        }
        room::for_comment(tx.store(), &task.id, body.len())?;
        let comment_id = add(tx, &task, &author, &body)?;
        Ok(CommentReply { task_id: task.id.to_string(), board: task.board, comment_id, author })
    }
}

impl CommentTask {
    fn author(&self, caller: &Caller) -> Result<String, Refusal> {
        match (&self.author, caller) {
            (Some(_), Caller::Chat(by)) => Err(by.refused("name another author")),
            (Some(_), Caller::Worker { run_id, .. }) => Err(Refusal::Forbidden {
                caller: format!("a worker (run {run_id})"),
                verb: "name another author",
            }),
            (Some(given), Caller::Operator { .. } | Caller::Courier | Caller::System { .. }) => {
                validate::name("author", Some(given))?.ok_or(Refusal::CommentAuthorRequired)
            }
            (None, caller) => Ok(caller.author().to_owned()),
        }
    }
}

/// Adds a comment with its event.
pub(super) fn add(
    tx: &mut Tx<'_>,
    task: &Task,
    author: &str,
    body: &str,
) -> Result<i64, VerbError> {
    let totals = store::comments::totals(tx.store(), &task.id)?.with(body.len());
    let id = store::comments::insert(tx.store(), &task.id, author, body, totals, tx.now)?;
    tx.event(task, None, &EventBody::Commented { author, len: body.chars().count() })?;
    Ok(id)
}
