//! Validation of fields. All input passes through here, inside the verb.

use crate::kernel::error::Refusal;
use crate::kernel::ids::EpochSeconds;
use crate::kernel::limits::{
    ARGS_MAX, BODY_BYTES_MAX, FILENAME_BYTES_MAX, LABELS_PER_TASK_MAX, LIST_ITEMS_MAX,
    METADATA_DEPTH_MAX, NAME_BYTES_MAX, PATH_BYTES_MAX, PRIORITY_MAX, REQUEST_ID_BYTES_MAX,
    SECONDS_MAX, TITLE_BYTES_MAX,
};
use crate::kernel::shorten::shorten;
use crate::kernel::task::{NO_REVIEW, WorkspaceKind};
use crate::text::signs::ends_line;

/// A text without NUL bytes, of at most `limit` bytes, as it is.
pub fn text<'t>(field: &'static str, text: &'t str, limit: usize) -> Result<&'t str, Refusal> {
    if text.len() > limit {
        return Err(Refusal::TooLarge { field, actual: text.len(), limit });
    }
    if text.contains('\0') {
        return Err(Refusal::InvalidValue {
            field,
            problem: "cannot contain NUL bytes",
            value: shorten(text),
        });
    }
    Ok(text)
}

/// A title: trimmed, not blank, one line.
pub fn title(given: &str) -> Result<String, Refusal> {
    let title = text("title", given.trim(), TITLE_BYTES_MAX)?;
    if title.is_empty() {
        return Err(Refusal::TitleRequired);
    }
    if title.contains(['\n', '\r']) {
        return Err(Refusal::InvalidValue {
            field: "title",
            problem: "must be one line; put the rest into the body",
            value: shorten(title),
        });
    }
    Ok(title.to_owned())
}

/// A priority.
pub fn priority(given: i64) -> Result<i64, Refusal> {
    if (-PRIORITY_MAX..=PRIORITY_MAX).contains(&given) {
        return Ok(given);
    }
    Err(Refusal::InvalidValue {
        field: "priority",
        problem: "must be -1000000 to 1000000",
        value: given.to_string(),
    })
}

/// A long optional text; a blank one is none.
pub fn body(field: &'static str, given: Option<&str>) -> Result<Option<String>, Refusal> {
    match given {
        Some(given) if !given.trim().is_empty() => {
            Ok(Some(text(field, given, BODY_BYTES_MAX)?.to_owned()))
        }
        Some(given) => text(field, given, BODY_BYTES_MAX).map(|_| None),
        None => Ok(None),
    }
}

/// The name that a client gives its request.
pub fn request_id(id: &str) -> Result<(), Refusal> {
    if id.is_empty() || id.len() > REQUEST_ID_BYTES_MAX {
        let problem = "must have 1 to 64 bytes";
        return Err(Refusal::InvalidValue { field: "request id", problem, value: shorten(id) });
    }
    Ok(())
}

/// A short optional name: trimmed; a blank one is none.
pub fn name(field: &'static str, given: Option<&str>) -> Result<Option<String>, Refusal> {
    let Some(name) = given.map(str::trim).filter(|name| !name.is_empty()) else { return Ok(None) };
    let name = text(field, name, NAME_BYTES_MAX)?;
    if name.chars().any(char::is_control) {
        return Err(Refusal::InvalidValue {
            field,
            problem: "cannot contain control characters",
            value: shorten(name),
        });
    }
    Ok(Some(name.to_owned()))
}

/// A name that becomes an argument of the started program: it may not look like an option there.
pub fn argument_name(field: &'static str, given: Option<&str>) -> Result<Option<String>, Refusal> {
    let name = name(field, given)?;
    match name {
        Some(name) if name.starts_with('-') => Err(Refusal::InvalidValue {
            field,
            problem: "cannot begin with a dash",
            value: shorten(&name),
        }),
        other => Ok(other),
    }
}

/// The name of a file without any folder, fit for every file system and for a command line.
pub fn filename(given: &str) -> Result<String, Refusal> {
    let invalid =
        |problem| Refusal::InvalidValue { field: "filename", problem, value: shorten(given) };
    let name = text("filename", given.trim(), FILENAME_BYTES_MAX)?;
    if name.is_empty() {
        return Err(invalid("is required"));
    }
    if name == "." || name == ".." || name.contains(['/', '\\']) {
        return Err(invalid("must be the plain name of a file"));
    }
    if name.starts_with('-') {
        return Err(invalid("cannot begin with a dash"));
    }
    if name.chars().any(char::is_control) {
        return Err(invalid("cannot contain control characters"));
    }
    Ok(name.to_owned())
}

/// A SHA-256 as 64 lower-case hex digits.
pub fn sha256(given: &str) -> Result<&str, Refusal> {
    let is_hex = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if given.len() == 64 && given.bytes().all(is_hex) {
        return Ok(given);
    }
    let problem = "must be 64 lower-case hex digits";
    Err(Refusal::InvalidValue { field: "sha256", problem, value: shorten(given) })
}

