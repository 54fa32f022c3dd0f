//! The workspace of a worker: which directory it is, what the daemon creates first, and what git does.

use std::path::{Path, PathBuf};

use super::not_launched::NotLaunched;
use crate::actors::paths::Paths;
use crate::config::Settings;
use crate::config::settings::Profile;
use crate::kernel::location::branch_of;
use crate::kernel::run::RunRole;
use crate::kernel::start_fault::FailedStep;
use crate::kernel::task::WorkspaceKind;
use crate::kernel::verbs::RunOrder;
use crate::os::run_files::directory::{RunSpec, SetupCommand, SetupSpec, WorkspaceSpec};
use crate::os::workspaces::marked::{FileIdentity, Mark, MarkKind, Workspaces};

/// A workspace of the daemon's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnWorkspace {
    /// It is the task's.
    Not,
    /// A scratch directory, to be made.
    Scratch,
    /// A worktree, to be marked before git makes it.
    Worktree {
        /// A directory in the repository.
        repository: PathBuf,
        /// The branch.
        branch: String,
    },
}

/// Where the work is done.
pub(super) struct Workspace {
    pub(super) path: PathBuf,
    pub(super) own: OwnWorkspace,
    pub(super) leased: Option<WorkspaceSpec>,
    /// Whether the worker starts there although its profile names another directory.
    pub(super) is_cwd: bool,
}

impl Workspace {
    pub(super) fn path_text(&self) -> Result<String, NotLaunched> {
        let not_text = || {
            NotLaunched::at(FailedStep::RunFiles, "the path of the workspace is not valid UTF-8")
        };
        self.path.to_str().map(ToOwned::to_owned).ok_or_else(not_text)
    }
}

/// The directory of the work. A `dir` is made by the shim, under the worker's rights, when it is missing.
pub(super) fn workspace(
    order: &RunOrder,
    paths: &Paths,
    (working_directory, branch_prefix): (Option<&Path>, &str),
) -> Result<Workspace, NotLaunched> {
    let task = &order.task;
    if let Some(broken) = &order.broken {
        let path = task.workspace_path.as_deref().unwrap_or_default();
        let message = format!("workspace: {path}: {}", broken.problem);
        return Err(NotLaunched { step: FailedStep::Workspace, message, errno: broken.errno });
    }
    match (task.workspace_kind, task.workspace_path.as_deref()) {
        (WorkspaceKind::Scratch, _) => Ok(Workspace {
            path: paths.scratch_dir(&task.id),
            own: OwnWorkspace::Scratch,
            leased: None,
            is_cwd: false,
        }),
        (WorkspaceKind::Dir, Some(path)) => {
            let path = PathBuf::from(path);
            // Without a place the shim could not tell whether it starts in the directory that was leased.
            let location = order.location.as_ref().ok_or_else(|| {
                let message = format!("workspace: cannot resolve {}", path.display());
                NotLaunched::at(FailedStep::Workspace, message)
            })?;
            let leased = Some(WorkspaceSpec {
                path: path.clone(),
                anchor: PathBuf::from(&location.anchor),
                device: location.device,
                inode: location.inode,
                missing: location.missing.clone(),
            });
            Ok(Workspace { path, own: OwnWorkspace::Not, leased, is_cwd: false })
        }
        (WorkspaceKind::Dir, None) => {
            Err(NotLaunched::at(FailedStep::Task, "workspace: a dir workspace requires a path"))
        }
        (WorkspaceKind::Worktree, path) => {
            worktree(order, paths, path, (working_directory, branch_prefix))
        }
    }
}

