//! Serving: accept, ask the kernel who is calling, read one request after the other, answer.
//!
//! hyper drives the connections and axum the routes; neither wakes up while nothing happens, which the framework that
//! belongs to actix does twice a second (see `docs/adr/0001-http-without-idle-wakeups.md`).

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{RawPathParams, Request};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use tower_service::Service as _;

use crate::actors::root::Life;
use crate::api::auth::{Door, Placement, Scene, identify, place};
use crate::api::error::ApiError;
use crate::api::input::{Input, bad_request, request_id, token};
use crate::api::operations::{Call, Carries, Method, OPERATIONS, Operation};
use crate::api::sockets::Listening;
use crate::api::{Api, wait_for_life};
use crate::config::worker_user::has_workers_of_others;
use crate::kernel::error::ErrorCode;
use crate::kernel::limits::REQUEST_BYTES_MAX;
use crate::os::peer::peer_of;
use crate::os::remains::Marks;

/// Connections at one time; more wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 1024;

/// Time for the head of a request to arrive.
const HEAD_TIME: Duration = Duration::from_secs(30);

/// Time for the body of a request to arrive.
const BODY_TIME: Duration = Duration::from_secs(30);

/// Serves both sockets until the daemon ends, then finishes the requests under way. `on_serving` is called when the first
/// request is about to be taken: every open run has a worker by then.
///
/// # Errors
/// A socket that cannot be served.
pub async fn serve(
    api: Arc<Api>,
    operators: Listening,
    workers: Listening,
    on_serving: impl FnOnce(),
) -> std::io::Result<()> {
    let mut operators = operators.accepting()?;
    let mut workers = workers.accepting()?;
    let mut life = api.life.clone();
    wait_for_life(&mut life, |life| life != Life::Starting).await;
    if *life.borrow() == Life::Serving {
        on_serving();
    }
    let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let routes = routes(&api);
    loop {
        let Ok(permit) = Arc::clone(&connections).acquire_owned().await else { return Ok(()) };
        let (door, accepted) = tokio::select! {
            accepted = operators.accept() => (Door::Operators, accepted),
            accepted = workers.accept() => (Door::Workers, accepted),
            () = wait_for_life(&mut life, |life| life == Life::Ending) => break,
        };
        match accepted {
            Ok(stream) => {
                let connection = serve_connection(Arc::clone(&api), routes.clone(), door, stream);
                tokio::spawn(async move {
                    connection.await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                // Out of descriptors: those in use must be given back first.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
    drop((operators, workers));
    // Every permit back means every connection is through.
    let all = u32::try_from(CONNECTIONS_MAX).unwrap_or(u32::MAX);
    drop(connections.acquire_many(all).await);
    Ok(())
}

async fn serve_connection(api: Arc<Api>, routes: Router, door: Door, stream: UnixStream) {
    let peer = peer_of(&stream).map_err(|error| error.to_string());
    let containment = api.context.containment();
    let scene = Scene {
        live_runs: &api.live_runs,
        containment: &containment,
        marks: Marks { runs_dir: &api.context.runs_dir, worker_socket: &api.context.worker_socket },
        has_workers_of_others: has_workers_of_others(
            &api.context.daemon_user,
            &api.context.settings(),
        ),
    };
    let origin = Origin { door, placement: Arc::new(place(&peer, scene)) };
    let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(origin.clone());
        routes.clone().call(request.map(Body::new))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let mut life = api.life.clone();
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = wait_for_life(&mut life, |life| life == Life::Ending) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Where a request came from.
#[derive(Clone)]
struct Origin {
    door: Door,
    placement: Arc<Placement>,
}

fn routes(api: &Arc<Api>) -> Router {
    let mut router = Router::new();
    for (index, operation) in OPERATIONS.iter().enumerate() {
        router = router.route(operation.path, route(index, operation, api));
    }
    router
        .fallback(|request: Request| async move {
            ApiError::new(ErrorCode::NotFound, format!("no such path: {}", request.uri().path()))
                .with_hint("GET /v1/openapi.json lists the operations")
        })
        .method_not_allowed_fallback(|request: Request| async move {
            let told = format!("{} is not for {}", request.method(), request.uri().path());
            ApiError::new(ErrorCode::MethodNotAllowed, told)
                .with_hint("GET /v1/openapi.json lists the operations")
        })
}

fn route(index: usize, operation: &'static Operation, api: &Arc<Api>) -> MethodRouter {
    let filter = match operation.method {
        Method::Get => MethodFilter::GET,
        Method::Post => MethodFilter::POST,
        Method::Patch => MethodFilter::PATCH,
    };
    let api = Arc::clone(api);
    on(filter, move |path: RawPathParams, request: Request| async move {
        let answered = answer(operation, Arc::clone(&api), path, request).await;
        api.requests.count(index, answered.is_ok());
        answered.unwrap_or_else(ApiError::into_response)
    })
}

async fn answer(
    operation: &'static Operation,
    api: Arc<Api>,
    path: RawPathParams,
    request: Request,
) -> Result<Response, ApiError> {
    let origin = request.extensions().get::<Origin>().cloned().ok_or_else(|| {
        ApiError::new(ErrorCode::Internal, "the request's connection is not known")
    })?;
    let (parts, body) = request.into_parts();
    let token = token(&parts.headers)?;
    let request_id = request_id(&parts.headers)?;
    let caller = identify(origin.door, &origin.placement, token.as_deref(), &api.live_runs)?;
    let (fields, stream) = match operation.carries {
        Carries::Fields => (read_body(body).await?, Body::empty()),
        Carries::File => (Bytes::new(), body),
    };
    let input = Input::new(&path, &parts.uri, fields);
    (operation.run)(api, Call { caller, request_id, input, stream }).await
}

async fn read_body(body: Body) -> Result<Bytes, ApiError> {
    let collect = Limited::new(body, REQUEST_BYTES_MAX).collect();
    match tokio::time::timeout(BODY_TIME, collect).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.downcast_ref::<LengthLimitError>().is_some() => Err(ApiError::new(
            ErrorCode::TooLarge,
            format!("the request is too large: more than {REQUEST_BYTES_MAX} bytes"),
        )),
        Ok(Err(error)) => Err(bad_request(format!("the body did not arrive: {error}"))),
        Err(_) => Err(ApiError::new(
            ErrorCode::Timeout,
            format!("the body did not arrive within {} seconds", BODY_TIME.as_secs()),
        )),
    }
}
