//! What waits for a person: the inbox. `status` shows the same rows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::card::CardQuestion;
use crate::kernel::counts::CountKey;
use crate::kernel::error::VerbError;
use crate::kernel::ids::EpochSeconds;
use crate::kernel::queries::{Snapshot, WaitingFacts, waiting_tasks};
use crate::kernel::rules::inbox::{self, Kind, Named, Row, Waiting};
use crate::kernel::run::RunState;
use crate::kernel::store;
use crate::kernel::task::TaskStatus;
use crate::kernel::verbs::DispatchSwitch;
use crate::service::notify_attention::{self, NotifyFacts};
use crate::service::profiles::profile_infos;
use crate::service::resources::{self, Resources, search_use};
use crate::service::{Requester, Service, ServiceError};

/// How long the inbox waits for the files of profiles.
const PROFILES_PATIENCE: Duration = Duration::from_secs(1);

/// Which part of the inbox.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ListAttention {
    /// Board; default: every board.
    pub board: Option<String>,
    /// Only tasks that this person or profile has, has created or reviews; nothing of the host.
    pub name: Option<String>,
}

/// Something that needs a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Attention {
    /// `board_lost`, `unkillable`, `disk`, `log`, `search`, `paused`, `breaker`, `channel_broken`, `courier_absent`,
    /// `dead_letters`, `gave_up`, `question`, `blocked`, `block_loop`, `held`, `handover`,
    /// `review`, `waiting_long`, `overdue`, `unassigned`, `unknown_profile`, `unusable_profile` or `own`; later releases add others.
    pub kind: String,
    /// What is asked, in one sentence.
    pub message: String,
    /// The first of the commands.
    pub command: String,
    /// The commands that finish it.
    #[serde(default)]
    pub commands: Vec<String>,
    /// Tasks that it is about, at most ten.
    #[serde(default)]
    pub tasks: Vec<AttentionTask>,
    /// Number of things with this cause.
    #[serde(default)]
    pub count: u64,
    /// Since when the first of them waits, epoch seconds.
    #[serde(default)]
    pub since: Option<EpochSeconds>,
    /// Of a breaker: its key, which resets it.
    #[serde(default)]
    pub key: Option<String>,
}

/// A task that needs a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AttentionTask {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its board.
    pub board: String,
    /// Its status.
    #[serde(default)]
    pub status: String,
    /// The question that waits for its answer, with its whole text.
    #[serde(default)]
    pub question: Option<CardQuestion>,
}

impl From<Row> for Attention {
    fn from(row: Row) -> Self {
        let Row { kind, message, tasks, count, since, commands, key } = row;
        let task = |Named { id, title, board, status, question }| {
            let status = status.as_str().to_owned();
            AttentionTask { id, title, board, status, question }
        };
        Self {
            kind: kind.as_str().to_owned(),
            message,
            command: commands.first().cloned().unwrap_or_default(),
            commands,
            tasks: tasks.into_iter().map(task).collect(),
            count,
            since,
            key,
        }
    }
}

/// What is known of the host, apart from any snapshot.
#[derive(Debug, Clone)]
pub struct HostFacts {
    /// Free bytes of the disk, when those are too few to start anything.
    pub low_disk_bytes: Option<u64>,
    /// Limited resources, without the search index.
    pub resources: Resources,
    /// Profiles with ready tasks whose workers cannot be started here, with the reason.
    pub unusable: BTreeMap<String, String>,
    /// What is known of notifications.
    pub notify: NotifyFacts,
}

impl HostFacts {
    /// Those of now. `counts` has the ready tasks.
    pub async fn of(service: &Service, counts: &BTreeMap<CountKey, i64>) -> Self {
        Self {
            low_disk_bytes: service.disk.low_bytes(),
            resources: resources::resources(service),
            unusable: unusable_profiles(service, counts).await,
            notify: NotifyFacts::of(service),
        }
    }
}

/// Profiles with ready tasks whose workers cannot be started here, with the reason. None where their files are on a disk that does
/// not answer: the inbox comes without them then.
async fn unusable_profiles(
    service: &Service,
    counts: &BTreeMap<CountKey, i64>,
) -> BTreeMap<String, String> {
    let settings = service.configuration.settings();
    let has_ready = |name: &&String| {
        let is_of = |(key, count): (&CountKey, &i64)| {
            key.status == TaskStatus::Ready && *count > 0 && key.assignee.as_ref() == Some(*name)
        };
        counts.iter().any(is_of)
    };
    let names: Vec<String> = settings.profiles.keys().filter(has_ready).cloned().collect();
    if names.is_empty() {
        return BTreeMap::new();
    }
    let look = profile_infos(&service.start_inputs, names);
    match tokio::time::timeout(PROFILES_PATIENCE, look).await {
        Ok(Ok(infos)) => {
            infos.into_iter().filter_map(|info| Some((info.name, info.problem?))).collect()
        }
        Ok(Err(_)) | Err(_) => BTreeMap::new(),
    }
}

