//! RootSupervisor: starts every other actor, detects a failed one, and restarts it or ends the process.
//!
//! *Owns* the addresses of all actors and the map of runs to workers. *Receives* [`ActorDown`] from every guard,
//! [`StartWorker`], [`RunSignal`], [`ShutdownRequested`]. *Sends* whatever brings a rebuilt actor up to date. *Restarts*: never;
//! a panic here ends the process (exit 70). What it decides is [`policy::decide`].
//!
//! Order of a start: event hub, circuit breaker, notifier, doorkeeper, crash detector. When that one has looked at every open run
//! once, and has made those that live known to the API ([`AdoptionDone`]), the dispatcher and the timer are built and the API begins to answer.
//! Order of an end: the API stops taking requests and finishes those it has, then the actors go. No run is ended by it, no claim
//! given up: the shims continue.

pub mod messages;
pub mod policy;
mod watchdog;

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use actix::{Actor, Addr, AsyncContext as _, Context, Handler, System};
use tokio::sync::watch;

use crate::actors::circuit_breaker::messages::BreakerMoved;
use crate::actors::circuit_breaker::{CircuitBreaker, CircuitBreakerDeps};
use crate::actors::crash_detector::messages::{AdoptRun, AuditRuns};
use crate::actors::crash_detector::{CrashDetector, CrashDetectorDeps};
use crate::actors::dispatcher::messages::{DispatchNow, LookForProfile, Ping, Wake};
use crate::actors::dispatcher::{Dispatcher, DispatcherDeps};
use crate::actors::doorkeeper::messages::LookAtDoors;
use crate::actors::doorkeeper::{Doorkeeper, DoorkeeperDeps};
use crate::actors::event_hub::messages::Committed;
use crate::actors::event_hub::{EventFeed, EventHub, EventHubWires};
use crate::actors::guard::Guard;
use crate::actors::notifier::messages::DrainOutbox;
use crate::actors::notifier::{Notifier, NotifierDeps};
use crate::actors::reloader::SettingsChanged;
use crate::actors::timer::messages::Arm;
use crate::actors::timer::{Timer, TimerDeps};
use crate::actors::wire::Wire;
use crate::actors::worker::messages::{LookAgain, StopWorker, VerdictRecorded};
use crate::actors::worker::seed::WorkerSeed;
use crate::actors::worker::{Worker, WorkerDeps};
use crate::kernel::ids::RunId;
use crate::kernel::tx::Signal;
use crate::os::host::clock::monotonic_ms;
use crate::os::host::service_manager;
use messages::{
    ActorDown, AdoptionDone, EndProcess, ListWorkers, RunSignal, ShutdownRequested, StartWorker,
    WorkerFinished,
};
use policy::{ActorKind, Decision, decide};

/// Exit code of a process that ends because a part of it cannot go on (EX_SOFTWARE of sysexits.h).
pub const EXIT_SOFTWARE: i32 = 70;

/// Longest time that requests under way may take at a shutdown.
const DRAIN_TIME: Duration = Duration::from_millis(1200);

/// Every wire of the daemon. The root points them; everybody else holds clones of those it may use.
#[derive(Clone, Default)]
pub struct Wires {
    /// To the event hub.
    pub committed: Wire<Committed>,
    /// To the dispatcher.
    pub wake: Wire<Wake>,
    /// The same.
    pub look_for_profile: Wire<LookForProfile>,
    /// To the dispatcher.
    pub dispatch_now: Wire<DispatchNow>,
    /// To the dispatcher.
    pub ping: Wire<Ping>,
    /// To the dispatcher.
    pub settings_to_dispatcher: Wire<SettingsChanged>,
    /// To the crash detector.
    pub settings_to_crash_detector: Wire<SettingsChanged>,
    /// To the circuit breaker.
    pub breaker_moved: Wire<BreakerMoved>,
    /// To the timer.
    pub arm: Wire<Arm>,
    /// To the crash detector.
    pub adopt_run: Wire<AdoptRun>,
    /// To the crash detector.
    pub audit_runs: Wire<AuditRuns>,
    /// To the notifier.
    pub drain_outbox: Wire<DrainOutbox>,
    /// To the doorkeeper.
    pub look_at_doors: Wire<LookAtDoors>,
    /// To the root.
    pub start_worker: Wire<StartWorker>,
    /// To the root.
    pub run_signal: Wire<RunSignal>,
    /// To the root.
    pub worker_finished: Wire<WorkerFinished>,
    /// To the root.
    pub list_workers: Wire<ListWorkers>,
    /// To the root.
    pub adoption_done: Wire<AdoptionDone>,
    /// To the root.
    pub actor_down: Wire<ActorDown>,
    /// To the root.
    pub shutdown: Wire<ShutdownRequested>,
    /// To the root.
    pub end_process: Wire<EndProcess>,
}

