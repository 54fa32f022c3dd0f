//! Parts are small, and together they are the whole.

use super::*;

/// Follows the cursors to the end; returns the parts.
fn all(sections: &[Section]) -> Vec<Value> {
    let mut parts = vec![part(sections, None).unwrap()];
    while let Some(cursor) = parts.last().unwrap().get("next_cursor") {
        let from = Position::parse(cursor.as_str().unwrap()).unwrap();
        parts.push(part(sections, Some(&from)).unwrap_or_else(|| panic!("{cursor}")));
        assert!(parts.len() < 10_000, "it goes on without end");
    }
    for part in &parts {
        assert!(cost(part) <= TEXT_BYTES_MAX, "{} bytes", cost(part));
    }
    parts
}

/// Puts parts together again.
fn joined(parts: &[Value], section: &str) -> Vec<Value> {
    let mut items: Vec<Value> = Vec::new();
    for part in parts {
        let Some(value) = part.get(section) else { continue };
        let given = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
        for item in given {
            let Some(location) = item.get("piece").cloned() else {
                items.push(item);
                continue;
            };
            let field = location["field"].as_str().unwrap();
            let from = usize::try_from(location["from_byte"].as_u64().unwrap()).unwrap();
            let is_same = items.last().is_some_and(|last| last["number"] == item["number"]);
            if is_same {
                let last = items.last_mut().unwrap();
                let before = last.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
                assert_eq!(before.len(), from);
                last[field] = format!("{before}{}", item[field].as_str().unwrap()).into();
            } else {
                items.push(item);
            }
        }
    }
    items
}

fn comment(size: usize) -> Value {
    json!({"author": "ann", "body": "ü\n\"x\"".repeat(size), "created_at": 1_700_000_000})
}

#[test]
fn what_fits_is_one_part_with_its_empty_lists() {
    let sections = [
        Section::single("task", json!({"id": "t_1"})),
        Section::list("parents", vec![json!("t_2")]),
        Section::list("comments", vec![]),
    ];
    assert_eq!(
        all(&sections),
        [json!({"task": {"id": "t_1"}, "parents": ["t_2"], "comments": []})]
    );
}

#[test]
fn all_parts_together_are_the_whole_whatever_it_is_made_of() {
    let deep = (0..100).fold(json!("\u{1}"), |inner, _| json!({ "a": inner }));
    let sections = [
        Section::single("task", json!({"id": "t_1", "title": "\u{1}".repeat(4096), "body": "w".repeat(150_000)})),
        Section::single("worker_context", "# t\n\\\"".repeat(20_000).into()),
        Section::list("parents", (0..1000).map(|n| format!("t_{n:08x}").into()).collect()),
        Section::list("comments", (0..500).map(|n| comment(n * 7)).collect()),
        Section::list("runs", (0..300).map(|n| json!({"id": n, "summary": "s".repeat(n * 3), "metadata": deep, "error": "e".repeat(30_000)})).collect()),
        Section { skipped: 10, ..Section::list("events", (0..60).map(|n| json!({"kind": "heartbeat", "payload": {"n": n}})).collect()) },
    ];
    let parts = all(&sections);
    assert_eq!(joined(&parts, "parents"), sections[2].items);
    assert_eq!(joined(&parts, "events"), sections[5].items[10..]);
    let text: String = parts.iter().filter_map(|part| part["worker_context"].as_str()).collect();
    assert_eq!(sections[1].items, [Value::from(text)]);
    let mut comments = joined(&parts, "comments");
    for comment in &mut comments {
        let fields = comment.as_object_mut().unwrap();
        fields.remove("piece");
        fields.remove("number");
    }
    assert_eq!(comments, sections[3].items);
    let task = &joined(&parts, "task")[0];
    assert_eq!(
        (&task["body"], &task["title"]),
        (&sections[0].items[0]["body"], &sections[0].items[0]["title"])
    );
    let runs = joined(&parts, "runs");
    assert_eq!(runs.len(), 300);
    for (run, given) in runs.iter().zip(&sections[4].items) {
        assert_eq!(
            (&run["id"], &run["error"], &run["summary"]),
            (&given["id"], &given["error"], &given["summary"])
        );
        assert_eq!(run["metadata"].as_str().unwrap(), given["metadata"].to_string());
    }
}

#[test]
fn a_part_says_what_is_left() {
    let sections = [
        Section::list("comments", (0..10).map(|_| comment(1500)).collect()),
        Section::list("runs", vec![json!({"id": 1})]),
    ];
    let first = part(&sections, None).unwrap();
    assert_eq!(first["left"], json!({"comments": 9, "runs": 1}));
    assert_eq!(first["next_cursor"], "comments.1");
}

#[test]
fn a_position_is_read_as_it_was_written_and_one_that_is_not_there_is_none() {
    for text in ["comments.7", "comments.7.body.4096", "worker_context.0.text.9"] {
        assert_eq!(Position::parse(text).unwrap().to_string(), text);
    }
    assert_eq!(Position::parse("comments").unwrap().to_string(), "comments.0");
    for text in ["comments.x", "comments.1.body", "comments.1.body.x", "a.1.b.2.c", "comments.-1"] {
        assert_eq!(Position::parse(text), None, "{text}");
    }
    let sections =
        [Section::list("comments", vec![comment(10_000)]), Section::single("text", "äö".into())];
    for text in [
        "",
        "runs.0",
        "comments.0.mood.0",
        "comments.0.author.0",
        "comments.0.body.1",
        "comments.0.body.99999999",
        "comments.1.body.0",
        "text.0.text.1",
    ] {
        let position = Position::parse(text).unwrap();
        assert_eq!(part(&sections, Some(&position)), None, "{text}");
    }
    // Behind the last item there is nothing, which is no mistake: a client may have asked twice.
    let behind = Position::parse("comments.1").unwrap();
    assert_eq!(part(&sections, Some(&behind)), Some(json!({"text": "äö"})));
}
