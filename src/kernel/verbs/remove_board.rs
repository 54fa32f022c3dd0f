//! `remove_board`: removes a board that is empty.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::ids::BoardName;
use crate::kernel::rules::board_obstacle::BoardObstacle;
use crate::kernel::store;
use crate::kernel::store::boards::Contents;
use crate::kernel::tx::{Signal, Tx};
use crate::kernel::verb::Verb;

/// Removes an empty board. No task is ever removed with one.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RemoveBoard {
    /// The board.
    pub name: String,
}

/// Result of `remove_board`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct RemoveBoardReply {
    /// The board.
    pub name: String,
    /// True.
    pub removed: bool,
}

impl Verb for RemoveBoard {
    type Reply = RemoveBoardReply;
    const NAME: &'static str = "remove_board";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<RemoveBoardReply, VerbError> {
        tx.caller.may_ask(Self::NAME)?;
        let board = tx.board(Some(&self.name), Self::NAME)?;
        let why = match board.name == BoardName::default() {
            true => Some(BoardObstacle::Default),
            false => in_the_way(store::boards::contents(tx.store(), &board)?),
        };
        if let Some(why) = why {
            return Err(Refusal::BoardInUse { verb: "remove", name: self.name.clone(), why }.into());
        }
        store::boards::remove(tx.store(), &board)?;
        tx.signal(Signal::FactsMoved);
        Ok(RemoveBoardReply { name: board.name.to_string(), removed: true })
    }
}

/// What a board has; none when it is empty.
fn in_the_way(contents: Contents) -> Option<BoardObstacle> {
    let Contents { tasks, schedules, subscriptions } = contents;
    let is_empty = tasks == 0 && schedules == 0 && subscriptions == 0;
    (!is_empty).then_some(BoardObstacle::NotEmpty { tasks, schedules, subscriptions })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_board_is_empty_when_it_has_nothing_at_all() {
        for (tasks, schedules, subscriptions, is_empty) in
            [(0, 0, 0, true), (2, 0, 0, false), (0, 1, 0, false), (0, 0, 3, false)]
        {
            let found = in_the_way(Contents { tasks, schedules, subscriptions });
            assert_eq!(found.is_none(), is_empty, "{found:?}");
        }
    }
}
