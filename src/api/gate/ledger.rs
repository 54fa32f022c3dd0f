//! How much of each resource each caller uses, and whether there is room for more. Plain sums: no clock, no lock, no connection.

use std::collections::HashMap;

use crate::api::gate::party::{Class, Party};
use crate::api::limits::allowed;

/// What callers have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thing {
    /// Open connections.
    Connections,
    /// Replies that a client ends, or that are made while they are read.
    Streams,
    /// Files that are sent to the caller.
    Downloads,
    /// Files that arrive.
    Uploads,
    /// Bytes of bodies that are held, larger ones.
    BodyBytes,
    /// Bytes of answers that are held, larger ones.
    ReplyBytes,
}

impl Thing {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Connections,
        Self::Streams,
        Self::Downloads,
        Self::Uploads,
        Self::BodyBytes,
        Self::ReplyBytes,
    ];

    /// Its name in metrics and in refusals.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Streams => "streams",
            Self::Downloads => "downloads",
            Self::Uploads => "uploads",
            Self::BodyBytes => "bytes of requests",
            Self::ReplyBytes => "bytes of replies",
        }
    }
}

/// A limit of one caller and of all callers of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limit {
    /// Of each.
    pub each: usize,
    /// Of all together.
    pub all: usize,
}

/// What callers of one kind may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Allowed([Limit; Thing::ALL.len()]);

impl Allowed {
    /// Sets a limit.
    pub fn set(&mut self, thing: Thing, each: usize, all: usize) {
        if let Some(limit) = self.0.get_mut(thing as usize) {
            *limit = Limit { each, all };
        }
    }

    /// The limit of a thing.
    pub fn of(&self, thing: Thing) -> Limit {
        self.0.get(thing as usize).copied().unwrap_or_default()
    }
}

/// Where there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// The caller has all that it may have.
    Party,
    /// All callers of its kind together have.
    Class,
}

/// Sums of one caller or of one kind.
type Sums = [usize; Thing::ALL.len()];

/// The sums.
#[derive(Debug)]
pub struct Ledger {
    allowed: [Allowed; Class::ALL.len()],
    of_party: HashMap<Party, Sums>,
    of_class: [Sums; Class::ALL.len()],
}

impl Ledger {
    /// A ledger for so many connections over all doors. Nobody has anything.
    pub fn new(connections: usize) -> Self {
        Self {
            allowed: Class::ALL.map(|class| allowed(class, connections)),
            of_party: HashMap::new(),
            of_class: Default::default(),
        }
    }

    /// Gives a caller more of something, if there is room.
    ///
    /// # Errors
    /// [`Full`]; nothing has changed then.
    pub fn take(&mut self, party: Party, thing: Thing, amount: usize) -> Result<(), Full> {
        let limit = self.limit(party.class(), thing);
        let (of_party, of_class) = (self.party_has(party, thing), self.has(party.class(), thing));
        room(of_party, of_class, amount, limit)?;
        if let Some(sum) = self.of_party.entry(party).or_default().get_mut(thing as usize) {
            *sum += amount;
        }
        if let Some(sum) = self.class_sum(party.class(), thing) {
            *sum += amount;
        }
        Ok(())
    }

    /// Takes it back.
    pub fn give_back(&mut self, party: Party, thing: Thing, amount: usize) {
        if let Some(sums) = self.of_party.get_mut(&party) {
            if let Some(sum) = sums.get_mut(thing as usize) {
                *sum = sum.saturating_sub(amount);
            }
            if sums.iter().all(|sum| *sum == 0) {
                self.of_party.remove(&party);
            }
        }
        if let Some(sum) = self.class_sum(party.class(), thing) {
            *sum = sum.saturating_sub(amount);
        }
    }

    /// What a caller has.
    pub fn party_has(&self, party: Party, thing: Thing) -> usize {
        self.of_party.get(&party).and_then(|sums| sums.get(thing as usize)).copied().unwrap_or(0)
    }

    /// What all callers of a kind have.
    pub fn has(&self, class: Class, thing: Thing) -> usize {
        let sums = self.of_class.get(class as usize);
        sums.and_then(|sums| sums.get(thing as usize)).copied().unwrap_or(0)
    }

    /// What callers of a kind may have.
    pub fn limit(&self, class: Class, thing: Thing) -> Limit {
        self.allowed.get(class as usize).map(|allowed| allowed.of(thing)).unwrap_or_default()
    }

    /// The caller of a kind that has most of something.
    pub fn greediest(&self, class: Class, thing: Thing) -> Option<Party> {
        let of_class = self.of_party.keys().filter(|party| party.class() == class);
        of_class.copied().max_by_key(|party| self.party_has(*party, thing))
    }

    fn class_sum(&mut self, class: Class, thing: Thing) -> Option<&mut usize> {
        self.of_class.get_mut(class as usize)?.get_mut(thing as usize)
    }
}

/// Whether a caller that has `of_party`, with its kind having `of_class`, may have `amount` more.
fn room(of_party: usize, of_class: usize, amount: usize, limit: Limit) -> Result<(), Full> {
    if of_party.saturating_add(amount) > limit.each {
        Err(Full::Party)
    } else if of_class.saturating_add(amount) > limit.all {
        Err(Full::Class)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_up_to_the_share_of_the_caller_and_of_its_kind() {
        let limit = Limit { each: 4, all: 10 };
        for (of_party, of_class, amount, expected) in [
            (0, 0, 4, Ok(())),
            (0, 0, 5, Err(Full::Party)),
            (3, 9, 1, Ok(())),
            (4, 4, 1, Err(Full::Party)),
            (0, 10, 1, Err(Full::Class)),
            (4, 10, 1, Err(Full::Party)),
            (1, 1, usize::MAX, Err(Full::Party)),
        ] {
            assert_eq!(room(of_party, of_class, amount, limit), expected, "{of_party} {of_class}");
        }
    }

    #[test]
    fn one_kind_never_takes_from_another_and_what_is_given_back_is_free() {
        let mut ledger = Ledger::new(2048);
        let thing = Thing::Connections;
        let mut run = 0;
        // Every run takes all that it may, until all runs together have everything.
        while ledger.has(Class::Runs, thing) < ledger.limit(Class::Runs, thing).all {
            run += 1;
            while ledger.take(Party::Run(run), thing, 1).is_ok() {}
        }
        assert_eq!(ledger.take(Party::Run(1), thing, 1), Err(Full::Party));
        assert_eq!(ledger.take(Party::Run(run + 1), thing, 1), Err(Full::Class));
        for party in [Party::Operator(0), Party::Unproven(5), Party::Refused] {
            assert_eq!(ledger.take(party, thing, 1), Ok(()), "{party:?}");
        }
        ledger.give_back(Party::Run(1), thing, 1);
        assert_eq!(ledger.take(Party::Run(run + 1), thing, 1), Ok(()));
        assert_eq!(ledger.greediest(Class::Operators, thing), Some(Party::Operator(0)));
        ledger.give_back(Party::Operator(0), thing, 1);
        assert_eq!(
            ledger.greediest(Class::Operators, thing),
            None,
            "nothing is kept of who has nothing"
        );
    }
}
