//! From the values of a file to values that this board accepts. Pure: no row is read here. Bounds are applied by [`fit`](mod@super::fit).
//!
//! | there | here |
//! |---|---|
//! | a running task | `ready`, its open run ended `reclaimed`, one `reclaimed` event |
//! | status `scheduled` without a time | `scheduled`, parked |
//! | status `scheduled` whose time has come | `ready` |
//! | status `review` | `review`, with a person as reviewer unless the file names one |
//! | an unknown status | `blocked`, with a comment that says so |
//! | kind of a block `transient` | `needs_input`, which is noted: no time is known at which to try again |
//! | an unknown kind of a block | dropped, which is noted |
//! | an open question of a task that is not blocked | ended: `withdrawn`, or `run_over` where a run waited |
//! | outcome `stale` | `reclaimed` |
//! | an outcome or run status that is not known | `reclaimed`, the old word kept in `error` |
//! | event kinds `ready`, `priority`, `spawn_auto_blocked` | `promoted`, `reprioritized`, `gave_up` |
//! | an unknown event kind | kept as it is |
//! | an event that names a run which is not there | without its run |
//! | an unknown kind of workspace | `scratch`, which is noted |
//! | a `dir` or `worktree` whose path is relative | kept and noted: it cannot be claimed |

use serde_json::Value;

use crate::kernel::ids::EpochSeconds;
use crate::kernel::json;
use crate::kernel::rules::block::BlockKind;
use crate::kernel::run::RunOutcome;
use crate::kernel::shorten::shorten;
use crate::kernel::task::{HUMAN, PARENT_CANCELLED, TaskStatus, WorkspaceKind};
use crate::kernel::transfer::fit::{fit, fit_skills};
use crate::kernel::transfer::questions::normal_questions;
use crate::kernel::transfer::record::{CommentFields, EventFields, RunFields, TaskRecord};
use crate::kernel::transfer::report::RecordNotes;

/// Who an import speaks as, in comments and events that it adds.
pub const IMPORTER: &str = "import";

/// A record that fits.
#[derive(Debug, Clone, PartialEq)]
pub struct Normal {
    /// The record, with known words only.
    pub record: TaskRecord,
    /// Status of the task.
    pub status: TaskStatus,
    /// Kind of its workspace.
    pub workspace_kind: WorkspaceKind,
    /// Its skills.
    pub skills: Option<Vec<String>>,
    /// What was changed, and what was left out.
    pub report: RecordNotes,
    /// Whether an event `reclaimed` is to be added, with the lock and the run that it names.
    pub reclaimed: Option<(Option<String>, Option<i64>)>,
}

/// Fits a record.
///
/// # Errors
/// One line that says why it cannot be a task at all.
pub fn normalize(mut record: TaskRecord, now: EpochSeconds) -> Result<Normal, String> {
    let id = record.task.id.clone();
    if crate::kernel::ids::TaskId::parse(&id).is_none() {
        return Err(format!("{:?} is not a task id", shorten(&id)));
    }
    let mut report = RecordNotes::of(&id);
    fit(&mut record, &mut report);
    let was_running = record.task.status == TaskStatus::Running.as_str();
    let status = normal_status(&mut record, &mut report.notes, now);
    normal_waiting(&mut record, status, &mut report);
    let workspace_kind = normal_workspace(&record, &mut report);
    let lock = record.task.claim_lock.take();
    let open_run = end_open_runs(&mut record.runs, lock.as_deref(), now);
    for run in &mut record.runs {
        normalize_run(run, &mut report.notes);
    }
    let run_ids: Vec<i64> = record.runs.iter().map(|run| run.id).collect();
    for event in &mut record.events {
        normalize_event(event, &run_ids);
    }
    normal_questions(&mut record, status, now, &mut report);
    record.task.claim_expires = None;
    record.task.current_run_id = None;
    let skills = normal_skills(&record, &mut report);
    let reclaimed = was_running.then_some((lock, open_run));
    Ok(Normal { record, status, workspace_kind, skills, report, reclaimed })
}

