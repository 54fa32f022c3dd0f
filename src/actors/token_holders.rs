//! Users who can hold a run's token, because they own its file or may read every file: of anybody else the workers' socket hears
//! nothing.
//!
//! Written at the start and when the configuration was read again, read by the API.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

use crate::config::Settings;
use crate::config::worker_user::{DaemonUser, worker_user};
use crate::os::processes::user::Account;

/// Shared between reloader and API; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct TokenHolders(Arc<RwLock<BTreeSet<u32>>>);

impl TokenHolders {
    /// Those of a configuration.
    pub fn of(daemon: &DaemonUser, settings: &Settings) -> Self {
        let holders = Self::default();
        holders.learn(daemon, settings);
        holders
    }

    /// Looks up the users of all profiles. May take long where the user data base is a network's.
    pub fn learn(&self, daemon: &DaemonUser, settings: &Settings) {
        let names = names(daemon, settings);
        let uids = names.iter().filter_map(|name| match Account::named(name) {
            Ok(account) => account.map(|account| account.run_as.uid),
            Err(error) => {
                tracing::warn!(user = name, %error, "cannot look up the user of a worker");
                None
            }
        });
        // A user that could before still can: its runs may not be over.
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.extend(uids.chain([0, daemon.uid]));
    }

    /// Whether a user can.
    pub fn contains(&self, uid: u32) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains(&uid)
    }
}

/// Names of the users other than the daemon's own whose workers are.
fn names(daemon: &DaemonUser, settings: &Settings) -> BTreeSet<String> {
    let named = settings.profiles.values().map(|profile| profile.user.as_deref());
    named.chain([None]).filter_map(|named| worker_user(daemon, named).ok().flatten()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::settings::{DEFAULT_WORKER_USER, Profile};

    #[test]
    fn the_users_of_profiles_are_named_and_that_of_the_others() {
        let mut settings = Settings::default();
        for user in [Some("bob"), Some("ann"), None] {
            let name = user.unwrap_or("plain").to_owned();
            let profile = Profile { user: user.map(str::to_owned), ..Profile::default() };
            settings.profiles.insert(name, profile);
        }
        let daemon = |uid, is_system| DaemonUser {
            uid,
            name: Some("ann".to_owned()),
            is_system,
            has_holder: false,
        };
        let found =
            |daemon: &DaemonUser| -> Vec<String> { names(daemon, &settings).into_iter().collect() };
        assert_eq!(found(&daemon(0, true)), ["bob", DEFAULT_WORKER_USER]);
        assert_eq!(found(&daemon(0, false)), ["bob"]);
        assert!(found(&daemon(1000, false)).is_empty(), "it can be nobody else");
    }

    #[test]
    fn root_and_the_daemons_user_always_can() {
        let holders = TokenHolders::default();
        let daemon = DaemonUser { uid: 1000, name: None, is_system: false, has_holder: false };
        holders.learn(&daemon, &Settings::default());
        assert!(holders.contains(0) && holders.contains(1000) && !holders.contains(65534));
    }
}
