//! `/in`: the page that a link leads to, and what it asks for. The token stands in the link's fragment, which no browser sends; the page
//! sends it in a body.

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{ALLOW, HeaderValue, SET_COOKIE};
use axum::http::{Method, Request, StatusCode};
use axum::response::{IntoResponse as _, Response};
use http_body_util::{BodyExt as _, Limited};
use serde::Deserialize;

use crate::api::Api;
use crate::api::auth::no_session;
use crate::api::error::ApiError;
use crate::api::gate::Seat;
use crate::api::gate::shed::Phase;
use crate::api::input::bad_request;
use crate::api::limits::{BODY_TIME, LOGIN_BYTES_MAX};
use crate::api::web::assets;
use crate::api::web::visit::{Here, cookie_name};
use crate::service::web::book::SESSION_SECONDS;

/// Its path.
pub const PATH: &str = "/in";

/// Where the page is among the assets.
const PAGE: &str = "/in.html";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LogIn {
    token: String,
}

/// Answers requests of that path.
pub async fn answer(
    api: &Arc<Api>,
    seat: &Arc<Seat>,
    request: Request<Body>,
    here: Here,
) -> Response {
    if *request.method() == Method::POST {
        return log_in(api, seat, request, here).await.unwrap_or_else(|error| {
            error.log_fault("log_in");
            error.into_response()
        });
    }
    match assets::file(PAGE) {
        Some(page) if *request.method() == Method::GET => assets::answer(page, &request),
        Some(_) | None => {
            let mut refused = StatusCode::METHOD_NOT_ALLOWED.into_response();
            refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, POST"));
            refused
        }
    }
}

async fn log_in(
    api: &Arc<Api>,
    seat: &Arc<Seat>,
    request: Request<Body>,
    here: Here,
) -> Result<Response, ApiError> {
    seat.enter(Phase::Receiving);
    let body = Limited::new(request.into_body(), LOGIN_BYTES_MAX).collect();
    let body = tokio::time::timeout(BODY_TIME, body).await;
    let body = body.map_err(|_| bad_request("the body did not arrive in time"))?;
    let body = body.map_err(|error| bad_request(format!("cannot read the body: {error}")))?;
    let LogIn { token } = serde_json::from_slice(&body.to_bytes())
        .map_err(|error| bad_request(format!("cannot read the body: {error}")))?;
    let Some(session) = api.service.web.log_in(&token, here.visitor, here.port).await? else {
        return Err(no_session());
    };
    let secure = if here.is_secure { "; Secure" } else { "" };
    let cookie = format!(
        "{}={session}; HttpOnly; SameSite=Strict; Path=/; Max-Age={SESSION_SECONDS}{secure}",
        cookie_name(here.port)
    );
    let cookie = HeaderValue::try_from(cookie).map_err(|_| bad_request("no cookie"))?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    response.headers_mut().insert(SET_COOKIE, cookie);
    Ok(response)
}
