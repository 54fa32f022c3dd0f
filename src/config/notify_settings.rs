//! Settings of notifications: channels, and what holds for all of them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::duration::parse_duration;

/// Who starts the courier.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StartCourier {
    /// The daemon, where no service manager does.
    #[default]
    Auto,
    /// Not the daemon.
    Off,
}

/// `[notify]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Notify {
    /// Who starts the courier.
    pub courier: StartCourier,
    /// Person who is named when nobody else is.
    #[serde(deserialize_with = "optional_text")]
    pub on_call: Option<String>,
    /// How long the courier has a message before it goes again.
    #[serde(deserialize_with = "duration")]
    pub lease: Duration,
    /// Longest time of one attempt.
    #[serde(deserialize_with = "duration")]
    pub attempt: Duration,
    /// First pause after a failure.
    #[serde(deserialize_with = "duration")]
    pub backoff_base: Duration,
    /// Longest one.
    #[serde(deserialize_with = "duration")]
    pub backoff_max: Duration,
    /// How long a message to a person is tried.
    #[serde(deserialize_with = "duration")]
    pub give_up: Duration,
    /// Between two tries of a route or channel that is broken.
    #[serde(deserialize_with = "duration")]
    pub probe: Duration,
    /// Longest time that a provider is asked to wait for something that people do.
    #[serde(deserialize_with = "duration")]
    pub poll: Duration,
    /// Time of the day at which open questions are listed, as written.
    #[serde(deserialize_with = "optional_text")]
    pub digest: Option<String>,
}

impl Default for Notify {
    fn default() -> Self {
        Self {
            courier: StartCourier::Auto,
            on_call: None,
            lease: Duration::from_secs(90),
            attempt: Duration::from_secs(30),
            backoff_base: Duration::from_secs(1),
            backoff_max: Duration::from_secs(600),
            give_up: Duration::from_secs(86_400),
            probe: Duration::from_secs(3_600),
            poll: Duration::from_secs(50),
            digest: Some("09:00".to_owned()),
        }
    }
}

/// `[channels.NAME]`: a way to reach people or programs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Channel {
    /// What it speaks to.
    pub kind: String,
    /// Where that is, when not at its usual address.
    pub url: Option<String>,
    /// The program that sends, with its arguments.
    pub argv: Vec<String>,
    /// Name of its credential.
    pub credential: Option<String>,
    /// Ranges of addresses that are not public and may be used.
    pub allow: Vec<String>,
    /// Whether a service on this host may be used without TLS.
    pub allow_http: bool,
    /// Pauses after failures, one after the other; empty: as its kind has them.
    #[serde(deserialize_with = "durations")]
    pub retry: Vec<Duration>,
    /// Whether what people do there is heard; none: as its kind has it.
    pub listen: Option<bool>,
    /// Messages to one address in a minute.
    pub limit_per_minute: Option<u32>,
    /// When its people sleep, as written.
    pub quiet: Option<String>,
}

impl Channel {
    /// Whether the daemon sends by it itself, by a program that it starts.
    pub fn is_command(&self) -> bool {
        self.kind == "command"
    }
}

/// Whether any channel is one that the courier sends by.
pub fn has_channels_of_courier(channels: &BTreeMap<String, Channel>) -> bool {
    channels.values().any(|channel| !channel.is_command())
}

/// `[people.NAME]`: an assignee who works on tasks without a worker.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Person {
    /// Full name.
    pub full_name: Option<String>,
    /// Number of the user at Telegram.
    pub telegram: Option<String>,
    /// Id of the user at Slack.
    pub slack: Option<String>,
    /// Id of the user at Discord.
    pub discord: Option<String>,
    /// Id of the user at Matrix.
    pub matrix: Option<String>,
    /// Name of the user at Mattermost.
    pub mattermost: Option<String>,
    /// Mail address.
    pub mail: Option<String>,
    /// When the person sleeps, as written.
    pub quiet: Option<String>,
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_duration(&text).map_err(serde::de::Error::custom)
}

fn optional_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    String::deserialize(deserializer).map(|text| Some(text).filter(|text| !text.is_empty()))
}

fn durations<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Duration>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let read = |text: &String| parse_duration(text).map_err(serde::de::Error::custom);
    texts.iter().map(read).collect()
}
