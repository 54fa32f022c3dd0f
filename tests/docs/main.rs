//! The documents are true: the commands they show are run, the words they quote are parsed, their references are regenerated.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::expect_used,
    reason = "a test that cannot go on must fail loudly"
)]

mod api_reference;
mod blocks;
mod command_lines;
mod commands;
mod configuration_reference;
mod generated;
mod harness;
mod pasted;
mod quoted;
mod rights;
mod shown;
