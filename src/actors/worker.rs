//! Worker: one per supervised run, from the claim until its processes are proven gone. The only one that closes a run.
//!
//! *Owns* the shim's pidfd and status pipe, the run's directory, its timers. *Receives* [`VerdictRecorded`], [`StopWorker`],
//! [`LookAgain`]; watches the shim. *Sends* [`RecordSpawned`], [`RecordRunState`] and
//! [`CloseRun`](crate::kernel::verbs::CloseRun) to the database, [`WorkerFinished`] to the root. *Restarts*: not as itself; the
//! crash detector finds its run without a worker and hands it, with whatever is still there, to a new one. What it decides is
//! [`phase::Phase::after`].

mod asking;
mod closing;
pub mod evidence;
pub mod messages;
pub mod phase;
pub mod prepare;
mod progress;
pub mod seed;
mod vigil;
pub mod watch;
mod words;

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{
    Actor, ActorContext as _, ActorFutureExt as _, AsyncContext as _, Context, Handler,
    SpawnHandle, WrapFuture as _,
};
use tokio::sync::oneshot;

use crate::actors::accounts;
use crate::actors::database::{Database, Submit};
use crate::actors::doors::Doors;
use crate::actors::figures::Figures;
use crate::actors::guard::Guard;
use crate::actors::live_runs::{LiveRun, LiveRuns};
use crate::actors::readers::Readers;
use crate::actors::root::messages::WorkerFinished;
use crate::actors::wire::Wire;
use crate::kernel::caller::Caller;
use crate::kernel::error::VerbError;
use crate::kernel::ids::{BoardName, RunId, TaskId};
use crate::kernel::outcome::{Evidence, ProcessEnd, VerdictMode};
use crate::kernel::run::{Run, RunState};
use crate::kernel::store;
use crate::kernel::verbs::{Launch, ProcessIds, RecordRunState, RecordSpawned, RunOrder};
use crate::os::clock::epoch_seconds;
use crate::os::identity::ProcessIdentity;
use crate::os::random::{random_hex, random_uuid};
use crate::os::run_files::{RunDir, read_identity, read_spec, read_token};
use crate::os::spawn::{SpawnError, SpawnRequest, SpawnedShim, Spawner};
use crate::os::user::Account;
use messages::{LookAgain, StopWorker, VerdictRecorded};
use phase::{Act, Happening, Phase};
use prepare::{
    LaunchContext, Prepared, StartWords, make_own, prepare, setup_limit, verdict_mode_of,
};
use seed::{AdoptedRun, StartReport, WorkerSeed};
use vigil::Vigil;
use watch::{ShimNews, ShimWatch};

/// Pause before something is written again that the database could not take.
const WRITE_AGAIN: Duration = Duration::from_secs(1);

/// Time beyond the grace in which killed processes are reaped, before the tree counts as unkillable.
const KILL_MARGIN: Duration = Duration::from_secs(5);

