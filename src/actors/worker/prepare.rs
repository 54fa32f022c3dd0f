//! From a claimed run to what its shim is to start. Pure but for the names of directories that come in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use crate::config::Settings;
use crate::config::launch::{LaunchInput, Resolution, resolve};
use crate::config::secrets::secrets_of;
use crate::config::settings::{Profile, Verdict};
use crate::config::worker_environment::{RunVariables, WorkerEnvironment, worker_environment};
use crate::kernel::ids::{RunId, TaskId};
use crate::kernel::outcome::VerdictMode;
use crate::kernel::policy::Policy;
use crate::kernel::task::WorkspaceKind;
use crate::kernel::verbs::{Launch, RunOrder};
use crate::os::cgroup::Containment;
use crate::os::disk::free_bytes;
use crate::os::run_files::{GroupLimits, LimitSpec, LogSpec, RUN_FILE_VERSION, RunDir, RunSpec};

/// Where things are and how they are set, for every launch.
pub struct LaunchContext {
    /// The settings now; replaced whole when the configuration is read again.
    pub settings: RwLock<Arc<Settings>>,
    /// What of them the board's rules need.
    pub policy: RwLock<Arc<Policy>>,
    /// The home, on whose file system there must be room.
    pub home: PathBuf,
    /// Parent of the run directories.
    pub runs_dir: PathBuf,
    /// Parent of the logs.
    pub logs_dir: PathBuf,
    /// Parent of scratch workspaces.
    pub workspaces_dir: PathBuf,
    /// The daemon's own environment; workers get what the allow-list lets through.
    pub daemon_env: BTreeMap<String, String>,
    /// The socket that workers use.
    pub worker_socket: PathBuf,
    /// Directory of the `kanban` program, for the workers' `PATH`.
    pub kanban_dir: Option<PathBuf>,
    /// The life of the database that the runs belong to.
    pub incarnation: RwLock<String>,
    /// What holds the processes of a run together.
    pub containment: Containment,
}

impl LaunchContext {
    /// The settings now.
    pub fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What of them the board's rules need.
    pub fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.policy.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The life of the database now.
    pub fn incarnation(&self) -> String {
        self.incarnation.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Free bytes on the disk, when that is too little to start anything. A disk that says nothing counts as having room:
    /// what cannot be written is told where it is written.
    pub fn low_disk_bytes(&self) -> Option<u64> {
        let free = free_bytes(&self.home).ok()?;
        (free < self.settings().disk.min_free_bytes).then_some(free)
    }

    /// The directory of a run.
    pub fn run_dir(&self, run_id: RunId) -> RunDir {
        RunDir::new(self.runs_dir.join(run_id.to_string()))
    }

    /// The log of a run.
    pub fn log_path(&self, task_id: &TaskId, run_id: RunId) -> PathBuf {
        self.logs_dir.join(task_id.as_str()).join(format!("{run_id}.log"))
    }

    /// The scratch workspace of a task.
    pub fn scratch_dir(&self, task_id: &TaskId) -> PathBuf {
        self.workspaces_dir.join(task_id.as_str())
    }
}

/// Random words of one start.
pub struct StartWords {
    /// See [`RunSpec::nonce`].
    pub nonce: String,
    /// The run's token.
    pub token: String,
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
}

/// Prepares the launch of a claimed run.
///
/// # Errors
/// One line that says why nothing can be started; the run ends `spawn_failed` with it.
pub fn prepare(
    order: &RunOrder,
    context: &LaunchContext,
    words: &StartWords,
) -> Result<Prepared, String> {
    let settings = context.settings();
    let task = &order.task;
    let resolution = resolve(&order.profile, &settings).map_err(|error| error.to_string())?;
    let (workspace, create_cwd) = workspace(order, context)?;
    let workspace_text =
        workspace.to_str().ok_or("the path of the workspace is not UTF-8")?.to_owned();
    let skills = task.skills.clone().unwrap_or_default();
    let prompt = format!("work kanban task {}", task.id);
    let argv = resolution.render(&LaunchInput {
        task: task.id.as_str(),
        assignee: &order.profile,
        workspace: &workspace_text,
        prompt: &prompt,
        skills: &skills,
    });
    let env = environment(order, context, &settings, &resolution, &workspace_text);
    let group_limits = group_limits(&settings, resolution.profile.as_ref());
    let redact = secrets_of(&env);
    let profile = resolution.profile.unwrap_or_default();
    let supervision = &settings.supervision;
    let log_path = context.log_path(&task.id, order.run_id);
    let mut make_dirs: Vec<PathBuf> = log_path.parent().map(Path::to_owned).into_iter().collect();
    if task.workspace_kind == WorkspaceKind::Scratch {
        make_dirs.push(workspace.clone());
    }
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
        argv: argv.clone(),
        env,
        cwd: profile.working_directory.unwrap_or(workspace),
        create_cwd,
        log: LogSpec {
            path: log_path,
            head_bytes: supervision.log_head_bytes,
            tail_bytes: supervision.log_tail_bytes,
            pace_bytes_per_second: supervision.log_pace_bytes_per_second,
            redact,
        },
        limits: LimitSpec {
            max_runtime_ms: order
                .max_runtime_seconds
                .and_then(|seconds| u64::try_from(seconds).ok())
                .map(|seconds| seconds.saturating_mul(1000)),
            grace_ms: u64::try_from(supervision.grace.as_millis()).unwrap_or(u64::MAX),
            umask: profile.umask,
            rlimits: profile.rlimits,
        },
        containment: context.containment.of_run(order.run_id, &group_limits),
    };
    let launch = Launch {
        workspace_path: workspace_text,
        argv,
        containment: Some(context.containment.mode().to_owned()),
        not_enforced: context.containment.not_enforced(&group_limits),
    };
    Ok(Prepared { spec, launch, verdict_mode, make_dirs })
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
    workspace: &str,
) -> BTreeMap<String, String> {
    let task = &order.task;
    let no_variables = BTreeMap::new();
    let profile_env = resolution.profile.as_ref().map_or(&no_variables, |profile| &profile.env.0);
    worker_environment(&WorkerEnvironment {
        daemon: &context.daemon_env,
        pass_env: &settings.supervision.pass_env,
        user: None,
        profile_env,
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

/// The directory of the work, and whether the shim makes it (under the worker's rights) when it is missing.
fn workspace(order: &RunOrder, context: &LaunchContext) -> Result<(PathBuf, bool), String> {
    let task = &order.task;
    match (task.workspace_kind, task.workspace_path.as_deref()) {
        (WorkspaceKind::Scratch, _) => Ok((context.scratch_dir(&task.id), false)),
        (WorkspaceKind::Dir, Some(path)) => Ok((PathBuf::from(path), true)),
        (WorkspaceKind::Worktree, Some(path)) => Ok((PathBuf::from(path), false)),
        (WorkspaceKind::Dir | WorkspaceKind::Worktree, None) => {
            Err(format!("workspace: a {} workspace needs a path", task.workspace_kind.as_str()))
        }
    }
}

/// Reads back the mode that [`prepare`] wrote into a spec.
pub fn verdict_mode_of(spec: &RunSpec) -> VerdictMode {
    if spec.verdict == VerdictMode::Exit.as_str() { VerdictMode::Exit } else { VerdictMode::Report }
}
