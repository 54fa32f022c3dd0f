//! What an edge reports to the service about its callers, for `status`, `doctor` and the metrics.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Resources in use by one kind of caller.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Callers {
    /// `operators`, `workers`, `metrics`, `unproven` (no token of a run yet) or `refused`.
    pub kind: String,
    /// Open connections.
    pub connections: usize,
    /// Maximum number of connections.
    pub connections_max: usize,
    /// Open streams.
    pub streams: usize,
    /// Files being received or sent.
    pub files: usize,
    /// Memory held by large requests and replies, bytes.
    pub bytes: usize,
}

/// Requests of one operation since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestCount {
    /// The operation.
    pub operation: &'static str,
    /// All of them.
    pub all: u64,
    /// Those that were refused or failed.
    pub refused: u64,
}

/// Counts that the edge keeps.
pub trait EdgeUsage: Send + Sync {
    /// Each kind of caller.
    fn callers(&self) -> Vec<Callers>;
    /// Connections and requests rejected since the start, by reason.
    fn turned_away(&self) -> BTreeMap<String, u64>;
    /// Requests by operation, in the order of the table.
    fn requests(&self) -> Vec<RequestCount>;
}
