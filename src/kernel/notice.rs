//! What the daemon and the courier say to each other: the neutral message, the rows that are leased, and what became of them. Pure.
//!
//! The text is decided when the event is committed and does not change afterwards; how it reads on a phone is the courier's matter.
//! Fields are added, never changed or removed: a daemon and a courier of two releases work together.

use serde::{Deserialize, Serialize};

/// What a message asks of people.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Something needs a person: loud, names one, has buttons.
    Ask,
    /// News: silent.
    News,
    /// Several of them in one.
    Digest,
    /// Sent by hand, to see whether it arrives.
    Test,
}

/// A neutral message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Notice {
    /// What it asks of people.
    pub class: Class,
    /// Kind of the event, or the key of a notice without one.
    pub kind: String,
    /// The event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_id: Option<i64>,
    /// When it happened, in epoch seconds.
    pub at: i64,
    /// The board.
    pub board: String,
    /// The task it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<NoticeTask>,
    /// One sentence.
    pub headline: String,
    /// The reason or the summary, whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<String>,
    /// The question that waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<NoticeQuestion>,
    /// Who is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mention: Option<Mention>,
    /// What may be pressed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<Button>,
    /// Attached files: never their bytes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<NoticeFile>,
    /// Entries of a digest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<Item>,
    /// Whether it makes no sound.
    #[serde(default)]
    pub is_silent: bool,
}

/// The task of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct NoticeTask {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its status.
    pub status: String,
    /// Whose it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee: Option<String>,
}

/// The question of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct NoticeQuestion {
    /// Its id.
    pub id: String,
    /// What is asked.
    pub text: String,
    /// What may be chosen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// What holds without an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// Until when, in epoch seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_at: Option<i64>,
}

/// A person, as a channel knows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Mention {
    /// The name.
    pub name: String,
    /// The address on this channel.
    pub address: String,
}

/// Something that may be pressed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Button {
    /// What stands on it.
    pub label: String,
    /// `primary`, `success`, `danger`, or empty.
    #[serde(default)]
    pub style: String,
    /// What comes back when it is pressed. Says nothing and cannot be guessed.
    pub token: String,
}

/// An attached file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct NoticeFile {
    /// Its name.
    pub name: String,
    /// Its size.
    pub size_bytes: u64,
}

/// An entry of a digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Item {
    /// The task; empty for a notice without one.
    pub task: String,
    /// Its title; empty without a task.
    pub title: String,
    /// One sentence.
    pub sentence: String,
}

/// How a task stands, for the message that is edited in its room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Live {
    /// A sign for its state.
    pub sign: String,
    /// Its title.
    pub title: String,
    /// Its state in words.
    pub state: String,
    /// Which run of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<i64>,
    /// Since when, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age: Option<String>,
    /// The newest of its news.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_line: Option<String>,
    /// Its id.
    pub id: String,
    /// Its status.
    pub status: String,
}

/// A row of the outbox that is to be sent now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Row {
    /// Its id.
    pub id: i64,
    /// The lease.
    pub lease: String,
    /// The channel.
    pub channel: String,
    /// Where on the channel.
    pub address: String,
    /// The thread or topic there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    /// The same at every attempt: 20 characters of a-z and 2-7.
    pub dedupe: String,
    /// Which attempt it is, from 1 on.
    pub attempt: i64,
    /// Whether it may have been sent before.
    #[serde(default)]
    pub is_repeat: bool,
    /// The provider's id of the message that it answers to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// What it says.
    pub notice: Notice,
}

/// A message that is to be changed now, or sent when there is none yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Edit {
    /// Its id among the messages.
    pub id: i64,
    /// The lease.
    pub lease: String,
    /// The channel.
    pub channel: String,
    /// Where on the channel.
    pub address: String,
    /// The thread or topic there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    /// The provider's id of the message; none for the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<String>,
    /// How the task stands.
    pub live: Live,
}

/// For whom a provider's limit holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RateScope {
    /// One route.
    Route,
    /// Every route of the channel.
    Channel,
}