/// Where the daemon is in its life; the API follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// Open runs are being adopted.
    Starting,
    /// Requests are answered.
    Serving,
    /// No new requests.
    Ending,
}

/// What the root needs to build everything.
pub struct RootDeps {
    /// All wires.
    pub wires: Wires,
    /// The subscribers' side of the event hub.
    pub feed: EventFeed,
    /// For workers.
    pub worker: WorkerDeps,
    /// For the dispatcher.
    pub dispatcher: DispatcherDeps,
    /// For the timer.
    pub timer: TimerDeps,
    /// For the crash detector.
    pub crash_detector: CrashDetectorDeps,
    /// For the circuit breaker.
    pub circuit_breaker: CircuitBreakerDeps,
    /// For the doorkeeper.
    pub doorkeeper: DoorkeeperDeps,
    /// For the notifier.
    pub notifier: NotifierDeps,
    /// Told how far the daemon is.
    pub life: watch::Sender<Life>,
}

/// The actor.
pub struct RootSupervisor {
    deps: RootDeps,
    workers: HashMap<RunId, Addr<Worker>>,
    /// Runs that were found to be over: nothing is started for them, not even on request.
    found_over: BTreeSet<RunId>,
    restarts_ms: HashMap<ActorKind, Vec<u64>>,
    is_ending: bool,
    is_ping_under_way: bool,
    _guard: RootGuard,
}

/// The root has nobody above it: when a panic takes it, the process has to end.
struct RootGuard;

impl Drop for RootGuard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            System::current().stop_with_code(EXIT_SOFTWARE);
        }
    }
}

impl RootSupervisor {
    /// A root that has not built anything yet.
    pub fn new(deps: RootDeps) -> Self {
        Self {
            deps,
            workers: HashMap::new(),
            found_over: BTreeSet::new(),
            restarts_ms: HashMap::new(),
            is_ending: false,
            is_ping_under_way: false,
            _guard: RootGuard,
        }
    }

    fn guard(&self, kind: ActorKind) -> Guard {
        Guard::new(kind, self.deps.wires.actor_down.clone())
    }

    fn build(&self, kind: ActorKind) {
        let guard = self.guard(kind);
        match kind {
            ActorKind::EventHub => self.build_event_hub(guard),
            ActorKind::Dispatcher => self.build_dispatcher(guard),
            ActorKind::Timer => self.build_timer(guard),
            ActorKind::CrashDetector => self.build_crash_detector(guard),
            ActorKind::CircuitBreaker => self.build_circuit_breaker(guard),
            ActorKind::Notifier => self.build_notifier(guard),
            ActorKind::Doorkeeper => self.build_doorkeeper(guard),
            ActorKind::Worker(run_id) => drop(self.deps.wires.adopt_run.tell(AdoptRun { run_id })),
            ActorKind::Database => {}
        }
    }

    /// After a rebuild signals may have been lost, so everybody looks again.
    fn build_event_hub(&self, guard: Guard) {
        let wires = &self.deps.wires;
        let hub_wires = EventHubWires {
            wake: wires.wake.clone(),
            look_for_profile: wires.look_for_profile.clone(),
            run_signal: wires.run_signal.clone(),
            breaker_moved: wires.breaker_moved.clone(),
            arm: wires.arm.clone(),
            drain_outbox: wires.drain_outbox.clone(),
        };
        let hub = EventHub::new(self.deps.feed.clone(), hub_wires, guard).start();
        wires.committed.connect(&hub);
        self.deps.feed.have_all_look_again();
        wires.wake.tell(Wake);
        wires.arm.tell(Arm { at: 0 });
        wires.drain_outbox.tell(DrainOutbox);
        self.workers.values().for_each(|worker| worker.do_send(LookAgain));
    }

