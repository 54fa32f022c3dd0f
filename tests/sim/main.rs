//! A deterministic simulation of dispatching and supervising: the real rules of board, worker actor and shim, on a virtual
//! clock, over a made-up process table, with faults at random. After every step the invariants hold; when the faults end,
//! everything comes to its end.
//!
//! `KANBAND_SEEDS` runs another number of seeds (`make sim` runs 10,000), `KANBAND_SEED` begins with another one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::print_stderr,
    clippy::needless_pass_by_value,
    dead_code,
    reason = "a test that cannot go on must fail loudly; the bench is shared with other tests"
)]

mod daemon;
mod invariants;
mod looks;
mod people;
mod processes;
mod schedules;
mod shims;
mod world;

use support::bench_board;

use world::World;

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[test]
fn whatever_fails_no_run_is_doubled_lost_or_leaked_and_everything_comes_to_its_end() {
    let first = number("KANBAND_SEED", 1);
    let mut totals = world::Totals::default();
    for seed in first..first + number("KANBAND_SEEDS", 500) {
        let run = std::panic::AssertUnwindSafe(|| {
            let mut world = World::new(seed);
            world.play();
            world.totals
        });
        match std::panic::catch_unwind(run) {
            Ok(of_one) => totals.add(&of_one),
            Err(panic) => {
                eprintln!("seed {seed} (KANBAND_SEED={seed} KANBAND_SEEDS=1 repeats it)");
                std::panic::resume_unwind(panic);
            }
        }
    }
    eprintln!("{totals:?}");
    if number("KANBAND_SEEDS", 500) >= 100 {
        totals.assert_everything_happened();
    }
}
