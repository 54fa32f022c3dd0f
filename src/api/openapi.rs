//! The OpenAPI document, generated from the table of operations and the schemas of its types.

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::api::error::ErrorBody;
use crate::api::operation::{Carries, Method, Operation};

/// The document (OpenAPI 3.1, whose schemas are JSON Schema 2020-12).
pub fn document(operations: &[Operation]) -> Value {
    let mut generator = SchemaSettings::draft2020_12()
        .with(|settings| settings.definitions_path = "/components/schemas".into())
        .into_generator();
    let mut paths: Map<String, Value> = Map::new();
    for operation in operations {
        let described = describe(operation, &mut generator);
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        if let Value::Object(methods) = path {
            methods.insert(operation.method.as_str().to_owned(), described);
        }
    }
    let error = generator.subschema_for::<ErrorBody>();
    let schemas = generator.take_definitions(true);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "kanband control API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "HTTP/1.1 and JSON on a Unix socket. Unknown fields are refused. `/v1` changes only by addition.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": {
                "Error": {
                    "description": "A refusal (4xx) or a fault (5xx).",
                    "content": { "application/json": { "schema": error } },
                },
            },
        },
    })
}

fn describe(operation: &Operation, generator: &mut SchemaGenerator) -> Value {
    let reply = (operation.reply)(generator);
    let mut described = json!({
        "operationId": operation.name,
        "summary": operation.summary,
        "responses": {
            "200": {
                "description": "Done.",
                "content": { content_type(operation): { "schema": reply } },
            },
            "default": { "$ref": "#/components/responses/Error" },
        },
    });
    let request = (operation.request)(generator);
    let Value::Object(fields) = &mut described else { return described };
    let path_parameters = path_parameters(operation.path);
    match (operation.method, operation.carries) {
        (Method::Post | Method::Patch, Carries::File) => {
            let bytes = json!({ "schema": { "type": "string", "format": "binary" } });
            let body =
                json!({ "required": true, "content": { "application/octet-stream": bytes } });
            fields.insert("requestBody".to_owned(), body);
            let parameters = query_parameters(&request, generator, &path_parameters);
            fields.insert("parameters".to_owned(), parameters.into());
        }
        (Method::Post | Method::Patch, Carries::Fields) => {
            let body = json!({ "content": { "application/json": { "schema": request } } });
            fields.insert("requestBody".to_owned(), body);
            let in_path = |name: &&str| parameter(name, "path", true, &json!({}));
            let parameters: Vec<Value> = path_parameters.iter().map(in_path).collect();
            fields.insert("parameters".to_owned(), parameters.into());
        }
        (Method::Get, _) => {
            let parameters = query_parameters(&request, generator, &path_parameters);
            fields.insert("parameters".to_owned(), parameters.into());
        }
    }
    described
}

fn content_type(operation: &Operation) -> &'static str {
    match operation.name {
        "events" | "export" => "application/x-ndjson",
        "backup" => "application/vnd.sqlite3",
        "log" | "metrics" => "text/plain",
        "attachment" => "application/octet-stream",
        _ => "application/json",
    }
}

fn path_parameters(path: &str) -> Vec<&str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect()
}

/// The fields of a query's struct as parameters.
fn query_parameters(
    request: &schemars::Schema,
    generator: &SchemaGenerator,
    in_path: &[&str],
) -> Vec<Value> {
    let referenced = request
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|reference| reference.rsplit('/').next())
        .and_then(|name| generator.definitions().get(name));
    let properties = referenced.and_then(|schema| schema.get("properties"));
    let Some(Value::Object(properties)) = properties else { return Vec::new() };
    let required = referenced.and_then(|schema| schema.get("required")?.as_array());
    let is_required = |name: &str| required.is_some_and(|all| all.iter().any(|one| one == name));
    properties
        .iter()
        .map(|(name, schema)| {
            let location = if in_path.contains(&name.as_str()) { "path" } else { "query" };
            parameter(name, location, is_required(name), schema)
        })
        .collect()
}

fn parameter(name: &str, location: &str, is_required: bool, schema: &Value) -> Value {
    let is_required = is_required || location == "path";
    json!({ "name": name, "in": location, "required": is_required, "schema": schema })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::operations::OPERATIONS;

    #[test]
    fn every_operation_is_described_and_every_reference_resolves() {
        let document = document(OPERATIONS);
        for operation in OPERATIONS {
            let described = &document["paths"][operation.path][operation.method.as_str()];
            assert_eq!(described["operationId"], operation.name);
            let takes_bytes =
                described["requestBody"]["content"]["application/octet-stream"].is_object();
            assert_eq!(takes_bytes, operation.carries == Carries::File, "{}", operation.name);
            let named = described["parameters"].as_array().unwrap();
            for name in path_parameters(operation.path) {
                assert!(named.iter().any(|p| p["name"] == name && p["in"] == "path"), "{name}");
            }
        }
        let text = document.to_string();
        for reference in text.split("\"$ref\":\"#/components/").skip(1) {
            let target = reference.split('"').next().unwrap();
            let found = target.split('/').fold(&document["components"], |at, part| &at[part]);
            assert!(found.is_object(), "{target}");
        }
    }

    #[test]
    fn no_two_operations_share_a_name_or_a_route() {
        for (index, one) in OPERATIONS.iter().enumerate() {
            for other in &OPERATIONS[index + 1..] {
                assert_ne!(one.name, other.name);
                assert!(one.path != other.path || one.method != other.method, "{}", one.path);
            }
        }
    }
}
