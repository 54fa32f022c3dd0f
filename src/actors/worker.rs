//! Worker: one per supervised run, from the claim until its processes are proven gone. The only one that closes a run.
//!
//! *Owns* the shim's pidfd and status pipe, the run's directory, its timers. *Receives* [`VerdictRecorded`], [`StopWorker`],
//! [`LookAgain`]; watches the shim. *Sends* [`RecordSpawned`], [`RecordRunState`] and
//! [`CloseRun`](crate::kernel::verbs::CloseRun) to the database, [`WorkerFinished`] to the root. *Restarts*: not as itself; the
//! crash detector finds its run without a worker and hands it, with whatever is still there, to a new one. What it decides is
//! [`phase::Phase::after`].

mod asking;
mod closing;
mod env_file;
pub mod evidence;
pub mod footing;
mod launching;
pub mod messages;
pub mod phase;
pub mod prepare;
mod prepared;
mod progress;
pub mod seed;
mod vigil;
pub mod watch;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{
    Actor, ActorContext as _, ActorFutureExt as _, AsyncContext as _, Context, Handler,
    SpawnHandle, WrapFuture as _,
};
use tokio::sync::oneshot;

use crate::actors::database::{Database, Submit};
use crate::actors::doors::Doors;
use crate::actors::figures::Figures;
use crate::actors::guard::Guard;
use crate::actors::live_runs::LiveRuns;
use crate::actors::places::Looker;
use crate::actors::readers::Readers;
use crate::actors::root::messages::WorkerFinished;
use crate::actors::wire::Wire;
use crate::kernel::caller::Caller;
use crate::kernel::error::VerbError;
use crate::kernel::ids::{BoardName, RunId, TaskId};
use crate::kernel::outcome::{Evidence, VerdictMode};
use crate::kernel::run::{Run, RunState};
use crate::kernel::store;
use crate::kernel::verbs::{Launch, ProcessIds, RecordRunState, RecordSpawned};
use crate::os::host::clock::epoch_seconds;
use crate::os::processes::identity::ProcessIdentity;
use crate::os::processes::proc_tree::leader_below;
use crate::os::processes::spawn::{SpawnedShim, Spawner};
use crate::os::run_files::directory::{RunDir, RunIdentity, RunSpec, read_identity};
use crate::os::run_files::signs::Footing;
use messages::{LookAgain, StopWorker, VerdictRecorded};
use phase::{Act, Happening, Phase};
use prepare::{LaunchContext, setup_limit};
use seed::{AdoptedRun, EndedRun, StartReport, WorkerSeed};
use vigil::Vigil;
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
    /// How launches are made.
    pub context: Arc<LaunchContext>,
    /// The root supervisor.
    pub finished: Wire<WorkerFinished>,
    /// Where starts and ends are counted.
    pub figures: Arc<Figures>,
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
    timer: Option<SpawnHandle>,
    is_shim_gone: bool,
    linger_from: Option<i64>,
    /// What stands before the agent's session in its output.
    session_line: Option<String>,
    /// Secret values that are redacted in stored texts.
    secrets: Vec<String>,
    /// Time that the making of the workspace may take before the worker starts.
    setup_limit: Duration,
    vigil: Vigil,
    has_remains: bool,
    /// What is known of the run beside its files.
    footing: Footing,
    /// Its spec, as it was written or found.
    spec: Option<RunSpec>,
    /// Why it cannot be told how it ended, as that was told last, and for how many looks.
    doubt: Option<(String, u32)>,
    /// Variables of the profile's file, from reading it until the worker is started.
    file_env: BTreeMap<String, String>,
    _guard: Guard,
}

/// Whether a worker was started.
enum WorkerSign {
    /// It was; this is it.
    Seen(ProcessIdentity),
    /// It was not.
    NotYet,
    /// It cannot be told.
    Unknown,
}

impl Worker {
    /// The worker of the run that `seed` names. `started` is told whether its process came to run.
    pub fn new(
        seed: WorkerSeed,
        started: Option<oneshot::Sender<StartReport>>,
        deps: WorkerDeps,
        guard: Guard,
    ) -> Self {
        let run_id = seed.run_id();
        let run_dir = deps.context.run_dir(run_id);
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
        let vigil = Vigil::of(&seed, &deps.context.settings());
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
            timer: None,
            is_shim_gone: false,
            linger_from: None,
            session_line: None,
            secrets: Vec::new(),
            setup_limit: Duration::ZERO,
            vigil,
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
                tracing::error!(run = self.run_id, task = %self.task_id, board = %self.board, "its processes do not die; the slot stays taken");
                self.record_state(RunState::Unkillable, context);
            }
            Act::Close => self.close(context),
            Act::CloseAgain => {
                context.run_later(WRITE_AGAIN, Self::submit_close);
            }
            Act::Collect => {
                crate::failpoint::hit("run-closed");
                self.collect();
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
            // Whoever asked may have gone; the board knows anyway.
            drop(started.send(report));
        }
    }

    /// A verdict may be older than this actor: after an adoption only the rest of the linger is left.
    fn remaining_linger(&self) -> Duration {
        let linger = self.deps.context.settings().supervision.linger;
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
                self.submit_close(context);
            }
            None => context.stop(),
        }
    }
}

