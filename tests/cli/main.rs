//! The real `kanban` against the real `kanband`: what it prints, what it exits with, what it leaves behind.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::expect_used,
    reason = "a test that cannot go on must fail loudly"
)]

mod bad_input;
mod claims;
mod create;
mod demo;
mod dispatching;
mod harness;
mod help;
mod init;
mod links;
mod listings;
mod notes;
mod output;
mod shows;
mod verdicts;
mod waits;
