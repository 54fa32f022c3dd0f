//! The bounds of the board, applied to a record of a source that has none, or others. What is too long is cut, what cannot be is
//! put right or left out, each with a note: one odd value never costs the rest. Pure.
//!
//! Every bound is one of [`crate::kernel::limits`]; a new one is a line here.

use serde_json::Value;

use crate::kernel::event::EventKind;
use crate::kernel::ids::EpochSeconds;
use crate::kernel::limits::{
    ARGS_MAX, BODY_BYTES_MAX, LIST_ITEMS_MAX, METADATA_DEPTH_MAX, NAME_BYTES_MAX, PATH_BYTES_MAX,
    SECONDS_MAX, TITLE_BYTES_MAX,
};
use crate::kernel::rules::quiet::QuietHours;
use crate::kernel::transfer::record::{CommentFields, EventFields, RunFields, TaskRecord};
use crate::kernel::transfer::report::RecordNotes;
use crate::kernel::validate;

/// Makes a record fit.
pub fn fit(record: &mut TaskRecord, notes: &mut RecordNotes) {
    fit_texts(record, notes);
    fit_names(record, notes);
    fit_numbers(record, notes);
    for run in &mut record.runs {
        fit_run(run, notes);
    }
    for comment in &mut record.comments {
        fit_comment(comment, notes);
    }
    for event in &mut record.events {
        fit_event(event, notes);
    }
    fit_labels(record, notes);
    for subscription in &mut record.subscriptions {
        subscription.kinds.retain(|kind| EventKind::ALL.iter().any(|known| known.as_str() == kind));
        subscription.kinds.dedup();
        let quiet = subscription.quiet.as_deref().map(str::trim).filter(|quiet| !quiet.is_empty());
        let is_readable = |quiet: &&str| QuietHours::parse(quiet, "UTC").is_some();
        let kept = quiet.filter(is_readable).map(str::to_owned);
        if quiet.is_some() && kept.is_none() {
            notes.leave_out("routes.quiet", 1, "quiet hours that cannot be read");
        }
        subscription.quiet = kept;
    }
    let mut seen = Vec::new();
    record.subscriptions.retain(|subscription| {
        let key = (
            subscription.platform.clone(),
            subscription.chat_id.clone(),
            subscription.thread_id.clone(),
        );
        let is_new = !seen.contains(&key);
        seen.push(key);
        if !is_new {
            notes.leave_out("kanban_notify_subs", 1, "a second subscription of the same chat");
        }
        is_new
    });
}

fn fit_texts(record: &mut TaskRecord, notes: &mut RecordNotes) {
    let task = &mut record.task;
    let title = task.title.trim().to_owned();
    if title.is_empty() {
        "(untitled)".clone_into(&mut task.title);
        notes.notes.push(format!("{} had no title", notes.id));
    } else {
        task.title = title;
        fit_text("title", &mut task.title, TITLE_BYTES_MAX, notes);
    }
    for (name, text) in [
        ("body", &mut task.body),
        ("result", &mut task.result),
        ("last_spawn_error", &mut task.last_spawn_error),
    ] {
        if let Some(text) = text {
            fit_text(name, text, BODY_BYTES_MAX, notes);
        }
    }
    if let Some(path) = &mut task.workspace_path {
        let length = path.len();
        if length > PATH_BYTES_MAX || path.contains('\0') {
            notes.note(&format!("its workspace path of {length} bytes is invalid and was dropped"));
            task.workspace_path = None;
        }
    }
}

fn fit_names(record: &mut TaskRecord, notes: &mut RecordNotes) {
    let task = &mut record.task;
    // A part of a name is another name, and no task is to land with another assignee.
    if let Some(assignee) = task.assignee.take() {
        match validate::name("assignee", Some(&assignee)) {
            Ok(name) => task.assignee = name,
            Err(refusal) => notes.note(&format!("it has no assignee now: {refusal}")),
        }
    }
    for (field, name) in [("model", &mut task.model), ("effort", &mut task.effort)] {
        if let Some(given) = name.take() {
            match validate::argument_name(field, Some(&given)) {
                Ok(given) => *name = given,
                Err(refusal) => notes.note(&format!("its {field} was dropped: {refusal}")),
            }
        }
    }
    if let Some(reviewer) = task.reviewer.take() {
        match validate::argument_name("reviewer", Some(&reviewer)) {
            Ok(name) => task.reviewer = name,
            Err(refusal) => notes.note(&format!("its reviewer was dropped: {refusal}")),
        }
    }
    if let Some(why) = &mut task.review_why {
        fit_text("review_why", why, BODY_BYTES_MAX, notes);
    }
    if let Some(key) = &task.idempotency_key
        && (key.len() > NAME_BYTES_MAX || key.contains('\0'))
    {
        notes.note(&format!("its idempotency key of {} bytes was dropped", key.len()));
        task.idempotency_key = None;
    }
    for (field, name) in [
        ("tenant", &mut task.tenant),
        ("created_by", &mut task.created_by),
        ("workflow_template_id", &mut task.workflow_template_id),
        ("current_step_key", &mut task.current_step_key),
    ] {
        if let Some(name) = name {
            fit_name(field, name, notes);
        }
    }
    task.tenant = task.tenant.take().filter(|tenant| !tenant.trim().is_empty());
    if let Some(args) = &mut task.args
        && let Err(refusal) = validate::args(args)
    {
        notes.note(&format!("its extra arguments were dropped (at most {ARGS_MAX}): {refusal}"));
        task.args = None;
    }
}

