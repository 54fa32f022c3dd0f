//! What the courier and the daemon say to each other about what people do in chats. Pure.
//!
//! The courier hands each thing in as it is, by `POST /v1/chat/inbound`; the daemon decides who it is from, what it is, and what is
//! answered. Fields are added, never changed or removed: a daemon and a courier of two releases work together.

use std::fmt;
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::kernel::limits::REQUEST_ID_BYTES_MAX;
use crate::kernel::notice::Button;

/// How the ids of requests for people of chats begin.
pub const REQUEST_PREFIX: &str = "chat:";

/// Header with which the courier asks for a person of a chat: a [`For`]. It holds at the courier's socket only.
pub const FOR_HEADER: &str = "kanban-for";

/// Header with the token of a confirmation, beside [`FOR_HEADER`].
pub const CONFIRM_HEADER: &str = "kanban-confirm";

/// Before the token in the data of a button: the form of what follows.
pub const BUTTON_PREFIX: &str = "k1:";

/// Characters of the token of a button or a confirmation.
pub const TOKEN_CHARS: usize = 16;

/// Characters of a [`InboundReply::toast`] at most.
pub const TOAST_CHARS_MAX: usize = 200;

/// One thing that a person did in a chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Inbound {
    /// The channel.
    pub channel: String,
    /// The provider's id of this thing: the same when it comes again.
    pub event_id: String,
    /// Who did it.
    pub from: Sender,
    /// Where.
    pub chat: Chat,
    /// The provider's id of the message, of a text.
    #[serde(default)]
    pub message_id: Option<String>,
    /// What they did.
    pub what: What,
    /// How far the channel has been read with this: kept in the same transaction.
    #[serde(default)]
    pub cursor: Option<String>,
}

impl Inbound {
    /// Nothing that a person did: it has the daemon keep how far a channel was read. Programs are nobody, so nothing else comes of it.
    pub fn only_cursor(channel: &str, cursor: String) -> Self {
        let nobody = || "-".to_owned();
        Self {
            channel: channel.to_owned(),
            event_id: nobody(),
            from: Sender { id: nobody(), is_bot: true },
            chat: Chat { address: nobody(), thread: None, is_direct: false },
            message_id: None,
            what: What::Text { text: String::new(), reply_to: None, is_addressed: false },
            cursor: Some(cursor),
        }
    }
}

/// Who did something in a chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ChatSender")]
#[serde(deny_unknown_fields)]
pub struct Sender {
    /// The provider's id of the user, which nobody can choose or change. A name is never an id.
    pub id: String,
    /// Whether it is a program, or nobody in particular: an anonymous administrator, a channel's own post, a forwarded text.
    #[serde(default)]
    pub is_bot: bool,
}

/// Where something was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ChatWhere")]
#[serde(deny_unknown_fields)]
pub struct Chat {
    /// The address, as subscriptions write it.
    pub address: String,
    /// Thread or topic there.
    #[serde(default)]
    pub thread: Option<String>,
    /// Whether nobody else reads it.
    #[serde(default)]
    pub is_direct: bool,
}

/// What a person did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ChatDeed")]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum What {
    /// Wrote something.
    Text {
        /// The words, without the mention of the bot.
        text: String,
        /// The provider's id of the message that it answers to.
        #[serde(default)]
        reply_to: Option<String>,
        /// Whether it is meant for us: a command, or the bot is mentioned.
        #[serde(default)]
        is_addressed: bool,
    },
    /// Pressed a button.
    Press {
        /// What stood behind [`BUTTON_PREFIX`] in its data.
        token: String,
        /// The provider's id of the message with the button.
        #[serde(default)]
        message_id: Option<String>,
    },
}

/// What is answered. Without anything in it, nothing is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InboundReply {
    /// A message to the same chat and thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub say: Option<Say>,
    /// A line for the one who pressed a button.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub toast: Option<String>,
    /// A line to run for this person, and to answer with what it prints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Run>,
    /// Whether something was done that needs no words: a sign at the message is enough, where the provider has signs.
    #[serde(default)]
    pub is_noted: bool,
    /// Whether this is the answer that was given before.
    #[serde(default)]
    pub is_repeat: bool,
}

/// A message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ChatSay")]
pub struct Say {
    /// What it says.
    pub text: String,
    /// The provider's id of the message that it answers to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// What may be pressed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<Button>,
}

/// A line to run by the code of `kanban slash`, with a client of the courier's socket and the headers of [`For`] and, where there is
/// one, of the confirmation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ChatRun")]
pub struct Run {
    /// The line.
    pub line: String,
    /// The token that confirms it: for [`CONFIRM_HEADER`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
    /// Name of the person: whose tasks `--mine` names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
}

/// In the error `confirm_needed`: how the person confirms. The question is the error's message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ChatConfirm")]
pub struct Confirm {
    /// The token of the button that confirms.
    pub token: String,
    /// What is typed instead: `yes WORD`.
    pub word: String,
}

