//! The board's rules against a real database file: verbs, rows and events, without a daemon.

mod bench_board;
mod claims;
mod contexts;
mod dispatch;
mod requests;
mod schema;
mod verdicts;
