//! `GET /v1/profiles`: what each profile amounts to, and what its workers would be started with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::actors::apart::on_own_thread;
use crate::actors::group_limits::group_limits;
use crate::actors::launcher::Launcher;
use crate::config::Settings;
use crate::config::launch::{Resolution, resolve};
use crate::config::render::{LaunchInput, Rendered, render};
use crate::config::secrets::{Rule, redactions, set_by_profile};
use crate::config::settings::Profile;
use crate::config::template::Placeholder;
use crate::config::worker_environment::{RunVariables, WorkerEnvironment, worker_environment};
use crate::os::run_files::env_file;
use crate::service::{Requester, Service, ServiceError};

/// How long a request waits for files of the configuration, which may be on a disk that does not answer.
pub(super) const FILES_TIME: Duration = Duration::from_secs(5);

/// Lists profiles.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ListProfiles {
    /// Only this one; an assignee without a profile is told with what the default launcher does for it.
    pub name: Option<String>,
}

/// A profile as the configuration has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProfileInfo {
    /// Name.
    pub name: String,
    /// Its launcher.
    pub launcher: String,
    /// `report` or `exit`.
    pub verdict: String,
    /// What would be run.
    pub argv: Vec<String>,
    /// Open runs at most, when it has a cap.
    pub max_running: Option<u32>,
    /// Its program, when it was found.
    pub program: Option<String>,
    /// Why nothing can be started under it.
    pub problem: Option<String>,
    /// Limits of its runs that nothing enforces on this host.
    #[serde(default)]
    pub not_enforced: Vec<String>,
    /// Directory that its workers start in; none = the workspace of their task.
    #[serde(default)]
    pub working_directory: Option<String>,
    /// User that its workers run as; none = the daemon's.
    #[serde(default)]
    pub user: Option<String>,
    /// Names of the variables of its workers, in order.
    #[serde(default)]
    pub env: Vec<String>,
    /// Variables whose values are redacted in logs.
    #[serde(default)]
    pub redacts: Vec<RedactedVariable>,
    /// Where its workers' programs are looked for.
    #[serde(default)]
    pub path: String,
    /// What a task may ask of its workers: `model`, `effort`, `args`.
    #[serde(default)]
    pub takes: Vec<String>,
    /// Whether a session that ended without a verdict is gone on with.
    #[serde(default)]
    pub can_resume: bool,
    /// Arguments with which the program tells its version; empty when it is not to be asked.
    #[serde(default)]
    pub version_argv: Vec<String>,
    /// Files of the workers' user, of which one must have the entry of `kanban mcp`; empty when the launcher sees to it.
    #[serde(default)]
    pub mcp_entry_files: Vec<String>,
}

/// A variable whose value is redacted in logs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RedactedVariable {
    /// Its name.
    pub name: String,
    /// `name`: its name denotes a secret; `credentials`: it is a URL with credentials; `value`: the profile sets it, and it is no path,
    /// locale, URL, number or boolean; `token`: it names the file with the run's token.
    pub reason: String,
}

/// Lists them.
///
/// # Errors
/// Their files are not read in time.
pub async fn list(
    service: Arc<Service>,
    _by: Requester,
    query: ListProfiles,
) -> Result<Vec<ProfileInfo>, ServiceError> {
    let names = match query.name {
        Some(name) => vec![name],
        None => service.configuration.settings().profiles.keys().cloned().collect(),
    };
    profile_infos(&service.launcher, names).await
}

/// What profiles amount to. Their files may be on a disk that does not answer, so a thread of its own reads them.
///
/// # Errors
/// They are not read in time.
pub async fn profile_infos(
    launcher: &Arc<Launcher>,
    names: Vec<String>,
) -> Result<Vec<ProfileInfo>, ServiceError> {
    let launcher = Arc::clone(launcher);
    let settings = launcher.supervision.configuration.settings();
    let look = on_own_thread("profiles", move || {
        names.iter().map(|name| profile_info(name, &settings, &launcher)).collect()
    });
    match tokio::time::timeout(FILES_TIME, look).await {
        Ok(Ok(infos)) => Ok(infos),
        Ok(Err(error)) => {
            let (purpose, detail) = ("reads the files of the profiles", error.to_string());
            Err(ServiceError::NoThread { purpose, detail })
        }
        Err(_elapsed) => Err(ServiceError::NotInTime { seconds: FILES_TIME.as_secs() }),
    }
}

/// The command of a worker, with placeholders where a task's values will stand.
pub fn would_run(assignee: &str, settings: &Settings, launcher: &Launcher) -> Vec<String> {
    resolve(assignee, settings)
        .map(|resolution| sample(assignee, &resolution, launcher).argv)
        .unwrap_or_default()
}

