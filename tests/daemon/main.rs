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
mod attachments;
mod bad_requests;
mod callers;
mod containment;
mod crash_points;
mod failing_workers;
mod full_disk;
mod harness;
mod held;
mod held_slow;
mod idle;
mod limits;
mod main_job;
mod metrics;
mod migrations;
mod one_at_a_time;
mod orphans;
mod panics;
mod places;
mod predecessor;
mod progress;
mod races;
mod reload;
mod service_manager;
mod socket_activation;
mod stale_workers;
mod start_and_end;
mod start_faults;
mod stopping;
mod workspaces;
