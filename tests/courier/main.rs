//! The courier: its senders and texts against fakes of providers, its program against a fake of the daemon, and both with the real one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::cast_possible_truncation,
    clippy::needless_pass_by_value,
    reason = "a test that cannot go on must fail loudly"
)]

mod chat;
mod chat_in;
mod chats;
mod golden;
mod harness;
mod hears;
mod hooks;
mod mail;
mod program;
mod secrets;
mod senders;
mod stage;
mod storm;
mod whole;
