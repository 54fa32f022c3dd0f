//! `GET /v1/profiles`: each profile, and how its workers would be started.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::actors::apart::on_own_thread;
use crate::actors::group_limits::group_limits;
use crate::actors::handover_settings::handover_warnings;
use crate::actors::start_inputs::StartInputs;
use crate::config::Settings;
use crate::config::launch::{Resolution, resolve};
use crate::config::render::{LaunchInput, Rendered, render};
use crate::config::secrets::{Rule, redactions, set_by_profile};
use crate::config::settings::Profile;
use crate::config::template::Placeholder;
use crate::config::worker_environment::{RunVariables, WorkerEnvironment, worker_environment};
use crate::config::worker_user::missing_user;
use crate::config::worker_user::no_new_privs;
use crate::kernel::rules::review::pair;
use crate::kernel::task::NO_REVIEW;
use crate::os::failure::in_words;
use crate::os::files::find_program;
use crate::os::processes::landlock;
use crate::os::processes::user::Account;
use crate::os::run_files::env_file;
use crate::service::{Requester, Service, ServiceError};

/// How long a request waits for files of the configuration, which may be on a disk that does not answer.
pub(super) const FILES_TIME: Duration = Duration::from_secs(5);

/// Lists profiles.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ListProfiles {
    /// Only this profile; for an assignee without a profile, what the default launcher would run.
    pub name: Option<String>,
}

/// A configured profile.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProfileInfo {
    /// Name.
    pub name: String,
    /// Its launcher.
    pub launcher: String,
    /// `report` or `exit`.
    pub verdict: String,
    /// Command line.
    pub argv: Vec<String>,
    /// Maximum number of open runs, if limited.
    pub max_running: Option<u32>,
    /// Path of its program, if found.
    pub program: Option<String>,
    /// Why it cannot start a worker.
    pub problem: Option<String>,
    /// Limits that this host cannot enforce.
    #[serde(default)]
    pub not_enforced: Vec<String>,
    /// Reviewer of what it completes: a profile or `human`; null: none is configured for it.
    #[serde(default)]
    pub review: Option<String>,
    /// Working directory of its workers; null: the workspace of the task.
    #[serde(default)]
    pub working_directory: Option<String>,
    /// User of its workers; null: the daemon's user.
    #[serde(default)]
    pub user: Option<String>,
    /// Whether set-user-id programs and file capabilities give its workers no other rights.
    #[serde(default)]
    pub no_new_privs: bool,
    /// Names of the workers' environment variables, in order.
    #[serde(default)]
    pub env: Vec<String>,
    /// Environment variables whose values are redacted in logs.
    #[serde(default)]
    pub redacts: Vec<RedactedVariable>,
    /// Search path for the workers' programs.
    #[serde(default)]
    pub path: String,
    /// Options that a task can set: `model`, `effort`, `args`.
    #[serde(default)]
    pub takes: Vec<String>,
    /// Whether a session that ended without a verdict is resumed.
    #[serde(default)]
    pub can_resume: bool,
    /// Arguments that make the program print its version; empty: not checked.
    #[serde(default)]
    pub version_argv: Vec<String>,
    /// Files of the workers' user, one of which must configure `kanban mcp`; empty when the launcher configures it.
    #[serde(default)]
    pub mcp_entry_files: Vec<String>,
    /// What an operator may not expect of it, one line each.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// An environment variable whose value is redacted in logs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RedactedVariable {
    /// Its name.
    pub name: String,
    /// `name`: the name suggests a secret; `credentials`: a URL with credentials; `value`: set by the profile and not a
    /// path, locale, URL, number or boolean; `token`: the file with the run's token.
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
    profile_infos(&service.start_inputs, names).await
}

