//! The verbs of an import. Nothing is started by one: when it brings ready tasks that somebody is assigned to, dispatch is
//! paused with it, and a person resumes.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::board::{Verb, hex_digest};
use crate::kernel::caller::{Caller, Right};
use crate::kernel::error::{Fault, Refusal, VerbError};
use crate::kernel::ids::{BoardName, TaskId};
use crate::kernel::objects;
use crate::kernel::store;
use crate::kernel::store::transfer::{NewEvent, NewTask};
use crate::kernel::task::{Parents, TaskStatus};
use crate::kernel::transfer::normalize::{IMPORTER, Normal, normalize, reclaimed_payload};
use crate::kernel::transfer::record::TaskRecord;
use crate::kernel::tx::{Tx, shorten};
use crate::kernel::verbs::{DispatchSwitch, promote, switch_dispatch};

/// Imports tasks, each whole.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ImportTasks {
    /// Kind of the source (`hermes`, `kanban`); part of what a task is recognized by.
    pub source: String,
    /// Board that they come to.
    pub board: Option<String>,
    /// The tasks.
    #[serde(deserialize_with = "objects::list")]
    pub records: Vec<TaskRecord>,
    /// Keeps the integer ids of runs, comments and events; only for a board file without any task.
    pub keep_ids: bool,
    /// With `keep_ids`: the ids of the whole source, of all its batches.
    pub reserved: ReservedIds,
    /// An earlier request of this import was told `keeps_ids`.
    pub ids_reserved: bool,
    /// Only says what would happen.
    pub dry_run: bool,
}

/// Largest ids of a source. Whatever the board adds meanwhile comes behind them, so that no later batch finds its ids taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReservedIds {
    /// Of its runs.
    pub runs: i64,
    /// Of its comments.
    pub comments: i64,
    /// Of its events.
    pub events: i64,
}

/// Ids beyond this are not kept: what comes behind them has to have a place too.
const ID_KEPT_MAX: i64 = 1 << 48;

impl ReservedIds {
    /// Takes the ids of a record in.
    pub fn cover(&mut self, record: &TaskRecord) {
        self.runs = record.runs.iter().map(|run| run.id).fold(self.runs, i64::max);
        self.comments =
            record.comments.iter().map(|comment| comment.id).fold(self.comments, i64::max);
        self.events = record.events.iter().map(|event| event.id).fold(self.events, i64::max);
    }

    fn can_be_kept(&self) -> bool {
        [self.runs, self.comments, self.events].iter().all(|id| *id <= ID_KEPT_MAX)
    }
}

/// Setting that counts imported tasks. Their events stand behind no cursor, so the search index goes by this.
pub const IMPORTED_TASKS: &str = "imported_tasks";

/// What an import did (or would do).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImportReply {
    /// The board.
    pub board: String,
    /// Tasks that were brought.
    pub imported: usize,
    /// Tasks that an earlier import had brought.
    pub existing: usize,
    /// Rows that were brought, by table.
    pub rows: BTreeMap<String, usize>,
    /// Tasks that were brought, by status.
    pub by_status: BTreeMap<String, usize>,
    /// What had to be changed or left out.
    pub notes: Vec<String>,
    /// Whether dispatch was paused because ready tasks came.
    pub paused: bool,
    /// Whether integer ids are kept: they are reserved now, which only a board file without any task can do.
    pub keeps_ids: bool,
}

impl Verb for ImportTasks {
    type Reply = ImportReply;
    const NAME: &'static str = "import";

