//! The user that a worker runs as.

use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::config::settings::{DEFAULT_WORKER_USER, Settings};

/// User that programs of channels run as under a daemon of the machine.
pub const HOOK_USER: &str = "kanban-hook";

/// Value of `profiles.NAME.user` by which a profile has a user of its own: [`own_user`]. A loaded configuration has the name in its stead.
pub const OWN_USER: &str = "own";

/// Folder of the homes of users that profiles have of their own.
pub const OWN_HOMES: &str = "/var/lib/kanban-agents";

/// What the names of the users of profiles begin with.
const OWN_PREFIX: &str = "kanban-";

/// Characters of a profile's name in that of its user: with the prefix a login name has at most 32.
const OWN_NAME_CHARS_MAX: usize = 24;

/// Names of users that the package has.
const OF_PACKAGE: [&str; 4] = ["agent", "agents", "courier", "hook"];

/// The user of a profile with a user of its own: `kanban-NAME` where that is a login name and nobody else's, else with a digest of the
/// profile's name, so that no two profiles have one.
pub fn own_user(profile: &str) -> String {
    let is_fit = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    let is_plain = !profile.is_empty()
        && profile.len() <= OWN_NAME_CHARS_MAX
        && profile.chars().all(is_fit)
        && !OF_PACKAGE.contains(&profile);
    if is_plain {
        return format!("{OWN_PREFIX}{profile}");
    }
    let digest = Sha256::digest(profile.as_bytes());
    let digest: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let lower = profile.chars().map(|c| c.to_ascii_lowercase());
    let fit: String = lower.filter(|c| is_fit(*c)).take(OWN_NAME_CHARS_MAX - 9).collect();
    let between = if fit.is_empty() { "" } else { "-" };
    format!("{OWN_PREFIX}{fit}{between}{digest}")
}

/// The home of such a user.
pub fn own_home(user: &str) -> PathBuf {
    Path::new(OWN_HOMES).join(user.strip_prefix(OWN_PREFIX).unwrap_or(user))
}

/// What to do about the user `user` of `profile`, which does not exist.
pub fn missing_user(profile: &str, user: &str) -> String {
    if user == own_user(profile) {
        format!(
            "user `{user}` does not exist: make it with `sudo kanban profiles add-user {profile}`"
        )
    } else {
        format!("user `{user}` does not exist: correct `user` of [profiles.{profile}]")
    }
}

/// Whose the daemon is, and what it can do about its workers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaemonUser {
    /// Its user id.
    pub uid: u32,
    /// Its login name, when it has one.
    pub name: Option<String>,
    /// Whether it works for the machine, from the machine's own home.
    pub is_system: bool,
    /// Whether a holder starts its shims.
    pub has_holder: bool,
}

/// The user that a worker runs as, whose profile names `named`; none for the daemon's own.
///
/// | daemon | `user` is named | it is not |
/// |---|---|---|
/// | with a holder | that user, if the holder allows it | `kanban-agent` |
/// | root, of the machine's home | that user | `kanban-agent` |
/// | root, with `KANBAN_HOME` | that user | root |
/// | an ordinary user | only itself | itself |
///
/// # Errors
/// One line: the daemon cannot.
pub fn worker_user(daemon: &DaemonUser, named: Option<&str>) -> Result<Option<String>, String> {
    let is_own = |name: &str| daemon.name.as_deref() == Some(name);
    match named {
        Some(name) if daemon.has_holder => Ok(Some(name.to_owned())),
        Some(name) if is_own(name) => Ok(None),
        Some(name) if daemon.uid == 0 => Ok(Some(name.to_owned())),
        Some(name) => {
            let own = daemon.name.clone().unwrap_or_else(|| format!("uid {}", daemon.uid));
            Err(format!(
                "cannot start workers as `{name}`: the daemon runs as `{own}`, not as root"
            ))
        }
        None if daemon.has_holder || (daemon.uid == 0 && daemon.is_system) => {
            Ok(Some(DEFAULT_WORKER_USER.to_owned()))
        }
        None => Ok(None),
    }
}

/// Whether programs that a worker executes give it no other user, group or capability, as its profile says.
///
/// A worker of another user than the daemon's is kept apart by its user, so it keeps that one. In one-user mode this would protect
/// nothing that the user's own `sudo` does not give away outside, and it would take that from the agent.
pub fn no_new_privs(of_profile: Option<bool>, is_other_user: bool) -> bool {
    of_profile.unwrap_or(is_other_user)
}

