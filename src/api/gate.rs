//! The gate: every connection has a seat on the account of its caller, and uses up the caller's share.
//!
//! ```text
//!   accept ─▶ who is it? (auth) ─▶ on whose account? (party) ─▶ is there room? (ledger) ─▶ a seat, else who gives
//!   way? (shed) ```
//!
//! The rules are plain functions in the files below; this one has the lock around the sums, and the things that give
//! back what they took when they are dropped.

pub mod ledger;
pub mod party;
pub mod shed;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::api::error::ApiError;
use crate::api::limits::{IDLE_SPARED_MS, IDLE_SPARED_UNPROVEN_MS};
use crate::kernel::error::ErrorCode;
use crate::kernel::ids::RunId;
use crate::os::host::clock::monotonic_ms;
use ledger::{Full, Ledger, Thing};
use party::{Class, Party};
use shed::{Facts, Phase, choose};

/// First and longest pause of a request that waits for a part of its caller's share.
const SHARE_PAUSE: Duration = Duration::from_millis(10);
/// See [`SHARE_PAUSE`].
const SHARE_PAUSE_MAX: Duration = Duration::from_millis(250);

/// Why a connection or a request was turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turned {
    /// It was hung up on: the caller may not use that door.
    Stranger,
    /// There was no seat.
    NoSeat,
    /// Its seat was wanted by another connection.
    Shed,
    /// Nobody read what was sent.
    Stalled,
    /// Nobody sent what was announced in time.
    Late,
    /// The caller has its share of streams, files or bytes.
    Share,
    /// Its run is closed.
    RunOver,
    /// Descriptors were scarce.
    Descriptors,
}

impl Turned {
    /// All reasons.
    pub const ALL: [Self; 8] = [
        Self::Stranger,
        Self::NoSeat,
        Self::Shed,
        Self::Stalled,
        Self::Late,
        Self::Share,
        Self::RunOver,
        Self::Descriptors,
    ];

    /// As figures name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stranger => "stranger",
            Self::NoSeat => "no_seat",
            Self::Shed => "shed",
            Self::Stalled => "stalled",
            Self::Late => "late",
            Self::Share => "share",
            Self::RunOver => "run_over",
            Self::Descriptors => "descriptors",
        }
    }
}

/// Shared by all doors; cheap to clone.
#[derive(Clone)]
pub struct Gate(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    turned_away: [AtomicU64; Turned::ALL.len()],
    /// Told when the last seat is given back.
    is_empty: Notify,
}

struct State {
    ledger: Ledger,
    seats: HashMap<u64, (Party, Arc<SeatState>)>,
    next_id: u64,
}

/// What a connection shows of itself.
struct SeatState {
    phase: AtomicU8,
    /// When it entered that phase, monotonic milliseconds.
    since_ms: AtomicU64,
    /// Since when something has waited for its client to read it, monotonic milliseconds; 0 when nothing does.
    blocked_since_ms: AtomicU64,
    shed: Notify,
    /// Ends with the run whose worker is calling.
    run: Mutex<Option<(RunId, watch::Receiver<()>)>>,
    run_is_known: Notify,
}

impl Gate {
    /// A gate with room for so many connections.
    pub fn new(connections: usize) -> Self {
        let state = State { ledger: Ledger::new(connections), seats: HashMap::new(), next_id: 0 };
        Self(Arc::new(Inner {
            state: Mutex::new(state),
            turned_away: Default::default(),
            is_empty: Notify::new(),
        }))
    }

    /// Gives a connection a seat. When the caller has all that it may have, that of its connections gives way which
    /// keeps the daemon waiting longest; when all callers of its kind together have, one of the caller with most does.
    ///
    /// # Errors
    /// No seat is free, and none gives way.
    pub fn seat(&self, party: Party) -> Result<Seat, Full> {
        let seat = Arc::new(SeatState {
            phase: AtomicU8::new(Phase::Idle as u8),
            since_ms: AtomicU64::new(monotonic_ms()),
            blocked_since_ms: AtomicU64::new(0),
            shed: Notify::new(),
            run: Mutex::new(None),
            run_is_known: Notify::new(),
        });
        let mut state = self.0.state();
        self.0.make_room(&mut state, party).inspect_err(|_| self.count(Turned::NoSeat))?;
        state.next_id += 1;
        let id = state.next_id;
        state.seats.insert(id, (party, Arc::clone(&seat)));
        drop(state);
        Ok(Seat { gate: self.clone(), id, seat })
    }

    /// Has a connection of the least kind of caller give way, because descriptors are scarce. False when there is none.
    pub fn shed_one(&self) -> bool {
        let mut state = self.0.state();
        let found = Class::ALL.into_iter().find_map(|class| {
            choose(state.facts(|party| party.class() == class), spared_ms(class))
        });
        found.is_some_and(|id| self.0.shed(&mut state, id))
    }

