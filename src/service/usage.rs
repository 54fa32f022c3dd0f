//! What an edge tells the service of its callers: `status`, `doctor` and the metrics show it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What one kind of caller has now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Callers {
    /// `operators`, `workers`, `metrics`, `unproven` (has yet to show a run's token) or `refused`.
    pub kind: String,
    /// Connections.
    pub connections: usize,
    /// Connections that they may have together.
    pub connections_max: usize,
    /// Streams.
    pub streams: usize,
    /// Files that arrive and that are sent.
    pub files: usize,
    /// Bytes of larger requests and answers that are held.
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
    /// Connections and requests that were turned away since the start, by reason.
    fn turned_away(&self) -> BTreeMap<String, u64>;
    /// Requests by operation, in the order of the table.
    fn requests(&self) -> Vec<RequestCount>;
}