fn sample(assignee: &str, resolution: &Resolution, launcher: &Launcher) -> Rendered {
    let no_profile = Profile::default();
    let profile = resolution.profile.as_ref().unwrap_or(&no_profile);
    let input = LaunchInput {
        task: "<task>",
        assignee,
        workspace: "<workspace>",
        prompt: "work kanban task <task>",
        skills: &[],
        model: profile.model.as_deref(),
        effort: profile.effort.as_deref(),
        args: &profile.args,
        kanban: &launcher.supervision.paths.kanban(),
        socket: &launcher.supervision.paths.worker_socket.to_string_lossy(),
        guidance: "<guidance>",
        session: "<session>",
        is_resume: false,
    };
    render(resolution, &input)
}

/// What a profile amounts to. Reads its files.
fn profile_info(name: &str, settings: &Settings, launcher: &Launcher) -> ProfileInfo {
    let profile = settings.profiles.get(name);
    let user = launcher.worker_user(name);
    let info = ProfileInfo {
        name: name.to_owned(),
        max_running: profile.and_then(|profile| profile.max_running),
        not_enforced: launcher
            .supervision
            .containment
            .get()
            .not_enforced(&group_limits(settings, profile)),
        user: user.clone().ok().flatten(),
        working_directory: profile
            .and_then(|profile| profile.working_directory.as_ref())
            .map(|path| path.to_string_lossy().into_owned()),
        ..ProfileInfo::default()
    };
    let resolution = match resolve(name, settings) {
        Ok(resolution) => resolution,
        Err(error) => return ProfileInfo { problem: Some(error.to_string()), ..info },
    };
    let Rendered { argv, mut env } = sample(name, &resolution, launcher);
    let env_file = profile.and_then(|profile| profile.env_file.as_deref());
    let (of_file, file_problem) = match env_file.map(env_file::read) {
        Some(Ok(found)) => (found, None),
        Some(Err(error)) => (BTreeMap::new(), Some(error.to_string())),
        None => (BTreeMap::new(), None),
    };
    env.extend(of_file.clone());
    let env = variables(env, profile, settings, launcher, resolution.launcher.hermes_env);
    let path = env.get("PATH").cloned().unwrap_or_default();
    let program = argv.first().and_then(|program| find_program(program, &path));
    let problem = match (&program, argv.first()) {
        (None, Some(program)) => Some(format!("program `{program}` was not found")),
        (Some(_), _) | (None, None) => user.err().or(file_problem),
    };
    let options = [
        ("model", Placeholder::Model),
        ("effort", Placeholder::Effort),
        ("args", Placeholder::Args),
    ];
    let takes = options.iter().filter(|(_, placeholder)| resolution.takes(*placeholder));
    let files = resolution.launcher.mcp_entry_files.iter();
    ProfileInfo {
        takes: takes.map(|(option, _)| (*option).to_owned()).collect(),
        can_resume: resolution.can_resume(),
        mcp_entry_files: files.map(|file| file.render(|_| name)).collect(),
        version_argv: resolution.launcher.version_argv,
        launcher: resolution.launcher_name,
        verdict: resolution.launcher.verdict.as_str().to_owned(),
        argv,
        program: program.map(|path| path.to_string_lossy().into_owned()),
        problem,
        redacts: redacts(&env, &of_file, profile),
        env: env.into_keys().collect(),
        path,
        ..info
    }
}

/// The variables of a worker, as far as they are known before there is a task.
fn variables(
    launcher_env: BTreeMap<String, String>,
    profile: Option<&Profile>,
    settings: &Settings,
    launcher: &Launcher,
    hermes_env: bool,
) -> BTreeMap<String, String> {
    let mut own = launcher_env;
    own.extend(profile.iter().flat_map(|profile| profile.env.0.clone()));
    worker_environment(&WorkerEnvironment {
        daemon: &launcher.daemon_env,
        pass_env: &settings.supervision.pass_env,
        user: None,
        profile_env: &own,
        run: RunVariables {
            task: "",
            run_id: 0,
            workspace: "",
            board: "",
            profile: "",
            tenant: None,
            socket: "",
            token_file: "",
        },
        hermes_env,
        kanban_dir: launcher.supervision.paths.kanban_dir.as_deref(),
    })
}

/// The variables that are redacted, by the same rule as at launch.
fn redacts(
    env: &BTreeMap<String, String>,
    of_file: &BTreeMap<String, String>,
    profile: Option<&Profile>,
) -> Vec<RedactedVariable> {
    let profile = profile.cloned().unwrap_or_default();
    let set = set_by_profile(of_file, &profile.env.0);
    let rule = Rule { of_profile: &set, public: &profile.env_public };
    let of_rule = redactions(env, rule).into_iter();
    let of_rule = of_rule.map(|(name, reason)| (name, reason.as_str()));
    of_rule
        .chain([("KANBAN_TOKEN_FILE".to_owned(), "token")])
        .map(|(name, reason)| RedactedVariable { name, reason: reason.to_owned() })
        .collect()
}

/// Where the system would find a program, as execvp(3) looks for it.
fn find_program(program: &str, path: &str) -> Option<PathBuf> {
    let is_program = |path: &Path| crate::os::files::is_executable_file(path);
    if program.contains('/') {
        return Some(PathBuf::from(program)).filter(|path| is_program(path));
    }
    std::env::split_paths(path).map(|folder| folder.join(program)).find(|path| is_program(path))
}
