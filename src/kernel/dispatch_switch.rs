//! The dispatch switch: whether the board starts anything. Operators set it at run time and the board keeps it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::{Fault, VerbError};
use crate::kernel::store::{self, Connection};
use crate::kernel::tx::Tx;

/// Setting that keeps the dispatch switch.
const DISPATCH_SWITCH: &str = "dispatch";

/// Position of the dispatch switch. Kept across restarts; runs that have started continue in every position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DispatchSwitch {
    /// Ready tasks are started.
    On,
    /// Nothing is started until `resume`.
    Paused,
    /// Nothing is started, and an operator waits for the last run to end.
    Draining,
}

/// Why a pass starts no ready task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// Dispatch is paused.
    Paused,
    /// Dispatch is draining.
    Draining,
    /// The disk is nearly full; dispatch continues once there is space.
    Disk,
}

impl Hold {
    /// The text on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Paused => "paused",
            Self::Draining => "draining",
            Self::Disk => "disk",
        }
    }

    /// The reason of a text; none when there is no such reason.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Paused, Self::Draining, Self::Disk].into_iter().find(|one| one.as_str() == text)
    }
}

impl DispatchSwitch {
    /// The text on the wire and in the settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Paused => "paused",
            Self::Draining => "draining",
        }
    }

    /// The position of a text; none when there is no such position.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::On, Self::Paused, Self::Draining].into_iter().find(|one| one.as_str() == text)
    }

    /// The new position.
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
