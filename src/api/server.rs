//! Serving: accept, ask the kernel who is calling, read one request after the other, answer.
//!
//! hyper drives the connections and axum the routes; neither wakes up while nothing happens, which the framework that
//! belongs to actix does twice a second (see `docs/adr/0001-http-without-idle-wakeups.md`).

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::extract::{RawPathParams, Request};
use axum::http::HeaderMap;
use axum::http::header::{CONNECTION, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use bytes::Bytes;
use hyper::body::Incoming;
use tokio::net::UnixStream;
use tower_service::Service as _;

use crate::actors::root::Life;
use crate::api::auth::{Claims, Door, Identified, Placement, as_worker, by_row, identify};
use crate::api::call::Call;
use crate::api::connection::{self, times_of};
use crate::api::doors::{AcceptPauses, Admitted, admit, placed};
use crate::api::error::ApiError;
use crate::api::gate::Seat;
use crate::api::gate::ledger::Thing;
use crate::api::gate::party::{Class, Party};
use crate::api::gate::shed::Phase;
use crate::api::input::{Input, claims, request_id};
use crate::api::limits::UNCOUNTED_BYTES;
use crate::api::operation::{Carries, Method, Operation};
use crate::api::operations::OPERATIONS;
use crate::api::reply::Held;
use crate::api::request_body::read_body;
use crate::api::sockets::Listening;
use crate::api::{Api, gate};
use crate::kernel::caller::Caller;
use crate::kernel::error::{ErrorCode, Fault};
use crate::kernel::run::Run;
use crate::kernel::store::{self, Connection};
use crate::kernel::task::Task;
use crate::os::processes::peer::Peer;
use crate::os::run_files::redact::Redactor;
use crate::service::Requester;
use crate::service::life::wait_for_life;

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
    let mut life = api.service.life.clone();
    wait_for_life(&mut life, |life| life != Life::Starting).await;
    if *life.borrow() == Life::Serving {
        on_serving();
    }
    let routes = routes(&api);
    let mut pauses = AcceptPauses::default();
    loop {
        let (door, accepted) = tokio::select! {
            accepted = operators.accept() => (Door::Operators, accepted),
            accepted = workers.accept() => (Door::Workers, accepted),
            () = wait_for_life(&mut life, |life| life == Life::Ending) => break,
        };
        match accepted {
            Ok(stream) => {
                pauses.reset();
                if let Some(admitted) = admit(&api, door, &stream) {
                    let connection =
                        serve_connection(Arc::clone(&api), routes.clone(), admitted, stream);
                    tokio::spawn(connection);
                }
            }
            Err(error) => tokio::time::sleep(pauses.failed(&api, &error)).await,
        }
        // Whoever knocks without end does not keep those from going on who are in.
        tokio::task::yield_now().await;
    }
    drop((operators, workers));
    api.edge.gate.emptied().await;
    Ok(())
}

