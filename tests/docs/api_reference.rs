//! `docs/api-reference.md`, written from the OpenAPI document; and the error codes of `docs/api.md`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use kanband::api::error::status_of;
use kanband::api::openapi::document;
use kanband::api::operations::OPERATIONS;
use kanband::kernel::error::ErrorCode;
use kanband::kernel::event::EventKind;
use serde_json::Value;

use crate::blocks::page;
use crate::generated::is_up_to_date;

const EVENT_SOURCE: &str = include_str!("../../src/kernel/event.rs");

const HEAD: &str = "\
# Control API: operations and types

For people who write programs against the board. This page is generated from the OpenAPI document that the daemon serves at
`GET /v1/openapi.json`; calls, rights, errors and the event stream are described in
[control API](api.md).

Fields of a `GET` are in the query, those of a `POST` or `PATCH` in a JSON object; fields in `{braces}` are in the path. An
operation with a file has its fields in the query and the content of the file as its body.
";

/// The page.
fn render() -> String {
    let document = document(OPERATIONS);
    let mut text = HEAD.to_owned();
    text.push_str("\n## Operations\n\n| operation | request | |\n|---|---|---|\n");
    for operation in OPERATIONS {
        let method = operation.method.as_str().to_uppercase();
        let (name, path) = (operation.name, operation.path);
        writeln!(text, "| [{name}](#{name}) | `{method} {path}` | {} |", operation.summary)
            .unwrap();
    }
    for operation in OPERATIONS {
        let described = &document["paths"][operation.path][operation.method.as_str()];
        push_operation(&mut text, operation.name, operation.path, described, &document);
    }
    push_event_kinds(&mut text);
    text.push_str("\n## Types\n");
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        // What a request takes stands with its operation.
        if used_in_replies(&document).contains(name.as_str()) {
            push_type(&mut text, name, schema);
        }
    }
    text
}

fn push_operation(text: &mut String, name: &str, path: &str, described: &Value, document: &Value) {
    let body = &described["requestBody"]["content"];
    let location = if body["application/json"].is_object() { "body" } else { "query" };
    write!(text, "\n### {name}\n\n{}\n", described["summary"].as_str().unwrap()).unwrap();
    let mut rows = Vec::new();
    if location == "query" {
        for parameter in described["parameters"].as_array().unwrap() {
            let field = parameter["name"].as_str().unwrap();
            rows.push((field.to_owned(), &parameter["schema"], parameter["required"] == true));
        }
    } else {
        let schema =
            resolved(&described["requestBody"]["content"]["application/json"]["schema"], document);
        let required = required_fields(schema);
        for (field, schema) in schema["properties"].as_object().into_iter().flatten() {
            rows.push((field.clone(), schema, required.contains(field.as_str())));
        }
    }
    if !rows.is_empty() {
        text.push_str("\n| field | type | |\n|---|---|---|\n");
        for (field, schema, is_required) in rows {
            let shown = if path.contains(&format!("{{{field}}}")) {
                format!("`{{{field}}}`")
            } else if is_required {
                format!("`{field}`, required")
            } else {
                format!("`{field}`")
            };
            writeln!(text, "| {shown} | {} | {} |", type_of(schema), about(schema)).unwrap();
        }
    }
    if body["application/octet-stream"].is_object() {
        text.push_str("\nBody: the content of the file\n");
    }
    let (kind, content) =
        described["responses"]["200"]["content"].as_object().unwrap().iter().next().unwrap();
    let reply = match kind.as_str() {
        "application/json" => type_of(&content["schema"]),
        "application/x-ndjson" => format!("`{kind}`, a line each: {}", type_of(&content["schema"])),
        _ => format!("`{kind}`"),
    };
    writeln!(text, "\nReply: {reply}").unwrap();
}

/// The kinds of events with their words, which stand in the source alone.
fn push_event_kinds(text: &mut String) {
    text.push_str(
        "\n## Kinds of events\n\nWith the keys of their payload.\n\n| kind | |\n|---|---|\n",
    );
    let (_, table) = EVENT_SOURCE.split_once("\nevent_kinds! {").unwrap();
    let mut words = String::new();
    let mut message = Vec::new();
    for line in table.lines().map(str::trim).take_while(|line| *line != "}") {
        if let Some(more) = line.strip_prefix("/// ") {
            words.push_str(if words.is_empty() { "" } else { " " });
            words.push_str(more);
        } else if let Some((_, kind)) = line.split_once(" = ") {
            let kind = kind.trim_matches(|c| c == '"' || c == ',');
            writeln!(text, "| `{kind}` | {} |", std::mem::take(&mut words)).unwrap();
            message.push(kind);
        }
    }
    assert_eq!(message, EventKind::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>());
}

fn push_type(text: &mut String, name: &str, schema: &Value) {
    write!(text, "\n### {name}\n\n{}\n", about(schema)).unwrap();
    if let Some(properties) = schema["properties"].as_object() {
        text.push_str("\n| field | type | |\n|---|---|---|\n");
        for (field, schema) in properties {
            writeln!(text, "| `{field}` | {} | {} |", type_of(schema), about(schema)).unwrap();
        }
        push_variants(text, schema);
    } else if let Some(words) = schema["oneOf"]
        .as_array()
        .filter(|words| words.iter().all(|word| word["const"].is_string()))
    {
        text.push_str("\n| word | |\n|---|---|\n");
        for word in words {
            writeln!(text, "| `{}` | {} |", word["const"].as_str().unwrap(), about(word)).unwrap();
        }
    } else {
        writeln!(text, "\n{}", type_of(schema)).unwrap();
    }
}