/// What became of a row or an edit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The provider has it.
    Sent {
        /// The provider's id of the message, where it gives one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provider_id: Option<String>,
    },
    /// Not now, by the provider's own limit; no attempt is counted.
    Rate {
        /// How long to wait.
        after_ms: u64,
        /// Who waits.
        scope: RateScope,
    },
    /// It may work later.
    Temporary {
        /// A word for figures and tables.
        code: String,
        /// One line, without secrets.
        error: String,
    },
    /// It never works.
    Permanent {
        /// The same.
        code: String,
        /// The same.
        error: String,
    },
    /// It may have been sent.
    Unknown {
        /// The same.
        code: String,
        /// The same.
        error: String,
    },
    /// The channel works for nobody.
    ChannelDead {
        /// The same.
        code: String,
        /// The same.
        error: String,
    },
    /// The route has another address now; the message was not sent.
    Moved {
        /// The new one.
        address: String,
    },
    /// The message to edit is not there any longer: a new one is wanted.
    Gone,
}

/// Asks for rows.
#[derive(Debug, Clone, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LeaseRequest {
    /// At most so many rows and edits.
    pub max: u32,
    /// How long to wait until something is due.
    #[serde(default)]
    pub wait_ms: u64,
    /// The version of the channels that the courier knows: another one ends the waiting.
    #[serde(default)]
    pub version: Option<String>,
}

/// What is to be sent now.
#[derive(Debug, Clone, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Leased {
    /// Rows of the outbox: at most one per route.
    #[serde(default)]
    pub rows: Vec<Row>,
    /// Messages to change.
    #[serde(default)]
    pub edits: Vec<Edit>,
    /// Whether the channels have changed.
    #[serde(default)]
    pub reload: bool,
}

/// What became of one row or edit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settled {
    /// The row, or the edit.
    pub id: i64,
    /// Which of both.
    #[serde(default)]
    pub is_edit: bool,
    /// The lease under which it was attempted.
    pub lease: String,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of several.
#[derive(Debug, Clone, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SettleRequest {
    /// One entry for each.
    pub results: Vec<Settled>,
}

/// The channels of the configuration.
#[derive(Debug, Clone, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Channels {
    /// Another one for every other configuration.
    pub version: String,
    /// Each.
    pub channels: Vec<ChannelSetting>,
    /// How long a lease holds.
    pub lease_ms: u64,
    /// Longest time of an attempt.
    pub attempt_ms: u64,
    /// Longest time that a provider is asked to wait for something that people do.
    #[serde(default = "poll_ms")]
    pub poll_ms: u64,
}

/// As a daemon has it that does not say.
fn poll_ms() -> u64 {
    50_000
}

/// A channel of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ChannelSetting {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// Where the provider is, when not at its usual address.
    #[serde(default)]
    pub url: Option<String>,
    /// The NAME of its credential.
    #[serde(default)]
    pub credential: Option<String>,
    /// Ranges of addresses that are not public and may be used.
    #[serde(default)]
    pub allow: Vec<String>,
    /// Whether a service on this host may be used without TLS.
    #[serde(default)]
    pub allow_http: bool,
    /// Whether what people do there is heard; none: as its kind has it.
    #[serde(default)]
    pub listen: Option<bool>,
}

/// How a channel stands, as its courier sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelReport {
    /// The channel.
    pub channel: String,
    /// `ok`, `broken`, `deaf`, `partly_deaf` or `hears`.
    pub state: ChannelState,
    /// Why it is not `ok`.
    #[serde(default)]
    pub reason: Option<String>,
}

/// Whether a channel can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChannelState {
    /// It can.
    Ok,
    /// It cannot.
    Broken,
    /// Messages go, and nothing is heard: another program hears in its stead, or the provider does not answer.
    Deaf,
    /// Messages go, and what people write at some addresses cannot be read.
    PartlyDeaf,
    /// People are heard again.
    Hears,
}
