//! The state of one open run, and the worker actor for it.

use std::time::Duration;

use crate::actors::live_runs::{LiveRun, LiveRuns};
use crate::actors::open_run::OpenRun;
use crate::actors::supervision::RunSupervision;
use crate::actors::worker::evidence;
use crate::actors::worker::seed::{AdoptedRun, EndedRun, WorkerSeed};
use crate::kernel::outcome::{Evidence, ProcessEnd};
use crate::os::run_files::directory::RunSpec;
use crate::os::run_files::inspection::{Inspected, Inspection, LossCause, ShimAndWorker};
use crate::os::run_files::remains::Tree;
use crate::os::run_files::signs::Footing;

/// How long what is left of a run whose shim died may take to go when it is killed, before it is handed to an actor that goes on
/// killing.
const REMAINS_PATIENCE: Duration = Duration::from_millis(500);

/// What one look at an open run has brought.
#[derive(Debug)]
pub enum Found {
    /// It is known, and this is for its worker actor.
    Seed(Box<WorkerSeed>),
    /// A shim is about to say who it is. The process, when the process table shows it.
    Beginning(Option<ShimAndWorker>, Box<Taking>),
    /// Unknown, for this reason.
    Unknown(String),
}

/// What is needed to adopt a run, but for its supervisor.
#[derive(Debug, Clone)]
pub struct Taking {
    open: OpenRun,
    footing: Footing,
    spec: Option<RunSpec>,
}

/// Looks at an open run. To be called where waiting is allowed: the process table may have to be read, and what is left of a dead
/// shim's tree is ended.
pub fn look(supervision: &RunSupervision, live_runs: &LiveRuns, open: &OpenRun) -> Found {
    crate::failpoint::hit("run-look");
    let run = &open.run;
    let footing = supervision.footing(live_runs, run, &open.row);
    let Inspected { inspection, spec } = supervision.inspect(run.id, &footing);
    let log_tail = || evidence::log_tail(&supervision.paths.log_path(&open.task.id, run.id));
    let taking = Taking { open: open.clone(), footing, spec };
    if taking.spec.as_ref().is_some_and(|spec| spec.incarnation != supervision.incarnation()) {
        return match (&inspection, &taking.footing.shim) {
            (Inspection::Alive(processes), Some(_)) => {
                let processes = processes.clone();
                taking.adopted(supervision, processes)
            }
            // The files are those of a run of an earlier life of the board; its own were never made.
            (_, None) => taking.ended(supervision, Evidence::of(ProcessEnd::NotStarted)),
            (_, Some(_)) => Found::Unknown(
                "its run directory belongs to another incarnation of the database".to_owned(),
            ),
        };
    }
    match &inspection {
        Inspection::Unknown(why) => Found::Unknown(why.clone()),
        Inspection::Beginning(shim) => {
            let processes = shim.clone().map(|shim| ShimAndWorker { shim, worker: None });
            Found::Beginning(processes, Box::new(taking))
        }
        Inspection::Alive(processes) => taking.adopted(supervision, processes.clone()),
        Inspection::ShimDied(loss) if loss.cause != LossCause::OtherBoot => {
            let with = (taking.spec.as_ref(), loss);
            match supervision.end_remains(run.id, &taking.footing, with, REMAINS_PATIENCE) {
                Tree::Empty => match evidence::of_inspection(&inspection, log_tail()) {
                    Some(evidence) => taking.ended(supervision, evidence),
                    None => Found::Unknown("there is no evidence of how it ended".to_owned()),
                },
                Tree::Unknown(why) => Found::Unknown(why),
                // Not over. Its worker actor keeps the slot and goes on killing.
                Tree::Some => match loss.shim.clone() {
                    Some(shim) => {
                        let worker = loss.worker.clone();
                        taking.adopted(supervision, ShimAndWorker { shim, worker })
                    }
                    None => Found::Unknown("its remaining processes cannot be killed".to_owned()),
                },
            }
        }
        // Every process of another boot is gone, and its PIDs belong to others: nobody is looked for, nobody signalled.
        Inspection::ShimDied(_) | Inspection::Ended(_) | Inspection::NeverStarted => {
            match evidence::of_inspection(&inspection, log_tail()) {
                Some(evidence) => taking.ended(supervision, evidence),
                None => Found::Unknown("there is no evidence of how it ended".to_owned()),
            }
        }
    }
}

impl Taking {
    fn ended(self, supervision: &RunSupervision, evidence: Evidence) -> Found {
        let Self { open: OpenRun { run, task, row }, footing, spec } = self;
        let verdict_mode = supervision.verdict_mode(spec.as_ref(), &row, &run);
        let ended = EndedRun { run, board: task.board, footing, spec, verdict_mode, evidence };
        Found::Seed(Box::new(WorkerSeed::Ended(Box::new(ended))))
    }

    /// The seed of an actor that takes the run over.
    pub fn adopted(self, supervision: &RunSupervision, processes: ShimAndWorker) -> Found {
        let Self { open: OpenRun { run, task, row }, footing, spec } = self;
        let verdict_mode = supervision.verdict_mode(spec.as_ref(), &row, &run);
        let token = supervision.token(run.id, spec.as_ref(), &row);
        let adopted = AdoptedRun { run, task, processes, footing, spec, verdict_mode, token };
        Found::Seed(Box::new(WorkerSeed::Adopted(Box::new(adopted))))
    }
}

/// Makes an adopted run known to the API, so that its worker is heard from the first request on that is answered.
pub fn enter(live_runs: &LiveRuns, adopted: &AdoptedRun) {
    let AdoptedRun { run, task, processes, token, .. } = adopted;
    live_runs.insert(
        run.id,
        LiveRun {
            task_id: task.id.clone(),
            board: task.board.clone(),
            profile: run.profile.clone().unwrap_or_default(),
            token: token.clone(),
        },
    );
    live_runs.shims.insert(run.id, &processes.shim);
    if let Some(worker) = &processes.worker {
        live_runs.shims.insert_worker(run.id, worker);
    }
}
