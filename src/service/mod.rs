//! The service: use cases of more than one transaction, or with files, between the edges and the kernel.
//!
//! ```text
//!   HTTP (`src/api`) ─▶ service ─▶ kernel by the database and the readers, files by `src/os`, actors by their handles
//! ```
//!
//! Each file is one use case: a plain async function of the [`Service`], the caller and a request, returning a typed report or a
//! [`ServiceError`]. Nothing here knows HTTP; a report that is made while it is read has a `next` that an edge calls.
//! A caller's right is checked by the edge before a use case begins, and again in each transaction.

pub mod add_profile;
pub mod ask;
pub mod assignees;
pub mod attachment_store;
pub mod attachments;
pub mod attention;
pub mod backup;
pub mod backup_bytes;
pub mod board;
pub mod chat;
pub mod claim;
pub mod context;
pub mod courier;
pub mod create;
pub mod daemon;
pub mod diff;
pub mod directories;
pub mod dispatch;
pub mod doctor;
pub mod error;
pub mod events;
pub mod export;
pub mod first_use;
pub mod gc;
pub mod import;
pub mod life;
pub mod log;
pub mod log_level;
pub mod metrics;
pub mod notify_attention;
pub mod profiles;
pub mod reload;
pub mod resources;
pub mod restore;
pub mod staged_file;
pub mod stats;
pub mod status;
pub mod task_view;
pub mod usage;
pub mod web;
pub mod whoami;
pub mod why;
pub mod workspaces;

use std::path::PathBuf;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::actors::configuration::Configuration;
use crate::actors::database::{Database, Submit};
use crate::actors::disk::Disk;
use crate::actors::dispatcher::messages::DispatchNow;
use crate::actors::doors::Doors;
use crate::actors::event_hub::EventFeed;
use crate::actors::figures::Figures;
use crate::actors::live::Live;
use crate::actors::live_runs::LiveRuns;
use crate::actors::outbox_bell::OutboxBell;
use crate::actors::path_looks::Looker;
use crate::actors::paths::Paths;
use crate::actors::reader_pool::ReaderPool;
use crate::actors::readers::Readers;
use crate::actors::reloader::Reloader;
use crate::actors::root::Life;
use crate::actors::start_inputs::StartInputs;
use crate::actors::supervision::RunSupervision;
use crate::actors::wire::Wire;
use crate::actors::workspace_commands::WorkspaceCommands;
use crate::kernel::caller::Caller;
use crate::kernel::ids::EpochSeconds;
use crate::service::attachment_store::AttachmentStore;
use crate::service::board::pages::BoardFeed;
pub use crate::service::error::ServiceError;
use crate::service::metrics::door::MetricsDoor;
use crate::service::usage::EdgeUsage;
use crate::service::web::WebAccess;

/// What the use cases work with.
pub struct Service {
    /// The writer.
    pub database: Database,
    /// The reading connections.
    pub readers: Readers,
    /// The reading connections themselves, for copying and replacing the file.
    pub pool: ReaderPool,
    /// Committed events.
    pub feed: EventFeed,
    /// What changes on boards, for the pages that show them.
    pub board_feed: BoardFeed,
    /// The dispatcher, for a person's dispatch.
    pub dispatch_now: Wire<DispatchNow>,
    /// Who is live.
    pub live_runs: LiveRuns,
    /// What looks where paths lead.
    pub looker: Looker,
    /// Whether the disk has room.
    pub disk: Disk,
    /// Where files are.
    pub paths: Paths,
    /// The settings and the policy.
    pub configuration: Live<Configuration>,
    /// The life of the database, and what holds runs together.
    pub supervision: Arc<RunSupervision>,
    /// What workers are started with.
    pub start_inputs: Arc<StartInputs>,
    /// Does what has to be done about a workspace as another user.
    pub workspace_commands: WorkspaceCommands,
    /// Files that were attached to tasks.
    pub attachments: AttachmentStore,
    /// What the edge has counted of callers and requests.
    pub edge: Arc<dyn EdgeUsage>,
    /// The soft limit of open files.
    pub descriptors: u64,
    /// How far the daemon is.
    pub life: watch::Receiver<Life>,
    /// The home.
    pub home: PathBuf,
    /// Socket of the operators.
    pub socket: PathBuf,
    /// The sockets and whether they lead in.
    pub doors: Doors,
    /// When the daemon started, epoch seconds.
    pub started_at: EpochSeconds,
    /// What reads the configuration again.
    pub reloader: Arc<Reloader>,
    /// The board on the web: where it is and who is logged in.
    pub web: Arc<WebAccess>,
    /// Where the metrics are over TCP.
    pub metrics_door: MetricsDoor,
    /// Wakes the courier.
    pub outbox_bell: OutboxBell,
    /// What has been counted of runs.
    pub figures: Arc<Figures>,
}

/// Who asks for something that is written.
#[derive(Debug, Clone)]
pub struct Requester {
    /// The caller.
    pub caller: Caller,
    /// Under which id the request may be repeated.
    pub request_id: Option<String>,
}

impl Requester {
    /// A verb of this requester's for the database.
    pub(crate) fn submit<V>(self, verb: V) -> Submit<V> {
        Submit { caller: self.caller, request_id: self.request_id, verb }
    }
}

/// Takes no fields.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GetDaemon {}
