//! What is configured about notifications, as far as the rules of the outbox need it.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use crate::kernel::rules::clear::HeldSecrets;
use crate::kernel::rules::daily::DailyTime;
use crate::kernel::rules::guard::Range;
use crate::kernel::rules::quiet::QuietHours;

/// The address that means the channel which a hook was made for.
pub const OWN_CHANNEL: &str = "-";

/// How the address of a person begins where a number alone is a channel (Discord).
pub const PERSON: &str = "user:";

/// What a channel speaks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelKind {
    /// A bot of Telegram.
    Telegram,
    /// A topic of an ntfy server.
    Ntfy,
    /// A bot or a hook of Mattermost.
    Mattermost,
    /// A bot or a hook of Slack.
    Slack,
    /// A bot or a webhook of Discord.
    Discord,
    /// A homeserver of Matrix.
    Matrix,
    /// A mail server.
    Mail,
    /// A program behind a URL.
    Webhook,
    /// A program on this host, which the daemon starts.
    Command,
}

impl ChannelKind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Telegram,
        Self::Slack,
        Self::Discord,
        Self::Matrix,
        Self::Ntfy,
        Self::Mattermost,
        Self::Mail,
        Self::Webhook,
        Self::Command,
    ];

    /// The word in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Telegram => "telegram",
            Self::Slack => "slack",
            Self::Discord => "discord",
            Self::Matrix => "matrix",
            Self::Ntfy => "ntfy",
            Self::Mattermost => "mattermost",
            Self::Mail => "mail",
            Self::Webhook => "webhook",
            Self::Command => "command",
        }
    }

    /// The kind with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// What is wrong with the form of an address; none when it may be one.
    pub fn problem_with(self, address: &str) -> Option<&'static str> {
        let is_number = |text: &str| !text.is_empty() && text.chars().all(|it| it.is_ascii_digit());
        let has_blank = address.chars().any(|it| it.is_whitespace() || it.is_control());
        match self {
            Self::Telegram => {
                let digits = address.strip_prefix('-').unwrap_or(address);
                let is_name = address.strip_prefix('@').is_some_and(|name| name.len() > 4);
                let is_fine = (is_number(digits) && digits.len() <= 16) || (is_name && !has_blank);
                (!is_fine).then_some("must be the number of a chat, or the @name of a channel")
            }
            Self::Ntfy => {
                let is_fine = |it: char| it.is_ascii_alphanumeric() || it == '_' || it == '-';
                let is_topic = (1..=64).contains(&address.len()) && address.chars().all(is_fine);
                (!is_topic).then_some("must be a topic: up to 64 letters, digits, - and _")
            }
            Self::Mail => {
                let parts = address.split_once('@').filter(|(name, host)| {
                    !name.is_empty() && !host.is_empty() && !host.contains('@')
                });
                (parts.is_none() || has_blank).then_some("must be a mail address")
            }
            Self::Webhook => {
                let is_url =
                    ["https://", "http://"].iter().any(|scheme| address.starts_with(scheme));
                (!is_url || has_blank).then_some("must be a URL that begins with https://")
            }
            Self::Mattermost => {
                has_blank.then_some("must be the name of a channel, or its id for a bot")
            }
            Self::Matrix => {
                let is_id = (2..=255).contains(&address.len()) && address.starts_with('!');
                (!is_id || has_blank).then_some(
                    "must be the id of a room, such as !aBc:example.org: an alias may come to mean another room",
                )
            }
            Self::Discord => {
                let id = address.strip_prefix(PERSON).unwrap_or(address);
                let is_id = is_number(id) && (15..=20).contains(&id.len());
                (!is_id && address != OWN_CHANNEL).then_some(
                    "must be the id of a channel, a number such as 846000000000000001, user: and the id of a person, or - for the channel of a webhook",
                )
            }
            Self::Slack => {
                let is_id = (9..=32).contains(&address.len())
                    && address.starts_with(['C', 'G', 'D', 'U', 'W'])
                    && address.chars().all(|it| it.is_ascii_uppercase() || it.is_ascii_digit());
                (!is_id && address != OWN_CHANNEL).then_some(
                    "must be the id of a channel or a person, such as C024BE91L, or - for the channel of a hook",
                )
            }
            Self::Command => {
                let is_text = !address.chars().any(char::is_control);
                (!is_text).then_some("must be a line of text")
            }
        }
    }

    /// Whether a program reads it: it gets each event as it is, never a digest.
    pub fn is_machine(self) -> bool {
        match self {
            Self::Webhook | Self::Command => true,
            Self::Telegram
            | Self::Slack
            | Self::Discord
            | Self::Matrix
            | Self::Ntfy
            | Self::Mattermost
            | Self::Mail => false,
        }
    }

    /// Whether a message at this address can be changed after it was sent. Hooks have addresses of their own, because only the
    /// courier knows whether a credential is one.
    pub fn edits(self, address: &str) -> bool {
        match self {
            Self::Telegram | Self::Discord | Self::Matrix | Self::Ntfy => true,
            Self::Slack => address != OWN_CHANNEL,
            Self::Mattermost => is_mattermost_id(address),
            Self::Mail | Self::Webhook | Self::Command => false,
        }
    }

    /// Whether the courier can hear what people do there.
    pub fn has_inbound(self) -> bool {
        match self {
            Self::Telegram | Self::Slack | Self::Discord | Self::Matrix => true,
            Self::Ntfy | Self::Mattermost | Self::Mail | Self::Webhook | Self::Command => false,
        }
    }

    /// Whether it is heard what people do there, as configured. A bot of Telegram needs nothing further for that; elsewhere the operator has
    /// to let the application hear, and says so.
    pub fn is_heard(self, listen: Option<bool>) -> bool {
        self.has_inbound() && listen.unwrap_or(self == Self::Telegram)
    }

    /// Whether what asks there has buttons: only what hears can be pressed, and Matrix has none.
    pub fn has_buttons(self) -> bool {
        match self {
            Self::Telegram | Self::Slack | Self::Discord => true,
            Self::Matrix
            | Self::Ntfy
            | Self::Mattermost
            | Self::Mail
            | Self::Webhook
            | Self::Command => false,
        }
    }

    /// Whether the daemon sends by it itself, by a program that it starts; all others are the courier's.
    pub fn is_of_daemon(self) -> bool {
        match self {
            Self::Command => true,
            Self::Telegram
            | Self::Slack
            | Self::Discord
            | Self::Matrix
            | Self::Ntfy
            | Self::Mattermost
            | Self::Mail
            | Self::Webhook => false,
        }
    }

    /// Messages and edits of one route in a minute, unless configured.
    pub fn limit_per_minute(self) -> u32 {
        match self {
            Self::Telegram => 20,
            Self::Slack
            | Self::Discord
            | Self::Matrix
            | Self::Ntfy
            | Self::Mattermost
            | Self::Mail => 60,
            Self::Webhook | Self::Command => 6_000,
        }
    }
}