/// The worktree of a task: its checkout is a directory of the daemon's; where it is from is the task's path, what an earlier
/// attempt was made from, or the profile's directory.
fn worktree(
    order: &RunOrder,
    paths: &Paths,
    asked: Option<&str>,
    (working_directory, branch_prefix): (Option<&Path>, &str),
) -> Result<Workspace, NotLaunched> {
    let task = &order.task;
    let path = paths.scratch_dir(&task.id);
    let asked = asked.map(PathBuf::from).filter(|asked| *asked != path);
    let earlier = match Workspaces::open(&paths.workspaces_dir)
        .and_then(|workspaces| workspaces.mark(task.id.as_str()))
    {
        Ok(Some(Mark { kind: MarkKind::Worktree { repository, .. }, .. })) => Some(repository),
        Ok(Some(Mark { kind: MarkKind::Scratch(_), .. }) | None) => None,
        Err(error) => return Err(NotLaunched::by_own_workspace(&error)),
    };
    let is_of_profile = asked.is_none() && earlier.as_deref() == working_directory;
    let repository =
        asked.or(earlier).or_else(|| working_directory.map(Path::to_owned)).ok_or_else(|| {
            let message = "workspace: a worktree needs a repository: `worktree:PATH` names a directory in it, or else \
                           the profile's working_directory does";
            NotLaunched::at(FailedStep::Task, message)
        })?;
    let is_cwd = is_of_profile || working_directory == Some(repository.as_path());
    let new = || branch_of(branch_prefix, task.id.as_str());
    let branch = task.branch_name.clone().unwrap_or_else(new);
    let own = OwnWorkspace::Worktree { repository, branch };
    Ok(Workspace { path, own, leased: None, is_cwd })
}

/// Whether the worker reads what was changed before it: in a review, and after one.
fn reads_changes(order: &RunOrder) -> bool {
    let task = &order.task;
    order.role == RunRole::Review || (task.reviewer.is_some() && task.review_round > 1)
}

/// Has git make a worktree, by the command line's own program, for the sake of the worker's rights; then the operator's command.
pub(super) fn setup(
    workspace: &Workspace,
    paths: &Paths,
    settings: &Settings,
    (order, profile): (&RunOrder, Option<&Profile>),
) -> Option<SetupSpec> {
    let OwnWorkspace::Worktree { repository, branch } = &workspace.own else { return None };
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let mut argv = vec![
        paths.kanban(),
        "workspace".to_owned(),
        "prepare".to_owned(),
        "--repository".to_owned(),
        text(repository),
        "--path".to_owned(),
        text(&workspace.path),
        "--branch".to_owned(),
        branch.clone(),
        "--run".to_owned(),
        order.run_id.to_string(),
    ];
    if reads_changes(order) {
        argv.push("--changes".to_owned());
    }
    let of_profile = profile.and_then(|profile| profile.worktree_submodules);
    if of_profile.unwrap_or(settings.worktree.submodules) {
        argv.push("--submodules".to_owned());
    }
    let command = match profile.and_then(|profile| profile.worktree_setup.as_ref()) {
        Some(argv) => (format!("profiles.{}.worktree_setup", order.profile), argv),
        None => ("worktree.setup".to_owned(), &settings.worktree.setup),
    };
    let commands = Some(command).filter(|(_, argv)| !argv.is_empty()).map(|(setting, argv)| {
        SetupCommand { setting, argv: argv.clone(), cwd: workspace.path.clone() }
    });
    let timeout_ms = settings.workspaces.setup_timeout.as_millis();
    let timeout_ms = u64::try_from(timeout_ms).unwrap_or(u64::MAX);
    Some(SetupSpec { argv: vec![argv], timeout_ms, commands: commands.into_iter().collect() })
}

/// Does what the daemon itself has to do about a workspace, and writes into `spec` what it has made: a scratch directory, or,
/// when the worker is another user's, an empty directory for git to make its worktree in.
///
/// # Errors
/// It cannot be made or marked.
pub fn make_own(
    own: &OwnWorkspace,
    task_id: &str,
    workspaces_dir: &Path,
    spec: &mut RunSpec,
) -> std::io::Result<()> {
    let is_others = spec.user.is_some();
    let made = |workspaces: &Workspaces, identity: FileIdentity| {
        let path = workspaces.path_of(task_id);
        WorkspaceSpec {
            anchor: path.clone(),
            path,
            device: identity.device,
            inode: identity.inode,
            missing: Vec::new(),
        }
    };
    match own {
        OwnWorkspace::Not => {}
        OwnWorkspace::Scratch => {
            let workspaces = Workspaces::open(workspaces_dir)?;
            let made = made(&workspaces, workspaces.ensure_scratch(task_id)?);
            spec.handed_over = is_others.then(|| made.clone());
            spec.workspace = Some(made);
        }
        OwnWorkspace::Worktree { repository, branch } => {
            let workspaces = Workspaces::open(workspaces_dir)?;
            workspaces.mark_worktree(task_id, repository, branch)?;
            if is_others {
                // The parent is the daemon's, so git could not make it as the worker's user.
                spec.handed_over = Some(made(&workspaces, workspaces.ensure_directory(task_id)?));
            }
        }
    }
    Ok(())
}
