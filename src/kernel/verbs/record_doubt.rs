//! `record_doubt`: records that the state of a run's processes is unknown, or known again.

use serde::{Deserialize, Serialize};

use crate::kernel::error::VerbError;
use crate::kernel::ids::RunId;
use crate::kernel::store;
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;

/// It is not known what became of a run's processes, or it is known again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecordDoubt {
    /// The run.
    pub run_id: RunId,
    /// One line: why it is not known; none when it is known again.
    pub doubt: Option<String>,
}

impl Verb for RecordDoubt {
    type Reply = ();
    const NAME: &'static str = "record_doubt";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<(), VerbError> {
        Ok(store::footing::set_doubt(tx.store(), self.run_id, self.doubt.as_deref())?)
    }
}
