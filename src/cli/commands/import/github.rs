//! Issues, as `gh issue list --json …` writes them.
//!
//! Who an issue is assigned to on GitHub is a person there and no profile here, so that stands in the body: a task must not start a
//! program because a person has the name of one.

use serde_json::Value;

use super::draft::{Content, Draft, Field, Standing, time};
use super::json_items::Object;
use crate::kernel::transfer::record::CommentFields;

/// Fields that make a task as whole as it can be.
pub(super) const WANTED: &str =
    "number,title,body,state,stateReason,labels,assignees,author,url,createdAt,closedAt,comments";

/// Makes tasks of issues.
///
/// # Errors
/// One line with the place of what is wrong.
pub(super) fn read(objects: Vec<Object<'_>>) -> Result<Vec<Draft>, String> {
    objects.into_iter().map(|object| issue(&object)).collect()
}

fn issue(object: &Object<'_>) -> Result<Draft, String> {
    let mut draft = Draft { location: object.location.clone(), ..Draft::default() };
    let text = |key: &str| object.fields.get(key).and_then(Value::as_str).unwrap_or_default();
    let number = object.fields.get("number").and_then(Value::as_u64);
    let url = text("url");
    // A number stands for one issue of a repository; its address for one of the world.
    draft.source_id = if url.is_empty() {
        number.map(|number| format!("#{number}"))
    } else {
        Some(url.to_owned())
    };
    let title = text("title");
    if title.trim().is_empty() || draft.source_id.is_none() {
        let problem =
            format!("an issue needs title and number; ask for them: gh issue list --json {WANTED}");
        return Err(object.problem("title", &problem));
    }
    draft.set(Field::Title, Content::Text(title.to_owned()))?;
    draft.add_to_body(text("body"));
    let people = names(object, "assignees", "login");
    if !people.is_empty() {
        draft.add_to_body(&format!("Assigned on GitHub: {}", people.join(", ")));
    }
    draft.add_to_body(url);
    draft.labels = names(object, "labels", "name");
    draft.status = match (text("state").to_ascii_uppercase().as_str(), text("stateReason")) {
        ("CLOSED", "NOT_PLANNED" | "DUPLICATE") => Standing::Archived,
        ("CLOSED", _) => Standing::Done,
        _ => Standing::Open,
    };
    for (key, at) in [("createdAt", &mut draft.created_at), ("closedAt", &mut draft.completed_at)] {
        *at =
            time(text(key)).map_err(|problem| object.problem(key, &format!("{key}: {problem}")))?;
    }
    let author = object.fields.get("author").and_then(|author| author.get("login"));
    draft.created_by = author.and_then(Value::as_str).map(str::to_owned);
    let comments = object.fields.get("comments").and_then(Value::as_array);
    draft.comments = comments.into_iter().flatten().filter_map(comment).collect();
    Ok(draft)
}

/// Of each object in a list what it is called.
fn names(object: &Object<'_>, key: &str, name: &str) -> Vec<String> {
    let list = object.fields.get(key).and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|one| one.get(name)?.as_str()).map(str::to_owned).collect()
}

fn comment(value: &Value) -> Option<CommentFields> {
    let author = value.get("author").and_then(|author| author.get("login")).and_then(Value::as_str);
    let created_at = value.get("createdAt").and_then(Value::as_str).unwrap_or_default();
    Some(CommentFields {
        id: 0,
        author: author.unwrap_or("ghost").to_owned(),
        body: value.get("body")?.as_str()?.to_owned(),
        created_at: time(created_at).ok().flatten().unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::json_items::array;
    use super::super::location::Text;
    use super::*;

    #[test]
    fn an_issue_is_a_task_with_its_people_in_the_body_and_its_comments() {
        let text = r#"[{"number":7,"title":"Fix it","body":"Now.","state":"CLOSED","stateReason":"NOT_PLANNED",
            "labels":[{"id":"x","name":"bug"}],"assignees":[{"login":"claude"}],"author":{"login":"ann"},
            "url":"https://github.com/a/b/issues/7","createdAt":"2026-05-01T00:00:00Z","closedAt":null,
            "comments":[{"author":{"login":"bob"},"body":"Why?","createdAt":"2026-05-01T00:00:01Z"}]},
            {"number":8,"title":"Open","state":"OPEN"}]"#;
        let drafts = read(array(&Text::new(text)).unwrap()).unwrap();
        let issue = &drafts[0];
        assert_eq!(issue.source_id.as_deref(), Some("https://github.com/a/b/issues/7"));
        let body = issue.body.as_deref().unwrap();
        assert!(body.starts_with("Now.\n\nAssigned on GitHub: claude\n\nhttps://"), "{body}");
        assert_eq!((issue.assignee.as_deref(), issue.status), (None, Standing::Archived));
        assert_eq!(
            (issue.labels.join(" "), issue.created_by.as_deref()),
            ("bug".into(), Some("ann"))
        );
        assert_eq!(issue.comments[0].author, "bob");
        assert_eq!(
            (drafts[1].source_id.as_deref(), drafts[1].status),
            (Some("#8"), Standing::Open)
        );
        let text = "[\n {\"state\":\"OPEN\",\"title\":\"a\"}]";
        let problem = read(array(&Text::new(text)).unwrap()).unwrap_err();
        assert!(
            problem.starts_with("line 2, column 26: an issue needs title and number"),
            "{problem}"
        );
    }
}
