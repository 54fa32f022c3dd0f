//! The shim as a real process: what it starts, keeps, ends and records.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, also in its helpers"
)]

mod containment;
mod ending;
mod harness;
mod isolation;
mod lease;
mod locking;
mod output;
mod record;
mod spawner;
