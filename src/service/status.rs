//! The state of everything, small enough for one screen.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::actors::board_loss::fault_of;
use crate::kernel::error::VerbError;
use crate::kernel::ids::{BoardName, EpochSeconds, RunId};
use crate::kernel::queries::{Snapshot, WaitingFacts, waiting_tasks};
use crate::kernel::rules::inbox::{Kind, Waiting};
use crate::kernel::run::RunState;
use crate::kernel::store;
use crate::kernel::store::pauses::Pause;
use crate::kernel::task::TaskStatus;
use crate::kernel::verbs::{DispatchSwitch, LastGc};
use crate::service::attention::{self, Attention, HostFacts};
use crate::service::daemon::{DaemonInfo, daemon_info};
use crate::service::resources::{Resources, search_use};
use crate::service::{GetDaemon, Requester, Service, ServiceError};

/// State of the daemon and the boards.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Status")]
pub struct Status<R = OpenRun, D = DispatchSwitch> {
    /// The daemon.
    pub daemon: DaemonInfo,
    /// Position of the dispatch switch.
    pub dispatch: D,
    /// Profiles that are paused.
    #[serde(default)]
    pub paused_profiles: Vec<Pause>,
    /// Boards that are paused.
    #[serde(default)]
    pub paused_boards: Vec<Pause>,
    /// Number of tasks by board and status, without archived tasks and empty statuses.
    pub boards: BTreeMap<String, BTreeMap<String, i64>>,
    /// Open supervised runs, oldest first.
    pub runs: Vec<R>,
    /// What needs a person, most urgent first.
    pub attention: Vec<Attention>,
    /// Limited resources and rejected requests.
    #[serde(default)]
    pub resources: Resources,
    /// What the last `gc` removed; null when there was none.
    #[serde(default)]
    pub gc: Option<LastGc>,
    /// Time of the reply, epoch seconds.
    pub now: EpochSeconds,
}

/// An open supervised run.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "OpenRun")]
pub struct OpenRun<P = RunState> {
    /// The run.
    pub run: RunId,
    /// Its task.
    pub task: String,
    /// Board of the task.
    pub board: String,
    /// Title of the task.
    pub title: String,
    /// Its profile.
    pub profile: String,
    /// State of its processes.
    #[schemars(with = "String")]
    pub state: P,
    /// Start time, epoch seconds.
    pub started_at: EpochSeconds,
    /// Last heartbeat of the worker, epoch seconds; null when there was none.
    pub last_heartbeat_at: Option<EpochSeconds>,
}

/// Shows it.
///
/// # Errors
/// A refusal or a fault.
pub async fn status(
    service: Arc<Service>,
    by: Requester,
    GetDaemon {}: GetDaemon,
) -> Result<Status, ServiceError> {
    let boards = counted(&service);
    let daemon = daemon_info(&service);
    let counts = attention::ready_and_blocked(&service);
    let host = HostFacts::of(&service, &counts).await;
    let policy = service.configuration.policy();
    let mut resources = host.resources.clone();
    let read = move |snapshot: &Snapshot<'_>| {
        resources.search = search_use(snapshot)?;
        let dispatch = DispatchSwitch::read(snapshot.connection)?;
        let runs = open_runs(snapshot)?;
        let all = store::boards::list(snapshot.connection)?;
        let all: Vec<BoardName> = all.into_iter().map(|board| board.name).collect();
        let mut waiting = attention::of_host(snapshot, &host)?;
        let (policy, counts, unusable) = (policy.as_ref(), &counts, &host.unusable);
        let facts = WaitingFacts { policy, counts, unusable };
        waiting.extend(waiting_tasks(snapshot, facts, &all, None)?);
        let attention = attention::rows(waiting);
        let paused_profiles = store::pauses::list_profiles(snapshot.connection)?;
        let paused_boards = store::pauses::list_boards(snapshot.connection)?;
        let (gc, now) = (LastGc::read(snapshot.connection)?, snapshot.now);
        Ok(Status {
            daemon,
            dispatch,
            paused_profiles,
            paused_boards,
            boards,
            runs,
            attention,
            resources,
            gc,
            now,
        })
    };
    let status = service.readers.read(by.caller, read).await;
    let Some(loss) = service.database.loss() else { return Ok(status?) };
    // What cannot be read is not the news then.
    let mut status = status.map_err(|_unread| fault_of(&loss))?;
    let cause = format!("writes are disabled: {loss}");
    let lost = Waiting::of_host(Kind::BoardLost, cause, loss.commands());
    status.attention.splice(0..0, attention::rows(vec![lost]));
    Ok(status)
}

/// Tasks by board and status.
fn counted(service: &Service) -> BTreeMap<String, BTreeMap<String, i64>> {
    let mut boards: BTreeMap<String, BTreeMap<String, i64>> = BTreeMap::new();
    for (key, count) in service.database.counts().all() {
        if key.status == TaskStatus::Archived {
            continue;
        }
        let of_board = boards.entry(key.board.to_string()).or_default();
        *of_board.entry(key.status.as_str().to_owned()).or_default() += count;
    }
    boards
}

fn open_runs(snapshot: &Snapshot<'_>) -> Result<Vec<OpenRun>, VerbError> {
    let mut runs = Vec::new();
    for run in store::runs::list_open_supervised(snapshot.connection)? {
        let task = store::tasks::get(snapshot.connection, &run.task_id)?;
        let (board, title) =
            task.map(|task| (task.board.to_string(), task.title)).unwrap_or_default();
        runs.push(OpenRun {
            run: run.id,
            task: run.task_id.to_string(),
            board,
            title,
            profile: run.profile.unwrap_or_default(),
            state: run.state,
            started_at: run.started_at,
            last_heartbeat_at: run.last_heartbeat_at,
        });
    }
    Ok(runs)
}
