//! From a claimed run to what its shim is to start. Pure but for the names of directories that come in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::asking::{Asked, rendered, session};
use super::launch_context::LaunchContext;
use super::launching::NotLaunched;
use crate::actors::live_runs::TokenDigest;
use crate::config::Settings;
use crate::config::launch::{Resolution, resolve};
use crate::config::render::Rendered;
use crate::config::secrets::{Rule, secrets_of, set_by_profile};
use crate::config::settings::{Profile, Verdict};
use crate::config::worker_environment::{
    RunVariables, WorkerEnvironment, WorkerUser, worker_environment,
};
use crate::kernel::outcome::VerdictMode;
use crate::kernel::place::branch_of;
use crate::kernel::start_fault::FailedStep;
use crate::kernel::task::WorkspaceKind;
use crate::kernel::verbs::{Launch, LaunchFooting, RunOrder};
use crate::os::processes::user::Account;
use crate::os::run_files::directory::{
    GroupLimits, LimitSpec, LogSpec, RUN_FILE_VERSION, RunSpec, SetupCommand, SetupSpec,
    WorkspaceSpec,
};
use crate::os::workspaces::marked::{FileIdentity, Mark, MarkKind, Workspaces};

/// Random words of one start.
pub struct StartWords {
    /// See [`RunSpec::nonce`].
    pub nonce: String,
    /// The run's token.
    pub token: String,
    /// Id for a new session of the agent.
    pub session: String,
}

/// A launch that is ready to go.
pub struct Prepared {
    /// For the shim.
    pub spec: RunSpec,
    /// For the run's row.
    pub launch: Launch,
    /// How its worker reports.
    pub verdict_mode: VerdictMode,
    /// Directories that the daemon makes first.
    pub make_dirs: Vec<PathBuf>,
    /// What the daemon does about the workspace first.
    pub own: OwnWorkspace,
}

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
struct Workspace {
    path: PathBuf,
    own: OwnWorkspace,
    leased: Option<WorkspaceSpec>,
    /// Whether the worker starts there although its profile names another directory.
    is_cwd: bool,
}

impl Workspace {
    fn path_text(&self) -> Result<String, NotLaunched> {
        let not_text =
            || NotLaunched::at(FailedStep::RunFiles, "the path of the workspace is not UTF-8");
        self.path.to_str().map(ToOwned::to_owned).ok_or_else(not_text)
    }
}

/// Prepares the launch of a claimed run. `file_env` is what stands in the profile's `env_file`.
///
/// # Errors
/// Why nothing can be started; the run ends `spawn_failed` with it.
pub fn prepare(
    order: &RunOrder,
    context: &LaunchContext,
    words: &StartWords,
    user: Option<&Account>,
    file_env: &BTreeMap<String, String>,
) -> Result<Prepared, NotLaunched> {
    let settings = context.settings();
    let task = &order.task;
    let resolution = resolve(&order.profile, &settings)
        .map_err(|error| NotLaunched::at(FailedStep::Profile, error.to_string()))?;
    let working_directory =
        resolution.profile.as_ref().and_then(|profile| profile.working_directory.clone());
    let workspace = workspace(order, context, working_directory.as_deref())?;
    let workspace_text = workspace.path_text()?;
    let asked = Asked::of(order, &resolution)?;
    let Rendered { argv, mut env } =
        rendered(order, context, words, &resolution, (&workspace_text, &asked));
    env.extend(file_env.clone());
    let env = environment(order, context, &settings, &resolution, (&workspace_text, env), user);
    let (session, resumed_run_id) = session(order, &resolution, words);
    let containment = context.containment();
    let group_limits = group_limits(&settings, resolution.profile.as_ref());
    let redact = secrets(&env, file_env, &resolution, words);
    let profile = resolution.profile.clone().unwrap_or_default();
    let supervision = &settings.supervision;
    let log_path = context.log_path(&task.id, order.run_id);
    let make_dirs: Vec<PathBuf> = log_path.parent().map(Path::to_owned).into_iter().collect();
    let setup =
        setup(&workspace, context, &settings, (&order.profile, resolution.profile.as_ref()));
    let cwd = working_directory.filter(|_| !workspace.is_cwd);
    let verdict_mode = match resolution.launcher.verdict {
        Verdict::Report => VerdictMode::Report,
        Verdict::Exit => VerdictMode::Exit,
    };
    let spec = RunSpec {
        version: RUN_FILE_VERSION,
        incarnation: context.incarnation(),
        nonce: words.nonce.clone(),
        run_id: order.run_id,
        verdict: verdict_mode.as_str().to_owned(),
        session_line: resolution.launcher.session_line.clone().filter(|_| resolution.can_resume()),
        argv: argv.clone(),
        env,
        cwd: cwd.unwrap_or(workspace.path),
        create_cwd: false,
        workspace: workspace.leased,
        handed_over: None,
        user: user.map(|user| user.name.clone()),
        token: user.map(|_| words.token.clone()),
        setup,
        log: LogSpec {
            path: log_path,
            head_bytes: supervision.log_head_bytes,
            tail_bytes: supervision.log_tail_bytes,
            pace_bytes_per_second: supervision.log_pace_bytes_per_second,
            redact,
        },
        limits: limits(order, &settings, profile),
        containment: containment.of_run(order.run_id, &group_limits),
    };
    let footing = footing(&spec, verdict_mode, words);
    let launch = Launch {
        workspace_path: workspace_text,
        argv,
        containment: Some(containment.mode().to_owned()),
        not_enforced: containment.not_enforced(&group_limits),
        model: asked.model,
        effort: asked.effort,
        args: asked.args,
        session,
        resumed_run_id,
        footing,
    };
    Ok(Prepared { spec, launch, verdict_mode, make_dirs, own: workspace.own })
}

