//! Sends records in batches, then the links, and reports the results.
//!
//! Everything is asked for first without writing, so that a clash leaves nothing half imported, and so that it is
//! decided where each task stands before the first one is written. A record that the daemon refuses, whatever for, is
//! left out alone.

use std::collections::BTreeMap;

use crate::api::client::seen::Word;
use crate::api::client::{Client, ClientError};
use crate::cli::archive::{Archive, Expected, FileOfTask};
use crate::cli::commands::import::Source;
use crate::cli::commands::import::summary::Summary;
use crate::cli::failure::Failure;
use crate::cli::files::PrivateDir;
use crate::cli::session::Nothing;
use crate::kernel::error::ErrorCode;
use crate::kernel::limits::{IMPORT_RECORD_BYTES_MAX, REQUEST_BYTES_MAX};
use crate::kernel::task::TaskStatus;
use crate::kernel::transfer::export::ImportPlan;
use crate::kernel::transfer::import::{
    ImportLinks, ImportLinksReply, ImportReply, ImportTasks, ReservedIds,
};
use crate::kernel::transfer::record::TaskRecord;
use crate::kernel::transfer::report::{Note, RecordNotes};
use crate::kernel::transfer::settle::{Settled, settle};
use crate::kernel::transfer::shorten_history::shorten_history;

/// Records and bytes of one batch, well below what a request may have.
const BATCH_RECORDS: usize = 200;
const BATCH_BYTES: usize = REQUEST_BYTES_MAX / 4;

/// What a request holds beside its records, bytes, generously.
const REQUEST_FRAME_BYTES: usize = 64 * 1024;

/// Links, or tasks that wait, of one request.
const BATCH_LINKS: usize = 2000;

/// One way through all records.
#[derive(Debug, Clone, Copy)]
struct Pass<'s> {
    /// Only asks what would happen.
    dry_run: bool,
    /// The integer ids of the source are reserved on the board.
    keeps_ids: bool,
    /// Where tasks stand, as far as that is decided.
    settled: Option<&'s Settled>,
}

/// Sends a source to the daemon.
pub(super) struct Sender<'a> {
    client: &'a Client,
    source: &'a dyn Source,
    board: Option<String>,
    plan: ImportPlan,
    reserved: ReservedIds,
    archive: Option<&'a Archive>,
}

impl<'a> Sender<'a> {
    /// Asks the daemon how, and looks at which ids the source has.
    pub(super) fn new(
        client: &'a Client,
        source: &'a dyn Source,
        board: Option<String>,
        archive: Option<&'a Archive>,
    ) -> Result<Self, Failure> {
        let plan: ImportPlan = client.get("/v1/import", &Nothing {})?;
        let mut reserved = ReservedIds::default();
        source.each(&mut |record| {
            reserved.cover(&record);
            Ok(())
        })?;
        Ok(Self { client, source, board, plan, reserved, archive })
    }

    /// Asks first what would happen to every record; only then sends them.
    pub(super) fn send(&self, is_dry: bool) -> Result<Summary, Failure> {
        let looked = self.pass(Pass { dry_run: true, keeps_ids: false, settled: None })?;
        let settled = settle(&here(&looked), &self.source.findings().links);
        let mut summary = if is_dry {
            looked
        } else {
            let keeps_ids = self.reserve_ids()?;
            self.pass(Pass { dry_run: false, keeps_ids, settled: Some(&settled) })?
        };
        for (id, (to, parent)) in &settled.moved {
            summary.notes.push(match parent {
                Some(parent) => format!("{id} depends on {parent} and is now {to}"),
                None => format!("{id} has no unfinished parents and is now {to}"),
            });
            if let Some(status) = summary.tasks.get_mut(id) {
                *status = *to;
            }
        }
        if is_dry {
            foretell_links(settled, &mut summary);
        } else {
            self.send_links(&mut summary)?;
        }
        if let Some(archive) = self.archive {
            self.send_files(archive, is_dry, &mut summary)?;
        }
        summary.count_statuses();
        // What was said when a task came is not said again when it is found here.
        let is_new = |note: &&Note| match &note.task_id {
            Some(id) => summary.tasks.contains_key(id),
            None => summary.imported > 0,
        };
        let findings = self.source.findings();
        let own = findings.notes.iter().filter(is_new).map(|note| note.text.clone());
        let own: Vec<String> = own.collect();
        summary.notes = own.into_iter().chain(std::mem::take(&mut summary.notes)).collect();
        let left_out = findings.left_out.iter().cloned();
        summary.left_out = left_out.chain(std::mem::take(&mut summary.left_out)).collect();
        if summary.imported > 0 {
            summary.columns_left_out.clone_from(&findings.columns);
        }
        Ok(summary)
    }