async fn serve_connection(api: Arc<Api>, routes: Router, admitted: Admitted, stream: UnixStream) {
    let Admitted { door, peer, placement, seat, party } = admitted;
    let times = times_of(party.class());
    let mut life = api.service.life.clone();
    let origin = Arc::new(Origin { door, peer, placement, seat: Arc::clone(&seat), party });
    let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        let (api, origin, mut routes) = (Arc::clone(&api), Arc::clone(&origin), routes.clone());
        async move {
            if let Err(error) = origin.check(&api, request.headers()).await {
                return Ok(closing(error.into_response()));
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

/// Where a request came from.
struct Origin {
    door: Door,
    /// Of a caller that is placed again with each request.
    peer: Option<Peer>,
    placement: Placement,
    seat: Arc<Seat>,
    /// On whose account its connection was when it was accepted.
    party: Party,
}

impl Origin {
    /// Whether a request is heard. A connection that was let in to show a token shows it here.
    async fn check(&self, api: &Api, headers: &HeaderMap) -> Result<(), ApiError> {
        match self.party.class() {
            Class::Operators | Class::Runs | Class::Scrapers => Ok(()),
            Class::Unproven | Class::Refused => match self.identify(api, headers).await? {
                // Of a run whose end is not known it may be the row that lets it in.
                Caller::Worker { run_id, .. } => self.seat.move_to(Party::Run(run_id)),
                // Who may be heard and is not, found no seat.
                Caller::Operator { .. } | Caller::System { .. }
                    if self.party.class() == Class::Refused =>
                {
                    Err(gate::too_many(Thing::Connections))
                }
                Caller::Operator { .. } | Caller::System { .. } => Ok(()),
            },
        }
    }

    async fn identify(&self, api: &Api, headers: &HeaderMap) -> Result<Caller, ApiError> {
        let caller = caller_of(api, self, &claims(headers)?).await?;
        if let Caller::Worker { run_id, .. } = caller
            && !self.seat.is_of_run(run_id)
        {
            self.seat.belongs_to_run(run_id, api.service.live_runs.over(run_id));
        }
        Ok(caller)
    }
}

/// Who a request is from. What is known of its run may have changed since the connection was accepted.
async fn caller_of(api: &Api, origin: &Origin, claims: &Claims) -> Result<Caller, ApiError> {
    // Kept of a caller that bears a run's mark only.
    let now = origin.peer.as_ref().map(|peer| placed(api, peer));
    let placement = now.as_ref().unwrap_or(&origin.placement);
    let mut identified = identify(origin.door, placement, claims, &api.service.live_runs)?;
    loop {
        if let Identified::OfRun(run_id) = identified {
            identified = as_worker(run_id, &api.service.live_runs);
        }
        if let Identified::Caller(caller) = identified {
            return Ok(caller);
        }
        let asked = identified.clone();
        let row = api
            .service
            .readers
            .read_for_unproven(move |snapshot| Ok(row_of(snapshot.connection, &asked)?))
            .await?;
        identified = by_row(identified, row)?;
    }
}

/// The row that decides about a caller, with its task.
fn row_of(connection: &Connection, asked: &Identified) -> Result<Option<(Run, Task)>, Fault> {
    let run_id = match asked {
        Identified::Caller(_) => None,
        Identified::OfRun(run_id)
        | Identified::FromRun { run_id, .. }
        | Identified::Says(run_id) => Some(*run_id),
        Identified::ByToken { digest, .. } => {
            store::footing::run_of_token(connection, digest.as_str())?
        }
    };
    let Some(run_id) = run_id else { return Ok(None) };
    let Some(run) = store::runs::get(connection, run_id)? else { return Ok(None) };
    let task = store::tasks::get(connection, &run.task_id)?;
    Ok(task.map(|task| (run, task)))
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
        api.edge.requests.count(index, answered.is_ok());
        answered.unwrap_or_else(|error| {
            error.log_fault(operation.name);
            error.into_response()
        })
    })
}

async fn answer(
    operation: &'static Operation,
    api: Arc<Api>,
    path: RawPathParams,
    request: Request,
) -> Result<Response, ApiError> {
    let origin = request.extensions().get::<Arc<Origin>>().cloned().ok_or_else(|| {
        ApiError::new(ErrorCode::Internal, "the request's connection is not known")
    })?;
    let seat = &origin.seat;
    seat.enter(Phase::Working);
    // Until the answer is made: what is read of a body lives as long as its request.
    let working = Working(Arc::clone(seat));
    let (parts, body) = request.into_parts();
    let request_id = request_id(&parts.headers)?;
    let caller = origin.identify(&api, &parts.headers).await?;
    let (fields, stream, _taken) = match operation.carries {
        Carries::Fields => {
            let (fields, taken) = read_body(seat, body).await?;
            (fields, Body::empty(), taken)
        }
        Carries::File => (Bytes::new(), body, None),
    };
    let fields = match &caller {
        Caller::Worker { run_id, .. } => {
            without_token(fields, api.service.live_runs.token(*run_id))
        }
        Caller::Operator { .. } | Caller::System { .. } => fields,
    };
    // Before anything is done for it, and before it is even understood.
    caller.may_ask(operation.name)?;
    let input = Input::new(&path, &parts.uri, fields);
    let by = Requester { caller, request_id };
    let call = Call { by, input, stream, seat: Arc::clone(seat) };
    let response = (operation.run)(api, call).await?;
    let response = hold_back(seat, response)?;
    drop(working);
    Ok(response)
}

/// Redacts the run's token in a worker's request: reports are stored and shown to other workers, who could use it.
fn without_token(fields: Bytes, token: Option<String>) -> Bytes {
    let Some(token) = token.filter(|_| !fields.is_empty()) else { return fields };
    let mut redactor = Redactor::new(&[token]);
    let mut cleared = Vec::with_capacity(fields.len());
    redactor.push(&fields, &mut cleared);
    redactor.finish(&mut cleared);
    cleared.into()
}

/// The connection is idle again, unless its answer is still being sent.
struct Working(Arc<Seat>);

impl Drop for Working {
    fn drop(&mut self) {
        if matches!(self.0.phase(), Phase::Working | Phase::Receiving) {
            self.0.enter(Phase::Idle);
        }
    }
}

/// An answer of some size counts until it is read.
fn hold_back(seat: &Arc<Seat>, response: Response) -> Result<Response, ApiError> {
    match response.body().size_hint().exact().map(usize::try_from) {
        Some(Ok(bytes)) if bytes > UNCOUNTED_BYTES => {
            let held = Held::new(seat, Phase::Sending, &[(Thing::ReplyBytes, bytes)])?;
            Ok(response.map(|body| held.with(body)))
        }
        _ => Ok(response),
    }
}
