//! Columns that a list can have: the fields of a task in the JSON output, by their names.

use serde_json::Value;

use crate::api::client::seen::Task;
use crate::cli::failure::Failure;
use crate::cli::style::{Line, Tone};
use crate::cli::table::Column;
use crate::cli::tasks::{NONE, tone, with_skill_list};
use crate::cli::text::one_line;
use crate::cli::times::Times;
use crate::kernel::error::ErrorCode;

/// The fields, in the order of a wide table; those that few look for come last.
const FIELDS: [&str; 30] = [
    "id",
    "status",
    "priority",
    "assignee",
    "tenant",
    "labels",
    "title",
    "created_at",
    "created_by",
    "started_at",
    "completed_at",
    "start_at",
    "due_at",
    "workspace_kind",
    "workspace_path",
    "branch_name",
    "body",
    "result",
    "board",
    "model",
    "effort",
    "skills",
    "block_kind",
    "reviewer",
    "spawn_failures",
    "last_spawn_error",
    "current_run_id",
    "archived_at",
    "idempotency_key",
    "version",
];

/// Those of a table without `--columns`.
const OF_TABLE: [&str; 5] = ["id", "status", "priority", "assignee", "title"];

/// Those of a wide one.
const OF_WIDE: [&str; 9] =
    ["id", "status", "priority", "assignee", "tenant", "labels", "created_at", "due_at", "title"];

/// The columns by their names.
///
/// # Errors
/// A usage error for a name that is none.
pub fn known(names: &[String]) -> Result<Vec<&'static str>, Failure> {
    let known = |name: &String| {
        let name = name.trim();
        FIELDS.into_iter().find(|field| *field == name).ok_or_else(|| {
            let message = format!("--columns: unknown column {name:?}");
            Failure::usage_of(ErrorCode::InvalidValue, message)
                .with_hint(format!("the columns are {}", FIELDS.join(", ")))
        })
    };
    names.iter().map(known).collect()
}

