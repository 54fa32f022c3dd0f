//! The real board against a reference model: random operations, and after each of them both must show the same.
//!
//! `KANBAND_SEED` begins with another seed, `KANBAND_SEQUENCES` runs another number of sequences (`make sim` runs 10,000).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test that cannot go on must fail loudly"
)]

mod blocks;
mod board;
mod model;
mod passes;
mod reviews;
mod sequences;
mod times;
