//! The keys that are about what leaves the daemon: notifications and figures.

use std::time::Duration;

use super::key::{Example, Key, Kind, Section, Shape};

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3_600);
const WEEK: Duration = Duration::from_secs(7 * 24 * 3_600);

/// Kinds of channels that can be configured.
pub(super) const CHANNEL_KINDS: &[&str] =
    &["telegram", "slack", "discord", "matrix", "ntfy", "mattermost", "mail", "webhook", "command"];

pub(super) const NOTIFY: &[Key] = &[
    Key {
        name: "courier",
        kind: Kind::Choice(&["auto", "off"]),
        default: Some("\"auto\""),
        example: None,
        unit: None,
        doc: "Start of `kanban-courier`, the program that sends messages: \"auto\", the daemon starts it as soon as a channel is \
         configured, unless a service manager started the daemon; \"off\", the daemon does not.",
    },
    Key {
        name: "on_call",
        kind: Kind::OptionalText,
        default: Some("\"\""),
        example: None,
        unit: None,
        doc: "Person to name in messages that need one and whose subscription names nobody. Empty: nobody.",
    },
    Key {
        name: "lease",
        kind: Kind::Duration { min: MILLISECOND, max: HOUR },
        default: Some("\"90s\""),
        example: None,
        unit: None,
        doc: "Time after which a message that the courier took is sent again, if nothing was heard of it.",
    },
    Key {
        name: "attempt",
        kind: Kind::Duration { min: MILLISECOND, max: HOUR },
        default: Some("\"30s\""),
        example: None,
        unit: None,
        doc: "Time limit of one attempt to send a message; less than `lease`.",
    },
    Key {
        name: "backoff_base",
        kind: Kind::Duration { min: MILLISECOND, max: HOUR },
        default: Some("\"1s\""),
        example: None,
        unit: None,
        doc: "Pause after the first temporary failure of a message, and before a courier that ended is started again; it doubles each time.",
    },
    Key {
        name: "backoff_max",
        kind: Kind::Duration { min: MILLISECOND, max: HOUR },
        default: Some("\"10m\""),
        example: None,
        unit: None,
        doc: "Longest pause between two attempts.",
    },
    Key {
        name: "give_up",
        kind: Kind::Duration { min: MILLISECOND, max: WEEK },
        default: Some("\"1d\""),
        example: None,
        unit: None,
        doc: "Time after which a message to a person is given up (`kanban notify dead`).",
    },
    Key {
        name: "probe",
        kind: Kind::Duration { min: MILLISECOND, max: WEEK },
        default: Some("\"1h\""),
        example: None,
        unit: None,
        doc: "Pause between two tries of an address or channel that is broken.",
    },
    Key {
        name: "poll",
        kind: Kind::Duration { min: SECOND, max: Duration::from_secs(50) },
        default: Some("\"50s\""),
        example: None,
        unit: None,
        doc: "Longest time that a provider is asked to wait for something that people do in a chat; whole seconds.",
    },
    Key {
        name: "digest",
        kind: Kind::OptionalText,
        default: Some("\"09:00\""),
        example: None,
        unit: None,
        doc: "Time of the day at which the questions that are still open after two reminders are listed, once for each address, in the time \
         zone of the channel's quiet hours, else of the host. Empty: never.",
    },
];

/// Channels, by name.
pub(super) const CHANNELS: Section = Section {
    name: "channels",
    doc: "One table per channel: a way to reach people or programs. See docs/notifications.md.",
    shape: Shape::Named {
        examples: &[Example {
            name: "telegram",
            keys: &[
                "kind",
                "credential",
                "url",
                "argv",
                "allow",
                "allow_http",
                "retry",
                "limit_per_minute",
                "listen",
                "quiet",
            ],
        }],
    },
    keys: CHANNEL,
};

const CHANNEL: &[Key] = &[
    Key {
        name: "kind",
        kind: Kind::Choice(CHANNEL_KINDS),
        default: None,
        example: Some("\"telegram\""),
        unit: None,
        doc: "Kind of the channel.",
    },
    Key {
        name: "url",
        kind: Kind::Text,
        default: None,
        example: Some("\"https://ntfy.example.org\""),
        unit: None,
        doc: "Server of the channel, if it is not the provider's own; for mail, such as `smtps://mail.example.org`.",
    },
    Key {
        name: "argv",
        kind: Kind::TextList,
        default: None,
        example: Some("[\"/usr/local/bin/tell-me\"]"),
        unit: None,
        doc: "Program of a channel of kind \"command\", with its arguments; no shell reads them.",
    },
    Key {
        name: "credential",
        kind: Kind::Text,
        default: None,
        example: Some("\"telegram\""),
        unit: None,
        doc: "Name of the file with the channel's secret, below `credentials` of the home or of `/etc/kanband`; never the secret \
         itself.",
    },
    Key {
        name: "allow",
        kind: Kind::TextList,
        default: Some("[]"),
        example: None,
        unit: None,
        doc: "Address ranges that are not public and may be reached, such as `[\"10.0.0.0/8\"]`.",
    },
    Key {
        name: "allow_http",
        kind: Kind::Bool,
        default: Some("false"),
        example: None,
        unit: None,
        doc: "Allow HTTP without TLS to addresses in `allow` and to the loopback.",
    },
    Key {
        name: "retry",
        kind: Kind::TextList,
        default: Some("[]"),
        example: None,
        unit: None,
        doc: "Pauses after failures, one after the other, such as `[\"5s\", \"5m\"]`; after the last one the message is given up. \
         Empty: for people, doubling pauses for `notify.give_up`; for webhooks and commands, ten attempts over three days.",
    },
    Key {
        name: "limit_per_minute",
        kind: Kind::Integer { min: 1, max: 100_000 },
        default: None,
        example: Some("20"),
        unit: Some("messages"),
        doc: "Maximum number of messages and edits for one address in a minute; without it, 20 for Telegram, 6000 for webhooks \
         and commands, 60 for the others.",
    },
    Key {
        name: "listen",
        kind: Kind::Bool,
        default: None,
        example: Some("true"),
        unit: None,
        doc: "Hear what people write and press there: kinds \"telegram\", \"slack\", \"discord\" and \"matrix\". Without it, only \
         Telegram is heard. See docs/chat.md.",
    },
    Key {
        name: "quiet",
        kind: Kind::Text,
        default: None,
        example: Some("\"22:00-07:00 Europe/Berlin\""),
        unit: None,
        doc: "Quiet hours: news waits until they end, and what needs a person makes no sound. Without a zone, that of the host.",
    },
];

pub(super) const METRICS: &[Key] = &[Key {
    name: "listen",
    kind: Kind::OptionalAddress,
    default: Some("\"\""),
    example: None,
    unit: None,
    doc: "Address and port for `GET /metrics` over TCP, without authentication; a port alone means the loopback \
     address. Empty: none. Applies after a restart of the daemon.",
}];
