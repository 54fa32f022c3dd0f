//! The state of everything, small enough for one screen.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::actors::board_loss::fault_of;
use crate::kernel::error::VerbError;
use crate::kernel::ids::{BoardName, EpochSeconds, RunId};
use crate::kernel::queries::{ListTasks, Query as _, Snapshot};
use crate::kernel::run::RunState;
use crate::kernel::store;
use crate::kernel::task::TaskStatus;
use crate::kernel::verbs::DispatchSwitch;
use crate::service::attention::Attention;
use crate::service::daemon::{DaemonInfo, daemon_info};
use crate::service::resources::{self, Resources, resources, search_use};
use crate::service::{GetDaemon, Requester, Service, ServiceError};

/// Tasks that are named of those of a board that need a person; the rest is counted.
const NAMED_MAX: u32 = 10;

/// What comes before limited resources.
const URGENT: [&str; 2] = ["unkillable", "disk"];

/// State of the daemon and the boards.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// The daemon.
    pub daemon: DaemonInfo,
    /// Position of the dispatch switch.
    pub dispatch: DispatchSwitch,
    /// Number of tasks by board and status, without archived tasks and empty statuses.
    pub boards: BTreeMap<String, BTreeMap<String, i64>>,
    /// Open supervised runs, oldest first.
    pub runs: Vec<OpenRun>,
    /// What needs a person, most urgent first.
    pub attention: Vec<Attention>,
    /// Limited resources and rejected requests.
    #[serde(default)]
    pub resources: Resources,
    /// Time of the reply, epoch seconds.
    pub now: EpochSeconds,
}

/// An open supervised run.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct OpenRun {
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
    pub state: RunState,
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
    let (boards, blocked) = counted(&service);
    let daemon = daemon_info(&service);
    let low_disk_bytes = service.disk.low_bytes();
    let mut resources = resources(&service);
    let read = move |snapshot: &Snapshot<'_>| {
        resources.search = search_use(snapshot)?;
        let dispatch = DispatchSwitch::read(snapshot.connection)?;
        let runs = open_runs(snapshot)?;
        let mut attention = attention(snapshot, &runs, dispatch, &blocked, low_disk_bytes)?;
        // What is wrong with the host comes before the tasks that wait.
        let urgent = attention.iter().take_while(|one| URGENT.contains(&one.kind.as_str())).count();
        let of_host = resources::attention(&resources, snapshot.now);
        attention.splice(urgent..urgent, of_host);
        Ok(Status { daemon, dispatch, boards, runs, attention, resources, now: snapshot.now })
    };
    let status = service.readers.read(by.caller, read).await;
    let Some(loss) = service.database.loss() else { return Ok(status?) };
    // What cannot be read is not the news then.
    let mut status = status.map_err(|_unread| fault_of(&loss))?;
    let message = format!("writes are disabled: {loss}");
    status.attention.insert(0, Attention::new("board_lost", message, loss.commands()));
    Ok(status)
}

/// Tasks by board and status, and how many of each board are blocked.
fn counted(
    service: &Service,
) -> (BTreeMap<String, BTreeMap<String, i64>>, BTreeMap<BoardName, i64>) {
    let mut boards: BTreeMap<String, BTreeMap<String, i64>> = BTreeMap::new();
    let mut blocked: BTreeMap<BoardName, i64> = BTreeMap::new();
    for (key, count) in service.database.counts().all() {
        if key.status == TaskStatus::Archived {
            continue;
        }
        let of_board = boards.entry(key.board.to_string()).or_default();
        *of_board.entry(key.status.as_str().to_owned()).or_default() += count;
        if key.status == TaskStatus::Blocked {
            *blocked.entry(key.board.clone()).or_default() += count;
        }
    }
    (boards, blocked)
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

fn attention(
    snapshot: &Snapshot<'_>,
    runs: &[OpenRun],
    dispatch: DispatchSwitch,
    blocked: &BTreeMap<BoardName, i64>,
    low_disk_bytes: Option<u64>,
) -> Result<Vec<Attention>, VerbError> {
    let mut found = Vec::new();
    for run in runs.iter().filter(|run| run.state == RunState::Unkillable) {
        let message = format!("the processes of run {} of {} cannot be killed", run.run, run.task);
        found.push(Attention::new("unkillable", message, format!("kanban why {}", run.task)));
    }
    if let Some(free) = low_disk_bytes {
        let message = format!("{} MiB free: no tasks are started", free / (1024 * 1024));
        found.push(Attention::new("disk", message, "kanban gc"));
    }
    let word = match dispatch {
        DispatchSwitch::On => None,
        DispatchSwitch::Paused => Some("paused"),
        DispatchSwitch::Draining => Some("draining"),
    };
    if let Some(word) = word {
        let message = format!("dispatch is {word}: no tasks are started");
        found.push(Attention::new("paused", message, "kanban resume"));
    }
    found.extend(breakers(snapshot)?);
    for (board, count) in blocked {
        found.extend(blocked_tasks(snapshot, board, *count)?);
    }
    Ok(found)
}

fn breakers(snapshot: &Snapshot<'_>) -> Result<Vec<Attention>, VerbError> {
    let (held, more) = store::breakers::list_held(snapshot.connection)?;
    let mut found: Vec<_> = held
        .into_iter()
        .map(|breaker| {
            let (key, error) = (breaker.key.to_text(), breaker.last_error.unwrap_or_default());
            let command = format!("kanban breakers reset {key}");
            Attention::new("breaker", format!("the breaker {key} is open: {error}"), command)
        })
        .collect();
    if more > 0 {
        let message = format!("{more} more workspace breakers are open");
        found.push(Attention::new("breaker", message, "kanban breakers"));
    }
    Ok(found)
}

/// The blocked tasks of a board: the first by name, the others by their number.
fn blocked_tasks(
    snapshot: &Snapshot<'_>,
    board: &BoardName,
    count: i64,
) -> Result<Vec<Attention>, VerbError> {
    let list = ListTasks {
        status: Some(TaskStatus::Blocked.as_str().to_owned()),
        limit: Some(NAMED_MAX),
        board: Some(board.to_string()),
        ..ListTasks::default()
    };
    let tasks = list.read(snapshot)?;
    let named = i64::try_from(tasks.len()).unwrap_or(i64::MAX);
    let mut found = Vec::new();
    for task in tasks {
        let is_given_up = store::runs::newest_gave_up(snapshot.connection, &task.id)?;
        let kind = if is_given_up { "gave_up" } else { "blocked" };
        let message = format!("{} {}", task.id, task.title);
        found.push(Attention::new(kind, message, format!("kanban why {}", task.id)));
    }
    if count > named {
        let message = format!("{} more tasks of {board}", count - named);
        let command = format!("kanban list --status blocked --board {board}");
        found.push(Attention::new("blocked", message, command));
    }
    Ok(found)
}
