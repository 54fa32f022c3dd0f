//! `promote_released`: promotes tasks whose parents are done although no edge said so.

use serde::{Deserialize, Serialize};

use crate::kernel::error::VerbError;
use crate::kernel::ids::TaskId;
use crate::kernel::store;
use crate::kernel::task::Parents;
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::release::promote;

/// Promotes tasks that a reader found released although no edge told of it: rows written while the daemon was away.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PromoteReleased {
    /// The tasks; each is looked at again.
    pub ids: Vec<TaskId>,
}

impl Verb for PromoteReleased {
    type Reply = Vec<TaskId>;
    const NAME: &'static str = "promote_released";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<Vec<TaskId>, VerbError> {
        let mut promoted = Vec::new();
        for id in &self.ids {
            let parents = store::links::parents_of(tx.store(), id)?;
            if parents == Parents::Satisfied && promote(tx, id)? {
                promoted.push(id.clone());
            }
        }
        Ok(promoted)
    }
}