/// The columns of a table, where none are chosen.
pub fn of_form(chosen: &[&'static str], is_wide: bool) -> Vec<&'static str> {
    match (chosen, is_wide) {
        ([_, ..], _) => chosen.to_vec(),
        ([], true) => OF_WIDE.to_vec(),
        ([], false) => OF_TABLE.to_vec(),
    }
}

/// The headers.
pub fn heads(chosen: &[&'static str]) -> Vec<Column> {
    let head = |name: &&'static str| {
        let column = Column::new(name, 9);
        if *name == "priority" { column.right() } else { column }
    };
    chosen.iter().map(head).collect()
}

/// The rows of a table.
///
/// # Errors
/// A fault when a task cannot be read as JSON.
pub fn rows(
    tasks: &[Task],
    chosen: &[&'static str],
    times: &Times,
) -> Result<Vec<Vec<Line>>, Failure> {
    let cell = |task: &Task, fields: &Value, name: &str| {
        let value = fields.get(name).unwrap_or(&Value::Null);
        let text = match value.as_i64().filter(|_| name.ends_with("_at")) {
            Some(seconds) => times.local(seconds),
            None => text_of(value),
        };
        let text = if text.is_empty() { NONE.to_owned() } else { one_line(&text) };
        Line::of(if name == "status" { tone(&task.status) } else { Tone::Plain }, text)
    };
    let row = |task: &Task| {
        let fields = fields_of(task)?;
        Ok(chosen.iter().map(|name| cell(task, &fields, name)).collect())
    };
    tasks.iter().map(row).collect()
}

/// The lines of CSV (RFC 4180), header first. Times are epoch seconds, lists are joined by commas.
///
/// # Errors
/// A fault when a task cannot be read as JSON.
pub fn csv(tasks: &[Task], chosen: &[&'static str]) -> Result<Vec<String>, Failure> {
    let chosen: &[&str] = if chosen.is_empty() { &FIELDS } else { chosen };
    let mut lines = vec![chosen.join(",")];
    for task in tasks {
        let fields = fields_of(task)?;
        let cell = |name: &&str| quoted(&text_of(fields.get(*name).unwrap_or(&Value::Null)));
        lines.push(chosen.iter().map(cell).collect::<Vec<_>>().join(","));
    }
    Ok(lines)
}

/// A template of a line.
#[derive(Debug, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Field(&'static str),
}

/// Reads a template: `{title}` stands for a field, `{{` and `}}` for braces, `\t` and `\n` for a tab and the end of a line.
///
/// # Errors
/// A usage error that names what is wrong with it.
pub fn template(text: &str) -> Result<Template, Failure> {
    let malformed = |problem: String| {
        let message = format!("--format: {problem}");
        Failure::usage_of(ErrorCode::InvalidValue, message).with_hint(format!(
            "write a field as {{title}} and a brace as {{{{; the fields are {}",
            FIELDS.join(", ")
        ))
    };
    let (mut parts, mut plain, mut rest) = (Vec::new(), String::new(), text);
    while let Some(sign) = rest.chars().next() {
        let pair =
            ["{{", "}}", "\\t", "\\n", "\\\\"].into_iter().find(|pair| rest.starts_with(pair));
        if let Some(pair) = pair {
            plain.push(match pair {
                "{{" => '{',
                "}}" => '}',
                "\\t" => '\t',
                "\\n" => '\n',
                _ => '\\',
            });
            rest = rest.strip_prefix(pair).unwrap_or_default();
            continue;
        }
        rest = rest.strip_prefix(sign).unwrap_or_default();
        match sign {
            '{' => {
                let (name, behind) = rest
                    .split_once('}')
                    .ok_or_else(|| malformed("a field without its `}`".to_owned()))?;
                let name = FIELDS
                    .into_iter()
                    .find(|field| *field == name.trim())
                    .ok_or_else(|| malformed(format!("unknown field {name:?}")))?;
                parts.push(Part::Text(std::mem::take(&mut plain)));
                parts.push(Part::Field(name));
                rest = behind;
            }
            '}' => return Err(malformed("a `}` without its field".to_owned())),
            other => plain.push(other),
        }
    }
    parts.push(Part::Text(plain));
    Ok(Template(parts))
}

impl Template {
    /// The line of a task. Times are epoch seconds, lists are joined by commas, line ends within a field are blanks.
    ///
    /// # Errors
    /// A fault when the task cannot be read as JSON.
    pub fn line(&self, task: &Task) -> Result<String, Failure> {
        let fields = fields_of(task)?;
        let text = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Field(name) => one_line(&text_of(fields.get(*name).unwrap_or(&Value::Null))),
        };
        Ok(self.0.iter().map(text).collect())
    }
}

fn fields_of(task: &Task) -> Result<Value, Failure> {
    serde_json::to_value(with_skill_list(task.clone()))
        .map_err(|error| Failure::fault(format!("cannot print a task: {error}")))
}

fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text_of).collect::<Vec<_>>().join(","),
        Value::Object(_) => value.to_string(),
    }
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_of_csv_is_quoted_where_it_must_be() {
        for (text, expected) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"no\"", "\"say \"\"no\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("", ""),
        ] {
            assert_eq!(quoted(text), expected);
        }
    }

    #[test]
    fn a_template_has_fields_braces_and_escapes() {
        let (text, field) = (|text: &str| Part::Text(text.to_owned()), Part::Field);
        assert_eq!(
            template("{id}\\t[{ title }] {{x}}\\n\\\\").unwrap().0,
            [text(""), field("id"), text("\t["), field("title"), text("] {x}\n\\")]
        );
        for malformed in ["{titel}", "{id", "id}", "{}", "{ }"] {
            assert!(template(malformed).is_err(), "{malformed}");
        }
    }

    #[test]
    fn every_column_of_a_table_is_a_field() {
        for name in OF_TABLE.iter().chain(&OF_WIDE) {
            assert!(known(&[(*name).to_owned()]).is_ok(), "{name}");
        }
        assert!(known(&["titel".to_owned()]).is_err());
    }
}
