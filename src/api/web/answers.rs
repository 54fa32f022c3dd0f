//! Answers that need no session: refusals, and the page that says how to get in.

use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::response::{IntoResponse as _, Response};

use crate::api::auth;
use crate::api::error::ApiError;
use crate::api::web::request::{Site, Why};
use crate::kernel::error::ErrorCode;

/// For a page of the board without a session.
pub fn log_in() -> Response {
    page(
        StatusCode::UNAUTHORIZED,
        "Not logged in",
        "<p>Run <code>kanban dashboard</code> on this host, and open the link that it prints.</p>\
         <p>From another host: <code>kanban dashboard --print</code> prints the line for <code>ssh -L</code>, too.</p>",
    )
}

/// For everything else without a session.
pub fn no_session() -> Response {
    auth::no_session().into_response()
}

/// For a process of a run.
pub fn in_run(path: &str) -> Response {
    let message = format!("{path} is for people: the calling process belongs to a run");
    ApiError::new(ErrorCode::Forbidden, message)
        .with_hint("workers call the socket that KANBAN_SOCKET names")
        .into_response()
}

/// For who could not be placed.
pub fn unknown_peer(why: &str) -> Response {
    let why = escaped(why);
    page(
        StatusCode::FORBIDDEN,
        "The daemon cannot tell who is calling",
        &format!(
            "<p>{why}.</p><p>Only connections from this host are served. From another host: <code>ssh -L 9119:127.0.0.1:9119 HOST</code>, \
             or a TLS proxy on this host; <code>docs/web.md</code> describes both.</p>"
        ),
    )
}

/// For a page that has another address.
pub fn elsewhere(location: &str) -> Response {
    let location = location.to_owned();
    (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, location)]).into_response()
}

/// For a request that is none of our pages'.
pub fn refused(why: Why, site: &Site) -> Response {
    let own = match site {
        Site::Loopback(local) => format!("http://{local}"),
        Site::Proxy(origin) => origin.clone(),
    };
    let (message, hint) = match why {
        Why::Host => {
            ("the Host of the request is not an address of the board", format!("open {own}"))
        }
        Why::Origin => ("the request comes from a page of another origin", format!("open {own}")),
        Why::NoOrigin => (
            "a request that writes, or that opens a stream, needs an Origin",
            format!("send Origin: {own}"),
        ),
        Why::Site => {
            ("the request was caused by a page of another site", format!("type the address: {own}"))
        }
        Why::BodyType => (
            "the body has no content type that is taken",
            "send Content-Type: application/json, or application/octet-stream for a file"
                .to_owned(),
        ),
    };
    ApiError::new(ErrorCode::Forbidden, message).with_hint(hint).into_response()
}

fn page(status: StatusCode, title: &str, body: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title} - kanband</title></head>\
         <body><h1>{title}</h1>{body}</body></html>\n"
    );
    (status, [(CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
