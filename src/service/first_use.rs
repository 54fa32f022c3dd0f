//! `GET /v1/first_use`: who could work on a board. The agents that were found for the workers' user, by what `profiles check` asks
//! too, with what each would run and the lines that make its profile.

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::actors::apart::on_own_thread;
use crate::actors::start_inputs::StartInputs;
use crate::actors::workspace_commands::WorkspaceCommands;
use crate::config::launch::resolve;
use crate::config::settings::Profile;
use crate::config::template::Placeholder;
use crate::config::{Home, Settings};
use crate::os::host::agent::AgentLook;
use crate::os::processes::user::Account;
use crate::service::add_profile::{file_of, why_not};
use crate::service::assignees::{self, ListAssignees};
use crate::service::profiles::{FILES_TIME, ProfileInfo, profile_info};
use crate::service::{Requester, Service, ServiceError};

/// How long a snapshot of a board waits for it; a page asks again by itself.
const SNAPSHOT_TIME: Duration = Duration::from_secs(1);

/// Time limit of the process that looks as the workers' user.
const LOOK_TIME: Duration = Duration::from_secs(3);

/// Profiles that are listed.
const PROFILES_MAX: usize = 50;

/// The name under which Hermes has a profile without any in its folder of profiles.
const DEFAULT_PROFILE: &str = "default";

/// Takes no fields but the board.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GetFirstUse {
    /// Board; default: `default`.
    pub board: Option<String>,
}

/// Who could work on a board.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FirstUse {
    /// The built-in agents, those that were found first.
    pub agents: Vec<FoundAgent>,
    /// Profiles of the configuration, at most 50.
    pub profiles: Vec<UsableProfile>,
    /// Names of people.
    pub people: Vec<String>,
    /// Why `add_profile` is refused here; null when it is not.
    pub why_not: Option<String>,
}

/// A built-in launcher, and what was found of its agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FoundAgent {
    /// Name of the launcher.
    pub launcher: String,
    /// Name of the profile that `add_profile` adds.
    pub profile: String,
    /// Path of its program; null when it was not found.
    pub program: Option<String>,
    /// Command line of its workers.
    pub argv: Vec<String>,
    /// User of its workers; null: the daemon's user.
    pub user: Option<String>,
    /// Files of that user, one of which must configure `kanban mcp`; empty when the launcher configures it.
    pub mcp_entry_files: Vec<String>,
    /// Whether a profile uses it.
    pub is_configured: bool,
    /// Lines of the configuration that make the profile.
    pub config: String,
    /// File for these lines.
    pub file: String,
}

/// A profile, as far as its use goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UsableProfile {
    /// Name.
    pub name: String,
    /// Command line of its workers.
    pub argv: Vec<String>,
    /// Why it cannot start a worker.
    pub problem: Option<String>,
}

/// Finds out who could work on a board.
///
/// # Errors
/// A refusal, a fault, or files that are not read in time.
pub async fn first_use(
    service: Arc<Service>,
    by: Requester,
    query: GetFirstUse,
) -> Result<FirstUse, ServiceError> {
    let asked = ListAssignees { board: query.board };
    let assignees = assignees::list(Arc::clone(&service), by, asked).await?;
    let people = assignees.into_iter().filter(|one| one.kind == "person").map(|one| one.name);
    let people = people.collect();
    let found = look(&service, |finder| (finder.agents(), finder.profiles())).await?;
    let (agents, profiles) = found;
    Ok(FirstUse { agents, profiles, people, why_not: why_not(&service) })
}

/// The same for the snapshot of a board, which does not wait for it long.
pub async fn of_snapshot(service: &Arc<Service>, by: Requester, board: &str) -> Option<FirstUse> {
    let query = GetFirstUse { board: Some(board.to_owned()) };
    let found = first_use(Arc::clone(service), by, query);
    tokio::time::timeout(SNAPSHOT_TIME, found).await.ok()?.ok()
}

/// What was found of the agent of a built-in launcher; none when there is no such launcher.
///
/// # Errors
/// Files that are not read in time.
pub(super) async fn agent(
    service: &Arc<Service>,
    launcher: String,
) -> Result<Option<FoundAgent>, ServiceError> {
    look(service, move |finder| finder.agent(&launcher)).await
}

/// The built-in launchers that start a program of their own.
pub fn built_in() -> Vec<String> {
    let launchers = Settings::default().launchers.into_iter();
    launchers.filter(|(_, launcher)| !launcher.argv.is_empty()).map(|(name, _)| name).collect()
}

