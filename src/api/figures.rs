//! Figures for Prometheus: at the sockets as an operation, over TCP (`metrics.listen`) and nothing else there. Whoever can connect may read them, so it is off unless
//! somebody asks for it, and the loopback's unless an address is named.

use std::convert::Infallible;
use std::net::TcpListener as StdListener;
use std::sync::Arc;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};
use tokio::net::{TcpListener, TcpStream};

use crate::actors::root::Life;
use crate::api::Api;
use crate::api::call::{Answer, Call};
use crate::api::connection::{self, times_of};
use crate::api::doors::AcceptPauses;
use crate::api::error::ApiError;
use crate::api::gate::Seat;
use crate::api::gate::party::{Class, Party};
use crate::api::limits::METRICS_CONNECTION_TIME;
use crate::kernel::caller::Caller;
use crate::service::life::wait_for_life;
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

/// Serves until the daemon ends.
pub async fn serve(api: Arc<Api>, listener: StdListener) {
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "metrics cannot be served over TCP"),
    };
    let mut life = api.service.life.clone();
    wait_for_life(&mut life, |life| life != Life::Starting).await;
    let mut pauses = AcceptPauses::default();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = wait_for_life(&mut life, |life| life == Life::Ending) => return,
        };
        match accepted {
            Ok((stream, from)) => {
                pauses.reset();
                // Whoever finds no seat may come again: a scraper does.
                if let Ok(seat) = api.edge.gate.seat(Party::Scraper(from.ip())) {
                    let connection = serve_connection(Arc::clone(&api), Arc::new(seat), stream);
                    // One that lasts longer is cut off; the next asks again.
                    tokio::spawn(tokio::time::timeout(METRICS_CONNECTION_TIME, connection));
                }
            }
            Err(error) => tokio::time::sleep(pauses.failed(&api, &error)).await,
        }
        tokio::task::yield_now().await;
    }
}

async fn serve_connection(api: Arc<Api>, seat: Arc<Seat>, stream: TcpStream) {
    let mut life = api.service.life.clone();
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let api = Arc::clone(&api);
        async move { Ok::<_, Infallible>(answer_scraper(&api, &request).await) }
    });
    let daemon_ends = async move { wait_for_life(&mut life, |life| life == Life::Ending).await };
    connection::serve(stream, seat, times_of(Class::Scrapers), service, daemon_ends).await;
}

async fn answer_scraper(api: &Api, request: &Request<Incoming>) -> Response {
    let by = Requester { caller: Caller::System { part: "metrics" }, request_id: None };
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/metrics" | "/v1/metrics") => {
            page(api, by, GetDaemon {}).await.unwrap_or_else(|error| {
                error.log_fault("metrics");
                error.into_response()
            })
        }
        _ => (StatusCode::NOT_FOUND, "GET /metrics is all there is\n").into_response(),
    }
}
