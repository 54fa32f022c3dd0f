//! What a query works with: one snapshot of the board, and its caller.

use crate::kernel::caller::Caller;
use crate::kernel::context::LocalTime;
use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::ids::{BoardName, EpochSeconds, TaskId};
use crate::kernel::shorten::shorten;
use crate::kernel::store::boards::BoardKey;
use crate::kernel::store::{self, Connection};
use crate::kernel::task::Task;
use crate::kernel::tx::refuse_other_board;

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
        if !self.caller.sees(&task.board) {
            return Err(unknown().into());
        }
        refuse_other_board(&task, board)?;
        self.caller.check(verb, &task.board, Some(&task.id))?;
        Ok(task)
    }

    /// The board that a request means: the one it names, the worker's own, or `default`.
    ///
    /// # Errors
    /// [`Refusal::UnknownBoard`], [`Refusal::Forbidden`].
    pub fn board(&self, name: Option<&str>, verb: &'static str) -> Result<BoardKey, VerbError> {
        find_board(self.connection, self.caller, name, verb)
    }
}

/// The board that a request of `caller` means: see [`Snapshot::board`].
///
/// # Errors
/// [`Refusal::UnknownBoard`], [`Refusal::Forbidden`].
pub(in crate::kernel) fn find_board(
    connection: &Connection,
    caller: &Caller,
    name: Option<&str>,
    verb: &'static str,
) -> Result<BoardKey, VerbError> {
    let board = match (name, caller) {
        (Some(name), _) => {
            BoardName::parse(name).ok_or_else(|| Refusal::UnknownBoard { name: shorten(name) })?
        }
        (None, Caller::Worker { board, .. }) => board.clone(),
        (None, Caller::Chat(by)) => by.board(),
        (None, Caller::Operator { .. } | Caller::Courier | Caller::System { .. }) => {
            BoardName::default()
        }
    };
    caller.check(verb, &board, None)?;
    let unknown = || Refusal::UnknownBoard { name: board.to_string() };
    store::boards::find(connection, &board)?.ok_or_else(|| unknown().into())
}
