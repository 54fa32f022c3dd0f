//! CrashDetector: finds open runs without a worker actor, determines their state, and starts an actor for each.
//!
//! *Owns* the list of runs of which that is not known yet. *Receives* [`AdoptRun`] (a worker actor panicked), [`AuditRuns`] and
//! looks at everything at its start and on its audit. *Sends* [`StartWorker`] and, once, [`AdoptionDone`] to the root.
//! *Restarts*: rebuilt; its first act is to look again.
//!
//! At a start of the daemon this is the adoption: for every run that the board says is open, everything that is known of it tells
//! whether its shim lives, ended with a record, died, or never began (see [`crate::os::run_files::inspection`]). Every run is looked at
//! apart from the others, and one of which nothing can be told holds up none: it keeps its slot, its row says why, and it is
//! looked at again. A run whose shim lives is known to the API before the first request is answered.

mod finding;
pub mod messages;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix::{
    Actor, ActorFutureExt as _, AsyncContext as _, Context, Handler, SpawnHandle, WrapFuture as _,
};

use crate::actors::apart::on_own_thread;
use crate::actors::configuration::Configuration;
use crate::actors::database::{Database, Submit};
use crate::actors::guard::Guard;
use crate::actors::live::Live;
use crate::actors::live_runs::LiveRuns;
use crate::actors::open_run::OpenRun;
use crate::actors::readers::Readers;
use crate::actors::reloader::SettingsChanged;
use crate::actors::root::messages::{AdoptionDone, ListWorkers, StartWorker};
use crate::actors::supervision::RunSupervision;
use crate::actors::wire::Wire;
use crate::actors::worker::seed::WorkerSeed;
use crate::kernel::caller::Caller;
use crate::kernel::error::{Fault, VerbError};
use crate::kernel::ids::RunId;
use crate::kernel::store::{self, Connection};
use crate::kernel::verbs::RecordDoubt;
use crate::os::run_files::inspection::{LeftOver, list_run_dirs, remove_left_over};
use finding::Found;
use messages::{AdoptRun, AuditRuns};

/// Pause before a look that failed is repeated, and between looks at a shim that has not said who it is.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Looks at a shim that has not said who it is, before it is taken over by what the process table says.
const BEGINNING_LOOKS: u32 = 100;

/// First and longest pause between looks at a run of which nothing can be told.
const UNKNOWN_PAUSE: Duration = Duration::from_secs(1);
const UNKNOWN_PAUSE_MAX: Duration = Duration::from_secs(30);

/// How long the looks at the open runs are waited for before the daemon serves, and before the row of a run says that its look
/// has no answer: reading about a process that hangs in the kernel may hang as well.
const LOOK_PATIENCE: Duration = Duration::from_secs(5);

/// Longest pause between looks at a closed run whose shim still lives.
const TIDY_PAUSE_MAX: Duration = Duration::from_secs(60);

/// What the crash detector may reach.
#[derive(Clone)]
pub struct CrashDetectorDeps {
    /// The writer, for runs whose state is unknown.
    pub database: Database,
    /// The reading connections.
    pub readers: Readers,
    /// Who is live, for the API.
    pub live_runs: LiveRuns,
    /// The root supervisor, which builds workers.
    pub start_worker: Wire<StartWorker>,
    /// The root supervisor, which knows the workers there are.
    pub list_workers: Wire<ListWorkers>,
    /// Told once when the first look is through.
    pub adoption_done: Wire<AdoptionDone>,
    /// For the audit's interval.
    pub configuration: Live<Configuration>,
    /// How runs are inspected, ended and cleaned up.
    pub supervision: Arc<RunSupervision>,
}

/// Runs, or directories of runs, that something is under way about.
#[derive(Clone, Default)]
struct UnderWay {
    runs: Arc<Mutex<BTreeSet<RunId>>>,
    /// Told how many there are.
    live_runs: Option<LiveRuns>,
}

/// Says that something is under way about a run, until it is dropped: also by a panic.
struct Begun {
    under_way: UnderWay,
    run_id: RunId,
}

impl UnderWay {
    /// None when something was under way about it already.
    fn begin(&self, run_id: RunId) -> Option<Begun> {
        let is_new = self.runs.lock().unwrap_or_else(PoisonError::into_inner).insert(run_id);
        self.tell();
        is_new.then(|| Begun { under_way: self.clone(), run_id })
    }

