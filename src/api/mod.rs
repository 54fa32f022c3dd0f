//! The control API: HTTP/1.1 and JSON on two Unix sockets, prefix `/v1`.
//!
//! ```text
//!   accept ─▶ auth: who is calling? ─▶ router ─▶ operation ─▶ verb to the database, query to a reader, or an actor
//! ```
//!
//! One table, [`operations::OPERATIONS`], says which operations there are, under which path and with which request and reply
//! types; routes, the OpenAPI document and later the MCP tools come from it. Requests are the structs of
//! [`crate::kernel::verbs`] and [`crate::kernel::queries`] themselves; unknown fields are refused. `/v1` changes only by
//! addition.

pub mod arriving;
pub mod attachments;
pub mod auth;
pub mod claim;
pub mod client;
pub mod configuration;
pub mod connection;
pub mod context;
pub mod daemon;
pub mod doctor;
pub mod doors;
pub mod error;
pub mod events;
pub mod gate;
pub mod guarded_io;
pub mod input;
pub mod limits;
pub mod listing;

pub mod log;
pub mod metrics;
pub mod openapi;
pub mod operations;
pub mod operator;
pub mod outflow;
pub mod profiles;
pub mod reply;
pub mod request_body;
pub mod resources;
pub mod server;
pub mod sockets;
pub mod status;
pub mod transfer;
pub mod whoami;
pub mod workspaces;

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;

use crate::actors::database::Database;
use crate::actors::dispatcher::messages::DispatchNow;
use crate::actors::doors::Doors;
use crate::actors::event_hub::EventFeed;
use crate::actors::figures::Figures;
use crate::actors::live_runs::LiveRuns;
use crate::actors::places::Looker;
use crate::actors::reader_pool::ReaderPool;
use crate::actors::readers::Readers;
use crate::actors::reloader::Reloader;
use crate::actors::root::Life;
use crate::actors::token_holders::TokenHolders;
use crate::actors::wire::Wire;
use crate::actors::worker::prepare::LaunchContext;
use crate::api::attachments::Attachments;
use crate::api::gate::Gate;
use crate::api::metrics::RequestFigures;
use crate::kernel::ids::EpochSeconds;
use crate::os::processes::spawn::Spawner;

/// Header under which a client names its request, so that it can repeat it.
pub const REQUEST_ID_HEADER: &str = "kanban-request-id";

/// Header with which a process outside a run's tree proves that it works for that run.
pub const TOKEN_HEADER: &str = "kanban-token";

/// Header with which a process says for which run it works when it cannot read that run's token. It proves nothing: the process is
/// told that the run is over where it is, and refused where it is not.
pub const RUN_HEADER: &str = "kanban-run";

/// Header of an event stream's reply: the cursor at which the stream begins, so that a client that has not heard anything yet
/// can go on from there after a break.
pub const EVENT_CURSOR_HEADER: &str = "kanban-event-cursor";

/// What the operations work with.
pub struct Api {
    /// The writer.
    pub database: Database,
    /// The reading connections.
    pub readers: Readers,
    /// The reading connections themselves, for copying and replacing the file.
    pub pool: ReaderPool,
    /// Committed events.
    pub feed: EventFeed,
    /// The dispatcher, for a person's dispatch.
    pub dispatch_now: Wire<DispatchNow>,
    /// Starts what has to be done as another user.
    pub spawner: Spawner,
    /// Who is live.
    pub live_runs: LiveRuns,
    /// What looks where paths lead.
    pub looker: Looker,
    /// Where logs and workspaces are.
    pub context: Arc<LaunchContext>,
    /// Files that were attached to tasks.
    pub attachments: Attachments,
    /// Who has how much of what.
    pub gate: Gate,
    /// Who is heard at the workers' door.
    pub token_holders: TokenHolders,
    /// The soft limit of open files.
    pub descriptors: u64,
    /// How far the daemon is.
    pub life: watch::Receiver<Life>,
    /// The home, as `GET /v1/daemon` shows it.
    pub home: PathBuf,
    /// The socket of people and operators, as `GET /v1/daemon` shows it.
    pub socket: PathBuf,
    /// The sockets and whether they lead in.
    pub doors: Doors,
    /// When the daemon started, epoch seconds.
    pub started_at: EpochSeconds,
    /// What reads the configuration again.
    pub reloader: Arc<Reloader>,
    /// What has been counted of runs.
    pub figures: Arc<Figures>,
    /// What has been counted of requests.
    pub requests: RequestFigures,
}

/// Returns when the daemon's life is as wanted, or its root is gone (then the process ends anyway).
pub(crate) async fn wait_for_life(
    life: &mut watch::Receiver<Life>,
    is_wanted: impl Fn(Life) -> bool,
) {
    while !is_wanted(*life.borrow_and_update()) {
        if life.changed().await.is_err() {
            return;
        }
    }
}
