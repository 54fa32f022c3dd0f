//! From the reviewers that the settings name to what the board's rules need, and what is wrong with them.

use crate::config::problem::{ConfigProblems, Problem, ProblemKind};
use crate::config::settings::Settings;
use crate::config::worker_user::{DaemonUser, worker_user};
use crate::kernel::policy::{Policy, ReviewPolicy};
use crate::kernel::rules::review::pair;
use crate::kernel::task::NO_REVIEW;

/// What the rules of the board need of it.
pub fn review_policy(settings: &Settings, daemon: &DaemonUser) -> ReviewPolicy {
    let reviewer = |name: &String| Some(name.clone()).filter(|name| name != NO_REVIEW);
    let own = || daemon.name.clone().unwrap_or_else(|| format!("uid {}", daemon.uid));
    // One that no worker can be started as is a user all the same: no other one's work is reviewed under it.
    let user = |named: Option<&str>| match worker_user(daemon, named) {
        Ok(found) => found.unwrap_or_else(own),
        Err(_) => named.map_or_else(own, str::to_owned),
    };
    let review = &settings.review;
    let by_profile = settings
        .profiles
        .iter()
        .filter_map(|(name, profile)| Some((name.clone(), reviewer(profile.review.as_ref()?))));
    ReviewPolicy {
        max_rounds: review.max_rounds,
        allow_self: review.allow_self,
        default: reviewer(&review.default),
        by_board: review.boards.iter().map(|(name, by)| (name.clone(), reviewer(by))).collect(),
        by_profile: by_profile.collect(),
        users: settings
            .profiles
            .iter()
            .map(|(name, profile)| (name.clone(), user(profile.user.as_deref())))
            .collect(),
        default_user: user(None),
    }
}

/// What is wrong with the reviewers that a configuration names.
///
/// # Errors
/// All of it: reviewers that are no profiles, and pairs that cannot be.
pub fn check_reviewers(settings: &Settings, daemon: &DaemonUser) -> Result<(), ConfigProblems> {
    let reviews = review_policy(settings, daemon);
    let policy = Policy { reviews, ..Policy::default() };
    let reviews = &policy.reviews;
    let of_profiles = reviews.by_profile.iter().map(|(name, reviewer)| {
        (format!("profiles.{name}.review"), reviewer.as_deref(), Some(name.as_str()))
    });
    let of_boards = reviews
        .by_board
        .iter()
        .map(|(name, reviewer)| (format!("review.boards.{name}"), reviewer.as_deref(), None));
    let of_all = [("review.default".to_owned(), reviews.default.as_deref(), None)];
    let problems: Vec<Problem> = of_profiles
        .chain(of_boards)
        .chain(of_all)
        .filter_map(|(key, reviewer, assignee)| {
            let fault = pair(reviewer, assignee, &policy).err()?;
            let fault = ProblemKind::Reviewer { problem: fault.to_string() };
            Some(Problem { origin: "configuration".to_owned(), key: Some(key), fault })
        })
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(ConfigProblems(problems)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load::tests::settings;

    fn ann() -> DaemonUser {
        let (uid, name) = (1000, Some("ann".to_owned()));
        DaemonUser { uid, name, is_system: false, has_holder: false }
    }

    fn root() -> DaemonUser {
        let (uid, name) = (0, Some("root".to_owned()));
        DaemonUser { uid, name, is_system: false, has_holder: false }
    }

    fn problems(text: &str, daemon: &DaemonUser) -> String {
        match check_reviewers(&settings(text), daemon) {
            Ok(()) => String::new(),
            Err(problems) => problems.to_string(),
        }
    }

    #[test]
    fn reviewers_are_profiles_of_the_same_user() {
        let profiles = "[profiles.qa]\nargv = [\"true\"]\n";
        for (daemon, text, expected) in [
            (ann(), "[profiles.coder]\nreview = \"qa\"", ""),
            (ann(), "[profiles.coder]\nreview = \"human\"", ""),
            (ann(), "[profiles.coder]\nreview = \"none\"", ""),
            (ann(), "[profiles.coder]\nuser = \"ann\"\nreview = \"qa\"", ""),
            (
                ann(),
                "[profiles.coder]\nreview = \"nobody\"",
                "configuration: profiles.coder.review: the reviewer nobody is not a configured profile",
            ),
            (
                ann(),
                "[profiles.coder]\nreview = \"coder\"",
                "configuration: profiles.coder.review: coder would review its own work, which review.allow_self does not allow",
            ),
            (ann(), "[review]\nallow_self = true\n[profiles.coder]\nreview = \"coder\"", ""),
            (
                root(),
                "[profiles.coder]\nuser = \"bob\"\nreview = \"qa\"",
                "configuration: profiles.coder.review: the reviewer qa runs as root, the assignee coder as bob: they must \
                 run as the same user",
            ),
            (root(), "[profiles.coder]\nuser = \"root\"\nreview = \"qa\"", ""),
            (
                root(),
                "[profiles.coder]\nuser = \"own\"\nreview = \"qa\"",
                "configuration: profiles.coder.review: the reviewer qa runs as root, the assignee coder as kanban-coder: \
                 they must run as the same user",
            ),
            (
                root(),
                "[profiles.coder]\nuser = \"own\"\nreview = \"twin\"\n[profiles.twin]\nuser = \"kanban-coder\"",
                "",
            ),
            (
                ann(),
                "[review]\ndefault = \"qa\"\nboards = { web = \"q\" }",
                "configuration: review.boards.web: the reviewer q is not a configured profile",
            ),
        ] {
            assert_eq!(problems(&format!("{text}\n{profiles}"), &daemon), expected, "{text}");
        }
    }

    #[test]
    fn the_defaults_of_both_sides_are_the_same() {
        let found = review_policy(&Settings::default(), &ann());
        let expected = ReviewPolicy { default_user: "ann".to_owned(), ..ReviewPolicy::default() };
        assert_eq!(found, expected);
    }
}
