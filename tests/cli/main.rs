//! The real `kanban` against the real `kanband`: what it prints, what it exits with, what it leaves behind.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::expect_used,
    reason = "a test that cannot go on must fail loudly"
)]

mod absence;
mod asking;
mod attachments;
mod background;
mod bad_input;
mod before;
mod board_files;
mod boards;
mod body_files;
mod breakers;
mod bulk;
mod chat;
mod claims;
mod completing;
mod config;
mod create;
mod daemon_stub;
mod directories;
mod dispatching;
mod doctor;
mod exact_numbers;
mod exports;
mod foreign_backups;
mod golden_errors;
mod golden_help;
mod guided;
mod help;
mod hermes_files;
mod home_files;
mod import_reports;
mod imports;
mod inbox;
mod init;
mod integrations;
mod lines;
mod links;
mod listings;
mod lists;
mod live_board;
mod log_times;
mod moves;
mod newer;
mod notes;
mod notify;
mod older;
mod operating;
mod output;
mod predecessor;
mod questions;
mod reasons;
mod schedules;
mod screens;
mod searching;
mod short_ids;
mod shows;
mod skills;
mod stdin;
mod stopping;
mod streams;
mod switching;
mod table;
mod talk;
mod terminals;
mod verdicts;
mod waits;
mod whole_backups;
mod words;

use support::command_line as harness;
use support::random_json;
