//! Sending records in batches, links after them, and saying what became of them.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::api::client::Client;
use crate::cli::commands::import::Source;
use crate::cli::failure::Failure;
use crate::cli::session::Nothing;
use crate::cli::text::one_line;
use crate::kernel::error::ErrorCode;
use crate::kernel::limits::REQUEST_BYTES_MAX;
use crate::kernel::transfer::export::ImportPlan;
use crate::kernel::transfer::import::{
    ImportLinks, ImportLinksReply, ImportReply, ImportTasks, ReservedIds,
};
use crate::kernel::transfer::record::TaskRecord;

/// Records and bytes of one batch, well below what a request may have.
const BATCH_RECORDS: usize = 200;
const BATCH_BYTES: usize = REQUEST_BYTES_MAX / 4;

/// Links, or tasks that wait, of one request.
const BATCH_LINKS: usize = 2000;

/// What an import did.
#[derive(Debug, Default, Serialize)]
pub(super) struct Summary {
    board: String,
    dry_run: bool,
    imported: usize,
    existing: usize,
    tables: BTreeMap<String, usize>,
    by_status: BTreeMap<String, usize>,
    existing_links: usize,
    notes: Vec<String>,
    paused: bool,
}

impl Summary {
    fn add(&mut self, reply: ImportReply) {
        self.board = reply.board;
        self.imported += reply.imported;
        self.existing += reply.existing;
        for (table, rows) in reply.rows {
            *self.tables.entry(table).or_default() += rows;
        }
        for (status, tasks) in reply.by_status {
            *self.by_status.entry(status).or_default() += tasks;
        }
        self.notes.extend(reply.notes);
        self.paused |= reply.paused;
    }

    /// For people.
    pub(super) fn lines(&self) -> Vec<String> {
        let word = if self.dry_run { "Would import" } else { "Imported" };
        let mut lines = vec![format!(
            "{word} {} task(s) to board {}, {} existing",
            self.imported, self.board, self.existing
        )];
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
        if self.paused {
            lines.push(
                "Dispatch is paused, so that nothing has started; `kanban resume` goes on"
                    .to_owned(),
            );
        }
        lines
    }
}

/// One way through all records.
#[derive(Debug, Clone, Copy)]
struct Pass {
    /// Only asks what would happen.
    dry_run: bool,
    /// The integer ids of the source are reserved on the board.
    keeps_ids: bool,
}

/// Sends a source to the daemon.
pub(super) struct Sender<'a> {
    client: &'a Client,
    source: &'a dyn Source,
    board: Option<String>,
    plan: ImportPlan,
    reserved: ReservedIds,
}

impl<'a> Sender<'a> {
    /// Asks the daemon how, and looks at which ids the source has.
    pub(super) fn new(
        client: &'a Client,
        source: &'a dyn Source,
        board: Option<String>,
    ) -> Result<Self, Failure> {
        let plan: ImportPlan = client.get("/v1/import", &Nothing {})?;
        let mut reserved = ReservedIds::default();
        source.each(&mut |record| {
            reserved.cover(&record);
            Ok(())
        })?;
        Ok(Self { client, source, board, plan, reserved })
    }

    /// Asks first what would happen to every record; only then sends them.
    pub(super) fn send(&self, is_dry: bool) -> Result<Summary, Failure> {
        let mut summary = self.pass(Pass { dry_run: true, keeps_ids: false })?;
        let mut waiting = Vec::new();
        if is_dry {
            summary.tables.insert("task_links".to_owned(), self.source.links().len());
        } else {
            summary = self.pass(Pass { dry_run: false, keeps_ids: self.reserve_ids()? })?;
            self.source.each(&mut |record| {
                if record.task.status == "todo" {
                    waiting.push(record.task.id);
                }
                Ok(())
            })?;
            self.send_links(&waiting, &mut summary)?;
        }
        let own = self.source.notes().iter().cloned();
        summary.notes = own.chain(std::mem::take(&mut summary.notes)).collect();
        Ok(summary)
    }

    fn pass(&self, pass: Pass) -> Result<Summary, Failure> {
        let mut summary = Summary { dry_run: pass.dry_run, ..Summary::default() };
        let (mut batch, mut bytes) = (Vec::new(), 0);
        self.source.each(&mut |record| {
            let length = length_of(&record)?;
            if !batch.is_empty() && (bytes + length > BATCH_BYTES || batch.len() >= BATCH_RECORDS) {
                summary.add(self.send_batch(std::mem::take(&mut batch), pass)?);
                bytes = 0;
            }
            bytes += length;
            batch.push(record);
            Ok(())
        })?;
        // The last one goes even when it is empty: it checks the board's name.
        summary.add(self.send_batch(batch, pass)?);
        Ok(summary)
    }

    fn send_batch(&self, records: Vec<TaskRecord>, pass: Pass) -> Result<ImportReply, Failure> {
        let Pass { dry_run, keeps_ids } = pass;
        let request = ImportTasks {
            records,
            keep_ids: keeps_ids,
            ids_reserved: keeps_ids,
            dry_run,
            ..self.request()
        };
        Ok(self.client.post("/v1/import", &request)?)
    }

    /// Whether the integer ids can be kept. Others may be at work on the board since it was looked at.
    fn reserve_ids(&self) -> Result<bool, Failure> {
        if !self.plan.keep_ids {
            return Ok(false);
        }
        let request = ImportTasks { keep_ids: true, ..self.request() };
        Ok(self.client.post::<ImportReply>("/v1/import", &request)?.keeps_ids)
    }

    fn request(&self) -> ImportTasks {
        ImportTasks {
            source: self.source.kind().to_owned(),
            board: self.board.clone(),
            reserved: self.reserved,
            ..ImportTasks::default()
        }
    }

    fn send_links(&self, waiting: &[String], summary: &mut Summary) -> Result<(), Failure> {
        let links = self.source.links();
        let mut requests: Vec<ImportLinks> = Vec::new();
        for links in links.chunks(BATCH_LINKS) {
            let links = links.to_vec();
            requests.push(ImportLinks {
                board: self.board.clone(),
                links,
                ..ImportLinks::default()
            });
        }
        // After all links: only then is it certain what waits for nothing.
        for waiting in waiting.chunks(BATCH_LINKS) {
            let waiting = waiting.to_vec();
            requests.push(ImportLinks {
                board: self.board.clone(),
                waiting,
                ..ImportLinks::default()
            });
        }
        let mut imported = 0;
        for request in requests {
            let reply: ImportLinksReply = self.client.post("/v1/import/links", &request)?;
            imported += reply.imported;
            summary.existing_links += reply.existing;
            summary.notes.extend(reply.notes);
            summary.paused |= reply.paused;
        }
        summary.tables.insert("task_links".to_owned(), imported);
        Ok(())
    }
}

/// Bytes of a record in a request.
fn length_of(record: &TaskRecord) -> Result<usize, Failure> {
    let json = serde_json::to_vec(record)
        .map_err(|error| Failure::fault(format!("a record cannot be written: {error}")))?;
    if json.len() + 4096 > REQUEST_BYTES_MAX {
        let told = format!("{} is too large to be imported: {} bytes", record.task.id, json.len());
        return Err(Failure::refused(ErrorCode::TooLarge, told));
    }
    Ok(json.len())
}
