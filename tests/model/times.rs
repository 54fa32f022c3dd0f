//! Start times in the model.

use crate::model::{Done, Model, Task};

/// A start time means nothing where work has begun, or is over.
fn may_have_start(status: &str) -> Done {
    match status {
        "triage" | "todo" | "scheduled" | "ready" | "blocked" => Ok(()),
        _ => Err("wrong_status"),
    }
}

impl Model {
    /// `schedule` with a time.
    pub fn schedule(&mut self, id: &str, start_at: i64) -> Done {
        let task = self.task(id)?;
        may_have_start(task.status)?;
        if task.start_at == Some(start_at) {
            return Ok(());
        }
        task.start_at = Some(start_at);
        self.land(id);
        self.tell(id, "scheduled");
        Ok(())
    }

    /// `unschedule`.
    pub fn unschedule(&mut self, id: &str) -> Done {
        let task = self.task(id)?;
        may_have_start(task.status)?;
        if task.start_at.take().is_none() {
            return Err("wrong_status");
        }
        self.land(id);
        self.tell(id, "unscheduled");
        Ok(())
    }

    /// Has a task stand where its time lets it.
    fn land(&mut self, id: &str) {
        let (from, to) = (self.tasks[id].status, self.landing(id));
        if matches!(from, "todo" | "scheduled" | "ready") && from != to {
            self.leave(id, to);
        }
    }

    /// `edit` of the start time; 0 clears it.
    pub fn edit_start(&mut self, id: &str, start_at: i64) -> Done {
        let start_at = Some(start_at).filter(|time| *time != 0);
        let task = self.task(id)?;
        if task.start_at == start_at {
            return Ok(());
        }
        may_have_start(task.status)?;
        task.start_at = start_at;
        let from = task.status;
        self.tell(id, "edited");
        let to = self.landing(id);
        if matches!(from, "todo" | "scheduled" | "ready") && from != to {
            self.leave(id, to);
            self.tell(id, if to == "scheduled" { "scheduled" } else { "unscheduled" });
        }
        Ok(())
    }

    pub fn start_due(&mut self) {
        let now = self.now;
        let is_due = |task: &Task| {
            task.status == "scheduled" && task.start_at.is_some_and(|start_at| start_at <= now)
        };
        let due: Vec<String> =
            self.tasks.iter().filter(|(_, task)| is_due(task)).map(|(id, _)| id.clone()).collect();
        for id in due {
            self.leave(&id, self.landing(&id));
            self.tasks.get_mut(&id).unwrap().start_at = None;
            self.tell(&id, "start_due");
        }
    }
}
