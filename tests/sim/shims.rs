//! Shims and the trees below them: the real stop ladder, and processes that do what chance says.

use kanband::kernel::caller::Caller;
use kanband::kernel::error::VerbError;
use kanband::kernel::ids::RunId;
use kanband::kernel::outcome::{Evidence, ProcessEnd};
use kanband::kernel::start_fault::FailedStep;
use kanband::kernel::verbs::{
    ApproveTask, AskTask, BlockTask, CompleteTask, HeartbeatTask, RequestChanges,
};
use kanband::shim::ladder::{Action, Event, Ladder, Round};

use crate::processes::{Identity, Role};
use crate::world::{GRACE_MS, Happens, MAX_RUNTIME_MS, News, World};

/// The files of one run.
#[derive(Debug, Default, Clone)]
pub struct RunFiles {
    pub has_spec: bool,
    pub locked_by: Option<Identity>,
    /// The shim and, once started, the worker.
    pub identity: Option<(Identity, Option<Identity>)>,
    pub exit: Option<Evidence>,
    /// Outlives the directory.
    pub has_log: bool,
    /// The directory was removed: the daemon sees nothing of the rest, and the shim can write no record.
    pub is_removed: bool,
}

#[derive(Debug)]
pub struct Shim {
    pub run_id: RunId,
    pub ladder: Option<Ladder>,
    pub worker: Option<Identity>,
    pub worker_end: Option<ProcessEnd>,
    pub worker_ended_ms: u64,
    pub started_ms: u64,
    /// Its record is written, or cannot be.
    pub has_ended: bool,
    /// What the worker will do, in order.
    pub deeds: Vec<Deed>,
}

#[derive(Debug, Clone, Copy)]
pub enum Deed {
    Complete,
    Block,
    Ask,
    Heartbeat,
    Fork,
    Exit(i32),
}

impl World {
    /// Whether the lock of the run is held by a shim that lives.
    pub fn is_locked(&self, run_id: RunId) -> bool {
        let holder = self.files.get(&run_id).and_then(|files| files.locked_by);
        holder.is_some_and(|shim| self.processes.is_alive(shim))
    }

    pub fn shim_locks(&mut self, shim: Identity, run_id: RunId) {
        if !self.processes.is_alive(shim) {
            return;
        }
        let is_locked = self.is_locked(run_id);
        let files = self.files.entry(run_id).or_default();
        if is_locked || files.is_removed || !files.has_spec || files.identity.is_some() {
            return self.after(0, Happens::ShimExits { shim, run_id });
        }
        files.locked_by = Some(shim);
        files.identity = Some((shim, None));
        self.soon(10, Happens::ShimExecs { shim, run_id });
    }

    pub fn shim_execs(&mut self, shim: Identity, run_id: RunId) {
        if !self.processes.is_alive(shim) {
            return;
        }
        if self.one_in(12) {
            let end = ProcessEnd::StartFailed {
                step: FailedStep::Program,
                message: "program was not found".into(),
                errno: Some(2),
            };
            return self.record_is_there(shim, run_id, Evidence::of(end));
        }
        let worker = self.processes.spawn(run_id, Role::Worker);
        self.totals.starts += 1;
        let deeds = self.some_deeds();
        let (ignores, hangs) = (self.one_in(4), self.one_in(25));
        let hangs_until_ms = if hangs { self.now_ms + 30_000 + self.below(60_000) } else { 0 };
        let process = self.processes.get_mut(worker).unwrap();
        process.ignores_term = ignores;
        process.hangs_until_ms = hangs_until_ms;
        let now_ms = self.now_ms;
        let state = self.shims.get_mut(&shim).unwrap();
        state.worker = Some(worker);
        state.started_ms = now_ms;
        state.ladder = Some(Ladder::new(now_ms, Some(MAX_RUNTIME_MS), GRACE_MS));
        state.deeds = deeds;
        let files = self.files.get_mut(&run_id).unwrap();
        files.identity = Some((shim, Some(worker)));
        files.has_log = true;
        self.after(MAX_RUNTIME_MS, Happens::ShimLooks { shim, run_id });
        self.tell(run_id, News::WorkerStarted);
        self.soon(3000, Happens::WorkerActs { worker, run_id });
    }

