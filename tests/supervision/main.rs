//! Proofs of supervision on real processes: nothing leaks, nothing is doubled, nothing is lost, no stranger is hurt.
//!
//! How often each is repeated comes from the environment (see [`traces::from_env`]); `make sim` repeats more.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    clippy::print_stderr,
    reason = "a test that cannot go on must fail loudly"
)]

mod host_name;
mod killed;
mod leaks;
mod lock_points;
mod lost_files;
mod namespaces;
mod one_at_a_time;
mod other_boot;
mod pid_reuse;
mod taking_over;
mod talkative;
mod traces;

use support::daemon as harness;
