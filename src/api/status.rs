//! `GET /v1/status`: how everything stands, small enough for one screen.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::actors::board_loss::fault_of;
use crate::api::Api;
use crate::api::daemon::{DaemonInfo, daemon_info};
use crate::api::operations::{Answer, Call, GetDaemon, json};
use crate::api::operator::operators_only;
use crate::api::resources::{self, Resources, resources, search_use};
use crate::kernel::error::VerbError;
use crate::kernel::ids::{BoardName, EpochSeconds, RunId};
use crate::kernel::queries::{ListTasks, Query as _, Snapshot};
use crate::kernel::run::RunState;
use crate::kernel::store;
use crate::kernel::task::TaskStatus;
use crate::kernel::verbs::DispatchSwitch;

/// Tasks that are named of those of a board that need a person; the rest is counted.
const NAMED_MAX: u32 = 10;

/// What is told before what can run out.
const URGENT: [&str; 2] = ["unkillable", "disk"];

/// How everything stands.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// The daemon.
    pub daemon: DaemonInfo,
    /// Whether the board starts anything.
    pub dispatch: DispatchSwitch,
    /// Tasks by board and status; archived ones and empty statuses are left out.
    pub boards: BTreeMap<String, BTreeMap<String, i64>>,
    /// Supervised runs whose processes may be there, oldest first.
    pub runs: Vec<OpenRun>,
    /// What needs a person, the worst first.
    pub attention: Vec<Attention>,
    /// What can run out, and what was turned away because of it.
    #[serde(default)]
    pub resources: Resources,
    /// The time of the answer, epoch seconds.
    pub now: EpochSeconds,
}

/// A supervised run that is open.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct OpenRun {
    /// The run.
    pub run: RunId,
    /// Its task.
    pub task: String,
    /// The board of that.
    pub board: String,
    /// The title of that.
    pub title: String,
    /// Its profile.
    pub profile: String,
    /// How far it is.
    #[schemars(with = "String")]
    pub state: RunState,
    /// When it began, epoch seconds.
    pub started_at: EpochSeconds,
    /// Its worker's last word that the work goes on, epoch seconds; none when there was none.
    pub last_heartbeat_at: Option<EpochSeconds>,
}

/// Something that needs a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Attention {
    /// `board_lost`, `unkillable`, `disk`, `log`, `search`, `paused`, `breaker`, `gave_up` or `blocked`.
    pub kind: String,
    /// One line about it.
    pub message: String,
    /// The command that helps.
    pub command: String,
}

impl Attention {
    pub(super) fn new(kind: &str, message: String, command: impl Into<String>) -> Self {
        Self { kind: kind.to_owned(), message, command: command.into() }
    }
}

/// Answers `GET /v1/status`.
pub fn get_status(api: Arc<Api>, call: Call) -> Answer {
    Box::pin(async move {
        let GetDaemon {} = call.input.from_query()?;
        operators_only(&call.caller, "status")?;
        let mut boards: BTreeMap<String, BTreeMap<String, i64>> = BTreeMap::new();
        let mut blocked: BTreeMap<BoardName, i64> = BTreeMap::new();
        for (key, count) in api.database.counts().all() {
            if key.status == TaskStatus::Archived {
                continue;
            }
            let of_board = boards.entry(key.board.to_string()).or_default();
            *of_board.entry(key.status.as_str().to_owned()).or_default() += count;
            if key.status == TaskStatus::Blocked {
                *blocked.entry(key.board.clone()).or_default() += count;
            }
        }
        let daemon = daemon_info(&api);
        let low_disk_bytes = api.context.low_disk_bytes();
        let mut resources = resources(&api);
        let read = move |snapshot: &Snapshot<'_>| {
            resources.search = search_use(snapshot)?;
            let dispatch = DispatchSwitch::read(snapshot.connection)?;
            let runs = open_runs(snapshot)?;
            let mut attention = attention(snapshot, &runs, dispatch, &blocked, low_disk_bytes)?;
            // What is wrong with the host comes before the tasks that wait.
            let urgent =
                attention.iter().take_while(|one| URGENT.contains(&one.kind.as_str())).count();
            let of_host = resources::attention(&resources, snapshot.now);
            attention.splice(urgent..urgent, of_host);
            Ok(Status { daemon, dispatch, boards, runs, attention, resources, now: snapshot.now })
        };
        let status = api.readers.read(call.caller, read).await;
        let Some(loss) = api.database.loss() else { return json(&status?) };
        // What cannot be read is not the news then.
        let mut status = status.map_err(|_unread| fault_of(&loss))?;
        let message = format!("writes are disabled: {loss}");
        status.attention.insert(0, Attention::new("board_lost", message, loss.commands()));
        json(&status)
    })
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