    /// Something was turned away.
    pub fn count(&self, why: Turned) {
        if let Some(count) = self.0.turned_away.get(why as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How often something was turned away for that reason.
    pub fn turned_away(&self, why: Turned) -> u64 {
        self.0.turned_away.get(why as usize).map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// What callers of a kind have now, and what they may have.
    pub fn usage(&self, class: Class, thing: Thing) -> (usize, usize) {
        let state = self.0.state();
        (state.ledger.has(class, thing), state.ledger.limit(class, thing).all)
    }

    /// Returns when no connection has a seat.
    pub async fn emptied(&self) {
        loop {
            let emptied = self.0.is_empty.notified();
            if self.0.state().seats.is_empty() {
                return;
            }
            emptied.await;
        }
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn make_room(&self, state: &mut State, party: Party) -> Result<(), Full> {
        let Err(full) = state.ledger.take(party, Thing::Connections, 1) else { return Ok(()) };
        let from = match full {
            Full::Party => Some(party),
            Full::Class => state.ledger.greediest(party.class(), Thing::Connections),
        };
        let facts = state.facts(|other| Some(other) == from);
        let Some(id) = choose(facts, spared_ms(party.class())) else { return Err(full) };
        self.shed(state, id);
        state.ledger.take(party, Thing::Connections, 1)
    }

    /// Takes a connection's seat away. The connection closes as soon as its task runs.
    fn shed(&self, state: &mut State, id: u64) -> bool {
        let Some((party, seat)) = state.seats.remove(&id) else { return false };
        state.ledger.give_back(party, Thing::Connections, 1);
        seat.shed.notify_one();
        if let Some(count) = self.turned_away.get(Turned::Shed as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        true
    }
}

impl SeatState {
    fn run(&self) -> MutexGuard<'_, Option<(RunId, watch::Receiver<()>)>> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn facts<'s>(
        &'s self,
        is_meant: impl Fn(Party) -> bool + 's,
    ) -> impl Iterator<Item = Facts> + 's {
        let now_ms = monotonic_ms();
        let meant = self.seats.iter().filter(move |(_, (party, _))| is_meant(*party));
        meant.map(move |(id, (_, seat))| {
            let blocked_since_ms = seat.blocked_since_ms.load(Ordering::Relaxed);
            let blocked_ms =
                if blocked_since_ms == 0 { 0 } else { now_ms.saturating_sub(blocked_since_ms) };
            Facts {
                id: *id,
                phase: Phase::of(seat.phase.load(Ordering::Relaxed)),
                age_ms: now_ms.saturating_sub(seat.since_ms.load(Ordering::Relaxed)),
                blocked_ms,
            }
        })
    }
}

fn spared_ms(class: Class) -> u64 {
    match class {
        Class::Operators | Class::Runs | Class::Pages => IDLE_SPARED_MS,
        Class::Unproven => IDLE_SPARED_UNPROVEN_MS,
        // The next connection is served; nothing is lost with those.
        Class::Refused | Class::Scrapers => 0,
    }
}

/// A connection's seat, given back when dropped.
pub struct Seat {
    gate: Gate,
    id: u64,
    seat: Arc<SeatState>,
}

impl Seat {
    /// What the connection is doing from now on.
    pub fn enter(&self, phase: Phase) {
        self.seat.phase.store(phase as u8, Ordering::Relaxed);
        self.seat.since_ms.store(monotonic_ms(), Ordering::Relaxed);
    }

    /// What it is doing.
    pub fn phase(&self) -> Phase {
        Phase::of(self.seat.phase.load(Ordering::Relaxed))
    }

    /// Whether something waits for its client to read it, from now on.
    pub fn set_blocked(&self, is_blocked: bool) {
        let since_ms = if is_blocked { monotonic_ms().max(1) } else { 0 };
        self.seat.blocked_since_ms.store(since_ms, Ordering::Relaxed);
    }

    /// Returns when another connection has the seat.
    pub async fn shed(&self) {
        self.seat.shed.notified().await;
    }

    /// On whose account it is; none when its seat was taken away.
    #[cfg(test)]
    fn party(&self) -> Option<Party> {
        self.gate.0.state().seats.get(&self.id).map(|(party, _)| *party)
    }

    /// Whether it is the connection of that run.
    pub fn is_of_run(&self, run_id: RunId) -> bool {
        self.seat.run().as_ref().is_some_and(|(own, _)| *own == run_id)
    }

    /// It is the connection of a run, which is over when `over` closes.
    pub fn belongs_to_run(&self, run_id: RunId, over: watch::Receiver<()>) {
        *self.seat.run() = Some((run_id, over));
        self.seat.run_is_known.notify_one();
    }

    /// Returns when the run is over whose worker is calling.
    pub async fn run_over(&self) {
        loop {
            let run = self.seat.run().clone();
            let over = async {
                match run {
                    // Nobody ever sends: it closes when the run goes.
                    Some((_, mut over)) => while over.changed().await.is_ok() {},
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = over => return,
                () = self.seat.run_is_known.notified() => {}
            }
        }
    }

    /// Goes on another account: a caller has shown a run's token.
    ///
    /// # Errors
    /// There is no room on that.
    pub fn move_to(&self, party: Party) -> Result<(), ApiError> {
        let mut state = self.gate.0.state();
        let State { ledger, seats, .. } = &mut *state;
        let Some((current, _)) = seats.get_mut(&self.id) else { return Ok(()) };
        if *current == party {
            return Ok(());
        }
        if ledger.take(party, Thing::Connections, 1).is_err() {
            self.gate.count(Turned::NoSeat);
            return Err(too_many(Thing::Connections));
        }
        ledger.give_back(*current, Thing::Connections, 1);
        *current = party;
        Ok(())
    }

    /// Takes some of the caller's share, until what is returned is dropped.
    ///
    /// # Errors
    /// [`ErrorCode::Unavailable`]: the share is used up, or the seat was taken away.
    pub fn take(&self, thing: Thing, amount: usize) -> Result<Taken, ApiError> {
        let Some(party) = self.try_take(thing, amount) else {
            self.gate.count(Turned::Share);
            return Err(too_many(thing));
        };
        Ok(Taken { gate: self.gate.clone(), party, thing, amount })
    }

    /// The same, when the caller has given some back within `patience`.
    ///
    /// # Errors
    /// As [`Seat::take`].
    pub async fn take_patiently(
        &self,
        thing: Thing,
        amount: usize,
        patience: Duration,
    ) -> Result<Taken, ApiError> {
        let until = Instant::now() + patience;
        let mut pause = SHARE_PAUSE;
        loop {
            if let Some(party) = self.try_take(thing, amount) {
                return Ok(Taken { gate: self.gate.clone(), party, thing, amount });
            }
            if Instant::now() + pause > until {
                return self.take(thing, amount);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(SHARE_PAUSE_MAX);
        }
    }

    fn try_take(&self, thing: Thing, amount: usize) -> Option<Party> {
        let mut state = self.gate.0.state();
        let (party, _) = state.seats.get(&self.id)?;
        let party = *party;
        state.ledger.take(party, thing, amount).ok().map(|()| party)
    }

    /// The gate, for its counts.
    pub fn gate(&self) -> &Gate {
        &self.gate
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut state = self.gate.0.state();
        if let Some((party, _)) = state.seats.remove(&self.id) {
            state.ledger.give_back(party, Thing::Connections, 1);
        }
        if state.seats.is_empty() {
            self.gate.0.is_empty.notify_waiters();
        }
    }
}

/// A part of a caller's share, given back when dropped.
pub struct Taken {
    gate: Gate,
    party: Party,
    thing: Thing,
    amount: usize,
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.gate.0.state().ledger.give_back(self.party, self.thing, self.amount);
    }
}

/// The answer to a caller that has its share.
pub fn too_many(thing: Thing) -> ApiError {
    let message = format!("the maximum number of {} per caller is reached", thing.as_str());
    ApiError::new(ErrorCode::Unavailable, message).with_hint("wait for one to end, then retry")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_is_given_back_and_a_shed_one_is_free_at_once() {
        let gate = Gate::new(64);
        let (used, most) = (|class| gate.usage(class, Thing::Connections).0, Class::Refused);
        let limit = gate.usage(most, Thing::Connections).1;
        let mut seats: Vec<_> = (0..limit).map(|_| gate.seat(Party::Refused).unwrap()).collect();
        assert_eq!(used(most), limit);
        // Those who are refused give way at once.
        seats.push(gate.seat(Party::Refused).unwrap());
        assert_eq!((used(most), gate.turned_away(Turned::Shed)), (limit, 1));
        assert_eq!(seats.iter().filter(|seat| seat.party().is_none()).count(), 1);
        drop(seats);
        assert_eq!(used(most), 0);
        let worker = gate.seat(Party::Run(1)).unwrap();
        worker.enter(Phase::Working);
        assert!(!gate.shed_one(), "who is at work keeps its seat");
    }

    #[test]
    fn a_connection_that_shows_a_token_goes_on_the_account_of_its_run() {
        let gate = Gate::new(64);
        let seat = gate.seat(Party::Unproven(5)).unwrap();
        assert!(seat.take(Thing::Streams, 1).is_err(), "nothing but a seat before that");
        seat.move_to(Party::Run(1)).unwrap();
        assert_eq!(seat.party(), Some(Party::Run(1)));
        let stream = seat.take(Thing::Streams, 1).unwrap();
        drop(seat);
        assert_eq!(gate.usage(Class::Runs, Thing::Streams).0, 1, "until the stream is over");
        drop(stream);
        assert_eq!(gate.usage(Class::Runs, Thing::Streams).0, 0);
    }
}
