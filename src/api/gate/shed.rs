//! Which connection is closed when there is no room for another: the one that has kept the daemon waiting longest.

use crate::api::limits::WAITING_SPARED_MS;

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// Between two requests, or before the first.
    Idle = 0,
    /// The client sends a body.
    Receiving = 1,
    /// The daemon works on the answer.
    Working = 2,
    /// The client reads a large answer.
    Sending = 3,
    /// The client follows a stream.
    Streaming = 4,
}

impl Phase {
    /// From its number.
    pub fn of(number: u8) -> Self {
        match number {
            1 => Self::Receiving,
            2 => Self::Working,
            3 => Self::Sending,
            4 => Self::Streaming,
            _ => Self::Idle,
        }
    }
}

/// A connection, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Its number.
    pub id: u64,
    /// What it is doing.
    pub phase: Phase,
    /// For how long, milliseconds.
    pub age_ms: u64,
    /// How long something has waited for the client to read it, milliseconds; 0 when nothing does.
    pub blocked_ms: u64,
}

/// The connection that gives way; none when all are at work or have only begun to wait. `idle_spared_ms` is how long one may be
/// idle before it can be the one.
pub fn choose(connections: impl Iterator<Item = Facts>, idle_spared_ms: u64) -> Option<u64> {
    let weighed = connections.filter_map(|facts| {
        let (rank, waited_ms) = weigh(&facts, idle_spared_ms)?;
        Some(((rank, waited_ms), facts.id))
    });
    weighed.max().map(|(_, id)| id)
}

/// How little is lost with it, and how long it has kept the daemon waiting.
fn weigh(facts: &Facts, idle_spared_ms: u64) -> Option<(u8, u64)> {
    let Facts { phase, age_ms, blocked_ms, .. } = *facts;
    match phase {
        Phase::Idle if age_ms >= idle_spared_ms => Some((2, age_ms)),
        Phase::Receiving if age_ms >= WAITING_SPARED_MS => Some((1, age_ms)),
        Phase::Sending | Phase::Streaming if blocked_ms >= WAITING_SPARED_MS => {
            Some((0, blocked_ms))
        }
        Phase::Idle | Phase::Receiving | Phase::Working | Phase::Sending | Phase::Streaming => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_idle_gives_way_then_the_slowest_to_send_then_the_slowest_to_read() {
        let at = |id, phase, age_ms, blocked_ms| Facts { id, phase, age_ms, blocked_ms };
        let (idle, receiving, working) = (Phase::Idle, Phase::Receiving, Phase::Working);
        let (sending, streaming) = (Phase::Sending, Phase::Streaming);
        let long = WAITING_SPARED_MS;
        for (connections, expected) in [
            (vec![], None),
            (vec![at(1, idle, 999, 0)], None),
            (vec![at(1, idle, 1_000, 0), at(2, idle, 5_000, 0)], Some(2)),
            (vec![at(1, receiving, 60_000, 0), at(2, idle, 1_000, 0)], Some(2)),
            (vec![at(1, receiving, long, 0), at(2, sending, 60_000, 60_000)], Some(1)),
            (vec![at(1, receiving, long - 1, 0), at(2, streaming, 9, long)], Some(2)),
            (vec![at(1, sending, 60_000, 0), at(2, streaming, 60_000, 0)], None),
            (vec![at(1, working, 60_000, 60_000)], None),
        ] {
            assert_eq!(choose(connections.iter().copied(), 1_000), expected, "{connections:?}");
        }
    }

    #[test]
    fn a_phase_survives_as_a_number() {
        for phase in
            [Phase::Idle, Phase::Receiving, Phase::Working, Phase::Sending, Phase::Streaming]
        {
            assert_eq!(Phase::of(phase as u8), phase);
        }
    }
}
