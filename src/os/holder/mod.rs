//! The root service that owns the runs' control groups (`kanban-shim --hold`): its client, and the protocol of both sides.

pub mod client;
pub mod protocol;
