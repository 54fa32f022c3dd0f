//! What must hold after every step, and at the end.

use std::collections::{BTreeMap, BTreeSet};

use kanband::kernel::error::Fault;
use kanband::kernel::ids::{RunId, TaskId};
use kanband::kernel::queries::ShowTask;
use kanband::kernel::store::check::broken_invariants;

use crate::processes::Role;
use crate::world::{GRACE_MS, World, policy};

impl World {
    pub fn check_step(&mut self, is_thorough: bool) {
        // A closed run has no process. (One run, one tree, one slot; closed means proven empty.)
        let mut trees: BTreeMap<RunId, usize> = BTreeMap::new();
        for process in self.processes.all().filter(|process| process.role != Role::Shim) {
            assert!(
                !self.closed.contains(&process.run_id),
                "run {} is closed and {process:?} lives",
                process.run_id
            );
            *trees.entry(process.run_id).or_default() += 1;
        }
        // At most one worker of a run.
        for run_id in trees.keys() {
            let workers = self
                .processes
                .all()
                .filter(|process| process.run_id == *run_id && process.role == Role::Worker);
            assert!(workers.count() <= 1, "run {run_id} was started twice");
        }
        if is_thorough || trees.len() > 1 {
            // At most one run of a task has processes.
            let mut by_task: BTreeMap<TaskId, RunId> = BTreeMap::new();
            for run_id in trees.keys() {
                let other = by_task.insert(self.run(*run_id).task_id, *run_id);
                assert!(other.is_none(), "runs {other:?} and {run_id} of one task live together");
            }
        }
        if is_thorough {
            self.check_sweeps();
            let open = self.open_runs();
            assert!(open.len() <= 3, "{} runs hold 3 slots", open.len());
            let capped = open.iter().filter(|run| run.profile.as_deref() == Some("capped"));
            assert!(capped.count() <= 1, "the cap of a profile does not hold");
            for run in &open {
                assert!(!self.closed.contains(&run.id), "run {} was opened again", run.id);
            }
            self.check_rows();
        }
    }

    /// What a worker leaves behind is ended at once, not when the run's time is up.
    fn check_sweeps(&self) {
        for (shim, state) in &self.shims {
            if state.worker_end.is_none() || !self.processes.is_alive(*shim) {
                continue;
            }
            let is_late = self.now_ms > state.worker_ended_ms + GRACE_MS + 2000;
            for process in self.processes.tree(state.run_id) {
                let hangs_until_ms = self.processes.get(process).unwrap().hangs_until_ms;
                let may_be_there = self.now_ms < hangs_until_ms + 2000;
                assert!(
                    !is_late || may_be_there,
                    "{process:?} outlives the worker of {}",
                    state.run_id
                );
            }
        }
    }

    fn check_rows(&self) {
        let broken = self.bench.board.read::<_, Fault>(broken_invariants).unwrap();
        assert!(broken.is_empty(), "{broken:?}");
    }

    pub fn check_end(&mut self) {
        self.check_step(true);
        self.check_schedules();
        assert!(self.daemon.is_some(), "the daemon came back");
        assert_eq!(self.processes.all().count(), 0, "processes are left");
        assert_eq!(self.open_runs().len(), 0, "runs are left open");
        assert!(self.files.is_empty(), "files are left: {:?}", self.files);
        assert!(self.daemon.as_ref().unwrap().actors.is_empty(), "actors are left");
        for id in &self.tasks {
            let shown = ShowTask { id: id.to_string(), ..ShowTask::default() };
            let questions = self.bench.ask(&shown).unwrap().questions;
            let mut asked = BTreeSet::new();
            for question in questions {
                assert!(asked.insert((question.run_id, question.text)), "{id}: asked twice");
                *self.totals.questions.entry(question.outcome.as_str()).or_default() += 1;
            }
            let task = self.bench.task(id);
            assert!(
                self.is_at_rest(&task),
                "{id} is {} without end: {:?}",
                task.status,
                self.bench.why(id, &policy())
            );
            let runs = self.bench.runs(id);
            let started = runs.iter().filter(|run| run.worker_pid.is_some()).count();
            assert!(task.auto_starts <= 8 && started <= runs.len(), "{id}: starts are not counted");
            for run in runs {
                self.totals.reviews += u64::from(run.review_verdict.is_some());
                assert!(
                    run.closed_at.is_some() && run.outcome.is_some(),
                    "run {} has no end",
                    run.id
                );
            }
        }
    }
}
