//! From an envelope of Socket Mode to what a person did. Pure.
//!
//! A person is the id of a user and nothing else. None of these is a person: a bot, a message that was changed, a message of the
//! provider's own.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::kernel::chat::{BUTTON_PREFIX, Chat};
use crate::notify::inbound::heard::{Deed, Heard};
use crate::notify::inbound::words::{CALLS, Words};
use crate::notify::slack::message::MessageId;

/// What comes on the WebSocket.
#[derive(Debug, Deserialize)]
pub struct Frame {
    /// What it is.
    #[serde(rename = "type")]
    pub kind: String,
    /// Names an envelope, which is acknowledged by it.
    pub envelope_id: Option<String>,
    /// What an envelope holds.
    #[serde(default)]
    pub payload: Value,
    /// Why the connection ends.
    #[serde(default)]
    pub reason: String,
}

/// For whom it is looked at.
#[derive(Debug, Clone)]
pub struct Us {
    /// The channel.
    pub channel: String,
    /// The id of the bot's user.
    pub user: String,
}

/// What a person did by an envelope; none when it is nothing for us.
pub fn seen(frame: &Frame, us: &Us) -> Option<Heard> {
    match frame.kind.as_str() {
        "events_api" => written(Message::deserialize(frame.payload.get("event")?).ok()?, us),
        "slash_commands" => commanded(Command::deserialize(&frame.payload).ok()?, us),
        "interactive" => pressed(Press::deserialize(&frame.payload).ok()?, us),
        _ => None,
    }
}

#[derive(Deserialize)]
struct Message {
    #[serde(rename = "type")]
    kind: String,
    user: Option<String>,
    #[serde(default)]
    text: String,
    ts: String,
    thread_ts: Option<String>,
    parent_user_id: Option<String>,
    channel: String,
    subtype: Option<String>,
    bot_id: Option<IgnoredAny>,
}

/// Kinds of messages that are words of the one who sent them.
const SUBTYPES: [&str; 2] = ["thread_broadcast", "file_share"];

fn written(message: Message, us: &Us) -> Option<Heard> {
    let Message { kind, user, text, ts, thread_ts, parent_user_id, channel, subtype, bot_id } =
        message;
    let is_message = ["message", "app_mention"].contains(&kind.as_str());
    let is_own_words = subtype.is_none_or(|it| SUBTYPES.contains(&it.as_str()));
    let user = user.filter(|user| *user != us.user)?;
    if !is_message || !is_own_words || bot_id.is_some() {
        return None;
    }
    let thread = thread_ts.filter(|thread| *thread != ts);
    // Below a message of the bot is an answer to it; an event that does not say whose it is may be one.
    let is_ours = parent_user_id.is_none_or(|parent| parent == us.user);
    let below = thread.clone().filter(|_| is_ours);
    let reply_to = below.map(|ts| MessageId { channel: channel.clone(), ts }.to_string());
    let words = Words::of(&plain(&text), behind_mention(&text, &us.user).as_deref(), reply_to);
    let message_id = MessageId { channel: channel.clone(), ts: ts.clone() }.to_string();
    // A mention comes as two events with ids of their own: the message is what happens once.
    let deed = deed(us, format!("message {message_id}"), (user, channel), thread);
    words.concern_us(deed.chat.is_direct).then(|| deed.text(Some(message_id), words))
}

#[derive(Deserialize)]
struct Command {
    command: String,
    #[serde(default)]
    text: String,
    user_id: String,
    channel_id: String,
    trigger_id: String,
    response_url: Option<String>,
}

fn commanded(command: Command, us: &Us) -> Option<Heard> {
    let Command { command, text, user_id, channel_id, trigger_id, response_url } = command;
    // The command of the application may have another name, which then is no verb.
    let word = command.trim_start_matches('/').to_lowercase();
    let word = if CALLS.contains(&word.as_str()) { word } else { "kanban".to_owned() };
    let line = format!("/{word} {}", plain(&text));
    let deed = deed(us, format!("command {trigger_id}"), (user_id, channel_id), None);
    let heard = deed.text(None, Words::of(&line, None, None));
    Some(Heard { reply_url: response_url.and_then(|url| url.parse().ok()), ..heard })
}

#[derive(Deserialize)]
struct Press {
    #[serde(rename = "type")]
    kind: String,
    user: Named,
    channel: Option<Named>,
    message: Option<Value>,
    #[serde(default)]
    actions: Vec<Action>,
    trigger_id: String,
    response_url: Option<String>,
}

#[derive(Deserialize)]
struct Named {
    id: String,
}

#[derive(Deserialize)]
struct Action {
    #[serde(default)]
    value: String,
}

fn pressed(press: Press, us: &Us) -> Option<Heard> {
    let Press { kind, user, channel, message, actions, trigger_id, response_url } = press;
    let (channel, message) = (channel?.id, message?);
    let token = actions.first()?.value.strip_prefix(BUTTON_PREFIX)?.to_owned();
    let text = |name: &str| message.get(name).and_then(Value::as_str).map(str::to_owned);
    let ts = text("ts").filter(|_| kind == "block_actions")?;
    let thread = text("thread_ts").filter(|thread| *thread != ts);
    let id = MessageId { channel: channel.clone(), ts }.to_string();
    let deed = deed(us, format!("press {trigger_id}"), (user.id, channel), thread);
    let reply_url = response_url.and_then(|url| url.parse().ok());
    Some(Heard { reply_url, shown: Some(message), ..deed.press(trigger_id, token, id) })
}

/// In a direct message the address is the person, as subscriptions write it.
fn deed(
    us: &Us,
    event_id: String,
    (user, channel): (String, String),
    thread: Option<String>,
) -> Deed {
    let is_direct = channel.starts_with('D');
    let address = if is_direct { user.clone() } else { channel };
    Deed { channel: us.channel.clone(), event_id, user, chat: Chat { address, thread, is_direct } }
}

/// What stands behind the mention of a user with which a text begins, as people wrote it.
fn behind_mention(text: &str, user: &str) -> Option<String> {
    let (named, rest) = text.trim_start().strip_prefix("<@")?.split_once('>')?;
    let id = named.split('|').next().unwrap_or_default();
    (id == user).then(|| plain(rest))
}

/// A text as people wrote it: Slack puts mentions and links into brackets, and escapes three signs.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('<') {
        out.push_str(before);
        let Some((inner, after)) = behind.split_once('>') else {
            out.push('<');
            rest = behind;
            continue;
        };
        out.push_str(&reference(inner));
        rest = after;
    }
    out.push_str(rest);
    // The last one last: what it makes is no sign of the others.
    out.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// What stood where Slack has put something into brackets.
fn reference(inner: &str) -> String {
    let (target, label) = inner.split_once('|').unwrap_or((inner, ""));
    match target.split_at_checked(1) {
        Some(("@", id)) => format!("@{}", if label.is_empty() { id } else { label }),
        Some(("#", id)) => format!("#{}", if label.is_empty() { id } else { label }),
        Some(("!", word)) => format!("@{}", word.split('^').next().unwrap_or_default()),
        // A word that Slack counts as an address is shown as it was typed.
        _ if target.starts_with("mailto:") || is_guess(target, label) => label.to_owned(),
        _ => target.to_owned(),
    }
}

/// Whether Slack made an address of a word: `example.org` becomes `<http://example.org|example.org>`.
fn is_guess(target: &str, label: &str) -> bool {
    !label.is_empty() && target.strip_prefix("http://").is_some_and(|bare| bare == label)
}

#[cfg(test)]
mod tests;
