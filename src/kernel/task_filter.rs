//! Which tasks, in the words of a request: the same for the board, its columns, listings, search and `bulk`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::ids::TaskId;
use crate::kernel::shorten::shorten;
use crate::kernel::store::conditions::TaskConditions;
use crate::kernel::store::search::Words;
use crate::kernel::store::{self, Connection};
use crate::kernel::task::TaskStatus;

/// The word for tasks without an assignee, among names of assignees.
pub const NOBODY: &str = "-";

/// Which tasks; several conditions narrow together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TaskFilter {
    /// Only tasks with one of these statuses, comma-separated.
    pub status: Option<String>,
    /// Only tasks of these assignees, comma-separated; `-` stands for nobody.
    pub assignee: Option<String>,
    /// Only tasks of these tenants, comma-separated.
    pub tenant: Option<String>,
    /// Only tasks with one of these labels, comma-separated.
    pub label: Option<String>,
    /// Only tasks that depend on this task.
    pub parent: Option<String>,
    /// Only tasks with these words in their title, body, comments or summaries.
    pub text: Option<String>,
}

impl TaskFilter {
    /// What it means in this database.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] for what is no status or no words to search for, [`Refusal::UnknownTask`], or a fault of the database.
    pub fn read(&self, connection: &Connection) -> Result<TaskConditions, VerbError> {
        let mut assignees = names(self.assignee.as_deref());
        let asked = assignees.len();
        assignees.retain(|name| name != NOBODY);
        let statuses = names(self.status.as_deref());
        let text = self.text.as_deref().filter(|text| !text.trim().is_empty());
        Ok(TaskConditions {
            statuses: statuses.iter().map(|name| status(name)).collect::<Result<_, _>>()?,
            unassigned: assignees.len() < asked,
            assignees,
            tenants: names(self.tenant.as_deref()),
            labels: names(self.label.as_deref()),
            parent: self.parent.as_deref().map(|id| known_task(connection, id)).transpose()?,
            matching: match text {
                Some(text) => Some(Words::parse(text)?.expression()),
                None => None,
            },
        })
    }
}

/// The task of this id.
///
/// # Errors
/// [`Refusal::UnknownTask`], or a fault of the database.
pub fn known_task(connection: &Connection, id: &str) -> Result<TaskId, VerbError> {
    let unknown = || Refusal::UnknownTask { id: shorten(id) };
    let task = TaskId::parse(id).ok_or_else(unknown)?;
    store::tasks::get_status(connection, &task)?.ok_or_else(unknown)?;
    Ok(task)
}

/// A status by its name.
///
/// # Errors
/// [`Refusal::InvalidValue`].
pub fn status(name: &str) -> Result<TaskStatus, Refusal> {
    TaskStatus::parse(name).ok_or_else(|| Refusal::InvalidValue {
        field: "status",
        problem: "status must be one of triage, todo, scheduled, ready, running, blocked, review, done, archived",
        value: shorten(name),
    })
}

/// The names of a list; blanks are none.
fn names(list: Option<&str>) -> Vec<String> {
    let names = list.unwrap_or_default().split(',').map(str::trim);
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_split_at_its_commas() {
        for (list, expected) in [
            (None, vec![]),
            (Some(""), vec![]),
            (Some("a"), vec!["a"]),
            (Some(" a , b,,"), vec!["a", "b"]),
        ] {
            assert_eq!(names(list), expected, "{list:?}");
        }
    }

    #[test]
    fn what_is_no_status_is_refused_by_name() {
        assert_eq!(status("done").unwrap(), TaskStatus::Done);
        let refused = status("doing").unwrap_err().to_string();
        assert!(refused.contains("doing") && refused.contains("triage, todo"), "{refused}");
    }
}
