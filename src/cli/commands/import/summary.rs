//! The report at the end of an import.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::cli::text::{cut, one_line, pad, width};
use crate::exit_codes::CliExit;
use crate::kernel::task::TaskStatus;
use crate::kernel::transfer::import::ImportReply;
use crate::kernel::transfer::report::{ColumnLeftOut, LeftOut};

/// What an import did, or would do.
#[derive(Debug, Default, Serialize)]
pub(super) struct Summary {
    pub(super) board: String,
    pub(super) dry_run: bool,
    pub(super) imported: usize,
    pub(super) existing: usize,
    /// Rows that came, by table: as the board holds them afterwards.
    pub(super) tables: BTreeMap<String, usize>,
    /// Tasks that came, by the status that they have afterwards.
    pub(super) by_status: BTreeMap<String, usize>,
    pub(super) existing_links: usize,
    /// What was changed so that it fits.
    pub(super) notes: Vec<String>,
    /// Rows that did not come.
    pub(super) left_out: Vec<LeftOut>,
    /// Columns that have no place here.
    pub(super) columns_left_out: Vec<ColumnLeftOut>,
    pub(super) paused: bool,
    /// The tasks of a list, in a dry run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) preview: Vec<PreviewRow>,
    /// Where each task that came stands.
    #[serde(skip)]
    pub(super) tasks: BTreeMap<String, TaskStatus>,
    /// Where each task stands that was here already.
    #[serde(skip)]
    pub(super) existing_tasks: BTreeMap<String, TaskStatus>,
}

/// A task of a list, for a person to look at before it comes.
#[derive(Debug, Default, Serialize)]
pub(super) struct PreviewRow {
    pub(super) id: String,
    pub(super) status: String,
    pub(super) title: String,
    pub(super) assignee: Option<String>,
    pub(super) labels: Vec<String>,
    pub(super) parents: Vec<String>,
    /// Where it stands in the file.
    pub(super) location: String,
    /// Whether it is on the board already.
    pub(super) existing: bool,
}

/// Rows of a preview that are shown to people.
const PREVIEW_ROWS_MAX: usize = 20;

/// Columns of a title and of a list of labels there.
const PREVIEW_TITLE: usize = 44;
const PREVIEW_LABELS: usize = 24;

impl Summary {
    /// Says of each task of a preview where it stands, or would.
    pub(super) fn show_preview(&mut self, mut rows: Vec<PreviewRow>) {
        for row in &mut rows {
            row.existing = self.existing_tasks.contains_key(&row.id);
            let status = self.tasks.get(&row.id).or_else(|| self.existing_tasks.get(&row.id));
            if let Some(status) = status {
                status.as_str().clone_into(&mut row.status);
            }
        }
        self.preview = rows;
    }

    fn preview_lines(&self) -> Vec<String> {
        if self.preview.is_empty() {
            return Vec::new();
        }
        let dash = || "-".to_owned();
        let header = ["STATUS", "TITLE", "ASSIGNEE", "LABELS", "FROM"].map(str::to_owned);
        let cells = self.preview.iter().take(PREVIEW_ROWS_MAX).map(|row| {
            let status = if row.existing { "existing" } else { row.status.as_str() };
            let labels = cut(&one_line(&row.labels.join(", ")), PREVIEW_LABELS);
            [
                status.to_owned(),
                cut(&one_line(&row.title), PREVIEW_TITLE),
                row.assignee.as_deref().map_or_else(dash, one_line),
                if labels.is_empty() { dash() } else { labels },
                one_line(&row.location),
            ]
        });
        let rows: Vec<[String; 5]> = std::iter::once(header).chain(cells).collect();
        let mut widths = [0; 5];
        for row in &rows {
            for (most, cell) in widths.iter_mut().zip(row) {
                *most = (*most).max(width(cell));
            }
        }
        let line = |row: &[String; 5]| {
            let padded = row.iter().zip(widths).map(|(cell, width)| pad(cell, width));
            padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        let mut lines: Vec<String> = rows.iter().map(line).collect();
        match self.preview.len().saturating_sub(PREVIEW_ROWS_MAX) {
            0 => {}
            more => lines.push(format!("and {more} more")),
        }
        lines.push(String::new());
        lines
    }

    pub(super) fn add(&mut self, reply: ImportReply) {
        self.board = reply.board;
        self.imported += reply.imported;
        self.existing += reply.existing;
        for (table, rows) in reply.rows {
            *self.tables.entry(table).or_default() += rows;
        }
        self.notes.extend(reply.notes);
        self.left_out.extend(reply.left_out);
        self.paused |= reply.paused;
        self.tasks.extend(reply.tasks);
        self.existing_tasks.extend(reply.existing_tasks);
    }

    /// Counts where the tasks stand, when nothing changes.
    pub(super) fn count_statuses(&mut self) {
        self.by_status.clear();
        for status in self.tasks.values() {
            *self.by_status.entry(status.as_str().to_owned()).or_default() += 1;
        }
    }

    /// Whether everything came.
    pub(super) fn exit(&self) -> CliExit {
        if self.left_out.is_empty() { CliExit::Ok } else { CliExit::Refused }
    }

    /// For people.
    pub(super) fn lines(&self) -> Vec<String> {
        let word = if self.dry_run { "Would import" } else { "Imported" };
        let mut lines = self.preview_lines();
        lines.push(format!(
            "{word} {} task(s) to board {}, {} existing",
            self.imported, self.board, self.existing
        ));
        let counts = |heading: &str, counts: &BTreeMap<String, usize>| {
            let rows = counts.iter().filter(|(_, count)| **count > 0);
            let rows: Vec<String> =
                rows.map(|(name, count)| format!("  {name:<18} {count:>7}")).collect();
            let heading = (!rows.is_empty()).then(|| heading.to_owned());
            heading.into_iter().chain(rows).collect::<Vec<_>>()
        };
        lines.extend(counts("By table:", &self.tables));
        lines.extend(counts("By status:", &self.by_status));
        lines.extend(self.notes.iter().map(|note| format!("note: {}", one_line(note))));
        let columns = self.columns_left_out.iter().filter(|column| column.values > 0);
        lines.extend(columns.map(|ColumnLeftOut { column, values, instead }| {
            let (column, instead) = (one_line(column), one_line(instead));
            format!("not imported: {column}, {values} value(s): {instead}")
        }));
        lines.extend(self.left_out.iter().map(left_out_line));
        if self.paused {
            lines.push("Dispatch is paused; start the tasks with `kanban resume`".to_owned());
        }
        lines
    }
}

fn left_out_line(left_out: &LeftOut) -> String {
    let LeftOut { table, task_id, rows, reason } = left_out;
    let of = task_id.as_deref().map_or_else(String::new, |id| format!(" of {}", one_line(id)));
    format!("skipped: {rows} row(s) of {}{of}: {}", one_line(table), one_line(reason))
}
