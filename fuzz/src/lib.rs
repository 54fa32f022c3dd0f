//! Oracles and generators of tests/fuzz, and the fuzzer's input as their source of randomness.

use kanband::kernel::random::Random;

pub use support::fuzz::{oracles, text};

/// Input of the fuzzer as random words of two bytes, then zeros.
pub struct Source<'i>(pub &'i [u8]);

impl Random for Source<'_> {
    fn next(&mut self) -> u64 {
        let (now, later) = self.0.split_at(self.0.len().min(2));
        self.0 = later;
        now.iter().fold(0, |word, byte| word << 8 | u64::from(*byte))
    }
}
