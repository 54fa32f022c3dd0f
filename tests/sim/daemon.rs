//! The daemon's side: dispatcher, worker actors and crash detector as their decisions, without their mailboxes.

use std::collections::BTreeMap;

use kanband::actors::worker::phase::{Act, Happening, Phase};
use kanband::kernel::caller::Caller;
use kanband::kernel::ids::RunId;
use kanband::kernel::outcome::Evidence;
use kanband::kernel::run::{Run, RunState};
use kanband::kernel::store;
use kanband::kernel::tx::Signal;
use kanband::kernel::verbs::{
    ClampTimes, CloseRun, FireTimer, MakeOccurrences, ProcessIds, PromoteReleased, RecordDoubt,
    RecordRunState, RecordSpawned,
};

use crate::looks::Seeing;
use crate::processes::{Identity, Process, Role};
use crate::shims::Shim;
use crate::world::{GRACE_MS, Happens, LINGER_MS, News, Rings, World};

/// Looks at a shim that has not said who it is, before it is taken over by what the process table says.
const BEGINNING_LOOKS: u32 = 100;

#[derive(Debug)]
pub struct Daemon {
    pub number: u32,
    pub actors: BTreeMap<RunId, Actor>,
    /// How often it has looked at runs whose shim has not said who it is.
    beginning_looks: BTreeMap<RunId, u32>,
    pub is_pass_due: bool,
}

/// A worker actor.
#[derive(Debug)]
pub struct Actor {
    pub phase: Phase,
    shim: Option<Identity>,
    is_worker_seen: bool,
    is_shim_gone: bool,
    is_adopted: bool,
    evidence: Option<Evidence>,
    /// Number of the timer that counts; earlier ones ring for nobody.
    armed: u64,
}

impl Actor {
    fn new() -> Self {
        Self {
            phase: Phase::Launching { stop_asked: false },
            shim: None,
            is_worker_seen: false,
            is_shim_gone: false,
            is_adopted: false,
            evidence: None,
            armed: 0,
        }
    }
}

fn system() -> Caller {
    Caller::System { part: "worker" }
}

impl World {
    pub fn run(&self, run_id: RunId) -> Run {
        self.bench
            .board
            .read::<_, kanband::kernel::error::Fault>(|c| store::runs::get(c, run_id))
            .unwrap()
            .unwrap()
    }

    pub fn open_runs(&self) -> Vec<Run> {
        self.bench
            .board
            .read::<_, kanband::kernel::error::Fault>(store::runs::list_open_supervised)
            .unwrap()
    }

    pub fn daemon_starts(&mut self) {
        if self.daemon.is_some() {
            return;
        }
        self.daemons += 1;
        let number = self.daemons;
        self.daemon = Some(Daemon {
            number,
            actors: BTreeMap::new(),
            beginning_looks: BTreeMap::new(),
            is_pass_due: false,
        });
        self.bench.by(&Caller::System { part: "daemon" }, &ClampTimes).unwrap();
        let released = self
            .bench
            .board
            .read::<_, kanband::kernel::error::Fault>(store::tasks::list_promotable)
            .unwrap();
        assert!(released.is_empty(), "an edge was lost: {released:?}");
        self.bench.by(&system(), &PromoteReleased { ids: released }).unwrap();
        self.audit();
        self.after(60_000, Happens::Audit { daemon: number });
        self.pass_at_breakers();
        self.fire_timer();
    }

    /// A pass when a breaker may let a start through.
    fn pass_at(&mut self, until: i64) {
        let Some(daemon) = &self.daemon else { return };
        let number = daemon.number;
        let wait_ms = u64::try_from((until - self.bench.now).max(0)).unwrap() * 1000 + 20;
        self.after(wait_ms, Happens::Pass { daemon: number });
    }

