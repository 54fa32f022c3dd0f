//! What `gc` does with expired workspaces ([`crate::kernel::retention`] says which).
//!
//! Only what the daemon made can be due, and it knows that by its marks. Files are looked at on a thread of their own, never on one
//! that the board needs; git never runs in the daemon or below it: `kanban workspace` does what is to be done about a worktree, as
//! the worker's user, in a tree of its own. A dry run asks the same questions and does nothing. What cannot be judged stays, and
//! the report says why.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::actors::apart::on_own_thread;
use crate::actors::workspace_commands::Bounds;
use crate::kernel::caller::Caller;
use crate::kernel::ids::TaskId;
use crate::kernel::queries::Snapshot;
use crate::kernel::retention::{Due, workspace_due};
use crate::kernel::store;
use crate::os::processes::command_as::CommandError;
use crate::os::processes::user::{Account, user_name};
use crate::os::workspaces::marked::{FileIdentity, Judgement, MarkKind, Removal, Workspaces};
use crate::os::workspaces::worktree_report::{Part, Swept as SweptWorktree};
use crate::service::error::file_fault;
use crate::service::{Service, ServiceError};

/// Time that may pass over one workspace: a large tree takes its time to be read and removed.
const WORKSPACE_PATIENCE: Duration = Duration::from_secs(10 * 60);

/// One sweep at a time: two would remove the same files.
static SWEEPING: Mutex<()> = Mutex::new(());

/// An expired workspace that was kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeptWorkspace {
    /// Its task.
    pub task_id: String,
    /// Path.
    pub path: String,
    /// Why it was kept.
    pub why: String,
    /// Ref of the repository to which its work, or the first part of it, was saved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saved_as: Option<String>,
    /// Its parts, each with where it was saved; empty in a dry run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<KeptPart>,
}

/// One part of a kept workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeptPart {
    /// Kind of content.
    pub what: String,
    /// Ref it was saved to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saved_as: Option<String>,
    /// Why all or a part of it was not saved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_saved: Option<String>,
}

impl From<Part> for KeptPart {
    fn from(Part { what, saved_as, not_saved }: Part) -> Self {
        Self { what, saved_as, not_saved }
    }
}

/// What became of the workspaces.
#[derive(Debug, Default)]
pub struct Swept {
    /// How many went, or would go.
    pub removed: usize,
    /// Those that stay.
    pub kept: Vec<KeptWorkspace>,
}

/// Sweeps the workspaces of `purged` tasks, and of tasks that have been over for the retention.
///
/// # Errors
/// The marks or the board cannot be read.
pub async fn sweep(
    service: &Arc<Service>,
    caller: Caller,
    purged: Vec<TaskId>,
    dry_run: bool,
) -> Result<Swept, ServiceError> {
    let retention = service.configuration.settings().workspaces.retention;
    let retention = i64::try_from(retention.as_secs()).unwrap_or(i64::MAX);
    let names = on_root(service, move |root| {
        let workspaces = Workspaces::open(root)?;
        if !dry_run {
            workspaces.remove_unfinished()?;
        }
        workspaces.marked()
    })
    .await?;
    let look = move |snapshot: &Snapshot<'_>| {
        let mut due = Vec::new();
        for id in names.iter().filter_map(|name| TaskId::parse(name)) {
            let standing = store::tasks::standing(snapshot.connection, &id)?;
            match workspace_due(standing.as_ref(), purged.contains(&id), snapshot.now, retention) {
                Due::No => {}
                Due::Yes => due.push((id, None)),
                Due::Unknown(why) => due.push((id, Some(why))),
            }
        }
        Ok(due)
    };
    let due = service.readers.read(caller, look).await?;
    let commands = Commands { service: Arc::clone(service) };
    on_root(service, move |root| {
        let _one_at_a_time = SWEEPING.lock().unwrap_or_else(PoisonError::into_inner);
        let workspaces = Workspaces::open(root)?;
        let mut swept = Swept::default();
        for (id, unknown) in due {
            let outcome = match unknown {
                Some(why) => Err(kept(why)),
                None => sweep_one(&workspaces, &commands, &id, dry_run),
            };
            match outcome {
                Ok(is_removed) => swept.removed += usize::from(is_removed),
                Err(Kept { why, saved_as, parts }) => swept.kept.push(KeptWorkspace {
                    path: workspaces.path_of(id.as_str()).display().to_string(),
                    task_id: id.to_string(),
                    why,
                    saved_as,
                    parts: parts.into_iter().map(KeptPart::from).collect(),
                }),
            }
        }
        Ok(swept)
    })
    .await
}

