//! A connection on which a provider says by itself what people do. It is held by a task of its own, because the provider wants to hear that
//! the client is there also while what it brought is being answered.

use std::convert::Infallible;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinSet;

use crate::notify::inbound::heard::Trouble;

/// Things that wait to be taken at most.
const WAITING_MAX: usize = 256;

/// Things of one take.
const TAKEN_MAX: usize = 16;

/// What holds a connection gives out.
pub struct Out<T> {
    sender: Sender<Option<T>>,
}

impl<T> Out<T> {
    /// The connection stands.
    ///
    /// # Errors
    /// Nobody takes anything any longer.
    pub fn ready(&self) -> Result<(), Trouble> {
        self.put(None)
    }

    /// Something was said.
    ///
    /// # Errors
    /// More comes than is taken: the provider brings it again on another connection.
    pub fn give(&self, thing: T) -> Result<(), Trouble> {
        self.put(Some(thing))
    }

    fn put(&self, thing: Option<T>) -> Result<(), Trouble> {
        self.sender.try_send(thing).map_err(|error| match error {
            TrySendError::Full(_) => Trouble::later("more is written than can be answered"),
            TrySendError::Closed(_) => Trouble::later("nobody listens"),
        })
    }
}

/// What a connection brings. It ends with this.
pub struct Stream<T> {
    given: Receiver<Option<T>>,
    session: JoinSet<Result<Infallible, Trouble>>,
}

impl<T: 'static> Stream<T> {
    /// Starts to hold a connection.
    pub fn start<F>(hold: impl FnOnce(Out<T>) -> F) -> Self
    where
        F: Future<Output = Result<Infallible, Trouble>> + 'static,
    {
        let (sender, given) = channel(WAITING_MAX);
        let mut session = JoinSet::new();
        session.spawn_local(hold(Out { sender }));
        Self { given, session }
    }

    /// What was said since; nothing when the connection has just been made.
    ///
    /// # Errors
    /// The connection is over.
    pub async fn next(&mut self) -> Result<Vec<T>, Trouble> {
        let Some(first) = self.given.recv().await else { return Err(self.end().await) };
        let mut things: Vec<T> = first.into_iter().collect();
        while things.len() < TAKEN_MAX
            && let Ok(further) = self.given.try_recv()
        {
            things.extend(further);
        }
        Ok(things)
    }

    /// Why it is over.
    async fn end(&mut self) -> Trouble {
        match self.session.join_next().await {
            Some(Ok(Err(trouble))) => trouble,
            Some(Ok(Ok(never))) => match never {},
            Some(Err(error)) => Trouble::later(format!("a fault of the courier: {error}")),
            None => Trouble::later("the connection is over"),
        }
    }
}
