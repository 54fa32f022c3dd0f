//! Messages to the root.

use actix::Message;
use tokio::sync::oneshot;

use crate::actors::root::policy::ActorKind;
use crate::actors::worker::seed::{StartReport, WorkerSeed};
use crate::kernel::ids::RunId;
use crate::kernel::tx::Signal;

/// An actor is gone. From its guard.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct ActorDown {
    /// Which.
    pub kind: ActorKind,
    /// Whether a panic took it.
    pub panicked: bool,
}

/// Build the worker of a run. From the dispatcher (a new run) and the crash detector (one without a worker). Asking twice is
/// safe: a run that has a worker keeps it.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct StartWorker {
    /// What is known of the run.
    pub seed: WorkerSeed,
    /// Told once: whether the worker process runs.
    pub started: Option<oneshot::Sender<StartReport>>,
}

/// Something committed concerns a run's worker. From the event hub.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct RunSignal {
    /// The signal.
    pub signal: Signal,
}

/// A worker has closed its run and ended. From the worker.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct WorkerFinished {
    /// The run.
    pub run_id: RunId,
}

/// The runs that have a worker. From the crash detector's audit.
#[derive(Debug, Message)]
#[rtype(result = "Vec<RunId>")]
pub struct ListWorkers;

/// Every open run that had no worker at the start has one now. From the crash detector, once.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct AdoptionDone;

/// A signal asked the daemon to exit. From the signal thread.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct ShutdownRequested;

/// Ends the process with this exit code. From parts that cannot go on.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct EndProcess {
    /// Exit code.
    pub code: i32,
}
