//! The limits that the processes of a run share.

use crate::config::Settings;
use crate::config::settings::Profile;
use crate::os::run_files::directory::GroupLimits;

/// The profile's own limits, else those that hold for all.
pub fn group_limits(settings: &Settings, profile: Option<&Profile>) -> GroupLimits {
    let supervision = &settings.supervision;
    GroupLimits {
        memory_max_bytes: profile
            .and_then(|profile| profile.memory_max_bytes)
            .or(supervision.memory_max_bytes),
        pids_max: profile.and_then(|profile| profile.pids_max).or(supervision.pids_max),
        cpu_percent: profile.and_then(|profile| profile.cpu_percent).or(supervision.cpu_percent),
    }
}
