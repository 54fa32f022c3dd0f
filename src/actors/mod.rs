//! The actors: thin shells around the rules of [`crate::kernel`] and the mechanics of [`crate::os`].
//!
//! | actor | owns | when it panics |
//! |---|---|---|
//! | [`root`] | the other actors | the process ends (70) |
//! | [`database`] | the write connection, on its own thread | the process ends (70) |
//! | [`readers`] | the read-only connections, each on its own thread | the connection is reopened |
//! | [`event_hub`] | nothing that cannot be had again | rebuilt; everybody looks again |
//! | [`dispatcher`] | the tick | rebuilt; begins with a pass |
//! | [`worker`] (one per run) | one shim | its run is adopted by a new one |
//! | [`crash_detector`] | nothing | rebuilt; begins with a look |
//! | [`timer`] | the timer on the wall clock | rebuilt; begins by firing |
//! | [`circuit_breaker`] | half-open timers | rebuilt; reads the rows |
//! | [`file_check`] | the check of a large file, on its own thread | never; the next start tries again |
//! | [`indexer`] | the full-text index, on its own thread | begins again at its cursor |
//! | [`doorkeeper`] | the watches of the sockets | rebuilt; begins with a look |
//! | [`notifier`] | nothing | rebuilt; begins with a look |
//!
//! ```text
//!   API ──verbs──▶ database ──Committed──▶ event hub ──events──▶ subscribers
//!    │                ▲  ▲                    │  ├─Wake──▶ dispatcher ──StartWorker──▶ root ──▶ worker
//!    └──DispatchNow───┼──┼──▶ dispatcher      │  └─RunSignal──▶ root ──▶ worker          ▲
//!                     │  └──CloseRun… ── worker                                          │
//!                     ├──StartReadyRuns ── dispatcher      crash detector ──StartWorker──┘
//!                     └──FireTimer, MakeOccurrences ── timer ──Wake──▶ dispatcher
//! ```
//!
//! A handler takes a message, calls a pure function or a verb, and sends what that says. Messages stand beside their
//! receiver in `messages.rs`: commands are a verb and a noun, queries begin with `List`, events are in the past tense.

pub mod accounts;
pub mod apart;
pub mod board_loss;
pub mod chat_settings;
pub mod circuit_breaker;
pub mod commands;
pub mod configuration;
pub mod crash_detector;
pub mod database;
pub mod database_figures;
pub mod disk;
pub mod dispatcher;
pub mod doorkeeper;
pub mod doors;
pub mod env_files;
pub mod event_hub;
pub mod figures;
pub mod file_check;
pub mod group_limits;
pub mod guard;
pub mod handover_settings;
pub mod indexer;
pub mod live;
pub mod live_runs;
pub mod notifier;
pub mod notify_settings;
pub mod open_run;
pub mod outbox_bell;
pub mod path_looks;
pub mod paths;
pub mod profile_looks;
pub mod readable;
pub mod reader_pool;
pub mod readers;
pub mod reloader;
pub mod review_settings;
pub mod root;
pub mod run_views;
pub mod settings_checks;
pub mod settings_policy;
pub mod shared_counts;
pub mod start_inputs;
pub mod supervision;
pub mod timer;
pub mod token_holders;
pub mod wire;
pub mod worker;
pub mod workspace_commands;
