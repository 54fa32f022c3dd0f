//! Requests and answers in JSON.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::kernel::rules::url::SecretUrl;
use crate::notify::http::client::{Answer, HttpClient, Method, Outgoing};
use crate::notify::http::failure::Failure;
use crate::text::json;

/// Content type of JSON.
pub const JSON: &str = "application/json";

/// The body of a request.
///
/// # Errors
/// The value has no form in JSON, which is a fault of ours.
pub fn body_of(value: &impl Serialize) -> Result<Bytes, Failure> {
    let bytes =
        json::to_vec(value).map_err(|error| Failure::refused("malformed", error.to_string()))?;
    Ok(bytes.into())
}

/// Sends a value and reads the answer.
///
/// # Errors
/// There is none, with how much is known.
pub async fn call(
    http: &HttpClient,
    method: Method,
    url: &SecretUrl,
    headers: Vec<(&'static str, String)>,
    value: &impl Serialize,
) -> Result<Answer, Failure> {
    let body = body_of(value)?;
    http.send(&Outgoing { method, url, content_type: JSON, headers, body }).await
}

/// The body of an answer, when it is what was expected. A front before a provider answers in HTML.
pub fn read<T: DeserializeOwned>(answer: &Answer) -> Option<T> {
    let kind = answer.header("content-type").unwrap_or(JSON);
    let is_json = kind.split(';').next().is_some_and(|kind| kind.trim().ends_with("json"));
    is_json.then(|| serde_json::from_slice(&answer.body).ok()).flatten()
}

/// The first words of a body that is not JSON, or is not understood.
pub fn quoted(answer: &Answer) -> String {
    let text = String::from_utf8_lossy(&answer.body);
    let words: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().take(200).collect()
}
