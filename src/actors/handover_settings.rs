//! From the settings to whom the workers of each profile may hand work, and what an operator may not expect of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path};

use crate::actors::review_settings::review_policy;
use crate::config::held_secrets::has_secrets;
use crate::config::settings::{Profile, Settings};
use crate::config::worker_user::{DaemonUser, no_new_privs, worker_user};
use crate::kernel::rules::handover::{
    Dirs, EVERY_PROFILE, HandoverPolicy, Options, Profiles, Reach,
};

/// What the rules of the board need of it.
pub fn handover_policy(settings: &Settings, daemon: &DaemonUser) -> HandoverPolicy {
    let users = review_policy(settings, daemon);
    let user_of = |name: &str| users.users.get(name).unwrap_or(&users.default_user).as_str();
    let known: BTreeSet<String> = settings.profiles.keys().cloned().collect();
    let view = View { settings, daemon, user_of: &user_of, default_user: &users.default_user };
    let reach = |name: Option<&str>, profile: &Profile| {
        let these = |names, has_unnamed| {
            let known = known.clone();
            Profiles::These { names, has_unnamed, known }
        };
        let profiles = match &profile.may_assign {
            Some(names) if names.iter().any(|name| name == EVERY_PROFILE) => Profiles::Every,
            Some(names) => these(names.iter().cloned().collect(), false),
            None if is_free(profile, daemon) => Profiles::Every,
            None => {
                let (names, has_unnamed) = view.default_reach(name, profile);
                these(names, has_unnamed)
            }
        };
        Reach { profiles, dirs: dirs_of(profile, daemon) }
    };
    let by_profile = settings.profiles.iter();
    let options = by_profile.clone().filter_map(|(name, profile)| {
        let options = Options { model: profile.model.clone(), effort: profile.effort.clone() };
        (options != Options::default()).then(|| (name.clone(), options))
    });
    HandoverPolicy {
        options_by_profile: options.collect(),
        by_profile: by_profile
            .map(|(name, profile)| (name.clone(), reach(Some(name), profile)))
            .collect(),
        default: reach(None, &Profile::default()),
        tree_depth: settings.dispatch.tree_depth,
        tree_tasks: settings.dispatch.tree_tasks,
    }
}

/// What a default reach is decided by.
struct View<'a> {
    settings: &'a Settings,
    daemon: &'a DaemonUser,
    /// The user of each profile.
    user_of: &'a dyn Fn(&str) -> &'a str,
    /// The user of those without a table.
    default_user: &'a str,
}

impl View<'_> {
    /// The profiles that the workers of a profile reach without a list, and whether names without a table are among them. Handing over
    /// must win nothing: these have the same user, no secrets, no weaker confinement, no schedules without a person unless the profile has
    /// them too, and lead no further themselves.
    fn default_reach(&self, name: Option<&str>, profile: &Profile) -> (BTreeSet<String>, bool) {
        let Self { settings, daemon, .. } = self;
        let user = name.map_or(self.default_user, self.user_of);
        let (own, dirs) = (Confinement::of(profile, daemon), dirs_of(profile, daemon));
        let unnamed = Profile::default();
        let has_unnamed = user == self.default_user
            && !settings.dispatch.strict_profiles
            && !has_secrets("", &unnamed, settings)
            && Confinement::of(&unnamed, daemon).is_no_weaker(&own);
        let profiles = settings.profiles.iter().filter(|(to, other)| {
            (self.user_of)(to) == user
                && !has_secrets(to, other, settings)
                && Confinement::of(other, daemon).is_no_weaker(&own)
                && (profile.may_schedule || !other.may_schedule)
                && dirs_of(other, daemon).are_within(&dirs)
                && !(other.may_assign.is_none() && is_free(other, daemon))
        });
        let mut reached: BTreeMap<&String, &Profile> = profiles.collect();
        // A profile with a list must not lead out of what is reached, which shrinks by that. One without a list leads to profiles that are
        // confined no less than itself, so to none that are not reached for another reason.
        loop {
            let may_reach = |to: &String| {
                name == Some(to.as_str())
                    || reached.contains_key(to)
                    || (has_unnamed && to != EVERY_PROFILE && !settings.profiles.contains_key(to))
            };
            let leads_out = |other: &Profile| {
                let mut list = other.may_assign.iter().flatten();
                list.any(|to| !may_reach(to))
            };
            let kept = reached.iter().filter(|(_, other)| !leads_out(other));
            let kept: BTreeMap<&String, &Profile> = kept.map(|(to, other)| (*to, *other)).collect();
            if kept.len() == reached.len() {
                return (kept.into_keys().cloned().collect(), has_unnamed);
            }
            reached = kept;
        }
    }
}