    /// Open runs without an actor get one; files of closed runs, left by a daemon that died over them, go.
    pub fn audit(&mut self) {
        let (number, open) = (self.daemons, self.open_runs());
        for run in &open {
            self.soon(20, Happens::Adopt { daemon: number, run_id: run.id });
        }
        let attended = &self.daemon.as_ref().unwrap().actors;
        let is_over = |run_id: &RunId| {
            !open.iter().any(|run| run.id == *run_id) && !attended.contains_key(run_id)
        };
        let over: Vec<RunId> = self.files.keys().copied().filter(is_over).collect();
        for run_id in over {
            let has_shim = |one: &Process| one.run_id == run_id && one.role == Role::Shim;
            if !self.is_locked(run_id) && !self.processes.all().any(has_shim) {
                self.files.remove(&run_id);
            }
        }
    }

    pub fn daemon_dies(&mut self) {
        if self.daemon.take().is_some() {
            self.totals.daemon_deaths += 1;
            self.soon(3000, Happens::DaemonStarts);
        }
    }

    pub fn host_reboots(&mut self) {
        self.totals.reboots += 1;
        self.processes.reboot();
        self.daemon = None;
        self.soon(5000, Happens::DaemonStarts);
    }

    pub fn wake(&mut self) {
        let Some(daemon) = &mut self.daemon else { return };
        if !std::mem::replace(&mut daemon.is_pass_due, true) {
            let number = daemon.number;
            self.soon(5, Happens::Pass { daemon: number });
        }
    }

    pub fn pass(&mut self) {
        let number = self.daemon.as_ref().unwrap().number;
        self.daemon.as_mut().unwrap().is_pass_due = false;
        let reply = self.bench.pass();
        for order in &reply.orders {
            self.soon(20, Happens::Launch { daemon: number, run_id: order.run_id });
        }
        if let Some(at) = reply.next_due {
            self.fire_at(at);
        }
        self.route_signals();
        self.pass_at_breakers();
        if reply.has_more {
            self.wake();
        }
    }

    /// The timer rings at a time of the wall clock.
    fn fire_at(&mut self, at: i64) {
        let Some(daemon) = &self.daemon else { return };
        let number = daemon.number;
        let wait_ms = u64::try_from((at - self.bench.now).max(0)).unwrap() * 1000 + 20;
        self.after(wait_ms, Happens::TimerFires { daemon: number });
    }

    /// The timer reports a step of the clock at once.
    pub fn clock_was_set(&mut self) {
        if let Some(daemon) = &self.daemon {
            let number = daemon.number;
            self.soon(5, Happens::TimerFires { daemon: number });
        }
    }

    /// Does what is due, and has a pass follow.
    pub fn fire_timer(&mut self) {
        let timer = Caller::System { part: "timer" };
        let mut reply = self.bench.by(&timer, &FireTimer).unwrap();
        self.route_signals();
        if reply.has_occurrences {
            reply = self.bench.by(&timer, &MakeOccurrences).unwrap();
            self.route_signals();
        }
        if let Some(at) = reply.next_due.filter(|at| *at > self.bench.now) {
            self.fire_at(at);
        }
        self.wake();
    }

    /// A pass when a breaker may let a start through; after a clock step another one than was planned.
    fn pass_at_breakers(&mut self) {
        let read = |connection: &store::Connection| store::breakers::list(connection);
        for breaker in self.bench.board.read::<_, kanband::kernel::error::Fault>(read).unwrap() {
            if let Some(until) = breaker.open_until.filter(|until| *until > self.bench.now) {
                self.pass_at(until);
            }
        }
    }

    /// What the last request has caused, to whom it concerns. Nobody there: nobody hears it.
    pub fn route_signals(&mut self) {
        for signal in std::mem::take(&mut self.bench.signals) {
            match signal {
                Signal::DispatchDue => self.wake(),
                Signal::TimeSet { at } => self.fire_at(at),
                Signal::VerdictGiven { run_id, by_worker } => {
                    self.tell(run_id, News::Verdict { by_worker });
                }
                Signal::StopRun { run_id } => self.tell(run_id, News::StopAsked),
                Signal::BreakerMoved { open_until: Some(until), .. } => self.pass_at(until),
                Signal::RunStateMoved { .. }
                | Signal::FactsMoved
                | Signal::OutboxMoved
                | Signal::BreakerMoved { open_until: None, .. }
                | Signal::ProfileWanted { .. }
                | Signal::WaitMoved { .. }
                | Signal::RunClosed { .. } => {}
            }
        }
    }