/// Lists it, worst first.
///
/// # Errors
/// A refusal or a fault.
pub async fn list(
    service: Arc<Service>,
    by: Requester,
    request: ListAttention,
) -> Result<Vec<Attention>, ServiceError> {
    let counts = ready_and_blocked(&service);
    let (host, policy) = (HostFacts::of(&service, &counts).await, service.configuration.policy());
    let lost = service.database.loss();
    let read = move |snapshot: &Snapshot<'_>| {
        let boards = match request.board.as_deref() {
            Some(board) => vec![snapshot.board(Some(board), "attention")?.name],
            None => {
                store::boards::list(snapshot.connection)?.into_iter().map(|it| it.name).collect()
            }
        };
        let name = request.name.as_deref();
        let mut waiting = match name {
            None => of_host(snapshot, &host)?,
            Some(_) => Vec::new(),
        };
        let (policy, counts, unusable) = (policy.as_ref(), &counts, &host.unusable);
        let facts = WaitingFacts { policy, counts, unusable };
        waiting.extend(waiting_tasks(snapshot, facts, &boards, name)?);
        Ok(waiting)
    };
    let waiting = service.readers.read(by.caller, read).await;
    let Some(loss) = lost else { return Ok(rows(waiting?)) };
    // What cannot be read is not the news then.
    let mut waiting = waiting.unwrap_or_default();
    let cause = format!("writes are disabled: {loss}");
    waiting.push(Waiting::of_host(Kind::BoardLost, cause, loss.commands()));
    Ok(rows(waiting))
}

/// Rows as the wire has them.
pub fn rows(waiting: Vec<Waiting>) -> Vec<Attention> {
    inbox::rows(waiting).into_iter().map(Attention::from).collect()
}

/// How many tasks of each board, assignee and status are ready, blocked or in review.
pub fn ready_and_blocked(service: &Service) -> BTreeMap<CountKey, i64> {
    let waits =
        |status| matches!(status, TaskStatus::Ready | TaskStatus::Blocked | TaskStatus::Review);
    let counts = service.database.counts();
    counts.all().filter(|(key, _)| waits(key.status)).map(|(key, n)| (key.clone(), n)).collect()
}

/// What of the host needs a person.
///
/// # Errors
/// A fault of the database.
pub fn of_host(snapshot: &Snapshot<'_>, host: &HostFacts) -> Result<Vec<Waiting>, VerbError> {
    let mut found = Vec::new();
    for run in store::runs::list_open_supervised(snapshot.connection)? {
        if run.state == RunState::Unkillable {
            let cause = format!("the processes of run {} cannot be killed", run.id);
            let task = store::tasks::get(snapshot.connection, &run.task_id)?;
            let named =
                task.map(|task| Named::of(task.id.as_str(), &task.title, &task.board, task.status));
            let since = Some(run.started_at);
            found.extend(named.map(|task| Waiting::of_task(Kind::Unkillable, cause, task, since)));
        }
    }
    if let Some(free) = host.low_disk_bytes {
        let cause = format!("{} MiB free: no tasks are started", free / (1024 * 1024));
        found.push(Waiting::of_host(Kind::Disk, cause, "kanban gc"));
    }
    let mut resources = host.resources.clone();
    resources.search = search_use(snapshot)?;
    found.extend(resources::waiting(&resources, snapshot.now));
    let word = match DispatchSwitch::read(snapshot.connection)? {
        DispatchSwitch::On => None,
        DispatchSwitch::Paused => Some("paused"),
        DispatchSwitch::Draining => Some("draining"),
    };
    if let Some(word) = word {
        let cause = format!("dispatch is {word}: no tasks are started");
        found.push(Waiting::of_host(Kind::Paused, cause, "kanban resume"));
    }
    let (held, more) = store::breakers::list_held(snapshot.connection)?;
    for breaker in held {
        let (key, error) = (breaker.key.to_text(), breaker.last_error.unwrap_or_default());
        let command = format!("kanban breakers reset {key}");
        let cause = format!("the breaker {key} is open: {error}");
        let (since, key) = (breaker.opened_at, Some(key));
        found.push(Waiting { since, key, ..Waiting::of_host(Kind::Breaker, cause, command) });
    }
    if more > 0 {
        let cause = format!("{more} more workspace breakers are open");
        found.push(Waiting::of_host(Kind::Breaker, cause, "kanban breakers"));
    }
    found.extend(notify_attention::waiting(snapshot, &host.notify)?);
    Ok(found)
}