/// What the workers of a profile are kept from, beside what their user is.
struct Confinement<'a> {
    /// Where alone they may write; none for wherever their user may.
    write: Option<Vec<&'a Path>>,
    no_new_privs: bool,
    private_tmp: bool,
}

impl<'a> Confinement<'a> {
    fn of(profile: &'a Profile, daemon: &DaemonUser) -> Self {
        let landlock = profile.landlock_write.iter().map(Path::new);
        // A run may write where it starts.
        let paths = landlock.chain(profile.working_directory.as_deref());
        let is_landlocked = !profile.landlock_write.is_empty();
        Self {
            write: is_landlocked.then(|| paths.collect()),
            no_new_privs: is_landlocked
                || no_new_privs(profile.no_new_privs, !is_daemons(profile, daemon)),
            private_tmp: profile.private_tmp != Some(false),
        }
    }

    /// Whether it keeps back all that `other` keeps back. Paths are compared by their text: the users, and so the homes, are the same.
    fn is_no_weaker(&self, other: &Self) -> bool {
        let climbs = |path: &Path| path.components().any(|part| part == Component::ParentDir);
        let writes_no_more = match (&self.write, &other.write) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(paths), Some(others)) => paths.iter().all(|path| {
                !climbs(path) && others.iter().any(|other| path.starts_with(other))
                    || others.contains(path)
            }),
        };
        writes_no_more
            && (self.no_new_privs || !other.no_new_privs)
            && (self.private_tmp || !other.private_tmp)
    }
}

