//! A task's runs as pages, and what is short about them.

use rusqlite::named_params;

use super::super::Doing;
use super::super::page::{self, Page, PageSql};
use super::{read, select_runs};
use crate::kernel::error::Fault;
use crate::kernel::ids::{RunId, TaskId};
use crate::kernel::run::Run;
use crate::kernel::store::Connection;
use crate::kernel::store::PageBounds;

/// The newest runs of a task before one of them, as many as fit into an answer.
pub fn newest_page(
    connection: &Connection,
    task_id: &TaskId,
    before: Option<RunId>,
) -> Result<Page<Run>, Fault> {
    let sql = PageSql {
        newest_first: select_runs!("WHERE task_id = :task_id AND id < :before ORDER BY id DESC"),
        count: "SELECT count(*) FROM task_runs WHERE task_id = :task_id AND id < :before",
        doing: "list the runs of a task",
    };
    page::newest(connection, &sql, task_id, before, read)
}

/// Runs of a task after one of them.
#[derive(Debug, Clone, PartialEq)]
pub struct RunPage {
    /// The runs, oldest first.
    pub runs: Vec<Run>,
    /// Whether there are more.
    pub has_more: bool,
}

/// The runs of a task after `after` that fit into a page, oldest first.
pub fn page_after(
    connection: &Connection,
    task_id: &TaskId,
    after: RunId,
    bounds: PageBounds,
) -> Result<RunPage, Fault> {
    let doing = "list the runs of a task";
    let sql = select_runs!("WHERE task_id = :task_id AND id > :after ORDER BY id");
    let mut statement = connection.prepare_cached(sql).doing(doing)?;
    let columns = statement.column_count();
    let parameters = named_params! { ":task_id": task_id, ":after": after };
    let mut rows = statement.query(parameters).doing(doing)?;
    let (mut runs, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next().doing(doing)? {
        if !bounds.has_room(runs.len(), bytes) {
            return Ok(RunPage { runs, has_more: true });
        }
        bytes += page::row_bytes(row, columns);
        runs.push(read(row).doing(doing)?);
    }
    Ok(RunPage { runs, has_more: false })
}

/// Summaries of runs as one text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summaries {
    /// The summaries, oldest first, each on lines of its own.
    pub text: String,
    /// Whether older ones are left out.
    pub is_cut: bool,
}

/// The newest summaries of a task's runs that make no more than `bytes_max`.
pub fn summaries_within(
    connection: &Connection,
    task_id: &TaskId,
    bytes_max: usize,
) -> Result<Summaries, Fault> {
    let doing = "read summaries";
    let mut statement = connection
        .prepare_cached(
            "SELECT summary FROM task_runs WHERE task_id = :task_id AND summary IS NOT NULL ORDER BY id DESC",
        )
        .doing(doing)?;
    let mut rows = statement.query(named_params! { ":task_id": task_id }).doing(doing)?;
    let (mut found, mut bytes, mut is_cut) = (Vec::new(), 0, false);
    while let Some(row) = rows.next().doing(doing)? {
        let summary = row.get_ref(0).doing(doing)?.as_bytes().unwrap_or_default();
        bytes += summary.len() + 1;
        if bytes > bytes_max + 1 {
            is_cut = true;
            break;
        }
        found.push(String::from_utf8_lossy(summary).into_owned());
    }
    found.reverse();
    Ok(Summaries { text: found.join("\n"), is_cut })
}

/// Whether the newest run of a task gave it up.
pub fn newest_gave_up(connection: &Connection, task_id: &TaskId) -> Result<bool, Fault> {
    connection
        .prepare_cached(
            "SELECT 1 FROM task_runs
             WHERE id = (SELECT max(id) FROM task_runs WHERE task_id = :task_id) AND outcome = 'gave_up'",
        )
        .and_then(|mut s| s.exists(named_params! { ":task_id": task_id }))
        .doing("read the outcome of the newest run")
}
