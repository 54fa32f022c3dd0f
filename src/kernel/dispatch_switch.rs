//! The dispatch switch: whether the board starts anything. Operators set it at run time and the board keeps it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::{Fault, VerbError};
use crate::kernel::store::{self, Connection};
use crate::kernel::tx::Tx;

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

    /// How it stands now.
    ///
    /// # Errors
    /// A fault of the database.
    pub fn read(connection: &Connection) -> Result<Self, Fault> {
        let stored = store::install::setting(connection, DISPATCH_SWITCH)?;
        Ok(stored.as_deref().and_then(Self::parse).unwrap_or(Self::On))
    }
}

/// Writes the switch.
pub(in crate::kernel) fn switch_dispatch(tx: &Tx<'_>, to: DispatchSwitch) -> Result<(), VerbError> {
    let by = tx.caller.actor().to_string();
    store::install::set_setting(tx.store(), DISPATCH_SWITCH, to.as_str(), tx.now, &by)?;
    Ok(())
}