    fn pass(&self, pass: Pass<'_>) -> Result<Summary, Failure> {
        let mut summary = Summary { dry_run: pass.dry_run, ..Summary::default() };
        let (mut batch, mut bytes) = (Vec::new(), 0);
        self.source.each(&mut |record| {
            let length = length_of(&record)?;
            if !batch.is_empty() && (bytes + length > BATCH_BYTES || batch.len() >= BATCH_RECORDS) {
                self.send_batch(std::mem::take(&mut batch), pass, &mut summary)?;
                bytes = 0;
            }
            bytes += length;
            batch.push(record);
            Ok(())
        })?;
        // The last one goes even when it is empty: it checks the board's name.
        self.send_batch(batch, pass, &mut summary)?;
        Ok(summary)
    }

    fn send_batch(
        &self,
        records: Vec<TaskRecord>,
        pass: Pass<'_>,
        summary: &mut Summary,
    ) -> Result<(), Failure> {
        let is_empty = records.is_empty();
        let mut send = |records: &[TaskRecord]| match self.post(records, pass, summary) {
            Ok(reply) => {
                summary.add(reply);
                Ok(None)
            }
            Err(ClientError::Refused(detail)) if !is_empty && !is_about_all(&detail.code) => {
                Ok(Some(detail.message))
            }
            Err(error) => Err(error),
        };
        let refused = each_alone(records, &mut send)?;
        for (record, why) in refused {
            let mut notice = RecordNotes::of(&record.task.id);
            notice.leave_out("tasks", 1, &why);
            summary.left_out.extend(notice.left_out);
        }
        Ok(())
    }

    fn post(
        &self,
        records: &[TaskRecord],
        pass: Pass<'_>,
        summary: &mut Summary,
    ) -> Result<ImportReply, ClientError> {
        let settled = pass.settled.map(|settled| {
            let of = |record: &TaskRecord| {
                Some((record.task.id.clone(), settled.moved.get(&record.task.id)?.0))
            };
            records.iter().filter_map(of).collect()
        });
        let request = ImportTasks {
            records: records.to_vec(),
            settled: settled.unwrap_or_default(),
            keep_ids: pass.keeps_ids,
            ids_reserved: pass.keeps_ids,
            dry_run: pass.dry_run,
            ..self.request()
        };
        let [record] = records else { return self.client.post("/v1/import", &request) };
        let length = length_of(record).unwrap_or(usize::MAX);
        if length.saturating_add(REQUEST_FRAME_BYTES) <= REQUEST_BYTES_MAX {
            return self.client.post("/v1/import", &request);
        }
        // A long history has a request of its own, and there is an end to that too.
        let mut notice = RecordNotes::of(&record.task.id);
        let mut short = record.clone();
        shorten_history(&mut short, IMPORT_RECORD_BYTES_MAX - REQUEST_FRAME_BYTES, &mut notice);
        summary.left_out.extend(notice.left_out);
        let request = ImportTasks { records: vec![short], ..request };
        self.client.post_large("/v1/import/large", &request)
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
            files_follow: self.archive.is_some(),
            ..ImportTasks::default()
        }
    }

    /// Attaches what the archive holds to the tasks that are on the board now, whether they came this time or before.
    fn send_files(
        &self,
        archive: &Archive,
        is_dry: bool,
        summary: &mut Summary,
    ) -> Result<(), Failure> {
        let mut wanted = BTreeMap::new();
        self.source.each(&mut |record| {
            let id = &record.task.id;
            let is_here = summary.tasks.contains_key(id) || summary.existing_tasks.contains_key(id);
            for fields in record.attachments.iter().filter(|_| is_here) {
                let file = FileOfTask { task: id.clone(), filename: fields.filename.clone() };
                wanted.insert(file, Expected::of(fields));
            }
            Ok(())
        })?;
        let failed = |error| Failure::fault(format!("cannot unpack an attached file: {error}"));
        let folder = PrivateDir::new("kanban-import").map_err(failed)?;
        let staged = folder.path().join("file");
        let mut files = 0;
        let missing = archive.each(wanted, &staged, &mut |file| {
            if is_dry {
                files += 1;
                return Ok(());
            }
            let FileOfTask { task, filename } = file;
            let board = self.board.as_deref();
            let reply = self.client.attach(task, &staged, Some(filename), board)?;
            files += usize::from(!reply.already);
            Ok(())
        })?;
        summary.tables.insert("task_attachments".to_owned(), files);
        for file in missing {
            let mut notice = RecordNotes::of(&file.task);
            let why = format!("the archive does not hold {}", file.filename);
            notice.leave_out("task_attachments", 1, &why);
            summary.left_out.extend(notice.left_out);
        }
        Ok(())
    }

    fn send_links(&self, summary: &mut Summary) -> Result<(), Failure> {
        let waits = |(_, status): &(&String, &TaskStatus)| **status == TaskStatus::Todo;
        let waiting: Vec<String> =
            summary.tasks.iter().filter(waits).map(|(id, _)| id.clone()).collect();
        let of_links = |links: &[(String, String)]| ImportLinks {
            board: self.board.clone(),
            links: links.to_vec(),
            ..ImportLinks::default()
        };
        // After all links: only then is it certain what waits for nothing.
        let of_waiting = |waiting: &[String]| ImportLinks {
            board: self.board.clone(),
            waiting: waiting.to_vec(),
            ..ImportLinks::default()
        };
        let links = &self.source.findings().links;
        let requests = links.chunks(BATCH_LINKS).map(of_links);
        let mut imported = 0;
        for request in requests.chain(waiting.chunks(BATCH_LINKS).map(of_waiting)) {
            let reply: ImportLinksReply = self.client.post("/v1/import/links", &request)?;
            imported += reply.imported;
            summary.existing_links += reply.existing;
            summary.notes.extend(reply.notes);
            summary.left_out.extend(reply.left_out);
            summary.paused |= reply.paused;
            *summary.tables.entry("task_events".to_owned()).or_default() += reply.events;
            for (id, to) in reply.moved {
                if let Some(status) = summary.tasks.get_mut(&id) {
                    *status = to;
                }
            }
        }
        summary.tables.insert("task_links".to_owned(), imported);
        Ok(())
    }
}

