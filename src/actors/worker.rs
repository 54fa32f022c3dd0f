//! Worker: one per supervised run, from the claim until its processes are proven gone. The only one that closes a run.
//!
//! *Owns* the shim's pidfd and status pipe, the run's directory, its timers. *Receives* [`VerdictRecorded`], [`StopWorker`],
//! [`LookAgain`]; watches the shim. *Sends* [`RecordSpawned`](crate::kernel::verbs::RecordSpawned),
//! [`RecordRunState`](crate::kernel::verbs::RecordRunState) and [`CloseRun`](crate::kernel::verbs::CloseRun) to the database, [`WorkerFinished`] to the root. *Restarts*: not as itself; the
//! crash detector finds its run without a worker and hands it, with whatever is still there, to a new one. What it decides is
//! [`phase::Phase::after`].

mod ask_pause;
mod asking;
mod closing;
mod end;
mod env_file;
pub mod evidence;
mod launching;
mod making;
pub mod messages;
mod not_launched;
pub mod phase;
mod prepare;
mod progress;
mod recording;
pub mod seed;
mod sighting;
mod start_signs;
mod start_words;
mod time_limit_watch;
mod time_limits;
pub mod watch;
mod words;
mod workspace;
mod writable;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{
    Actor, ActorContext as _, ActorFutureExt as _, AsyncContext as _, Context, Handler,
    SpawnHandle, WrapFuture as _,
};
use tokio::sync::oneshot;

use crate::actors::configuration::Configuration;
use crate::actors::database::Database;
use crate::actors::doors::Doors;
use crate::actors::figures::Figures;
use crate::actors::guard::Guard;
use crate::actors::live::Live;
use crate::actors::live_runs::LiveRuns;
use crate::actors::path_looks::Looker;
use crate::actors::readers::Readers;
use crate::actors::root::messages::WorkerFinished;
use crate::actors::start_inputs::StartInputs;
use crate::actors::supervision::RunSupervision;
use crate::actors::wire::Wire;
use crate::kernel::caller::Caller;
use crate::kernel::ids::{BoardName, RunId, TaskId};
use crate::kernel::outcome::{Evidence, VerdictMode};
use crate::kernel::run::RunState;
use crate::kernel::store;
use crate::kernel::verbs::Launch;
use crate::os::host::clock::epoch_seconds;
use crate::os::host::file_watch::FileWatch;
use crate::os::processes::identity::ProcessIdentity;
use crate::os::processes::spawn::Spawner;
use crate::os::run_files::directory::{RunDir, RunSpec};
use crate::os::run_files::signs::Footing;
use end::End;
use messages::{LookAgain, StopWorker, VerdictRecorded};
use phase::{Act, Happening, Phase};
use seed::{EndedRun, StartReport, WorkerSeed};
use start_signs::StartWatch;
use time_limits::TimeLimits;
use watch::{ShimNews, ShimWatch};

/// Pause before something is written again that the database could not take.
const WRITE_AGAIN: Duration = Duration::from_secs(1);

/// Time beyond the grace in which killed processes are reaped, before the tree counts as unkillable.
const KILL_MARGIN: Duration = Duration::from_secs(5);

/// What a worker may reach.
#[derive(Clone)]
pub struct WorkerDeps {
    /// The writer.
    pub database: Database,
    /// The reading connections.
    pub readers: Readers,
    /// The thread that starts shims.
    pub spawner: Spawner,
    /// Who is live, for the API.
    pub live_runs: LiveRuns,
    /// What looks where paths lead; the dispatcher's.
    pub looker: Looker,
    /// The settings, for times and limits.
    pub configuration: Live<Configuration>,
    /// How runs are inspected, ended and cleaned up.
    pub supervision: Arc<RunSupervision>,
    /// How starts are prepared.
    pub start_inputs: Arc<StartInputs>,
    /// The root supervisor.
    pub finished: Wire<WorkerFinished>,
    /// Where starts and ends are counted.
    pub figures: Arc<Figures>,
    /// Notices changes of run directories.
    pub files: FileWatch,
    /// When workers had no way in.
    pub doors: Doors,
}

