//! Reviews, once more as short as they can be said.

use crate::model::{Model, by};

/// Rounds after which a person reviews.
pub const MAX_ROUNDS: u32 = 2;

/// The reviewer that is a person.
pub const PERSON: &str = "human";

type Done = Result<(), &'static str>;

impl Model {
    /// Where a verdict of `run`, or of a person, meets the task: at work, in a review run, in review, elsewhere.
    pub fn position(&self, id: &str, run: Option<i64>) -> &'static str {
        let task = &self.tasks[id];
        let role = run.or(task.current).and_then(|run| self.runs.get(&run)).map(|run| run.review);
        match (task.status, role) {
            ("running", Some(true)) => "review run",
            ("running", _) => "work",
            ("review", _) => "review",
            _ => "elsewhere",
        }
    }

    /// In whose queue a task stands.
    pub fn queue(&self, id: &str) -> Option<&String> {
        let task = &self.tasks[id];
        match task.status {
            "ready" => task.assignee.as_ref(),
            "review" if !task.by_person => {
                task.reviewer.as_ref().filter(|reviewer| *reviewer != PERSON)
            }
            _ => None,
        }
    }

    pub fn hand_in(&mut self, id: &str) {
        let task = self.tasks.get_mut(id).unwrap();
        task.review_open = true;
        (task.failures, task.violations) = (0, 0);
        (task.review_failures, task.review_violations) = (0, 0);
        self.leave(id, "review");
        self.tell(id, "review_requested");
    }

    pub fn finish_review(&mut self, id: &str) {
        self.leave(id, "done");
        self.forget(id);
        self.tell(id, "approved");
        self.tell(id, "completed");
        self.release_children(id);
    }

    pub fn send_back(&mut self, id: &str) {
        let task = self.tasks.get_mut(id).unwrap();
        task.review_open = false;
        task.round += 1;
        (task.failures, task.violations) = (0, 0);
        (task.review_failures, task.review_violations) = (0, 0);
        self.leave(id, self.landing(id));
        self.tell(id, "changes_requested");
    }

    /// `approve`, or `request_changes` with what has to change.
    pub fn review(&mut self, id: &str, run: Option<i64>, what: Option<&str>) -> Done {
        let verdict = if what.is_some() { "changes_requested" } else { "approved" };
        if !self.tasks.contains_key(id) {
            return Err("unknown_task");
        }
        if let Some(done) = self.repeated(id, run, "completed", what, &[])? {
            let said = run.and_then(|run| self.runs[&run].verdict.clone());
            return if said.as_deref() == Some(verdict) { done } else { Err("run_over") };
        }
        if !matches!(self.position(id, run), "review run" | "review") {
            return Err("wrong_status");
        }
        let by = by(run);
        let mut ended = self.tasks[id].current;
        if !self.end_current(id, "completed", what, &by) && what.is_some() {
            self.synthesize(id, "completed", what, &by);
            ended = Some(self.next_run);
            self.runs.get_mut(&self.next_run).unwrap().profile = None;
        }
        if let Some(run) = ended.and_then(|run| self.runs.get_mut(&run)) {
            (run.verdict, run.review) = (Some(verdict.to_owned()), true);
        }
        match what {
            None => self.finish_review(id),
            Some(_) => self.send_back(id),
        }
        Ok(())
    }

    pub fn request_review(&mut self, id: &str) -> Done {
        if !self.tasks.contains_key(id) {
            return Err("unknown_task");
        }
        if !matches!(self.tasks[id].status, "done" | "blocked") {
            return Err("wrong_status");
        }
        self.demote_children(id);
        let task = self.tasks.get_mut(id).unwrap();
        if task.reviewer.is_none() {
            (task.reviewer, task.chosen) = (Some(PERSON.to_owned()), true);
        }
        task.review_open = true;
        (task.failures, task.violations) = (0, 0);
        (task.review_failures, task.review_violations) = (0, 0);
        self.leave(id, "review");
        self.tell(id, "review_requested");
        Ok(())
    }

    /// A reviewer, or none.
    pub fn set_reviewer(&mut self, id: &str, reviewer: Option<&str>) -> Done {
        if !self.tasks.contains_key(id) {
            return Err("unknown_task");
        }
        let task = self.tasks.get_mut(id).unwrap();
        if reviewer.is_none() && task.review_open {
            return Err("wrong_status");
        }
        if task.reviewer.as_deref() == reviewer && task.chosen && !task.by_person {
            return Ok(());
        }
        (task.reviewer, task.chosen) = (reviewer.map(str::to_owned), true);
        task.by_person = false;
        (task.review_failures, task.review_violations) = (0, 0);
        if task.status == "review" {
            task.not_before = None;
        }
        self.tell(id, "edited");
        Ok(())
    }

    /// What a finished task has no longer.
    pub fn forget(&mut self, id: &str) {
        let task = self.tasks.get_mut(id).unwrap();
        (task.failures, task.violations, task.start_at) = (0, 0, None);
        (task.review_failures, task.review_violations) = (0, 0);
        (task.review_open, task.round, task.by_person) = (false, 1, false);
    }

    /// A review run that ended without a verdict.
    pub fn settle_review(&mut self, id: &str, outcome: &str, gives_up: bool, retry_at: i64) {
        self.leave(id, self.landing(id));
        let task = self.tasks.get_mut(id).unwrap();
        task.by_person |= gives_up;
        if outcome == "rate_limited" && !task.by_person && task.reviewer.as_deref() != Some(PERSON)
        {
            task.not_before = Some(retry_at);
        }
        self.tell(id, outcome);
        if gives_up {
            self.tell(id, "gave_up");
            self.tell(id, "review_requested");
        }
    }
}
