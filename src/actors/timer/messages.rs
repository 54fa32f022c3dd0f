//! Messages to the timer.

use actix::Message;

use crate::kernel::ids::EpochSeconds;

/// Something is due at this time, epoch seconds; 0: look at once. From the event hub and the dispatcher. Any number of times is safe.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Arm {
    /// When.
    pub at: EpochSeconds,
}