    pub fn tell(&mut self, run_id: RunId, news: News) {
        if let Some(daemon) = &self.daemon {
            let number = daemon.number;
            self.soon(4, Happens::Told { daemon: number, run_id, news });
        }
    }

    pub fn launch(&mut self, run_id: RunId) {
        let number = self.daemon.as_ref().unwrap().number;
        self.daemon.as_mut().unwrap().actors.insert(run_id, Actor::new());
        self.files.entry(run_id).or_default().has_spec = true;
        self.soon(10, Happens::ForkShim { daemon: number, run_id });
    }

    pub fn fork_shim(&mut self, run_id: RunId) {
        if !self.daemon.as_ref().unwrap().actors.contains_key(&run_id) {
            return;
        }
        let shim = self.processes.spawn(run_id, Role::Shim);
        let state = Shim {
            run_id,
            ladder: None,
            worker: None,
            worker_end: None,
            worker_ended_ms: 0,
            started_ms: self.now_ms,
            has_ended: false,
            deeds: Vec::new(),
        };
        self.shims.insert(shim, state);
        self.soon(10, Happens::ShimLocks { shim, run_id });
        self.actor(run_id).shim = Some(shim);
        self.on(run_id, Happening::ShimStarted);
    }

    fn actor(&mut self, run_id: RunId) -> &mut Actor {
        self.daemon.as_mut().unwrap().actors.get_mut(&run_id).unwrap()
    }

    /// What became of an open run without an actor.
    pub fn adopt(&mut self, run_id: RunId) {
        let number = self.daemon.as_ref().unwrap().number;
        let run = self.run(run_id);
        if !run.is_open() || self.daemon.as_ref().unwrap().actors.contains_key(&run_id) {
            return;
        }
        match self.see(run_id) {
            Seeing::Alive(shim, worker) => self.take_over(&run, shim, worker),
            Seeing::Beginning(shim) => {
                let looks = &mut self.daemon.as_mut().unwrap().beginning_looks;
                let looks = looks.entry(run_id).or_default();
                *looks += 1;
                match shim {
                    Some(shim) if *looks > BEGINNING_LOOKS => self.take_over(&run, shim, None),
                    Some(_) | None => self.after(10, Happens::Adopt { daemon: number, run_id }),
                }
            }
            Seeing::Remains => {
                self.signal_tree(run_id, true);
                self.after(500, Happens::Adopt { daemon: number, run_id });
            }
            Seeing::Unknown(why) => {
                self.record_doubt(run_id, why);
                self.after(500, Happens::Adopt { daemon: number, run_id });
            }
            Seeing::Over(evidence) => {
                // Nothing starts by it from here on.
                self.files.entry(run_id).or_default().has_spec = false;
                let actor = Actor {
                    phase: Phase::Closing,
                    evidence: Some(evidence),
                    is_shim_gone: true,
                    ..Actor::new()
                };
                self.daemon.as_mut().unwrap().actors.insert(run_id, actor);
                self.submit_close(run_id);
            }
        }
    }

    fn take_over(&mut self, run: &Run, shim: Identity, worker: Option<Identity>) {
        let run_id = run.id;
        self.totals.adopted += 1;
        let actor = Actor { shim: Some(shim), is_adopted: true, ..Actor::new() };
        self.daemon.as_mut().unwrap().actors.insert(run_id, actor);
        self.on(run_id, Happening::ShimStarted);
        match worker {
            Some(_) => self.worker_seen(run_id),
            None => self.look_for_worker(run_id),
        }
        if run.ended_at.is_some() {
            let own = format!("run:{run_id}");
            let by_worker = run.verdict_by == Some(own) && run.state == RunState::Finishing;
            self.on(run_id, Happening::Verdict { by_worker });
        }
        // It may have gone before it could be watched.
        if !self.processes.is_alive(shim) {
            self.hear(run_id, News::ShimGone);
        }
    }

