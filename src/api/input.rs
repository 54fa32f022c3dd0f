//! From an HTTP request to a typed one: the body's JSON object or the query's pairs, and the path's parameters with them.

use axum::extract::RawPathParams;
use axum::http::{HeaderMap, Uri};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::api::auth::Claims;
use crate::api::error::ApiError;
use crate::api::{EDGE_HEADER, REQUEST_ID_HEADER, RUN_HEADER, TOKEN_HEADER};
use crate::kernel::error::{Edge, ErrorCode};
use crate::kernel::json;

/// A request before its type is known.
#[derive(Debug, Clone)]
pub struct Input {
    path: Vec<(String, String)>,
    query: String,
    body: Bytes,
}

impl Input {
    /// Takes a request apart.
    pub fn new(path: &RawPathParams, uri: &Uri, body: Bytes) -> Self {
        let path = path.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { path, query: uri.query().unwrap_or_default().to_owned(), body }
    }

    /// Reads the body's object, with the path's parameters as further fields.
    ///
    /// # Errors
    /// `bad_request` with what is wrong and where.
    pub fn from_body<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        if !self.query.is_empty() {
            return Err(bad_request(
                "fields of this operation belong in the body, not in the query",
            ));
        }
        let mut fields = if self.body.is_empty() {
            Map::new()
        } else {
            match json::from_slice(&self.body) {
                Ok(Value::Object(fields)) => fields,
                Ok(_) => return Err(bad_request("the body must be a JSON object")),
                Err(error) => return Err(bad_request(format!("the body is not JSON: {error}"))),
            }
        };
        for (name, value) in &self.path {
            if let Some(given) = fields.insert(name.clone(), Value::from(value.as_str()))
                && given.as_str() != Some(value.as_str())
            {
                let report = format!("field `{name}` of the body differs from the path");
                return Err(bad_request(report));
            }
        }
        // As text again: on the way from a value to a type a number can lose the sign of a zero.
        json::from_str(&Value::Object(fields).to_string())
            .map_err(|error| bad_request(without_position(&error)))
    }

    /// Reads the query's pairs, with the path's parameters as further pairs.
    ///
    /// # Errors
    /// `bad_request` with what is wrong.
    pub fn from_query<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        if !self.body.is_empty() {
            return Err(bad_request("fields of this operation belong in the query, not in a body"));
        }
        let mut pairs: Vec<(String, String)> = serde_urlencoded::from_str(&self.query)
            .map_err(|error| bad_request(format!("cannot parse the query: {error}")))?;
        for (name, value) in &self.path {
            if pairs.iter().any(|(given, _)| given == name) {
                return Err(bad_request(format!("field `{name}` is in the path and in the query")));
            }
            pairs.push((name.clone(), value.clone()));
        }
        let encoded = serde_urlencoded::to_string(&pairs)
            .map_err(|error| bad_request(format!("cannot parse the query: {error}")))?;
        serde_urlencoded::from_str(&encoded).map_err(|error| bad_request(error.to_string()))
    }
}

/// What is wrong, without the place in a text that the client has not written.
fn without_position(error: &serde_json::Error) -> String {
    let (report, location) =
        (error.to_string(), format!(" at line {} column {}", error.line(), error.column()));
    report.strip_suffix(&location).unwrap_or(&report).to_owned()
}

/// The client's name for its request.
///
/// # Errors
/// `bad_request` when it is not text.
pub fn request_id(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    header(headers, REQUEST_ID_HEADER)
}

/// What the client says about itself.
///
/// # Errors
/// `bad_request` when it cannot be read.
pub fn claims(headers: &HeaderMap) -> Result<Claims, ApiError> {
    let run = header(headers, RUN_HEADER)?.map(|run| run.parse()).transpose();
    let run = run.map_err(|_| bad_request(format!("header {RUN_HEADER} is not a run id")))?;
    Ok(Claims { token: header(headers, TOKEN_HEADER)?, run })
}

/// In whose terms the client wants hints.
pub fn edge(headers: &HeaderMap) -> Edge {
    let name = headers.get(EDGE_HEADER).and_then(|name| name.to_str().ok());
    name.map(Edge::of_name).unwrap_or_default()
}

/// A header as text.
///
/// # Errors
/// `bad_request` when it is not text.
pub fn header(headers: &HeaderMap, name: &str) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    let text = value.to_str().map_err(|_| bad_request(format!("header {name} is not text")))?;
    Ok(Some(text.to_owned()))
}

/// The request itself is wrong.
pub fn bad_request(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::BadRequest, message)
}