/// The secret values of a run: those of its environment, and its token.
fn secrets(
    env: &BTreeMap<String, String>,
    file_env: &BTreeMap<String, String>,
    resolution: &Resolution,
    words: &StartWords,
) -> Vec<String> {
    let profile = resolution.profile.clone().unwrap_or_default();
    let set = set_by_profile(file_env, &profile.env.0);
    let rule = Rule { of_profile: &set, public: &profile.env_public };
    let mut secrets = secrets_of(env, rule);
    secrets.push(words.token.clone());
    secrets
}

/// What the row keeps of a run, for the case that its files are lost.
fn footing(spec: &RunSpec, verdict_mode: VerdictMode, words: &StartWords) -> LaunchFooting {
    let leaf = spec.containment.as_ref().map(|groups| groups.leaf.clone());
    LaunchFooting {
        control_group: leaf.and_then(|leaf| leaf.into_os_string().into_string().ok()),
        run_as: spec.user.clone(),
        verdict_mode: Some(verdict_mode),
        token_digest: TokenDigest::of(&words.token).map(|token| token.as_str().to_owned()),
    }
}

fn limits(order: &RunOrder, settings: &Settings, profile: Profile) -> LimitSpec {
    let grace = settings.supervision.grace;
    LimitSpec {
        max_runtime_ms: order
            .max_runtime_seconds
            .and_then(|seconds| u64::try_from(seconds).ok())
            .map(|seconds| seconds.saturating_mul(1000)),
        grace_ms: u64::try_from(grace.as_millis()).unwrap_or(u64::MAX),
        umask: profile.umask,
        rlimits: profile.rlimits,
    }
}

/// The limits that the processes of a run share: the profile's own, else those that hold for all.
pub fn group_limits(settings: &Settings, profile: Option<&Profile>) -> GroupLimits {
    let supervision = &settings.supervision;
    GroupLimits {
        memory_max_bytes: profile
            .and_then(|profile| profile.memory_max_bytes)
            .or(supervision.memory_max_bytes),
        pids_max: profile.and_then(|profile| profile.pids_max).or(supervision.pids_max),
        cpu_percent: profile.and_then(|profile| profile.cpu_percent).or(supervision.cpu_percent),
    }
}

fn environment(
    order: &RunOrder,
    context: &LaunchContext,
    settings: &Settings,
    resolution: &Resolution,
    (workspace, launcher_env): (&str, BTreeMap<String, String>),
    user: Option<&Account>,
) -> BTreeMap<String, String> {
    let task = &order.task;
    let mut profile_env = launcher_env;
    let of_profile = resolution.profile.iter().flat_map(|profile| &profile.env.0);
    profile_env.extend(of_profile.map(|(name, value)| (name.clone(), value.clone())));
    worker_environment(&WorkerEnvironment {
        daemon: &context.daemon_env,
        pass_env: &settings.supervision.pass_env,
        user: user.map(|user| WorkerUser {
            name: &user.name,
            home: &user.home,
            shell: user.usable_shell(),
        }),
        profile_env: &profile_env,
        run: RunVariables {
            task: task.id.as_str(),
            run_id: order.run_id,
            workspace,
            board: task.board.as_str(),
            profile: &order.profile,
            tenant: task.tenant.as_deref(),
            socket: &context.worker_socket.to_string_lossy(),
            token_file: &context.run_dir(order.run_id).token().to_string_lossy(),
        },
        hermes_env: resolution.launcher.hermes_env,
        kanban_dir: context.kanban_dir.as_deref(),
    })
}