/// Sends items together. What is refused together is sent again in halves, until it is known which one it is: those
/// come back, each with why.
fn each_alone<T, E>(
    mut items: Vec<T>,
    send: &mut impl FnMut(&[T]) -> Result<Option<String>, E>,
) -> Result<Vec<(T, String)>, E> {
    let Some(why) = send(&items)? else { return Ok(Vec::new()) };
    if items.len() > 1 {
        let rest = items.split_off(items.len() / 2);
        let mut refused = each_alone(items, send)?;
        refused.extend(each_alone(rest, send)?);
        return Ok(refused);
    }
    Ok(items.into_iter().map(|item| (item, why.clone())).collect())
}

/// Whether a refusal is about the request as a whole and would be the same for each record.
fn is_about_all(code: &Word<ErrorCode>) -> bool {
    // What a newer daemon means is not known: no task is left out for it.
    let Some(code) = code.known() else { return true };
    matches!(
        code,
        ErrorCode::ImportClash
            | ErrorCode::UnknownBoard
            | ErrorCode::Forbidden
            | ErrorCode::Unplaced
            | ErrorCode::NoSession
            | ErrorCode::RunOver
            | ErrorCode::NotFound
            | ErrorCode::RequestConflict
            | ErrorCode::Unavailable
    )
}

/// Every task that is on the board afterwards, with its status and whether the import brings it.
fn here(looked: &Summary) -> BTreeMap<String, (TaskStatus, bool)> {
    let new = looked.tasks.iter().map(|(id, status)| (id.clone(), (*status, true)));
    let old = looked.existing_tasks.iter().map(|(id, status)| (id.clone(), (*status, false)));
    old.chain(new).collect()
}

/// What will be said of the links.
fn foretell_links(settled: Settled, summary: &mut Summary) {
    let is_old = |id: &String| summary.existing_tasks.contains_key(id);
    // A link between two tasks that were here is here too.
    let existing = settled.links.iter().filter(|(parent, child)| is_old(parent) && is_old(child));
    let existing = existing.count();
    summary.existing_links = existing;
    summary.tables.insert("task_links".to_owned(), settled.links.len() - existing);
    for wrong in settled.wrong {
        let (note, left_out) = wrong.report();
        summary.notes.extend(note);
        summary.left_out.extend(left_out);
    }
}

/// Bytes of a record in a request.
fn length_of(record: &TaskRecord) -> Result<usize, Failure> {
    serde_json::to_vec(record)
        .map(|json| json.len())
        .map_err(|error| Failure::fault(format!("cannot serialize a record: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_items_only_those_that_are_refused_alone_come_back() {
        for bad in [&[][..], &[0], &[9], &[3, 4], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]] {
            let mut sent = Vec::new();
            let mut send = |items: &[i32]| {
                let is_bad = items.iter().any(|item| bad.contains(item));
                if !is_bad {
                    sent.extend_from_slice(items);
                }
                Ok::<_, ()>(is_bad.then(|| "no".to_owned()))
            };
            let refused = each_alone((0..10).collect(), &mut send).unwrap();
            let refused: Vec<i32> = refused.into_iter().map(|(item, _)| item).collect();
            assert_eq!(refused, bad);
            let good: Vec<i32> = (0..10).filter(|item| !bad.contains(item)).collect();
            assert_eq!(sent, good, "each once, in its order");
        }
        let broken = each_alone(vec![1, 2], &mut |_: &[i32]| Err::<Option<String>, _>("gone"));
        assert_eq!(broken, Err("gone"));
    }
}
