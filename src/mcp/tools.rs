//! The table of tools. A row names an operation of the control API and which of its fields a model gets to see; types and
//! descriptions of the fields come from that operation, so that nothing is written twice.

use std::sync::Arc;

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::api::operation::Operation;
use crate::api::operations::OPERATIONS;

/// Who gets to see a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Workers inside a run, and orchestrators.
    Workers,
    /// The same, but not in a review.
    Work,
    /// Workers inside a review.
    Reviews,
    /// Orchestrators only.
    Orchestrators,
}

/// One argument.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its name in the tool.
    pub name: &'static str,
    /// Its name in the operation.
    pub of: &'static str,
    /// Whether it must be given.
    pub is_required: bool,
    /// Description, in place of the operation's own.
    pub about: Option<&'static str>,
    /// What is made of it on the way to the operation.
    pub given: Given,
}

/// What a model gives for a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    /// The field itself.
    Itself,
    /// Paths of files. This process takes their size and hash, under its own rights.
    Paths,
    /// The path of a file. This process reads it, under its own rights, and sends its bytes; the operation has no such field.
    File,
    /// Where a part of the reply begins. This process cuts the parts; the operation has no such field.
    Cursor,
}

/// One tool.
#[derive(Debug, Clone, Copy)]
pub struct Tool {
    /// Its name.
    pub name: &'static str,
    /// Purpose.
    pub about: &'static str,
    /// The operation that it calls.
    pub operation: &'static str,
    /// Its arguments.
    pub fields: &'static [Field],
    /// Who sees it.
    pub audience: Audience,
}

const fn field(name: &'static str) -> Field {
    Field { name, of: name, is_required: false, about: None, given: Given::Itself }
}

const fn required(name: &'static str) -> Field {
    Field { is_required: true, ..field(name) }
}

/// The task, which is the run's own when it is not named.
const OWN_TASK: Field =
    Field { of: "id", about: Some("Default: your own task."), ..field("task_id") };

/// The task, which has to be named.
const ANY_TASK: Field = Field { of: "id", ..required("task_id") };

/// What a block asks.
const QUESTION_OF_BLOCK: Field = Field {
    about: Some(
        "Question whose answer starts the next attempt: a text, or the token of a pending kanban_ask.",
    ),
    ..field("question")
};

/// Files that a worker made.
const ARTIFACTS: Field = Field {
    about: Some("Paths of files you made; each must exist."),
    given: Given::Paths,
    ..field("artifacts")
};

/// A file to be sent.
const FILE: Field = Field {
    about: Some("File to read and send, at most 25 MiB."),
    given: Given::File,
    ..required("path")
};

/// The part of a reply that is asked for.
const PART: Field = Field {
    about: Some("next_cursor of the previous reply, for its next part."),
    given: Given::Cursor,
    ..field("cursor")
};

/// A changed file.
const CHANGED_FILE: Field =
    Field { about: Some("File or directory as it is listed."), ..field("file") };

/// Name of a file to be sent.
const FILENAME: Field = Field { about: Some("Default: its own name."), ..field("filename") };