fn fit_numbers(record: &mut TaskRecord, notes: &mut RecordNotes) {
    let task = &mut record.task;
    for (field, count) in [
        ("spawn_failures", &mut task.spawn_failures),
        ("auto_starts", &mut task.auto_starts),
        ("protocol_violations", &mut task.protocol_violations),
    ] {
        fit_integer(field, count, 0, i64::from(u32::MAX), notes);
    }
    if let Some(seconds) = task.max_runtime_seconds.take_if(|seconds| *seconds <= 0) {
        notes.note(&format!("its time limit of {seconds} s is invalid; the default applies"));
    }
    fit_time("created_at", &mut task.created_at, notes);
    for (field, time) in [
        ("started_at", &mut task.started_at),
        ("completed_at", &mut task.completed_at),
        ("archived_at", &mut task.archived_at),
        ("last_heartbeat_at", &mut task.last_heartbeat_at),
    ] {
        fit_integer(field, time, 0, SECONDS_MAX, notes);
    }
}

fn fit_run(run: &mut RunFields, notes: &mut RecordNotes) {
    let of_run = |field: &str| format!("{field} of run {}", run.id);
    fit_time(&of_run("started_at"), &mut run.started_at, notes);
    if let Some(ended_at) = &mut run.ended_at {
        // A run that is over stays over, whatever its end was written as.
        fit_time(&of_run("ended_at"), ended_at, notes);
    }
    let is_i32 = (i64::from(i32::MIN), i64::from(i32::MAX));
    for (field, number, (least, most)) in [
        ("closed_at", &mut run.closed_at, (0, SECONDS_MAX)),
        ("last_heartbeat_at", &mut run.last_heartbeat_at, (0, SECONDS_MAX)),
        ("retry_at", &mut run.retry_at, (0, SECONDS_MAX)),
        ("exit_code", &mut run.exit_code, is_i32),
        ("signal", &mut run.signal, is_i32),
        ("errno", &mut run.errno, is_i32),
    ] {
        fit_integer(&of_run(field), number, least, most, notes);
    }
    for (field, text) in
        [("summary", &mut run.summary), ("error", &mut run.error), ("log_tail", &mut run.log_tail)]
    {
        if let Some(text) = text {
            fit_text(&of_run(field), text, BODY_BYTES_MAX, notes);
        }
    }
    for (field, name) in [
        ("profile", &mut run.profile),
        ("step_key", &mut run.step_key),
        ("review_verdict", &mut run.review_verdict),
    ] {
        if let Some(name) = name {
            fit_name(&of_run(field), name, notes);
        }
    }
    for (field, list) in [
        ("argv", &mut run.argv),
        ("not_enforced", &mut run.not_enforced),
        ("artifacts", &mut run.artifacts),
        ("created_cards", &mut run.created_cards),
    ] {
        if list.take_if(|list| !is_list(list)).is_some() {
            notes.note(&format!("{field} of run {} were dropped: not a JSON list", run.id));
        }
    }
    let why_not = run.metadata.as_deref().and_then(why_no_metadata);
    if let Some(why_not) = why_not {
        run.metadata = None;
        notes.note(&format!("metadata of run {} were dropped: {why_not}", run.id));
    }
}

fn is_list(text: &str) -> bool {
    matches!(serde_json::from_str::<Value>(text), Ok(Value::Array(_)))
}

/// Why a text cannot stand as metadata.
fn why_no_metadata(text: &str) -> Option<String> {
    if text.len() > BODY_BYTES_MAX {
        return Some(format!("{} bytes, at most {BODY_BYTES_MAX}", text.len()));
    }
    match serde_json::from_str::<Value>(text) {
        Ok(object @ Value::Object(_)) if !validate::is_deeper_than(&object, METADATA_DEPTH_MAX) => {
            None
        }
        Ok(Value::Object(_)) => Some(format!("nested deeper than {METADATA_DEPTH_MAX}")),
        Ok(Value::Null) | Err(_) if text.trim().is_empty() => None,
        Ok(_) => Some("not a JSON object".to_owned()),
        Err(error) => Some(format!("not JSON: {error}")),
    }
}