/// Why a workspace stays, and where its work was saved.
struct Kept {
    why: String,
    saved_as: Option<String>,
    parts: Vec<Part>,
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
fn kept(why: impl ToString) -> Kept {
    Kept { why: why.to_string(), saved_as: None, parts: Vec::new() }
}

/// Removes one workspace; false when it had gone before.
fn sweep_one(
    workspaces: &Workspaces,
    commands: &Commands,
    id: &TaskId,
    dry_run: bool,
) -> Result<bool, Kept> {
    let name = id.as_str();
    let mark = workspaces.mark(name).map_err(kept)?;
    let owner = workspaces.other_owner(name).map_err(kept)?;
    match (mark.map(|mark| mark.kind), owner) {
        (None, _) => Ok(false),
        (Some(MarkKind::Scratch(_)), None) if dry_run => match workspaces.judge_scratch(name) {
            Judgement::Removable => Ok(true),
            Judgement::Gone => Ok(false),
            Judgement::Kept(why) => Err(kept(why)),
        },
        (Some(MarkKind::Scratch(_)), None) => in_words(workspaces.remove_scratch(name)),
        (Some(MarkKind::Scratch(marked)), Some(owner)) => {
            commands.empty(owner, name, marked, dry_run).map_err(kept)?;
            if dry_run {
                return Ok(true);
            }
            in_words(workspaces.remove_emptied(name).map_err(kept)?)
        }
        (Some(MarkKind::Worktree { .. }), owner) => {
            let swept = commands.sweep(owner, &workspaces.path_of(name), name, dry_run);
            match swept.map_err(kept)? {
                SweptWorktree::Kept { why, saved_as, parts } => Err(Kept { why, saved_as, parts }),
                swept @ (SweptWorktree::Removed | SweptWorktree::Gone) => {
                    if !dry_run {
                        in_words(workspaces.remove_emptied(name).map_err(kept)?)?;
                    }
                    Ok(swept == SweptWorktree::Removed)
                }
            }
        }
    }
}

fn in_words(removal: Removal) -> Result<bool, Kept> {
    match removal {
        Removal::Removed => Ok(true),
        Removal::Gone => Ok(false),
        Removal::Kept(why) => Err(kept(why)),
    }
}

/// Workspaces are looked at and emptied by processes of their owners.
struct Commands {
    service: Arc<Service>,
}

impl Commands {
    /// Empties a scratch directory of another user's, or says why that cannot be done.
    fn empty(
        &self,
        owner: u32,
        name: &str,
        marked: FileIdentity,
        dry_run: bool,
    ) -> Result<(), String> {
        let root = self.service.paths.workspaces_dir.to_string_lossy().into_owned();
        let (device, inode) = (marked.device.to_string(), marked.inode.to_string());
        let words =
            ["empty", "--root", &root, "--name", name, "--device", &device, "--inode", &inode];
        self.run(Some(owner), &words, dry_run).map(drop)
    }

    fn sweep(
        &self,
        owner: Option<u32>,
        path: &Path,
        name: &str,
        dry_run: bool,
    ) -> Result<SweptWorktree, String> {
        if path.symlink_metadata().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
        {
            return Ok(SweptWorktree::Gone);
        }
        if owner.is_none() && self.service.supervision.holder.is_some() {
            let is_empty = std::fs::read_dir(path).is_ok_and(|mut all| all.next().is_none());
            return if is_empty {
                Ok(SweptWorktree::Removed)
            } else {
                Err(format!("{NOT_AS_ITSELF}; remove it by hand"))
            };
        }
        let path = path.to_string_lossy().into_owned();
        let message = self.run(owner, &["sweep", "--path", &path, "--name", name], dry_run)?;
        serde_json::from_str(&message)
            .map_err(|_| format!("cannot parse the output of `kanban workspace sweep`: {message}"))
    }

    /// What `kanban workspace WORDS…` prints as the user `owner`, as the daemon's own when there is none.
    fn run(&self, owner: Option<u32>, words: &[&str], dry_run: bool) -> Result<String, String> {
        let mut words = words.to_vec();
        words.extend(dry_run.then_some("--dry-run"));
        let bounds = Bounds::within(WORKSPACE_PATIENCE);
        match run_as_owner(&self.service, owner, &words, bounds)? {
            Ok(printed) => Ok(String::from_utf8_lossy(&printed).trim().to_owned()),
            Err(error) => Err(match owner.and_then(user_name) {
                Some(name) => format!("it belongs to user `{name}`: {error}"),
                None => error.to_string(),
            }),
        }
    }
}

/// Why nothing is done as the daemon's own user.
pub(super) const NOT_AS_ITSELF: &str =
    "it belongs to the daemon's user, and this daemon starts nothing as that user";

/// What `kanban workspace WORDS…` prints as the user `owner`, as the daemon's own when there is none.
///
/// # Errors
/// There is no such user; inside, what the command says.
pub(super) fn run_as_owner(
    service: &Service,
    owner: Option<u32>,
    words: &[&str],
    bounds: Bounds,
) -> Result<Result<Vec<u8>, CommandError>, String> {
    let user = owner.map(account).transpose()?;
    Ok(service.workspace_commands.run_within(user.as_ref(), words, bounds))
}

fn account(owner: u32) -> Result<Account, String> {
    let unknown = || format!("it belongs to uid {owner}, an unknown user");
    let name = user_name(owner).ok_or_else(unknown)?;
    Account::named(&name).ok().flatten().ok_or_else(unknown)
}

/// Runs `work` on the root of the workspaces, on a thread of its own.
async fn on_root<T: Send + 'static>(
    service: &Arc<Service>,
    work: impl FnOnce(&Path) -> std::io::Result<T> + Send + 'static,
) -> Result<T, ServiceError> {
    let root = service.paths.workspaces_dir.clone();
    let doing = format!("inspect the workspaces in {}", root.display());
    let done = on_own_thread("workspaces", move || work(&root)).await.flatten();
    Ok(done.map_err(|error| file_fault(doing, &error))?)
}
