//! From the operator's settings to what the board's rules need.

use std::sync::Arc;

use crate::config::Settings;
use crate::config::launch::resolve;
use crate::config::settings::{Launcher, Profile};
use crate::config::template::Placeholder;
use crate::kernel::policy::{LaunchOptions, Policy};
use crate::kernel::rules::assignee::{Assignees, StartedBy};
use crate::kernel::shares::Shares;

/// The policy that the settings say.
pub fn of_settings(settings: &Settings) -> Policy {
    let dispatch = &settings.dispatch;
    let seconds =
        |duration: std::time::Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    let unless_zero =
        |duration: std::time::Duration| (!duration.is_zero()).then(|| seconds(duration).max(1));
    let millis =
        |duration: std::time::Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let caps = settings
        .profiles
        .iter()
        .filter_map(|(name, profile)| profile.max_running.map(|cap| (name.clone(), cap)));
    let runtimes = settings.profiles.iter().filter_map(|(name, profile)| {
        profile.max_runtime.map(|longest| (name.clone(), seconds(longest).max(1)))
    });
    let options = settings.profiles.keys().map(|name| (name.clone(), options_of(name, settings)));
    let directories = settings.profiles.iter().filter_map(|(name, profile)| {
        Some((name.clone(), profile.working_directory.as_ref()?.to_str()?.to_owned()))
    });
    let orchestrators = settings.profiles.iter().filter(|(_, profile)| profile.orchestrator);
    let schedulers = settings.profiles.iter().filter(|(_, profile)| profile.may_schedule);
    Policy {
        dispatch_enabled: dispatch.enabled,
        max_running: dispatch.max_running,
        max_running_by_profile: caps.collect(),
        failure_limit: dispatch.failure_limit,
        lifetime_starts: dispatch.lifetime_starts,
        backoff_base_ms: millis(dispatch.backoff_base),
        backoff_max_ms: millis(dispatch.backoff_max),
        rate_limit_seconds: seconds(dispatch.rate_limit_wait),
        queue_wait_alert_seconds: unless_zero(dispatch.queue_wait_alert),
        max_total_runtime_seconds: unless_zero(settings.supervision.max_total_runtime),
        claim_ttl_seconds: seconds(settings.claims.ttl).max(1),
        max_runtime_seconds: Some(seconds(settings.supervision.max_runtime).max(1)),
        max_runtime_by_profile: runtimes.collect(),
        launch_options_by_profile: options.collect(),
        launch_options: by_launcher(
            settings.launchers.get(dispatch.default_launcher()),
            dispatch.default_launcher(),
        ),
        branch_prefix: settings.worktree.branch_prefix.clone(),
        may_schedule: schedulers.map(|(name, _)| name.clone()).collect(),
        schedules_per_profile: settings.schedules.per_profile,
        ask_wait_ms: millis(settings.mcp.ask_wait),
        working_directory_by_profile: directories.collect(),
        orchestrators: orchestrators.map(|(name, _)| name.clone()).collect(),
        assignees: assignees_of(settings),
        ..Policy::default()
    }
}

fn assignees_of(settings: &Settings) -> Assignees {
    let started_by = |profile: &Profile| match (&profile.launcher, &profile.argv) {
        (None, None) => StartedBy::Default,
        (Some(_), _) | (_, Some(_)) => StartedBy::Itself,
    };
    let profiles = settings.profiles.iter();
    Assignees {
        profiles: profiles.map(|(name, profile)| (name.clone(), started_by(profile))).collect(),
        people: settings.people.keys().cloned().collect(),
        is_strict: settings.dispatch.strict_profiles,
        is_auto: settings.dispatch.is_auto(),
        found: Arc::default(),
    }
}

/// The same policy with no more runs than there are descriptors for.
#[must_use]
pub fn within(policy: Policy, shares: Shares) -> Policy {
    Policy { max_running: policy.max_running.min(shares.runs), ..policy }
}

/// What the workers of a profile can be asked for. One that nothing can be started for takes everything: that it cannot is reported
/// when it is.
fn options_of(profile: &str, settings: &Settings) -> LaunchOptions {
    match resolve(profile, settings) {
        Ok(found) => by_launcher(Some(&found.launcher), &found.launcher_name),
        Err(_) => by_launcher(None, ""),
    }
}

fn by_launcher(launcher: Option<&Launcher>, name: &str) -> LaunchOptions {
    let takes = |placeholder| {
        launcher.is_none_or(|one| one.argv.iter().any(|argument| argument.contains(placeholder)))
    };
    LaunchOptions {
        launcher: name.to_owned(),
        takes_model: takes(Placeholder::Model),
        takes_effort: takes(Placeholder::Effort),
        takes_args: takes(Placeholder::Args),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_of_both_sides_are_the_same() {
        let assignees = Assignees { is_auto: true, ..Assignees::default() };
        assert_eq!(of_settings(&Settings::default()), Policy { assignees, ..Policy::default() });
    }

    #[test]
    fn no_more_runs_are_open_than_there_are_descriptors_for() {
        for (wanted, runs, expected) in [(8, 100, 8), (8, 5, 5)] {
            let policy = Policy { max_running: wanted, ..Policy::default() };
            let within = within(policy, Shares { connections: 16, runs });
            assert_eq!(within.max_running, expected);
        }
    }
}
