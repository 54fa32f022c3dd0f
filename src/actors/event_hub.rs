//! EventHub: committed events go out to listeners, committed signals to actors.
//!
//! *Owns* nothing that cannot be had again: events stand in the database, signals are found again by looking at the rows.
//! *Receives* [`Committed`], one per commit, from the database thread. *Sends* events to subscribers, [`Wake`] to the
//! dispatcher, [`RunSignal`] to the root supervisor, [`BreakerMoved`] to the circuit breaker, [`Arm`] to the timer. *Restarts*: rebuilt at once;
//! afterwards the root has everybody look again.

pub mod messages;

use std::sync::Arc;

use actix::{Actor, Context, Handler};
use tokio::sync::{broadcast, watch};

use crate::actors::circuit_breaker::messages::BreakerMoved;
use crate::actors::dispatcher::messages::{LookForProfile, Wake};
use crate::actors::guard::Guard;
use crate::actors::notifier::messages::DrainOutbox;
use crate::actors::root::messages::RunSignal;
use crate::actors::timer::messages::Arm;
use crate::actors::wire::Wire;
use crate::kernel::event::Event;
use crate::kernel::ids::TaskId;
use crate::kernel::limits::SUBSCRIBER_QUEUE_MAX;
use crate::kernel::tx::Signal;
use messages::Committed;

/// Events of one commit, shared between subscribers.
pub type EventBatch = Arc<Vec<Event>>;

/// The subscribers' side: survives the actor, so a rebuild drops nobody.
#[derive(Clone)]
pub struct EventFeed {
    sender: broadcast::Sender<EventBatch>,
    /// That something was committed, for those who read what it was in the database. They may be slow, and nothing is kept for them.
    news: broadcast::Sender<()>,
    /// Grows when something changed that no event tells of.
    facts: watch::Sender<u64>,
    /// Tasks that look different, and no event tells of it.
    touched: broadcast::Sender<TaskId>,
}

impl Default for EventFeed {
    fn default() -> Self {
        Self {
            sender: broadcast::Sender::new(SUBSCRIBER_QUEUE_MAX),
            news: broadcast::Sender::new(1),
            facts: watch::Sender::new(0),
            touched: broadcast::Sender::new(SUBSCRIBER_QUEUE_MAX),
        }
    }
}

impl EventFeed {
    /// Listens from now on. Events that a slow listener misses stand in the database: it learns that it lags and reads
    /// them there, from its cursor on. An empty batch means the same: look there.
    pub fn subscribe(&self) -> broadcast::Receiver<EventBatch> {
        self.sender.subscribe()
    }

    /// Listens from now on to whether there are events, and to nothing else. News that were missed are one lag.
    pub fn news(&self) -> broadcast::Receiver<()> {
        self.news.subscribe()
    }

    /// Has every listener look into the database.
    pub fn have_all_look_again(&self) {
        self.publish(Arc::new(Vec::new()));
    }

    /// Listens to changes that no event tells of: the dispatch switch, breakers, the list of boards, the configuration.
    pub fn watch_facts(&self) -> watch::Receiver<u64> {
        self.facts.subscribe()
    }

    /// Listens to tasks that look different although no event tells of it: the processes of their run are in another state.
    pub fn watch_touched(&self) -> broadcast::Receiver<TaskId> {
        self.touched.subscribe()
    }

    /// Something changed that no event tells of.
    pub fn facts_moved(&self) {
        self.facts.send_modify(|moves| *moves = moves.wrapping_add(1));
    }

    fn publish(&self, batch: EventBatch) {
        // An error only says that nobody listens.
        drop(self.sender.send(batch));
        drop(self.news.send(()));
    }
}

/// What the hub may reach.
#[derive(Clone)]
pub struct EventHubWires {
    /// The dispatcher.
    pub wake: Wire<Wake>,
    /// The same.
    pub look_for_profile: Wire<LookForProfile>,
    /// The root supervisor, which knows the workers.
    pub run_signal: Wire<RunSignal>,
    /// The circuit breaker.
    pub breaker_moved: Wire<BreakerMoved>,
    /// The timer.
    pub arm: Wire<Arm>,
    /// The notifier.
    pub drain_outbox: Wire<DrainOutbox>,
}

/// The actor.
pub struct EventHub {
    feed: EventFeed,
    wires: EventHubWires,
    _guard: Guard,
}

impl EventHub {
    /// A hub that feeds `feed`.
    pub fn new(feed: EventFeed, wires: EventHubWires, guard: Guard) -> Self {
        Self { feed, wires, _guard: guard }
    }
}

impl Actor for EventHub {
    type Context = Context<Self>;
}

impl Handler<Committed> for EventHub {
    type Result = ();

    fn handle(&mut self, committed: Committed, _context: &mut Context<Self>) {
        crate::failpoint::hit("event-hub-committed");
        if !committed.events.is_empty() {
            self.feed.publish(Arc::new(committed.events));
        }
        for signal in committed.signals {
            // Nobody there means a rebuild is under way; it ends with everybody looking again.
            let _is_heard = match signal {
                Signal::DispatchDue => self.wires.wake.tell(Wake),
                Signal::OutboxMoved => self.wires.drain_outbox.tell(DrainOutbox),
                Signal::TimeSet { at } => self.wires.arm.tell(Arm { at }),
                Signal::ProfileWanted { name } => {
                    self.wires.look_for_profile.tell(LookForProfile { name })
                }
                Signal::RunStateMoved { task_id } => {
                    // An error only says that nobody listens.
                    drop(self.feed.touched.send(task_id));
                    true
                }
                Signal::FactsMoved => {
                    self.feed.facts_moved();
                    true
                }
                Signal::BreakerMoved { key, open_until } => {
                    self.feed.facts_moved();
                    self.wires.breaker_moved.tell(BreakerMoved { key, open_until })
                }
                Signal::VerdictGiven { .. }
                | Signal::StopRun { .. }
                | Signal::WaitMoved { .. }
                | Signal::RunClosed { .. } => self.wires.run_signal.tell(RunSignal { signal }),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_not_kept_for_one_who_listens_to_news_alone() {
        let feed = EventFeed::default();
        let (mut news, mut events) = (feed.news(), feed.subscribe());
        let batch: EventBatch = Arc::new(Vec::new());
        for _ in 0..3 {
            feed.publish(Arc::clone(&batch));
            drop(events.try_recv());
        }
        assert_eq!(Arc::strong_count(&batch), 1, "those who listen to events have read them");
        let heard = std::iter::repeat_with(|| news.try_recv());
        let lagged = |heard: &Result<(), _>| {
            matches!(heard, Ok(()) | Err(broadcast::error::TryRecvError::Lagged(_)))
        };
        assert_eq!(heard.take_while(lagged).count(), 2, "one lag, and the newest");
    }
}