/// Whether a text is an id of Mattermost, by which a bot knows a channel. A hook knows it by its name.
pub fn is_mattermost_id(text: &str) -> bool {
    text.len() == 26 && text.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit())
}

/// A configured channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelPolicy {
    /// What it speaks to.
    pub kind: ChannelKind,
    /// Pauses after temporary failures, one after the other, milliseconds; empty: they double.
    pub retry_ms: Vec<i64>,
    /// Messages and edits of one route in a minute.
    pub limit_per_minute: u32,
    /// When its people sleep.
    pub quiet: Option<QuietHours>,
    /// Whether it gets every event of every board, without a subscription.
    pub hears_all: bool,
    /// Ranges of addresses that are not public and may be used.
    pub allow: Vec<Range>,
    /// Whether a service on this host may be used without TLS.
    pub allow_http: bool,
    /// Whether it is heard what people do there.
    pub is_heard: bool,
}

impl ChannelPolicy {
    /// A channel of which nothing but its kind is configured.
    pub fn of_kind(kind: ChannelKind) -> Self {
        Self {
            kind,
            retry_ms: Vec::new(),
            limit_per_minute: kind.limit_per_minute(),
            quiet: None,
            hears_all: false,
            allow: Vec::new(),
            allow_http: false,
            is_heard: kind.is_heard(None),
        }
    }
}

/// What is configured about notifications.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotifyPolicy {
    /// Channels by name.
    pub channels: BTreeMap<String, ChannelPolicy>,
    /// Addresses of people: by name, then by kind of channel.
    pub people: BTreeMap<String, BTreeMap<String, String>>,
    /// When people sleep, by name.
    pub people_quiet: BTreeMap<String, QuietHours>,
    /// Who is named when nobody else is.
    pub on_call: Option<String>,
    /// How long a lease holds, milliseconds.
    pub lease_ms: i64,
    /// First pause after a temporary failure, milliseconds.
    pub backoff_base_ms: i64,
    /// Longest one, milliseconds.
    pub backoff_max_ms: i64,
    /// How long a message is tried, milliseconds.
    pub give_up_ms: i64,
    /// Between two tries of what is broken, milliseconds.
    pub probe_ms: i64,
    /// Shortest time between two edits of one message, milliseconds.
    pub edit_pause_ms: i64,
    /// When an open question is asked again, after the message before, milliseconds.
    pub remind_ms: Vec<i64>,
    /// When questions that are still open after that are listed each day; none: never.
    pub digest: Option<DailyTime>,
    /// The time zone of the host.
    pub zone: TimeZone,
    /// Secret values that nothing that is sent may have.
    pub secrets: HeldSecrets,
}

