//! The real daemon with real shims, workers and sockets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::needless_pass_by_value,
    clippy::print_stderr,
    reason = "a test that cannot go on must fail loudly"
)]

mod adoption;
mod at_rest;
mod attachments;
mod bad_requests;
mod board_stream;
mod callers;
mod chat;
mod confinement;
mod containment;
mod courier;
mod crash_points;
mod descriptors;
mod diffs;
mod doors;
mod env_files;
mod failing_workers;
mod first_use;
mod full_disk;
mod git_callers;
mod handover;
mod held;
mod held_slow;
mod hidepid;
mod idle;
mod inherited;
mod limits;
mod locations;
mod logging;
mod long_lists;
mod lost_files;
mod main_job;
mod metrics;
mod migrations;
mod modes;
mod one_at_a_time;
mod orphans;
mod panics;
mod predecessor;
mod profile_looks;
mod progress;
mod question_deaths;
mod races;
mod reload;
mod reviews;
mod rights;
mod schedules;
mod secrets;
mod service_manager;
mod socket_activation;
mod stale_workers;
mod start_and_end;
mod start_faults;
mod stopping;
mod streams;
mod way_in;
mod web_door;
mod web_harness;
mod web_memory;
mod web_sessions;
mod web_stream;
mod workspaces;

use support::daemon as harness;
