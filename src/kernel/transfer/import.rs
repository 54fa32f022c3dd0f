//! The verbs of an import. Nothing is started by one: when it brings ready tasks with an assignee, dispatch is
//! paused with it, and a person resumes.
//!
//! Each record stands alone: one that cannot be a task here is left out with its reason, and the others come. Only a clash of
//! ids refuses a request as a whole, because then it is not known whose task is meant.

mod links;

pub use links::{ImportLinks, ImportLinksReply};

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::digest;
use crate::kernel::dispatch_switch::{DispatchSwitch, switch_dispatch};
use crate::kernel::error::{Fault, Refusal, VerbError};
use crate::kernel::event::EventBody;
use crate::kernel::ids::{BoardName, QuestionId, RunId, TaskId};
use crate::kernel::objects;
use crate::kernel::rules::review::person_instead;
use crate::kernel::shorten::shorten;
use crate::kernel::store;
use crate::kernel::store::tasks::Inserted;
use crate::kernel::store::transaction::alone;
use crate::kernel::store::transfer::{NewEvent, NewTask};
use crate::kernel::task::TaskStatus;
use crate::kernel::transfer::normalize::{Normal, normalize};
use crate::kernel::transfer::record::{QuestionFields, SubscriptionFields, TaskRecord};
use crate::kernel::transfer::report::{LeftOut, RecordNotes};
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;

/// Imports tasks, each whole.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ImportTasks {
    /// Kind of the source: `hermes` or `kanban`; part of the key that identifies an imported task.
    pub source: String,
    /// Board to import into.
    pub board: Option<String>,
    /// The tasks.
    #[serde(deserialize_with = "objects::list")]
    pub records: Vec<TaskRecord>,
    /// Status of ready and waiting tasks once all links are imported: `ready` or `todo`, by id.
    pub settled: BTreeMap<String, TaskStatus>,
    /// Keeps the integer ids of runs, comments and events; only into a database without tasks.
    pub keep_ids: bool,
    /// With `keep_ids`: the largest ids of the whole source, over all batches.
    pub reserved: ReservedIds,
    /// Whether an earlier reply of this import had `keeps_ids`.
    pub ids_reserved: bool,
    /// Only reports what would happen.
    pub dry_run: bool,
    /// Attachments are uploaded afterwards: it is not noted that they are missing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub files_follow: bool,
}

/// Largest ids of a source. New rows of the board get larger ids, so that later batches find their ids free.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReservedIds {
    /// Largest run id.
    pub runs: i64,
    /// Largest comment id.
    pub comments: i64,
    /// Largest event id.
    pub events: i64,
}

impl ReservedIds {
    /// Takes the ids of a record in.
    pub fn cover(&mut self, record: &TaskRecord) {
        self.runs = record.runs.iter().map(|run| run.id).fold(self.runs, i64::max);
        self.comments =
            record.comments.iter().map(|comment| comment.id).fold(self.comments, i64::max);
        self.events = record.events.iter().map(|event| event.id).fold(self.events, i64::max);
    }

    fn can_be_kept(&self) -> bool {
        [self.runs, self.comments, self.events].iter().all(|id| *id <= store::transfer::ID_KEPT_MAX)
    }
}

/// Result of `import`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImportReply {
    /// The board.
    pub board: String,
    /// Number of tasks imported.
    pub imported: usize,
    /// Number of tasks imported earlier.
    pub existing: usize,
    /// Number of imported rows by table.
    pub rows: BTreeMap<String, usize>,
    /// Number of imported tasks by status.
    pub by_status: BTreeMap<String, usize>,
    /// Imported tasks, with their status.
    #[serde(default)]
    pub tasks: BTreeMap<String, TaskStatus>,
    /// Tasks imported earlier, with their current status.
    #[serde(default)]
    pub existing_tasks: BTreeMap<String, TaskStatus>,
    /// One line per change made during the import.
    pub notes: Vec<String>,
    /// Rows that were skipped.
    #[serde(default)]
    pub left_out: Vec<LeftOut>,
    /// Whether dispatch was paused because ready tasks were imported.
    pub paused: bool,
    /// Whether integer ids are kept and now reserved; only in a database without tasks.
    pub keeps_ids: bool,
}

