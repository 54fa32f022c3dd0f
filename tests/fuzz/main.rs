//! Random and mutated input at each boundary of untrusted text, with oracles that are independent of the implementation: wire,
//! context, terminal, log line and JSON, redaction, import, holder.
//!
//! Each test runs a fixed number of cases, each with its own seed. `KANBAND_SEED` sets the first seed, `KANBAND_FUZZ` multiplies
//! the number of cases (`make sim` does). A failed case prints how to repeat it alone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::needless_pass_by_value,
    clippy::print_stderr,
    reason = "a test that cannot go on must fail loudly"
)]

mod boundaries;
mod holder;
mod imports;
mod wire;

use support::bench_board;
use support::daemon as harness;
use support::fuzz::{oracles, text};

use kanband::kernel::random::SeededRandom;

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// Seeds of `count` cases, more with `KANBAND_FUZZ`.
fn seeds(count: u64) -> std::ops::Range<u64> {
    let first = from_environment("KANBAND_SEED").unwrap_or(1);
    let alone = std::env::var("KANBAND_FUZZ").is_ok_and(|times| times == "0");
    let count = if alone { 1 } else { count * from_environment("KANBAND_FUZZ").unwrap_or(1) };
    first..first + count
}

/// Runs the case of one seed, and prints the seed if it fails.
fn case(seed: u64, run: impl FnOnce(&mut SeededRandom)) {
    let mut random = SeededRandom::new(seed);
    let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(&mut random)));
    assert!(ran.is_ok(), "seed {seed}: KANBAND_SEED={seed} KANBAND_FUZZ=0 repeats it alone");
}

/// Runs `count` cases.
fn cases(count: u64, mut run: impl FnMut(&mut SeededRandom)) {
    for seed in seeds(count) {
        case(seed, &mut run);
    }
}
