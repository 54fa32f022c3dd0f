//! `clamp_times`: shortens back-offs and claims after the clock was set back.

use serde::{Deserialize, Serialize};

use crate::kernel::error::VerbError;
use crate::kernel::limits::RATE_LIMIT_SECONDS_MAX;
use crate::kernel::store;
use crate::kernel::store::tasks::LatestTimes;
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;

/// Shortens back-offs and claims that lie further ahead than they ever could, after the clock was set back. Every pass does
/// it too: the clock may be set while the daemon runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ClampTimes;

impl Verb for ClampTimes {
    type Reply = usize;
    const NAME: &'static str = "clamp_times";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<usize, VerbError> {
        tx.caller.refuse_outsiders(Self::NAME)?;
        // The questions about places that were under way ended with the daemon that asked them.
        store::leases::release_everybody(tx.store())?;
        clamp_times(tx)
    }
}

pub(super) fn clamp_times(tx: &Tx<'_>) -> Result<usize, VerbError> {
    let backoff_max = i64::try_from(tx.policy.backoff_max_ms.div_ceil(1000)).unwrap_or(i64::MAX);
    let latest = LatestTimes {
        back_off: tx.now.saturating_add(backoff_max),
        rate_limit: tx.now.saturating_add(RATE_LIMIT_SECONDS_MAX),
        claim: tx.now.saturating_add(crate::kernel::verbs::claim::TTL_SECONDS_MAX),
    };
    Ok(store::tasks::clamp_times(tx.store(), &latest)?)
}
