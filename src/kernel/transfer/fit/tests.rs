//! One odd value of every kind: what becomes of it, and that it is reported.

use serde_json::json;

use super::*;
use crate::kernel::transfer::normalize::normalize;
use crate::kernel::transfer::record::{SubscriptionFields, TaskFields};

fn record(change: impl FnOnce(&mut TaskRecord)) -> TaskRecord {
    let task = TaskFields {
        id: "t_1".into(),
        title: "t".into(),
        status: "done".into(),
        ..TaskFields::default()
    };
    let mut record = TaskRecord { task, ..TaskRecord::default() };
    change(&mut record);
    record
}

/// The record as it fits, and everything that was said.
fn fitted(change: impl FnOnce(&mut TaskRecord)) -> (TaskRecord, String) {
    let normal = normalize(record(change), 9).unwrap();
    let left_out =
        normal.report.left_out.iter().map(|it| format!("left out {} {}", it.table, it.reason));
    let said = normal.report.notes.iter().cloned().chain(left_out).collect::<Vec<_>>().join("\n");
    (normal.record, said)
}

#[test]
fn what_fits_is_left_as_it_is_and_nothing_is_said() {
    let given = record(|record| {
        record.task.body = Some("b".repeat(BODY_BYTES_MAX));
        record.task.title = "ü".repeat(TITLE_BYTES_MAX / 2);
        record.task.priority = Some(i64::MIN);
        record.task.created_at = SECONDS_MAX;
        record.labels = vec!["a".into(), "b".into()];
    });
    let (fitted, said) = fitted(|record| *record = given.clone());
    assert_eq!((fitted, said.as_str()), (given, ""));
}

