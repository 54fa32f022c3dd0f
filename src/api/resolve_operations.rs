//! Rows of the table of operations: which task is meant.

use crate::api::operation::{Operation, query};
use crate::kernel::queries::{ListCandidates, ResolveTask, ResolvedTask};

/// A short id on a command line.
pub const RESOLVE: Operation = query::<ResolveTask, ResolvedTask>(
    "/v1/resolve",
    "Find the task whose id begins with a text, or the last one that the caller created.",
);

/// A short id that a shell completes.
pub const CANDIDATES: Operation = query::<ListCandidates, Vec<ResolvedTask>>(
    "/v1/resolve/candidates",
    "List tasks whose ids begin with a text.",
);