    fn record_doubt(&mut self, run_id: RunId, why: String) {
        self.totals.doubts += 1;
        self.bench.by(&system(), &RecordDoubt { run_id, doubt: Some(why) }).unwrap();
    }

    fn look_for_worker(&mut self, run_id: RunId) {
        let files = self.files.get(&run_id).filter(|files| !files.is_removed);
        let seen = files.and_then(|files| files.identity?.1).is_some();
        let number = self.daemon.as_ref().unwrap().number;
        if seen {
            self.worker_seen(run_id);
        } else if !matches!(self.actor(run_id).phase, Phase::Closing | Phase::Closed) {
            let rings = Rings::LookAgain;
            self.after(10, Happens::Timer { daemon: number, run_id, armed: 0, rings });
        }
    }

    pub fn hear(&mut self, run_id: RunId, news: News) {
        if !self.daemon.as_ref().unwrap().actors.contains_key(&run_id) {
            return;
        }
        match news {
            News::WorkerStarted => self.worker_seen(run_id),
            News::ExitRecorded => self.on(run_id, Happening::ExitRecorded),
            News::ShimGone => {
                self.actor(run_id).is_shim_gone = true;
                self.on(run_id, Happening::ShimGone);
            }
            News::StopAsked => self.on(run_id, Happening::StopAsked),
            News::Verdict { by_worker } => self.on(run_id, Happening::Verdict { by_worker }),
        }
    }

    fn worker_seen(&mut self, run_id: RunId) {
        if !std::mem::replace(&mut self.actor(run_id).is_worker_seen, true) {
            self.on(run_id, Happening::WorkerStarted);
        }
    }

    pub fn timer(&mut self, run_id: RunId, armed: u64, rings: Rings) {
        let Some(actor) = self.daemon.as_ref().unwrap().actors.get(&run_id) else { return };
        match rings {
            Rings::LookAgain => {
                if !actor.is_worker_seen {
                    self.look_for_worker(run_id);
                }
            }
            Rings::CloseAgain => self.close(run_id),
            Rings::SpawnTimeout | Rings::LingerOver | Rings::LadderTimeout => {
                if actor.armed == armed && !self.is_begun_after_all(run_id, rings) {
                    self.on(run_id, rings.happening().unwrap());
                }
            }
        }
    }

    /// The time for a start is over: an adopted run is looked for once more, and one whose state is unknown is not ended.
    fn is_begun_after_all(&mut self, run_id: RunId, rings: Rings) -> bool {
        let actor = &self.daemon.as_ref().unwrap().actors[&run_id];
        if rings != Rings::SpawnTimeout || actor.is_worker_seen || !actor.is_adopted {
            return false;
        }
        let is_readable = self.files.get(&run_id).is_some_and(|files| !files.is_removed);
        match self.worker_by_process_table(run_id) {
            Some(_) => self.worker_seen(run_id),
            None if is_readable => return false,
            None => self.arm(run_id, 10_000, Rings::SpawnTimeout),
        }
        true
    }

    fn on(&mut self, run_id: RunId, happening: Happening) {
        let actor = self.actor(run_id);
        let (phase, acts) = actor.phase.after(happening);
        actor.phase = phase;
        let is_shim_gone = actor.is_shim_gone;
        for act in acts {
            self.act(run_id, *act);
        }
        let is_there = self.daemon.as_ref().unwrap().actors.contains_key(&run_id);
        if is_there && phase == Phase::Closed && is_shim_gone && happening != Happening::ShimGone {
            self.on(run_id, Happening::ShimGone);
        }
    }

