//! What `gc` does about workspaces that are due ([`crate::kernel::retention`] says which): what becomes of each.
//!
//! Only what the daemon made can be due, and it knows that by its marks. The file system and git are asked on a thread of
//! their own, never on one that the board needs, with a time limit; what cannot be judged stays, and the report says why.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::api::Api;
use crate::api::error::ApiError;
use crate::kernel::caller::Caller;
use crate::kernel::error::Fault;
use crate::kernel::ids::TaskId;
use crate::kernel::queries::Snapshot;
use crate::kernel::retention::{Due, workspace_due};
use crate::kernel::store;
use crate::os::git::Git;
use crate::os::workspaces::{MarkKind, Removal, Workspaces};
use crate::os::worktree::{self, Inspection};

/// Time that git may take over one worktree.
const GIT_PATIENCE: Duration = Duration::from_secs(60);

/// A workspace that was due and stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeptWorkspace {
    /// Its task.
    pub task_id: String,
    /// Where it is.
    pub path: String,
    /// Why it stays.
    pub why: String,
    /// The ref of its repository in which its work was saved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saved_as: Option<String>,
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
    api: &Arc<Api>,
    caller: Caller,
    purged: Vec<TaskId>,
    dry_run: bool,
) -> Result<Swept, ApiError> {
    let retention = api.context.settings().workspaces.retention;
    let retention = i64::try_from(retention.as_secs()).unwrap_or(i64::MAX);
    let names = on_own_thread(api, |root| Workspaces::open(root)?.marked()).await?;
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
    let due = api.readers.read(caller, look).await?;
    on_own_thread(api, move |root| {
        let workspaces = Workspaces::open(root)?;
        let mut swept = Swept::default();
        for (id, unknown) in due {
            let outcome = match unknown {
                Some(why) => Err((why.to_owned(), None)),
                None => sweep_one(&workspaces, &id, dry_run),
            };
            match outcome {
                Ok(is_removed) => swept.removed += usize::from(is_removed),
                Err((why, saved_as)) => swept.kept.push(KeptWorkspace {
                    path: workspaces.path_of(id.as_str()).display().to_string(),
                    task_id: id.to_string(),
                    why,
                    saved_as,
                }),
            }
        }
        Ok(swept)
    })
    .await
}

/// Removes one workspace; false when it had gone before. Else why it stays, and where its work was saved.
fn sweep_one(
    workspaces: &Workspaces,
    id: &TaskId,
    dry_run: bool,
) -> Result<bool, (String, Option<String>)> {
    let kept = |why: String| (why, None);
    let name = id.as_str();
    let mark = workspaces.mark(name).map_err(|error| kept(error.to_string()))?;
    match mark.map(|mark| mark.kind) {
        None => Ok(false),
        Some(MarkKind::Scratch(_)) if dry_run => Ok(workspaces.path_of(name).is_dir()),
        Some(MarkKind::Scratch(_)) => match workspaces.remove_scratch(name) {
            Removal::Removed => Ok(true),
            Removal::Gone => Ok(false),
            Removal::Kept(why) => Err(kept(why)),
        },
        Some(MarkKind::Worktree { .. }) => {
            let is_removed = sweep_worktree(&workspaces.path_of(name), name, dry_run)?;
            if !dry_run {
                workspaces.remove_mark(name).map_err(|error| kept(error.to_string()))?;
            }
            Ok(is_removed)
        }
    }
}

fn sweep_worktree(
    path: &Path,
    name: &str,
    dry_run: bool,
) -> Result<bool, (String, Option<String>)> {
    let git = Git::within(GIT_PATIENCE);
    match worktree::inspect(&git, path) {
        Inspection::Gone => Ok(false),
        Inspection::Clean if dry_run => Ok(true),
        Inspection::Clean => {
            worktree::remove(&git, path).map_err(|error| (error.to_string(), None))?;
            Ok(true)
        }
        Inspection::Unknown(why) => Err((format!("its state cannot be told: {why}"), None)),
        Inspection::Dirty(status) => {
            let why = format!(
                "it has work that is not committed ({} changed, {} new)",
                status.changed, status.untracked
            );
            if dry_run {
                return Err((why, None));
            }
            match worktree::salvage(&git, path, name) {
                Ok(reference) => Err((why, Some(reference))),
                Err(error) => Err((format!("{why}, which could not be saved: {error}"), None)),
            }
        }
    }
}

/// Runs `work` on the root of the workspaces, on a thread of its own.
async fn on_own_thread<T: Send + 'static>(
    api: &Arc<Api>,
    work: impl FnOnce(&Path) -> std::io::Result<T> + Send + 'static,
) -> Result<T, ApiError> {
    let (reply, answer) = oneshot::channel();
    let root = api.context.workspaces_dir.clone();
    let fault = |detail: String| Fault::Database {
        doing: "look at the workspaces".to_owned(),
        detail,
        retryable: false,
    };
    std::thread::Builder::new()
        .name("workspaces".into())
        .spawn(move || drop(reply.send(work(&root))))
        .map_err(|error| fault(error.to_string()))?;
    let done = answer.await.map_err(|_gone| Fault::NoAnswer { part: "the workspaces" })?;
    Ok(done.map_err(|error| fault(error.to_string()))?)
}
