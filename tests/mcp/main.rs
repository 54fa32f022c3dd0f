//! `kanban mcp` as a client sees it: the real program on its standard input and output, beside a real daemon.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    dead_code,
    reason = "a test that cannot go on must fail loudly; the harness is shared with other tests"
)]

mod asking;
mod bad_calls;
mod bounds;
mod client;
mod handoff;
mod launchers;
mod lines;
mod runs;
mod shown;

use support::command_line as harness;
