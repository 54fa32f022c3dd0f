//! CrashDetector: finds open runs that have no worker actor, finds out what became of them, hands each to a new one.
//!
//! *Owns* nothing. *Receives* [`AdoptRun`] (a worker actor panicked), [`AuditRuns`] and looks at everything at its start and on its audit.
//! *Sends* [`StartWorker`] and, once, [`AdoptionDone`] to the root. *Restarts*: rebuilt; its first act is to look again.
//!
//! At a start of the daemon this is the adoption: for every run that the board says is open, the run lock tells whether its
//! shim lives, ended with a record, died, or never began (see [`crate::os::run_inspection`]). A run of another boot is lost,
//! and nobody is signalled: every process of that boot is gone and its PIDs belong to others.

pub mod messages;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use actix::{
    Actor, ActorFutureExt as _, AsyncContext as _, Context, Handler, SpawnHandle, WrapFuture as _,
};

use crate::actors::guard::Guard;
use crate::actors::readers::Readers;
use crate::actors::reloader::SettingsChanged;
use crate::actors::root::messages::{AdoptionDone, ListWorkers, StartWorker};
use crate::actors::wire::Wire;
use crate::actors::worker::evidence;
use crate::actors::worker::prepare::{LaunchContext, verdict_mode_of};
use crate::actors::worker::seed::{AdoptedRun, EndedRun, WorkerSeed};
use crate::kernel::caller::Caller;
use crate::kernel::ids::RunId;
use crate::kernel::outcome::{Evidence, ProcessEnd, VerdictMode};
use crate::kernel::run::Run;
use crate::kernel::store;
use crate::kernel::task::Task;
use crate::os::identity::{ProcessIdentity, boot_id};
use crate::os::remains::end_remains;
use crate::os::run_files::{RunDir, RunIdentity, read_exit, read_spec};
use crate::os::run_inspection::{
    Inspection, LeftOver, inspect, is_shim_alive, list_run_dirs, remove_left_over,
};
use messages::{AdoptRun, AuditRuns};

/// How long what is left of a run whose shim died may take to go when it is killed, before others are looked at.
const REMAINS_PATIENCE: Duration = Duration::from_millis(500);

/// Pause before a look that failed is repeated, and between looks at a shim that has not said who it is.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Longest pause between looks at a closed run whose shim still lives.
const TIDY_PAUSE_MAX: Duration = Duration::from_secs(60);

/// What the crash detector may reach.
#[derive(Clone)]
pub struct CrashDetectorDeps {
    /// The reading connections.
    pub readers: Readers,
    /// The root supervisor, which builds workers.
    pub start_worker: Wire<StartWorker>,
    /// The root supervisor, which knows the workers there are.
    pub list_workers: Wire<ListWorkers>,
    /// Told once when the first look is through.
    pub adoption_done: Wire<AdoptionDone>,
    /// Where run directories are, and the audit's interval.
    pub context: Arc<LaunchContext>,
}

/// The actor.
pub struct CrashDetector {
    deps: CrashDetectorDeps,
    /// None while one is under way.
    next_audit: Option<SpawnHandle>,
    _guard: Guard,
}

impl CrashDetector {
    /// A detector that has not looked yet.
    pub fn new(deps: CrashDetectorDeps, guard: Guard) -> Self {
        Self { deps, next_audit: None, _guard: guard }
    }

