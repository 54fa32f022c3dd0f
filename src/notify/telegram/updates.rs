//! From an update of the Bot API to what a person did. Pure.
//!
//! A person is a number and nothing else. None of these is a person: a bot, an anonymous administrator, a channel, a forwarded
//! text, a text by way of another bot, a message that was changed afterwards (which is not asked for).

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::kernel::chat::{BUTTON_PREFIX, Chat, Inbound, Sender, What};
use crate::notify::inbound::heard::Heard;
use crate::notify::inbound::words::{CALLS, HELP, may_confirm};

/// The kinds of updates that are asked for.
pub const KINDS: [&str; 2] = ["message", "callback_query"];

/// The bot itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Me {
    /// Its number.
    pub id: i64,
    /// Its name, without the `@`.
    #[serde(default)]
    pub username: String,
}

/// What an update is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// A person did something.
    Thing(Box<Heard>),
    /// A press that leads nowhere: it is answered, nothing else.
    Press(String),
    /// Nothing for us.
    Nothing,
}

/// Its number, which confirms it; none when it is no update.
pub fn number_of(update: &Value) -> Option<i64> {
    update.get("update_id")?.as_i64()
}

/// What an update is.
pub fn seen(update: &Value, me: &Me, channel: &str) -> Seen {
    let Ok(update) = Update::deserialize(update) else { return Seen::Nothing };
    let event_id = update.update_id.to_string();
    match (update.message, update.callback_query) {
        (Some(message), _) => match text_of(message, me) {
            Some(inbound) => {
                let inbound = Inbound { channel: channel.to_owned(), event_id, ..inbound };
                Seen::Thing(Box::new(Heard::of(inbound)))
            }
            None => Seen::Nothing,
        },
        (None, Some(press)) => match press_of(&press) {
            Some(inbound) => {
                let inbound = Inbound { channel: channel.to_owned(), event_id, ..inbound };
                Seen::Thing(Box::new(Heard { press: Some(press.id), ..Heard::of(inbound) }))
            }
            None => Seen::Press(press.id),
        },
        (None, None) => Seen::Nothing,
    }
}

#[derive(Deserialize)]
struct Update {
    update_id: i64,
    message: Option<Message>,
    callback_query: Option<Press>,
}

#[derive(Deserialize)]
struct User {
    id: i64,
    #[serde(default)]
    is_bot: bool,
}

#[derive(Deserialize)]
struct ChatOf {
    id: i64,
    #[serde(rename = "type")]
    kind: String,
}

impl ChatOf {
    fn is_direct(&self) -> bool {
        self.kind == "private"
    }
}

#[derive(Deserialize)]
struct Message {
    message_id: i64,
    from: Option<User>,
    chat: ChatOf,
    message_thread_id: Option<i64>,
    #[serde(default)]
    is_topic_message: bool,
    reply_to_message: Option<Replied>,
    text: Option<String>,
    // Signs that the words are not, or not certainly, those of the one who sent them.
    sender_chat: Option<IgnoredAny>,
    forward_origin: Option<IgnoredAny>,
    forward_date: Option<IgnoredAny>,
    via_bot: Option<IgnoredAny>,
    #[serde(default)]
    is_automatic_forward: bool,
}

#[derive(Deserialize)]
struct Replied {
    message_id: i64,
    from: Option<User>,
}

#[derive(Deserialize)]
struct Press {
    id: String,
    from: User,
    message: Option<Pressed>,
    data: Option<String>,
}

/// The message with the button; of one that is too old only this is known.
#[derive(Deserialize)]
struct Pressed {
    message_id: i64,
    chat: ChatOf,
    message_thread_id: Option<i64>,
    #[serde(default)]
    is_topic_message: bool,
}

/// The topic of a forum. Other threads of a group, which begin at a reply, take no messages of their own.
fn topic(thread: Option<i64>, is_topic_message: bool) -> Option<String> {
    thread.filter(|_| is_topic_message).map(|thread| thread.to_string())
}

