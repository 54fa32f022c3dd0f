//! kanband: a durable kanban board and the supervisor of the agents that work on it.

pub mod failpoint;
pub mod os;
pub mod shim;
