//! From the channels that the settings name to what the rules of the outbox need, and what is wrong with them.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::config::notify_settings::Channel;
use crate::config::problem::{ConfigProblems, Problem, ProblemKind};
use crate::config::settings::Settings;
use crate::kernel::notify_policy::{ChannelKind, ChannelPolicy, NotifyPolicy};
use crate::kernel::rules::daily::DailyTime;
use crate::kernel::rules::quiet::QuietHours;
use crate::os::home::hook_files::HookFile;

/// What is wrong with quiet hours.
const NO_QUIET_HOURS: &str =
    "expected hours such as \"22:00-07:00\" or \"22:00-07:00 Europe/Berlin\"";

/// What the rules of the board need of it.
pub fn notify_policy(settings: &Settings, local_zone: &str, hooks: &[HookFile]) -> NotifyPolicy {
    let ms = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    let channel = |(name, channel): (&String, &Channel)| {
        let kind = ChannelKind::parse(&channel.kind)?;
        let quiet = channel.quiet.as_deref();
        let policy = ChannelPolicy {
            kind,
            retry_ms: channel.retry.iter().map(|pause| ms(*pause)).collect(),
            limit_per_minute: channel.limit_per_minute.unwrap_or(kind.limit_per_minute()),
            quiet: quiet.and_then(|quiet| QuietHours::parse(quiet, local_zone)),
            hears_all: false,
            // One that is none is the courier's to report.
            allow: channel.allow.iter().filter_map(|range| range.parse().ok()).collect(),
            allow_http: channel.allow_http,
            is_heard: kind.is_heard(channel.listen),
        };
        Some((name.clone(), policy))
    };
    let hook = |hook: &HookFile| {
        let of_kind = ChannelPolicy::of_kind(ChannelKind::Command);
        (channel_of_hook(hook), ChannelPolicy { hears_all: true, ..of_kind })
    };
    let people = settings.people.iter().map(|(name, person)| {
        let addresses = [
            (ChannelKind::Telegram, &person.telegram),
            (ChannelKind::Slack, &person.slack),
            (ChannelKind::Discord, &person.discord),
            (ChannelKind::Matrix, &person.matrix),
            (ChannelKind::Mattermost, &person.mattermost),
            (ChannelKind::Mail, &person.mail),
        ];
        let addresses: BTreeMap<String, String> = addresses
            .into_iter()
            .filter_map(|(kind, address)| Some((kind.as_str().to_owned(), address.clone()?)))
            .collect();
        (name.clone(), addresses)
    });
    let people_quiet = settings.people.iter().filter_map(|(name, person)| {
        Some((name.clone(), QuietHours::parse(person.quiet.as_deref()?, local_zone)?))
    });
    let notify = &settings.notify;
    NotifyPolicy {
        channels: settings
            .channels
            .iter()
            .filter_map(channel)
            .chain(hooks.iter().map(hook))
            .collect(),
        people: people.filter(|(_, addresses)| !addresses.is_empty()).collect(),
        people_quiet: people_quiet.collect(),
        on_call: notify.on_call.clone(),
        lease_ms: ms(notify.lease),
        backoff_base_ms: ms(notify.backoff_base),
        backoff_max_ms: ms(notify.backoff_max),
        give_up_ms: ms(notify.give_up),
        probe_ms: ms(notify.probe),
        digest: notify.digest.as_deref().and_then(DailyTime::parse),
        zone: TimeZone::get(local_zone).unwrap_or(TimeZone::UTC),
        ..NotifyPolicy::default()
    }
}

/// The channel of a program of `hooks.d`. A configured channel cannot have such a name.
pub fn channel_of_hook(hook: &HookFile) -> String {
    format!("hooks.d/{}", hook.name)
}

