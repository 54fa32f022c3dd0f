//! Looks for the profiles that `dispatch.default_launcher = "auto"` would start: as the user of their workers, in a process tree like
//! that of a run, on a thread of its own. What was found is a part of the policy ([`crate::kernel::rules::assignee::Found`]).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::actors::apart::on_own_thread;
use crate::actors::configuration::Configuration;
use crate::actors::live::Live;
use crate::actors::workspace_commands::WorkspaceCommands;
use crate::config::Settings;
use crate::config::launch::{ResolveError, resolve};
use crate::config::worker_environment::search_path;
use crate::config::worker_user::{DaemonUser, missing_user};
use crate::kernel::rules::assignee::ProfileLook;
use crate::os::failure::in_words;
use crate::os::host::agent::AgentLook;
use crate::os::processes::user::Account;

/// Time limit of the process that looks.
const PATIENCE: Duration = Duration::from_secs(10);

/// Looks for profiles.
#[derive(Clone)]
pub struct ProfileLooker {
    /// Runs the looks.
    pub commands: WorkspaceCommands,
    /// Whose the workers of a profile are, and where what was found is kept.
    pub configuration: Live<Configuration>,
    /// The daemon's own user.
    pub daemon_user: DaemonUser,
}

/// What a look has found.
pub struct Looked {
    name: String,
    /// The settings under which it was looked for.
    settings: Arc<Settings>,
    look: ProfileLook,
    /// Whether the program is missing; none when that was not found out.
    is_program_missing: Option<bool>,
}

impl Looked {
    /// Whether it told something.
    pub fn is_known(&self) -> bool {
        !matches!(self.look, ProfileLook::Unknown { .. })
    }
}

impl ProfileLooker {
    /// Looks for the profile `name`. Takes as long as the host does, at most ten seconds once a thread has begun.
    pub async fn look(&self, name: &str) -> Looked {
        let (looker, asked) = (self.clone(), name.to_owned());
        let settings = self.configuration.settings();
        let under = Arc::clone(&settings);
        let found = on_own_thread("profile", move || looker.look_here(&asked, &under));
        let found = found.await.unwrap_or_else(|error| Err(in_words(&error)));
        let name = name.to_owned();
        match found {
            Err(error) => {
                let look = ProfileLook::Unknown { error };
                Looked { name, settings, look, is_program_missing: None }
            }
            Ok(AgentLook { has_program, has_profile, error, program: _ }) => {
                let look = match error {
                    _ if !has_program => ProfileLook::Missing,
                    Some(error) => ProfileLook::Unknown { error },
                    None if has_profile => ProfileLook::Present,
                    None => ProfileLook::Missing,
                };
                Looked { name, settings, look, is_program_missing: Some(!has_program) }
            }
        }
    }

    /// Takes it into the policy; false when the settings are others by now.
    pub fn learn(&self, looked: &Looked) -> bool {
        let Looked { name, settings, look, is_program_missing } = looked;
        self.configuration.learn(settings, |found| {
            found.by_name.insert(name.clone(), look.clone());
            // Of a profile with settings of its own nothing follows for the other names.
            if let (Some(is_missing), false) =
                (is_program_missing, settings.profiles.contains_key(name))
            {
                found.is_program_missing = *is_missing;
            }
        })
    }

    /// Forgets what was found of `name`.
    pub fn forget(&self, name: &str) {
        let settings = self.configuration.settings();
        self.configuration.learn(&settings, |found| {
            found.by_name.remove(name);
        });
    }

    fn look_here(&self, name: &str, settings: &Settings) -> Result<AgentLook, String> {
        crate::failpoint::hit("profile-look");
        let user = self.configuration.worker_user(&self.daemon_user, name)?;
        let account = match user.as_deref().map(Account::named) {
            None => None,
            Some(Ok(Some(account))) => Some(account),
            Some(Ok(None)) => {
                return Err(missing_user(name, &user.unwrap_or_default()));
            }
            Some(Err(error)) => return Err(in_words(&error)),
        };
        let resolution =
            resolve(name, settings).map_err(|error: ResolveError| error.to_string())?;
        let program = resolution.launcher.argv.first().map(|program| program.render(|_| name));
        let no_env = BTreeMap::new();
        let env = resolution.profile.as_ref().map_or(&no_env, |profile| &profile.env.0);
        let path = search_path(env, &self.commands.daemon_env);
        let program = program.unwrap_or_default();
        let words = ["agent", "--program", &program, "--search-path", &path, "--profile", name];
        let found = self.commands.run(account.as_ref(), &words, PATIENCE);
        let found = found.map_err(|error| error.to_string())?;
        serde_json::from_str(&found).map_err(|error| format!("invalid answer: {error}"))
    }
}
