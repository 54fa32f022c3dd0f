//! `remove_board`: removes a board that is empty.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::ids::BoardName;
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
            true => Some("requests that name no board use it".to_owned()),
            false => contents(store::boards::contents(tx.store(), &board)?),
        };
        if let Some(why) = why {
            return Err(Refusal::BoardInUse { verb: "remove", name: self.name.clone(), why }.into());
        }
        store::boards::remove(tx.store(), &board)?;
        tx.signal(Signal::FactsMoved);
        Ok(RemoveBoardReply { name: board.name.to_string(), removed: true })
    }
}

/// What a board has, in words; none when it is empty.
fn contents(Contents { tasks, schedules, subscriptions }: Contents) -> Option<String> {
    let parts = [
        (tasks, "task(s), archived ones included"),
        (schedules, "schedule(s)"),
        (subscriptions, "subscription(s)"),
    ];
    let parts = parts.iter().filter(|(count, _)| *count > 0);
    let parts: Vec<String> = parts.map(|(count, of)| format!("{count} {of}")).collect();
    (!parts.is_empty()).then(|| format!("it has {}", parts.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_board_is_empty_when_it_has_nothing_at_all() {
        for (tasks, schedules, subscriptions, expected) in [
            (0, 0, 0, None),
            (2, 0, 0, Some("it has 2 task(s), archived ones included")),
            (0, 1, 3, Some("it has 1 schedule(s); 3 subscription(s)")),
        ] {
            let found = contents(Contents { tasks, schedules, subscriptions });
            assert_eq!(found.as_deref(), expected);
        }
    }
}