/// EPERM: what the daemon's user may not do.
const NOT_PERMITTED: i32 = 1;

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
    /// Time that the making of the workspace may take before the worker starts.
    setup_limit: Duration,
    vigil: Vigil,
    has_remains: bool,
    _guard: Guard,
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
            setup_limit: Duration::ZERO,
            vigil,
            has_remains: false,
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
            Act::ArmSpawnTimeout => {
                let spawn_timeout = self.deps.context.settings().supervision.spawn_timeout;
                self.arm(spawn_timeout + self.setup_limit, Happening::SpawnTimeout, context);
            }
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
        if let Some(timer) = self.timer.take() {
            context.cancel_future(timer);
        }
        self.timer =
            Some(context.run_later(after, move |worker, context| worker.on(happening, context)));
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
            Some(WorkerSeed::Claimed(order)) => self.launch(order, context),
            Some(WorkerSeed::Adopted(adopted)) => self.adopt(*adopted, context),
            Some(WorkerSeed::Ended(ended)) => {
                self.verdict_mode = ended.verdict_mode;
                if let Ok(Some(spec)) = read_spec(&self.run_dir) {
                    self.session_line = spec.session_line;
                }
                self.evidence = Some(ended.evidence);
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
    /// Finds out whose the worker is to be, and goes on. The user data base may be slow, so a thread of its own asks it.
    fn launch(&mut self, order: Box<RunOrder>, context: &mut Context<Self>) {
        let name = match self.deps.context.worker_user(&order.profile) {
            Ok(None) => return self.launch_as(&order, None, context),
            Ok(Some(name)) => name,
            Err(message) => {
                return self.fail_launch(&message, Some(NOT_PERMITTED), context);
            }
        };
        let patience = self.deps.context.settings().supervision.spawn_timeout;
        let look = tokio::time::timeout(patience, accounts::look_up(name.clone()));
        context.spawn(look.into_actor(self).map(move |found, worker, context| match found {
            Ok(Ok(Some(account))) => worker.launch_as(&order, Some(&account), context),
            Ok(Ok(None)) => {
                let message = format!("user `{name}`, who workers are to run as, does not exist");
                worker.fail_launch(&message, None, context);
            }
            Ok(Err(error)) => {
                let message = format!("user `{name}` could not be looked up: {error}");
                worker.fail_launch(&message, error.raw_os_error(), context);
            }
            Err(_elapsed) => {
                let message = format!("user `{name}` could not be looked up in time");
                worker.fail_launch(&message, None, context);
            }
        }));
    }

    fn launch_as(&mut self, order: &RunOrder, user: Option<&Account>, context: &mut Context<Self>) {
        let words = match (random_hex(16), random_hex(32), random_uuid()) {
            (Ok(nonce), Ok(token), Ok(session)) => StartWords { nonce, token, session },
            (Err(error), _, _) | (_, Err(error), _) | (_, _, Err(error)) => {
                let errno = error.raw_os_error();
                return self.fail_launch(&format!("no randomness: {error}"), errno, context);
            }
        };
        let prepared = prepare(order, &self.deps.context, &words, user);
        let Prepared { mut spec, launch, verdict_mode, make_dirs, own } = match prepared {
            Ok(prepared) => prepared,
            Err(message) => return self.fail_launch(&message, None, context),
        };
        self.verdict_mode = verdict_mode;
        self.launch = Some(launch);
        for dir in make_dirs {
            if let Err(error) = std::fs::create_dir_all(&dir) {
                let message = format!("workspace: {} could not be made: {error}", dir.display());
                return self.fail_launch(&message, error.raw_os_error(), context);
            }
        }
        let workspaces_dir = &self.deps.context.workspaces_dir;
        if let Err(error) = make_own(&own, order.task.id.as_str(), workspaces_dir, &mut spec) {
            let message = format!("workspace: {error}");
            return self.fail_launch(&message, error.raw_os_error(), context);
        }
        self.setup_limit = setup_limit(&spec);
        self.session_line.clone_from(&spec.session_line);
        self.deps.live_runs.insert(
            self.run_id,
            LiveRun {
                task_id: order.task.id.clone(),
                board: order.task.board.clone(),
                profile: order.profile.clone(),
                token: words.token.clone(),
            },
        );
        let request = SpawnRequest {
            run_dir: self.run_dir.clone(),
            spec,
            token: words.token,
            run_as: user.map(|user| user.run_as.clone()),
        };
        let (reply, spawned) = oneshot::channel();
        self.deps.spawner.spawn(request, move |answer| drop(reply.send(answer)));
        let wait = async move { spawned.await.unwrap_or(Err(SpawnError::Panicked)) };
        context.spawn(wait.into_actor(self).map(|answer, worker, context| match answer {
            Ok(shim) => worker.watch_own(shim, context),
            Err(error) => {
                let errno = error.host_errno().or_else(|| errno_of(&error));
                worker.fail_launch(&chain(&error), errno, context);
            }
        }));
    }

    fn fail_launch(&mut self, message: &str, errno: Option<i32>, context: &mut Context<Self>) {
        tracing::warn!(run = self.run_id, task = %self.task_id, board = %self.board, message, "a run could not be launched");
        let errno = errno.unwrap_or_default();
        let end = ProcessEnd::StartFailed { message: message.to_owned(), errno };
        self.evidence = Some(Evidence::of(end));
        self.is_shim_gone = true;
        self.on(Happening::LaunchFailed, context);
    }

    fn watch_own(&mut self, shim: SpawnedShim, context: &mut Context<Self>) {
        self.shim = Some(ShimWatch::own(shim, context.address().recipient()));
        self.on(Happening::ShimStarted, context);
    }

    fn adopt(&mut self, adopted: AdoptedRun, context: &mut Context<Self>) {
        let AdoptedRun { run, task, shim, worker } = adopted;
        let mut token = None;
        if let Ok(Some(spec)) = read_spec(&self.run_dir) {
            self.verdict_mode = verdict_mode_of(&spec);
            self.setup_limit = setup_limit(&spec);
            token = spec.token;
            self.session_line = spec.session_line;
        }
        let token = token.or_else(|| read_token(&self.run_dir).ok().flatten()).unwrap_or_default();
        self.deps.live_runs.insert(
            run.id,
            LiveRun {
                task_id: task.id,
                board: task.board,
                profile: run.profile.clone().unwrap_or_default(),
                token: token.trim().to_owned(),
            },
        );
        self.deps.live_runs.shims.insert(run.id, &shim);
        match ShimWatch::adopted(shim, context.address().recipient()) {
            Ok(Some(watch)) => self.shim = Some(watch),
            Ok(None) => self.is_shim_gone = true,
            Err(error) => {
                tracing::warn!(run = self.run_id, %error, "an adopted shim cannot be watched");
                context.stop();
                return;
            }
        }
        self.on(Happening::ShimStarted, context);
        match worker {
            Some(worker) => self.worker_seen(worker, context),
            None => self.look_for_worker(context),
        }
        self.apply_row(&run, context);
        if self.is_shim_gone {
            self.on(Happening::ShimGone, context);
        }
    }

    /// An adopted shim has no status pipe of ours; until the worker is seen its identity file is looked at.
    fn look_for_worker(&mut self, context: &mut Context<Self>) {
        context.run_interval(Duration::from_millis(10), |worker, context| {
            let is_waiting =
                worker.worker.is_none() && !matches!(worker.phase, Phase::Closing | Phase::Closed);
            if !is_waiting {
                return;
            }
            if let Ok(Some(identity)) = read_identity(&worker.run_dir)
                && let Some(process) = identity.worker
            {
                worker.worker_seen(process, context);
            }
        });
    }

    fn worker_seen(&mut self, worker: ProcessIdentity, context: &mut Context<Self>) {
        if self.worker.is_none() {
            self.deps.live_runs.shims.insert_worker(self.run_id, &worker);
            self.worker = Some(worker);
            if let Some(claimed) = self.claimed.take() {
                self.deps.figures.start_time_us.see_time(claimed.elapsed());
            }
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

/// The kernel's error number among the causes of an error.
fn errno_of(error: &(dyn std::error::Error + 'static)) -> Option<i32> {
    let number = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::raw_os_error);
    number.or_else(|| error.source().and_then(errno_of))
}

/// An error with its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