    fn build_dispatcher(&self, guard: Guard) {
        let dispatcher = Dispatcher::new(self.deps.dispatcher.clone(), guard).start();
        self.deps.wires.wake.connect(&dispatcher);
        self.deps.wires.look_for_profile.connect(&dispatcher);
        self.deps.wires.dispatch_now.connect(&dispatcher);
        self.deps.wires.ping.connect(&dispatcher);
        self.deps.wires.settings_to_dispatcher.connect(&dispatcher);
        // Runs that were claimed for a dispatcher that is gone have no worker yet.
        self.deps.wires.audit_runs.tell(AuditRuns);
    }

    fn build_timer(&self, guard: Guard) {
        self.deps.wires.arm.connect(&Timer::new(self.deps.timer.clone(), guard).start());
    }

    fn build_crash_detector(&self, guard: Guard) {
        let detector = CrashDetector::new(self.deps.crash_detector.clone(), guard).start();
        self.deps.wires.adopt_run.connect(&detector);
        self.deps.wires.audit_runs.connect(&detector);
        self.deps.wires.settings_to_crash_detector.connect(&detector);
    }

    fn build_circuit_breaker(&self, guard: Guard) {
        let breaker = CircuitBreaker::new(self.deps.circuit_breaker.clone(), guard).start();
        self.deps.wires.breaker_moved.connect(&breaker);
    }

    fn build_notifier(&self, guard: Guard) {
        self.deps
            .wires
            .drain_outbox
            .connect(&Notifier::new(self.deps.notifier.clone(), guard).start());
        self.deps.wires.drain_outbox.tell(DrainOutbox);
    }

    fn build_doorkeeper(&self, guard: Guard) {
        let keeper = Doorkeeper::new(self.deps.doorkeeper.clone(), guard).start();
        self.deps.wires.look_at_doors.connect(&keeper);
    }

    fn end(&mut self, code: i32) {
        self.is_ending = true;
        self.deps.life.send_replace(Life::Ending);
        System::current().stop_with_code(code);
    }
}

impl Actor for RootSupervisor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        let root = context.address();
        let wires = &self.deps.wires;
        wires.start_worker.connect(&root);
        wires.run_signal.connect(&root);
        wires.worker_finished.connect(&root);
        wires.list_workers.connect(&root);
        wires.adoption_done.connect(&root);
        wires.actor_down.connect(&root);
        wires.shutdown.connect(&root);
        wires.end_process.connect(&root);
        for kind in [
            ActorKind::EventHub,
            ActorKind::CircuitBreaker,
            ActorKind::Notifier,
            ActorKind::Doorkeeper,
            ActorKind::CrashDetector,
        ] {
            self.build(kind);
        }
    }
}

impl Handler<AdoptionDone> for RootSupervisor {
    type Result = ();

    fn handle(&mut self, _message: AdoptionDone, context: &mut Context<Self>) {
        if *self.deps.life.borrow() == Life::Starting {
            self.deps.life.send_replace(Life::Serving);
            self.build(ActorKind::Dispatcher);
            self.build(ActorKind::Timer);
            watchdog::watch(context);
        }
    }
}

impl Handler<ActorDown> for RootSupervisor {
    type Result = ();