    /// Looks at every open run that has no worker actor, now and then again after the interval.
    fn audit(&mut self, context: &mut Context<Self>) {
        crate::failpoint::hit("crash-detector-audit");
        self.next_audit = None;
        let deps = self.deps.clone();
        context.spawn(async move { look_at_all(&deps).await }.into_actor(self).map(
            |result, detector, context| {
                let interval = detector.deps.context.settings().dispatch.interval;
                match result {
                    Ok(()) => {
                        detector.deps.adoption_done.tell(AdoptionDone);
                        detector.next_audit = Some(context.run_later(interval, Self::audit));
                    }
                    Err(error) => {
                        tracing::error!(%error, "the open runs could not be looked at");
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
        let deps = self.deps.clone();
        let look = async move {
            if let Err(error) = look_at_one(&deps, message.run_id).await {
                tracing::error!(run = message.run_id, %error, "a run without a worker could not be looked at");
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
            let interval = self.deps.context.settings().dispatch.interval;
            self.next_audit = Some(context.run_later(interval, Self::audit));
        }
    }
}

impl Handler<AuditRuns> for CrashDetector {
    type Result = ();

    fn handle(&mut self, _message: AuditRuns, context: &mut Context<Self>) {
        let deps = self.deps.clone();
        let look = async move {
            if let Err(error) = look_at_all(&deps).await {
                tracing::error!(%error, "the open runs could not be looked at");
            }
        };
        context.spawn(look.into_actor(self));
    }
}

type LookResult = Result<(), crate::kernel::error::VerbError>;

async fn look_at_all(deps: &CrashDetectorDeps) -> LookResult {
    // Before the board is asked: whatever has a directory now is on the board by then.
    let dirs = list_run_dirs(&deps.context.runs_dir).unwrap_or_else(|error| {
        tracing::error!(%error, "the run directories cannot be listed");
        Vec::new()
    });
    let (runs, mut boots): (Vec<_>, HashMap<RunId, String>) = deps
        .readers
        .read(Caller::System { part: "crash-detector" }, |snapshot| {
            let runs = store::runs::list_open_supervised(snapshot.connection)?;
            let mut with_tasks = Vec::with_capacity(runs.len());
            for run in runs {
                if let Some(task) = store::tasks::get(snapshot.connection, &run.task_id)? {
                    with_tasks.push((run, task));
                }
            }
            let boots = store::runs::list_boots_of_open(snapshot.connection)?;
            Ok((with_tasks, HashMap::from_iter(boots)))
        })
        .await?;
    let attended = deps.list_workers.ask(ListWorkers).await.unwrap_or_default();
    let is_over = |id: &RunId| !attended.contains(id) && runs.iter().all(|(run, _)| run.id != *id);
    for run_id in dirs.into_iter().filter(is_over) {
        actix::spawn(tidy_up(deps.clone(), run_id));
    }
    for (run, task) in runs {
        if !attended.contains(&run.id) {
            let boot = boots.remove(&run.id);
            hand_over(deps, run, task, boot).await;
        }
    }
    Ok(())
}

/// Removes what a daemon that died after closing a run has left of it.
async fn tidy_up(deps: CrashDetectorDeps, run_id: RunId) {
    let mut pause = LOOK_AGAIN;
    loop {
        let left = remove_left_over(&deps.context.run_dir(run_id), &deps.context.incarnation());
        match left {
            // It is about to end, or it was given up by a person because its tree does not die: then it may take long.
            Ok(LeftOver::ShimLives) => {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(TIDY_PAUSE_MAX);
            }
            Ok(LeftOver::Removed) => {
                return tracing::info!(run = run_id, "files of a closed run removed");
            }
            Ok(LeftOver::OtherLife) => return,
            Err(error) => {
                return tracing::warn!(run = run_id, %error, "files of a closed run cannot be removed");
            }
        }
    }
}

async fn look_at_one(deps: &CrashDetectorDeps, run_id: RunId) -> LookResult {
    let found = deps
        .readers
        .read(Caller::System { part: "crash-detector" }, move |snapshot| {
            let run = store::runs::get(snapshot.connection, run_id)?;
            let Some(run) = run.filter(Run::is_open) else { return Ok(None) };
            let task = store::tasks::get(snapshot.connection, &run.task_id)?;
            Ok(task.map(|task| (run, task)))
        })
        .await?;
    if let Some((run, task)) = found {
        // Its worker actor was of this daemon, so it is of this boot.
        hand_over(deps, run, task, None).await;
    }
    Ok(())
}

/// Finds out what became of a run and has a worker built for it. `boot` is the one in which its worker was seen, when it was.
async fn hand_over(deps: &CrashDetectorDeps, run: Run, task: Task, boot: Option<String>) {
    let run_id = run.id;
    let seed = loop {
        match what_became_of(deps, &run, &task, boot.as_deref()) {
            Ok(Some(seed)) => break seed,
            // The shim has its lock and not yet said who it is: it is about to.
            Ok(None) => tokio::time::sleep(LOOK_AGAIN).await,
            Err(error) => {
                tracing::error!(run = run_id, %error, "what became of a run cannot be found out");
                tokio::time::sleep(LOOK_AGAIN * 50).await;
            }
        }
    };
    tracing::info!(run = run_id, task = %task.id, board = %task.board, adopted = matches!(seed, WorkerSeed::Adopted(_)), "open run found");
    deps.start_worker.tell(StartWorker { seed, started: None });
}

fn what_became_of(
    deps: &CrashDetectorDeps,
    run: &Run,
    task: &Task,
    boot: Option<&str>,
) -> std::io::Result<Option<WorkerSeed>> {
    let dir = deps.context.run_dir(run.id);
    let log_tail = || evidence::log_tail(&deps.context.log_path(&task.id, run.id));
    // No lock outlives its boot: where one is held, it is the boot id that is told differently (a container has its own).
    if let Some(boot) = boot
        && boot_id()? != boot
        && !is_shim_alive(&dir)?
    {
        return Ok(Some(of_another_boot(run, task, &dir, log_tail())));
    }
    let spec = read_spec(&dir)?;
    let verdict_mode = spec.as_ref().map_or(VerdictMode::Report, verdict_mode_of);
    let ended = |evidence| {
        let board = task.board.clone();
        WorkerSeed::Ended(Box::new(EndedRun { run: run.clone(), board, verdict_mode, evidence }))
    };
    let adopted = |identity: &RunIdentity| {
        WorkerSeed::Adopted(Box::new(AdoptedRun {
            run: run.clone(),
            task: task.clone(),
            shim: identity.shim.clone(),
            worker: identity.worker.clone(),
        }))
    };
    if spec.is_some_and(|spec| spec.incarnation != deps.context.incarnation()) {
        return Ok(Some(ended(Evidence::of(ProcessEnd::NotStarted))));
    }
    let is_other_boot =
        |identity: &ProcessIdentity| boot_id().map(|boot_id| boot_id != identity.boot_id);
    let inspection = inspect(&dir)?;
    Ok(match &inspection {
        Inspection::Alive(None) => None,
        Inspection::Alive(Some(identity)) => Some(adopted(identity)),
        Inspection::ShimDied(identity) if is_other_boot(&identity.shim)? => {
            Some(ended(evidence::of_restarted_host(log_tail())))
        }
        Inspection::ShimDied(identity)
            if !end_remains(
                &dir,
                identity.worker.as_ref(),
                deps.context.holder.as_ref(),
                REMAINS_PATIENCE,
            ) =>
        {
            // Not over. Its worker actor keeps the slot and goes on killing.
            Some(adopted(identity))
        }
        Inspection::ShimDied(_) => evidence::of_inspection(&inspection, log_tail()).map(ended),
        Inspection::Ended(_) | Inspection::NeverStarted => {
            evidence::of_inspection(&inspection, log_tail()).map(ended)
        }
    })
}

/// No process of another boot is there any more, and its numbers belong to others now: nobody is looked for, nobody signalled.
/// What a power cut has left of the files may be damaged and is only believed where it is whole.
fn of_another_boot(run: &Run, task: &Task, dir: &RunDir, log_tail: Option<String>) -> WorkerSeed {
    let verdict_mode =
        read_spec(dir).ok().flatten().map_or(VerdictMode::Report, |spec| verdict_mode_of(&spec));
    let evidence = match read_exit(dir) {
        Ok(Some(record)) => evidence::of_record(&record, log_tail),
        Ok(None) | Err(_) => evidence::of_restarted_host(log_tail),
    };
    let board = task.board.clone();
    WorkerSeed::Ended(Box::new(EndedRun { run: run.clone(), board, verdict_mode, evidence }))
}