fn normal_workspace(record: &TaskRecord, report: &mut RecordNotes) -> WorkspaceKind {
    let given = record.task.workspace_kind.as_deref().unwrap_or_default();
    let kind = WorkspaceKind::parse(given).unwrap_or(WorkspaceKind::Scratch);
    if !given.is_empty() && kind.as_str() != given {
        report.note(&format!("unknown workspace kind {} was changed to scratch", shorten(given)));
    }
    match (kind, record.task.workspace_path.as_deref()) {
        (WorkspaceKind::Dir | WorkspaceKind::Worktree, Some(path)) if !path.starts_with('/') => {
            report.note(&format!(
                "its workspace path {} is relative, so no run can start in it: create the task again with \
                 --workspace {}:/ABSOLUTE/PATH",
                shorten(path),
                kind.as_str()
            ));
        }
        (WorkspaceKind::Dir, None) => {
            report.note("it names no directory, so no run can start: create the task again");
        }
        (WorkspaceKind::Scratch | WorkspaceKind::Dir | WorkspaceKind::Worktree, _) => {}
    }
    kind
}

fn normal_skills(record: &TaskRecord, report: &mut RecordNotes) -> Option<Vec<String>> {
    let text = record.task.skills.as_deref().filter(|text| !text.trim().is_empty())?;
    let names = parse_names(text);
    if names.is_none() {
        report.note(&format!("its skills {} are not a JSON list and were dropped", shorten(text)));
    }
    names.map(|names| fit_skills(names, report))
}

fn normal_status(
    record: &mut TaskRecord,
    notes: &mut Vec<String>,
    now: EpochSeconds,
) -> TaskStatus {
    match TaskStatus::parse(&record.task.status) {
        Some(TaskStatus::Running) if record.task.review_open == Some(true) => TaskStatus::Review,
        Some(TaskStatus::Running) => TaskStatus::Ready,
        Some(
            known @ (TaskStatus::Triage
            | TaskStatus::Todo
            | TaskStatus::Ready
            | TaskStatus::Blocked
            | TaskStatus::Done
            | TaskStatus::Archived),
        ) => known,
        Some(TaskStatus::Scheduled) => {
            let has_come = record.task.start_at.is_some_and(|start_at| start_at <= now);
            if has_come { TaskStatus::Ready } else { TaskStatus::Scheduled }
        }
        Some(TaskStatus::Review) => TaskStatus::Review,
        None => {
            let word = shorten(&record.task.status);
            let report = format!("Imported with the unknown status `{word}`.");
            record.comments.push(CommentFields {
                id: 0,
                author: IMPORTER.to_owned(),
                body: report,
                created_at: now,
            });
            notes.push(format!("{} was {word} and is now blocked", record.task.id));
            TaskStatus::Blocked
        }
    }
}

/// What goes with a status in which a task waits: a time, a reviewer, the kind of a block.
fn normal_waiting(record: &mut TaskRecord, status: TaskStatus, report: &mut RecordNotes) {
    let task = &mut record.task;
    if status == TaskStatus::Scheduled && task.start_at.is_none() {
        task.parked = Some(true);
    }
    if status == TaskStatus::Review {
        task.review_open = Some(true);
        task.reviewer.get_or_insert_with(|| HUMAN.to_owned());
    }
    let Some(kind) = task.block_kind.take().filter(|kind| !kind.trim().is_empty()) else { return };
    if status != TaskStatus::Blocked {
        return;
    }
    if kind == "transient" {
        report.note("its block was transient, without a time to try again: it needs input now");
        task.block_kind = Some("needs_input".to_owned());
    } else if kind == PARENT_CANCELLED || BlockKind::parse(&kind).is_some() {
        task.block_kind = Some(kind);
    } else {
        report
            .note(&format!("the kind {} of its block is unknown and was dropped", shorten(&kind)));
    }
}

