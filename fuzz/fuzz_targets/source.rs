//! Input of the fuzzer as a source of random words, so that generators of tests are steered by it.

use kanband::kernel::random::Random;

/// Gives out two bytes at a time, then zeros.
pub struct Source<'i>(pub &'i [u8]);

impl Random for Source<'_> {
    fn next(&mut self) -> u64 {
        let (now, later) = self.0.split_at(self.0.len().min(2));
        self.0 = later;
        now.iter().fold(0, |word, byte| word << 8 | u64::from(*byte))
    }
}
