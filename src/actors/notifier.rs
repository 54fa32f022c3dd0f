//! Notifier: will drain the outbox to chats and webhooks. No sender exists yet, so there is nothing to drain.
//!
//! *Owns* nothing. *Receives* [`DrainOutbox`] from the root at its start. *Sends* nothing. *Restarts*: rebuilt.

pub mod messages;

use actix::{Actor, Context, Handler};

use crate::actors::guard::Guard;
use messages::DrainOutbox;

/// The actor.
pub struct Notifier {
    _guard: Guard,
}

impl Notifier {
    /// A notifier without senders.
    pub fn new(guard: Guard) -> Self {
        Self { _guard: guard }
    }
}

impl Actor for Notifier {
    type Context = Context<Self>;
}

impl Handler<DrainOutbox> for Notifier {
    type Result = ();

    fn handle(&mut self, _message: DrainOutbox, _context: &mut Context<Self>) {
        crate::failpoint::hit("notifier-drain");
    }
}