/// Starting.
impl Worker {
    fn watch_own(&mut self, shim: SpawnedShim, context: &mut Context<Self>) {
        self.footing.shim = Some(shim.identity.clone());
        self.shim = Some(ShimWatch::own(shim, context.address().recipient()));
        self.on(Happening::ShimStarted, context);
    }

    fn adopt(&mut self, adopted: AdoptedRun, context: &mut Context<Self>) {
        // Known to the API already, or, after a panic, still.
        let AdoptedRun { run, supervisor, footing, spec, verdict_mode, .. } = adopted;
        self.footing = footing;
        self.verdict_mode = verdict_mode;
        self.take_spec(spec);
        if !self.watch_adopted(supervisor.shim, context) {
            return;
        }
        self.on(Happening::ShimStarted, context);
        match supervisor.worker {
            Some(worker) => self.worker_seen(worker, context),
            None => self.look_for_worker(context),
        }
        self.apply_row(&run, context);
        if self.is_shim_gone {
            self.on(Happening::ShimGone, context);
        }
    }

    /// Takes what the spec of a run says that another actor, or another daemon, has launched.
    fn take_spec(&mut self, spec: Option<RunSpec>) {
        if let Some(spec) = &spec {
            self.setup_limit = setup_limit(spec);
            self.session_line.clone_from(&spec.session_line);
            self.secrets.clone_from(&spec.log.redact);
        }
        self.spec = spec.map(without_secrets);
    }

    /// Watches a shim that this actor has not started; false when that cannot be done, and this actor ends.
    fn watch_adopted(&mut self, shim: ProcessIdentity, context: &mut Context<Self>) -> bool {
        self.deps.live_runs.shims.insert(self.run_id, &shim);
        self.footing.shim = Some(shim.clone());
        match ShimWatch::adopted(shim, context.address().recipient()) {
            Ok(Some(watch)) => self.shim = Some(watch),
            Ok(None) => self.is_shim_gone = true,
            Err(error) => {
                tracing::warn!(run = self.run_id, %error, "an adopted shim cannot be watched; the next audit looks again");
                context.stop();
                return false;
            }
        }
        true
    }

    /// An adopted shim has no status pipe of ours; until the worker is seen its identity file is looked at.
    fn look_for_worker(&mut self, context: &mut Context<Self>) {
        context.run_interval(Duration::from_millis(10), |worker, context| {
            let is_waiting =
                worker.worker.is_none() && !matches!(worker.phase, Phase::Closing | Phase::Closed);
            if is_waiting && let WorkerSign::Seen(process) = worker.worker_by_files() {
                worker.worker_seen(process, context);
            }
        });
    }

    /// Whether the worker was started, by what its shim has written down.
    fn worker_by_files(&self) -> WorkerSign {
        match read_identity(&self.run_dir) {
            Ok(Some(RunIdentity { worker: Some(process), .. })) => WorkerSign::Seen(process),
            Ok(Some(_)) => WorkerSign::NotYet,
            // Whoever has removed it has not ended the shim.
            Ok(None) | Err(_) => WorkerSign::Unknown,
        }
    }

    /// The time for a start is over. It counts from when this daemon armed it, and the daemon may have stood still meanwhile: so
    /// the start is looked for once more, and a run of which nobody can say whether it has begun is not ended.
    fn spawn_timeout(&mut self, context: &mut Context<Self>) {
        if self.worker.is_some() {
            return;
        }
        let is_own = self.shim.as_ref().is_some_and(ShimWatch::is_own);
        let sign = match (self.worker_by_files(), is_own) {
            // It would say so through its status pipe as well.
            (WorkerSign::Unknown, true) => WorkerSign::NotYet,
            (WorkerSign::Unknown, false) => self.worker_by_process_table(),
            (sign, _) => sign,
        };
        match sign {
            WorkerSign::Seen(process) => self.worker_seen(process, context),
            WorkerSign::NotYet => self.on(Happening::SpawnTimeout, context),
            WorkerSign::Unknown => {
                tracing::warn!(
                    run = self.run_id,
                    "it cannot be told whether its worker was started; it is looked for again"
                );
                self.arm_spawn_timeout(context);
            }
        }
    }

