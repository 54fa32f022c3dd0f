//! What the test suites share. A development dependency of the product, never a part of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test that cannot go on must fail loudly"
)]

pub mod skip;
pub use skip::skip;
pub mod wait;