/// A list that is not too long.
pub fn list<'l, T>(field: &'static str, items: &'l [T]) -> Result<&'l [T], Refusal> {
    if items.len() > LIST_ITEMS_MAX {
        return Err(Refusal::TooLarge { field, actual: items.len(), limit: LIST_ITEMS_MAX });
    }
    Ok(items)
}

/// Skills: trimmed, blanks dropped, no commas, each once in the order first given.
pub fn skills(given: Option<&[String]>) -> Result<Option<Vec<String>>, Refusal> {
    let Some(given) = given else { return Ok(None) };
    let mut skills: Vec<String> = Vec::new();
    for item in list("skills", given)? {
        let Some(skill) = argument_name("skill", Some(item))? else { continue };
        if skill.contains(',') {
            return Err(Refusal::SkillComma { name: skill });
        }
        if !skills.contains(&skill) {
            skills.push(skill);
        }
    }
    Ok(Some(skills))
}

/// Extra arguments for an agent: as they are, in order.
pub fn args(given: &[String]) -> Result<Vec<String>, Refusal> {
    if given.len() > ARGS_MAX {
        return Err(Refusal::TooLarge { field: "args", actual: given.len(), limit: ARGS_MAX });
    }
    given.iter().map(|argument| text("args", argument, PATH_BYTES_MAX).map(str::to_owned)).collect()
}

/// Labels: trimmed, in order, each once; a blank one or one with a comma is refused.
pub fn labels(given: &[String]) -> Result<Vec<String>, Refusal> {
    let mut labels = Vec::new();
    for item in list("labels", given)? {
        let label = name("label", Some(item))?.ok_or_else(|| Refusal::InvalidValue {
            field: "label",
            problem: "cannot be blank",
            value: shorten(item),
        })?;
        if label.contains(',') {
            return Err(Refusal::InvalidValue {
                field: "label",
                problem: "cannot contain a comma",
                value: shorten(&label),
            });
        }
        labels.push(label);
    }
    labels.sort();
    labels.dedup();
    if labels.len() as u64 > LABELS_PER_TASK_MAX {
        return Err(Refusal::InvalidValue {
            field: "labels",
            problem: "too many labels",
            value: format!("{}, maximum {LABELS_PER_TASK_MAX}", labels.len()),
        });
    }
    Ok(labels)
}

/// Kind and path of a workspace, as far as their form goes. Whether the path exists is found out at the claim.
pub fn workspace(
    kind: Option<&str>,
    path: Option<&str>,
) -> Result<(WorkspaceKind, Option<String>), Refusal> {
    let kind = match kind {
        None | Some("") => WorkspaceKind::Scratch,
        Some(text) => WorkspaceKind::parse(text)
            .ok_or_else(|| Refusal::WorkspaceKind { value: shorten(text) })?,
    };
    let path = path.filter(|path| !path.is_empty());
    let invalid = |problem, value: &str| Refusal::InvalidValue {
        field: "workspace_path",
        problem,
        value: shorten(value),
    };
    match (kind, path) {
        (WorkspaceKind::Scratch, Some(path)) => {
            Err(invalid("a scratch workspace takes no path", path))
        }
        (WorkspaceKind::Dir, None) => Err(invalid("a dir workspace requires a path", "")),
        (_, None) => Ok((kind, None)),
        (_, Some(path)) => {
            text("workspace_path", path, PATH_BYTES_MAX)?;
            if !path.starts_with('/') {
                return Err(invalid("non-absolute workspace_path", path));
            }
            Ok((kind, Some(path.to_owned())))
        }
    }
}

/// Who reviews: `human`, the name of a profile, or `none`.
pub fn reviewer(given: &str) -> Result<Option<String>, Refusal> {
    let name = argument_name("review", Some(given))?;
    if name.is_none() {
        return Err(Refusal::InvalidValue {
            field: "review",
            problem: "must be human, a profile, or none",
            value: shorten(given),
        });
    }
    Ok(name.filter(|name| name != NO_REVIEW))
}

/// A time as epoch seconds; 0 is none.
pub fn time(field: &'static str, given: EpochSeconds) -> Result<Option<EpochSeconds>, Refusal> {
    if (0..=SECONDS_MAX).contains(&given) {
        return Ok((given != 0).then_some(given));
    }
    let problem = "must be epoch seconds, or 0 for none";
    Err(Refusal::InvalidValue { field, problem, value: given.to_string() })
}

/// A time limit in whole seconds, larger than zero.
pub fn max_runtime(seconds: Option<i64>) -> Result<Option<i64>, Refusal> {
    match seconds {
        Some(seconds) if seconds <= 0 => Err(Refusal::InvalidValue {
            field: "max_runtime_seconds",
            problem: "must be greater than zero",
            value: seconds.to_string(),
        }),
        other => Ok(other),
    }
}

