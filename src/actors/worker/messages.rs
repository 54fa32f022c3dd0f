//! Messages to a worker actor from outside; its own timers and watchers call it directly.

use actix::Message;

/// The board recorded a verdict on the run. From the root supervisor. Twice is safe.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct VerdictRecorded {
    /// Whether the worker itself gave it.
    pub by_worker: bool,
}

/// End the processes of the run now. From the root supervisor. Twice is safe.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct StopWorker;

/// Look at the run's row again: a signal about it may have been lost. From the root supervisor after a rebuild of the hub.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct LookAgain;
