//! Blocks and questions in the model: what is asked, what an answer does, and what a deadline does without one.

use crate::model::{Block, Done, Model, Question, Run, Task, by};

impl Model {
    pub fn block(&mut self, id: &str, run: Option<i64>, block: &Block) -> Done {
        let before = self.clone();
        let done = self.try_block(id, run, block);
        if done.is_err() {
            *self = before;
        }
        done
    }

    pub fn try_block(&mut self, id: &str, run: Option<i64>, block: &Block) -> Done {
        let by = by(run);
        let asked = block.question.as_ref().map(|_| "which?");
        let reason = block.reason.as_deref().or(asked);
        if let Some(done) = self.repeated(id, run, "blocked", reason, &[])? {
            let is_same_kind = self.runs[&run.unwrap()].kind.as_deref() == Some(block.kind);
            return if is_same_kind { done } else { Err("run_over") };
        }
        if !matches!(self.task(id)?.status, "ready" | "running") {
            return Err("wrong_status");
        }
        if let Some(parent) = &block.on {
            self.link(parent, id)?;
        }
        if block.kind == "dependency" && !self.unmet(id) {
            return Err("no_open_parent");
        }
        let retries = block.retry_in.is_some() && self.retries_in_a_row(id) < 3;
        let stays = block.kind == "dependency" || retries;
        let mut ended = self.tasks[id].current;
        if !self.end_current(id, "blocked", reason, &by) && (reason.is_some() || stays) {
            self.synthesize(id, "blocked", reason, &by);
            ended = Some(self.next_run);
        }
        if let Some(run) = ended {
            let run = self.runs.get_mut(&run).unwrap();
            (run.kind, run.retries) = (Some(block.kind.to_owned()), retries);
        }
        self.count_blocks(id, block.kind);
        let to = if stays { self.landing(id) } else { "blocked" };
        let now = self.now;
        if block.question.is_some() {
            self.tell(id, "asked");
        }
        self.leave(id, to);
        let task = self.tasks.get_mut(id).unwrap();
        if retries {
            task.not_before = block
                .retry_in
                .filter(|_| matches!(to, "ready" | "review"))
                .map(|delay| now + delay);
        } else {
            task.block_kind = Some(block.kind.to_owned());
        }
        task.question = block.question.clone().map(|(default, deadline)| Question {
            default,
            deadline: deadline.map(|delay| now + delay),
            is_overdue: false,
        });
        self.tell(id, "blocked");
        Ok(())
    }

    /// Runs of a task that have ended, newest first.
    pub fn ended(&self, id: &str) -> Vec<(i64, &Run)> {
        let ended = self.runs.iter().filter(|(_, run)| run.task == id && run.outcome.is_some());
        ended.map(|(id, run)| (*id, run)).rev().collect()
    }

    pub fn retries_in_a_row(&self, id: &str) -> usize {
        self.ended(id).iter().take_while(|(_, run)| run.retries).count()
    }

    pub fn count_blocks(&mut self, id: &str, kind: &str) {
        let upto = self.tasks[id].answered_upto;
        let ended = self.ended(id);
        let is_in_row =
            |(run_id, run): &&(i64, &Run)| run.kind.as_deref() == Some(kind) && *run_id > upto;
        let count = ended.iter().take(3).take_while(is_in_row).count() as u32;
        self.tasks.get_mut(id).unwrap().blocks_in_a_row = count;
    }

    pub fn answer(&mut self, id: &str) -> Done {
        let had_one = self.task(id)?.events.iter().any(|event| event == "asked");
        let task = self.task(id)?;
        match (&task.question, task.status, had_one) {
            (Some(_), _, _) => {}
            (None, "blocked", _) | (None, _, false) => return Err("no_question"),
            (None, _, true) => return Err("question_over"),
        }
        self.take_answer(id, true);
        Ok(())
    }

    pub fn take_answer(&mut self, id: &str, by_person: bool) {
        // A block leaves its run, unless nobody had claimed the task; a question always leaves one.
        let asked_by = self.ended(id).first().map(|(run, _)| *run).unwrap_or_default();
        let task = self.tasks.get_mut(id).unwrap();
        task.question = None;
        if by_person {
            (task.failures, task.violations, task.blocks_in_a_row) = (0, 0, 0);
            task.answered_upto = asked_by;
        }
        self.leave(id, self.landing(id));
        self.tell(id, "answered");
    }

    pub fn mind_deadlines(&mut self) {
        let now = self.now;
        let is_due = |task: &Task| {
            task.question.as_ref().is_some_and(|question| {
                !question.is_overdue && question.deadline.is_some_and(|deadline| deadline <= now)
            })
        };
        let due: Vec<String> =
            self.tasks.iter().filter(|(_, task)| is_due(task)).map(|(id, _)| id.clone()).collect();
        for id in due {
            let question = self.tasks.get_mut(&id).unwrap().question.as_mut().unwrap();
            if question.default.is_some() {
                self.take_answer(&id, false);
            } else {
                question.is_overdue = true;
                self.tell(&id, "ask_overdue");
            }
        }
    }

    /// Whether a task was created by the caller, or by a run of the task `id`.
    pub fn was_created_here(&self, card: &str, id: &str, asks: &str) -> bool {
        let Some(task) = self.tasks.get(card) else { return false };
        match task.created_by.strip_prefix("run:") {
            Some(run) => self.runs.get(&run.parse().unwrap()).is_some_and(|run| run.task == id),
            None => task.created_by == asks,
        }
    }
}