/// The user that the programs of channels and of `hooks.d` run as; none for the daemon's own.
///
/// | daemon | user |
/// |---|---|
/// | with a holder | `kanban-hook` |
/// | root, of the machine's home | `kanban-hook` |
/// | any other | itself |
pub fn hook_user(daemon: &DaemonUser) -> Option<&'static str> {
    let is_machines = daemon.has_holder || (daemon.uid == 0 && daemon.is_system);
    is_machines.then_some(HOOK_USER)
}

/// Whether any worker may be another user's than the daemon.
pub fn has_workers_of_others(daemon: &DaemonUser, settings: &Settings) -> bool {
    let named = settings.profiles.values().map(|profile| profile.user.as_deref());
    named.chain([None]).any(|named| matches!(worker_user(daemon, named), Ok(Some(_))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_has_a_login_name_of_its_own_whatever_it_is_called() {
        let long = "a-name-that-is-longer-than-a-login-name";
        for (profile, expected) in [
            ("deployer", "kanban-deployer"),
            ("qa_2", "kanban-qa_2"),
            ("123456789012345678901234", "kanban-123456789012345678901234"),
            ("agent", "kanban-agent-"),
            ("hook", "kanban-hook-"),
            ("courier", "kanban-courier-"),
            ("Deployer", "kanban-deployer-"),
            ("de ployer", "kanban-deployer-"),
            ("\u{e4}\u{f6}", "kanban-"),
            (long, "kanban-a-name-that-is-"),
        ] {
            let user = own_user(profile);
            let is_fit = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
            assert!(user.starts_with(&expected[..expected.len().min(22)]), "{profile}: {user}");
            assert!(user.len() <= 32 && user.chars().all(is_fit), "{profile}: {user}");
            assert_eq!(own_user(profile), user, "the same each time");
        }
        let all = ["Deployer", "deployer", "de ployer", "agent", "hook", long, "\u{e4}", "\u{f6}"]
            .map(own_user);
        let distinct: std::collections::BTreeSet<&String> = all.iter().collect();
        assert_eq!(distinct.len(), all.len(), "{all:?}");
        assert!(
            !all.contains(&DEFAULT_WORKER_USER.to_owned()) && !all.contains(&HOOK_USER.to_owned())
        );
        assert_eq!(own_home("kanban-deployer"), Path::new("/var/lib/kanban-agents/deployer"));
        assert!(
            missing_user("deployer", "kanban-deployer")
                .ends_with("`sudo kanban profiles add-user deployer`")
        );
        assert!(missing_user("deployer", "bob").contains("correct `user`"));
    }

    #[test]
    fn a_profile_decides_about_no_new_privs_and_else_the_user() {
        for (of_profile, is_other_user, expected) in [
            (None, true, true),
            (None, false, false),
            (Some(false), true, false),
            (Some(true), false, true),
        ] {
            assert_eq!(no_new_privs(of_profile, is_other_user), expected);
        }
    }

    #[test]
    fn workers_are_whose_the_table_says() {
        let daemon = |uid, name: &str, is_system, has_holder| DaemonUser {
            uid,
            name: Some(name.to_owned()),
            is_system,
            has_holder,
        };
        let held = daemon(998, "kanband", true, true);
        let machines = daemon(0, "root", true, false);
        let chosen = daemon(0, "root", false, false);
        let ordinary = daemon(1000, "ann", false, false);
        let agent = DEFAULT_WORKER_USER;
        for (daemon, named, expected) in [
            (&held, None, Some(agent)),
            (&held, Some("bob"), Some("bob")),
            // The holder says no to this one.
            (&held, Some("kanband"), Some("kanband")),
            (&machines, None, Some(agent)),
            (&machines, Some("bob"), Some("bob")),
            (&machines, Some("root"), None),
            (&chosen, None, None),
            (&chosen, Some("bob"), Some("bob")),
            (&ordinary, None, None),
            (&ordinary, Some("ann"), None),
        ] {
            let found = worker_user(daemon, named).unwrap();
            assert_eq!(found.as_deref(), expected, "{daemon:?} {named:?}");
        }
        let users = [&held, &machines, &chosen, &ordinary].map(hook_user);
        assert_eq!(users, [Some(HOOK_USER), Some(HOOK_USER), None, None]);
        let refused = worker_user(&ordinary, Some("bob")).unwrap_err();
        assert!(refused.contains("`bob`") && refused.contains("`ann`"), "{refused}");
    }
}
