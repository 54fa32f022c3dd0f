//! The report of an import besides its counts: what was changed, and what was skipped.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::shorten::shorten;

/// Rows of a source that were not imported.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LeftOut {
    /// Table.
    pub table: String,
    /// Task in the source, if any.
    pub task_id: Option<String>,
    /// Number of rows.
    pub rows: usize,
    /// Reason, in one line.
    pub reason: String,
}

/// A column of a source that has no place on the board.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ColumnLeftOut {
    /// Table and column.
    pub column: String,
    /// Rows in which something other than its default stands.
    pub values: usize,
    /// What there is instead.
    pub instead: String,
}

/// Something to tell of a source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Note {
    /// The task that it is about; none when it is about the source.
    pub task_id: Option<String>,
    /// One line.
    pub text: String,
}

impl Note {
    /// About a task, several of them.
    pub fn all_of(task_id: &str, texts: Vec<String>) -> impl Iterator<Item = Self> {
        texts.into_iter().map(move |text| Self { task_id: Some(task_id.to_owned()), text })
    }
}

/// What one record has to be told about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordNotes {
    /// The task.
    pub id: String,
    /// What was changed so that it fits.
    pub notes: Vec<String>,
    /// What was left out of it.
    pub left_out: Vec<LeftOut>,
}

impl RecordNotes {
    /// About a task.
    pub fn of(id: &str) -> Self {
        Self { id: shorten(id), ..Self::default() }
    }

    /// Notes a change.
    pub fn note(&mut self, what: &str) {
        self.notes.push(format!("{}: {what}", self.id));
    }

    /// Notes rows that are left out.
    pub fn leave_out(&mut self, table: &str, rows: usize, reason: &str) {
        self.left_out.push(LeftOut {
            table: table.to_owned(),
            task_id: Some(self.id.clone()),
            rows,
            reason: reason.to_owned(),
        });
    }
}