#[test]
fn long_texts_are_cut_between_characters() {
    let long = "ü".repeat(BODY_BYTES_MAX);
    let (fitted, said) = fitted(|record| {
        record.task.title = format!("x{}", "ü".repeat(5000));
        record.task.body = Some(long.clone());
        record.task.result = Some(long.clone());
        record.task.created_by = Some("n".repeat(600));
        record.task.tenant = Some("a\nb".into());
        record.runs = vec![RunFields {
            summary: Some(long.clone()),
            error: Some("a\0b".into()),
            ended_at: Some(1),
            status: "done".into(),
            ..RunFields::default()
        }];
        record.comments = vec![CommentFields {
            id: 7,
            body: long.clone(),
            author: "x".repeat(600),
            created_at: 1,
        }];
    });
    assert_eq!(fitted.task.title.len(), TITLE_BYTES_MAX - 1);
    assert_eq!(fitted.task.body.unwrap().len(), BODY_BYTES_MAX);
    assert_eq!(
        (fitted.task.created_by.unwrap().len(), fitted.task.tenant.as_deref()),
        (NAME_BYTES_MAX, Some("a b"))
    );
    assert_eq!(fitted.runs[0].error.as_deref(), Some("a\u{fffd}b"));
    assert_eq!(
        (fitted.comments[0].body.len(), fitted.comments[0].author.len()),
        (BODY_BYTES_MAX, NAME_BYTES_MAX)
    );
    for word in [
        "title was cut from 10001 to 4095",
        "body was cut",
        "result was cut",
        "created_by was cut",
        "summary of run",
        "NUL bytes",
        "comment 7 was cut",
        "author of comment 7",
        "control characters of its tenant",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
}

#[test]
fn a_name_that_is_none_is_dropped_and_not_cut_to_another() {
    let (fitted, said) = fitted(|record| {
        record.task.assignee = Some("a".repeat(600));
        record.task.model = Some("-x".into());
        record.task.effort = Some("high".into());
        record.task.idempotency_key = Some("k".repeat(600));
        record.task.skills = Some(json!(["good", "a,b", "-flag", "good"]).to_string());
        record.labels = vec!["ok".into(), "a,b".into(), " ".into()];
        record.task.workspace_path = Some("/x".repeat(4000));
        record.task.args = Some(vec!["x".into(); 100]);
    });
    let task = fitted.task;
    assert_eq!((task.assignee, task.model, task.effort.as_deref()), (None, None, Some("high")));
    assert_eq!((task.idempotency_key, task.workspace_path, task.args), (None, None, None));
    assert_eq!(fitted.labels, ["ok"]);
    for word in [
        "no assignee",
        "model was dropped",
        "idempotency key of 600",
        "workspace path",
        "extra arguments",
        "left out task_labels",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
    assert_eq!(said.matches("a skill was dropped").count(), 2);
    let normal = normalize(record(|it| it.task.skills = Some("nonsense".into())), 9).unwrap();
    assert!(normal.report.notes[0].contains("not a JSON list"), "{:?}", normal.report);
}

#[test]
fn numbers_out_of_their_range_are_dropped() {
    let (fitted, said) = fitted(|record| {
        record.task.spawn_failures = Some(-1);
        record.task.auto_starts = Some(1 << 40);
        record.task.max_runtime_seconds = Some(0);
        record.task.created_at = 1_700_000_000_000;
        record.task.completed_at = Some(i64::MAX);
        record.task.started_at = Some(-5);
        record.runs = vec![RunFields {
            id: 3,
            status: "done".into(),
            ended_at: Some(i64::MAX),
            exit_code: Some(1 << 40),
            ..RunFields::default()
        }];
        record.events = vec![EventFields {
            id: 4,
            kind: "k".into(),
            created_at: i64::MIN,
            ..EventFields::default()
        }];
    });
    let task = fitted.task;
    assert_eq!(
        (task.spawn_failures, task.auto_starts, task.max_runtime_seconds),
        (None, None, None)
    );
    assert_eq!((task.created_at, task.completed_at, task.started_at), (1_700_000_000, None, None));
    // It stays over, under the outcome that it had.
    let run = &fitted.runs[0];
    assert_eq!(
        (run.ended_at, run.exit_code, run.outcome.as_deref()),
        (Some(0), None, Some("completed"))
    );
    assert_eq!(fitted.events[0].created_at, 0);
    for word in [
        "spawn_failures was -1",
        "auto_starts",
        "time limit of 0 s",
        "milliseconds",
        "completed_at",
        "started_at was -5",
        "ended_at of run 3",
        "exit_code of run 3",
        "created_at of event 4",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
}

#[test]
fn metadata_and_payloads_that_cannot_be_read_again_are_dropped() {
    let deep = |levels| (0..levels).fold(json!(1), |inner, _| json!({ "a": inner }));
    let run = |id, metadata: String| RunFields {
        id,
        metadata: Some(metadata),
        ended_at: Some(1),
        status: "done".into(),
        ..RunFields::default()
    };
    let event = |id, payload: Value| EventFields {
        id,
        kind: "k".into(),
        payload: Some(payload),
        ..EventFields::default()
    };
    let (fitted, said) = fitted(|record| {
        record.runs = vec![
            run(1, deep(METADATA_DEPTH_MAX).to_string()),
            run(2, deep(METADATA_DEPTH_MAX + 1).to_string()),
            run(3, "[1]".into()),
            run(4, "{".into()),
            run(5, json!({"a": "x".repeat(BODY_BYTES_MAX)}).to_string()),
            run(6, String::new()),
            run(7, "{\"a\":".repeat(5000)),
        ];
        record.events = vec![
            event(1, deep(METADATA_DEPTH_MAX + 1)),
            event(2, json!({"a": 1})),
            event(3, json!({"a": "x".repeat(BODY_BYTES_MAX)})),
        ];
    });
    let kept: Vec<bool> = fitted.runs.iter().map(|run| run.metadata.is_some()).collect();
    assert_eq!(kept, [true, false, false, false, false, false, false]);
    let kept: Vec<bool> = fitted.events.iter().map(|event| event.payload.is_some()).collect();
    assert_eq!(kept, [false, true, false]);
    for number in [2, 3, 4, 5, 7] {
        assert!(said.contains(&format!("metadata of run {number} were dropped")), "{said}");
    }
    assert!(
        !said.contains("run 6")
            && said.contains("payload of event 1")
            && said.contains("payload of event 3"),
        "{said}"
    );
}

#[test]
fn a_workspace_that_no_run_can_use_is_told() {
    for (kind, path, word) in [
        (Some("cloud"), None, "was changed to scratch"),
        (Some("dir"), Some("../escaped"), "is relative"),
        (Some("worktree"), Some("repo"), "is relative"),
        (Some("dir"), None, "names no directory"),
        (Some("dir"), Some("/srv/x"), ""),
        (Some("worktree"), None, ""),
        (None, None, ""),
    ] {
        let (_, said) = fitted(|record| {
            record.task.workspace_kind = kind.map(str::to_owned);
            record.task.workspace_path = path.map(str::to_owned);
        });
        assert!(
            said.contains(word) && said.is_empty() == word.is_empty(),
            "{kind:?} {path:?}: {said}"
        );
    }
}

#[test]
fn quiet_hours_that_cannot_be_read_are_left_out_with_a_note() {
    let of = |quiet: &str| SubscriptionFields {
        chat_id: quiet.to_owned(),
        quiet: Some(quiet.to_owned()),
        ..SubscriptionFields::default()
    };
    let (fitted, said) =
        fitted(|record| record.subscriptions = vec![of(" 22:00-07:00 "), of("at night"), of("")]);
    let quiet: Vec<_> = fitted.subscriptions.iter().map(|it| it.quiet.as_deref()).collect();
    assert_eq!(quiet, [Some("22:00-07:00"), None, None]);
    assert_eq!(said.matches("routes.quiet").count(), 1, "{said}");
}

#[test]
fn a_chat_that_subscribed_twice_hears_once() {
    let chat = SubscriptionFields {
        platform: "tg".into(),
        chat_id: "1".into(),
        ..SubscriptionFields::default()
    };
    let (fitted, said) = fitted(|record| record.subscriptions = vec![chat.clone(), chat]);
    assert_eq!(fitted.subscriptions.len(), 1);
    assert!(said.contains("left out kanban_notify_subs"), "{said}");
}
