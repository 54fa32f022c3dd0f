//! Reading a database of the predecessor: any release of it, columns by old or new name, whatever is missing. Every row stands
//! alone: one that cannot be read, or belongs to nothing, is reported, and the rest comes.
//!
//! The caller hands over a copy: SQLite may write beside a file that it only reads.

mod columns;
mod fields;

use std::collections::HashMap;
use std::path::Path;

use thiserror::Error;

use crate::kernel::shorten::shorten;
use crate::kernel::store::foreign::{ForeignBoard, ForeignRow};
use crate::kernel::transfer::hermes::columns::left_out_columns;
use crate::kernel::transfer::hermes::fields::{Reading, RunNumbers};
use crate::kernel::transfer::record::{TaskFields, TaskRecord};
use crate::kernel::transfer::report::{ColumnLeftOut, LeftOut, Note};

/// Why a file is not taken.
#[derive(Debug, Error)]
pub enum HermesError {
    /// It is not a database, or not such a board.
    #[error("{path} is not a database of the predecessor: {detail}")]
    NotABoard {
        /// The file.
        path: String,
        /// What is missing.
        detail: String,
    },
}

/// What was read.
#[derive(Debug, Clone, Default)]
pub struct HermesBoard {
    /// The tasks, in the order in which they were made.
    pub records: Vec<TaskRecord>,
    /// Links, in their order.
    pub links: Vec<(String, String)>,
    /// What was changed, and rows whose task is not there.
    pub notes: Vec<Note>,
    /// Rows that cannot be brought.
    pub left_out: Vec<LeftOut>,
    /// Columns that have no place here, with what stands in them.
    pub columns: Vec<ColumnLeftOut>,
}

/// Reads the file at `path`, which is shown as `shown` in errors.
///
/// # Errors
/// [`HermesError`].
pub fn read(path: &Path, shown: &Path) -> Result<HermesBoard, HermesError> {
    let not_a_board =
        |detail: String| HermesError::NotABoard { path: shown.display().to_string(), detail };
    let failed = |fault: crate::kernel::error::Fault| not_a_board(fault.to_string());
    let board = ForeignBoard::open(path).map_err(failed)?;
    let tables = board.tables().map_err(failed)?;
    if !tables.iter().any(|name| name == "tasks") {
        return Err(not_a_board("it has no table `tasks`".to_owned()));
    }
    if tables.iter().any(|name| name == "install") {
        return Err(not_a_board("it is a database of kanband; use `kanban restore`".to_owned()));
    }
    let mut read =
        Reader { board: &board, read: HermesBoard::default(), locations: HashMap::new() };
    read.tasks().map_err(failed)?;
    read.rows_of_tasks().map_err(failed)?;
    read.links().map_err(failed)?;
    let mut read = read.read;
    read.columns = left_out_columns(&board, &tables).map_err(failed)?;
    keep_newest_keys(&mut read);
    Ok(read)
}

/// A file that is being read.
struct Reader<'b> {
    board: &'b ForeignBoard,
    read: HermesBoard,
    /// Where the record of a task stands.
    locations: HashMap<String, usize>,
}

type Read = Result<(), crate::kernel::error::Fault>;

