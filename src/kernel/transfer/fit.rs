//! Columns of an imported record that violate a constraint of this board: the file may be damaged or hostile. A value that does not
//! fit is clamped or dropped with a note; it does not fail the whole import.

use serde_json::Value;

use crate::kernel::transfer::record::{RunFields, TaskRecord};

/// Latest time, epoch seconds: the end of the year 9999. Arithmetic on times does not overflow.
const TIME_MAX: i64 = 253_402_300_799;

/// Largest counter or limit of an imported task.
const COUNT_MAX: i64 = 1_000_000_000;

/// Clamps or drops columns that do not fit, with a note for each that is dropped.
pub(super) fn fit(record: &mut TaskRecord, notes: &mut Vec<String>) {
    fit_task(record);
    let id = record.task.id.clone();
    record.labels.retain(|label| !label.trim().is_empty());
    for run in &mut record.runs {
        fit_run(run, &id, notes);
    }
    let comments = record.comments.iter_mut().map(|comment| &mut comment.created_at);
    let events = record.events.iter_mut().map(|event| &mut event.created_at);
    let subscriptions = record.subscriptions.iter_mut().map(|one| &mut one.created_at);
    for time in comments.chain(events).chain(subscriptions) {
        *time = fit_time(*time);
    }
}

fn fit_task(record: &mut TaskRecord) {
    let task = &mut record.task;
    task.created_at = fit_time(task.created_at);
    for time in [
        &mut task.started_at,
        &mut task.completed_at,
        &mut task.archived_at,
        &mut task.claim_expires,
        &mut task.last_heartbeat_at,
    ] {
        *time = time.map(fit_time);
    }
    for count in [&mut task.spawn_failures, &mut task.auto_starts, &mut task.protocol_violations] {
        *count = count.map(|count| count.clamp(0, COUNT_MAX));
    }
    task.max_runtime_seconds =
        task.max_runtime_seconds.filter(|seconds| *seconds > 0).map(|it| it.min(COUNT_MAX));
}

fn fit_run(run: &mut RunFields, task: &str, notes: &mut Vec<String>) {
    run.started_at = fit_time(run.started_at);
    for time in
        [&mut run.ended_at, &mut run.closed_at, &mut run.last_heartbeat_at, &mut run.retry_at]
    {
        *time = time.map(fit_time);
    }
    run.max_runtime_seconds =
        run.max_runtime_seconds.filter(|seconds| *seconds > 0).map(|it| it.min(COUNT_MAX));
    for number in [&mut run.exit_code, &mut run.signal, &mut run.errno] {
        *number = number.filter(|number| i32::try_from(*number).is_ok());
    }
    for (name, column) in [
        ("argv", &mut run.argv),
        ("not_enforced", &mut run.not_enforced),
        ("artifacts", &mut run.artifacts),
        ("created_cards", &mut run.created_cards),
    ] {
        if column.as_deref().is_some_and(|text| !is_list(text)) {
            notes.push(format!("run {} of {task} comes without its {name}: it is no list", run.id));
            *column = None;
        }
    }
}

fn fit_time(seconds: i64) -> i64 {
    seconds.clamp(0, TIME_MAX)
}

fn is_list(text: &str) -> bool {
    matches!(serde_json::from_str::<Value>(text), Ok(Value::Array(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_left_out_or_brought_into_range() {
        let mut record = TaskRecord::default();
        record.task.created_at = i64::MIN;
        record.task.completed_at = Some(i64::MAX);
        record.task.spawn_failures = Some(-3);
        record.task.max_runtime_seconds = Some(0);
        record.labels = vec![" ".into(), "l".into()];
        record.runs.push(RunFields {
            id: 7,
            artifacts: Some("[".into()),
            created_cards: Some("[\"t_1\"]".into()),
            argv: Some("{}".into()),
            exit_code: Some(i64::MAX),
            ..RunFields::default()
        });
        let mut notes = Vec::new();
        fit(&mut record, &mut notes);
        assert_eq!((record.task.created_at, record.task.completed_at), (0, Some(TIME_MAX)));
        assert_eq!((record.task.spawn_failures, record.task.max_runtime_seconds), (Some(0), None));
        assert_eq!(record.labels, ["l"]);
        let run = &record.runs[0];
        assert_eq!((&run.artifacts, &run.argv, run.exit_code), (&None, &None, None));
        assert_eq!(run.created_cards.as_deref(), Some("[\"t_1\"]"));
        assert_eq!(notes.len(), 2, "{notes:?}");
    }
}