/// What a type has besides, by a word in one of its fields.
fn push_variants(text: &mut String, schema: &Value) {
    for variant in schema["oneOf"].as_array().into_iter().flatten() {
        let fields = variant["properties"].as_object().unwrap();
        let (tag, word) = fields
            .iter()
            .find_map(|(field, schema)| Some((field, schema["const"].as_str()?)))
            .unwrap_or_else(|| panic!("no word tells this variant: {variant}"));
        let others: Vec<String> = fields
            .iter()
            .filter(|(field, _)| *field != tag)
            .map(|(field, schema)| format!("`{field}` ({})", type_of(schema)))
            .collect();
        let with =
            if others.is_empty() { String::new() } else { format!(" With {}.", others.join(", ")) };
        writeln!(text, "| `{tag}` | `{word}` | {}{with} |", about(variant)).unwrap();
    }
}

fn resolved<'d>(schema: &'d Value, document: &'d Value) -> &'d Value {
    match schema["$ref"].as_str() {
        Some(reference) => {
            &document["components"]["schemas"][reference.rsplit('/').next().unwrap()]
        }
        None => schema,
    }
}

fn required_fields(schema: &Value) -> BTreeSet<&str> {
    schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Names of the types that replies have, and what these have.
fn used_in_replies(document: &Value) -> BTreeSet<&str> {
    let mut open: Vec<&Value> = vec![&document["components"]["responses"]];
    for methods in document["paths"].as_object().unwrap().values() {
        open.extend(methods.as_object().unwrap().values().map(|described| &described["responses"]));
        open.extend(
            methods.as_object().unwrap().values().map(|described| &described["parameters"]),
        );
        for described in methods.as_object().unwrap().values() {
            let body = &described["requestBody"]["content"]["application/json"]["schema"];
            open.push(&resolved(body, document)["properties"]);
        }
    }
    let mut used = BTreeSet::new();
    while let Some(value) = open.pop() {
        match value {
            Value::Object(fields) => {
                if let Some(reference) = fields.get("$ref").and_then(Value::as_str)
                    && reference.contains("/schemas/")
                    && used.insert(reference.rsplit('/').next().unwrap())
                {
                    open.push(resolved(value, document));
                }
                open.extend(fields.values());
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    used
}

fn about(schema: &Value) -> String {
    let words = schema["description"].as_str().unwrap_or_default();
    words.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

/// A type in words, with links to named ones.
fn type_of(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap();
        return format!("[{name}](#{})", name.to_lowercase());
    }
    if let Some(word) = schema["const"].as_str() {
        return format!("`{word}`");
    }
    if let Some(words) = schema["enum"].as_array() {
        return words
            .iter()
            .map(|word| format!("`{}`", word.as_str().unwrap_or("null")))
            .collect::<Vec<_>>()
            .join(", ");
    }
    for key in ["anyOf", "oneOf", "allOf"] {
        if let Some(choices) = schema[key].as_array() {
            return choices.iter().map(type_of).collect::<Vec<_>>().join(" or ");
        }
    }
    match &schema["type"] {
        Value::Array(kinds) => {
            let kinds = kinds.iter().map(|kind| named_type(kind.as_str().unwrap(), schema));
            kinds.collect::<Vec<_>>().join(" or ")
        }
        Value::String(kind) => named_type(kind, schema),
        _ => "anything".to_owned(),
    }
}

fn named_type(kind: &str, schema: &Value) -> String {
    match (kind, &schema["items"], &schema["additionalProperties"]) {
        ("array", items, _) if items.is_object() => format!("list of {}", type_of(items)),
        ("array", ..) => "list".to_owned(),
        ("object", _, values) if values.is_object() => {
            format!("object with values of type {}", type_of(values))
        }
        (kind, ..) => kind.to_owned(),
    }
}

#[test]
fn the_api_reference_is_what_the_openapi_document_says() {
    is_up_to_date("docs/api-reference.md", &render());
}

#[test]
fn every_link_within_the_api_reference_leads_somewhere() {
    let text = render();
    for link in text.split("](#").skip(1).filter_map(|rest| rest.split(')').next()) {
        let is_there = text
            .lines()
            .any(|line| line.strip_prefix("### ").is_some_and(|name| name.to_lowercase() == link));
        assert!(is_there, "{link}");
    }
}

#[test]
fn every_error_code_stands_in_the_api_page_with_its_status() {
    let document = document(OPERATIONS);
    let codes = document["components"]["schemas"]["ErrorCode"]["enum"].as_array().unwrap();
    let text = page("docs/api.md");
    let rows: Vec<Vec<&str>> = text
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    for code in codes {
        let word = code.as_str().unwrap();
        let parsed: ErrorCode = serde_json::from_value(code.clone()).unwrap();
        let status = status_of(parsed).as_u16().to_string();
        let is_told = rows.iter().any(|row| row[0] == format!("`{word}`") && row[1] == status);
        assert!(is_told, "docs/api.md has no row for {word} ({status})");
    }
}
