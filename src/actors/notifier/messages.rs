//! Messages to the notifier.

use actix::Message;

/// Look whether something waits to be sent. From the root supervisor. Any number of times is safe.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct DrainOutbox;