/// Directories that the workers of a profile may have work done in.
fn dirs_of(profile: &Profile, daemon: &DaemonUser) -> Dirs {
    match &profile.may_use_dirs {
        Some(dirs) => Dirs::Below(dirs.clone()),
        None if is_free(profile, daemon) => Dirs::Every,
        None => Dirs::Below(Vec::new()),
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
        names.retain(|to| policy.reach(by).may_let_go(by, (Some(to), false), None).is_ok());
        names.retain(|to| to != by);
        names
    }

    #[test]
    fn workers_reach_what_has_nothing_of_its_own_and_their_user_unless_there_is_a_list() {
        let settings = settings(TEXT);
        let plain = ["lost", "reader", "twin", "new"];
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

    /// What `by` reaches of the profiles in `text`, each of which has a command.
    fn reached_of(by: &str, text: &[(&str, &str)]) -> Vec<String> {
        let profile =
            |(name, keys): &(&str, &str)| format!("[profiles.{name}]\nargv = [\"x\"]\n{keys}\n");
        reached(by, &settings(&text.iter().map(profile).collect::<String>()), &held())
    }

    #[test]
    fn no_confinement_is_left_by_handing_over_unless_there_is_a_list() {
        let narrow = "landlock_write = [\"~/.cache/a\"]";
        for (own, other, is_reached, has_unnamed) in [
            ("", "", true, true),
            ("", narrow, true, true),
            ("", "private_tmp = false", false, true),
            ("", "no_new_privs = false", false, true),
            ("no_new_privs = false", "", true, true),
            ("private_tmp = false", "", true, true),
            ("private_tmp = true\nno_new_privs = true", "", true, true),
            ("no_new_privs = false", "private_tmp = false", false, true),
            (narrow, "", false, false),
            (narrow, narrow, true, false),
            ("landlock_write = [\"~/.cache\"]", narrow, true, false),
            (narrow, "landlock_write = [\"~/.cache\"]", false, false),
            (narrow, "landlock_write = [\"~/.cache/a\", \"/srv\"]", false, false),
            (narrow, "landlock_write = [\"~/.cache/a/../b\"]", false, false),
            (narrow, "landlock_write = [\"~/.cache/ab\"]", false, false),
            (narrow, format!("{narrow}\nworking_directory = \"/srv\"").as_str(), false, false),
            (format!("{narrow}\nworking_directory = \"/srv\"").as_str(), narrow, true, false),
            // Landlock sets no_new_privs whatever the profile says.
            ("", format!("{narrow}\nno_new_privs = false").as_str(), true, true),
            (format!("{narrow}\nmay_assign = [\"b\"]").as_str(), "", true, false),
        ] {
            let found = reached_of("a", &[("a", own), ("b", other)]);
            let expected = [(is_reached, "b"), (has_unnamed, "new")];
            let expected: Vec<&str> =
                expected.iter().filter(|(is, _)| *is).map(|(_, name)| *name).collect();
            assert_eq!(found, expected, "{own:?} {other:?}");
        }
    }

    #[test]
    fn no_default_reach_grows_by_handing_over_twice() {
        let keyed = ("keyed", "env_file = \"/etc/keys\"");
        for (others, expected) in [
            // A list within the reach, of the creator, and of names that have no table.
            (
                &[("b", "may_assign = [\"c\", \"a\", \"b\", \"else\"]"), ("c", "")][..],
                &["b", "c", "new"][..],
            ),
            (&[("b", "may_assign = [\"keyed\"]"), keyed], &["new"]),
            (&[("b", "may_assign = [\"*\"]")], &["new"]),
            (&[("b", "orchestrator = true")], &["new"]),
            (&[("b", "orchestrator = true\nmay_assign = []\nmay_use_dirs = []")], &["b", "new"]),
            (&[("b", "orchestrator = true\nmay_assign = []")], &["new"]),
            (
                &[(
                    "b",
                    "may_schedule = true\norchestrator = true\nmay_assign = []\nmay_use_dirs = []",
                )],
                &["new"],
            ),
            (&[("b", "may_use_dirs = [\"/srv\"]")], &["new"]),
            // By way of another one, and of two that lead to each other.
            (&[("b", "may_assign = [\"c\"]"), ("c", "may_assign = [\"keyed\"]"), keyed], &["new"]),
            (&[("b", "may_assign = [\"c\"]"), ("c", "may_assign = [\"b\"]")], &["b", "c", "new"]),
        ] {
            let all = [&[("a", "")][..], others].concat();
            assert_eq!(reached_of("a", &all), expected, "{others:?}");
        }
        let of_user = [("a", "may_use_dirs = [\"/srv\"]"), ("b", "may_use_dirs = [\"/srv/b\"]")];
        assert_eq!(reached_of("a", &of_user), ["b", "new"]);
        assert_eq!(reached_of("b", &of_user), ["new"]);
        // One with another user's name leads to names without a table, which run as the default user, by its list alone.
        let of_other = [("a", "user = \"o\""), ("b", "user = \"o\"\nmay_assign = [\"else\"]")];
        assert_eq!(reached_of("a", &of_other), Vec::<String>::new());
    }

    #[test]
    fn names_without_a_table_are_reached_unless_their_launcher_has_secrets_or_profiles_are_strict()
    {
        let profile = "[profiles.a]\nargv = [\"x\"]\n[launchers.d]\nargv = [\"x\"]\n";
        let dispatch = "[dispatch]\ndefault_launcher = \"d\"\n";
        let key = "env = { A_TOKEN = \"s3cret-of-launcher\" }\n";
        for (text, expected) in [
            (format!("{dispatch}{profile}"), &["new"][..]),
            (format!("{dispatch}{profile}{key}"), &[]),
            (format!("{dispatch}strict_profiles = true\n{profile}"), &[]),
            (format!("{profile}{key}"), &["new"]),
        ] {
            assert_eq!(reached("a", &settings(&text), &held()), expected, "{text}");
        }
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