impl Verb for ImportTasks {
    type Reply = ImportReply;
    const NAME: &'static str = "import";
    const NOTIFIES: bool = false;

    fn run(&self, tx: &mut Tx<'_>) -> Result<ImportReply, VerbError> {
        tx.caller.may_ask(Self::NAME)?;
        let board = tx.board(self.board.as_deref(), Self::NAME)?.name;
        let mut reply = ImportReply { board: board.to_string(), ..ImportReply::default() };
        let keep_ids = self.reserve_ids(tx)?;
        reply.keeps_ids = keep_ids;
        for record in &self.records {
            let mut notes = RecordNotes::of(&record.task.id);
            match normalize(record.clone(), tx.now) {
                Ok(normal) => self.import_alone(tx, &board, normal, &mut notes, &mut reply)?,
                Err(problem) => notes.leave_out("tasks", 1, &problem),
            }
            reply.notes.extend(notes.notes);
            reply.left_out.extend(notes.left_out);
        }
        if reply.imported > 0 && !self.dry_run {
            count_imported(tx, reply.imported)?;
        }
        let has_work = reply.by_status.contains_key(TaskStatus::Ready.as_str());
        if has_work && !self.dry_run {
            reply.paused = pause(tx)?;
        }
        Ok(reply)
    }
}

/// Pauses dispatch; false when it does not start anything anyway.
fn pause(tx: &Tx<'_>) -> Result<bool, VerbError> {
    let is_on = DispatchSwitch::read(tx.store())? == DispatchSwitch::On;
    if is_on {
        switch_dispatch(tx, DispatchSwitch::Paused)?;
    }
    Ok(is_on)
}

fn count_imported(tx: &Tx<'_>, more: usize) -> Result<(), Fault> {
    let stored = store::install::setting(tx.store(), store::transfer::IMPORTED_TASKS)?;
    let before: usize = stored.and_then(|text| text.parse().ok()).unwrap_or_default();
    let count = before.saturating_add(more).to_string();
    store::install::set_setting(
        tx.store(),
        store::transfer::IMPORTED_TASKS,
        &count,
        tx.now,
        &tx.caller.actor().to_string(),
    )
}

impl ImportTasks {
    /// Whether ids are kept. A task may have been created since the import was planned, so the board is looked at again in
    /// the transaction that reserves them; from then on nobody can take one.
    fn reserve_ids(&self, tx: &Tx<'_>) -> Result<bool, Fault> {
        if !self.keep_ids || !self.reserved.can_be_kept() {
            return Ok(false);
        }
        if self.ids_reserved {
            return Ok(true);
        }
        let is_empty = store::transfer::is_empty(tx.store())?;
        if is_empty && !self.dry_run {
            let ReservedIds { runs, comments, events } = self.reserved;
            store::transfer::reserve_ids(tx.store(), runs, comments, events)?;
        }
        Ok(is_empty)
    }

    /// Brings a task, or leaves it out whole.
    fn import_alone(
        &self,
        tx: &mut Tx<'_>,
        board: &BoardName,
        normal: Normal,
        notes: &mut RecordNotes,
        reply: &mut ImportReply,
    ) -> Result<(), VerbError> {
        let connection = tx.connection;
        let (events, counts) = (tx.effects.events.len(), tx.effects.counts.len());
        let mut brought = ImportReply { keeps_ids: reply.keeps_ids, ..ImportReply::default() };
        let done = alone(connection, || self.import_one(tx, board, normal, &mut brought))?;
        match done {
            Ok(()) => {
                add(reply, brought);
                Ok(())
            }
            Err(VerbError::Refused(clash @ Refusal::ImportClash { .. })) => Err(clash.into()),
            Err(error) => {
                tx.effects.events.truncate(events);
                tx.effects.counts.truncate(counts);
                notes.leave_out("tasks", 1, &error.to_string());
                Ok(())
            }
        }
    }

