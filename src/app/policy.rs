//! From the operator's settings to what the board's rules need.

use crate::config::Settings;
use crate::kernel::policy::Policy;

/// The policy that the settings say.
pub(super) fn of_settings(settings: &Settings) -> Policy {
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
        strict_profiles: dispatch
            .strict_profiles
            .then(|| settings.profiles.keys().cloned().collect()),
        ..Policy::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_of_both_sides_are_the_same() {
        assert_eq!(of_settings(&Settings::default()), Policy::default());
    }
}
