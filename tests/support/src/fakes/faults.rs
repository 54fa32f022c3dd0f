//! What goes wrong at a provider: by order, or at random from a seed.

use std::collections::VecDeque;
use std::time::Duration;

/// What happens to a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// Nothing.
    None,
    /// It is answered like this, and nothing is recorded.
    Status(u16),
    /// It comes too often: wait so long.
    Rate(Duration),
    /// It is never answered, and nothing is recorded.
    Hang,
    /// The connection breaks before anything is recorded.
    ResetBefore,
    /// It is recorded, and the connection breaks.
    ResetAfter,
}

/// Faults to come: those that were ordered, then those that are drawn.
#[derive(Debug, Default)]
pub struct Faults {
    ordered: VecDeque<Fault>,
    drawn: Option<Drawn>,
}

#[derive(Debug)]
struct Drawn {
    state: u64,
    percent: u64,
    kinds: Vec<Fault>,
}

impl Faults {
    /// These, one after the other, then none.
    pub fn ordered(faults: impl IntoIterator<Item = Fault>) -> Self {
        Self { ordered: faults.into_iter().collect(), drawn: None }
    }

    /// One of `kinds` for so many of a hundred requests.
    pub fn drawn(seed: u64, percent: u64, kinds: Vec<Fault>) -> Self {
        Self { ordered: VecDeque::new(), drawn: Some(Drawn { state: seed | 1, percent, kinds }) }
    }

    /// What happens to the next request.
    pub fn take(&mut self) -> Fault {
        if let Some(fault) = self.ordered.pop_front() {
            return fault;
        }
        let Some(drawn) = &mut self.drawn else { return Fault::None };
        let mut draw = |limit: u64| {
            // xorshift64: the same numbers for the same seed is all that is asked of it.
            drawn.state ^= drawn.state << 13;
            drawn.state ^= drawn.state >> 7;
            drawn.state ^= drawn.state << 17;
            drawn.state % limit
        };
        if draw(100) >= drawn.percent || drawn.kinds.is_empty() {
            return Fault::None;
        }
        let which = draw(drawn.kinds.len() as u64) as usize;
        drawn.kinds[which].clone()
    }
}