    fn run(&self, tx: &mut Tx<'_>) -> Result<ImportReply, VerbError> {
        refuse_workers(tx.caller)?;
        let board = tx.board(self.board.as_deref(), Right::Operate, Self::NAME)?;
        let mut reply = ImportReply { board: board.to_string(), ..ImportReply::default() };
        let keep_ids = self.reserve_ids(tx)?;
        reply.keeps_ids = keep_ids;
        for record in &self.records {
            let normal = normalize(record.clone(), tx.now).map_err(|problem| {
                Refusal::InvalidValue { field: "records", problem: "not a task", value: problem }
            })?;
            self.import_one(tx, &board, normal, keep_ids, &mut reply)?;
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
    let stored = store::install::setting(tx.store(), IMPORTED_TASKS)?;
    let before: usize = stored.and_then(|text| text.parse().ok()).unwrap_or_default();
    let count = before.saturating_add(more).to_string();
    store::install::set_setting(tx.store(), IMPORTED_TASKS, &count, tx.now, &tx.caller.actor())
}

fn refuse_workers(caller: &Caller) -> Result<(), Refusal> {
    match caller {
        Caller::Worker { board, .. } => caller.check(Right::Operate, "import", board, None),
        Caller::Operator { .. } | Caller::System { .. } => Ok(()),
    }
}

impl ImportTasks {
    /// Whether ids are kept. Somebody may have made a task since the import was planned, so the board is looked at again in
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

    fn import_one(
        &self,
        tx: &mut Tx<'_>,
        board: &BoardName,
        normal: Normal,
        keep_ids: bool,
        reply: &mut ImportReply,
    ) -> Result<(), VerbError> {
        let fields = &normal.record.task;
        let id = TaskId::parse(&fields.id)
            .ok_or_else(|| Refusal::UnknownTask { id: shorten(&fields.id) })?;
        let origin = self.origin(&normal);
        if store::tasks::get_status(tx.store(), &id)?.is_some() {
            return if store::transfer::origin_of(tx.store(), &id)? == Some(origin) {
                reply.existing += 1;
                Ok(())
            } else {
                Err(Refusal::ImportClash { id: id.to_string() }.into())
            };
        }
        count(reply, &normal);
        if self.dry_run {
            return Ok(());
        }
        write(tx, board, &id, &origin, normal, keep_ids, reply)
    }

    /// A task is recognized by where it comes from and how it began; everything else may have been edited since.
    fn origin(&self, normal: &Normal) -> String {
        let fields = &normal.record.task;
        hex_digest(&[
            self.source.as_bytes(),
            fields.id.as_bytes(),
            &fields.created_at.to_be_bytes(),
            fields.created_by.as_deref().unwrap_or_default().as_bytes(),
        ])
    }
}

fn count(reply: &mut ImportReply, normal: &Normal) {
    let record = &normal.record;
    reply.imported += 1;
    *reply.by_status.entry(normal.status.as_str().to_owned()).or_default() += 1;
    for (table, rows) in [
        ("tasks", 1),
        ("task_runs", record.runs.len()),
        ("task_comments", record.comments.len()),
        ("task_events", record.events.len() + usize::from(normal.reclaimed.is_some())),
        ("task_labels", record.labels.len()),
        ("kanban_notify_subs", record.subscriptions.len()),
    ] {
        *reply.rows.entry(table.to_owned()).or_default() += rows;
    }
    reply.notes.extend(normal.notes.iter().cloned());
    if !record.attachments.is_empty() {
        let names: Vec<String> =
            record.attachments.iter().map(|file| shorten(&file.filename)).collect();
        reply.notes.push(format!(
            "{} comes without its attached file(s) {}: an export does not hold their bytes",
            record.task.id,
            names.join(", ")
        ));
    }
}

fn write(
    tx: &mut Tx<'_>,
    board: &BoardName,
    id: &TaskId,
    origin: &str,
    normal: Normal,
    keep_ids: bool,
    reply: &mut ImportReply,
) -> Result<(), VerbError> {
    let Normal { record, status, workspace_kind, skills, reclaimed, .. } = normal;
    let key = record.task.idempotency_key.as_deref().filter(|key| !key.is_empty());
    let mut idempotency_key = record.task.idempotency_key.clone();
    if let Some(key) = key
        && status != TaskStatus::Archived
        && store::tasks::find_by_idempotency_key(tx.store(), board, key)?.is_some()
    {
        reply.notes.push(format!("{id} lost its idempotency key {key:?}: another task has it"));
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
    }
    let task = crate::kernel::verbs::reread(tx, id)?;
    tx.count(&task, None, Some(status));
    if let Some((lock, run_id)) = reclaimed {
        let run_id = run_id.and_then(|old| run_ids.get(&old).copied());
        let payload = Some(reclaimed_payload(lock.as_deref()));
        tx.event(&task, run_id, crate::kernel::event::EventKind::Reclaimed, payload)?;
    }
    Ok(())
}

/// Links between imported tasks, after all of them are there.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ImportLinks {
    /// Board of the tasks.
    pub board: Option<String>,
    /// Pairs of parent and child.
    pub links: Vec<(String, String)>,
    /// Imported tasks in `todo`, after all links: those that wait for nothing are made ready, as everywhere on this board.
    pub waiting: Vec<String>,
}

/// What became of the links.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImportLinksReply {
    /// Links that were brought.
    pub imported: usize,
    /// Links that were there already.
    pub existing: usize,
    /// Links that were left out and tasks that were made ready, and why.
    pub notes: Vec<String>,
    /// Whether dispatch was paused because tasks were made ready.
    #[serde(default)]
    pub paused: bool,
}

