//! The same figures over TCP, and nothing else: `metrics.listen`. Whoever can connect may read them, so it is off unless
//! somebody asks for it, and the loopback's unless an address is named.

use std::convert::Infallible;
use std::net::TcpListener as StdListener;
use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse as _, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::actors::root::Life;
use crate::api::metrics::page;
use crate::api::{Api, wait_for_life};

/// Connections at one time; more wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 16;

/// Time for the head of a request to arrive.
const HEAD_TIME: Duration = Duration::from_secs(10);

/// Longest time of a connection.
const CONNECTION_TIME: Duration = Duration::from_secs(300);

/// Serves until the daemon ends.
pub async fn serve(api: Arc<Api>, listener: StdListener) {
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "metrics cannot be served over TCP"),
    };
    let mut life = api.life.clone();
    wait_for_life(&mut life, |life| life != Life::Starting).await;
    let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(permit) = Arc::clone(&connections).acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = wait_for_life(&mut life, |life| life == Life::Ending) => return,
        };
        match accepted {
            Ok((stream, _)) => {
                let connection = serve_connection(Arc::clone(&api), stream);
                tokio::spawn(async move {
                    // One that lasts longer is cut off; the next asks again.
                    drop(tokio::time::timeout(CONNECTION_TIME, connection).await);
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection for metrics could not be accepted");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

async fn serve_connection(api: Arc<Api>, stream: TcpStream) {
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let api = Arc::clone(&api);
        async move { Ok::<_, Infallible>(answer(&api, &request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection for metrics ended early");
    }
}

async fn answer(api: &Api, request: &Request<Incoming>) -> Response {
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/metrics" | "/v1/metrics") => page(api).await.unwrap_or_else(|error| {
            error.log_fault("metrics");
            error.into_response()
        }),
        _ => (StatusCode::NOT_FOUND, "GET /metrics is all there is\n").into_response(),
    }
}