async fn look<T: Send + 'static>(
    service: &Arc<Service>,
    find: impl FnOnce(&Finder) -> T + Send + 'static,
) -> Result<T, ServiceError> {
    let finder = Finder {
        settings: service.configuration.settings(),
        start_inputs: Arc::clone(&service.start_inputs),
        commands: service.workspace_commands.clone(),
        home: service.reloader.home.clone(),
    };
    let found = on_own_thread("agents", move || find(&finder));
    match tokio::time::timeout(FILES_TIME, found).await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) => {
            let (purpose, detail) = ("looks for agents", error.to_string());
            Err(ServiceError::NoThread { purpose, detail })
        }
        Err(_elapsed) => Err(ServiceError::NotInTime { seconds: FILES_TIME.as_secs() }),
    }
}

/// Looks for agents. Waits for files, and for processes of the workers' user.
struct Finder {
    settings: Arc<Settings>,
    start_inputs: Arc<StartInputs>,
    commands: WorkspaceCommands,
    home: Home,
}

impl Finder {
    fn agents(&self) -> Vec<FoundAgent> {
        let mut found: Vec<FoundAgent> =
            built_in().iter().filter_map(|launcher| self.agent(launcher)).collect();
        found.sort_by_key(|agent| agent.program.is_none());
        found
    }

    fn agent(&self, launcher: &str) -> Option<FoundAgent> {
        if !built_in().iter().any(|name| name == launcher) {
            return None;
        }
        let (profile, settings) = with_profile(&self.settings, launcher);
        let info = profile_info(&profile, &settings, &self.start_inputs);
        let config = lines_of(&profile, launcher);
        let is_configured = self.settings.profiles.contains_key(&profile)
            || self.settings.profiles.values().any(|of| of.launcher.as_deref() == Some(launcher));
        Some(FoundAgent {
            launcher: launcher.to_owned(),
            file: file_of(&self.home, &profile).display().to_string(),
            program: self.program(&info),
            profile,
            argv: info.argv,
            user: info.user,
            mcp_entry_files: info.mcp_entry_files,
            is_configured,
            config,
        })
    }

    /// The program as the workers' user finds it. Where that is another one, it is asked for what the daemon may not see.
    fn program(&self, info: &ProfileInfo) -> Option<String> {
        let user = info.user.as_deref();
        if info.program.is_some() || user.is_none() {
            return info.program.clone();
        }
        let account = user.and_then(|name| Account::named(name).ok().flatten())?;
        let program = info.argv.first()?;
        let words =
            ["agent", "--program", program, "--search-path", &info.path, "--profile", &info.name];
        let printed = self.commands.run(Some(&account), &words, LOOK_TIME).ok()?;
        serde_json::from_str::<AgentLook>(&printed).ok()?.program
    }

    fn profiles(&self) -> Vec<UsableProfile> {
        let names = self.settings.profiles.keys().take(PROFILES_MAX);
        names
            .map(|name| {
                let ProfileInfo { name, argv, problem, .. } =
                    profile_info(name, &self.settings, &self.start_inputs);
                UsableProfile { name, argv, problem }
            })
            .collect()
    }
}

/// The profile that a launcher would get, and the settings with it.
pub fn with_profile(settings: &Settings, launcher: &str) -> (String, Settings) {
    let mut settings = settings.clone();
    let mut add = |name: &str| {
        let profile = Profile { launcher: Some(launcher.to_owned()), ..Profile::default() };
        settings.profiles.insert(name.to_owned(), profile);
    };
    add(launcher);
    // An agent that looks the assignee up among profiles of its own has one with this name.
    let takes_name = resolve(launcher, &settings)
        .is_ok_and(|resolution| resolution.takes(Placeholder::Assignee));
    if !takes_name {
        return (launcher.to_owned(), settings);
    }
    settings.profiles.remove(launcher);
    let profile = Profile { launcher: Some(launcher.to_owned()), ..Profile::default() };
    settings.profiles.insert(DEFAULT_PROFILE.to_owned(), profile);
    (DEFAULT_PROFILE.to_owned(), settings)
}

/// The lines that make a profile.
pub fn lines_of(profile: &str, launcher: &str) -> String {
    format!("[profiles.{profile}]\nlauncher = \"{launcher}\"\n")
}
