//! Garbage collection: removes old archived tasks with all their records, and old logs, files and workspaces.

use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::caller::Caller;
use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::ids::{EpochSeconds, TaskId};
use crate::kernel::queries::Snapshot;
use crate::kernel::retention::logs_due;
use crate::kernel::store;
use crate::kernel::verbs::{CollectGarbage, LastGc, RecordGc, collectable};
use crate::os::host::clock::epoch_seconds;
use crate::os::run_files::log::{count_log_files, remove_logs_older_than};
use crate::service::attachments::{self, Sweep};
use crate::service::workspaces::{self, KeptWorkspace};
use crate::service::{Requester, Service, ServiceError};

/// Collects garbage.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GcRequest {
    /// Minimum age in days of the archived tasks to remove, with all their records.
    pub older_than_days: i64,
    /// Minimum age in days of the logs to remove; the task must be done or archived.
    pub log_older_than_days: i64,
    /// Only reports what would be removed.
    pub dry_run: bool,
}

impl Default for GcRequest {
    fn default() -> Self {
        Self { older_than_days: 30, log_older_than_days: 30, dry_run: false }
    }
}

/// Result of `gc`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GcReport {
    /// Tasks.
    pub tasks: usize,
    /// Events of removed tasks.
    pub events: usize,
    /// Workspaces.
    pub workspaces: usize,
    /// Expired workspaces that were kept.
    #[serde(default)]
    pub kept: Vec<KeptWorkspace>,
    /// Log files.
    pub logs: usize,
    /// Attachments of removed tasks.
    #[serde(default)]
    pub attachments: usize,
    /// When the oldest of the tasks was archived, epoch seconds; only in a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_archived_at: Option<EpochSeconds>,
    /// Whether this was a dry run.
    pub dry_run: bool,
}

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// Removes what is old enough, or says what would go.
///
/// # Errors
/// A refusal or a fault; what went before it is gone.
pub async fn gc(
    service: Arc<Service>,
    by: Requester,
    request: GcRequest,
) -> Result<GcReport, ServiceError> {
    for (field, days) in [
        ("older_than_days", request.older_than_days),
        ("log_older_than_days", request.log_older_than_days),
    ] {
        if days < 0 {
            let problem = "must not be negative";
            return Err(Refusal::InvalidValue { field, problem, value: days.to_string() }.into());
        }
    }
    let Requester { caller, .. } = by;
    let before = epoch_seconds() - request.older_than_days.saturating_mul(DAY_SECONDS);
    let (mut report, purged) = if request.dry_run {
        preview(&service, caller.clone(), before).await?
    } else {
        collect(&service, caller.clone(), before).await?
    };
    let counted = if request.dry_run { purged.clone() } else { Vec::new() };
    let files = Sweep { purged: purged.clone(), written_before: before, dry_run: request.dry_run };
    report.attachments = attachments::sweep(&service, caller.clone(), files).await?;
    let swept = workspaces::sweep(&service, caller.clone(), purged, request.dry_run).await?;
    (report.workspaces, report.kept) = (swept.removed, swept.kept);
    report.logs += old_logs(&service, &caller, &request, counted).await?;
    if !request.dry_run {
        record(&service, caller, &report).await?;
    }
    Ok(report)
}

/// Has what went recorded for `status`.
async fn record(service: &Service, caller: Caller, report: &GcReport) -> Result<(), ServiceError> {
    let GcReport { tasks, events, workspaces, logs, attachments, .. } = *report;
    let removed = LastGc { tasks, events, workspaces, logs, attachments, ..LastGc::default() };
    let by = Requester { caller, request_id: None };
    service.database.submit(by.submit(RecordGc { removed })).await?;
    Ok(())
}

/// What would go, and the tasks whose logs are counted with it.
async fn preview(
    service: &Arc<Service>,
    caller: Caller,
    before: i64,
) -> Result<(GcReport, Vec<TaskId>), ServiceError> {
    let read = move |snapshot: &Snapshot<'_>| {
        let tasks = collectable(snapshot.connection, before, u32::MAX)?;
        let mut events = 0;
        for id in &tasks {
            events += store::events::count_of_task(snapshot.connection, id)?;
        }
        // They come oldest first.
        let oldest = match tasks.first() {
            Some(id) => store::tasks::get(snapshot.connection, id)?,
            None => None,
        };
        let oldest_archived_at = oldest.map(|task| task.archived_at.unwrap_or(task.created_at));
        Ok((tasks, events, oldest_archived_at))
    };
    let (tasks, events, oldest_archived_at) = service.readers.read_long(caller, read).await?;
    let logs_of = |id: &TaskId| count_log_files(&service.paths.logs_dir.join(id.as_str()));
    let logs = tasks.iter().map(logs_of).sum();
    let tasks_count = tasks.len();
    let report = GcReport {
        tasks: tasks_count,
        events,
        logs,
        oldest_archived_at,
        dry_run: true,
        ..GcReport::default()
    };
    Ok((report, tasks))
}

/// Purges tasks; also says which.
async fn collect(
    service: &Arc<Service>,
    caller: Caller,
    before: i64,
) -> Result<(GcReport, Vec<TaskId>), ServiceError> {
    let (mut report, mut purged) = (GcReport::default(), Vec::new());
    loop {
        let verb = CollectGarbage { archived_before: before };
        let by = Requester { caller: caller.clone(), request_id: None };
        let reply = service.database.submit(by.submit(verb)).await?;
        report.tasks += reply.tasks.len();
        report.events += reply.events;
        for id in &reply.tasks {
            report.logs += remove_logs(&service.paths.logs_dir.join(id.as_str()));
        }
        purged.extend(reply.tasks);
        if !reply.has_more {
            break;
        }
    }
    service.feed.have_all_look_again();
    Ok((report, purged))
}

fn remove_dir(path: &Path) -> bool {
    // Links inside are removed, never followed.
    std::fs::remove_dir_all(path).is_ok()
}

fn remove_logs(path: &Path) -> usize {
    let count = count_log_files(path);
    if remove_dir(path) { count } else { 0 }
}

/// Logs of finished tasks that nobody has written to for so long.
async fn old_logs(
    service: &Arc<Service>,
    caller: &Caller,
    request: &GcRequest,
    counted: Vec<TaskId>,
) -> Result<usize, ServiceError> {
    let before = epoch_seconds() - request.log_older_than_days.saturating_mul(DAY_SECONDS);
    let (logs_dir, dry_run) = (service.paths.logs_dir.clone(), request.dry_run);
    // On a reader's thread: a slow disk holds up nobody there.
    let look = move |snapshot: &Snapshot<'_>| {
        let mut count = 0;
        let Ok(folders) = std::fs::read_dir(&logs_dir) else { return Ok(0) };
        for folder in folders.flatten() {
            let name = folder.file_name();
            let Some(id) = name.to_str().and_then(TaskId::parse) else { continue };
            if counted.contains(&id) {
                continue;
            }
            let status = store::tasks::get_status(snapshot.connection, &id)?;
            if logs_due(status.map(|(status, _)| status)) {
                count += remove_logs_older_than(&folder.path(), before, dry_run);
            }
        }
        Ok::<usize, VerbError>(count)
    };
    Ok(service.readers.read_long(caller.clone(), look).await?)
}
