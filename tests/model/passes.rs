//! A dispatch pass in the model, the start that it leads to, and how a run ends by itself.

use std::collections::BTreeMap;

use crate::model::{
    CAPPED, FAILURE_LIMIT, LIFETIME_STARTS, MAX_RUNNING, Model, RATE_LIMIT, Task, VIOLATION_LIMIT,
};

impl Model {
    /// A dispatch pass; returns the runs that it starts, in order.
    pub fn pass(&mut self) -> Vec<i64> {
        self.start_due();
        self.mind_deadlines();
        let now = self.now;
        for task in self.tasks.values_mut() {
            task.not_before = task.not_before.filter(|until| *until > now);
        }
        let is_expired = |task: &Task| task.expires.is_some_and(|end| end < now);
        let expired: Vec<String> =
            self.tasks.iter().filter(|(_, t)| is_expired(t)).map(|(id, _)| id.clone()).collect();
        for id in expired {
            self.end_current(&id, "reclaimed", None, "kanband:dispatcher");
            self.leave(&id, self.landing(&id));
            self.tell(&id, "reclaimed");
        }
        let mut started = Vec::new();
        for id in self.startable() {
            let is_spent = self.tasks[&id].auto_starts >= LIFETIME_STARTS;
            if is_spent && self.tasks[&id].status == "review" {
                let task = self.tasks.get_mut(&id).unwrap();
                (task.by_person, task.not_before) = (true, None);
                self.tell(&id, "review_requested");
            } else if is_spent {
                self.synthesize(&id, "gave_up", None, "kanband:dispatcher");
                self.leave(&id, "blocked");
                self.tell(&id, "gave_up");
            } else {
                let lock = format!("kanband/{}", self.queue(&id).unwrap());
                self.tasks.get_mut(&id).unwrap().auto_starts += 1;
                started.push(self.open(&id, &lock, None, true));
            }
        }
        started
    }

    pub fn startable(&self) -> Vec<String> {
        if self.paused {
            return Vec::new();
        }
        let mut open: BTreeMap<String, usize> = BTreeMap::new();
        let supervised = self.runs.values().filter(|run| run.open && run.supervised);
        let mut total = 0;
        for run in supervised {
            total += 1;
            *open.entry(run.profile.clone().unwrap()).or_default() += 1;
        }
        let mut waiting: Vec<(&String, &Task)> = self
            .tasks
            .iter()
            .filter(|(id, task)| {
                self.queue(id).is_some()
                    && task.not_before.is_none()
                    && self.open_run_of(id).is_none()
            })
            .collect();
        waiting.sort_by_key(|(_, task)| (-task.priority, task.arrival));
        let mut chosen = Vec::new();
        for (id, _) in waiting {
            let assignee = self.queue(id).unwrap().clone();
            let count = open.entry(assignee.clone()).or_default();
            let has_room = assignee != CAPPED.0 || *count < CAPPED.1;
            if total < MAX_RUNNING && has_room {
                *count += 1;
                total += 1;
                chosen.push(id.clone());
            }
        }
        chosen
    }

    pub fn spawned(&mut self, run_id: i64) {
        let run = self.runs.get_mut(&run_id).unwrap();
        if run.open && !run.spawned {
            run.spawned = true;
            let id = run.task.clone();
            self.tell(&id, "spawned");
        }
    }

    /// The processes of a supervised run are gone. `outcome` is what their end alone would mean.
    pub fn close(&mut self, run_id: i64, outcome: &str) {
        let run = self.runs[&run_id].clone();
        if !run.open {
            return;
        }
        let id = run.task.clone();
        if run.outcome.is_none() {
            self.settle(run_id, &id, outcome);
        }
        self.runs.get_mut(&run_id).unwrap().open = false;
        self.tell(&id, "closed");
    }

    pub fn settle(&mut self, run_id: i64, id: &str, outcome: &str) {
        let system = "kanband:worker";
        let is_review = self.runs[&run_id].review;
        if outcome == "completed" {
            self.end_current(id, "completed", None, system);
            if is_review {
                self.runs.get_mut(&run_id).unwrap().verdict = Some("approved".to_owned());
                return self.finish_review(id);
            }
            if self.tasks[id].reviewer.is_some() {
                return self.hand_in(id);
            }
            self.leave(id, "done");
            self.forget(id);
            self.tell(id, "completed");
            self.release_children(id);
            return;
        }
        let charged = matches!(outcome, "crashed" | "protocol_violation" | "timed_out");
        let task = self.tasks.get_mut(id).unwrap();
        let (failures, violations) = if is_review {
            (&mut task.review_failures, &mut task.review_violations)
        } else {
            (&mut task.failures, &mut task.violations)
        };
        *failures += u32::from(charged);
        *violations += u32::from(outcome == "protocol_violation");
        let spent = *failures >= FAILURE_LIMIT
            || *violations >= VIOLATION_LIMIT
            || task.auto_starts >= LIFETIME_STARTS;
        let gives_up = charged && spent;
        self.end_current(id, if gives_up { "gave_up" } else { outcome }, None, system);
        debug_assert_eq!(self.runs[&run_id].task, id);
        if is_review {
            return self.settle_review(id, outcome, gives_up, self.now + RATE_LIMIT);
        }
        self.leave(id, if gives_up { "blocked" } else { self.landing(id) });
        if outcome == "rate_limited" && self.tasks[id].status == "ready" {
            self.tasks.get_mut(id).unwrap().not_before = Some(self.now + RATE_LIMIT);
        }
        self.tell(id, outcome);
        if gives_up {
            self.tell(id, "gave_up");
        }
    }
}