    fn tell(&self) {
        if let Some(live_runs) = &self.live_runs {
            let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
            live_runs.set_unknown(runs.len());
        }
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let runs = &self.under_way.runs;
        runs.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.run_id);
        self.under_way.tell();
    }
}

/// The actor.
pub struct CrashDetector {
    deps: CrashDetectorDeps,
    /// Open runs that are being looked at.
    taking: UnderWay,
    /// Directories of closed runs that are being removed.
    tidying: UnderWay,
    /// None while one is under way.
    next_audit: Option<SpawnHandle>,
    _guard: Guard,
}

impl CrashDetector {
    /// A detector that has not looked yet.
    pub fn new(deps: CrashDetectorDeps, guard: Guard) -> Self {
        let live_runs = Some(deps.live_runs.clone());
        let taking = UnderWay { live_runs, ..UnderWay::default() };
        let tidying = UnderWay::default();
        Self { deps, taking, tidying, next_audit: None, _guard: guard }
    }

    fn looker(&self) -> Looker {
        let Self { deps, taking, tidying, .. } = self;
        Looker { deps: deps.clone(), taking: taking.clone(), tidying: tidying.clone() }
    }

    /// Looks at every open run that has no worker actor, now and then again after the interval.
    fn audit(&mut self, context: &mut Context<Self>) {
        crate::failpoint::hit("crash-detector-audit");
        self.next_audit = None;
        let looker = self.looker();
        context.spawn(async move { looker.look_at_all().await }.into_actor(self).map(
            |result, detector, context| {
                let interval = detector.deps.configuration.settings().dispatch.interval;
                match result {
                    Ok(()) => {
                        detector.deps.adoption_done.tell(AdoptionDone);
                        detector.next_audit = Some(context.run_later(interval, Self::audit));
                    }
                    Err(error) => {
                        tracing::error!(%error, "cannot inspect the open runs");
                        context.run_later(LOOK_AGAIN * 50, Self::audit);
                    }
                }
            },
        ));
    }
}

impl Actor for CrashDetector {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        self.audit(context);
    }
}

impl Handler<AdoptRun> for CrashDetector {
    type Result = ();

    fn handle(&mut self, message: AdoptRun, context: &mut Context<Self>) {
        let looker = self.looker();
        let look = async move {
            if let Err(error) = looker.look_at_one(message.run_id).await {
                tracing::error!(run = message.run_id, %error, "cannot inspect a run without a worker actor");
            }
        };
        context.spawn(look.into_actor(self));
    }
}

impl Handler<SettingsChanged> for CrashDetector {
    type Result = ();

    /// The next audit comes after the new interval; one that is under way asks for it when it is through.
    fn handle(&mut self, _message: SettingsChanged, context: &mut Context<Self>) {
        if let Some(audit) = self.next_audit.take() {
            context.cancel_future(audit);
            let interval = self.deps.configuration.settings().dispatch.interval;
            self.next_audit = Some(context.run_later(interval, Self::audit));
        }
    }
}

impl Handler<AuditRuns> for CrashDetector {
    type Result = ();

    /// A claim that the last dispatcher was waiting for may still be on its way to the board: the look comes after it.
    fn handle(&mut self, _message: AuditRuns, context: &mut Context<Self>) {
        let looker = self.looker();
        let look = async move {
            let settled = looker.deps.database.settled().await.map_err(VerbError::from);
            let looked = match settled {
                Ok(()) => looker.look_at_all().await,
                Err(error) => Err(error),
            };
            if let Err(error) = looked {
                tracing::error!(%error, "cannot inspect the open runs");
            }
        };
        context.spawn(look.into_actor(self));
    }
}

type LookResult = Result<(), VerbError>;

/// What looks, apart from the actor.
#[derive(Clone)]
struct Looker {
    deps: CrashDetectorDeps,
    taking: UnderWay,
    tidying: UnderWay,
}

fn read_open(connection: &Connection, run_id: RunId) -> Result<Option<OpenRun>, VerbError> {
    let run = store::runs::get(connection, run_id)?;
    let Some(run) = run.filter(|run| run.is_open() && run.supervised && run.host_id.is_none())
    else {
        return Ok(None);
    };
    let row = store::footing::get(connection, run_id)?;
    let task = store::tasks::get(connection, &run.task_id)?;
    Ok(task.map(|task| OpenRun { run, task, row }))
}

