//! Tools and arguments that the predecessor had, up to its release 0.19, and that are not in the table of tools.
//!
//! Its agents and their skills go on using them. An argument that means one thing here is taken; any other is refused with a line
//! that names what to use. None of them is shown: every agent pays for a schema in every run.

use serde_json::Value;

use crate::mcp::tools::Tool;

/// What an argument of before is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// This field of the operation.
    Field(&'static str),
    /// What holds anyway, when it has one of these values; any other is refused with this line.
    Only(&'static [&'static str], &'static str),
    /// Nothing: this line says what to use.
    Instead(&'static str),
}

/// Arguments of before, by tool; `*` stands for every tool.
pub const ARGUMENTS: &[(&str, &str, Meaning)] = &[
    ("*", "board", Meaning::Field("board")),
    (
        "kanban_comment",
        "author",
        Meaning::Instead("a comment is signed with your profile: leave `author` out"),
    ),
    (
        "kanban_create",
        "initial_status",
        Meaning::Only(
            &["running"],
            "a task begins ready, or todo while a parent is open: give `triage: true` for one that must not start",
        ),
    ),
    (
        "kanban_create",
        "goal_mode",
        Meaning::Only(&["false"], "there is no goal mode: write into `body` what counts as done"),
    ),
    (
        "kanban_create",
        "goal_max_turns",
        Meaning::Instead("there is no goal mode: `max_runtime_seconds` limits a run"),
    ),
    (
        "kanban_create",
        "project",
        Meaning::Instead("there are no projects: give `workspace_kind` and `workspace_path`"),
    ),
    ("kanban_list", "include_archived", Meaning::Field("archived")),
    (
        "kanban_attach",
        "content_base64",
        Meaning::Instead("give `path`: this server reads the file and sends it"),
    ),
    ("kanban_attach", "content_type", Meaning::Instead("no type is kept: leave it out")),
];

/// Tools of before that are not here, with what to use.
pub const TOOLS: &[(&str, &str)] = &[
    (
        "kanban_attach_url",
        "nothing is fetched from a URL: download the file, then use kanban_attach",
    ),
    ("kanban_attachments", "kanban_show lists the attached files"),
];

/// What an argument of before means for a tool; none when there was no such argument.
pub fn argument(tool: &Tool, name: &str) -> Option<Meaning> {
    ARGUMENTS
        .iter()
        .find(|(of, argument, _)| (*of == "*" || *of == tool.name) && *argument == name)
        .map(|(_, _, meaning)| *meaning)
}

/// The field and its value that an argument of before stands for; none when it says what holds anyway.
///
/// # Errors
/// One line that says what to use instead.
pub fn translated(
    meaning: Meaning,
    value: &Value,
) -> Result<Option<(&'static str, Value)>, String> {
    let word = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match meaning {
        _ if value.is_null() => Ok(None),
        Meaning::Field("archived") if word == "true" => Ok(Some(("archived", true.into()))),
        Meaning::Field("archived") if word == "false" => Ok(None),
        Meaning::Field("archived") => Err("must be true or false".to_owned()),
        Meaning::Field(field) if value.is_string() => Ok(Some((field, value.clone()))),
        Meaning::Field(_) => Err("must be a string".to_owned()),
        Meaning::Only(values, _) if values.contains(&word.as_str()) => Ok(None),
        Meaning::Only(_, instead) | Meaning::Instead(instead) => Err(instead.to_owned()),
    }
}

/// What to use for a tool of before.
pub fn instead_of_tool(name: &str) -> Option<&'static str> {
    TOOLS.iter().find(|(tool, _)| *tool == name).map(|(_, instead)| *instead)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::mcp::arguments::to_request;
    use crate::mcp::tools::find;

    /// Every tool of the predecessor with every argument that it had in any release.
    const OF_BEFORE: &[(&str, &[&str])] = &[
        ("kanban_show", &["task_id", "board"]),
        (
            "kanban_complete",
            &["task_id", "summary", "metadata", "result", "created_cards", "artifacts", "board"],
        ),
        ("kanban_block", &["task_id", "reason", "kind", "board"]),
        ("kanban_heartbeat", &["task_id", "note", "board"]),
        ("kanban_comment", &["task_id", "body", "author", "board"]),
        (
            "kanban_create",
            &[
                "title",
                "assignee",
                "body",
                "parents",
                "tenant",
                "priority",
                "workspace_kind",
                "workspace_path",
                "triage",
                "idempotency_key",
                "max_runtime_seconds",
                "skills",
                "project",
                "initial_status",
                "goal_mode",
                "goal_max_turns",
                "board",
            ],
        ),
        ("kanban_link", &["parent_id", "child_id", "board"]),
        ("kanban_list", &["assignee", "status", "tenant", "include_archived", "limit", "board"]),
        ("kanban_unblock", &["task_id", "board"]),
        ("kanban_attach", &["task_id", "filename", "content_base64", "content_type", "board"]),
        ("kanban_attach_url", &["task_id", "url", "filename", "content_type", "board"]),
        ("kanban_attachments", &["task_id", "board"]),
    ];

    #[test]
    fn every_tool_and_argument_of_before_is_taken_or_named_with_what_to_use() {
        for (name, arguments) in OF_BEFORE {
            let Some(tool) = find(name) else {
                assert!(instead_of_tool(name).is_some(), "{name}");
                continue;
            };
            for argument in *arguments {
                let is_there = tool.fields.iter().any(|field| field.name == *argument);
                let is_known = super::argument(tool, argument).is_some();
                assert!(is_there != is_known, "{name}: {argument}");
            }
        }
    }

    #[test]
    fn the_guide_for_its_users_names_every_tool_and_argument_that_is_not_here() {
        let guide = include_str!("../../docs/hermes.md");
        let table = guide.split("## Tools of agents").nth(1).unwrap();
        for (tool, argument, _) in ARGUMENTS.iter().filter(|(tool, _, _)| *tool != "*") {
            let mut rows = table.lines().filter(|line| line.contains(tool));
            assert!(rows.any(|row| row.contains(argument)), "{tool}: {argument}");
        }
        for (tool, _) in TOOLS {
            assert!(table.contains(&format!("`{tool}`")), "{tool}");
        }
    }

    #[test]
    fn what_means_one_thing_is_taken_and_the_rest_says_what_to_use() {
        let create = |name: &str, value: Value| json!({"title": "t", "assignee": "a", name: value});
        let list = |value: Value| json!({ "include_archived": value });
        for (tool, arguments, field) in [
            ("kanban_show", json!({"board": "b"}), Some(("board", json!("b")))),
            ("kanban_create", create("initial_status", json!("running")), None),
            ("kanban_create", create("goal_mode", json!(false)), None),
            ("kanban_create", create("goal_mode", json!("false")), None),
            ("kanban_create", create("goal_max_turns", json!(null)), None),
            ("kanban_list", list(json!(true)), Some(("archived", json!(true)))),
            ("kanban_list", list(json!("false")), None),
        ] {
            let Value::Object(given) = &arguments else { panic!() };
            let request = to_request(find(tool).unwrap(), given, Some("t_1")).unwrap();
            if let Some((name, value)) = field {
                assert_eq!(request[name], value, "{arguments}");
            }
            assert!(!request.contains_key("goal_mode") && !request.contains_key("initial_status"));
        }
        for (tool, arguments, message) in [
            ("kanban_create", create("initial_status", json!("blocked")), "triage"),
            ("kanban_create", create("goal_mode", json!(true)), "body"),
            ("kanban_create", create("project", json!("p")), "workspace_path"),
            ("kanban_list", list(json!("maybe")), "true or false"),
            ("kanban_show", json!({"board": 7}), "a string"),
        ] {
            let Value::Object(given) = &arguments else { panic!() };
            let problem = to_request(find(tool).unwrap(), given, Some("t_1")).unwrap_err();
            assert!(problem.contains(message) && !problem.contains('\n'), "{arguments}: {problem}");
        }
    }
}