    fn some_deeds(&mut self) -> Vec<Deed> {
        let exit = Deed::Exit([0, 0, 0, 1, 3, 75][self.below(6) as usize]);
        // The last is done first.
        let mut deeds = match self.below(11) {
            0 => vec![exit],
            1 | 2 => vec![Deed::Exit(0), Deed::Complete],
            3 => vec![Deed::Exit(0), Deed::Block],
            // Goes on after its word, and says it twice.
            4 => vec![Deed::Heartbeat, Deed::Heartbeat, Deed::Complete, Deed::Complete],
            5 => vec![exit, Deed::Heartbeat],
            // Hangs.
            6 => vec![],
            // Asks twice, for the answer did not come.
            8 => vec![exit, Deed::Complete, Deed::Heartbeat, Deed::Ask, Deed::Ask],
            9 => vec![exit, Deed::Heartbeat, Deed::Ask],
            10 => vec![Deed::Exit(0), Deed::Block, Deed::Ask],
            _ => vec![exit, Deed::Complete, Deed::Heartbeat],
        };
        if self.one_in(3) {
            deeds.push(Deed::Fork);
        }
        deeds
    }

    pub fn worker_acts(&mut self, worker: Identity, run_id: RunId) {
        if !self.processes.is_alive(worker) {
            return;
        }
        let holder = self.files.get(&run_id).and_then(|files| files.locked_by);
        let Some(deed) = holder.and_then(|shim| self.shims.get_mut(&shim)?.deeds.pop()) else {
            return;
        };
        match deed {
            Deed::Exit(code) => {
                return self.after(0, Happens::Dies { process: worker, code: Some(code) });
            }
            Deed::Fork => {
                let ignores = self.one_in(2);
                let child = self.processes.spawn(run_id, Role::Descendant);
                self.processes.get_mut(child).unwrap().ignores_term = ignores;
            }
            Deed::Complete | Deed::Block | Deed::Ask | Deed::Heartbeat => {
                if self.daemon.is_none() {
                    // Nobody answers: asked again.
                    let shim = self.shims.get_mut(&holder.unwrap()).unwrap();
                    shim.deeds.push(deed);
                    return self.after(50, Happens::WorkerActs { worker, run_id });
                }
                self.worker_calls(run_id, deed);
            }
        }
        self.soon(1500, Happens::WorkerActs { worker, run_id });
    }

