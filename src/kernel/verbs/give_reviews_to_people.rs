//! Reviews whose profile cannot review any longer, because the configuration has changed: a person does them.

use serde::{Deserialize, Serialize};

use crate::kernel::error::VerbError;
use crate::kernel::limits::REVIEWS_PER_REQUEST;
use crate::kernel::rules::review::pair;
use crate::kernel::store;
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::review::give_to_person;

/// Gives reviews to people that their profiles cannot do, of those that wait. Asked for by the daemon when it starts and when its
/// configuration was read again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GiveReviewsToPeople {}

impl Verb for GiveReviewsToPeople {
    /// Whether there may be more.
    type Reply = bool;
    const NAME: &'static str = "give_reviews_to_people";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<bool, VerbError> {
        for (reviewer, assignee) in store::tasks::list_review_pairs(tx.store())? {
            let Err(fault) = pair(Some(&reviewer), assignee.as_deref(), tx.policy) else {
                continue;
            };
            let pair = (reviewer.as_str(), assignee.as_deref());
            let ids = store::tasks::list_reviews_of(tx.store(), pair, REVIEWS_PER_REQUEST)?;
            for id in &ids {
                let task = tx.reread(id)?;
                give_to_person(tx, &task, &fault.to_string())?;
            }
            if !ids.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