/// A metadata object as text, or none when it is empty or missing.
pub fn metadata(
    given: Option<&serde_json::Map<String, serde_json::Value>>,
) -> Result<Option<String>, Refusal> {
    let Some(object) = given.filter(|object| !object.is_empty()) else { return Ok(None) };
    if object.values().any(|value| is_deeper_than(value, METADATA_DEPTH_MAX - 1)) {
        return Err(Refusal::InvalidValue {
            field: "metadata",
            problem: "is nested too deeply",
            value: format!("maximum {METADATA_DEPTH_MAX} levels"),
        });
    }
    let json = serde_json::Value::Object(object.clone()).to_string();
    text("metadata", &json, BODY_BYTES_MAX)?;
    Ok(Some(json))
}

/// Whether lists and objects stand in each other more than `levels` deep.
pub(crate) fn is_deeper_than(value: &serde_json::Value, levels: usize) -> bool {
    let Some(below) = levels.checked_sub(1) else {
        return value.is_array() || value.is_object();
    };
    match value {
        serde_json::Value::Array(items) => items.iter().any(|item| is_deeper_than(item, below)),
        serde_json::Value::Object(fields) => {
            fields.values().any(|field| is_deeper_than(field, below))
        }
        serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Number(_)
        | serde_json::Value::String(_) => false,
    }
}

/// The first line of a text that is not blank, trimmed, at most `chars` characters, whatever ends its lines.
pub fn first_line(text: &str, chars: usize) -> Option<String> {
    let line = text.split(ends_line).map(str::trim).find(|line| !line.is_empty())?;
    Some(line.chars().take(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_trimmed_and_never_blank() {
        assert_eq!(title("  x ").unwrap(), "x");
        for blank in ["", "  ", "\n\t"] {
            assert_eq!(title(blank), Err(Refusal::TitleRequired));
        }
        assert!(matches!(title("a\0b"), Err(Refusal::InvalidValue { .. })));
        assert!(matches!(title(&"x".repeat(5000)), Err(Refusal::TooLarge { .. })));
    }

    #[test]
    fn skills_are_cleaned_in_order() {
        let given = [" b ".to_owned(), String::new(), "a".to_owned(), "b".to_owned()];
        assert_eq!(skills(Some(&given)).unwrap().unwrap(), ["b", "a"]);
        assert_eq!(skills(None).unwrap(), None);
        assert_eq!(skills(Some(&[])).unwrap(), Some(vec![]));
        assert!(matches!(skills(Some(&["a,b".to_owned()])), Err(Refusal::SkillComma { .. })));
    }

    #[test]
    fn a_workspace_has_a_known_kind_and_an_absolute_path() {
        for (kind, path, is_valid) in [
            (None, None, true),
            (Some("scratch"), None, true),
            (Some("scratch"), Some("/x"), false),
            (Some("dir"), None, false),
            (Some("dir"), Some("/x"), true),
            (Some("dir"), Some("x"), false),
            (Some("dir"), Some("~/x"), false),
            (Some("worktree"), None, true),
            (Some("worktree"), Some("/x"), true),
            (Some("folder"), None, false),
        ] {
            assert_eq!(workspace(kind, path).is_ok(), is_valid, "{kind:?} {path:?}");
        }
    }

    #[test]
    fn the_name_of_a_file_leads_nowhere_else() {
        for (given, expected) in [
            ("report.pdf", Some("report.pdf")),
            (" two words.txt ", Some("two words.txt")),
            (".profile", Some(".profile")),
            ("", None),
            ("  ", None),
            (".", None),
            ("..", None),
            ("a/b", None),
            ("/etc/passwd", None),
            ("a\\b", None),
            ("-rf", None),
            ("a\nb", None),
            ("a\0b", None),
        ] {
            assert_eq!(filename(given).ok().as_deref(), expected, "{given:?}");
        }
        assert!(filename(&"x".repeat(255)).is_ok());
        assert!(matches!(filename(&"x".repeat(256)), Err(Refusal::TooLarge { .. })));
    }

    #[test]
    fn metadata_is_nested_only_so_deep() {
        for (levels, is_valid) in
            [(1, true), (METADATA_DEPTH_MAX, true), (METADATA_DEPTH_MAX + 1, false), (120, false)]
        {
            for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
                let inner = levels - 1;
                let text = format!("{{\"a\":{}1{}}}", open.repeat(inner), close.repeat(inner));
                let object: serde_json::Map<_, _> = serde_json::from_str(&text).unwrap();
                assert_eq!(metadata(Some(&object)).is_ok(), is_valid, "{levels} of {open}");
            }
        }
    }

    #[test]
    fn the_first_line_skips_blank_ones() {
        assert_eq!(first_line(" \n\n two words \nmore", 400).as_deref(), Some("two words"));
        assert_eq!(first_line("one\rtwo\u{2028}three", 400).as_deref(), Some("one"));
        assert_eq!(first_line("  \n ", 400), None);
        assert_eq!(first_line("äöü", 2).as_deref(), Some("äö"));
    }
}
