//! What a person can do to a task from where it is, as a page offers it: each drop of a card on a column, and each entry of its menu,
//! is an operation. The table is held against the steps that a task can take ([`TaskStatus::after`]); where the task lands is
//! decided by the operation, not by the column.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::kernel::task::{Landing, TaskStatus, TaskStep};

/// Something that a person can do to a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Move {
    /// The operation.
    pub operation: String,
    /// The status that it starts from.
    pub from: String,
    /// Columns on which a drop means it; none: it is in the menu only.
    pub to: Vec<String>,
    /// What it is called.
    pub label: String,
    /// Fixed fields of its request; `{id}` stands for the task.
    #[schemars(with = "std::collections::BTreeMap<String, Value>")]
    pub with: Value,
    /// Fields that the person is asked for.
    pub asks: Vec<Ask>,
    /// Only for tasks with an open question (true), or without one (false).
    pub question: Option<bool>,
    /// The operation that takes it back.
    pub undo: Option<String>,
    /// Whether it can be done to many tasks at once.
    pub is_bulk: bool,
}

/// A field that a person is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ask {
    /// The field of the request.
    pub field: String,
    /// What is typed: `text`, `line`, `time`, `flag`, `answer`.
    pub kind: String,
    /// What it is called.
    pub label: String,
    /// Whether it may not be left empty.
    pub is_required: bool,
    /// Choices, where there are some.
    pub choices: Vec<Choice>,
    /// What it is without a word.
    pub default: Option<String>,
}

/// A choice of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Choice {
    /// Its value.
    pub value: String,
    /// What it is called.
    pub label: String,
}

/// A row of the table.
struct Row {
    operation: &'static str,
    label: &'static str,
    from: &'static [TaskStatus],
    to: &'static [TaskStatus],
    /// The step that it takes; of those that land, with the landing of a task that nothing holds.
    step: TaskStep,
    with: fn() -> Value,
    asks: &'static [AskRow],
    question: Option<bool>,
    undo: Option<&'static str>,
    is_bulk: bool,
}