fn fit_comment(comment: &mut CommentFields, notes: &mut RecordNotes) {
    fit_text(&format!("comment {}", comment.id), &mut comment.body, BODY_BYTES_MAX, notes);
    fit_name(&format!("author of comment {}", comment.id), &mut comment.author, notes);
    fit_time(&format!("created_at of comment {}", comment.id), &mut comment.created_at, notes);
}

fn fit_event(event: &mut EventFields, notes: &mut RecordNotes) {
    fit_name(&format!("kind of event {}", event.id), &mut event.kind, notes);
    fit_time(&format!("created_at of event {}", event.id), &mut event.created_at, notes);
    if let Some(actor) = &mut event.actor {
        fit_name(&format!("actor of event {}", event.id), actor, notes);
    }
    let is_too_deep = |payload: &mut Value| validate::is_deeper_than(payload, METADATA_DEPTH_MAX);
    let is_too_long = |payload: &mut Value| payload.to_string().len() > BODY_BYTES_MAX;
    if event.payload.take_if(|payload| is_too_deep(payload) || is_too_long(payload)).is_some() {
        notes.note(&format!(
            "payload of event {} was dropped: too large or too deeply nested",
            event.id
        ));
    }
}

fn fit_labels(record: &mut TaskRecord, notes: &mut RecordNotes) {
    let mut labels: Vec<String> = Vec::new();
    for label in std::mem::take(&mut record.labels) {
        match validate::labels(std::slice::from_ref(&label)) {
            Ok(label) if labels.len() < LIST_ITEMS_MAX => labels.extend(label),
            Ok(_) => notes.leave_out("task_labels", 1, "too many labels"),
            Err(refusal) => notes.leave_out("task_labels", 1, &refusal.to_string()),
        }
    }
    labels.sort();
    labels.dedup();
    record.labels = labels;
}

/// Skills as a task may have them.
pub fn fit_skills(skills: Vec<String>, notes: &mut RecordNotes) -> Vec<String> {
    let mut fitting: Vec<String> = Vec::new();
    for skill in skills {
        match validate::skills(Some(std::slice::from_ref(&skill))) {
            Ok(skills) if fitting.len() < LIST_ITEMS_MAX => {
                for skill in skills.unwrap_or_default() {
                    if !fitting.contains(&skill) {
                        fitting.push(skill);
                    }
                }
            }
            Ok(_) => notes.note("it has too many skills; the first are kept"),
            Err(refusal) => notes.note(&format!("a skill was dropped: {refusal}")),
        }
    }
    fitting
}

fn fit_text(field: &str, text: &mut String, limit: usize, notes: &mut RecordNotes) {
    if text.contains('\0') {
        *text = text.replace('\0', "\u{fffd}");
        notes.note(&format!("NUL bytes of its {field} were replaced"));
    }
    let length = text.len();
    if length > limit {
        cut(text, limit);
        notes.note(&format!("its {field} was cut from {length} to {} bytes", text.len()));
    }
}

fn fit_name(field: &str, name: &mut String, notes: &mut RecordNotes) {
    if name.chars().any(char::is_control) {
        *name = name.replace(char::is_control, " ");
        notes.note(&format!("control characters of its {field} were replaced"));
    }
    let length = name.len();
    if length > NAME_BYTES_MAX {
        cut(name, NAME_BYTES_MAX);
        notes.note(&format!("its {field} was cut from {length} to {} bytes", name.len()));
    }
}

pub(super) fn cut(text: &mut String, limit: usize) {
    let end = (0..=limit).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    text.truncate(end);
}

fn fit_time(field: &str, time: &mut EpochSeconds, notes: &mut RecordNotes) {
    if (SECONDS_MAX + 1..=SECONDS_MAX * 1000).contains(time) {
        notes.note(&format!("{field} was {time}, read as milliseconds"));
        *time /= 1000;
    }
    let mut number = Some(*time);
    fit_integer(field, &mut number, 0, SECONDS_MAX, notes);
    *time = number.unwrap_or_default();
}

/// A number out of its range is dropped: the nearest that is allowed would be a number that nobody wrote.
fn fit_integer(
    field: &str,
    number: &mut Option<i64>,
    least: i64,
    most: i64,
    notes: &mut RecordNotes,
) {
    if let Some(wrong) = number.take_if(|number| !(least..=most).contains(number)) {
        notes.note(&format!("{field} was {wrong} and was dropped"));
    }
}

#[cfg(test)]
mod tests;
