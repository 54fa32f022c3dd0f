//! Where a message goes when its receiver may be rebuilt.
//!
//! An actix address dies with its actor. Parts of the daemon hold a [`Wire`] instead: the root supervisor points it at the
//! receiver, and at the next one after a rebuild. A message sent while nobody is there is dropped; its sender is notified
//! to look again once the receiver is back (see [`crate::actors::root`]).

use std::sync::{Arc, PoisonError, RwLock};

use actix::dev::ToEnvelope;
use actix::{Actor, Addr, Handler, Message, Recipient};

/// A re-pointable way to send messages of type `M`.
pub struct Wire<M: Message + Send>
where
    M::Result: Send,
{
    target: Arc<RwLock<Option<Recipient<M>>>>,
}

impl<M: Message + Send> Clone for Wire<M>
where
    M::Result: Send,
{
    fn clone(&self) -> Self {
        Self { target: Arc::clone(&self.target) }
    }
}

impl<M: Message + Send> Default for Wire<M>
where
    M::Result: Send,
{
    fn default() -> Self {
        Self { target: Arc::new(RwLock::new(None)) }
    }
}

impl<M: Message + Send + 'static> Wire<M>
where
    M::Result: Send,
{
    /// Points the wire at an actor.
    pub fn connect<A>(&self, actor: &Addr<A>)
    where
        A: Actor + Handler<M>,
        A::Context: ToEnvelope<A, M>,
    {
        *self.target.write().unwrap_or_else(PoisonError::into_inner) =
            Some(actor.clone().recipient());
    }

    /// Sends without waiting; false when nobody is there.
    pub fn tell(&self, message: M) -> bool {
        match self.receiver() {
            Some(receiver) => {
                receiver.do_send(message);
                true
            }
            None => false,
        }
    }

    /// Sends and waits for the answer; none when nobody is there or the receiver died over it.
    pub async fn ask(&self, message: M) -> Option<M::Result> {
        self.receiver()?.send(message).await.ok()
    }

    fn receiver(&self) -> Option<Recipient<M>> {
        let target = self.target.read().unwrap_or_else(PoisonError::into_inner).clone();
        target.filter(Recipient::connected)
    }
}
