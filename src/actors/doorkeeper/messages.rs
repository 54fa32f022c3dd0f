//! Messages to the doorkeeper.

use actix::Message;

/// Something about the sockets may have changed. From the file watch, the slow tick, and a reload of the configuration.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct LookAtDoors;
