//! What happened, as JSON for programs: the body of a webhook, and what a command reads. Pure, and the same at every attempt.

use serde_json::{Value, json};

use crate::kernel::notice::{Class, Notice};

/// The JSON of a notice. Tokens of buttons are not in it: they are for the person who is asked.
pub fn of(notice: &Notice) -> Value {
    let time = jiff::Timestamp::from_second(notice.at).unwrap_or_default();
    json!({
        "type": type_of(notice),
        "timestamp": time.to_string(),
        "data": {
            "event_id": notice.event_id,
            "kind": notice.kind,
            "class": class_of(notice.class),
            "board": notice.board,
            "task": notice.task,
            "headline": notice.headline,
            "lines": notice.lines,
            "question": notice.question,
            "files": notice.files,
            "items": notice.items,
        },
    })
}

fn class_of(class: Class) -> &'static str {
    match class {
        Class::Ask => "ask",
        Class::News => "news",
        Class::Digest => "digest",
        Class::Test => "test",
    }
}

/// `task.blocked`, `board.disk_low`: letters, digits, underscores and a full stop.
fn type_of(notice: &Notice) -> String {
    let subject = if notice.task.is_some() { "task" } else { "board" };
    let kind: String = notice
        .kind
        .chars()
        .map(|sign| if sign.is_ascii_alphanumeric() { sign } else { '_' })
        .collect();
    format!("{subject}.{kind}")
}