    fn import_one(
        &self,
        tx: &mut Tx<'_>,
        board: &BoardName,
        normal: Normal,
        reply: &mut ImportReply,
    ) -> Result<(), VerbError> {
        let mut normal = normal;
        let fields = &normal.record.task;
        let id = TaskId::parse(&fields.id)
            .ok_or_else(|| Refusal::UnknownTask { id: shorten(&fields.id) })?;
        let origin = self.origin(&normal);
        if let Some((status, _)) = store::tasks::get_status(tx.store(), &id)? {
            return if store::transfer::origin_of(tx.store(), &id)? == Some(origin) {
                reply.existing += 1;
                reply.existing_tasks.insert(id.to_string(), status);
                Ok(())
            } else {
                Err(Refusal::ImportClash { id: id.to_string() }.into())
            };
        }
        // A list without times: it is the same task at the next import, so the time is no part of what it is recognized by.
        if normal.record.task.created_at == 0 {
            normal.record.task.created_at = tx.now;
            let is_done = normal.status == TaskStatus::Done;
            normal.record.task.completed_at =
                normal.record.task.completed_at.or(is_done.then_some(tx.now));
        }
        if let (TaskStatus::Ready | TaskStatus::Todo, Some(to)) =
            (normal.status, self.settled.get(id.as_str()))
            && matches!(to, TaskStatus::Ready | TaskStatus::Todo)
        {
            normal.status = *to;
        }
        count(reply, &normal, self.files_follow);
        if self.dry_run {
            return Ok(());
        }
        write(tx, board, &id, &origin, normal, reply)
    }

    /// A task is recognized by where it comes from and how it began; everything else may have been edited since. Of a list the id is
    /// made of what the list calls it, and that is all: the next time it may say more of the beginning, or less.
    fn origin(&self, normal: &Normal) -> String {
        let fields = &normal.record.task;
        if is_list(&self.source) {
            return digest::hex(&[self.source.as_bytes(), fields.id.as_bytes()]);
        }
        digest::hex(&[
            self.source.as_bytes(),
            fields.id.as_bytes(),
            &fields.created_at.to_be_bytes(),
            fields.created_by.as_deref().unwrap_or_default().as_bytes(),
        ])
    }
}

/// Whether a source is a list that a person brings: neither an export of a board nor a board of Hermes, whose tasks have ids and
/// beginnings of their own.
pub fn is_list(source: &str) -> bool {
    ["json", "csv", "github", "trello", "markdown"].contains(&source)
}

/// Adds what became of one record.
fn add(reply: &mut ImportReply, brought: ImportReply) {
    reply.imported += brought.imported;
    reply.existing += brought.existing;
    for (table, rows) in brought.rows {
        *reply.rows.entry(table).or_default() += rows;
    }
    for (status, tasks) in brought.by_status {
        *reply.by_status.entry(status).or_default() += tasks;
    }
    reply.tasks.extend(brought.tasks);
    reply.existing_tasks.extend(brought.existing_tasks);
    reply.notes.extend(brought.notes);
    reply.left_out.extend(brought.left_out);
}

fn count(reply: &mut ImportReply, normal: &Normal, files_follow: bool) {
    let record = &normal.record;
    reply.imported += 1;
    reply.tasks.insert(record.task.id.clone(), normal.status);
    *reply.by_status.entry(normal.status.as_str().to_owned()).or_default() += 1;
    for (table, rows) in [
        ("tasks", 1),
        ("task_runs", record.runs.len()),
        ("questions", record.questions.len()),
        ("task_comments", record.comments.len()),
        ("task_events", record.events.len() + usize::from(normal.reclaimed.is_some())),
        ("task_labels", record.labels.len()),
        ("kanban_notify_subs", record.subscriptions.len()),
    ] {
        *reply.rows.entry(table.to_owned()).or_default() += rows;
    }
    let mut notes = normal.report.clone();
    if !record.attachments.is_empty() && !files_follow {
        let names: Vec<String> =
            record.attachments.iter().map(|file| shorten(&file.filename)).collect();
        notes.notes.push(format!(
            "{} was imported without its attachment(s) {}: `kanban export --with-files` writes them beside an export",
            notes.id,
            names.join(", ")
        ));
    }
    reply.notes.extend(notes.notes);
    reply.left_out.extend(notes.left_out);
}