impl Verb for ImportLinks {
    type Reply = ImportLinksReply;
    const NAME: &'static str = "import_links";

    fn run(&self, tx: &mut Tx<'_>) -> Result<ImportLinksReply, VerbError> {
        refuse_workers(tx.caller)?;
        let board = tx.board(self.board.as_deref(), Right::Operate, "import")?;
        let mut reply = ImportLinksReply::default();
        let mut children = Vec::new();
        for (parent, child) in &self.links {
            match import_link(tx, &board, parent, child)? {
                Ok(true) => {
                    reply.imported += 1;
                    children.extend(TaskId::parse(child));
                }
                Ok(false) => reply.existing += 1,
                Err(why) => reply.notes.push(format!(
                    "link {} -> {} was left out: {why}",
                    shorten(parent),
                    shorten(child)
                )),
            }
        }
        for child in children {
            hold_back(tx, &child)?;
        }
        for id in &self.waiting {
            let Some(id) = TaskId::parse(id) else { continue };
            if waits_for_nothing(tx, &board, &id)? {
                reply.paused |= pause(tx)?;
                promote(tx, &id)?;
                reply.notes.push(format!("{id} waits for nothing and is now ready"));
            }
        }
        Ok(reply)
    }
}

/// Adds a link; `Err` inside says why it cannot be.
fn import_link(
    tx: &Tx<'_>,
    board: &BoardName,
    parent: &str,
    child: &str,
) -> Result<Result<bool, &'static str>, Fault> {
    let (Some(parent), Some(child)) = (TaskId::parse(parent), TaskId::parse(child)) else {
        return Ok(Err("an end has no task id"));
    };
    for end in [&parent, &child] {
        match store::tasks::get_status(tx.store(), end)? {
            Some((_, on)) if on == *board => {}
            Some(_) => return Ok(Err("an end is on another board")),
            None => return Ok(Err("an end is missing")),
        }
    }
    if parent == child || store::links::would_close_circle(tx.store(), &parent, &child)? {
        return Ok(Err("it would close a circle"));
    }
    Ok(Ok(store::links::insert(tx.store(), &parent, &child)?))
}

/// Whether an imported task is in `todo` without a parent that is not done.
fn waits_for_nothing(tx: &Tx<'_>, board: &BoardName, id: &TaskId) -> Result<bool, Fault> {
    let found = store::tasks::get_status(tx.store(), id)?;
    let is_waiting = found.is_some_and(|(status, on)| status == TaskStatus::Todo && on == *board);
    Ok(is_waiting
        && store::transfer::origin_of(tx.store(), id)?.is_some()
        && store::links::parents_of(tx.store(), id)? == Parents::Satisfied)
}

/// A ready task that turns out to have an open parent waits, as everywhere on this board.
fn hold_back(tx: &mut Tx<'_>, child: &TaskId) -> Result<(), VerbError> {
    let task = crate::kernel::verbs::reread(tx, child)?;
    if task.status == TaskStatus::Ready
        && store::links::parents_of(tx.store(), child)? == Parents::Open
    {
        let (from, to) = (TaskStatus::Ready, TaskStatus::Todo);
        store::tasks::set_status(tx.store(), child, from, to, None, tx.now)?;
        tx.count(&task, Some(from), Some(to));
        let told = crate::kernel::event::payload([("parent", IMPORTER.into())]);
        tx.event(&task, None, crate::kernel::event::EventKind::Demoted, Some(told))?;
    }
    Ok(())
}
