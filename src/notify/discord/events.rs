//! From an event of the gateway to what a person did. Pure.
//!
//! A person is the id of a user and nothing else. None of these is a person: a bot, a webhook, a message of the provider's own.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::kernel::chat::{BUTTON_PREFIX, Chat};
use crate::notify::inbound::heard::{Deed, Heard};
use crate::notify::inbound::words::Words;

/// For whom it is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Us<'a> {
    /// The channel of the configuration.
    pub channel: &'a str,
    /// The id of the bot's user.
    pub user: &'a str,
}

#[derive(Deserialize)]
struct User {
    id: String,
    #[serde(default)]
    bot: bool,
}

#[derive(Deserialize)]
struct Message {
    id: String,
    channel_id: String,
    guild_id: Option<String>,
    author: User,
    webhook_id: Option<IgnoredAny>,
    #[serde(default)]
    content: String,
    #[serde(rename = "type", default)]
    kind: u8,
    message_reference: Option<Reference>,
    referenced_message: Option<Referenced>,
}

#[derive(Deserialize)]
struct Reference {
    message_id: Option<String>,
}

#[derive(Deserialize)]
struct Referenced {
    author: User,
}

/// Kinds of messages that are words of the one who sent them: a message, and a reply.
const OWN_WORDS: [u8; 2] = [0, 19];

/// What a person wrote; none when it is nothing for us. Its address is the id of the channel also where that is a thread.
pub fn written(event: &Value, us: Us<'_>) -> Option<Heard> {
    let message = Message::deserialize(event).ok()?;
    let is_person = !message.author.bot && message.webhook_id.is_none();
    if !is_person || !OWN_WORDS.contains(&message.kind) || message.author.id == us.user {
        return None;
    }
    let is_direct = message.guild_id.is_none();
    let is_ours = message.referenced_message.is_some_and(|it| it.author.id == us.user);
    let reply_to = message.message_reference.and_then(|it| it.message_id).filter(|_| is_ours);
    let words = Words::of(&message.content, behind_mention(&message.content, us.user), reply_to);
    let chat = Chat { address: message.channel_id, thread: None, is_direct };
    let (channel, event_id) = (us.channel.to_owned(), format!("message {}", message.id));
    let deed = Deed { channel, event_id, user: message.author.id, chat };
    // Without the right to read all messages those of others come without their words.
    let is_something = !words.text.is_empty() && words.concern_us(is_direct);
    is_something.then(|| deed.text(Some(message.id), words))
}

/// What stands behind the mention of a user with which a text begins.
fn behind_mention<'a>(text: &'a str, user: &str) -> Option<&'a str> {
    let (id, rest) = text.trim_start().strip_prefix("<@")?.split_once('>')?;
    (id.trim_start_matches('!') == user).then_some(rest)
}

/// A use of something that can be pressed or commanded.
#[derive(Debug, Deserialize)]
pub struct Interaction {
    /// Its id.
    pub id: String,
    /// The bot's application.
    pub application_id: String,
    /// With it one may answer, for a quarter of an hour. Secret.
    pub token: String,
    #[serde(rename = "type")]
    kind: u8,
    channel_id: Option<String>,
    channel: Option<Room>,
    guild_id: Option<String>,
    member: Option<Member>,
    user: Option<User>,
    data: Option<Data>,
    message: Option<Pressed>,
}

/// What is known of a channel.
#[derive(Debug, Deserialize)]
pub struct Room {
    #[serde(rename = "type")]
    kind: u8,
    parent_id: Option<String>,
}

/// Kinds of channels that are threads of another one.
const THREADS: [u8; 3] = [10, 11, 12];

impl Room {
    /// The channel of which it is a thread.
    pub fn parent(&self) -> Option<&str> {
        self.parent_id.as_deref().filter(|_| THREADS.contains(&self.kind))
    }
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.id)
    }
}

#[derive(Debug, Deserialize)]
struct Member {
    user: User,
}

#[derive(Debug, Deserialize)]
struct Data {
    #[serde(default)]
    custom_id: String,
}

#[derive(Debug, Deserialize)]
struct Pressed {
    id: String,
}

/// A press of a component.
const COMPONENT: u8 = 3;

/// A use of a button; none when it is something else.
pub fn interaction(event: &Value) -> Option<Interaction> {
    let found = Interaction::deserialize(event).ok()?;
    (found.kind == COMPONENT).then_some(found)
}

/// A press; none when it leads nowhere.
pub fn pressed(press: Interaction, us: Us<'_>) -> Option<Heard> {
    let user = press.member.map(|it| it.user).or(press.user).filter(|user| !user.bot)?;
    let (channel, message) = (press.channel_id?, press.message?.id);
    let token = press.data?.custom_id.strip_prefix(BUTTON_PREFIX)?.to_owned();
    let parent = press.channel.as_ref().and_then(Room::parent).map(str::to_owned);
    let chat = in_room(channel, parent, press.guild_id.is_none());
    let event_id = format!("press {}", press.id);
    let deed = Deed { channel: us.channel.to_owned(), event_id, user: user.id, chat };
    Some(deed.press(press.id, token, message))
}

/// A channel, or a thread of one, as subscriptions write it.
pub fn in_room(channel: String, parent: Option<String>, is_direct: bool) -> Chat {
    match parent {
        Some(parent) => Chat { address: parent, thread: Some(channel), is_direct },
        None => Chat { address: channel, thread: None, is_direct },
    }
}

#[cfg(test)]
mod tests;
