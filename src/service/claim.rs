//! Claims by hand: the workspace first, then the claim, both or neither.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::actors::apart::on_own_thread;
use crate::actors::path_looks;
use crate::kernel::error::{Fault, Refusal, VerbError};
use crate::kernel::location::{Look, branch_of};
use crate::kernel::queries::Snapshot;
use crate::kernel::task::{Task, WorkspaceKind};
use crate::kernel::verb::Verb as _;
use crate::kernel::verbs::{ClaimReply, ClaimTask, task_paths, unknown_workspace};
use crate::kernel::{store, validate};
use crate::os::workspaces::marked::{Mark, MarkKind, Workspaces};
use crate::service::error::file_fault;
use crate::service::{Requester, Service, ServiceError};

/// Claims a task. The daemon makes scratch directories; the client makes the directories and worktrees that a task names, under its
/// own rights, before it asks.
///
/// # Errors
/// A refusal or a fault.
pub async fn claim(
    service: Arc<Service>,
    by: Requester,
    mut verb: ClaimTask,
) -> Result<ClaimReply, ServiceError> {
    let asked = (verb.clone(), by.request_id.clone());
    let policy = service.configuration.policy();
    let read = move |snapshot: &Snapshot<'_>| {
        let (verb, request_id) = &asked;
        let task = snapshot.task(&verb.id, verb.board.as_deref(), ClaimTask::NAME)?;
        if is_answered(snapshot, request_id.as_deref())? {
            return Ok(None);
        }
        verb.refuse_early(snapshot.connection, &policy, &task)?;
        let paths = task_paths(snapshot.connection, &policy, &task)?;
        Ok(Some((task, paths)))
    };
    // A claim that is refused leaves nothing behind, and neither does one that was answered before.
    let Some((task, paths)) = service.readers.read(by.caller.clone(), read).await? else {
        return Ok(service.database.submit(by.submit(verb)).await?);
    };
    // The checkout of a worktree is a directory of the daemon's own, on a branch that no other task has.
    if let Some(path) = paths.workspace.filter(|_| task.workspace_kind == WorkspaceKind::Dir) {
        let profiles: Vec<String> =
            service.configuration.settings().profiles.keys().cloned().collect();
        verb.location =
            match service.looker.look_within(path_looks::PATIENCE, &path, &profiles).await {
                Look::Found(location) => Some(location),
                Look::Broken(broken) => {
                    return Err(unknown_workspace(&task, &broken.problem).into());
                }
                Look::Unknown { why } => return Err(unknown_workspace(&task, &why).into()),
            };
    }
    verb.workspace = match (task.workspace_kind, task.workspace_path.clone()) {
        (WorkspaceKind::Dir, Some(path)) => path,
        (WorkspaceKind::Dir, None) => return Err(no_path(&task).into()),
        (WorkspaceKind::Scratch | WorkspaceKind::Worktree, _) => {
            own_workspace(&service, task, &verb).await?
        }
    };
    Ok(service.database.submit(by.submit(verb)).await?)
}

/// Whether a reply was given under this request id. The database repeats it, or refuses another request of that name.
fn is_answered(snapshot: &Snapshot<'_>, request_id: Option<&str>) -> Result<bool, VerbError> {
    let Some(id) = request_id else { return Ok(false) };
    validate::request_id(id)?;
    Ok(store::requests::get(snapshot.connection, id)?.is_some())
}

fn no_path(task: &Task) -> Refusal {
    Refusal::InvalidValue {
        field: "workspace_path",
        problem: "the task names no directory",
        value: task.id.to_string(),
    }
}

fn fault(path: &Path) -> impl FnOnce(std::io::Error) -> Fault + '_ {
    move |error| file_fault(format!("create the workspace {}", path.display()), &error)
}

/// Makes or marks a workspace of the daemon's own, on a thread of its own: its file system may not answer.
async fn own_workspace(
    service: &Arc<Service>,
    task: Task,
    verb: &ClaimTask,
) -> Result<String, ServiceError> {
    let path = service.paths.scratch_dir(&task.id);
    let (service, repository, branch) =
        (Arc::clone(service), verb.repository.clone(), verb.branch.clone());
    let made = on_own_thread("claim", move || {
        crate::failpoint::hit("claim-workspace");
        match task.workspace_kind {
            WorkspaceKind::Scratch => make_scratch(&service, &task),
            WorkspaceKind::Dir | WorkspaceKind::Worktree => {
                mark_worktree(&service, &task, repository.as_deref(), branch.as_deref())
            }
        }
    });
    made.await.map_err(fault(&path))?
}

fn make_scratch(service: &Service, task: &Task) -> Result<String, ServiceError> {
    let path = service.paths.scratch_dir(&task.id);
    Workspaces::open(&service.paths.workspaces_dir)
        .and_then(|workspaces| workspaces.ensure_scratch(task.id.as_str()))
        .map_err(fault(&path))?;
    Ok(path.to_string_lossy().into_owned())
}

/// The checkout that the client has made, marked with where it is from.
fn mark_worktree(
    service: &Service,
    task: &Task,
    repository: Option<&str>,
    branch: Option<&str>,
) -> Result<String, ServiceError> {
    let path = service.paths.scratch_dir(&task.id);
    if !path.is_dir() {
        let problem = "the claimer creates the worktree first";
        let value = path.display().to_string();
        return Err(Refusal::InvalidValue { field: "workspace", problem, value }.into());
    }
    let workspaces = Workspaces::open(&service.paths.workspaces_dir).map_err(fault(&path))?;
    let earlier = match workspaces.mark(task.id.as_str()).map_err(fault(&path))? {
        Some(Mark { kind: MarkKind::Worktree { repository, .. }, .. }) => Some(repository),
        Some(Mark { kind: MarkKind::Scratch(_), .. }) | None => None,
    };
    let asked = task.workspace_path.as_deref().map(PathBuf::from).filter(|asked| *asked != path);
    let repository = repository.map(PathBuf::from).or(asked).or(earlier);
    let repository = repository.ok_or_else(|| no_path(task))?;
    let new = || branch_of(&service.configuration.policy().branch_prefix, task.id.as_str());
    let branch = branch.map(str::to_owned).or_else(|| task.branch_name.clone()).unwrap_or_else(new);
    workspaces.mark_worktree(task.id.as_str(), &repository, &branch).map_err(fault(&path))?;
    Ok(path.to_string_lossy().into_owned())
}