fn text_of(message: Message, me: &Me) -> Option<Inbound> {
    let is_foreign = message.sender_chat.is_some()
        || message.forward_origin.is_some()
        || message.forward_date.is_some()
        || message.via_bot.is_some()
        || message.is_automatic_forward;
    let from = message.from.filter(|from| !from.is_bot && !is_foreign)?;
    let text = message.text?;
    let is_direct = message.chat.is_direct();
    let (text, is_addressed) = match addressed(&text, &me.username, is_direct) {
        Addressed::Us(line) => (line, true),
        Addressed::Others => return None,
        Addressed::Nobody => (text, false),
    };
    // In a topic every message answers to the one that began it, which is not meant; and who answers to other people does not answer to us.
    let reply_to = message
        .reply_to_message
        .filter(|it| it.from.as_ref().is_some_and(|from| from.id == me.id))
        .filter(|it| message.message_thread_id != Some(it.message_id))
        .map(|it| it.message_id.to_string());
    // What people of a group say to each other is none of the board's business, and would cost it a transaction each.
    if !is_direct && !is_addressed && reply_to.is_none() && !may_confirm(&text) {
        return None;
    }
    Some(Inbound {
        channel: String::new(),
        event_id: String::new(),
        from: Sender { id: from.id.to_string(), is_bot: false },
        chat: Chat {
            address: message.chat.id.to_string(),
            thread: topic(message.message_thread_id, message.is_topic_message),
            is_direct,
        },
        message_id: Some(message.message_id.to_string()),
        what: What::Text { text, reply_to, is_addressed },
        cursor: None,
    })
}

fn press_of(press: &Press) -> Option<Inbound> {
    let message = press.message.as_ref()?;
    let token = press.data.as_deref()?.strip_prefix(BUTTON_PREFIX)?;
    if press.from.is_bot {
        return None;
    }
    Some(Inbound {
        channel: String::new(),
        event_id: String::new(),
        from: Sender { id: press.from.id.to_string(), is_bot: false },
        chat: Chat {
            address: message.chat.id.to_string(),
            thread: topic(message.message_thread_id, message.is_topic_message),
            is_direct: message.chat.is_direct(),
        },
        message_id: None,
        what: What::Press {
            token: token.to_owned(),
            message_id: Some(message.message_id.to_string()),
        },
        cursor: None,
    })
}

/// To whom a text is addressed.
#[derive(Debug, PartialEq, Eq)]
enum Addressed {
    /// To the bot: these are the words.
    Us(String),
    /// To another bot.
    Others,
    /// To nobody in particular.
    Nobody,
}

/// To whom a text is addressed, without the name of the bot. A command keeps its slash: in a reply it is a command all the same, where other
/// words are an answer.
fn addressed(text: &str, name: &str, is_direct: bool) -> Addressed {
    let text = text.trim();
    let (first, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let rest = rest.trim();
    let is_ours = |word: &str| !name.is_empty() && word.eq_ignore_ascii_case(name);
    if let Some(word) = first.strip_prefix('@') {
        return match (is_ours(word.trim_end_matches([',', ':'])), rest) {
            (true, "") => Addressed::Us(HELP.to_owned()),
            (true, rest) => Addressed::Us(rest.to_owned()),
            (false, _) => Addressed::Nobody,
        };
    }
    let Some(command) = first.strip_prefix('/') else { return Addressed::Nobody };
    let (command, bot) = match command.split_once('@') {
        Some((command, bot)) => (command.to_lowercase(), Some(bot)),
        None => (command.to_lowercase(), None),
    };
    let is_call = CALLS.contains(&command.as_str());
    match bot {
        Some(bot) if !is_ours(bot) => Addressed::Others,
        // In a group a command without a name may be that of any bot.
        None if !is_direct && !is_call => Addressed::Others,
        Some(_) | None => Addressed::Us(format!("/{command} {rest}").trim_end().to_owned()),
    }
}

#[cfg(test)]
mod tests;
