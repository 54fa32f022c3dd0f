//! The rows of the table of operations about the board on the web itself. They are for the operators' socket.

use std::sync::Arc;

use crate::api::Api;
use crate::api::call::{self, Answer, Call};
use crate::api::operation::{Method, Operation, by_hand};
use crate::service::GetDaemon;
use crate::service::web::links::{
    self, MakeWebLink, RevokeWebSession, RevokeWebSessionReply, WebLink, WebSession,
};

/// `kanban dashboard`.
pub const WEB_LINK: Operation = by_hand::<MakeWebLink, WebLink>(
    "web_link",
    Method::Post,
    "/v1/web/links",
    "Make a link by which one browser logs in to the board on the web.",
    make_link,
);

/// `kanban dashboard --sessions`.
pub const WEB_SESSIONS: Operation = by_hand::<GetDaemon, Vec<WebSession>>(
    "web_sessions",
    Method::Get,
    "/v1/web/sessions",
    "List the sessions of the board on the web, oldest first.",
    |api, call| call::query(api, call, links::list),
);

/// `kanban dashboard --revoke`.
pub const WEB_REVOKE: Operation = by_hand::<RevokeWebSession, RevokeWebSessionReply>(
    "web_revoke",
    Method::Post,
    "/v1/web/sessions/revoke",
    "End a session of the board on the web, or all.",
    |api, call| call::body(api, call, links::revoke),
);

fn make_link(api: Arc<Api>, call: Call) -> Answer {
    let uid = call.uid;
    call::body(api, call, async move |service, by, request| {
        links::make(service, by, uid, request).await
    })
}
