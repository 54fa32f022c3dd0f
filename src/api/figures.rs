//! Metrics for Prometheus: at the sockets as an operation, over TCP (`metrics.listen`) and nothing else there. Every client that can connect may read them, so it is off unless
//! an operator asks for it, and the loopback's unless an address is named.

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};

use crate::api::Api;
use crate::api::call::{Answer, Call};
use crate::api::error::ApiError;
use crate::kernel::caller::Caller;
use crate::service::metrics::metrics;
use crate::service::{GetDaemon, Requester};

/// The format and its version.
const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Answers `GET /v1/metrics`.
pub fn answer(api: Arc<Api>, call: Call) -> Answer {
    Box::pin(async move {
        let request: GetDaemon = call.input.from_query()?;
        page(&api, call.by, request).await
    })
}

async fn page(api: &Api, by: Requester, request: GetDaemon) -> Result<Response, ApiError> {
    let page = metrics(Arc::clone(&api.service), by, request).await?;
    Ok(([(CONTENT_TYPE, FORMAT)], Body::from(page)).into_response())
}

/// Answers a request over TCP.
pub async fn answer_scraper(api: &Api, request: &Request<Incoming>) -> Response {
    let by = Requester { caller: Caller::System { part: "metrics" }, request_id: None };
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/metrics" | "/v1/metrics") => {
            page(api, by, GetDaemon {}).await.unwrap_or_else(|error| {
                error.log_fault("metrics");
                error.into_response()
            })
        }
        _ => (StatusCode::NOT_FOUND, "only GET /metrics is served\n").into_response(),
    }
}
