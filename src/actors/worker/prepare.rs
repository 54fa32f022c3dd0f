//! From a claimed run to the spec of its shim. Pure except for the names of directories passed in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::asking::{Asked, rendered, session};
use super::not_launched::NotLaunched;
use super::start_words::StartWords;
use super::workspace::{OwnWorkspace, Workspace, setup, workspace};
use super::writable::writable;
use crate::actors::group_limits::group_limits;
use crate::actors::live_runs::TokenDigest;
use crate::actors::run_views::refusal;
use crate::actors::start_inputs::StartInputs;
use crate::config::Settings;
use crate::config::launch::{Resolution, resolve};
use crate::config::render::Rendered;
use crate::config::secrets::{Rule, secrets_of, set_by_profile};
use crate::config::settings::{Profile, Supervision, Verdict};
use crate::config::worker_environment::{
    RunVariables, WorkerEnvironment, WorkerUser, worker_environment,
};
use crate::config::worker_user::no_new_privs;
use crate::kernel::outcome::VerdictMode;
use crate::kernel::start_fault::FailedStep;
use crate::kernel::verbs::{Launch, LaunchFooting, RunOrder};
use crate::os::holder::protocol::AskedView;
use crate::os::processes::user::Account;
use crate::os::run_files::directory::{LimitSpec, LogSpec, RUN_FILE_VERSION, RunSpec, SetupSpec};

/// A start that is ready to go.
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

/// Prepares the start of a claimed run. `file_env` is the content of the profile's `env_file`.
///
/// # Errors
/// Why nothing can be started; the run ends `spawn_failed` with it.
pub fn prepare(
    order: &RunOrder,
    start_inputs: &StartInputs,
    words: &StartWords,
    user: Option<&Account>,
    file_env: &BTreeMap<String, String>,
) -> Result<Prepared, NotLaunched> {
    let paths = &start_inputs.supervision.paths;
    let settings = start_inputs.supervision.configuration.settings();
    let task = &order.task;
    let resolution = resolve(&order.profile, &settings)
        .map_err(|error| NotLaunched::at(FailedStep::Profile, error.to_string()))?;
    let working_directory =
        resolution.profile.as_ref().and_then(|profile| profile.working_directory.clone());
    let workspace =
        workspace(order, paths, (working_directory.as_deref(), &settings.worktree.branch_prefix))?;
    let workspace_text = workspace.path_text()?;
    let view = view(start_inputs, order, &workspace, working_directory.as_deref())?;
    let asked = Asked::of(order, &resolution)?;
    let Rendered { argv, mut env } =
        rendered(order, start_inputs, words, &resolution, (&workspace_text, &asked));
    env.extend(file_env.clone());
    let env =
        environment(order, start_inputs, &settings, &resolution, (&workspace_text, env), user);
    let (session, resumed_run_id) = session(order, &resolution, words);
    let containment = start_inputs.supervision.containment.get();
    let group_limits = group_limits(&settings, resolution.profile.as_ref());
    let redact = secrets(&env, file_env, &resolution, words);
    let profile = resolution.profile.clone().unwrap_or_default();
    let log_path = paths.log_path(&task.id, order.run_id);
    let make_dirs: Vec<PathBuf> = log_path.parent().map(Path::to_owned).into_iter().collect();
    let setup = setup(&workspace, paths, &settings, (order, resolution.profile.as_ref()));
    let cwd = working_directory.filter(|_| !workspace.is_cwd);
    let cwd = cwd.unwrap_or_else(|| workspace.path.clone());
    let home = env.get("HOME").map(String::as_str);
    let write_only_below = writable(&profile.landlock_write, &workspace, &cwd, home);
    let verdict_mode = mode_of(resolution.launcher.verdict);
    let spec = RunSpec {
        version: RUN_FILE_VERSION,
        incarnation: start_inputs.supervision.incarnation(),
        nonce: words.nonce.clone(),
        run_id: order.run_id,
        verdict: verdict_mode.as_str().to_owned(),
        session_line: resolution.launcher.session_line.clone().filter(|_| resolution.can_resume()),
        argv: argv.clone(),
        env,
        cwd,
        create_cwd: false,
        workspace: workspace.leased,
        handed_over: None,
        user: user.map(|user| user.name.clone()),
        token: user.map(|_| words.token.clone()),
        setup,
        stdio: None,
        log: log_spec(&settings.supervision, log_path, redact),
        limits: limits(order, &settings, profile, (user.is_some(), write_only_below)),
        containment: containment.of_run(order.run_id, &group_limits),
        view,
        lease: None,
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

/// What the run sees of the machine. A start in a directory that would not be in it is refused.
fn view(
    start_inputs: &StartInputs,
    order: &RunOrder,
    workspace: &Workspace,
    working_directory: Option<&Path>,
) -> Result<Option<AskedView>, NotLaunched> {
    let view = start_inputs.supervision.view_of(&order.profile);
    let repository = match &workspace.own {
        OwnWorkspace::Worktree { repository, .. } => Some(repository.as_path()),
        OwnWorkspace::Scratch | OwnWorkspace::Not => None,
    };
    for (step, path) in [
        (FailedStep::Workspace, repository),
        (FailedStep::Workspace, Some(workspace.path.as_path())),
        // Where links on its way lead.
        (FailedStep::Workspace, workspace.leased.as_ref().map(|leased| leased.anchor.as_path())),
        (FailedStep::Profile, working_directory),
    ] {
        if let Some(why) = path.and_then(|path| refusal(view, &order.profile, path)) {
            return Err(NotLaunched::at(step, why));
        }
    }
    Ok(view)
}

/// Where and how the output of a run is kept.
fn log_spec(supervision: &Supervision, path: PathBuf, redact: Vec<String>) -> LogSpec {
    LogSpec {
        path,
        head_bytes: supervision.log_head_bytes,
        tail_bytes: supervision.log_tail_bytes,
        pace_bytes_per_second: supervision.log_pace_bytes_per_second,
        redact,
    }
}

fn mode_of(verdict: Verdict) -> VerdictMode {
    match verdict {
        Verdict::Report => VerdictMode::Report,
        Verdict::Exit => VerdictMode::Exit,
    }
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

fn limits(
    order: &RunOrder,
    settings: &Settings,
    profile: Profile,
    (is_other_user, write_only_below): (bool, Option<Vec<PathBuf>>),
) -> LimitSpec {
    let grace = settings.supervision.grace;
    LimitSpec {
        max_runtime_ms: order
            .max_runtime_seconds
            .and_then(|seconds| u64::try_from(seconds).ok())
            .map(|seconds| seconds.saturating_mul(1000)),
        grace_ms: u64::try_from(grace.as_millis()).unwrap_or(u64::MAX),
        umask: profile.umask,
        rlimits: profile.rlimits,
        // The spawner's.
        mark_bytes: None,
        no_new_privs: no_new_privs(profile.no_new_privs, is_other_user),
        write_only_below,
    }
}

fn environment(
    order: &RunOrder,
    start_inputs: &StartInputs,
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
        daemon: &start_inputs.daemon_env,
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
            role: order.role.as_str(),
            workspace,
            board: task.board.as_str(),
            profile: &order.profile,
            tenant: task.tenant.as_deref(),
            socket: &start_inputs.supervision.paths.worker_socket.to_string_lossy(),
            token_file: &start_inputs
                .supervision
                .paths
                .run_dir(order.run_id)
                .token()
                .to_string_lossy(),
        },
        hermes_env: resolution.launcher.hermes_env,
        kanban_dir: start_inputs.supervision.paths.kanban_dir.as_deref(),
    })
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
