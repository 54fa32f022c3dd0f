//! The initial data of a worker actor.

use crate::actors::live_runs::RunToken;
use crate::kernel::error::VerbError;
use crate::kernel::ids::{BoardName, RunId};
use crate::kernel::outcome::{Evidence, VerdictMode};
use crate::kernel::run::Run;
use crate::kernel::task::Task;
use crate::kernel::verbs::RunOrder;
use crate::os::run_files::directory::RunSpec;
use crate::os::run_files::inspection::ShimAndWorker;
use crate::os::run_files::signs::Footing;

/// What is known of a run when its worker actor is built.
#[derive(Debug)]
pub enum WorkerSeed {
    /// It was just claimed; nothing has been started.
    Claimed(Box<RunOrder>),
    /// Its shim lives; this daemon did not start it, or lost the actor that did.
    Adopted(Box<AdoptedRun>),
    /// Its shim is gone; what is left is to close it.
    Ended(Box<EndedRun>),
}

/// A run whose shim lives, or whose tree is not proven empty.
#[derive(Debug)]
pub struct AdoptedRun {
    /// Its row.
    pub run: Run,
    /// Its task.
    pub task: Task,
    /// Who runs it. A shim that has died is taken over as well while something of its tree is left.
    pub processes: ShimAndWorker,
    /// What is known of it beside its files.
    pub footing: Footing,
    /// Its spec, when that can be read.
    pub spec: Option<RunSpec>,
    /// How its worker reports.
    pub verdict_mode: VerdictMode,
    /// Its token.
    pub token: Option<RunToken>,
}

/// A run whose shim is gone.
#[derive(Debug)]
pub struct EndedRun {
    /// Its row.
    pub run: Run,
    /// The board of its task.
    pub board: BoardName,
    /// What is known of it beside its files.
    pub footing: Footing,
    /// Its spec, when that can be read.
    pub spec: Option<RunSpec>,
    /// How its worker reports.
    pub verdict_mode: VerdictMode,
    /// How it ended.
    pub evidence: Evidence,
}

impl WorkerSeed {
    /// The run.
    pub fn run_id(&self) -> RunId {
        match self {
            Self::Claimed(order) => order.run_id,
            Self::Adopted(adopted) => adopted.run.id,
            Self::Ended(ended) => ended.run.id,
        }
    }
}

/// Whether the worker process of a run came to run; for callers that wait for it (`kanban dispatch`).
#[derive(Debug)]
pub enum StartReport {
    /// It runs (or ran: it may be through already).
    Spawned,
    /// It could not be started.
    Failed,
    /// The board could not be told.
    Unknown(VerbError),
}
