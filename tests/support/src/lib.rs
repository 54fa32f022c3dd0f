//! What the test suites share. A development dependency of the product, never a part of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::cast_possible_truncation,
    clippy::needless_pass_by_value,
    clippy::new_without_default,
    missing_docs,
    reason = "a test that cannot go on must fail loudly; names of tests' helpers say what they do"
)]

pub mod bench_board;
pub mod command_line;
pub mod config;
pub mod daemon;
pub mod fakes;
pub mod folders;
pub mod fuzz;
pub mod processes;
pub mod programs;
pub mod random_json;
pub mod skip;
pub mod terminal;
pub mod wait;

pub use skip::skip;