impl Looker {
    fn caller() -> Caller {
        Caller::System { part: "crash-detector" }
    }

    /// Looks once at every open run without a worker actor. What is unknown then, or has no answer after
    /// [`LOOK_PATIENCE`], is found out on the side.
    async fn look_at_all(&self) -> LookResult {
        let Self { deps, taking, tidying } = self;
        // Before the board is asked: whatever has a directory now is on the board by then.
        let runs_dir = deps.supervision.paths.runs_dir.clone();
        let dirs = on_own_thread("list-runs", move || list_run_dirs(&runs_dir)).await.flatten();
        let dirs = dirs.unwrap_or_else(|error| {
            tracing::error!(%error, "cannot list the run directories");
            Vec::new()
        });
        let runs = deps
            .readers
            .read(Self::caller(), |snapshot| {
                let mut open = Vec::new();
                let mut rows = store::footing::list_open(snapshot.connection)?
                    .into_iter()
                    .collect::<std::collections::HashMap<_, _>>();
                for run in store::runs::list_open_here(snapshot.connection)? {
                    let row = rows.remove(&run.id).unwrap_or_default();
                    if let Some(task) = store::tasks::get(snapshot.connection, &run.task_id)? {
                        open.push(OpenRun { run, task, row });
                    }
                }
                Ok(open)
            })
            .await?;
        // Without the answer every run would look as if nobody attended to it.
        let attended = deps.list_workers.ask(ListWorkers).await;
        let attended = attended.ok_or(Fault::NoAnswer { part: "the root supervisor" })?;
        let is_over =
            |id: &RunId| !attended.contains(id) && runs.iter().all(|open| open.run.id != *id);
        for run_id in dirs.into_iter().filter(is_over) {
            if let Some(begun) = tidying.begin(run_id) {
                actix::spawn(self.clone().tidy_up(begun));
            }
        }
        let unattended = runs.into_iter().filter(|open| !attended.contains(&open.run.id));
        let looks: Vec<_> = unattended
            .filter_map(|open| Some((taking.begin(open.run.id)?, open)))
            .map(|(begun, open)| actix::spawn(self.clone().take_over(open, begun)))
            .collect();
        let all = async {
            for look in looks {
                // Ended by a panic: the audit looks again.
                let _is_through = look.await.is_ok();
            }
        };
        let _others_go_on = tokio::time::timeout(LOOK_PATIENCE, all).await;
        Ok(())
    }

