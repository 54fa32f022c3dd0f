//! From the settings to whom the workers of each profile may hand work, and what an operator may not expect of it.

use std::collections::{BTreeMap, BTreeSet};

use crate::actors::review_settings::review_policy;
use crate::config::held_secrets::has_secrets;
use crate::config::settings::{Profile, Settings};
use crate::config::worker_user::{DaemonUser, worker_user};
use crate::kernel::rules::handover::{
    Dirs, EVERY_PROFILE, HandoverPolicy, Options, Profiles, Reach,
};

/// What the rules of the board need of it.
pub fn handover_policy(settings: &Settings, daemon: &DaemonUser) -> HandoverPolicy {
    let users = review_policy(settings, daemon);
    let user_of = |name: &str| users.users.get(name).unwrap_or(&users.default_user);
    let plain = |user: &str| -> BTreeSet<String> {
        let profiles = settings.profiles.iter();
        let plain = profiles.filter(|(name, profile)| {
            user_of(name) == user && !has_secrets(name, profile, settings)
        });
        plain.map(|(name, _)| name.clone()).collect()
    };
    let known: BTreeSet<String> = settings.profiles.keys().cloned().collect();
    let reach = |profile: &Profile, user: &str| {
        let is_free = is_free(profile, daemon);
        let listed = profile.may_assign.as_ref();
        let profiles = match listed {
            Some(names) if names.iter().any(|name| name == EVERY_PROFILE) => Profiles::Every,
            Some(names) => Profiles::These {
                names: names.iter().cloned().collect(),
                has_unnamed: false,
                known: known.clone(),
            },
            None if is_free => Profiles::Every,
            None => Profiles::These {
                names: plain(user),
                has_unnamed: user == users.default_user,
                known: known.clone(),
            },
        };
        let dirs = match &profile.may_use_dirs {
            Some(dirs) => Dirs::Below(dirs.clone()),
            None if is_free => Dirs::Every,
            None => Dirs::Below(Vec::new()),
        };
        Reach { profiles, dirs }
    };
    let by_profile = settings.profiles.iter();
    let options = by_profile.clone().filter_map(|(name, profile)| {
        let options = Options { model: profile.model.clone(), effort: profile.effort.clone() };
        (options != Options::default()).then(|| (name.clone(), options))
    });
    HandoverPolicy {
        options_by_profile: options.collect(),
        by_profile: by_profile
            .map(|(name, profile)| (name.clone(), reach(profile, user_of(name))))
            .collect(),
        default: reach(&Profile::default(), &users.default_user),
        tree_depth: settings.dispatch.tree_depth,
        tree_tasks: settings.dispatch.tree_tasks,
    }
}

/// Whether nothing is kept from the workers of a profile unless the operator says so: as the daemon's user they could open the board
/// itself, and a planner is there to hand out work.
fn is_free(profile: &Profile, daemon: &DaemonUser) -> bool {
    profile.orchestrator || is_daemons(profile, daemon)
}

fn is_daemons(profile: &Profile, daemon: &DaemonUser) -> bool {
    matches!(worker_user(daemon, profile.user.as_deref()), Ok(None))
}

/// What an operator may not expect of what the workers of a profile may hand over, one line each.
pub fn handover_warnings(name: &str, settings: &Settings, daemon: &DaemonUser) -> Vec<String> {
    let Some(profile) = settings.profiles.get(name) else { return Vec::new() };
    let mut warnings = Vec::new();
    if is_daemons(profile, daemon) {
        let lists = [
            ("may_assign", profile.may_assign.is_some()),
            ("may_use_dirs", profile.may_use_dirs.is_some()),
        ];
        warnings.extend(lists.iter().filter(|(_, is_given)| *is_given).map(|(key, _)| {
            format!("{key} is cooperative: the workers run as the daemon's user, who can write the board's files")
        }));
    } else if profile.orchestrator && profile.may_assign.is_none() {
        warnings.push(
            "its workers may hand work to every profile: it has orchestrator = true and no may_assign (\"*\" says that it is meant)"
                .to_owned(),
        );
    }
    let dirs = profile.may_use_dirs.iter().flatten();
    let is_plain = |dir: &str| dir.starts_with('/') && !dir.split('/').any(|name| name == "..");
    warnings.extend(dirs.filter(|dir| !is_plain(dir)).map(|dir| {
        format!(
            "may_use_dirs has {dir}, which is no absolute path without `..`: nothing is below it"
        )
    }));
    if settings.dispatch.strict_profiles {
        let is_known = |other: &&String| {
            *other == EVERY_PROFILE || settings.profiles.contains_key(other.as_str())
        };
        let unknown = profile.may_assign.iter().flatten().filter(|other| !is_known(other));
        warnings.extend(
            unknown.map(|other| {
                format!("may_assign names {other}, which is not a configured profile")
            }),
        );
    }
    warnings
}

