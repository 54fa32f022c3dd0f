//! The board: its rules, its history, and the one file that stores it.
//!
//! # How it works
//! A request that writes is a [`verbs`] struct. [`board::Board`] runs it inside a transaction through a [`tx::Tx`]; the
//! verb reads rows, asks the pure rules ([`task`], [`run`], [`outcome`], [`retry`], [`breaker`], [`dispatch`]) and writes
//! rows and events. What has to happen outside the database comes back as [`tx::Signal`]s and is done by others after the
//! commit. Reads are plain functions over a snapshot ([`queries`], [`context`]).
//!
//! # Words
//! A *task* is work on the board. A *run* is one attempt at it. A *verdict* says what became of the attempt; a run is
//! *ended* by its verdict and *closed* when its processes are gone; *open* means not closed. A *claim* is the right to
//! work on a task: of a supervised run, or a *manual* one of a person, which has an end. A breaker is *open* when it lets
//! nothing through. A *refusal* is the board's no; a *fault* is a failure of the machinery.
//!
//! # Invariants
//! Nothing here reads a clock, draws a random number, starts a process or talks to another thread: time and randomness
//! come in as arguments. SQL stands under [`store`] only. There is no wildcard arm in a `match` over a state.
#![deny(clippy::wildcard_enum_match_arm)]

pub mod actor;
pub mod artifact;
pub mod board;
pub mod breaker;
mod buttons;
pub mod caller;
pub mod card;
pub mod chat;
pub mod chat_action;
pub mod chat_line;
pub mod chat_policy;
pub mod clockwork;
pub mod context;
pub mod counts;
pub mod created_cards;
pub mod digest;
pub mod dispatch;
pub mod dispatch_switch;
pub mod error;
pub mod event;
mod host_notices;
pub mod ids;
pub mod json;
pub mod limits;
mod listeners;
pub mod location;
pub mod next_pass;
pub mod notice;
pub mod notify_policy;
mod notifying;
pub mod objects;
pub mod origin;
pub mod outcome;
pub mod people;
pub mod policy;
pub mod queries;
pub mod query;
pub mod question;
pub mod random;
pub mod reminder;
pub mod restore;
pub mod retention;
pub mod retry;
pub mod rights;
pub mod rules;
pub mod run;
pub mod schedule;
pub mod shares;
pub mod shorten;
pub mod snapshot;
pub mod standing;
pub mod start_fault;
pub mod store;
pub mod task;
pub mod task_filter;
pub mod transfer;
pub mod tx;
pub mod validate;
pub mod verb;
pub mod verbs;
pub mod why;