/// Asks how far a channel has been read.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ChatCursorRequest")]
#[serde(deny_unknown_fields)]
pub struct CursorRequest {
    /// The channel.
    pub channel: String,
}

/// How far a channel has been read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ChatCursor")]
pub struct Cursor {
    /// As the newest thing of the channel said; none before the first.
    pub cursor: Option<String>,
}

/// For whom the courier asks: the value of [`FOR_HEADER`], words with blanks between them, percent-encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct For {
    /// The channel.
    pub channel: String,
    /// The provider's id of what the person did.
    pub event_id: String,
    /// The provider's id of the person.
    pub user: String,
    /// The address of the chat.
    pub address: String,
    /// The thread there.
    pub thread: Option<String>,
}

/// What a word of the header may have as it is.
const PLAIN: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b':').remove(b'@');

impl For {
    /// Before the number of the call in the id of each request that writes.
    pub fn request_prefix(&self) -> String {
        let plain = format!("{REQUEST_PREFIX}{}:{}:", self.channel, self.event_id);
        // Four digits for the number.
        if plain.len() + 4 <= REQUEST_ID_BYTES_MAX && plain.is_ascii() {
            return plain;
        }
        let digest = Sha256::digest(plain.as_bytes());
        let hex: String = digest.iter().take(20).map(|byte| format!("{byte:02x}")).collect();
        format!("{REQUEST_PREFIX}{hex}:")
    }

    /// The id of the call number `count` of a line: the same when the line is run again.
    pub fn request_id(&self, count: u32) -> String {
        format!("{}{count}", self.request_prefix())
    }
}

impl fmt::Display for For {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { channel, event_id, user, address, thread } = self;
        let words = [channel, event_id, user, address].into_iter().chain(thread);
        for (at, word) in words.enumerate() {
            let gap = if at == 0 { "" } else { " " };
            write!(formatter, "{gap}{}", utf8_percent_encode(word, PLAIN))?;
        }
        Ok(())
    }
}

impl FromStr for For {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let decode = |word: &str| match percent_decode_str(word).decode_utf8() {
            Ok(word) if word.is_empty() => Err("a word of it is empty".to_owned()),
            Ok(word) => Ok(word.into_owned()),
            Err(_) => Err(format!("`{word}` is not percent-encoded UTF-8")),
        };
        let words: Vec<String> = text.split(' ').map(decode).collect::<Result<_, _>>()?;
        let mut words = words.into_iter();
        let (Some(channel), Some(event_id), Some(user), Some(address), thread, None) =
            (words.next(), words.next(), words.next(), words.next(), words.next(), words.next())
        else {
            return Err("expected CHANNEL EVENT_ID USER ADDRESS [THREAD]".to_owned());
        };
        Ok(Self { channel, event_id, user, address, thread })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(event_id: &str, thread: Option<&str>) -> For {
        For {
            channel: "ops".to_owned(),
            event_id: event_id.to_owned(),
            user: "@ada:example.org".to_owned(),
            address: "-100 7%".to_owned(),
            thread: thread.map(str::to_owned),
        }
    }

    #[test]
    fn the_header_is_read_as_it_was_written() {
        for given in [of("4711", None), of("$ä b:c", Some("7"))] {
            let text = given.to_string();
            assert!(text.is_ascii() && !text.contains('\n'), "{text}");
            assert_eq!(text.parse::<For>(), Ok(given), "{text}");
        }
        assert_eq!(of("4711", Some("7")).to_string(), "ops 4711 @ada:example.org -100%207%25 7");
        for wrong in ["", "ops 1 2", "ops 1 2 3 4 5", "ops  1 2", "ops 1 2 %ff"] {
            assert!(wrong.parse::<For>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_id_of_a_request_fits_whatever_the_provider_calls_its_things() {
        assert_eq!(of("4711", None).request_id(2), "chat:ops:4711:2");
        for event_id in ["x".repeat(300), "ä".to_owned()] {
            let id = of(&event_id, None).request_id(9_999);
            assert!(id.len() <= REQUEST_ID_BYTES_MAX && id.is_ascii(), "{id}");
            assert_ne!(id, of(&format!("{event_id}y"), None).request_id(9_999));
        }
    }

    #[test]
    fn what_was_done_reads_as_the_wire_has_it() {
        let text = json!({ "text": { "text": "blue", "reply_to": "17" } });
        let expected =
            What::Text { text: "blue".into(), reply_to: Some("17".into()), is_addressed: false };
        assert_eq!(serde_json::from_value::<What>(text).unwrap(), expected);
        let press = json!({ "press": { "token": "a", "message_id": "17" } });
        let expected = What::Press { token: "a".into(), message_id: Some("17".into()) };
        assert_eq!(serde_json::from_value::<What>(press).unwrap(), expected);
        assert_eq!(
            serde_json::to_value(InboundReply::default()).unwrap(),
            json!({ "is_noted": false, "is_repeat": false })
        );
    }
}