/// Users other than the daemon's own that several profiles with different secrets have, with these profiles.
pub fn shared_users(settings: &Settings, daemon: &DaemonUser) -> BTreeMap<String, Vec<String>> {
    let users = review_policy(settings, daemon);
    let mut by_user: BTreeMap<String, Vec<(&String, &Profile)>> = BTreeMap::new();
    for (name, profile) in &settings.profiles {
        if !is_daemons(profile, daemon) && has_secrets(name, profile, settings) {
            let user = users.users.get(name).unwrap_or(&users.default_user);
            by_user.entry(user.clone()).or_default().push((name, profile));
        }
    }
    let differ = |profiles: &[(&String, &Profile)]| {
        let of = |profile: &Profile| {
            (profile.env_file.clone(), profile.env.clone(), profile.launcher.clone())
        };
        let first = profiles.first().map(|(_, profile)| of(profile));
        profiles.iter().any(|(_, profile)| Some(of(profile)) != first)
    };
    let shared = by_user.into_iter().filter(|(_, profiles)| differ(profiles));
    shared
        .map(|(user, profiles)| {
            (user, profiles.into_iter().map(|(name, _)| name.clone()).collect())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load::tests::settings;

    const TEXT: &str = "[profiles.reader]\nargv = [\"x\"]
        [profiles.twin]\nargv = [\"x\"]\nenv = { NODE_ENV = \"test\" }\nenv_public = [\"NODE_ENV\"]
        [profiles.loud]\nargv = [\"x\"]\nenv = { EDITOR = \"true\" }
        [profiles.keyed]\nargv = [\"x\"]\nenv_file = \"/etc/keys\"
        [profiles.started]\nlauncher = \"keyed\"
        [launchers.keyed]\nargv = [\"x\"]\nenv = { A_TOKEN = \"s3cret-of-launcher\" }
        [profiles.deployer]\nargv = [\"x\", \"{model}\"]\nuser = \"other\"\nmodel = \"large\"
        [profiles.lister]\nargv = [\"x\"]\nmay_assign = [\"deployer\", \"new\"]\nmay_use_dirs = [\"/srv\"]
        [profiles.planner]\nargv = [\"x\"]\norchestrator = true
        [profiles.bound]\nargv = [\"x\"]\norchestrator = true\nmay_assign = []
        [profiles.open]\nargv = [\"x\"]\nmay_assign = [\"*\"]
        [profiles.lost]\nargv = [\"x\"]\nmay_use_dirs = [\"srv\"]";

    fn held() -> DaemonUser {
        let (uid, name) = (998, Some("kanband".to_owned()));
        DaemonUser { uid, name, is_system: true, has_holder: true }
    }

    fn ann() -> DaemonUser {
        let (uid, name) = (1000, Some("ann".to_owned()));
        DaemonUser { uid, name, is_system: false, has_holder: false }
    }

    /// The profiles that the workers of `by` may hand work to, beside its own.
    fn reached(by: &str, settings: &Settings, daemon: &DaemonUser) -> Vec<String> {
        let policy = handover_policy(settings, daemon);
        let mut names: Vec<String> = settings.profiles.keys().cloned().collect();
        names.push("new".to_owned());
        names.retain(|to| policy.reach(by).may_let_go(by, Some(to), false).is_ok());
        names.retain(|to| to != by);
        names
    }

    #[test]
    fn workers_reach_what_has_nothing_of_its_own_and_their_user_unless_there_is_a_list() {
        let settings = settings(TEXT);
        let plain = ["bound", "lister", "lost", "open", "planner", "reader", "twin", "new"];
        let but = |name: &str| -> Vec<&str> {
            plain.iter().copied().filter(|other| *other != name).collect()
        };
        let everybody = settings.profiles.len();
        for (by, expected) in [
            ("reader", but("reader")),
            ("keyed", but("")),
            ("deployer", vec![]),
            ("lister", vec!["deployer", "new"]),
            ("bound", vec![]),
            ("new", but("new")),
        ] {
            assert_eq!(reached(by, &settings, &held()), expected, "{by}");
        }
        for by in ["planner", "open"] {
            assert_eq!(reached(by, &settings, &held()).len(), everybody, "{by}");
        }
        for by in ["reader", "planner", "new"] {
            let own = usize::from(by != "new");
            assert_eq!(reached(by, &settings, &ann()).len(), everybody + 1 - own.max(1), "{by}");
        }
        // A list holds in one-user mode too, as far as anything does.
        assert_eq!(reached("lister", &settings, &ann()), ["deployer", "new"]);
        let policy = handover_policy(&settings, &held());
        for (by, dirs) in [
            ("reader", Dirs::Below(vec![])),
            ("lister", Dirs::Below(vec!["/srv".to_owned()])),
            ("planner", Dirs::Every),
            ("open", Dirs::Below(vec![])),
        ] {
            assert_eq!(policy.reach(by).dirs, dirs, "{by}");
        }
        assert_eq!(policy.options_by_profile["deployer"].model.as_deref(), Some("large"));
    }

    #[test]
    fn an_operator_is_warned_of_what_is_open_or_protects_nothing() {
        let settings = settings(TEXT);
        for (daemon, name, expected) in [
            (held(), "reader", None),
            (held(), "planner", Some("its workers may hand work to every profile")),
            (held(), "bound", None),
            (held(), "open", None),
            (held(), "lister", None),
            (ann(), "planner", None),
            (ann(), "bound", Some("may_assign is cooperative")),
            (ann(), "nobody", None),
            (held(), "lost", Some("may_use_dirs has srv, which is no absolute path")),
        ] {
            let found = handover_warnings(name, &settings, &daemon);
            assert_eq!(found.len(), usize::from(expected.is_some()), "{name}: {found:?}");
            assert!(
                found.iter().all(|line| line.starts_with(expected.unwrap_or("?"))),
                "{found:?}"
            );
        }
    }

    #[test]
    fn profiles_with_different_secrets_share_a_user_until_each_has_its_own() {
        let keyed = |name: &str, key: &str, user: &str| {
            format!("[profiles.{name}]\nargv = [\"x\"]\nenv = {{ A_TOKEN = \"{key}\" }}\n{user}\n")
        };
        let shared = |text: &str, daemon: &DaemonUser| -> Vec<(String, Vec<String>)> {
            shared_users(&settings(text), daemon).into_iter().collect()
        };
        let both = keyed("a", "key-of-a", "") + &keyed("b", "key-of-b", "");
        let found = [("kanban-agent".to_owned(), vec!["a".to_owned(), "b".to_owned()])];
        assert_eq!(shared(&both, &held()), found);
        for (text, daemon) in [
            (both, ann()),
            (keyed("a", "key", "") + &keyed("b", "key", ""), held()),
            (keyed("a", "key-of-a", "") + "[profiles.b]\nargv = [\"x\"]", held()),
            (keyed("a", "key-of-a", "user = \"own\"") + &keyed("b", "key-of-b", ""), held()),
        ] {
            assert_eq!(shared(&text, &daemon), [], "{text}");
        }
    }

    #[test]
    fn the_defaults_of_both_sides_are_the_same() {
        assert_eq!(handover_policy(&Settings::default(), &ann()), HandoverPolicy::default());
    }
}
