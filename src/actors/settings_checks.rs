//! What is wrong with settings beyond what their files and keys show: the same for a start, for a reload, and for a person who asks.

use crate::actors::chat_settings::check_roles;
use crate::actors::notify_settings::check_channels;
use crate::actors::review_settings::check_reviewers;
use crate::config::problem::ConfigProblems;
use crate::config::settings::Settings;
use crate::config::worker_user::DaemonUser;

/// Whether the daemon of this user can work with the settings.
///
/// # Errors
/// Everything that is wrong with them.
pub fn check_all(settings: &Settings, daemon: &DaemonUser) -> Result<(), ConfigProblems> {
    let checks =
        [check_reviewers(settings, daemon), check_channels(settings), check_roles(settings)];
    let problems: Vec<_> =
        checks.into_iter().filter_map(Result::err).flat_map(|found| found.0).collect();
    if problems.is_empty() { Ok(()) } else { Err(ConfigProblems(problems)) }
}