    fn handle(&mut self, down: ActorDown, _context: &mut Context<Self>) {
        crate::failpoint::hit("root-actor-down");
        if let ActorKind::Worker(run_id) = down.kind {
            self.workers.remove(&run_id);
        }
        if self.is_ending {
            return;
        }
        let now_ms = monotonic_ms();
        let restarts_ms = self.restarts_ms.entry(down.kind).or_default();
        match decide(down.kind, down.panicked, restarts_ms, now_ms) {
            Decision::Ignore => {}
            Decision::Rebuild => {
                tracing::error!(actor = ?down.kind, panicked = down.panicked, "an actor failed and is restarted");
                restarts_ms.push(now_ms);
                self.build(down.kind);
            }
            Decision::EndProcess => {
                tracing::error!(actor = ?down.kind, "an actor failed too often; the daemon exits");
                self.end(EXIT_SOFTWARE);
            }
        }
    }
}

impl Handler<StartWorker> for RootSupervisor {
    type Result = ();

    fn handle(&mut self, message: StartWorker, _context: &mut Context<Self>) {
        let run_id = message.seed.run_id();
        if self.is_ending || self.workers.contains_key(&run_id) {
            return;
        }
        match &message.seed {
            WorkerSeed::Claimed(_) if self.found_over.contains(&run_id) => {
                return tracing::warn!(run = run_id, "not starting a run that has ended");
            }
            WorkerSeed::Ended(_) => drop(self.found_over.insert(run_id)),
            WorkerSeed::Claimed(_) | WorkerSeed::Adopted(_) => {}
        }
        let guard = self.guard(ActorKind::Worker(run_id));
        let is_adopted = matches!(message.seed, WorkerSeed::Adopted(_));
        let worker = Worker::new(message.seed, message.started, self.deps.worker.clone(), guard);
        let worker = worker.start();
        if is_adopted {
            // Its row was read before its processes were looked at, and a signal that came since had no receiver.
            worker.do_send(LookAgain);
        }
        self.workers.insert(run_id, worker);
    }
}

impl Handler<RunSignal> for RootSupervisor {
    type Result = ();

    fn handle(&mut self, message: RunSignal, _context: &mut Context<Self>) {
        crate::failpoint::hit("root-run-signal");
        match message.signal {
            Signal::VerdictGiven { run_id, by_worker } => {
                if let Some(worker) = self.workers.get(&run_id) {
                    worker.do_send(VerdictRecorded { by_worker });
                }
            }
            Signal::StopRun { run_id } => {
                if let Some(worker) = self.workers.get(&run_id) {
                    worker.do_send(StopWorker);
                }
            }
            Signal::WaitMoved { run_id } => {
                if let Some(worker) = self.workers.get(&run_id) {
                    worker.do_send(LookAgain);
                }
            }
            Signal::RunClosed { .. }
            | Signal::DispatchDue
            | Signal::TimeSet { .. }
            | Signal::ProfileWanted { .. }
            | Signal::RunStateMoved { .. }
            | Signal::FactsMoved
            | Signal::OutboxMoved
            | Signal::BreakerMoved { .. } => {}
        }
    }
}

impl Handler<WorkerFinished> for RootSupervisor {
    type Result = ();

    fn handle(&mut self, message: WorkerFinished, _context: &mut Context<Self>) {
        self.workers.remove(&message.run_id);
        self.restarts_ms.remove(&ActorKind::Worker(message.run_id));
    }
}

impl Handler<ListWorkers> for RootSupervisor {
    type Result = Vec<RunId>;

    fn handle(&mut self, _message: ListWorkers, _context: &mut Context<Self>) -> Vec<RunId> {
        self.workers.keys().copied().collect()
    }
}

impl Handler<ShutdownRequested> for RootSupervisor {
    type Result = ();

    fn handle(&mut self, _message: ShutdownRequested, context: &mut Context<Self>) {
        if !self.is_ending {
            tracing::info!(
                workers = self.workers.len(),
                "shutting down; workers continue under their shims"
            );
            self.is_ending = true;
            service_manager::stopping("finishing requests; workers continue under their shims");
            self.deps.life.send_replace(Life::Ending);
            // The API ends the process when its last request is answered, or this does.
            context.run_later(DRAIN_TIME, |root, _| root.end(0));
        }
    }
}

impl Handler<EndProcess> for RootSupervisor {
    type Result = ();

    fn handle(&mut self, message: EndProcess, _context: &mut Context<Self>) {
        self.end(message.code);
    }
}