/// Ends runs that the file left open; returns the newest of them.
fn end_open_runs(runs: &mut [RunFields], lock: Option<&str>, now: EpochSeconds) -> Option<i64> {
    let mut newest = None;
    for run in runs.iter_mut().filter(|run| run.ended_at.is_none()) {
        run.ended_at = Some(now.max(run.started_at));
        run.outcome = Some(RunOutcome::Reclaimed.as_str().to_owned());
        run.status = RunOutcome::Reclaimed.as_str().to_owned();
        run.error.get_or_insert_with(|| format!("stale_lock={}", lock.unwrap_or_default()));
        newest = newest.max(Some(run.id));
    }
    newest
}

fn normalize_run(run: &mut RunFields, notes: &mut Vec<String>) {
    let given = run.outcome.take().unwrap_or_else(|| run.status.clone());
    let known = match given.as_str() {
        "stale" | "released" => Some(RunOutcome::Reclaimed),
        "done" => Some(RunOutcome::Completed),
        "failed" => Some(RunOutcome::Crashed),
        word => RunOutcome::parse(word),
    };
    let outcome = known.unwrap_or_else(|| {
        notes.push(format!("run {} had outcome {given} and is now reclaimed", run.id));
        run.error.get_or_insert_with(|| format!("imported outcome: {given}"));
        RunOutcome::Reclaimed
    });
    // A synthesized completion is recognized by its status, so that stays.
    if !(outcome == RunOutcome::Completed && run.status == RunOutcome::Completed.as_str()) {
        run.status = outcome.run_status().to_owned();
    }
    run.outcome = Some(outcome.as_str().to_owned());
    run.cause = run.cause.take().filter(|word| RunOutcome::parse(word).is_some());
    run.metadata = run.metadata.take().filter(|text| is_object(text));
    run.block_kind = run.block_kind.take().filter(|kind| BlockKind::parse(kind).is_some());
    run.closed_at = run.closed_at.or(run.ended_at);
}

fn is_object(text: &str) -> bool {
    matches!(json::from_str::<Value>(text), Ok(Value::Object(_)))
}

fn normalize_event(event: &mut EventFields, run_ids: &[i64]) {
    event.kind = match event.kind.as_str() {
        "ready" => "promoted".to_owned(),
        "priority" => "reprioritized".to_owned(),
        "spawn_auto_blocked" => "gave_up".to_owned(),
        other => other.to_owned(),
    };
    event.run_id = event.run_id.filter(|id| run_ids.contains(id));
    event.payload = event
        .payload
        .take()
        .filter(|payload| matches!(payload, Value::Object(object) if !object.is_empty()));
}

