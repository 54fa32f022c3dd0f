//! `record_gc`: what the last collection of garbage removed, for `status`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::{Fault, VerbError};
use crate::kernel::ids::EpochSeconds;
use crate::kernel::store::{self, Connection};
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;

/// The last `gc` that removed something or could have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LastGc {
    /// When it ended, epoch seconds.
    pub at: EpochSeconds,
    /// Who asked for it.
    pub by: String,
    /// Tasks that were removed.
    pub tasks: usize,
    /// Events that were removed with them.
    pub events: usize,
    /// Workspaces.
    pub workspaces: usize,
    /// Log files.
    pub logs: usize,
    /// Attached files.
    pub attachments: usize,
}

impl LastGc {
    /// The one that is recorded; none when there was none, or when it cannot be understood.
    ///
    /// # Errors
    /// A fault of the database.
    pub fn read(connection: &Connection) -> Result<Option<Self>, Fault> {
        let stored = store::install::setting(connection, store::install::LAST_GC)?;
        Ok(stored.and_then(|text| serde_json::from_str(&text).ok()))
    }
}

/// Records a collection of garbage.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecordGc {
    /// What it removed; its time and who asked are taken from the request.
    pub removed: LastGc,
}

impl Verb for RecordGc {
    type Reply = LastGc;
    const NAME: &'static str = "record_gc";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<LastGc, VerbError> {
        // The right to collect garbage is the right to have it recorded.
        tx.caller.may_ask("gc")?;
        let by = tx.caller.actor().to_string();
        let last = LastGc { at: tx.now, by: by.clone(), ..self.removed.clone() };
        let text = serde_json::to_string(&last).unwrap_or_default();
        let key = store::install::LAST_GC;
        store::install::set_setting(tx.store(), key, &text, tx.now, &by)?;
        Ok(last)
    }
}
