//! What was heard at a provider, in words that all of them share, and why nothing is heard.

use std::time::Duration;

use crate::kernel::chat::{Chat, For, Inbound, Say, What};

/// Something that a person did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// For the daemon.
    pub inbound: Inbound,
    /// The provider's id of a press, which is answered in any case.
    pub press: Option<String>,
}

impl Heard {
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
        Answer { say: Say { reply_to, ..say }, chat: self.inbound.chat.clone(), is_output: false }
    }
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
    /// Another program hears in our stead. Sending goes on.
    Rival {
        /// What the provider says.
        reason: String,
    },
    /// The channel works for nobody.
    Dead {
        /// What the provider says.
        reason: String,
    },
}