    /// The worker leads a session of its own right below its shim. So does a command that makes the workspace, but that is over
    /// by now.
    fn worker_by_process_table(&self) -> WorkerSign {
        let Some(shim) = self.shim.as_ref() else { return WorkerSign::Unknown };
        match leader_below(shim.identity()) {
            Ok(Some(leader)) => WorkerSign::Seen(leader),
            Ok(None) | Err(_) => WorkerSign::Unknown,
        }
    }

    fn arm_spawn_timeout(&mut self, context: &mut Context<Self>) {
        let spawn_timeout = self.deps.context.settings().supervision.spawn_timeout;
        self.arm_for(spawn_timeout + self.setup_limit, context, Self::spawn_timeout);
    }

    fn worker_seen(&mut self, worker: ProcessIdentity, context: &mut Context<Self>) {
        if self.worker.is_none() {
            self.deps.live_runs.shims.insert_worker(self.run_id, &worker);
            self.footing.worker = Some(worker.clone());
            self.worker = Some(worker);
            if let Some(claimed) = self.claimed.take() {
                self.deps.figures.start_time_us.see_time(claimed.elapsed());
            }
            self.record_prepared(context);
            self.keep_vigil(context);
            self.on(Happening::WorkerStarted, context);
        }
    }

    /// What the row says may be newer than what this actor was told.
    fn apply_row(&mut self, run: &Run, context: &mut Context<Self>) {
        if run.ended_at.is_none() {
            return;
        }
        self.linger_from = run.ended_at;
        let own = format!("run:{}", run.id);
        let by_worker = run.verdict_by.as_deref() == Some(own.as_str());
        let by_worker = by_worker && run.state == RunState::Finishing;
        self.on(Happening::Verdict { by_worker }, context);
    }
}

/// Telling the board.
impl Worker {
    fn record_spawned(&mut self, context: &mut Context<Self>) {
        if let (Some(worker), Some(shim)) = (&self.worker, &self.shim) {
            self.submit_spawned(process_ids(shim.identity(), worker), context);
        }
    }

    fn submit_spawned(&mut self, ids: ProcessIds, context: &mut Context<Self>) {
        let verb = RecordSpawned { run_id: self.run_id, ids, launch: self.launch.clone() };
        let database = self.deps.database.clone();
        let submit = async move { database.submit(Submit::by_system("worker", verb)).await };
        context.spawn(submit.into_actor(self).map(|answer, worker, context| match answer {
            Ok(_) => {
                crate::failpoint::hit("spawn-recorded");
                worker.report_start(StartReport::Spawned);
            }
            Err(error) => {
                tracing::warn!(run = worker.run_id, %error, "a start could not be recorded");
                if is_retryable(&error) {
                    context.run_later(WRITE_AGAIN, Self::record_spawned);
                } else {
                    worker.report_start(StartReport::Unknown(error));
                }
            }
        }));
    }

    fn record_state(&mut self, state: RunState, context: &mut Context<Self>) {
        let verb = RecordRunState { run_id: self.run_id, state };
        let database = self.deps.database.clone();
        let submit = async move { database.submit(Submit::by_system("worker", verb)).await };
        context.spawn(submit.into_actor(self).map(move |answer, worker, _| {
            if let Err(error) = answer {
                tracing::warn!(run = worker.run_id, %error, ?state, "a state could not be recorded");
            }
        }));
    }

    fn stop_shim(&mut self, context: &mut Context<Self>) {
        self.record_state(RunState::Stopping, context);
        if let Some(shim) = &self.shim
            && let Err(error) = shim.ask_to_stop()
        {
            tracing::error!(run = self.run_id, %error, "its shim could not be asked to stop");
        }
        let grace = self.deps.context.settings().supervision.grace;
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
                .read(caller, move |snapshot| Ok(store::runs::get(snapshot.connection, run_id)?))
                .await
        };
        context.spawn(read.into_actor(self).map(|answer, worker, context| match answer {
            Ok(Some(run)) => worker.apply_row(&run, context),
            Ok(None) => {}
            Err(error) => tracing::warn!(run = worker.run_id, %error, "its row could not be read"),
        }));
    }
}

fn process_ids(shim: &ProcessIdentity, worker: &ProcessIdentity) -> ProcessIds {
    let ticks =
        |identity: &ProcessIdentity| i64::try_from(identity.start_ticks).unwrap_or(i64::MAX);
    ProcessIds {
        boot_id: shim.boot_id.clone(),
        shim_pid: i64::from(shim.pid),
        shim_start_ticks: ticks(shim),
        worker_pid: i64::from(worker.pid),
        worker_start_ticks: ticks(worker),
    }
}

fn is_retryable(error: &VerbError) -> bool {
    match error {
        VerbError::Failed(fault) => fault.is_retryable(),
        VerbError::Refused(_) => false,
    }
}

/// What is kept of a spec as long as the run lasts.
fn without_secrets(mut spec: RunSpec) -> RunSpec {
    spec.env.clear();
    spec.log.redact.clear();
    spec.token = None;
    spec
}