/// Field, kind, label, whether it is required.
type AskRow = (&'static str, &'static str, &'static str, bool);

const REASON: AskRow = ("reason", "line", "Reason", false);
const RELEASE: AskRow = ("release_children", "flag", "Let its children go on", false);

fn nothing() -> Value {
    json!({})
}

use TaskStatus::{Archived, Blocked, Done, Ready, Review, Running, Scheduled, Todo, Triage};

const ROWS: &[Row] = &[
    Row {
        operation: "promote",
        label: "Promote",
        from: &[Triage],
        to: &[Todo, Ready],
        step: TaskStep::Release(Landing::Ready),
        with: nothing,
        asks: &[],
        question: None,
        undo: Some("triage"),
        is_bulk: true,
    },
    Row {
        operation: "promote",
        label: "Promote in spite of its parents",
        from: &[Todo],
        to: &[Ready],
        step: TaskStep::Release(Landing::Ready),
        with: || json!({ "force": true }),
        asks: &[REASON],
        question: None,
        undo: None,
        is_bulk: true,
    },
    Row {
        operation: "schedule",
        label: "Schedule",
        from: &[Todo, Ready],
        to: &[Scheduled],
        step: TaskStep::Land(Landing::Scheduled),
        with: nothing,
        asks: &[("start_at", "time", "Not before", true)],
        question: None,
        undo: Some("unschedule"),
        is_bulk: true,
    },
    Row {
        operation: "schedule",
        label: "Park",
        from: &[Todo, Ready],
        to: &[],
        step: TaskStep::Land(Landing::Scheduled),
        with: || json!({ "park": true }),
        asks: &[REASON],
        question: None,
        undo: Some("unschedule"),
        is_bulk: true,
    },
    Row {
        operation: "unschedule",
        label: "Let it go on now",
        from: &[Scheduled],
        to: &[Todo, Ready],
        step: TaskStep::Land(Landing::Ready),
        with: nothing,
        asks: &[],
        question: None,
        undo: None,
        is_bulk: true,
    },
    Row {
        operation: "dispatch",
        label: "Start now",
        from: &[Ready],
        to: &[Running],
        step: TaskStep::Claim,
        with: || json!({ "ids": ["{id}"] }),
        asks: &[],
        question: None,
        undo: None,
        is_bulk: false,
    },
    Row {
        operation: "stop",
        label: "Stop",
        from: &[Running],
        to: &[Blocked],
        step: TaskStep::Block,
        with: || json!({ "then": "hold" }),
        asks: &[REASON],
        question: None,
        undo: None,
        is_bulk: true,
    },
    Row {
        operation: "restart",
        label: "Restart",
        from: &[Running],
        to: &[Ready],
        step: TaskStep::Requeue(Landing::Ready),
        with: nothing,
        asks: &[REASON],
        question: None,
        undo: None,
        is_bulk: true,
    },
    Row {
        operation: "block",
        label: "Block",
        from: &[Ready],
        to: &[Blocked],
        step: TaskStep::Block,
        with: nothing,
        asks: &[("reason", "text", "What is needed", true)],
        question: None,
        undo: Some("unblock"),
        is_bulk: true,
    },
    Row {
        operation: "answer",
        label: "Answer",
        from: &[Blocked],
        to: &[Todo, Ready],
        step: TaskStep::Unblock(Landing::Ready),
        with: nothing,
        asks: &[("answer", "answer", "Answer", true)],
        question: Some(true),
        undo: None,
        is_bulk: false,
    },
    Row {
        operation: "unblock",
        label: "Unblock",
        from: &[Blocked],
        to: &[Todo, Ready],
        step: TaskStep::Unblock(Landing::Ready),
        with: nothing,
        asks: &[],
        question: Some(false),
        undo: None,
        is_bulk: true,
    },
    Row {
        operation: "approve",
        label: "Approve",
        from: &[Review],
        to: &[Done],
        step: TaskStep::Complete,
        with: nothing,
        asks: &[("summary", "text", "What was looked at", false)],
        question: None,
        undo: None,
        is_bulk: true,
    },
    Row {
        operation: "request_changes",
        label: "Request changes",
        from: &[Review],
        to: &[Todo, Ready],
        step: TaskStep::SendBack(Landing::Ready),
        with: nothing,
        asks: &[("what", "text", "What has to change", true)],
        question: None,
        undo: None,
        is_bulk: true,
    },
    Row {
        operation: "request_review",
        label: "Request a review",
        from: &[Blocked, Done],
        to: &[Review],
        step: TaskStep::RequestReview,
        with: nothing,
        asks: &[],
        question: Some(false),
        undo: None,
        is_bulk: true,
    },
    Row {
        operation: "complete",
        label: "Complete",
        from: &[Scheduled, Ready, Running, Blocked],
        to: &[Done],
        step: TaskStep::Complete,
        with: nothing,
        asks: &[("summary", "text", "Summary", false)],
        question: None,
        undo: Some("reopen"),
        is_bulk: true,
    },
    Row {
        operation: "reopen",
        label: "Reopen",
        from: &[Done],
        to: &[Todo, Ready],
        step: TaskStep::Reopen(Landing::Ready),
        with: nothing,
        asks: &[],
        question: None,
        undo: None,
        is_bulk: true,
    },
    Row {
        operation: "triage",
        label: "Put back into triage",
        from: &[Todo, Scheduled, Ready, Blocked],
        to: &[Triage],
        step: TaskStep::Triage,
        with: nothing,
        asks: &[REASON],
        question: None,
        undo: None,
        is_bulk: true,
    },
    Row {
        operation: "archive",
        label: "Archive",
        from: &[Done],
        to: &[Archived],
        step: TaskStep::Archive,
        with: nothing,
        asks: &[],
        question: None,
        undo: Some("unarchive"),
        is_bulk: true,
    },
    Row {
        operation: "cancel",
        label: "Cancel",
        from: &[Triage, Todo, Scheduled, Ready, Running, Blocked, Review],
        to: &[Archived],
        step: TaskStep::Archive,
        with: nothing,
        asks: &[REASON, RELEASE],
        question: None,
        undo: None,
        is_bulk: true,
    },
    Row {
        operation: "unarchive",
        label: "Unarchive",
        from: &[Archived],
        to: &[Todo, Ready, Done],
        step: TaskStep::Unarchive(Landing::Ready),
        with: nothing,
        asks: &[],
        question: None,
        undo: None,
        is_bulk: true,
    },
];

/// All moves, by operation and the status that each starts from.
pub fn moves() -> Vec<Move> {
    let names = |statuses: &[TaskStatus]| statuses.iter().map(ToString::to_string).collect();
    let of_row = |row: &Row| -> Vec<Move> {
        let taken = row.from.iter().filter(|from| from.after(row.step).is_some());
        taken
            .map(|from| Move {
                operation: row.operation.to_owned(),
                from: from.to_string(),
                to: names(row.to),
                label: row.label.to_owned(),
                with: (row.with)(),
                asks: row.asks.iter().map(ask).collect(),
                // Only what is blocked, or done, can be with or without a question.
                question: row.question.filter(|_| *from == Blocked),
                undo: row.undo.map(str::to_owned),
                is_bulk: row.is_bulk,
            })
            .collect()
    };
    ROWS.iter().flat_map(of_row).collect()
}

fn ask((field, kind, label, is_required): &AskRow) -> Ask {
    Ask {
        field: (*field).to_owned(),
        kind: (*kind).to_owned(),
        label: (*label).to_owned(),
        is_required: *is_required,
        choices: Vec::new(),
        default: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_a_step_that_its_statuses_can_take_and_every_status_has_a_way_on() {
        for row in ROWS {
            for from in row.from {
                assert!(from.after(row.step).is_some(), "{} from {from}", row.operation);
            }
        }
        for status in TaskStatus::ALL {
            assert!(moves().iter().any(|one| one.from == status.as_str()), "{status}");
        }
    }

    #[test]
    fn a_drop_means_one_operation() {
        let all = moves();
        for one in &all {
            for to in &one.to {
                let same = all.iter().filter(|other| {
                    let is_either = |question: Option<bool>| {
                        one.question.is_none() || question.is_none() || one.question == question
                    };
                    other.from == one.from && other.to.contains(to) && is_either(other.question)
                });
                let operations: Vec<_> = same.map(|other| &other.operation).collect();
                assert_eq!(operations, [&one.operation], "{} → {to}", one.from);
            }
        }
    }

    #[test]
    fn what_takes_a_move_back_starts_from_where_it_leads() {
        let all = moves();
        for one in all.iter().filter(|one| !one.to.is_empty()) {
            let Some(undo) = &one.undo else { continue };
            let is_there =
                |to: &String| all.iter().any(|other| other.operation == *undo && other.from == *to);
            assert!(one.to.iter().any(is_there), "{} is not taken back by {undo}", one.operation);
        }
    }
}
