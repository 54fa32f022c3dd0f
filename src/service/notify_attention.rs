//! What of notifications needs a person: channels and addresses that cannot be used, messages that were given up, a courier that is not
//! there.

use std::collections::BTreeSet;

use crate::config::notify_settings::has_channels_of_courier;
use crate::kernel::error::VerbError;
use crate::kernel::ids::EpochSeconds;
use crate::kernel::queries::Snapshot;
use crate::kernel::rules::address::shown;
use crate::kernel::rules::inbox::{Kind, Waiting};
use crate::kernel::store;
use crate::service::Service;

/// Time without a courier after which that is shown, seconds.
pub const ABSENCE_SECONDS: i64 = 120;

/// What is known apart from any snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NotifyFacts {
    /// Names of the channels.
    pub channels: BTreeSet<String>,
    /// Whether the courier sends by any of them.
    pub needs_courier: bool,
    /// Since when the courier is not there.
    pub absent_since: Option<EpochSeconds>,
}

impl NotifyFacts {
    /// Those of now.
    pub fn of(service: &Service) -> Self {
        Self {
            channels: service.configuration.policy().notify.channels.keys().cloned().collect(),
            needs_courier: has_channels_of_courier(&service.configuration.settings().channels),
            absent_since: service.outbox_bell.absent_since(service.started_at),
        }
    }

    /// Since when nobody takes messages, where that has lasted.
    pub fn long_absence(&self, now: EpochSeconds) -> Option<EpochSeconds> {
        let is_long = |since: &EpochSeconds| now.saturating_sub(*since) >= ABSENCE_SECONDS;
        self.absent_since.filter(|since| self.needs_courier && is_long(since))
    }
}

/// The rows of the inbox.
///
/// # Errors
/// A fault of the database.
pub fn waiting(snapshot: &Snapshot<'_>, facts: &NotifyFacts) -> Result<Vec<Waiting>, VerbError> {
    let mut found = Vec::new();
    if facts.channels.is_empty() {
        return Ok(found);
    }
    let connection = snapshot.connection;
    for state in store::routes::list_channels(connection)? {
        let is_there = facts.channels.contains(&state.channel);
        if let Some(reason) = state.deaf_reason().filter(|_| is_there) {
            let cause = format!("nothing is heard of the channel {}: {reason}", state.channel);
            found.push(Waiting::of_host(Kind::ChannelBroken, cause, "kanban reload"));
        }
        if let Some(reason) = state.partly_deaf_reason().filter(|_| is_there) {
            let cause =
                format!("not everything is heard of the channel {}: {reason}", state.channel);
            found.push(Waiting::of_host(Kind::ChannelBroken, cause, "kanban reload"));
        }
        let Some(since) = state.broken_since.filter(|_| is_there) else { continue };
        let reason = state.reason.unwrap_or_default();
        let cause = format!("the channel {} cannot be used: {reason}", state.channel);
        let command = format!("kanban notify retry {}", state.channel);
        let row = Waiting::of_host(Kind::ChannelBroken, cause, command);
        found.push(Waiting { since: Some(since), ..row });
    }
    for route in store::routes::list(connection)? {
        let is_there = facts.channels.contains(&route.channel);
        let Some(since) = route.broken_since.filter(|_| is_there) else { continue };
        let reason = route.reason.unwrap_or_default();
        let cause = format!(
            "the address {} of {} refuses messages: {reason}",
            shown(&route.address),
            route.channel
        );
        let command = format!("kanban notify retry {}", route.channel);
        let row = Waiting::of_host(Kind::ChannelBroken, cause, command);
        found.push(Waiting { since: Some(since), ..row });
    }
    if let Some(since) = facts.long_absence(snapshot.now) {
        let cause = "no courier takes messages: nothing is sent".to_owned();
        let row = Waiting::of_host(Kind::CourierAbsent, cause, "kanban doctor");
        found.push(Waiting { since: Some(since), ..row });
    }
    for count in store::outbox::count_by_channel(connection)? {
        if count.dead > 0 && facts.channels.contains(&count.channel) {
            let cause = format!("messages of {} were given up", count.channel);
            let row = Waiting::of_host(Kind::DeadLetters, cause, "kanban notify dead");
            found.push(Waiting { count: count.dead, ..row });
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absence_is_told_when_it_lasts_and_the_courier_has_something_to_send_by() {
        let facts = |needs_courier, absent_since| NotifyFacts {
            channels: BTreeSet::from(["ops".to_owned()]),
            needs_courier,
            absent_since,
        };
        for (facts, now, expected) in [
            (facts(true, Some(0)), ABSENCE_SECONDS, Some(0)),
            (facts(true, Some(0)), ABSENCE_SECONDS - 1, None),
            (facts(true, None), ABSENCE_SECONDS, None),
            (facts(false, Some(0)), ABSENCE_SECONDS, None),
        ] {
            assert_eq!(facts.long_absence(now), expected, "{facts:?}");
        }
    }
}