    async fn look_at_one(&self, run_id: RunId) -> LookResult {
        let read = move |snapshot: &crate::kernel::queries::Snapshot<'_>| {
            read_open(snapshot.connection, run_id)
        };
        let found = self.deps.readers.read(Self::caller(), read).await?;
        if let Some(open) = found
            && let Some(begun) = self.taking.begin(run_id)
        {
            self.clone().take_over(open, begun).await;
        }
        Ok(())
    }

    /// Looks at a run and has a worker built for it; on the side, where one look does not tell.
    async fn take_over(self, open: OpenRun, begun: Begun) {
        let mut text = None;
        let found = self.look_and_tell(&open, &mut text).await;
        if let Some(found) = self.hand_over(&open, found) {
            actix::spawn(self.keep_looking(open, found, text, begun));
        }
    }

    /// Looks, and says in the row of the run when that takes long.
    async fn look_and_tell(&self, open: &OpenRun, text: &mut Option<String>) -> Found {
        let mut look = std::pin::pin!(self.look(open));
        match tokio::time::timeout(LOOK_PATIENCE, &mut look).await {
            Ok(found) => found,
            Err(_elapsed) => {
                let seconds = LOOK_PATIENCE.as_secs();
                let why = format!("no answer about its processes for {seconds} seconds");
                self.tell_doubt(open.run.id, &why, text).await;
                look.await
            }
        }
    }

    /// On a thread of its own: the process table may be long, and what is left of a tree takes time to go.
    async fn look(&self, open: &OpenRun) -> Found {
        let (supervision, live_runs) =
            (Arc::clone(&self.deps.supervision), self.deps.live_runs.clone());
        let open = open.clone();
        let look = move || finding::look(&supervision, &live_runs, &open);
        match on_own_thread("inspect", look).await {
            Ok(found) => found,
            Err(error) => Found::Unknown(format!("cannot inspect its processes: {error}")),
        }
    }

    /// Has a worker built for a run that is known; gives back what was found when it is not.
    fn hand_over(&self, open: &OpenRun, found: Found) -> Option<Found> {
        let Found::Seed(seed) = found else { return Some(found) };
        let (run, task) = (&open.run, &open.task);
        let is_adopted = match seed.as_ref() {
            WorkerSeed::Adopted(adopted) => {
                finding::enter(&self.deps.live_runs, adopted);
                true
            }
            WorkerSeed::Claimed(_) | WorkerSeed::Ended(_) => false,
        };
        tracing::info!(run = run.id, task = %task.id, board = %task.board, adopted = is_adopted, "open run found");
        self.deps.start_worker.tell(StartWorker { seed: *seed, started: None });
        None
    }

    /// Looks until it is known what became of a run, or the board has closed it.
    async fn keep_looking(
        self,
        mut open: OpenRun,
        mut found: Found,
        mut text: Option<String>,
        _begun: Begun,
    ) {
        let run_id = open.run.id;
        let (mut beginning_looks, mut pause) = (0, UNKNOWN_PAUSE);
        loop {
            match found {
                Found::Beginning(processes, taking) if beginning_looks >= BEGINNING_LOOKS => {
                    let lock_is_held = "its run lock is held by a process that is not its shim";
                    found = match processes {
                        Some(processes) => taking.adopted(&self.deps.supervision, processes),
                        None => Found::Unknown(lock_is_held.to_owned()),
                    };
                    beginning_looks = 0;
                    match self.hand_over(&open, found) {
                        Some(unknown) => found = unknown,
                        None => return,
                    }
                    continue;
                }
                Found::Beginning(..) => {
                    beginning_looks += 1;
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
                Found::Unknown(why) => {
                    self.tell_doubt(run_id, &why, &mut text).await;
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(UNKNOWN_PAUSE_MAX);
                }
                Found::Seed(_) => {}
            }
            let read = move |snapshot: &crate::kernel::queries::Snapshot<'_>| {
                read_open(snapshot.connection, run_id)
            };
            match self.deps.readers.read(Self::caller(), read).await {
                Ok(Some(now)) => open = now,
                Ok(None) => return,
                // The row as it was will do for another look.
                Err(error) => {
                    tracing::warn!(run = run_id, %error, "cannot read the row of a run");
                }
            }
            let next = self.look_and_tell(&open, &mut text).await;
            match self.hand_over(&open, next) {
                Some(next) => found = next,
                None => return,
            }
        }
    }

    /// Writes into the row of a run why nothing can be told of it.
    async fn tell_doubt(&self, run_id: RunId, why: &str, text: &mut Option<String>) {
        if text.as_deref() == Some(why) {
            return;
        }
        tracing::error!(
            run = run_id,
            why,
            "cannot determine the state of a run; it keeps its slot and is inspected again"
        );
        let verb = RecordDoubt { run_id, doubt: Some(why.to_owned()) };
        match self.deps.database.submit(Submit::by_system("crash-detector", verb)).await {
            Ok(()) => *text = Some(why.to_owned()),
            Err(error) => {
                tracing::warn!(run = run_id, %error, "cannot record that the state of a run is unknown");
            }
        }
    }

    /// Removes what a daemon that died after closing a run has left of it.
    async fn tidy_up(self, begun: Begun) {
        let run_id = begun.run_id;
        let mut pause = LOOK_AGAIN;
        loop {
            let (dir, incarnation) =
                (self.deps.supervision.paths.run_dir(run_id), self.deps.supervision.incarnation());
            let tidied = on_own_thread("tidy", move || remove_left_over(&dir, &incarnation)).await;
            match tidied.flatten() {
                // It is about to end, or it was given up by a person because its tree does not die: then it may take long.
                Ok(LeftOver::ShimLives) => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(TIDY_PAUSE_MAX);
                    continue;
                }
                Ok(LeftOver::Removed) => {
                    tracing::info!(run = run_id, "removed the files of a closed run");
                }
                Ok(LeftOver::OtherLife) => {}
                Err(error) => {
                    tracing::warn!(run = run_id, %error, "cannot remove the files of a closed run");
                }
            }
            return;
        }
    }
}
