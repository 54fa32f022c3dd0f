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
use crate::os::command_as::CommandAs;
use crate::os::git::Git;
use crate::os::user::{Account, user_name};
use crate::os::workspaces::{FileIdentity, MarkKind, Removal, Workspaces};
use crate::os::worktree;

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
    let others = Others { api: Arc::clone(api) };
    on_own_thread(api, move |root| {
        let workspaces = Workspaces::open(root)?;
        let mut swept = Swept::default();
        for (id, unknown) in due {
            let outcome = match unknown {
                Some(why) => Err((why.to_owned(), None)),
                None => sweep_one(&workspaces, &others, &id, dry_run),
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

/// Why a workspace stays, and where its work was saved.
type Kept = (String, Option<String>);

#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
fn kept(why: impl ToString) -> Kept {
    (why.to_string(), None)
}

/// Removes one workspace; false when it had gone before.
fn sweep_one(
    workspaces: &Workspaces,
    others: &Others,
    id: &TaskId,
    dry_run: bool,
) -> Result<bool, Kept> {
    let name = id.as_str();
    let mark = workspaces.mark(name).map_err(kept)?;
    let owner = workspaces.other_owner(name).map_err(kept)?;
    match mark.map(|mark| mark.kind) {
        None => Ok(false),
        Some(MarkKind::Scratch(_)) if dry_run => Ok(workspaces.path_of(name).is_dir()),
        Some(MarkKind::Scratch(marked)) => {
            if let Some(owner) = owner {
                others.empty(owner, name, marked).map_err(kept)?;
                return in_words(workspaces.remove_emptied(name).map_err(kept)?);
            }
            in_words(workspaces.remove_scratch(name))
        }
        Some(MarkKind::Worktree { .. }) => {
            let path = workspaces.path_of(name);
            let swept = match owner {
                Some(owner) => others.sweep(owner, &path, name, dry_run).map_err(kept)?,
                None => worktree::sweep(&Git::within(GIT_PATIENCE), &path, name, dry_run),
            };
            match swept {
                worktree::Swept::Kept { why, saved_as } => Err((why, saved_as)),
                worktree::Swept::Removed | worktree::Swept::Gone => {
                    let is_removed = swept == worktree::Swept::Removed;
                    if !dry_run {
                        in_words(workspaces.remove_emptied(name).map_err(kept)?)?;
                    }
                    Ok(is_removed)
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

/// Workspaces of other users, which are looked at and emptied by a process of theirs.
struct Others {
    api: Arc<Api>,
}

impl Others {
    fn empty(&self, owner: u32, name: &str, marked: FileIdentity) -> Result<(), String> {
        let root = self.api.context.workspaces_dir.to_string_lossy().into_owned();
        let (device, inode) = (marked.device.to_string(), marked.inode.to_string());
        let words =
            ["empty", "--root", &root, "--name", name, "--device", &device, "--inode", &inode];
        self.run(owner, &words).map(drop)
    }

    fn sweep(
        &self,
        owner: u32,
        path: &Path,
        name: &str,
        dry_run: bool,
    ) -> Result<worktree::Swept, String> {
        let path = path.to_string_lossy().into_owned();
        let mut words = vec!["sweep", "--path", &path, "--name", name];
        if dry_run {
            words.push("--dry-run");
        }
        let told = self.run(owner, &words)?;
        serde_json::from_str(&told).map_err(|_| format!("what it is cannot be told: {told}"))
    }

    /// What `kanban workspace WORDS…` says as that user.
    fn run(&self, owner: u32, words: &[&str]) -> Result<String, String> {
        let context = &self.api.context;
        let unknown = || format!("it belongs to uid {owner}, who is nobody here");
        let name = user_name(owner).ok_or_else(unknown)?;
        let user = Account::named(&name).ok().flatten().ok_or_else(unknown)?;
        let program = match &context.kanban_dir {
            Some(dir) => dir.join("kanban").to_string_lossy().into_owned(),
            None => "kanban".to_owned(),
        };
        let mut argv = vec![program, "workspace".to_owned()];
        argv.extend(words.iter().map(|word| (*word).to_owned()));
        let path = context.daemon_env.get("PATH").cloned().unwrap_or_default();
        let env = [("PATH", path), ("HOME", user.home.clone()), ("USER", name.clone())];
        let command = CommandAs {
            spawner: &self.api.spawner,
            registry: &self.api.live_runs.shims,
            runs_dir: &context.runs_dir,
            incarnation: context.incarnation(),
        };
        let env = env.map(|(name, value)| (name.to_owned(), value)).into();
        command
            .output(&user, argv, env, GIT_PATIENCE)
            .map_err(|why| format!("it belongs to user `{name}`: {why}"))
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
