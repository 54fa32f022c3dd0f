//! Which tasks: the conditions of a filter, as every statement that filters tasks has them.

use rusqlite::ToSql;
use rusqlite::types::Value;

use crate::kernel::ids::TaskId;
use crate::kernel::task::TaskStatus;

/// Which tasks; several conditions narrow together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskConditions {
    /// Their status is one of these.
    pub statuses: Vec<TaskStatus>,
    /// Their assignee is one of these.
    pub assignees: Vec<String>,
    /// They have no assignee; with `assignees`: or one of those.
    pub unassigned: bool,
    /// Their tenant is one of these.
    pub tenants: Vec<String>,
    /// They have one of these labels.
    pub labels: Vec<String>,
    /// A task that they depend on.
    pub parent: Option<TaskId>,
    /// Words that their texts contain, as [`super::search::Words`] has them for the index.
    pub matching: Option<String>,
}

/// From where a statement goes to the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Walk {
    /// Along an order, whose rows are looked at one by one: the indexes of what is filtered by are kept out of the plan (`+`).
    Along,
    /// Along an order, or from the rows that a single name has.
    FromName,
}

/// Conditions as SQL over `tasks t`, and their parameters.
#[derive(Debug, Default)]
pub(super) struct Filtered {
    pub(super) sql: String,
    pub(super) parameters: Vec<(&'static str, Value)>,
}

impl Filtered {
    /// Adds a condition with its parameter.
    pub(super) fn add(&mut self, sql: &str, name: &'static str, value: impl Into<Value>) {
        self.sql.push_str(sql);
        self.parameters.push((name, value.into()));
    }

    /// The parameters, for a statement.
    pub(super) fn bound(&self) -> Vec<(&str, &dyn ToSql)> {
        self.parameters.iter().map(|(name, value)| (*name, value as &dyn ToSql)).collect()
    }
}

impl TaskConditions {
    /// Whether they let everything through.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether they let a status through.
    pub fn has(&self, status: TaskStatus) -> bool {
        self.statuses.is_empty() || self.statuses.contains(&status)
    }

    /// Whether they name their tasks one by one.
    pub(super) fn name_tasks(&self) -> bool {
        !self.labels.is_empty() || self.parent.is_some() || self.matching.is_some()
    }

    /// Adds them, but for the status, which [`Self::add_status`] adds.
    pub(super) fn add_to(&self, to: &mut Filtered, walk: Walk) {
        self.add_assignee(to, walk);
        match self.tenants.as_slice() {
            [] => {}
            [tenant] if walk == Walk::FromName => {
                let sql = " AND t.tenant IS NOT NULL AND t.tenant = :tenant";
                to.add(sql, ":tenant", tenant.clone());
            }
            tenants => to.add(
                " AND +t.tenant IN (SELECT value FROM json_each(:tenant))",
                ":tenant",
                list(tenants),
            ),
        }
        match (self.labels.as_slice(), walk) {
            ([], _) => {}
            (labels, Walk::Along) => to.add(
                " AND EXISTS (SELECT 1 FROM task_labels l WHERE l.task_id = t.id
                    AND l.label IN (SELECT value FROM json_each(:label)))",
                ":label",
                list(labels),
            ),
            ([label], Walk::FromName) => to.add(
                " AND t.id IN (SELECT l.task_id FROM task_labels l WHERE l.label = :label)",
                ":label",
                label.clone(),
            ),
            (labels, Walk::FromName) => to.add(
                " AND t.id IN (SELECT l.task_id FROM task_labels l
                    WHERE l.label IN (SELECT value FROM json_each(:label)))",
                ":label",
                list(labels),
            ),
        }
        if let Some(parent) = &self.parent {
            to.add(
                " AND t.id IN (SELECT k.child_id FROM task_links k WHERE k.parent_id = :parent)",
                ":parent",
                parent.to_string(),
            );
        }
        if let Some(matching) = &self.matching {
            to.add(
                " AND t.id IN (SELECT d.task_id FROM search.documents d JOIN search.texts x ON x.rowid = d.id
                    WHERE x.texts MATCH :matching)",
                ":matching",
                matching.clone(),
            );
        }
    }

    fn add_assignee(&self, to: &mut Filtered, walk: Walk) {
        match (self.assignees.as_slice(), self.unassigned) {
            ([], false) => {}
            ([], true) => to.sql.push_str(" AND +t.assignee IS NULL"),
            ([assignee], false) if walk == Walk::FromName => {
                to.add(" AND t.assignee = :assignee", ":assignee", assignee.clone());
            }
            (assignees, false) => to.add(
                " AND +t.assignee IN (SELECT value FROM json_each(:assignee))",
                ":assignee",
                list(assignees),
            ),
            (assignees, true) => to.add(
                " AND (+t.assignee IS NULL OR +t.assignee IN (SELECT value FROM json_each(:assignee)))",
                ":assignee",
                list(assignees),
            ),
        }
    }

    /// Adds the status.
    pub(super) fn add_status(&self, to: &mut Filtered) {
        match self.statuses.as_slice() {
            [] => {}
            [status] => to.add(" AND t.status = :status", ":status", status.to_string()),
            statuses => {
                let names: Vec<String> = statuses.iter().map(ToString::to_string).collect();
                let sql = " AND t.status IN (SELECT value FROM json_each(:status))";
                to.add(sql, ":status", list(&names));
            }
        }
    }
}

/// Names as the JSON that `json_each` reads.
fn list(names: &[String]) -> String {
    serde_json::Value::from(names).to_string()
}
