//! People: they make tasks, change their minds, and ask for things at the wrong moment.

use kanband::kernel::error::VerbError;
use kanband::kernel::task::{Task, TaskStatus};
use kanband::kernel::verbs::{
    AnswerTask, ApproveTask, ArchiveTask, BlockTask, CompleteTask, EditTask, PromoteTask,
    ReassignTask, ReclaimTask, RequestChanges, RequestReview, ScheduleTask, StopTask, UnblockTask,
};

use crate::world::World;

pub const PROFILES: [&str; 3] = ["dev", "exit", "capped"];
const REVIEWERS: [&str; 4] = ["dev", "exit", "capped", "human"];

impl World {
    pub fn people_begin(&mut self) {
        for n in 0..3 + self.below(4) {
            let profile = PROFILES[self.below(3) as usize];
            let parent = if self.one_in(3) { self.tasks.last().cloned() } else { None };
            let parents: Vec<_> = parent.iter().collect();
            let id = self.bench.create(&format!("task {n}"), profile, &parents);
            if self.one_in(2) {
                let review = Some(REVIEWERS[self.below(4) as usize].to_owned());
                let id = id.to_string();
                self.bench.do_it(&EditTask { id, review, ..EditTask::default() });
            }
            self.tasks.push(id);
        }
        self.schedules_begin();
    }

    pub fn person_acts(&mut self) {
        if self.daemon.is_none() {
            return;
        }
        let nth = self.below(self.tasks.len() as u64) as usize;
        let id = self.tasks[nth].to_string();
        let reason = Some("because".to_owned());
        let answer = match self.below(17) {
            0 => self.bench.run(&CompleteTask { id, ..CompleteTask::default() }).map(drop),
            1 => self.bench.run(&BlockTask { id, reason, ..BlockTask::default() }).map(drop),
            2 | 3 => {
                let verb = UnblockTask { id, more_starts: false, board: None };
                self.bench.run(&verb).map(drop)
            }
            4 | 5 => self.bench.run(&ReclaimTask { id, ..ReclaimTask::default() }).map(drop),
            6 => {
                let assignee = Some(PROFILES[self.below(3) as usize].to_owned());
                self.bench.run(&ReassignTask { id, assignee, ..ReassignTask::default() }).map(drop)
            }
            7 => {
                self.bench.run(&PromoteTask { id, force: true, ..PromoteTask::default() }).map(drop)
            }
            10 => self.bench.run(&ApproveTask { id, ..ApproveTask::default() }).map(drop),
            11 => {
                let what = "less".to_owned();
                self.bench.run(&RequestChanges { id, what, board: None }).map(drop)
            }
            13..=15 => {
                let answer = "the staging key".to_owned();
                self.bench.run(&AnswerTask { id, answer, ..AnswerTask::default() }).map(drop)
            }
            16 => {
                let start_at = Some(self.bench.now + self.below(600) as i64);
                self.bench.run(&ScheduleTask { id, start_at, ..ScheduleTask::default() }).map(drop)
            }
            12 => self.bench.run(&RequestReview { id, board: None }).map(drop),
            8 => self.bench.run(&StopTask { id, ..StopTask::default() }).map(drop),
            _ => self.bench.run(&ArchiveTask { id, ..ArchiveTask::default() }).map(drop),
        };
        match answer {
            Ok(()) => self.route_signals(),
            Err(VerbError::Refused(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }

    /// Whether a task waits for nobody but a person, or is over.
    pub fn is_at_rest(&self, task: &Task) -> bool {
        match task.status {
            // A profile reviews it, or a person.
            TaskStatus::Review => task.queue_profile().is_none(),
            TaskStatus::Done | TaskStatus::Archived | TaskStatus::Blocked | TaskStatus::Triage => {
                true
            }
            TaskStatus::Scheduled => task.start_at.is_some_and(|at| at > self.bench.now),
            // Its parents are blocked: the invariants say so.
            TaskStatus::Todo => true,
            TaskStatus::Ready | TaskStatus::Running => false,
        }
    }
}