/// The directory of the work. A `dir` is made by the shim, under the worker's rights, when it is missing.
fn workspace(
    order: &RunOrder,
    context: &LaunchContext,
    working_directory: Option<&Path>,
) -> Result<Workspace, NotLaunched> {
    let task = &order.task;
    if let Some(broken) = &order.broken {
        let path = task.workspace_path.as_deref().unwrap_or_default();
        let message = format!("workspace: {path}: {}", broken.problem);
        return Err(NotLaunched { step: FailedStep::Workspace, message, errno: broken.errno });
    }
    match (task.workspace_kind, task.workspace_path.as_deref()) {
        (WorkspaceKind::Scratch, _) => Ok(Workspace {
            path: context.scratch_dir(&task.id),
            own: OwnWorkspace::Scratch,
            leased: None,
            is_cwd: false,
        }),
        (WorkspaceKind::Dir, Some(path)) => {
            let path = PathBuf::from(path);
            // Without a place the shim could not tell whether it starts in the directory that was leased.
            let place = order.place.as_ref().ok_or_else(|| {
                let message =
                    format!("workspace: it is not known which directory {} is", path.display());
                NotLaunched::at(FailedStep::Workspace, message)
            })?;
            let leased = Some(WorkspaceSpec {
                path: path.clone(),
                anchor: PathBuf::from(&place.anchor),
                device: place.device,
                inode: place.inode,
                missing: place.missing.clone(),
            });
            Ok(Workspace { path, own: OwnWorkspace::Not, leased, is_cwd: false })
        }
        (WorkspaceKind::Dir, None) => {
            Err(NotLaunched::at(FailedStep::Task, "workspace: a dir workspace needs a path"))
        }
        (WorkspaceKind::Worktree, path) => worktree(order, context, path, working_directory),
    }
}

/// The worktree of a task: its checkout is a directory of the daemon's; where it is from is the task's path, what an earlier
/// attempt was made from, or the profile's directory.
fn worktree(
    order: &RunOrder,
    context: &LaunchContext,
    asked: Option<&str>,
    working_directory: Option<&Path>,
) -> Result<Workspace, NotLaunched> {
    let task = &order.task;
    let path = context.scratch_dir(&task.id);
    let asked = asked.map(PathBuf::from).filter(|asked| *asked != path);
    let earlier = match Workspaces::open(&context.workspaces_dir)
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
    let new = || branch_of(&context.settings().worktree.branch_prefix, task.id.as_str());
    let branch = task.branch_name.clone().unwrap_or_else(new);
    let own = OwnWorkspace::Worktree { repository, branch };
    Ok(Workspace { path, own, leased: None, is_cwd })
}

/// Has git make a worktree, by the command line's own program, for the sake of the worker's rights; then the operator's command.
fn setup(
    workspace: &Workspace,
    context: &LaunchContext,
    settings: &Settings,
    (name, profile): (&str, Option<&Profile>),
) -> Option<SetupSpec> {
    let OwnWorkspace::Worktree { repository, branch } = &workspace.own else { return None };
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let mut argv = vec![
        context.kanban(),
        "workspace".to_owned(),
        "prepare".to_owned(),
        "--repository".to_owned(),
        text(repository),
        "--path".to_owned(),
        text(&workspace.path),
        "--branch".to_owned(),
        branch.clone(),
    ];
    let of_profile = profile.and_then(|profile| profile.worktree_submodules);
    if of_profile.unwrap_or(settings.worktree.submodules) {
        argv.push("--submodules".to_owned());
    }
    let command = match profile.and_then(|profile| profile.worktree_setup.as_ref()) {
        Some(argv) => (format!("profiles.{name}.worktree_setup"), argv),
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

/// Time that the set-up of `spec` may take.
pub fn setup_limit(spec: &RunSpec) -> std::time::Duration {
    let of_all = |setup: &SetupSpec| {
        let count = setup.argv.len().saturating_add(setup.commands.len());
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        std::time::Duration::from_millis(setup.timeout_ms.saturating_mul(count))
    };
    spec.setup.as_ref().map(of_all).unwrap_or_default()
}

/// Reads back the mode that [`prepare`] wrote into a spec.
pub fn verdict_mode_of(spec: &RunSpec) -> VerdictMode {
    if spec.verdict == VerdictMode::Exit.as_str() { VerdictMode::Exit } else { VerdictMode::Report }
}
