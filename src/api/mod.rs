//! The HTTP edge of the control API: HTTP/1.1 and JSON on two Unix sockets and, for the board on the web, on a
//! TCP port of the loopback; prefix `/v1`.
//!
//! ```text
//!   accept ─▶ auth: who is calling? ─▶ router ─▶ operation ─▶ verb to the database, query to a reader, or a use case of the service
//! ```
//!
//! One table, [`operations::OPERATIONS`], says which operations there are, under which path and with which request and reply
//! types; routes, the OpenAPI document and later the MCP tools come from it. Requests are the structs of
//! [`crate::kernel::verbs`] and [`crate::kernel::queries`] themselves; unknown fields are refused. `/v1` changes only by
//! addition.

pub mod arriving;
pub mod auth;
pub mod board_operations;
pub mod call;
pub mod chat_call;
pub mod chat_operations;
pub mod client;
pub mod connection;
pub mod doors;
pub mod error;
pub mod figures;
pub mod files;
pub mod gate;
pub mod guarded_io;
pub mod input;
pub mod limits;
pub mod listeners;
pub mod listing;
pub mod moves;
pub mod notify_operations;
pub mod openapi;
pub mod operation;
pub mod operations;
pub mod origin;
pub mod outflow;
pub mod reply;
pub mod request_body;
mod resolve_operations;
pub mod routes;
pub mod server;
pub mod sockets;
pub mod stream;
pub mod usage;
pub mod view_operations;
pub mod web;

use std::sync::Arc;

use crate::actors::token_holders::TokenHolders;
use crate::api::usage::Usage;
use crate::service::Service;

/// Header under which a client names its request, so that it can repeat it.
pub const REQUEST_ID_HEADER: &str = "kanban-request-id";

/// Header with which a process outside a run's tree proves that it works for that run.
pub const TOKEN_HEADER: &str = "kanban-token";

/// Header with which a process says for which run it works when it cannot read that run's token. It proves nothing: the answer
/// is that the run is over where it is, and a refusal where it is not.
pub const RUN_HEADER: &str = "kanban-run";

/// Header with which a client says in whose terms it wants hints: `command-line` for commands, `tools` for tools of `kanban mcp`.
/// Without it a hint names operations of the API.
pub const EDGE_HEADER: &str = "kanban-edge";

/// Header of an event stream's reply: the cursor at which the stream begins, so that a client that has not heard anything yet
/// can go on from there after a break. Header of the reply to a write: a cursor that is not before what it wrote.
pub const EVENT_CURSOR_HEADER: &str = "kanban-event-cursor";

/// Header with the id of the run whose log is returned.
pub const LOG_RUN_HEADER: &str = "kanban-run-id";

/// Header with the number of bytes that the log did not keep or the window left out.
pub const LOG_OMITTED_HEADER: &str = "kanban-log-omitted-bytes";

/// Header of a log whose times were asked for: `false` when it has none.
pub const LOG_TIMES_HEADER: &str = "kanban-log-times";

/// Header of a followed log: how many bytes of content the reply begins with that were there already.
pub const LOG_FIRST_HEADER: &str = "kanban-log-first-bytes";

/// Header of a followed log: position behind those, which `from` of the next request goes on with.
pub const LOG_POSITION_HEADER: &str = "kanban-log-position";

/// Header that says what was left out of a patch, for people.
pub const DIFF_LEFT_OUT_HEADER: &str = "kanban-diff-left-out";

/// What the edge works with.
pub struct Api {
    /// What the operations are done by.
    pub service: Arc<Service>,
    /// Who has how much of what, and what has been counted.
    pub edge: Usage,
    /// Who is heard at the workers' door.
    pub token_holders: TokenHolders,
}