impl Reader<'_> {
    /// Rows of a table; when a damaged page ends them early, that is reported.
    fn rows(&mut self, table: &str) -> Result<Vec<ForeignRow>, crate::kernel::error::Fault> {
        let Some(found) = self.board.rows(table)? else { return Ok(Vec::new()) };
        if let Some(why) = found.broken_off {
            self.read.left_out.push(LeftOut {
                table: table.to_owned(),
                task_id: None,
                rows: 0,
                reason: format!("cannot read the rest of the table: {why}"),
            });
        }
        Ok(found.rows)
    }

    fn leave_out(&mut self, table: &str, id: Option<&str>, reason: &str) {
        let task_id = id.map(shorten);
        let (table, reason) = (table.to_owned(), reason.to_owned());
        self.read.left_out.push(LeftOut { table, task_id, rows: 1, reason });
    }

    fn tasks(&mut self) -> Read {
        for row in self.rows("tasks")? {
            let Some(id) = row.text("id") else {
                self.leave_out("tasks", None, "a task without an id");
                continue;
            };
            if self.locations.contains_key(&id) {
                self.leave_out("tasks", Some(&id), "a second task with the same id");
                continue;
            }
            let mut reading = Reading::new(&row, shorten(&id));
            let task = reading.task();
            self.read.notes.extend(Note::all_of(&id, reading.notes));
            self.locations.insert(id, self.read.records.len());
            self.read.records.push(TaskRecord { task, ..TaskRecord::default() });
        }
        Ok(())
    }

    fn rows_of_tasks(&mut self) -> Read {
        let mut numbers = RunNumbers::default();
        self.each("task_runs", |reading, record| record.runs.push(reading.run(&mut numbers)))?;
        let mut comments = RunNumbers::default();
        self.each("task_comments", |reading, record| {
            record.comments.push(reading.comment(&mut comments));
        })?;
        let mut events = RunNumbers::default();
        self.each("task_events", |reading, record| {
            record.events.push(reading.event(&numbers, &mut events));
        })?;
        self.each("kanban_notify_subs", |reading, record| {
            record.subscriptions.push(reading.subscription());
        })?;
        self.attachments()
    }

    /// Hands each row of a table to the record of its task. Rows of missing tasks are counted.
    fn each(
        &mut self,
        table: &str,
        mut add: impl FnMut(&mut Reading<'_>, &mut TaskRecord),
    ) -> Read {
        let mut orphans = 0;
        for row in self.rows(table)? {
            let id = row.text("task_id").unwrap_or_default();
            let location = self.locations.get(&id).copied();
            match location.and_then(|location| self.read.records.get_mut(location)) {
                Some(record) => {
                    let mut reading = Reading::new(&row, shorten(&id));
                    add(&mut reading, record);
                    self.read.notes.extend(Note::all_of(&id, reading.notes));
                }
                None => orphans += 1,
            }
        }
        if orphans > 0 {
            let text = format!("skipped {orphans} row(s) of {table} without a task");
            self.read.notes.push(Note { task_id: None, text });
        }
        Ok(())
    }

    /// Attached files lie beside the board, where this program does not read.
    fn attachments(&mut self) -> Read {
        let mut by_task: HashMap<String, Vec<String>> = HashMap::new();
        for row in self.rows("task_attachments")? {
            let name = shorten(&row.text("filename").unwrap_or_default());
            by_task.entry(row.text("task_id").unwrap_or_default()).or_default().push(name);
        }
        let mut by_task: Vec<(String, Vec<String>)> = by_task.into_iter().collect();
        by_task.sort();
        for (id, names) in by_task {
            self.read.left_out.push(LeftOut {
                table: "task_attachments".to_owned(),
                task_id: Some(shorten(&id)),
                rows: names.len(),
                reason: format!("attachments are not imported: {}", names.join(", ")),
            });
        }
        Ok(())
    }

    fn links(&mut self) -> Read {
        for row in self.rows("task_links")? {
            match (row.text("parent_id"), row.text("child_id")) {
                (Some(parent), Some(child)) => self.read.links.push((parent, child)),
                (_, id) => self.leave_out("task_links", id.as_deref(), "a task is missing"),
            }
        }
        Ok(())
    }
}

/// Of tasks that share an idempotency key the newest keeps it: it is the one that the predecessor would find.
fn keep_newest_keys(board: &mut HermesBoard) {
    let mut newest: HashMap<String, (i64, usize)> = HashMap::new();
    let is_live = |task: &TaskFields| task.status != "archived";
    for (location, record) in board.records.iter().enumerate() {
        let Some(key) = record.task.idempotency_key.clone().filter(|key| !key.is_empty()) else {
            continue;
        };
        if is_live(&record.task) {
            let entry = newest.entry(key).or_insert((record.task.created_at, location));
            if record.task.created_at >= entry.0 {
                *entry = (record.task.created_at, location);
            }
        }
    }
    for (location, record) in board.records.iter_mut().enumerate() {
        let Some(key) = record.task.idempotency_key.clone().filter(|key| !key.is_empty()) else {
            continue;
        };
        let is_keeper = newest.get(&key).is_some_and(|(_, keeper)| *keeper == location);
        if is_live(&record.task) && !is_keeper {
            record.task.idempotency_key = None;
            let id = record.task.id.clone();
            let text =
                format!("the idempotency key {key:?} of {id} was dropped: a newer task has it");
            board.notes.push(Note { task_id: Some(id), text });
        }
    }
}
