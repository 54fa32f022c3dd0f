//! Messages to the crash detector.

use actix::Message;

use crate::kernel::ids::RunId;

/// The worker actor of this run is gone by a panic. From the root supervisor. Twice is safe: a run that has a worker keeps it.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct AdoptRun {
    /// The run.
    pub run_id: RunId,
}

/// Look at every open run that has no worker. From the root supervisor after a rebuild of the dispatcher.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct AuditRuns;
