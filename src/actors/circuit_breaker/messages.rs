//! Messages to the circuit breaker.

use actix::Message;

use crate::kernel::ids::EpochSeconds;

/// A breaker's row moved. From the event hub, after the commit. A lost one is found again at the next start of the actor.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct BreakerMoved {
    /// Its key as text.
    pub key: String,
    /// When the next probe may pass; none when it is closed or a probe runs.
    pub open_until: Option<EpochSeconds>,
}
