//! One connection from its first byte to its last: served, and ended when its client, its caller's run or its share says so.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::api::gate::party::Class;
use crate::api::gate::shed::Phase;
use crate::api::gate::{Seat, Turned};
use crate::api::guarded_io::{GuardedIo, StallTimes};
use crate::api::limits::{
    HEAD_BYTES_MAX, HEAD_TIME, HEAD_TIME_REFUSED, HEAD_TIME_UNPROVEN, OVER_TIME,
};

/// Times of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// Longest time without a whole head of a request.
    pub head: Duration,
    /// Longest time in which the client takes too little of an answer.
    pub stall: StallTimes,
}

/// The times of a caller's connection.
pub fn times_of(class: Class) -> Times {
    let head = match class {
        Class::Operators | Class::Runs | Class::Pages | Class::Scrapers => HEAD_TIME,
        Class::Unproven => HEAD_TIME_UNPROVEN,
        Class::Refused => HEAD_TIME_REFUSED,
    };
    Times { head, stall: StallTimes::default() }
}

/// Serves `stream` until its client hangs up, it has to give way, the caller's run is over, or the daemon ends.
pub async fn serve<S>(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    seat: Arc<Seat>,
    times: Times,
    service: S,
    daemon_ends: impl Future<Output = ()>,
) where
    S: Service<Request<Incoming>, Response = Response<Body>>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let io = GuardedIo::new(stream, Arc::clone(&seat), times.stall);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(times.head)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(io), service)
        // A page's stream takes its connection over, and the seat with it.
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = seat.shed() => return,
        () = seat.run_over() => {
            seat.gate().count(Turned::RunOver);
            // Whatever is still read of the board by then is read by a caller that may not.
            if matches!(seat.phase(), Phase::Streaming | Phase::Sending) {
                return;
            }
            connection.as_mut().graceful_shutdown();
            match tokio::time::timeout(OVER_TIME, connection).await {
                Ok(result) => result,
                Err(_) => return,
            }
        }
        () = daemon_ends => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                result = connection => result,
                () = seat.shed() => return,
            }
        }
    };
    if let Err(error) = result {
        if error.is_timeout() {
            seat.gate().count(Turned::Late);
        }
        tracing::debug!(%error, "connection closed early");
    }
}
