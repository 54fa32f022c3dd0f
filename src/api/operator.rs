//! Operations of the operator's kit that need more than the database: what the configuration knows, what lies on the disk,
//! and files that are streamed.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::actors::database::Submit;
use crate::api::Api;
use crate::api::attachments::{self, Sweep};
use crate::api::error::ApiError;
use crate::api::operations::{Answer, Call, json};
use crate::api::profiles::would_run;
use crate::api::workspaces::{self, KeptWorkspace};
use crate::kernel::caller::{Caller, Right};
use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::ids::{BoardName, TaskId};
use crate::kernel::queries::{Snapshot, WhyTask, why};
use crate::kernel::retention::logs_due;
use crate::kernel::store;
use crate::kernel::task::TaskStatus;
use crate::kernel::verbs::{CollectGarbage, collectable};
use crate::os::host::clock::epoch_seconds;

/// Refuses workers, on every board alike.
///
/// # Errors
/// [`Refusal::Forbidden`].
pub fn operators_only(caller: &Caller, verb: &'static str) -> Result<(), Refusal> {
    match caller {
        Caller::Worker { board, .. } => caller.check(Right::Operate, verb, board, None),
        Caller::Operator { .. } | Caller::System { .. } => Ok(()),
    }
}

/// Answers `GET /v1/tasks/{id}/why`.
pub fn get_why(api: Arc<Api>, call: Call) -> Answer {
    Box::pin(async move {
        let query: WhyTask = call.input.from_query()?;
        let policy = api.context.policy();
        let low_disk_bytes = api.context.low_disk_bytes();
        let read = move |snapshot: &Snapshot<'_>| why(&query, snapshot, &policy, low_disk_bytes);
        json(&api.readers.read(call.caller, read).await?)
    })
}

/// Takes no fields but the board.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ListAssignees {
    /// Board; `default` when none is named.
    pub board: Option<String>,
}

/// Somebody who is or can be assigned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Assignee {
    /// Name.
    pub name: String,
    /// Whether the configuration has a profile of that name.
    pub on_disk: bool,
    /// Tasks by status, archived ones left out.
    pub counts: BTreeMap<String, i64>,
    /// What would be run for it; empty when nothing can be.
    pub would_run: Vec<String>,
}

/// Answers `GET /v1/assignees`: everybody who has a profile or a task that is not archived.
pub fn list_assignees(api: Arc<Api>, call: Call) -> Answer {
    Box::pin(async move {
        let request: ListAssignees = call.input.from_query()?;
        let read =
            move |snapshot: &Snapshot<'_>| snapshot.board(request.board.as_deref(), "assignees");
        let board = api.readers.read(call.caller, read).await?;
        let settings = api.context.settings();
        let mut found: BTreeMap<String, BTreeMap<String, i64>> =
            settings.profiles.keys().map(|name| (name.clone(), BTreeMap::new())).collect();
        for (key, count) in api.database.counts().of_board(&board) {
            if let Some(name) = &key.assignee
                && key.status != TaskStatus::Archived
            {
                let counts = found.entry(name.clone()).or_default();
                *counts.entry(key.status.as_str().to_owned()).or_default() += count;
            }
        }
        let assignees: Vec<Assignee> = found
            .into_iter()
            .map(|(name, counts)| Assignee {
                on_disk: settings.profiles.contains_key(&name),
                would_run: would_run(&name, &settings, &api.context),
                name,
                counts,
            })
            .collect();
        json(&assignees)
    })
}

/// Collects garbage.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GcRequest {
    /// Archived tasks older than so many days go, with everything that belongs to them.
    pub older_than_days: i64,
    /// Logs of runs older than so many days go, where their task is done or archived.
    pub log_older_than_days: i64,
    /// Only says what would go.
    pub dry_run: bool,
}

impl Default for GcRequest {
    fn default() -> Self {
        Self { older_than_days: 30, log_older_than_days: 30, dry_run: false }
    }
}

