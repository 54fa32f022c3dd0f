//! What was heard at a provider, in words that all of them share, and why nothing is heard.

use std::time::Duration;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::kernel::chat::{Chat, For, Inbound, Say, Sender, What};
use crate::kernel::notice::Outcome;
use crate::kernel::rules::url::SecretUrl;
use crate::notify::http::Failure;
use crate::notify::inbound::receipt::Receipt;
use crate::notify::inbound::words::Words;

/// Something that a person did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// For the daemon.
    pub inbound: Inbound,
    /// The provider's id of a press, which is answered in any case.
    pub press: Option<String>,
    /// Where the provider takes answers to this very thing, which only the person who did it sees. Secret.
    pub reply_url: Option<SecretUrl>,
    /// The message at which something was pressed, where it cannot be changed without knowing it.
    pub shown: Option<Value>,
    /// Says how far it is, for providers that are answered before it is done with.
    pub receipt: Option<Receipt>,
}

/// Who did something at a provider, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    /// The channel.
    pub channel: String,
    /// The provider's id of it.
    pub event_id: String,
    /// The provider's id of the user.
    pub user: String,
    /// Where.
    pub chat: Chat,
}

impl Deed {
    /// They wrote something, in a message or without one.
    pub fn text(self, message_id: Option<String>, words: Words) -> Heard {
        let Words { text, reply_to, is_addressed } = words;
        Heard::of(Inbound {
            message_id,
            ..self.inbound(What::Text { text, reply_to, is_addressed })
        })
    }

    /// They pressed a button at a message.
    pub fn press(self, press: String, token: String, message_id: String) -> Heard {
        let message_id = Some(message_id);
        let inbound = self.inbound(What::Press { token, message_id });
        Heard { press: Some(press), ..Heard::of(inbound) }
    }

    fn inbound(self, what: What) -> Inbound {
        let Self { channel, event_id, user, chat } = self;
        let from = Sender { id: user, is_bot: false };
        Inbound { channel, event_id, from, chat, message_id: None, what, cursor: None }
    }
}

impl Heard {
    /// That, and nothing else of it.
    pub fn of(inbound: Inbound) -> Self {
        Self { inbound, press: None, reply_url: None, shown: None, receipt: None }
    }

    /// The daemon has it.
    pub fn is_handed_in(&self) {
        self.receipt.iter().for_each(Receipt::handed_in);
    }

    /// It is done with.
    pub fn is_done(&self) {
        self.receipt.iter().for_each(Receipt::done);
    }

    /// What keeps its order: things of one chat and thread.
    pub fn lane(&self) -> (String, Option<String>) {
        (self.inbound.chat.address.clone(), self.inbound.chat.thread.clone())
    }

    /// Who asks, for requests on their behalf.
    pub fn person(&self) -> For {
        let Inbound { channel, event_id, from, chat, .. } = &self.inbound;
        For {
            channel: channel.clone(),
            event_id: event_id.clone(),
            user: from.id.clone(),
            address: chat.address.clone(),
            thread: chat.thread.clone(),
        }
    }

    /// The message that was written, or at which something was pressed.
    pub fn message_id(&self) -> Option<&str> {
        match &self.inbound.what {
            What::Text { .. } => self.inbound.message_id.as_deref(),
            What::Press { message_id, .. } => message_id.as_deref(),
        }
    }

    /// An answer to it. Where others read, it says to whom it answers.
    pub fn answer(&self, say: Say) -> Answer {
        let own = self.message_id().filter(|_| !self.inbound.chat.is_direct);
        let reply_to = say.reply_to.clone().or_else(|| own.map(str::to_owned));
        let id = digest(&format!("{} {}", self.inbound.event_id, say.text));
        // What was pressed stands in the chat, and so does what comes of it.
        let reply_url = self.reply_url.clone().filter(|_| self.press.is_none());
        let chat = self.inbound.chat.clone();
        Answer { say: Say { reply_to, ..say }, chat, is_output: false, id, reply_url }
    }
}

/// 24 hexadecimal digits for a text.
fn digest(text: &str) -> String {
    Sha256::digest(text).iter().take(12).map(|byte| format!("{byte:02x}")).collect()
}

/// A message that answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What it says.
    pub say: Say,
    /// Where.
    pub chat: Chat,
    /// Whether it is the output of a command, whose columns stand below each other.
    pub is_output: bool,
    /// The same for the same answer to the same thing: for providers that drop repeats.
    pub id: String,
    /// Where it goes so that only the one who asked sees it.
    pub reply_url: Option<SecretUrl>,
}

/// Says whether an answer was said. `is_known` says that the provider drops a repeat: then it may be said again.
///
/// # Errors
/// It was not.
pub fn said(outcome: Outcome, is_known: bool) -> Result<(), Trouble> {
    match outcome {
        Outcome::Sent { .. } => Ok(()),
        Outcome::Rate { after_ms, .. } => {
            let after = Some(Duration::from_millis(after_ms));
            Err(Trouble::Later { after, reason: "too many messages".to_owned() })
        }
        Outcome::Temporary { error, .. } => Err(Trouble::later(error)),
        Outcome::Unknown { error, .. } if is_known => Err(Trouble::later(error)),
        // It may have been said: nothing says it twice.
        Outcome::Permanent { error, .. }
        | Outcome::Unknown { error, .. }
        | Outcome::ChannelDead { error, .. } => Err(Trouble::Dead { reason: error }),
        Outcome::Moved { address } => {
            Err(Trouble::Dead { reason: format!("the chat has the number {address} now") })
        }
        Outcome::Gone => Err(Trouble::Dead { reason: "the message is gone".to_owned() }),
    }
}

/// Why nothing is heard of a channel. The reasons have no secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// Not now.
    Later {
        /// How long the provider wants to be left alone; none when it does not say.
        after: Option<Duration>,
        /// Why.
        reason: String,
    },
    /// Not before the configuration or the credential is another one, or another program that hears in our stead has ended. Sending goes on.
    Deaf {
        /// What the provider says.
        reason: String,
    },
    /// The channel works for nobody.
    Dead {
        /// What the provider says.
        reason: String,
    },
}

impl Trouble {
    /// Not now, for an unknown time.
    pub fn later(reason: impl Into<String>) -> Self {
        Self::Later { after: None, reason: reason.into() }
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::later(failure.to_string())
    }
}
