//! Messages to the event hub.

use actix::Message;

use crate::kernel::event::Event;
use crate::kernel::tx::{Effects, Signal};

/// A commit happened. From the database thread, once per commit; what it tells is durable. Losing one is harmless after the
/// look-again that follows a rebuild.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Committed {
    /// Events in the order in which they were appended.
    pub events: Vec<Event>,
    /// What is to happen outside the database.
    pub signals: Vec<Signal>,
}

impl Committed {
    /// From what the batch left behind.
    pub fn new(effects: Effects) -> Self {
        Self { events: effects.events, signals: effects.signals }
    }
}
