//! What operators set at run time and the board keeps: whether it starts anything, and which boards there are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::board::Verb;
use crate::kernel::caller::{Caller, Right};
use crate::kernel::error::{Fault, Refusal, VerbError};
use crate::kernel::ids::BoardName;
use crate::kernel::store::boards::BoardRow;
use crate::kernel::store::{self, Connection};
use crate::kernel::tx::{Signal, Tx, shorten};
use crate::kernel::validate;

/// Setting that keeps the dispatch switch.
const DISPATCH_SWITCH: &str = "dispatch";

/// Whether the board starts anything. Stored, so it survives a restart; runs that are under way go on under each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DispatchSwitch {
    /// It does.
    On,
    /// It does not, until somebody resumes.
    Paused,
    /// It does not, and somebody waits for the last run to end.
    Draining,
}

/// Why a pass starts nothing although tasks are ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// Somebody paused the board.
    Paused,
    /// Somebody waits for the last run to end.
    Draining,
    /// The disk is nearly full; it goes on by itself.
    Disk,
}

impl DispatchSwitch {
    fn as_str(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Paused => "paused",
            Self::Draining => "draining",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::On, Self::Paused, Self::Draining].into_iter().find(|one| one.as_str() == text)
    }

    /// What keeps everything from starting, when it stands like this on a host whose disk is nearly full or not.
    pub fn hold(self, is_disk_low: bool) -> Option<Hold> {
        match self {
            Self::Paused => Some(Hold::Paused),
            Self::Draining => Some(Hold::Draining),
            Self::On => is_disk_low.then_some(Hold::Disk),
        }
    }

    /// How it stands now.
    ///
    /// # Errors
    /// A fault of the database.
    pub fn read(connection: &Connection) -> Result<Self, Fault> {
        let stored = store::install::setting(connection, DISPATCH_SWITCH)?;
        Ok(stored.as_deref().and_then(Self::parse).unwrap_or(Self::On))
    }
}

/// Turns starting on or off.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetDispatch {
    /// How it is to stand.
    pub to: DispatchSwitch,
}

/// How it stands.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct SetDispatchReply {
    /// How it stands now.
    pub dispatch: DispatchSwitch,
    /// How it stood before.
    pub before: DispatchSwitch,
    /// Supervised runs whose processes may be there.
    pub open_runs: usize,
}

impl Verb for SetDispatch {
    type Reply = SetDispatchReply;
    const NAME: &'static str = "set_dispatch";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<SetDispatchReply, VerbError> {
        refuse_workers(tx.caller, Self::NAME)?;
        let before = DispatchSwitch::read(tx.store())?;
        switch_dispatch(tx, self.to)?;
        if self.to == DispatchSwitch::On {
            tx.signal(Signal::DispatchDue);
        }
        let open_runs = store::runs::list_open_supervised(tx.store())?.len();
        Ok(SetDispatchReply { dispatch: self.to, before, open_runs })
    }
}

/// Writes the switch.
pub(in crate::kernel) fn switch_dispatch(tx: &Tx<'_>, to: DispatchSwitch) -> Result<(), VerbError> {
    let by = tx.caller.actor();
    store::install::set_setting(tx.store(), DISPATCH_SWITCH, to.as_str(), tx.now, &by)?;
    Ok(())
}

fn refuse_workers(caller: &Caller, verb: &'static str) -> Result<(), Refusal> {
    match caller {
        Caller::Worker { board, .. } => caller.check(Right::Operate, verb, board, None),
        Caller::Operator { .. } | Caller::System { .. } => Ok(()),
    }
}

/// Makes a board.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CreateBoard {
    /// Its name: 1 to 64 lower-case letters, digits, `-` and `_`.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
}

/// The board.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct CreateBoardReply {
    /// The board.
    #[serde(flatten)]
    pub board: BoardRow,
    /// False when it was there already.
    pub created: bool,
}

impl Verb for CreateBoard {
    type Reply = CreateBoardReply;
    const NAME: &'static str = "create_board";

    fn run(&self, tx: &mut Tx<'_>) -> Result<CreateBoardReply, VerbError> {
        refuse_workers(tx.caller, Self::NAME)?;
        let name = BoardName::parse(&self.name).ok_or_else(|| Refusal::InvalidValue {
            field: "name",
            problem: "a board's name has 1 to 64 lower-case letters, digits, `-` and `_`",
            value: shorten(&self.name),
        })?;
        let description = validate::body("description", self.description.as_deref())?;
        let created = store::boards::insert(tx.store(), &name, description.as_deref(), tx.now)?;
        let board = store::boards::get(tx.store(), &name)?
            .ok_or_else(|| Refusal::UnknownBoard { name: name.to_string() })?;
        Ok(CreateBoardReply { board, created })
    }
}