/// The actor.
pub struct Worker {
    deps: WorkerDeps,
    run_id: RunId,
    task_id: TaskId,
    board: BoardName,
    profile: String,
    /// When this actor took up a run that was just claimed.
    claimed: Option<Instant>,
    run_dir: RunDir,
    verdict_mode: VerdictMode,
    phase: Phase,
    seed: Option<WorkerSeed>,
    started: Option<oneshot::Sender<StartReport>>,
    launch: Option<Launch>,
    shim: Option<ShimWatch>,
    worker: Option<ProcessIdentity>,
    evidence: Option<Evidence>,
    /// How it ended, with what else is written down then.
    end: Option<End>,
    /// A look for its end is under way.
    is_end_looked_for: bool,
    /// What is left of it is being removed.
    is_finishing: bool,
    /// The board was told of its start.
    is_start_told: bool,
    /// Waits for the worker of an adopted run.
    watching_start: Option<StartWatch>,
    timer: Option<SpawnHandle>,
    is_shim_gone: bool,
    linger_from: Option<i64>,
    /// What stands before the agent's session in its output.
    session_line: Option<String>,
    /// Secret values that are redacted in stored texts.
    secrets: Vec<String>,
    /// Time that the making of the workspace may take before the worker starts.
    setup_limit: Duration,
    time_limits: TimeLimits,
    has_remains: bool,
    /// What is known of the run beside its files.
    footing: Footing,
    /// Its spec, as it was written or found.
    spec: Option<RunSpec>,
    /// Why it is unknown how it ended, as last reported, and for how many looks.
    doubt: Option<(String, u32)>,
    /// Variables of the profile's file, from reading it until the worker is started.
    file_env: BTreeMap<String, String>,
    _guard: Guard,
}

impl Worker {
    /// The worker of the run that `seed` names. `started` receives whether its process came to run.
    pub fn new(
        seed: WorkerSeed,
        started: Option<oneshot::Sender<StartReport>>,
        deps: WorkerDeps,
        guard: Guard,
    ) -> Self {
        let run_id = seed.run_id();
        let run_dir = deps.supervision.paths.run_dir(run_id);
        let (task_id, board, profile) = match &seed {
            WorkerSeed::Claimed(order) => (&order.task.id, &order.task.board, Some(&order.profile)),
            WorkerSeed::Adopted(adopted) => {
                (&adopted.task.id, &adopted.task.board, adopted.run.profile.as_ref())
            }
            WorkerSeed::Ended(ended) => {
                (&ended.run.task_id, &ended.board, ended.run.profile.as_ref())
            }
        };
        let (task_id, board) = (task_id.clone(), board.clone());
        let profile = profile.cloned().unwrap_or_default();
        let claimed = matches!(seed, WorkerSeed::Claimed(_)).then(Instant::now);
        let time_limits = TimeLimits::of(&seed, &deps.configuration.settings());
        Self {
            deps,
            run_id,
            task_id,
            board,
            profile,
            claimed,
            run_dir,
            verdict_mode: VerdictMode::Report,
            phase: Phase::Launching { stop_asked: false },
            seed: Some(seed),
            started,
            launch: None,
            shim: None,
            worker: None,
            evidence: None,
            end: None,
            is_end_looked_for: false,
            is_finishing: false,
            is_start_told: false,
            watching_start: None,
            timer: None,
            is_shim_gone: false,
            linger_from: None,
            session_line: None,
            secrets: Vec::new(),
            setup_limit: Duration::ZERO,
            time_limits,
            has_remains: false,
            footing: Footing::default(),
            spec: None,
            doubt: None,
            file_env: BTreeMap::new(),
            _guard: guard,
        }
    }

    /// The one way on: something happened, the phase says what is to be done.
    fn on(&mut self, happening: Happening, context: &mut Context<Self>) {
        let (phase, acts) = self.phase.after(happening);
        if phase != self.phase {
            tracing::debug!(run = self.run_id, task = %self.task_id, board = %self.board, ?happening, ?phase, "run moved");
        }
        self.phase = phase;
        for act in acts {
            self.act(*act, context);
        }
        if phase == Phase::Closed && self.is_shim_gone && happening != Happening::ShimGone {
            self.on(Happening::ShimGone, context);
        }
    }

    fn act(&mut self, act: Act, context: &mut Context<Self>) {
        match act {
            Act::RecordSpawned => self.record_spawned(context),
            Act::ArmSpawnTimeout => self.arm_spawn_timeout(context),
            Act::ArmLinger => {
                let linger = self.remaining_linger();
                self.arm(linger, Happening::LingerOver, context);
            }
            Act::Stop => self.stop_shim(context),
            Act::TellUnkillable => {
                tracing::error!(run = self.run_id, task = %self.task_id, board = %self.board, "the processes of a run cannot be killed; the slot stays occupied");
                self.record_state(RunState::Unkillable, context);
            }
            Act::Close => self.close(context),
            Act::CloseAgain => {
                context.run_later(WRITE_AGAIN, Self::submit_close);
            }
            Act::Collect => {
                crate::failpoint::hit("run-closed");
                self.collect(context);
            }
            Act::Finish => self.finish(context),
        }
    }