/// A JSON list of names, as lenient as its readers always were.
fn parse_names(text: &str) -> Option<Vec<String>> {
    let Ok(Value::Array(items)) = json::from_str::<Value>(text) else { return None };
    let name = |item: Value| match item {
        Value::String(name) => Some(name).filter(|name| !name.is_empty()),
        Value::Null => None,
        other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            Some(other.to_string())
        }
    };
    Some(items.into_iter().filter_map(name).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::transfer::record::TaskFields;

    fn record(status: &str) -> TaskRecord {
        TaskRecord {
            task: TaskFields {
                id: "t_1".into(),
                title: "t".into(),
                status: status.into(),
                claim_lock: Some("old:1".into()),
                ..TaskFields::default()
            },
            ..TaskRecord::default()
        }
    }

    #[test]
    fn statuses_land_where_the_table_says() {
        for (status, expected, has_comment) in [
            ("triage", TaskStatus::Triage, false),
            ("ready", TaskStatus::Ready, false),
            ("running", TaskStatus::Ready, false),
            ("scheduled", TaskStatus::Scheduled, false),
            ("review", TaskStatus::Review, false),
            ("frozen", TaskStatus::Blocked, true),
        ] {
            let normal = normalize(record(status), 9).unwrap();
            assert_eq!(normal.status, expected, "{status}");
            let report = normal.record.comments.iter().any(|comment| comment.body.contains(status));
            assert_eq!(report, has_comment, "{status}");
            assert_eq!(normal.reclaimed.is_some(), status == "running");
            assert_eq!(normal.record.task.claim_lock, None);
        }
    }

    #[test]
    fn what_goes_with_waiting_is_kept_or_noted() {
        let fit = |status: &str, change: &dyn Fn(&mut TaskFields)| {
            let mut given = record(status);
            change(&mut given.task);
            let normal = normalize(given, 9).unwrap();
            (normal.status, normal.record.task, normal.report.notes.len())
        };
        let (status, task, _) = fit("scheduled", &|_| {});
        assert_eq!((status, task.parked, task.start_at), (TaskStatus::Scheduled, Some(true), None));
        let (status, task, _) = fit("scheduled", &|task| task.start_at = Some(99));
        assert_eq!((status, task.parked), (TaskStatus::Scheduled, None));
        let (status, task, _) = fit("scheduled", &|task| task.start_at = Some(9));
        assert_eq!((status, task.parked), (TaskStatus::Ready, None));
        let (_, task, _) = fit("review", &|_| {});
        assert_eq!((task.review_open, task.reviewer.as_deref()), (Some(true), Some("human")));
        for (status, kind, kept, notes) in [
            ("blocked", "capability", Some("capability"), 0),
            ("blocked", "transient", Some("needs_input"), 1),
            ("blocked", "odd", None, 1),
            ("blocked", " ", None, 0),
            ("todo", "capability", None, 0),
        ] {
            let (_, task, noted) = fit(status, &|task| task.block_kind = Some(kind.to_owned()));
            assert_eq!((task.block_kind.as_deref(), noted), (kept, notes), "{status} {kind}");
        }
    }

    #[test]
    fn an_open_run_is_ended_as_reclaimed_and_old_words_become_new_ones() {
        let mut given = record("running");
        for (id, status, outcome, ended_at) in [
            (1, "done", Some("completed"), Some(5)),
            (2, "stale", Some("stale"), Some(6)),
            (3, "exploded", Some("exploded"), Some(7)),
            (4, "completed", Some("completed"), Some(7)),
            (5, "running", None, None),
        ] {
            given.runs.push(RunFields {
                id,
                status: status.into(),
                outcome: outcome.map(str::to_owned),
                ended_at,
                ..RunFields::default()
            });
        }
        let normal = normalize(given, 9).unwrap();
        let seen: Vec<_> = normal
            .record
            .runs
            .iter()
            .map(|run| (run.status.as_str(), run.outcome.as_deref().unwrap(), run.closed_at))
            .collect();
        assert_eq!(
            seen,
            [
                ("done", "completed", Some(5)),
                ("reclaimed", "reclaimed", Some(6)),
                ("reclaimed", "reclaimed", Some(7)),
                ("completed", "completed", Some(7)),
                ("reclaimed", "reclaimed", Some(9)),
            ]
        );
        assert_eq!(normal.reclaimed, Some((Some("old:1".into()), Some(5))));
        assert_eq!(normal.record.runs[4].error.as_deref(), Some("stale_lock=old:1"));
    }

    #[test]
    fn old_event_kinds_are_renamed_unknown_ones_kept_and_lost_runs_forgotten() {
        let mut given = record("todo");
        for (kind, run_id) in
            [("ready", None), ("priority", None), ("spawn_auto_blocked", Some(7)), ("danced", None)]
        {
            given.events.push(EventFields { kind: kind.into(), run_id, ..EventFields::default() });
        }
        let normal = normalize(given, 9).unwrap();
        let kinds: Vec<_> =
            normal.record.events.iter().map(|event| (event.kind.as_str(), event.run_id)).collect();
        assert_eq!(
            kinds,
            [("promoted", None), ("reprioritized", None), ("gave_up", None), ("danced", None)]
        );
    }

    #[test]
    fn what_is_no_task_is_refused() {
        let mut given = record("todo");
        given.task.id = "../x".into();
        assert!(normalize(given, 9).is_err());
    }
}
