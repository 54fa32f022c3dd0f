//! The current settings, with the policy of the board derived from them.

use std::path::PathBuf;
use std::sync::Arc;

use crate::actors::live::Live;
use crate::actors::notify_settings::notify_policy;
use crate::actors::review_settings::review_policy;
use crate::actors::settings_policy::{of_settings, within};
use crate::config::Settings;
use crate::config::worker_user::{DaemonUser, worker_user};
use crate::kernel::policy::Policy;
use crate::kernel::rules::assignee::Found;
use crate::kernel::shares::Shares;
use crate::os::home::hook_files::{self, HookFiles};
use crate::os::host::clock::epoch_ms;

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
        let local_zone = basis.local_zone.clone();
        let hooks = hook_files::look(&basis.hooks_dir, basis.daemon_user.uid);
        let notify = notify_policy(&settings, &local_zone, &hooks.hooks);
        let policy =
            Policy { workspaces_dir, reviews, local_zone, notify, ..of_settings(&settings) };
        let policy = Arc::new(within(policy, basis.shares));
        let (settings, hooks) = (Arc::new(settings), Arc::new(hooks));
        Self { settings, policy, hooks, read_at_ms: epoch_ms() }
    }
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
