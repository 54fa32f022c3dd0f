//! From a row of the predecessor to the fields of a record. A value of another kind than its column's is reported and dropped: SQLite
//! takes anything anywhere.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use crate::kernel::shorten::shorten;
use crate::kernel::store::foreign::{Cell, ForeignRow};
use crate::kernel::transfer::record::{
    CommentFields, EventFields, RunFields, SubscriptionFields, TaskFields,
};

/// Numbers of the rows of one table. Those that are none, or were there before, get one below zero, which no row keeps.
#[derive(Debug, Default)]
pub(super) struct RunNumbers {
    used: HashSet<i64>,
    /// Numbers of rows whose ids are words.
    by_word: HashMap<String, i64>,
    given: i64,
}

impl RunNumbers {
    fn take(&mut self, row: &ForeignRow) -> i64 {
        let number = row.integer("id").filter(|number| *number > 0);
        if let Some(number) = number.filter(|number| self.used.insert(*number)) {
            return number;
        }
        self.given -= 1;
        if let (None, Some(word)) = (number, row.text("id")) {
            self.by_word.insert(word, self.given);
        }
        self.given
    }

    /// The number of the row that `cell` names.
    fn of(&self, row: &ForeignRow, column: &str) -> Option<i64> {
        let by_word = row.text(column).and_then(|word| self.by_word.get(&word).copied());
        by_word.or_else(|| row.integer(column))
    }
}

/// A row that is being read.
pub(super) struct Reading<'r> {
    row: &'r ForeignRow,
    of: String,
    /// What was odd.
    pub(super) notes: Vec<String>,
}

impl<'r> Reading<'r> {
    /// Begins with a row of the task `of`.
    pub(super) fn new(row: &'r ForeignRow, of: String) -> Self {
        Self { row, of, notes: Vec::new() }
    }

    fn note(&mut self, column: &str, what: &str) {
        self.notes.push(format!("{}: {column} {what}", self.of));
    }

    fn text(&mut self, column: &str) -> Option<String> {
        if let Cell::Text { is_whole: false, .. } = self.row.cell(column) {
            self.note(column, "was not valid UTF-8; invalid bytes were replaced");
        }
        self.row.text(column)
    }

    fn integer(&mut self, column: &str) -> Option<i64> {
        let number = self.row.integer(column);
        let is_blank = match self.row.cell(column) {
            Cell::Null => true,
            Cell::Text { text, .. } => text.trim().is_empty(),
            Cell::Integer(_) | Cell::Real(_) => false,
        };
        if number.is_none() && !is_blank {
            let given = shorten(&self.row.text(column).unwrap_or_default());
            self.note(column, &format!("{given} is not a number and was dropped"));
        }
        number
    }

    /// The first of two columns that is there: one was renamed.
    fn either<T>(
        &mut self,
        old: &str,
        new: &str,
        read: impl Fn(&mut Self, &str) -> Option<T>,
    ) -> Option<T> {
        read(self, old).or_else(|| read(self, new))
    }

    /// A payload as an object.
    fn payload(&mut self) -> Option<Value> {
        let text = self.text("payload").filter(|text| !text.trim().is_empty())?;
        match serde_json::from_str(&text) {
            Ok(value @ Value::Object(_)) => Some(value),
            Ok(Value::Null) => None,
            Ok(_) | Err(_) => {
                self.note(
                    "payload of an event",
                    &format!("{} is not a JSON object and was dropped", shorten(&text)),
                );
                None
            }
        }
    }

    pub(super) fn task(&mut self) -> TaskFields {
        TaskFields {
            id: self.text("id").unwrap_or_default(),
            title: self.text("title").unwrap_or_default(),
            body: self.text("body"),
            assignee: self.text("assignee"),
            status: self.text("status").unwrap_or_else(|| "todo".to_owned()),
            priority: self.integer("priority"),
            created_by: self.text("created_by"),
            created_at: self.integer("created_at").unwrap_or_default(),
            started_at: self.integer("started_at"),
            completed_at: self.integer("completed_at"),
            archived_at: None,
            workspace_kind: self.text("workspace_kind"),
            workspace_path: self.text("workspace_path"),
            claim_lock: self.text("claim_lock"),
            claim_expires: self.integer("claim_expires"),
            tenant: self.text("tenant"),
            result: self.text("result"),
            idempotency_key: self.text("idempotency_key"),
            spawn_failures: self.either("spawn_failures", "consecutive_failures", Self::integer),
            last_spawn_error: self.either("last_spawn_error", "last_failure_error", Self::text),
            max_runtime_seconds: self.integer("max_runtime_seconds"),
            no_max_runtime: None,
            last_heartbeat_at: self.integer("last_heartbeat_at"),
            current_run_id: self.integer("current_run_id"),
            workflow_template_id: self.text("workflow_template_id"),
            current_step_key: self.text("current_step_key"),
            skills: self.text("skills"),
            auto_starts: None,
            protocol_violations: None,
            model: self.text("model_override"),
            effort: None,
            args: None,
            // Its worktree is elsewhere, and has the branch checked out.
            branch_name: None,
            start_at: None,
            parked: None,
            due_at: None,
            review_open: None,
            reviewer: None,
            reviewer_chosen: None,
            review_round: None,
            review_why: None,
            block_kind: self.text("block_kind"),
            archived_from: None,
        }
    }

    pub(super) fn run(&mut self, numbers: &mut RunNumbers) -> RunFields {
        RunFields {
            id: numbers.take(self.row),
            profile: self.text("profile"),
            step_key: self.text("step_key"),
            status: self.text("status").unwrap_or_default(),
            outcome: self.text("outcome"),
            summary: self.text("summary"),
            metadata: self.text("metadata"),
            error: self.text("error"),
            worker_pid: self.integer("worker_pid"),
            max_runtime_seconds: self.integer("max_runtime_seconds"),
            last_heartbeat_at: self.integer("last_heartbeat_at"),
            started_at: self.integer("started_at").unwrap_or_default(),
            ended_at: self.integer("ended_at"),
            ..RunFields::default()
        }
    }

    pub(super) fn comment(&mut self, numbers: &mut RunNumbers) -> CommentFields {
        CommentFields {
            id: numbers.take(self.row),
            author: self.text("author").unwrap_or_else(|| "unknown".to_owned()),
            body: self.text("body").unwrap_or_default(),
            created_at: self.integer("created_at").unwrap_or_default(),
        }
    }

    pub(super) fn event(&mut self, runs: &RunNumbers, numbers: &mut RunNumbers) -> EventFields {
        EventFields {
            id: numbers.take(self.row),
            run_id: runs.of(self.row, "run_id"),
            kind: self.text("kind").unwrap_or_default(),
            payload: self.payload(),
            created_at: self.integer("created_at").unwrap_or_default(),
            actor: None,
        }
    }

    pub(super) fn subscription(&mut self) -> SubscriptionFields {
        SubscriptionFields {
            platform: self.text("platform").unwrap_or_default(),
            chat_id: self.text("chat_id").unwrap_or_default(),
            thread_id: self.text("thread_id").unwrap_or_default(),
            user_id: self.text("user_id"),
            created_at: self.integer("created_at").unwrap_or_default(),
            last_event_id: self.integer("last_event_id").unwrap_or_default(),
            ..SubscriptionFields::default()
        }
    }
}