    fn arm(&mut self, after: Duration, happening: Happening, context: &mut Context<Self>) {
        self.arm_for(after, context, move |worker, context| worker.on(happening, context));
    }

    fn arm_for(
        &mut self,
        after: Duration,
        context: &mut Context<Self>,
        then: impl FnOnce(&mut Self, &mut Context<Self>) + 'static,
    ) {
        if let Some(timer) = self.timer.take() {
            context.cancel_future(timer);
        }
        self.timer = Some(context.run_later(after, then));
    }

    fn report_start(&mut self, report: StartReport) {
        if let Some(started) = self.started.take() {
            // The caller may have gone; the board knows anyway.
            drop(started.send(report));
        }
    }

    /// A verdict may be older than this actor: after an adoption only the rest of the linger is left.
    fn remaining_linger(&self) -> Duration {
        let linger = self.deps.configuration.settings().supervision.linger;
        let passed = self.linger_from.map_or(0, |from| (epoch_seconds() - from).max(0));
        linger.saturating_sub(Duration::from_secs(passed.unsigned_abs()))
    }
}

impl Actor for Worker {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        crate::failpoint::hit("worker-started");
        match self.seed.take() {
            Some(WorkerSeed::Claimed(order)) => self.read_env_file(order, context),
            Some(WorkerSeed::Adopted(adopted)) => self.adopt(*adopted, context),
            Some(WorkerSeed::Ended(ended)) => {
                let EndedRun { footing, spec, verdict_mode, evidence, .. } = *ended;
                self.footing = footing;
                self.verdict_mode = verdict_mode;
                self.take_spec(spec);
                self.evidence = Some(evidence);
                self.is_shim_gone = true;
                self.phase = Phase::Closing;
                self.close(context);
            }
            None => context.stop(),
        }
    }
}

/// Ending its processes.
impl Worker {
    fn stop_shim(&mut self, context: &mut Context<Self>) {
        self.record_state(RunState::Stopping, context);
        if let Some(shim) = &self.shim
            && let Err(error) = shim.ask_to_stop()
        {
            tracing::error!(run = self.run_id, %error, "cannot ask the shim to stop the run");
        }
        let grace = self.deps.configuration.settings().supervision.grace;
        self.arm(grace + KILL_MARGIN, Happening::LadderTimeout, context);
    }
}

impl Handler<ShimNews> for Worker {
    type Result = ();

    fn handle(&mut self, news: ShimNews, context: &mut Context<Self>) {
        match news {
            ShimNews::WorkerStarted(worker) => self.worker_seen(worker, context),
            ShimNews::ExitRecorded => self.on(Happening::ExitRecorded, context),
            ShimNews::Gone => {
                self.is_shim_gone = true;
                self.on(Happening::ShimGone, context);
            }
        }
    }
}

impl Handler<VerdictRecorded> for Worker {
    type Result = ();

    fn handle(&mut self, message: VerdictRecorded, context: &mut Context<Self>) {
        self.on(Happening::Verdict { by_worker: message.by_worker }, context);
    }
}

impl Handler<StopWorker> for Worker {
    type Result = ();

    fn handle(&mut self, _message: StopWorker, context: &mut Context<Self>) {
        self.on(Happening::StopAsked, context);
    }
}

impl Handler<LookAgain> for Worker {
    type Result = ();

    fn handle(&mut self, _message: LookAgain, context: &mut Context<Self>) {
        let (readers, run_id) = (self.deps.readers.clone(), self.run_id);
        let read = async move {
            let caller = Caller::System { part: "worker" };
            readers
                .read(caller, move |snapshot| {
                    let Some(run) = store::runs::get(snapshot.connection, run_id)? else {
                        return Ok(None);
                    };
                    let waits =
                        store::questions::list_waits(snapshot.connection, &run.task_id, run_id)?;
                    Ok(Some((run, waits)))
                })
                .await
        };
        context.spawn(read.into_actor(self).map(|answer, worker, context| match answer {
            Ok(Some((run, waits))) => {
                worker.take_waits(waits, context);
                worker.apply_row(&run, context);
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(run = worker.run_id, %error, "cannot read the row of the run");
            }
        }));
    }
}

/// What is kept of a spec as long as the run lasts.
fn without_secrets(mut spec: RunSpec) -> RunSpec {
    spec.env.clear();
    spec.log.redact.clear();
    spec.token = None;
    spec
}
