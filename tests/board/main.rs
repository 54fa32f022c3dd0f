//! The board's rules against a real database file: verbs, rows and events, without a daemon.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test that cannot go on must fail loudly"
)]

mod asking;
mod blocks;
mod bounds;
mod breakers;
mod bulk;
mod cards;
mod chat;
mod claims;
mod contexts;
mod costs;
mod dispatch;
mod handoff;
mod handover;
mod history;
mod keeping;
mod large;
mod listings;
mod locations;
mod outbox;
mod outbox_daily;
mod outbox_quiet;
mod outbox_rows;
mod outbox_steps;
mod outcomes;
mod pauses;
mod people;
mod plans;
mod predecessor;
mod questions;
mod reasons;
mod requests;
mod reviewers;
mod reviews;
mod rows;
mod same_twice;
mod schedule;
mod schedules;
mod schema;
mod searches;
mod start_faults;
mod starts;
mod statuses;
mod steering;
mod steps;
mod stopping;
mod times;
mod undo;
mod verdicts;

use support::bench_board;
use support::random_json;
