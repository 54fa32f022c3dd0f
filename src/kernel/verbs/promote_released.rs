//! `promote_released`: promotes tasks whose parents are done although no edge said so.

use serde::{Deserialize, Serialize};

use crate::kernel::error::VerbError;
use crate::kernel::ids::TaskId;
use crate::kernel::limits::PROMOTED_PER_REQUEST;
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

impl PromoteReleased {
    /// The same for many tasks: what a statement of a request costs grows with what the request has written before it.
    pub fn in_batches(ids: Vec<TaskId>) -> impl Iterator<Item = Self> {
        let mut ids = ids.into_iter().peekable();
        std::iter::from_fn(move || {
            ids.peek()?;
            Some(Self { ids: ids.by_ref().take(PROMOTED_PER_REQUEST).collect() })
        })
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_tasks_are_promoted_by_several_requests_and_none_by_none() {
        let ids = |count: usize| (0..count).filter_map(|n| TaskId::parse(&format!("t_{n:08x}")));
        for (count, sizes) in [(0, vec![]), (1, vec![1]), (600, vec![256, 256, 88])] {
            let batches: Vec<usize> =
                PromoteReleased::in_batches(ids(count).collect()).map(|it| it.ids.len()).collect();
            assert_eq!(batches, sizes);
        }
    }
}
