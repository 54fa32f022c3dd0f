//! A call: a request with its caller, and its answer by the use cases of the service.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::api::Api;
use crate::api::error::ApiError;
use crate::api::gate::Seat;
use crate::api::input::Input;
use crate::kernel::error::{Fault, VerbError};
use crate::kernel::queries::{Query, Snapshot};
use crate::kernel::verb::Verb;
use crate::service::{Requester, Service, ServiceError};
use crate::text;

/// A request with its caller.
pub struct Call {
    /// Who asks.
    pub by: Requester,
    /// The request.
    pub input: Input,
    /// The body, of an operation that reads a file.
    pub stream: Body,
    /// The caller's user, where the kernel of the operating system has placed it as an operator.
    pub uid: Option<u32>,
    /// Its connection's seat, for what the operation needs of the caller's share.
    pub seat: Arc<Seat>,
}

/// What an operation returns.
pub type Answer = Pin<Box<dyn Future<Output = Result<Response, ApiError>> + Send>>;

/// Answers with the report of a use case, whose request is the body.
pub fn body<Q, R, F>(
    api: Arc<Api>,
    call: Call,
    use_case: impl FnOnce(Arc<Service>, Requester, Q) -> F + Send + 'static,
) -> Answer
where
    Q: DeserializeOwned + Send + 'static,
    R: Serialize,
    F: Future<Output = Result<R, ServiceError>> + Send,
{
    report(api, call.input.from_body(), call.by, use_case)
}

/// The same with a request in the query.
pub fn query<Q, R, F>(
    api: Arc<Api>,
    call: Call,
    use_case: impl FnOnce(Arc<Service>, Requester, Q) -> F + Send + 'static,
) -> Answer
where
    Q: DeserializeOwned + Send + 'static,
    R: Serialize,
    F: Future<Output = Result<R, ServiceError>> + Send,
{
    report(api, call.input.from_query(), call.by, use_case)
}

fn report<Q, R, F>(
    api: Arc<Api>,
    request: Result<Q, ApiError>,
    by: Requester,
    use_case: impl FnOnce(Arc<Service>, Requester, Q) -> F + Send + 'static,
) -> Answer
where
    Q: Send + 'static,
    R: Serialize,
    F: Future<Output = Result<R, ServiceError>> + Send,
{
    Box::pin(async move { json(&use_case(Arc::clone(&api.service), by, request?).await?) })
}

/// Has a verb done that needs nothing but the database.
pub fn run_verb<V: Verb + DeserializeOwned>(api: Arc<Api>, call: Call) -> Answer {
    Box::pin(async move {
        let verb: V = call.input.from_body()?;
        let reply = api.service.database.submit(call.by.submit(verb)).await?;
        crate::failpoint::hit("verb-answered");
        json(&reply)
    })
}

/// The reply is made into JSON on the reader's thread: a listing of 100,000 tasks must hold up nobody else.
pub fn run_query<Q: Query + DeserializeOwned>(api: Arc<Api>, call: Call) -> Answer {
    Box::pin(async move {
        let query: Q = call.input.from_query()?;
        let read = move |snapshot: &Snapshot<'_>| query.read(snapshot);
        let write = |reply| text::json::to_vec(&reply).map_err(|error| unwritable(&error));
        Ok(json_bytes(api.service.readers.read_then(call.by.caller, read, write).await?))
    })
}

/// A JSON reply.
///
/// # Errors
/// When the value cannot be written as JSON.
pub fn json(value: &impl Serialize) -> Result<Response, ApiError> {
    let bytes = text::json::to_vec(value).map_err(|error| ApiError::from(unwritable(&error)))?;
    Ok(json_bytes(bytes))
}

/// A JSON reply that was written before.
pub fn json_bytes(bytes: Vec<u8>) -> Response {
    ([(CONTENT_TYPE, "application/json")], Body::from(bytes)).into_response()
}

/// A reply that cannot be written as JSON.
pub fn unwritable(error: &serde_json::Error) -> VerbError {
    Fault::Corrupt { what: "reply", value: error.to_string() }.into()
}
