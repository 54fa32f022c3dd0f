//! `list`: tasks by filter, in a chosen order.

use std::collections::VecDeque;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::ids::{EpochSeconds, TaskId};
use crate::kernel::queries::paged::{PageOf, Paged};
use crate::kernel::shorten::shorten;
use crate::kernel::snapshot::Snapshot;
use crate::kernel::store;
use crate::kernel::store::PageBounds;
use crate::kernel::store::listing::{ListFilter, Order};
use crate::kernel::task::Task;
use crate::kernel::task_filter::{TaskFilter, known_task};

/// Lists tasks.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ListTasks {
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
    /// Only tasks created after this time, epoch seconds.
    pub created_after: Option<EpochSeconds>,
    /// Only tasks created before this time, epoch seconds.
    pub created_before: Option<EpochSeconds>,
    /// Only tasks to which something has happened at this time or later, epoch seconds.
    pub updated_since: Option<EpochSeconds>,
    /// Only tasks with these words in their title, body, comments or summaries.
    pub text: Option<String>,
    /// Include archived tasks.
    pub archived: bool,
    /// `priority` (default), `created`, `-created` or `due`.
    pub sort: Option<String>,
    /// Only tasks after this one, in the chosen order.
    pub cursor: Option<String>,
    /// Maximum number of results.
    pub limit: Option<u32>,
    /// Board; default: `default`, inside a run the board of the run.
    pub board: Option<String>,
}

impl Paged for ListTasks {
    type Item = Task;
    type Rest = VecDeque<TaskId>;
    const NAME: &'static str = "list";

    fn first(
        &self,
        snapshot: &Snapshot<'_>,
        bounds: PageBounds,
    ) -> Result<PageOf<Task, VecDeque<TaskId>>, VerbError> {
        let filter = self.filter(snapshot)?;
        let page = store::listing::first_page(snapshot.connection, &filter, bounds)?;
        Ok((page.tasks, Some(page.rest).filter(|rest| !rest.is_empty())))
    }

    fn next(
        mut rest: VecDeque<TaskId>,
        snapshot: &Snapshot<'_>,
        bounds: PageBounds,
    ) -> Result<PageOf<Task, VecDeque<TaskId>>, VerbError> {
        let (mut tasks, mut bytes) = (Vec::new(), 0);
        while bounds.has_room(tasks.len(), bytes)
            && let Some(id) = rest.pop_front()
        {
            if let Some(task) = store::tasks::get(snapshot.connection, &id)? {
                bytes += task.text_bytes();
                tasks.push(task);
            }
        }
        Ok((tasks, Some(rest).filter(|rest| !rest.is_empty())))
    }
}

impl ListTasks {
    /// Which tasks.
    fn which(&self) -> TaskFilter {
        TaskFilter {
            status: self.status.clone(),
            assignee: self.assignee.clone(),
            tenant: self.tenant.clone(),
            label: self.label.clone(),
            parent: self.parent.clone(),
            text: self.text.clone(),
        }
    }

    pub(super) fn filter(&self, snapshot: &Snapshot<'_>) -> Result<ListFilter, VerbError> {
        let connection = snapshot.connection;
        let after = self.cursor.as_deref();
        Ok(ListFilter {
            board: snapshot.board(self.board.as_deref(), Self::NAME)?,
            which: self.which().read(connection)?,
            only: None,
            created_after: self.created_after,
            created_before: self.created_before,
            updated_since: self.updated_since,
            include_archived: self.archived,
            order: parse_order(self.sort.as_deref())?,
            after: after.map(|id| known_task(connection, id)).transpose()?,
            limit: self.limit.filter(|limit| *limit > 0),
        })
    }
}

fn parse_order(text: Option<&str>) -> Result<Order, Refusal> {
    match text {
        None | Some("priority") => Ok(Order::Priority),
        Some("created") => Ok(Order::Created),
        Some("-created") => Ok(Order::NewestFirst),
        Some("due") => Ok(Order::Due),
        Some(other) => Err(Refusal::InvalidValue {
            field: "sort",
            problem: "sort must be one of priority, created, -created, due",
            value: shorten(other),
        }),
    }
}
