//! The writer of the index: takes in what has happened on the board since it last looked.
//!
//! It works in steps that are bounded in bytes, and each step is kept; a task that cannot be taken in is stepped over and named,
//! so that no task keeps the others from being found.

use std::path::Path;

use rusqlite::{Connection as Index, named_params};

use super::super::Doing;
use super::super::{events, install, tasks, transfer};
use super::file;
use super::parts::{self, Taken};
use crate::kernel::error::Fault;
use crate::kernel::ids::{EventId, TaskId};
use crate::kernel::store::Connection;
use crate::kernel::store::install::EVENTS_FLOOR;
use crate::kernel::store::transfer::IMPORTED_TASKS;

/// Events looked at in one step.
const EVENTS_PER_STEP: u32 = 500;

/// Attempts at a task whose fault may pass, before it is stepped over.
const ATTEMPTS_MAX: u32 = 5;

/// The writer of the index.
pub struct SearchIndex {
    index: Index,
    failures: Failures,
}

impl SearchIndex {
    /// Opens the index of the board at `database`, or rebuilds it when it does not fit that incarnation of the database.
    ///
    /// # Errors
    /// A fault of the index.
    pub fn open(database: &Path, incarnation: &str) -> Result<Self, Fault> {
        let index = file::open(&super::index_path(database), incarnation)?;
        Ok(Self { index, failures: Failures::default() })
    }

    /// Takes in what has happened since; returns when nothing is left.
    ///
    /// # Errors
    /// A fault of either file; the step that failed is done again next time.
    pub fn catch_up(&mut self, board: &Connection) -> Result<(), Fault> {
        self.forget_collected(board)?;
        while self.step(board)? {}
        self.take_in_imported(board)
    }

    /// One page of events; whether there may be more.
    fn step(&mut self, board: &Connection) -> Result<bool, Fault> {
        let doing = "index texts";
        let cursor: EventId =
            self.index.query_row("SELECT cursor FROM state", [], |row| row.get(0)).doing(doing)?;
        let page = events::list_touched_after(board, cursor, EVENTS_PER_STEP)?;
        let Some(last) = page.last else { return Ok(false) };
        self.take_in_all(board, &page.tasks, Some(last))?;
        Ok(page.is_full)
    }

    /// Takes in imported tasks that are not known yet: their events may be numbered below the cursor, or missing.
    fn take_in_imported(&mut self, board: &Connection) -> Result<(), Fault> {
        let doing = "index imported texts";
        let stored = install::setting(board, IMPORTED_TASKS)?;
        let count: i64 = stored.and_then(|text| text.parse().ok()).unwrap_or_default();
        let known: i64 = self
            .index
            .query_row("SELECT imported FROM state", [], |row| row.get(0))
            .doing(doing)?;
        if count == known {
            return Ok(());
        }
        let mut unknown = Vec::new();
        for id in transfer::list_imported(board)? {
            if !parts::is_known(&self.index, &id)? {
                unknown.push(id);
            }
        }
        self.take_in_all(board, &unknown, None)?;
        self.index
            .execute("UPDATE state SET imported = :count", named_params! { ":count": count })
            .map(drop)
            .doing(doing)
    }

    /// Takes in these tasks; then the cursor moves, if it is to.
    fn take_in_all(
        &mut self,
        board: &Connection,
        ids: &[TaskId],
        cursor: Option<EventId>,
    ) -> Result<(), Fault> {
        let mut left = ids;
        loop {
            let step =
                |this: &mut Self, one_by_one| this.take_in_step(board, left, cursor, one_by_one);
            // A step without savepoints is written once, at its end. What it failed at is found with them.
            left = match step(self, OneByOne::No) {
                Ok(left) => left,
                Err(_) => step(self, OneByOne::Yes)?,
            };
            if left.is_empty() {
                return Ok(());
            }
        }
    }