/// Every tool, in the order in which they are listed.
pub const TOOLS: &[Tool] = &[
    Tool {
        name: "kanban_show",
        about: "Read a task: its text, earlier runs, results of its parents, comments. Call it first, without \
                arguments; worker_context is what you need to know. A long reply has parts: next_cursor gets the next.",
        operation: "show",
        fields: &[OWN_TASK, PART],
        audience: Audience::Workers,
    },
    Tool {
        name: "kanban_complete",
        about: "Complete your task. Needs summary or result.",
        operation: "complete",
        fields: &[
            OWN_TASK,
            field("summary"),
            field("metadata"),
            field("result"),
            ARTIFACTS,
            field("created_cards"),
        ],
        audience: Audience::Work,
    },
    Tool {
        name: "kanban_approve",
        about: "Approve the work that you review: the task is done.",
        operation: "approve",
        fields: &[OWN_TASK, field("summary")],
        audience: Audience::Reviews,
    },
    Tool {
        name: "kanban_request_changes",
        about: "Send the work that you review back: the next attempt reads first what has to change.",
        operation: "request_changes",
        fields: &[OWN_TASK, required("what")],
        audience: Audience::Reviews,
    },
    Tool {
        name: "kanban_diff",
        about: "See what was changed: files with their numbers of lines; with file, its diff. A long reply has next_cursor.",
        operation: "diff",
        fields: &[OWN_TASK, CHANGED_FILE, PART],
        audience: Audience::Reviews,
    },
    Tool {
        name: "kanban_block",
        about: "End your run: the task needs a person, another task or time. Needs reason or question.",
        operation: "block",
        fields: &[
            OWN_TASK,
            field("reason"),
            field("kind"),
            QUESTION_OF_BLOCK,
            field("choices"),
            field("default"),
            field("deadline_seconds"),
            field("on"),
            field("retry_in_seconds"),
        ],
        audience: Audience::Workers,
    },
    Tool {
        name: "kanban_ask",
        about: "Ask a person and wait, without ending your run. On status pending call it again with the same question.",
        operation: "ask",
        fields: &[
            OWN_TASK,
            required("question"),
            field("choices"),
            field("default"),
            field("timeout_seconds"),
        ],
        audience: Audience::Workers,
    },
    Tool {
        name: "kanban_heartbeat",
        about: "Report progress of long work.",
        operation: "heartbeat",
        fields: &[OWN_TASK, field("note")],
        audience: Audience::Workers,
    },
    Tool {
        name: "kanban_comment",
        about: "Comment on a task.",
        operation: "comment",
        fields: &[ANY_TASK, required("body")],
        audience: Audience::Workers,
    },
    Tool {
        name: "kanban_create",
        about: "Create a task for another profile. With held in the reply it waits until a person promotes it.",
        operation: "create",
        fields: &[
            required("title"),
            required("assignee"),
            field("body"),
            field("parents"),
            field("tenant"),
            field("priority"),
            field("workspace_kind"),
            field("workspace_path"),
            field("triage"),
            field("idempotency_key"),
            field("max_runtime_seconds"),
            field("skills"),
        ],
        audience: Audience::Workers,
    },
    Tool {
        name: "kanban_link",
        about: "Add a dependency between two tasks.",
        operation: "link",
        fields: &[required("parent_id"), required("child_id")],
        audience: Audience::Workers,
    },
    Tool {
        name: "kanban_list",
        about: "List tasks: id, title, status, assignee.",
        operation: "list",
        fields: &[
            field("status"),
            field("assignee"),
            field("tenant"),
            field("label"),
            field("parent"),
            field("text"),
            field("limit"),
            field("cursor"),
        ],
        audience: Audience::Orchestrators,
    },
    Tool {
        name: "kanban_unblock",
        about: "Unblock a task.",
        operation: "unblock",
        fields: &[ANY_TASK],
        audience: Audience::Orchestrators,
    },
    Tool {
        name: "kanban_answer",
        about: "Answer the question of a task that your runs created; not of kind approval.",
        operation: "answer",
        fields: &[ANY_TASK, required("answer")],
        audience: Audience::Orchestrators,
    },
    Tool {
        name: "kanban_schedule",
        about: "Create a task again and again: at each time of a cron expression. A person may have to resume it first.",
        operation: "add_schedule",
        fields: &[
            required("name"),
            required("cron"),
            field("zone"),
            Field {
                is_required: true,
                about: Some(
                    "Fields of kanban_create; {date}, {time} and {n} in title and body are filled in.",
                ),
                ..field("task")
            },
            field("overlap"),
            field("catch_up"),
            field("until_at"),
            field("count"),
        ],
        audience: Audience::Orchestrators,
    },
    Tool {
        name: "kanban_attach",
        about: "Attach a file to a task.",
        operation: "attach",
        fields: &[ANY_TASK, FILE, FILENAME],
        audience: Audience::Orchestrators,
    },
];

