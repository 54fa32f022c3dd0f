//! Randomness as an argument: the kernel asks, the caller decides where it comes from.

/// A source of random words.
pub trait Random: Send {
    /// The next 64 random bits.
    fn next(&mut self) -> u64;
}

/// A number below `bound` (0 when `bound` is 0). The modulo bias of 64 bits over small bounds is of no account here.
pub fn below(random: &mut dyn Random, bound: u64) -> u64 {
    if bound == 0 { 0 } else { random.next() % bound }
}

/// Letters drawn at random.
pub fn letters(random: &mut dyn Random, of: &[u8; 32], count: usize) -> String {
    let letter = |random: &mut dyn Random| {
        let at = usize::try_from(below(random, 32)).unwrap_or_default();
        char::from(of.get(at).copied().unwrap_or(b'a'))
    };
    (0..count).map(|_| letter(random)).collect()
}

/// A repeatable source for tests and simulations (SplitMix64, Steele et al. 2014).
#[derive(Debug, Clone)]
pub struct SeededRandom(u64);

impl SeededRandom {
    /// A source that always gives the same words for the same `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }
}

impl Random for SeededRandom {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