/// What is wrong with the channels of a configuration.
///
/// # Errors
/// All of it.
pub fn check_channels(settings: &Settings) -> Result<(), ConfigProblems> {
    let mut problems = Vec::new();
    let mut report = |key: String, message: &str| {
        let fault = ProblemKind::NotAccepted { message: message.to_owned() };
        problems.push(Problem { origin: "configuration".to_owned(), key: Some(key), fault });
    };
    let notify = &settings.notify;
    if notify.attempt >= notify.lease {
        report("notify.attempt".to_owned(), "must be less than notify.lease");
    }
    if notify.backoff_base > notify.backoff_max {
        report("notify.backoff_base".to_owned(), "must not be longer than notify.backoff_max");
    }
    if notify.digest.as_deref().is_some_and(|text| DailyTime::parse(text).is_none()) {
        report("notify.digest".to_owned(), "expected a time of the day such as \"09:00\", or \"\"");
    }
    for (name, person) in &settings.people {
        if person.quiet.as_deref().is_some_and(|text| QuietHours::parse(text, "UTC").is_none()) {
            report(format!("people.{name}.quiet"), NO_QUIET_HOURS);
        }
    }
    for (name, channel) in &settings.channels {
        let key = |key: &str| format!("channels.{name}.{key}");
        let is_plain =
            |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || "_-".contains(it);
        if name.len() > 64 || !name.chars().all(is_plain) {
            report(format!("channels.{name}"), "the name takes a-z, 0-9, - and _");
        }
        if channel.kind.is_empty() {
            report(key("kind"), "is missing: name the kind of the channel");
        }
        if let Some((word, message)) = problem_of_command(channel) {
            report(key(word), message);
        }
        let is_deaf = ChannelKind::parse(&channel.kind).is_some_and(|kind| !kind.has_inbound());
        if is_deaf && channel.listen == Some(true) {
            report(key("listen"), "nothing is heard of channels of this kind");
        }
        if let Some(quiet) = &channel.quiet
            && QuietHours::parse(quiet, "UTC").is_none()
        {
            report(key("quiet"), NO_QUIET_HOURS);
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(ConfigProblems(problems)) }
}

/// What a channel by a program has and all others have not; the key, and what is wrong.
fn problem_of_command(channel: &Channel) -> Option<(&'static str, &'static str)> {
    if !channel.is_command() {
        let has_argv = !channel.argv.is_empty();
        return has_argv.then_some(("argv", "is only for channels of kind \"command\""));
    }
    let program = channel.argv.first().filter(|program| !program.is_empty());
    [
        ("argv", program.is_none(), "is missing: name the program that sends"),
        ("credential", channel.credential.is_some(), "is not used by channels of kind \"command\""),
        ("url", channel.url.is_some(), "is not used by channels of kind \"command\""),
    ]
    .into_iter()
    .find_map(|(key, is_wrong, message)| is_wrong.then_some((key, message)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load::tests::settings;

    #[test]
    fn channels_are_named_with_their_kind_and_times_fit_together() {
        for (text, expected) in [
            ("[channels.ops]\nkind = \"ntfy\"", ""),
            ("[channels.ops]\ncredential = \"x\"", "channels.ops.kind"),
            ("[channels.Ops]\nkind = \"ntfy\"", "channels.Ops"),
            ("[channels.ops]\nkind = \"ntfy\"\nquiet = \"at night\"", "channels.ops.quiet"),
            ("[channels.ops]\nkind = \"ntfy\"\nlisten = true", "channels.ops.listen"),
            ("[channels.ops]\nkind = \"ntfy\"\nlisten = false", ""),
            ("[channels.ops]\nkind = \"slack\"\nlisten = true", ""),
            ("[channels.bell]\nkind = \"command\"\nargv = [\"/bin/true\"]", ""),
            ("[channels.bell]\nkind = \"command\"", "channels.bell.argv"),
            ("[channels.bell]\nkind = \"ntfy\"\nargv = [\"x\"]", "channels.bell.argv"),
            (
                "[channels.bell]\nkind = \"command\"\nargv = [\"x\"]\ncredential = \"x\"",
                "channels.bell.credential",
            ),
            ("[notify]\nattempt = \"2m\"", "notify.attempt"),
            ("[people.ada]\nquiet = \"at night\"", "people.ada.quiet"),
            ("[people.ada]\nquiet = \"22:00-07:00\"", ""),
            ("[notify]\ndigest = \"noon\"", "notify.digest"),
            ("[notify]\ndigest = \"\"", ""),
            ("[notify]\nbackoff_max = \"1ms\"", "notify.backoff_base"),
        ] {
            let found = check_channels(&settings(text)).err().map(|problems| problems.to_string());
            let found = found.unwrap_or_default();
            assert!(
                found.contains(expected) && found.is_empty() == expected.is_empty(),
                "{text}: {found}"
            );
        }
    }

    #[test]
    fn the_policy_has_channels_by_kind_and_people_by_address() {
        let text =
            "[channels.ops]\nkind = \"telegram\"\nretry = [\"50ms\"]\nquiet = \"22:00-07:00\"
            [people.ada]\ntelegram = \"4711\"\n[people.bob]";
        let hook = HookFile { name: "10-tell".to_owned(), path: "/x/10-tell".into() };
        let policy = notify_policy(&settings(text), "UTC", std::slice::from_ref(&hook));
        assert_eq!(policy.hearing_all().collect::<Vec<_>>(), ["hooks.d/10-tell"]);
        let ops = &policy.channels["ops"];
        assert_eq!((ops.kind, ops.limit_per_minute), (ChannelKind::Telegram, 20));
        assert_eq!((ops.retry_ms.as_slice(), ops.quiet.is_some()), ([50].as_slice(), true));
        assert!(ops.is_heard, "Telegram needs nothing further");
        assert_eq!(policy.address("ada", ChannelKind::Telegram), Some("4711"));
        assert_eq!(policy.address("ada", ChannelKind::Mail), None);
        assert_eq!(policy.people.len(), 1);
    }
}