    fn act(&mut self, run_id: RunId, act: Act) {
        match act {
            Act::RecordSpawned => self.record_spawned(run_id),
            Act::ArmSpawnTimeout => self.arm(run_id, 10_000, Rings::SpawnTimeout),
            Act::ArmLinger => self.arm(run_id, LINGER_MS, Rings::LingerOver),
            Act::Stop => {
                self.record_state(run_id, RunState::Stopping);
                if let Some(shim) = self.actor(run_id).shim {
                    self.soon(4, Happens::ShimSignalled { shim, run_id });
                }
                self.arm(run_id, GRACE_MS + 5000, Rings::LadderTimeout);
            }
            Act::TellUnkillable => {
                self.totals.unkillable += 1;
                self.record_state(run_id, RunState::Unkillable);
            }
            Act::Close => self.close(run_id),
            Act::CloseAgain => {
                let daemon = self.daemon.as_ref().unwrap().number;
                let rings = Rings::CloseAgain;
                self.after(1000, Happens::Timer { daemon, run_id, armed: 0, rings });
            }
            Act::Collect => {}
            Act::Finish => {
                self.daemon.as_mut().unwrap().actors.remove(&run_id);
                self.files.remove(&run_id);
            }
        }
    }

    fn arm(&mut self, run_id: RunId, ms: u64, rings: Rings) {
        let daemon = self.daemon.as_ref().unwrap().number;
        let actor = self.actor(run_id);
        actor.armed += 1;
        let armed = actor.armed;
        self.after(ms, Happens::Timer { daemon, run_id, armed, rings });
    }

    fn record_spawned(&mut self, run_id: RunId) {
        // It is known from the status pipe, from the file, or from the process table.
        let Some(shim) = self.actor(run_id).shim else { return };
        let Some(worker) = self.shims[&shim].worker else { return };
        let ids = ProcessIds {
            boot_id: shim.boot.to_string(),
            shim_pid: i64::from(shim.pid),
            shim_start_ticks: shim.ticks as i64,
            worker_pid: i64::from(worker.pid),
            worker_start_ticks: worker.ticks as i64,
        };
        self.bench.by(&system(), &RecordSpawned { run_id, ids, launch: None }).unwrap();
        self.route_signals();
    }

    fn record_state(&mut self, run_id: RunId, state: RunState) {
        self.bench.by(&system(), &RecordRunState { run_id, state }).unwrap();
        self.route_signals();
    }

    fn close(&mut self, run_id: RunId) {
        self.actor(run_id).armed += 1;
        if self.actor(run_id).evidence.is_none() {
            match self.see(run_id) {
                Seeing::Over(evidence) => self.actor(run_id).evidence = Some(evidence),
                Seeing::Remains => {
                    self.signal_tree(run_id, true);
                    return self.act(run_id, Act::CloseAgain);
                }
                Seeing::Unknown(why) => {
                    self.record_doubt(run_id, why);
                    return self.act(run_id, Act::CloseAgain);
                }
                // Its record is there before it is gone.
                Seeing::Alive(..) | Seeing::Beginning(_) => {
                    let recorded = self.files.get(&run_id).filter(|files| !files.is_removed);
                    match recorded.and_then(|files| files.exit.clone()) {
                        Some(evidence) => self.actor(run_id).evidence = Some(evidence),
                        None => return self.act(run_id, Act::CloseAgain),
                    }
                }
            }
        }
        self.submit_close(run_id);
    }

    fn submit_close(&mut self, run_id: RunId) {
        if !self.is_peace() && self.one_in(20) {
            self.totals.commits_failed += 1;
            return self.on(run_id, Happening::CloseFailed);
        }
        let evidence = self.actor(run_id).evidence.clone().unwrap();
        let profile = self.run(run_id).profile.unwrap_or_default();
        let verdict_mode = Self::verdict_mode(&profile);
        let verb = CloseRun { run_id, verdict_mode, evidence, launch: None };
        let reply = self.bench.by(&system(), &verb).unwrap();
        assert!(self.closed.insert(run_id) == reply.closed, "a run is closed once");
        let outcome = reply.outcome.unwrap().as_str().to_owned();
        *self.totals.outcomes.entry(outcome).or_default() += 1;
        self.route_signals();
        self.on(run_id, Happening::CloseCommitted);
    }
}