/// What went.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GcReport {
    /// Tasks.
    pub tasks: usize,
    /// Event rows among what went with them.
    pub events: usize,
    /// Workspaces.
    pub workspaces: usize,
    /// Workspaces that were due and stay.
    #[serde(default)]
    pub kept: Vec<KeptWorkspace>,
    /// Log files.
    pub logs: usize,
    /// Attached files whose task is gone.
    #[serde(default)]
    pub attachments: usize,
    /// Whether nothing was done.
    pub dry_run: bool,
}

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// Answers `POST /v1/gc`.
pub fn gc(api: Arc<Api>, call: Call) -> Answer {
    Box::pin(async move {
        let request: GcRequest = call.input.from_body()?;
        operators_only(&call.caller, "gc")?;
        for (field, days) in [
            ("older_than_days", request.older_than_days),
            ("log_older_than_days", request.log_older_than_days),
        ] {
            if days < 0 {
                let problem = "must not be negative";
                return Err(
                    Refusal::InvalidValue { field, problem, value: days.to_string() }.into()
                );
            }
        }
        let before = epoch_seconds() - request.older_than_days.saturating_mul(DAY_SECONDS);
        let (mut report, purged) = if request.dry_run {
            preview(&api, call.caller.clone(), before).await?
        } else {
            collect(&api, call.caller.clone(), before).await?
        };
        let counted = if request.dry_run { purged.clone() } else { Vec::new() };
        let files =
            Sweep { purged: purged.clone(), written_before: before, dry_run: request.dry_run };
        report.attachments = attachments::sweep(&api, call.caller.clone(), files).await?;
        let caller = call.caller.clone();
        let swept = workspaces::sweep(&api, caller, purged, request.dry_run).await?;
        (report.workspaces, report.kept) = (swept.removed, swept.kept);
        report.logs += old_logs(&api, &call.caller, &request, counted).await?;
        json(&report)
    })
}

/// What would go, and the tasks whose logs are counted with it.
async fn preview(
    api: &Arc<Api>,
    caller: Caller,
    before: i64,
) -> Result<(GcReport, Vec<TaskId>), ApiError> {
    let read = move |snapshot: &Snapshot<'_>| {
        let tasks = collectable(snapshot.connection, before, u32::MAX)?;
        let mut events = 0;
        for id in &tasks {
            events += store::events::count_of_task(snapshot.connection, id)?;
        }
        Ok((tasks, events))
    };
    let (tasks, events) = api.readers.read_long(caller, read).await?;
    let logs_of = |id: &TaskId| count_entries(&api.context.logs_dir.join(id.as_str()));
    let logs = tasks.iter().map(logs_of).sum();
    let tasks_count = tasks.len();
    let report =
        GcReport { tasks: tasks_count, events, logs, dry_run: true, ..GcReport::default() };
    Ok((report, tasks))
}

/// Purges tasks; also says which.
async fn collect(
    api: &Arc<Api>,
    caller: Caller,
    before: i64,
) -> Result<(GcReport, Vec<TaskId>), ApiError> {
    let (mut report, mut purged) = (GcReport::default(), Vec::new());
    loop {
        let verb = CollectGarbage { archived_before: before };
        let submit = Submit { caller: caller.clone(), request_id: None, verb };
        let reply = api.database.submit(submit).await?;
        report.tasks += reply.tasks.len();
        report.events += reply.events;
        for id in &reply.tasks {
            report.logs += remove_logs(&api.context.logs_dir.join(id.as_str()));
        }
        purged.extend(reply.tasks);
        if !reply.has_more {
            break;
        }
    }
    api.feed.have_all_look_again();
    Ok((report, purged))
}

fn remove_dir(path: &Path) -> bool {
    // Links inside are removed, never followed.
    std::fs::remove_dir_all(path).is_ok()
}

fn remove_logs(path: &Path) -> usize {
    let count = count_entries(path);
    if remove_dir(path) { count } else { 0 }
}

fn count_entries(path: &Path) -> usize {
    std::fs::read_dir(path).map_or(0, Iterator::count)
}

/// Logs of finished tasks that nobody has written to for so long.
async fn old_logs(
    api: &Arc<Api>,
    caller: &Caller,
    request: &GcRequest,
    counted: Vec<TaskId>,
) -> Result<usize, ApiError> {
    let before = epoch_seconds() - request.log_older_than_days.saturating_mul(DAY_SECONDS);
    let (context, dry_run) = (Arc::clone(&api.context), request.dry_run);
    // On a reader's thread: a slow disk holds up nobody there.
    let look = move |snapshot: &Snapshot<'_>| {
        let mut count = 0;
        let Ok(folders) = std::fs::read_dir(&context.logs_dir) else { return Ok(0) };
        for folder in folders.flatten() {
            let name = folder.file_name();
            let Some(id) = name.to_str().and_then(TaskId::parse) else { continue };
            if counted.contains(&id) {
                continue;
            }
            let status = store::tasks::get_status(snapshot.connection, &id)?;
            if logs_due(status.map(|(status, _)| status)) {
                count += crate::os::files::remove_files_older_than(&folder.path(), before, dry_run);
            }
        }
        Ok::<usize, VerbError>(count)
    };
    Ok(api.readers.read_long(caller.clone(), look).await?)
}

/// The board that a request means, checked by a reader.
///
/// # Errors
/// A refusal or a fault.
pub async fn board_of(
    api: &Api,
    caller: &Caller,
    name: Option<String>,
    verb: &'static str,
) -> Result<BoardName, ApiError> {
    let read = move |snapshot: &Snapshot<'_>| snapshot.board(name.as_deref(), verb);
    Ok(api.readers.read(caller.clone(), read).await?)
}