impl NotifyPolicy {
    /// Channels that get every event, by their names.
    pub fn hearing_all(&self) -> impl Iterator<Item = &str> {
        let all = self.channels.iter().filter(|(_, channel)| channel.hears_all);
        all.map(|(name, _)| name.as_str())
    }

    /// When the open questions of an address with these quiet hours are listed next, after `now_ms`; epoch milliseconds.
    pub fn next_digest_ms(&self, quiet: Option<&QuietHours>, now_ms: i64) -> Option<i64> {
        self.digest?.next_ms(now_ms, self.zone_of(quiet))
    }

    /// The time zone of an address: that of its quiet hours, else the host's.
    pub fn zone_of<'a>(&'a self, quiet: Option<&'a QuietHours>) -> &'a TimeZone {
        quiet.map_or(&self.zone, QuietHours::zone)
    }

    /// The address of a person on a kind of channel.
    pub fn address(&self, person: &str, kind: ChannelKind) -> Option<&str> {
        self.people.get(person)?.get(kind.as_str()).map(String::as_str)
    }
}

/// The address of a channel that gets every event.
pub const EVERYTHING: &str = "everything";

const SECOND_MS: i64 = 1_000;
const HOUR_MS: i64 = 3_600 * SECOND_MS;

impl Default for NotifyPolicy {
    fn default() -> Self {
        Self {
            channels: BTreeMap::new(),
            people: BTreeMap::new(),
            people_quiet: BTreeMap::new(),
            on_call: None,
            lease_ms: 90 * SECOND_MS,
            backoff_base_ms: SECOND_MS,
            backoff_max_ms: 600 * SECOND_MS,
            give_up_ms: 24 * HOUR_MS,
            probe_ms: HOUR_MS,
            edit_pause_ms: 3 * SECOND_MS,
            remind_ms: vec![4 * HOUR_MS, 20 * HOUR_MS],
            digest: None,
            zone: TimeZone::UTC,
            secrets: HeldSecrets::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_the_form_that_its_kind_takes() {
        for (kind, fine, wrong) in [
            (
                ChannelKind::Slack,
                &["C024BE91L", "G024BE91L", "D024BE91L", "U024BE91L", "W024BE91L", "-"][..],
                &["", "general", "#general", "C024", "c024be91l", "X024BE91L", "C024 E91L"][..],
            ),
            (
                ChannelKind::Discord,
                &["846000000000000001", "11460000000000000001", "-"][..],
                &["", "general", "4711", "114600000000000000001", "<#846000000000000001>"][..],
            ),
            (
                ChannelKind::Matrix,
                &["!aBc:example.org", "!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM"][..],
                &["", "!", "#board:example.org", "@ada:example.org", "!a b:example.org"][..],
            ),
        ] {
            for address in fine {
                assert_eq!(kind.problem_with(address), None, "{kind:?} {address}");
            }
            for address in wrong {
                assert!(kind.problem_with(address).is_some(), "{kind:?} {address}");
            }
        }
    }

    #[test]
    fn a_kind_is_known_by_its_word() {
        for kind in ChannelKind::ALL {
            assert_eq!(ChannelKind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(ChannelKind::parse("carrier-pigeon"), None);
    }

    #[test]
    fn what_a_hook_has_sent_cannot_be_changed_unless_the_provider_gives_its_id() {
        for (kind, address, expected) in [
            (ChannelKind::Telegram, "7", true),
            (ChannelKind::Slack, "C024BE91L", true),
            (ChannelKind::Slack, OWN_CHANNEL, false),
            (ChannelKind::Discord, OWN_CHANNEL, true),
            (ChannelKind::Mattermost, "town-square", false),
            (ChannelKind::Mattermost, "4xp9fdt7pbyxdjsr3wnfp5oy1h", true),
            (ChannelKind::Webhook, "https://h/", false),
        ] {
            assert_eq!(kind.edits(address), expected, "{kind:?} {address}");
        }
    }
}
