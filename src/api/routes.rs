//! The routes, from the table of operations, and how a request is answered.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::extract::{RawPathParams, Request};
use axum::http::HeaderValue;
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, get, on};
use bytes::Bytes;

use crate::api::auth::Door;
use crate::api::call::Call;
use crate::api::chat_call::{self, Asked, caller_for};
use crate::api::error::ApiError;
use crate::api::gate::Seat;
use crate::api::gate::ledger::Thing;
use crate::api::gate::shed::Phase;
use crate::api::input::{Input, edge, request_id};
use crate::api::limits::UNCOUNTED_BYTES;
use crate::api::operation::{Carries, Method, Operation};
use crate::api::operations::OPERATIONS;
use crate::api::origin::Origin;
use crate::api::reply::Held;
use crate::api::request_body::read_body;
use crate::api::stream;
use crate::api::web::visit::Visit;
use crate::api::web::withheld::{must_be_for_web, must_not_force};
use crate::api::{Api, EVENT_CURSOR_HEADER};
use crate::kernel::caller::Caller;
use crate::kernel::error::ErrorCode;
use crate::kernel::queries::cursor_at;
use crate::os::run_files::redact::Redactor;
use crate::service::Requester;

/// All routes. A request has its [`Origin`] among its extensions.
pub fn routes(api: &Arc<Api>) -> Router {
    let mut router = Router::new();
    for (index, operation) in OPERATIONS.iter().enumerate() {
        router = router.route(operation.path, route(index, operation, api));
    }
    let with_stream = Arc::clone(api);
    router
        .route(
            "/v1/stream",
            get(async move |request: Request| stream::open(with_stream, request).await),
        )
        .fallback(|request: Request| async move {
            ApiError::new(ErrorCode::NotFound, format!("no such path: {}", request.uri().path()))
                .with_hint("GET /v1/openapi.json lists the operations")
        })
        .method_not_allowed_fallback(|request: Request| async move {
            let message = format!("{} does not support {}", request.method(), request.uri().path());
            ApiError::new(ErrorCode::MethodNotAllowed, message)
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
        let edge = edge(request.headers());
        let answered = answer(operation, Arc::clone(&api), path, request).await;
        api.edge.requests.count(index, answered.is_ok());
        answered.unwrap_or_else(|error| {
            error.log_fault(operation.name);
            error.answer(edge)
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
        ApiError::new(ErrorCode::Internal, "the connection of the request is unknown")
    })?;
    let seat = &origin.seat;
    seat.enter(Phase::Working);
    // Until the answer is made: what is read of a body lives as long as its request.
    let working = Working(Arc::clone(seat));
    let (parts, body) = request.into_parts();
    let request_id = request_id(&parts.headers)?;
    let caller = match parts.extensions.get::<Arc<Visit>>() {
        Some(visit) => visit.caller(),
        None => origin.identify(&api, &parts.headers).await?,
    };
    let caller = caller_for(&api, origin.door, &parts.headers, caller).await?;
    if origin.door == Door::Web {
        must_be_for_web(operation)?;
    }
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
        Caller::Operator { .. } | Caller::Courier | Caller::Chat(_) | Caller::System { .. } => {
            fields
        }
    };
    // Before anything is done for it, and before it is even understood.
    caller.may_ask(operation.name)?;
    chat_call::refuse_taken(&caller, request_id.as_deref())?;
    if origin.door == Door::Web {
        must_not_force(operation, &fields)?;
    }
    if let Caller::Chat(by) = &caller {
        let asked = Asked {
            operation,
            task: path.iter().map(|(_, value)| value).next(),
            path: parts.uri.path(),
            fields: &fields,
            request_id: request_id.as_deref(),
        };
        chat_call::check(&api, by, &parts.headers, asked).await?;
    }
    let input = Input::new(&path, &parts.uri, fields);
    let by = Requester { caller, request_id };
    let uid = origin.operator_uid();
    let call = Call { by, input, stream, uid, seat: Arc::clone(seat) };
    let service = Arc::clone(&api.service);
    let mut response = (operation.run)(api, call).await?;
    if operation.method != Method::Get {
        // A page that shows the board knows by it when its own write has come back to it.
        let (life, newest) = (service.supervision.incarnation(), service.database.newest_event());
        if let Ok(cursor) = HeaderValue::from_str(&cursor_at(&life, newest)) {
            response.headers_mut().insert(EVENT_CURSOR_HEADER, cursor);
        }
    }
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
