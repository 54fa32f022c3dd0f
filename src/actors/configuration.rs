//! The current settings, with the policy of the board derived from them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::actors::chat_settings::chat_policy;
use crate::actors::handover_settings::handover_policy;
use crate::actors::live::Live;
use crate::actors::notify_settings::notify_policy;
use crate::actors::review_settings::review_policy;
use crate::actors::settings_policy::{of_settings, within};
use crate::config::Settings;
use crate::config::held_secrets::values;
use crate::config::worker_user::{DaemonUser, worker_user};
use crate::kernel::policy::Policy;
use crate::kernel::rules::assignee::Found;
use crate::kernel::rules::clear::HeldSecrets;
use crate::kernel::shares::Shares;
use crate::os::home::hook_files::{self, HookFiles};
use crate::os::host::clock::epoch_ms;
use crate::os::run_files::env_file;
use crate::os::run_files::redact::text_forms;

/// How long the files of profiles may take to be read.
const FILES_TIME: Duration = Duration::from_secs(2);

/// What the policy follows from beside the settings; the same for the daemon's whole life.
#[derive(Debug, Clone)]
pub struct PolicyBasis {
    /// The directory of scratch workspaces, without links.
    pub workspaces_dir: String,
    /// How many runs there are descriptors for.
    pub shares: Shares,
    /// The time zone of the host.
    pub local_zone: String,
    /// Whose the daemon is.
    pub daemon_user: DaemonUser,
    /// The directory of programs that are started for every event.
    pub hooks_dir: PathBuf,
    /// The daemon's own environment.
    pub daemon_env: BTreeMap<String, String>,
}

/// Settings and the policy that follows from them, never one without the other.
#[derive(Debug)]
pub struct Configuration {
    settings: Arc<Settings>,
    policy: Arc<Policy>,
    hooks: Arc<HookFiles>,
    read_at_ms: i64,
}

impl Configuration {
    /// The configuration that `settings` make. Reads the directory of hooks.
    pub fn new(settings: Settings, basis: &PolicyBasis) -> Self {
        let workspaces_dir = basis.workspaces_dir.clone();
        let reviews = review_policy(&settings, &basis.daemon_user);
        let handover = handover_policy(&settings, &basis.daemon_user);
        let local_zone = basis.local_zone.clone();
        let chat = chat_policy(&settings);
        let hooks = hook_files::look(&basis.hooks_dir, basis.daemon_user.uid);
        let mut notify = notify_policy(&settings, &local_zone, &hooks.hooks);
        notify.secrets = held_secrets(&settings, &basis.daemon_env);
        let of_settings = of_settings(&settings);
        let policy =
            Policy { workspaces_dir, reviews, handover, local_zone, notify, chat, ..of_settings };
        let policy = Arc::new(within(policy, basis.shares));
        let (settings, hooks) = (Arc::new(settings), Arc::new(hooks));
        Self { settings, policy, hooks, read_at_ms: epoch_ms() }
    }
}

/// The secret values that nothing that is sent may have. A file that cannot be read, or not in time, adds none: its profile starts
/// nothing either.
fn held_secrets(settings: &Settings, daemon_env: &BTreeMap<String, String>) -> HeldSecrets {
    if !settings.profiles.values().any(|profile| profile.env_file.is_some()) {
        return HeldSecrets::of(text_forms(&values(settings, &BTreeMap::new(), daemon_env)));
    }
    let files = settings
        .profiles
        .iter()
        .filter_map(|(name, profile)| Some((name.clone(), profile.env_file.clone()?)));
    let files: Vec<(String, PathBuf)> = files.collect();
    let (reply, read) = std::sync::mpsc::channel();
    // A disk that does not answer holds up neither a start nor a reload.
    let started = std::thread::Builder::new().name("env-files".into()).spawn(move || {
        for (name, path) in files {
            if let Ok(variables) = env_file::read(&path) {
                drop(reply.send((name, variables)));
            }
        }
    });
    if let Err(error) = started {
        tracing::warn!(%error, "cannot read the env files for the filter of what is sent");
    }
    let until = Instant::now() + FILES_TIME;
    let mut env_files = BTreeMap::new();
    while let Ok((name, variables)) =
        read.recv_timeout(until.saturating_duration_since(Instant::now()))
    {
        env_files.insert(name, variables);
    }
    HeldSecrets::of(text_forms(&values(settings, &env_files, daemon_env)))
}

impl Live<Configuration> {
    /// The settings now.
    pub fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.get().settings)
    }

    /// What of them the board's rules need.
    pub fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.get().policy)
    }

    /// The programs of `hooks.d`.
    pub fn hooks(&self) -> Arc<HookFiles> {
        Arc::clone(&self.get().hooks)
    }

    /// When they were read, epoch milliseconds: another time for every reload, also one that changed nothing.
    pub fn read_at_ms(&self) -> i64 {
        self.get().read_at_ms
    }

    /// Takes what was found out about profiles under `settings` into the policy: `learn` changes what was known. False when the
    /// settings are others by now: what was found is of no use then.
    pub fn learn(&self, settings: &Arc<Settings>, learn: impl FnOnce(&mut Found)) -> bool {
        self.change(|current| {
            if !Arc::ptr_eq(&current.settings, settings) {
                return None;
            }
            let mut policy = (*current.policy).clone();
            learn(Arc::make_mut(&mut policy.assignees.found));
            let settings = Arc::clone(settings);
            let (hooks, read_at_ms) = (Arc::clone(&current.hooks), current.read_at_ms);
            Some(Configuration { settings, policy: Arc::new(policy), hooks, read_at_ms })
        })
    }

    /// The user that workers of a profile run as; none for the daemon's own.
    ///
    /// # Errors
    /// One line: the daemon cannot start workers as that user.
    pub fn worker_user(
        &self,
        daemon_user: &DaemonUser,
        profile: &str,
    ) -> Result<Option<String>, String> {
        let settings = self.settings();
        let named = settings.profiles.get(profile).and_then(|profile| profile.user.as_deref());
        worker_user(daemon_user, named).map_err(|problem| format!("profile `{profile}`: {problem}"))
    }
}
