//! kanband: a durable kanban board and the supervisor of the agents that work on it.

pub mod actors;
pub mod api;
pub mod app;
pub mod cli;
pub mod config;
pub mod duration;
pub mod exit_codes;
pub mod failpoint;
pub mod kernel;
pub mod mcp;
pub mod notify;
pub mod os;
pub mod service;
pub mod shim;
pub mod telemetry;
pub mod text;