/// What profiles amount to. Their files may be on a disk that does not answer, so a thread of its own reads them.
///
/// # Errors
/// They are not read in time.
pub async fn profile_infos(
    start_inputs: &Arc<StartInputs>,
    names: Vec<String>,
) -> Result<Vec<ProfileInfo>, ServiceError> {
    let start_inputs = Arc::clone(start_inputs);
    let settings = start_inputs.supervision.configuration.settings();
    let look = on_own_thread("profiles", move || {
        names.iter().map(|name| profile_info(name, &settings, &start_inputs)).collect()
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
pub fn would_run(assignee: &str, settings: &Settings, start_inputs: &StartInputs) -> Vec<String> {
    resolve(assignee, settings)
        .map(|resolution| sample(assignee, &resolution, start_inputs).argv)
        .unwrap_or_default()
}

fn sample(assignee: &str, resolution: &Resolution, start_inputs: &StartInputs) -> Rendered {
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
        kanban: &start_inputs.supervision.paths.kanban(),
        socket: &start_inputs.supervision.paths.worker_socket.to_string_lossy(),
        guidance: "<guidance>",
        session: "<session>",
        is_resume: false,
    };
    render(resolution, &input)
}

/// What a profile amounts to. Reads its files.
pub(super) fn profile_info(
    name: &str,
    settings: &Settings,
    start_inputs: &StartInputs,
) -> ProfileInfo {
    let profile = settings.profiles.get(name);
    let (user, containment) =
        (start_inputs.worker_user(name), &start_inputs.supervision.containment);
    let info = ProfileInfo {
        name: name.to_owned(),
        max_running: profile.and_then(|profile| profile.max_running),
        not_enforced: containment.get().not_enforced(&group_limits(settings, profile)),
        user: user.clone().ok().flatten(),
        no_new_privs: no_new_privs(
            profile.and_then(|profile| profile.no_new_privs),
            matches!(user, Ok(Some(_))),
        ),
        review: profile.and_then(|profile| profile.review.clone()),
        working_directory: profile
            .and_then(|profile| profile.working_directory.as_ref())
            .map(|path| path.to_string_lossy().into_owned()),
        warnings: handover_warnings(name, settings, &start_inputs.daemon_user),
        ..ProfileInfo::default()
    };
    let resolution = match resolve(name, settings) {
        Ok(resolution) => resolution,
        Err(error) => return ProfileInfo { problem: Some(error.to_string()), ..info },
    };
    let Rendered { argv, mut env } = sample(name, &resolution, start_inputs);
    let env_file = profile.and_then(|profile| profile.env_file.as_deref());
    let (of_file, file_problem) = match env_file.map(env_file::read) {
        Some(Ok(found)) => (found, None),
        Some(Err(error)) => (BTreeMap::new(), Some(error.to_string())),
        None => (BTreeMap::new(), None),
    };
    env.extend(of_file.clone());
    let env = variables(env, profile, settings, start_inputs, resolution.launcher.hermes_env);
    let path = env.get("PATH").cloned().unwrap_or_default();
    let reviewer = info.review.as_deref().filter(|name| *name != NO_REVIEW);
    let policy = start_inputs.supervision.configuration.policy();
    let review_problem = pair(reviewer, Some(name), &policy).err().map(|fault| fault.to_string());
    let program = argv.first().and_then(|program| find_program(program, &path));
    let problem = match (&program, argv.first()) {
        (None, Some(program)) => Some(format!("program `{program}` not found")),
        (Some(_), _) | (None, None) => user
            .and_then(|user| user_problem(name, user))
            .err()
            .or(file_problem)
            .or(review_problem)
            .or_else(|| landlock_problem(profile)),
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

/// Whether the user of a profile's workers is there. Asks the user database.
fn user_problem(profile: &str, user: Option<String>) -> Result<(), String> {
    match user.as_deref().map(Account::named) {
        None | Some(Ok(Some(_))) => Ok(()),
        Some(Ok(None)) => Err(missing_user(profile, &user.unwrap_or_default())),
        Some(Err(error)) => Err(format!("cannot look up its user: {}", in_words(&error))),
    }
}

/// Why a profile's `landlock_write` keeps its workers from starting here.
fn landlock_problem(profile: Option<&Profile>) -> Option<String> {
    let is_asked = profile.is_some_and(|profile| !profile.landlock_write.is_empty());
    (is_asked && !landlock::is_supported()).then(|| {
        "landlock_write: this kernel has no Landlock (Linux 5.13, `lsm=landlock`)".to_owned()
    })
}

/// The variables of a worker, as far as they are known before there is a task.
fn variables(
    launcher_env: BTreeMap<String, String>,
    profile: Option<&Profile>,
    settings: &Settings,
    start_inputs: &StartInputs,
    hermes_env: bool,
) -> BTreeMap<String, String> {
    let mut own = launcher_env;
    own.extend(profile.iter().flat_map(|profile| profile.env.0.clone()));
    worker_environment(&WorkerEnvironment {
        daemon: &start_inputs.daemon_env,
        pass_env: &settings.supervision.pass_env,
        user: None,
        profile_env: &own,
        run: RunVariables {
            task: "",
            run_id: 0,
            workspace: "",
            board: "",
            profile: "",
            role: "",
            tenant: None,
            socket: "",
            token_file: "",
        },
        hermes_env,
        kanban_dir: start_inputs.supervision.paths.kanban_dir.as_deref(),
    })
}

/// The variables that are redacted, by the same rule as at a start.
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