    /// A call under the run's own name. A run that is over, or not its task's, changes nothing.
    fn worker_calls(&mut self, run_id: RunId, deed: Deed) {
        let run = self.run(run_id);
        let task = self.bench.task(&run.task_id);
        let caller = Caller::Worker {
            run_id,
            task_id: task.id.clone(),
            board: task.board.clone(),
            profile: run.profile.clone().unwrap_or_default(),
        };
        let id = task.id.to_string();
        let is_current = task.current_run_id == Some(run_id);
        let summary = Some("done".to_owned());
        let answer = match deed {
            Deed::Complete if run.is_review() && (run_id % 2 == 0) => {
                let what = "more tests".to_owned();
                self.bench.by(&caller, &RequestChanges { id, what, board: None }).map(drop)
            }
            Deed::Complete if run.is_review() => {
                self.bench.by(&caller, &ApproveTask { id, summary, board: None }).map(drop)
            }
            Deed::Complete => self
                .bench
                .by(&caller, &CompleteTask { id, summary, ..CompleteTask::default() })
                .map(drop),
            Deed::Block => {
                let question = (run_id % 2 == 0).then(|| "which key?".to_owned());
                let reason = Some("help".to_owned());
                let verb = BlockTask { id, reason, question, ..BlockTask::default() };
                self.bench.by(&caller, &verb).map(drop)
            }
            Deed::Ask => {
                let timeout_seconds = (run_id % 3 == 0).then_some(1);
                let question = format!("which key for run {run_id}?");
                let verb = AskTask { id, question, timeout_seconds, ..AskTask::default() };
                self.bench.by(&caller, &verb).map(drop)
            }
            _ => self
                .bench
                .by(&caller, &HeartbeatTask { id, note: None, claimer: None, board: None })
                .map(drop),
        };
        match answer {
            Ok(()) => {
                let says_it_again = run.outcome.is_some_and(|outcome| {
                    matches!(
                        (deed, outcome.as_str()),
                        (Deed::Complete, "completed") | (Deed::Block, "blocked")
                    )
                });
                assert!(is_current || says_it_again, "a stale run {run_id} was heard: {deed:?}");
                self.route_signals();
            }
            Err(VerbError::Refused(refusal)) => {
                assert!(!is_current, "the current run {run_id} was refused: {refusal}");
                self.totals.stale_calls_refused += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }

    pub fn shim_event(&mut self, shim: Identity, run_id: RunId, event: Event) {
        if !self.processes.is_alive(shim) {
            return;
        }
        let now_ms = self.now_ms;
        let Some(ladder) = self.shims.get_mut(&shim).and_then(|shim| shim.ladder.as_mut()) else {
            // Asked before it has begun: it looks when it has.
            if event == Event::StopAsked {
                self.after(5, Happens::ShimSignalled { shim, run_id });
            }
            return;
        };
        let action = ladder.apply(event, now_ms);
        match action {
            Action::Nothing => {}
            Action::Terminate => self.signal_tree(run_id, false),
            Action::Kill => {
                self.signal_tree(run_id, true);
                let round = Round { has_killed: true, has_found_new: false };
                let ladder = self.shims.get_mut(&shim).unwrap().ladder.as_mut().unwrap();
                ladder.round_done(round, now_ms);
            }
        }
        let ladder = self.shims[&shim].ladder.as_ref().unwrap();
        if let Some(at_ms) = ladder.wake_at_ms()
            && (action != Action::Nothing || event != Event::Time)
        {
            self.after(at_ms.saturating_sub(now_ms).max(1), Happens::ShimLooks { shim, run_id });
        }
        if self.shims[&shim].ladder.as_ref().unwrap().is_empty() {
            self.write_record(shim, run_id);
        }
    }

    /// Signals every process of the tree by its full name; what hangs dies later, what ignores TERM does not.
    pub fn signal_tree(&mut self, run_id: RunId, is_kill: bool) {
        for process in self.processes.tree(run_id) {
            let found = self.processes.get(process).unwrap();
            if !is_kill && found.ignores_term {
                continue;
            }
            let hangs_ms = found.hangs_until_ms.saturating_sub(self.now_ms);
            let ms = hangs_ms + self.below(3);
            self.after(ms, Happens::Dies { process, code: None });
        }
    }

    pub fn dies(&mut self, process: Identity, code: Option<i32>) {
        let Some(gone) = self.processes.remove(process) else { return };
        assert_eq!(gone.identity, process, "another process was hit");
        if gone.role == Role::Shim {
            return;
        }
        let run_id = gone.run_id;
        let Some(shim) = self.files.get(&run_id).and_then(|files| files.locked_by) else { return };
        if !self.processes.is_alive(shim) {
            return;
        }
        let (now_ms, is_empty) = (self.now_ms, self.processes.tree(run_id).is_empty());
        let state = self.shims.get_mut(&shim).unwrap();
        let is_worker = state.worker == Some(process);
        if is_worker {
            state.worker_ended_ms = now_ms;
            state.worker_end = Some(code.map_or(ProcessEnd::Signalled(15), ProcessEnd::Exited));
        }
        let event = match (is_empty, is_worker) {
            (true, _) => Event::TreeEmpty,
            (false, true) => Event::WorkerEnded,
            (false, false) => Event::OtherEnded,
        };
        self.shim_event(shim, run_id, event);
    }

    fn write_record(&mut self, shim: Identity, run_id: RunId) {
        if self.shims[&shim].has_ended {
            return;
        }
        assert!(self.processes.tree(run_id).is_empty(), "a record before the tree was empty");
        let state = &self.shims[&shim];
        let ladder = state.ladder.as_ref().unwrap();
        let mut evidence = Evidence::of(state.worker_end.clone().unwrap());
        evidence.timed_out = ladder.timed_out();
        evidence.stop_requested = ladder.stop_requested();
        evidence.killed = ladder.killed();
        self.record_is_there(shim, run_id, evidence);
    }

    /// A shim whose directory was removed has nowhere to write its record, and ends.
    fn record_is_there(&mut self, shim: Identity, run_id: RunId, evidence: Evidence) {
        self.shims.get_mut(&shim).unwrap().has_ended = true;
        let files = self.files.get_mut(&run_id).unwrap();
        if !files.is_removed {
            files.exit = Some(evidence);
            self.tell(run_id, News::ExitRecorded);
        }
        self.soon(60, Happens::ShimExits { shim, run_id });
    }

    pub fn shim_exits(&mut self, shim: Identity, run_id: RunId) {
        if self.processes.remove(shim).is_some() {
            self.tell(run_id, News::ShimGone);
        }
    }

    /// `kill -9` of a shim. Nobody is left to reap its tree.
    pub fn some_shim_dies(&mut self) {
        let shims: Vec<_> = self
            .processes
            .all()
            .filter(|process| process.role == Role::Shim)
            .map(|process| (process.identity, process.run_id))
            .collect();
        if shims.is_empty() {
            return;
        }
        let (shim, run_id) = shims[self.below(shims.len() as u64) as usize];
        self.totals.shim_deaths += 1;
        self.processes.remove(shim);
        self.tell(run_id, News::ShimGone);
    }
}
