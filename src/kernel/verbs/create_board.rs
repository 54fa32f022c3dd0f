//! `create_board`: creates a board.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::ids::BoardName;
use crate::kernel::shorten::shorten;
use crate::kernel::store::boards::BoardRow;
use crate::kernel::tx::{Signal, Tx};
use crate::kernel::verb::Verb;
use crate::kernel::{store, validate};

/// Makes a board.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CreateBoard {
    /// Name: 1 to 64 lower-case letters, digits, `-` and `_`.
    pub name: String,
    /// Purpose.
    pub description: Option<String>,
}

/// The board.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct CreateBoardReply {
    /// The board.
    #[serde(flatten)]
    pub board: BoardRow,
    /// False when it already existed.
    pub created: bool,
}

impl Verb for CreateBoard {
    type Reply = CreateBoardReply;
    const NAME: &'static str = "create_board";

    fn run(&self, tx: &mut Tx<'_>) -> Result<CreateBoardReply, VerbError> {
        tx.caller.may_ask(Self::NAME)?;
        let name = board_name("name", &self.name)?;
        let description = validate::body("description", self.description.as_deref())?;
        let created = store::boards::insert(tx.store(), &name, description.as_deref(), tx.now)?;
        tx.signal(Signal::FactsMoved);
        let board = store::boards::get(tx.store(), &name)?
            .ok_or_else(|| Refusal::UnknownBoard { name: name.to_string() })?;
        Ok(CreateBoardReply { board, created })
    }
}

/// The name of a board that is to be.
pub(super) fn board_name(field: &'static str, given: &str) -> Result<BoardName, Refusal> {
    BoardName::parse(given).ok_or_else(|| Refusal::InvalidValue {
        field,
        problem: "a board's name has 1 to 64 lower-case letters, digits, `-` and `_`",
        value: shorten(given),
    })
}