fn write(
    tx: &mut Tx<'_>,
    board: &BoardName,
    id: &TaskId,
    origin: &str,
    normal: Normal,
    reply: &mut ImportReply,
) -> Result<(), VerbError> {
    let keep_ids = reply.keeps_ids;
    let Normal { record, status, workspace_kind, skills, reclaimed, .. } = normal;
    let key = record.task.idempotency_key.as_deref().filter(|key| !key.is_empty());
    let mut idempotency_key = record.task.idempotency_key.clone();
    if let Some(key) = key
        && status != TaskStatus::Archived
        && store::tasks::find_by_idempotency_key(tx.store(), board, key)?.is_some()
    {
        reply
            .notes
            .push(format!("the idempotency key {key:?} of {id} was dropped: another task has it"));
        idempotency_key = None;
    }
    store::transfer::insert_task(
        tx.store(),
        &NewTask {
            id,
            board,
            fields: &record.task,
            status,
            workspace_kind,
            skills,
            idempotency_key,
        },
        tx.now,
    )?;
    store::transfer::insert_origin(tx.store(), id, origin, tx.now)?;
    for label in &record.labels {
        store::labels::insert(tx.store(), id, label)?;
    }
    let mut run_ids = BTreeMap::new();
    for run in &record.runs {
        let new_id = store::transfer::insert_run(tx.store(), id, run, keep_ids)?;
        run_ids.insert(run.id, new_id);
    }
    for question in &record.questions {
        insert_question(tx, id, question, &run_ids)?;
    }
    for comment in &record.comments {
        store::transfer::insert_comment(tx.store(), id, comment, keep_ids)?;
    }
    let mut event_ids = Vec::new();
    for event in &record.events {
        let run_id = event.run_id.and_then(|old| run_ids.get(&old).copied());
        let new = NewEvent { task_id: id, run_id, fields: event };
        event_ids.push((event.id, store::transfer::insert_event(tx.store(), &new, keep_ids)?));
    }
    for subscription in &record.subscriptions {
        // The newest event that had been heard, under its new number.
        let heard = event_ids.iter().filter(|(old, _)| *old <= subscription.last_event_id);
        let cursor = heard.map(|(_, new)| *new).max().unwrap_or_default();
        store::transfer::insert_subscription(tx.store(), id, subscription, cursor)?;
        keep_quiet_hours(tx, subscription)?;
        tx.listeners.forget();
    }
    let task = tx.reread(id)?;
    if status == TaskStatus::Review
        && task.review_why.is_none()
        && let Some(why) = person_instead(&task, tx.policy)
    {
        store::tasks::set_review_why(tx.store(), id, &why)?;
    }
    tx.count(&task, None, Some(status));
    if let Some((lock, run_id)) = reclaimed {
        let run_id = run_id.and_then(|old| run_ids.get(&old).copied());
        let stale_lock = Some(lock.as_deref().unwrap_or_default());
        let reason = Some("imported while in flight");
        tx.event(&task, run_id, &EventBody::Reclaimed { stale_lock, reason })?;
    }
    Ok(())
}

/// Brings a question under its own id; under a new one where another question has that.
/// The quiet hours of the address that a subscription names. Those that it has here already stay.
fn keep_quiet_hours(tx: &Tx<'_>, subscription: &SubscriptionFields) -> Result<(), Fault> {
    let Some(quiet) = subscription.quiet.as_deref() else { return Ok(()) };
    let target = (
        subscription.platform.as_str(),
        subscription.chat_id.as_str(),
        subscription.thread_id.as_str(),
    );
    let id = store::routes::ensure(tx.store(), target, tx.now)?;
    let route = store::routes::get(tx.store(), id)?;
    if route.is_some_and(|route| route.quiet.is_none()) {
        store::routes::set_quiet(tx.store(), id, Some(quiet))?;
    }
    Ok(())
}

fn insert_question(
    tx: &mut Tx<'_>,
    task_id: &TaskId,
    fields: &QuestionFields,
    run_ids: &BTreeMap<i64, RunId>,
) -> Result<(), VerbError> {
    let run_id = fields.run_id.and_then(|old| run_ids.get(&old).copied());
    let mut id = QuestionId::parse(&fields.id);
    loop {
        let tried = match id.take() {
            Some(own) => own,
            None => QuestionId::random(tx.random()),
        };
        match store::questions::insert_imported(tx.store(), (&tried, task_id, run_id), fields)? {
            Inserted::Yes => return Ok(()),
            Inserted::Taken => {}
        }
    }
}