    /// Takes in as many of these tasks as fit into one step; returns the rest. The cursor moves with the last one.
    fn take_in_step<'i>(
        &mut self,
        board: &Connection,
        mut ids: &'i [TaskId],
        cursor: Option<EventId>,
        one_by_one: OneByOne,
    ) -> Result<&'i [TaskId], Fault> {
        let doing = "index texts";
        let transaction = self.index.transaction().doing(doing)?;
        let mut room = parts::BYTES_PER_STEP;
        while room > 0
            && let Some((id, rest)) = ids.split_first()
        {
            let mut take_in = |index: &Index| parts::take_in(index, board, id, &mut room);
            let taken = match one_by_one {
                OneByOne::No => take_in(&transaction)?,
                OneByOne::Yes => match kept_whole(&transaction, take_in) {
                    Err(fault) if !self.failures.is_stepped_over(id, &fault) => return Err(fault),
                    Err(fault) => {
                        parts::step_over(&transaction, id, &fault.to_string())?;
                        Taken::Whole
                    }
                    Ok(taken) => taken,
                },
            };
            // The rest of a part is in the next step.
            if taken == Taken::Whole {
                ids = rest;
            }
        }
        if let Some(cursor) = cursor.filter(|_| ids.is_empty()) {
            transaction
                .execute("UPDATE state SET cursor = :at", named_params! { ":at": cursor })
                .doing(doing)?;
        }
        transaction.commit().doing(doing)?;
        Ok(ids)
    }

    /// Drops the texts of tasks that gc has removed since the last look.
    fn forget_collected(&mut self, board: &Connection) -> Result<(), Fault> {
        let doing = "remove deleted texts from the index";
        let stored = install::setting(board, EVENTS_FLOOR)?;
        let floor: i64 = stored.and_then(|text| text.parse().ok()).unwrap_or_default();
        let known: i64 =
            self.index.query_row("SELECT floor FROM state", [], |row| row.get(0)).doing(doing)?;
        if floor == known {
            return Ok(());
        }
        let mut statement = self.index.prepare("SELECT id, task_id FROM documents").doing(doing)?;
        let rows = statement
            .query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, TaskId>(1)?)))
            .doing(doing)?;
        let all: Vec<(i64, TaskId)> = rows.collect::<rusqlite::Result<_>>().doing(doing)?;
        drop(statement);
        let transaction = self.index.transaction().doing(doing)?;
        for (document, task_id) in all {
            if tasks::get_status(board, &task_id)?.is_none() {
                let row = named_params! { ":id": document };
                transaction.execute("DELETE FROM texts WHERE rowid = :id", row).doing(doing)?;
                transaction.execute("DELETE FROM documents WHERE id = :id", row).doing(doing)?;
                transaction
                    .execute(
                        "DELETE FROM skipped WHERE task_id = :id",
                        named_params! { ":id": task_id },
                    )
                    .doing(doing)?;
            }
        }
        transaction
            .execute("UPDATE state SET floor = :floor", named_params! { ":floor": floor })
            .doing(doing)?;
        transaction.commit().doing(doing)
    }
}

/// Whether a step has a savepoint for each task, so that one that cannot be taken in is stepped over. Each savepoint writes what the
/// full-text index has gathered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OneByOne {
    Yes,
    No,
}

/// Keeps all that `take_in` does, or nothing of it.
fn kept_whole<T>(
    index: &Index,
    take_in: impl FnOnce(&Index) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let doing = "index a task";
    index.execute_batch("SAVEPOINT task").doing(doing)?;
    let taken = take_in(index);
    let end = match &taken {
        Ok(_) => "RELEASE task",
        Err(_) => "ROLLBACK TO task; RELEASE task",
    };
    index.execute_batch(end).doing(doing)?;
    taken
}

/// Whether a task that fails is tried again or stepped over.
#[derive(Debug, Default)]
struct Failures {
    task: Option<TaskId>,
    count: u32,
}

impl Failures {
    /// What will not pass is stepped over at once, and what may pass when it has not passed several times. A full disk says nothing
    /// about a task.
    fn is_stepped_over(&mut self, id: &TaskId, fault: &Fault) -> bool {
        if self.task.as_ref() == Some(id) {
            self.count += 1;
        } else {
            *self = Self { task: Some(id.clone()), count: 1 };
        }
        match fault {
            Fault::DiskFull { .. } => false,
            fault if fault.is_retryable() => self.count >= ATTEMPTS_MAX,
            Fault::Database { .. }
            | Fault::File { .. }
            | Fault::Uncommitted { .. }
            | Fault::Corrupt { .. }
            | Fault::BoardLost { .. }
            | Fault::ShuttingDown
            | Fault::Busy { .. }
            | Fault::NoAnswer { .. } => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_will_not_pass_is_stepped_over_and_what_may_pass_is_tried_again() {
        let (one, two) = (TaskId::parse("t_1").unwrap(), TaskId::parse("t_2").unwrap());
        let database = |retryable| Fault::Database {
            doing: "x".to_owned(),
            detail: "y".to_owned(),
            retryable,
        };
        let full = Fault::DiskFull { doing: "x".to_owned() };
        let mut failures = Failures::default();
        assert!(failures.is_stepped_over(&one, &database(false)));
        for attempt in 1..=ATTEMPTS_MAX {
            let is_over = failures.is_stepped_over(&two, &database(true));
            assert_eq!(is_over, attempt == ATTEMPTS_MAX, "{attempt}");
        }
        assert!(!failures.is_stepped_over(&one, &database(true)), "another task starts over");
        for _ in 0..=ATTEMPTS_MAX {
            assert!(!failures.is_stepped_over(&one, &full));
        }
    }
}