/// Finds a tool.
pub fn find(name: &str) -> Option<&'static Tool> {
    TOOLS.iter().find(|tool| tool.name == name)
}

impl Tool {
    /// The operation that it calls.
    pub fn operation(&self) -> Option<&'static Operation> {
        OPERATIONS.iter().find(|operation| operation.name == self.operation)
    }

    /// The schema of its arguments, in as few words as will do: every agent pays for them in every run.
    pub fn input_schema(&self) -> Arc<Map<String, Value>> {
        let of_operation = self.operation().map(request_properties).unwrap_or_default();
        let mut properties = Map::new();
        for field in self.fields {
            let mut schema = match field.given {
                Given::Itself => of_operation.get(field.of).map_or_else(|| json!({}), plain),
                Given::Paths => json!({ "type": "array", "items": { "type": "string" } }),
                Given::File | Given::Cursor => json!({ "type": "string" }),
            };
            if let (Some(about), Value::Object(schema)) = (field.about, &mut schema) {
                schema.insert("description".to_owned(), about.into());
            }
            properties.insert(field.name.to_owned(), schema);
        }
        let required: Vec<Value> = self
            .fields
            .iter()
            .filter(|field| field.is_required)
            .map(|field| field.name.into())
            .collect();
        let mut schema = Map::new();
        schema.insert("type".to_owned(), "object".into());
        schema.insert("properties".to_owned(), properties.into());
        if !required.is_empty() {
            schema.insert("required".to_owned(), required.into());
        }
        schema.insert("additionalProperties".to_owned(), false.into());
        Arc::new(schema)
    }
}

fn request_properties(operation: &Operation) -> Map<String, Value> {
    let settings =
        SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut generator = settings.into_generator();
    let schema = (operation.request)(&mut generator);
    match schema.get("properties") {
        Some(Value::Object(properties)) => properties.clone(),
        Some(_) | None => Map::new(),
    }
}

/// Type and words of a field, without what only the wire needs.
fn plain(schema: &Value) -> Value {
    let mut plain = Map::new();
    if let Some(kind) = schema.get("type").map(not_null) {
        plain.insert("type".to_owned(), kind);
    }
    for key in ["description", "enum"] {
        if let Some(value) = schema.get(key) {
            plain.insert(key.to_owned(), value.clone());
        }
    }
    if let Some(items) = schema.get("items") {
        plain.insert("items".to_owned(), plain_items(items));
    }
    plain.into()
}

fn plain_items(items: &Value) -> Value {
    match items.get("type") {
        Some(kind) => json!({ "type": kind }),
        None => json!({}),
    }
}

/// A type without its null: leaving a field out says the same.
fn not_null(kind: &Value) -> Value {
    match kind {
        Value::Array(kinds) => {
            kinds.iter().find(|kind| *kind != "null").cloned().unwrap_or(Value::Null)
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_calls_an_operation_and_shows_fields_that_it_has() {
        for tool in TOOLS {
            let operation = tool.operation().unwrap_or_else(|| panic!("{}", tool.name));
            let properties = request_properties(operation);
            for field in tool.fields {
                let is_of_operation = properties.contains_key(field.of);
                assert_eq!(
                    is_of_operation,
                    !matches!(field.given, Given::File | Given::Cursor),
                    "{}: {}",
                    tool.name,
                    field.of
                );
            }
            let schema = tool.input_schema();
            for (name, property) in schema["properties"].as_object().unwrap() {
                assert!(property["type"].is_string(), "{}: {name}: {property}", tool.name);
                assert!(property["description"].is_string(), "{}: {name}", tool.name);
            }
        }
    }

    #[test]
    fn nobody_names_an_author_or_a_board() {
        for tool in TOOLS {
            for field in tool.fields {
                assert!(!["author", "created_by", "claimer", "board"].contains(&field.of));
            }
        }
    }
}
