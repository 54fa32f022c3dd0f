//! Serving: accept, ask the kernel who is calling, read one request after the other, answer.
//!
//! hyper drives the connections and axum the routes; neither wakes up while nothing happens, which the framework that
//! belongs to actix does twice a second (see `docs/adr/0001-http-without-idle-wakeups.md`).

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::header::{CONNECTION, HeaderValue};
use axum::response::Response;
use hyper::body::Incoming;
use tokio::net::{TcpStream, UnixStream};
use tower_service::Service as _;

use crate::actors::root::Life;
use crate::api::Api;
use crate::api::connection::{self, times_of};
use crate::api::doors::{Admitted, admit};
use crate::api::figures;
use crate::api::gate::party::{Class, Party};
use crate::api::gate::{Seat, Turned};
use crate::api::input::edge;
use crate::api::limits::{ACCEPT_PAUSE_MS, ACCEPT_PAUSE_MS_MAX, METRICS_CONNECTION_TIME};
use crate::api::listeners::{Accepted, Listeners};
use crate::api::origin::Origin;
use crate::api::routes::routes;
use crate::api::web::arrival::arrive;
use crate::api::web::serve_page;
use crate::service::board::feed;
use crate::service::life::wait_for_life;

/// Serves all listeners until the daemon ends, then finishes the requests under way. `on_serving` is called when the first
/// request is about to be taken: every open run has a worker by then.
///
/// # Errors
/// A socket that cannot be served.
pub async fn serve(
    api: Arc<Api>,
    listeners: Listeners,
    on_serving: impl FnOnce(),
) -> std::io::Result<()> {
    let mut accepting = listeners.accepting()?;
    let mut life = api.service.life.clone();
    wait_for_life(&mut life, |life| life != Life::Starting).await;
    if *life.borrow() == Life::Serving {
        on_serving();
    }
    let routes = routes(&api);
    tokio::spawn(feed::run(Arc::clone(&api.service)));
    let mut pauses = AcceptPauses::default();
    loop {
        let accepted = tokio::select! {
            accepted = accepting.accept() => accepted,
            () = wait_for_life(&mut life, |life| life == Life::Ending) => break,
        };
        match accepted {
            Ok(accepted) => {
                pauses.reset();
                start(&api, &routes, accepted);
            }
            Err(error) => tokio::time::sleep(pauses.failed(&api, &error)).await,
        }
        // Endless new connections do not hold up the open ones.
        tokio::task::yield_now().await;
    }
    drop(accepting);
    api.edge.gate.emptied().await;
    Ok(())
}

/// Serves a connection that finds a seat, on a task of its own.
fn start(api: &Arc<Api>, routes: &Router, accepted: Accepted) {
    match accepted {
        Accepted::Caller(door, stream) => {
            if let Some(admitted) = admit(api, door, &stream) {
                tokio::spawn(serve_caller(Arc::clone(api), routes.clone(), admitted, stream));
            }
        }
        Accepted::Page(from, stream) => {
            if let Some(arrived) = arrive(api, from, &stream) {
                tokio::spawn(serve_page(Arc::clone(api), routes.clone(), arrived, stream));
            }
        }
        Accepted::Scraper(host, stream) => {
            // A client without a seat may come again: a scraper does.
            if let Ok(seat) = api.edge.gate.seat(Party::Scraper(host)) {
                let connection = serve_scraper(Arc::clone(api), Arc::new(seat), stream);
                // One that lasts longer is cut off; the next asks again.
                tokio::spawn(tokio::time::timeout(METRICS_CONNECTION_TIME, connection));
            }
        }
    }
}

async fn serve_caller(api: Arc<Api>, routes: Router, admitted: Admitted, stream: UnixStream) {
    let Admitted { door, peer, placement, seat, party } = admitted;
    let times = times_of(party.class());
    let mut life = api.service.life.clone();
    let origin = Arc::new(Origin { door, peer, placement, seat: Arc::clone(&seat), party });
    let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        let (api, origin, mut routes) = (Arc::clone(&api), Arc::clone(&origin), routes.clone());
        async move {
            if let Err(error) = origin.check(&api, request.headers()).await {
                return Ok(closing(error.answer(edge(request.headers()))));
            }
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(origin);
            routes.call(request).await
        }
    });
    let daemon_ends = async move { wait_for_life(&mut life, |life| life == Life::Ending).await };
    connection::serve(stream, seat, times, service, daemon_ends).await;
}

/// The last answer of a connection.
fn closing(mut response: Response) -> Response {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

async fn serve_scraper(api: Arc<Api>, seat: Arc<Seat>, stream: TcpStream) {
    let mut life = api.service.life.clone();
    let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        let api = Arc::clone(&api);
        async move { Ok::<_, Infallible>(figures::answer_scraper(&api, &request).await) }
    });
    let daemon_ends = async move { wait_for_life(&mut life, |life| life == Life::Ending).await };
    connection::serve(stream, seat, times_of(Class::Scrapers), service, daemon_ends).await;
}

/// Pauses after connections that could not be accepted.
#[derive(Debug, Default)]
struct AcceptPauses {
    failures: u32,
}

impl AcceptPauses {
    /// One was accepted.
    fn reset(&mut self) {
        self.failures = 0;
    }

    /// One could not be. Something is given up for the next where that helps; returns how long to wait for it.
    fn failed(&mut self, api: &Api, error: &std::io::Error) -> Duration {
        // Once for each time that it begins: it may go on for hours.
        if self.failures == 0 {
            tracing::warn!(%error, "cannot accept a connection");
        }
        self.failures = self.failures.saturating_add(1);
        api.edge.gate.count(Turned::Descriptors);
        api.edge.gate.shed_one();
        Duration::from_millis(pause_ms(self.failures))
    }
}

/// The pause after so many failures in a row, milliseconds.
fn pause_ms(failures: u32) -> u64 {
    let doubled = 1_u64.checked_shl(failures.saturating_sub(1)).unwrap_or(u64::MAX);
    ACCEPT_PAUSE_MS.saturating_mul(doubled).min(ACCEPT_PAUSE_MS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_are_bounded() {
        for (failures, expected) in [(1, 20), (2, 40), (3, 80), (6, 640), (7, 1_000), (64, 1_000)] {
            assert_eq!(pause_ms(failures), expected, "{failures}");
        }
        assert_eq!(pause_ms(u32::MAX), ACCEPT_PAUSE_MS_MAX);
    }
}
