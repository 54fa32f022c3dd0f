//! From an answer to `/sync` to what people did. Pure.
//!
//! A person is the id of a user and nothing else. What is heard is `m.text` in rooms that the user is in: not the messages of programs
//! (`m.notice`), not those that change others, and of a room nothing from before the user was in it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::kernel::chat::Chat;
use crate::notify::inbound::heard::Deed;
use crate::notify::inbound::words::Words;

/// What the homeserver says since the last time.
#[derive(Debug, Deserialize)]
pub struct Sync {
    /// Where the next one begins.
    pub next_batch: String,
    #[serde(default)]
    rooms: Rooms,
}

#[derive(Debug, Default, Deserialize)]
struct Rooms {
    #[serde(default)]
    join: BTreeMap<String, Joined>,
}

#[derive(Debug, Deserialize)]
struct Joined {
    #[serde(default)]
    timeline: Timeline,
}

#[derive(Debug, Default, Deserialize)]
struct Timeline {
    #[serde(default)]
    events: Vec<Event>,
}

#[derive(Debug, Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    event_id: String,
    sender: String,
    state_key: Option<String>,
    #[serde(default)]
    content: Value,
}

/// Something that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Who, and where.
    pub deed: Deed,
    /// The id of the message.
    pub message_id: String,
    /// What.
    pub words: Words,
}

/// What was done in rooms.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// What people wrote, in the order of each room.
    pub written: Vec<Written>,
    /// Rooms whose members are others now.
    pub changed: Vec<String>,
    /// Rooms in which something was written that only their members can read.
    pub encrypted: Vec<String>,
    /// Whether anything was done at all.
    pub is_something: bool,
}

/// What was done in rooms, for the user `me` of a channel.
pub fn seen(sync: &Sync, channel: &str, me: &str) -> Seen {
    let mut seen = Seen::default();
    for (room, joined) in &sync.rooms.join {
        let events = &joined.timeline.events;
        let is_own_join = |event: &Event| {
            let is_ours = event.kind == "m.room.member" && event.state_key.as_deref() == Some(me);
            is_ours && text(&event.content, "membership") == Some("join")
        };
        // A room that was just joined comes with what was said before.
        let begin = events.iter().rposition(is_own_join).map_or(0, |at| at + 1);
        seen.is_something |= !events.is_empty();
        if events.iter().any(|event| event.kind == "m.room.member") {
            seen.changed.push(room.clone());
        }
        for event in events.iter().skip(begin).filter(|event| event.sender != me) {
            match event.kind.as_str() {
                "m.room.message" => seen.written.extend(written(event, (channel, room), me)),
                "m.room.encrypted" if !seen.encrypted.contains(room) => {
                    seen.encrypted.push(room.clone());
                }
                _ => {}
            }
        }
    }
    seen
}

fn written(event: &Event, (channel, room): (&str, &str), me: &str) -> Option<Written> {
    let content = &event.content;
    let relation = content.get("m.relates_to").unwrap_or(&Value::Null);
    let kind = text(relation, "rel_type");
    if text(content, "msgtype") != Some("m.text") || kind == Some("m.replace") {
        return None;
    }
    let replied = relation.get("m.in_reply_to").and_then(|it| text(it, "event_id"));
    let thread = text(relation, "event_id").filter(|_| kind == Some("m.thread"));
    // In a thread each message answers to the one before it, for clients that know no threads.
    let is_for_others = relation.get("is_falling_back").and_then(Value::as_bool) == Some(true);
    let reply_to = if thread.is_some() && is_for_others { thread } else { replied.or(thread) };
    let body = text(content, "body")?;
    let body = if replied.is_some() { without_quote(body) } else { body };
    let words = Words::of(body, behind_name(body, content, me), reply_to.map(str::to_owned));
    if words.text.is_empty() {
        return None;
    }
    let chat = Chat {
        address: room.to_owned(),
        thread: thread.map(str::to_owned),
        // What the event does not say.
        is_direct: false,
    };
    let (channel, event_id) = (channel.to_owned(), event.event_id.clone());
    let deed = Deed { channel, event_id, user: event.sender.clone(), chat };
    Some(Written { deed, message_id: event.event_id.clone(), words })
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str()
}

/// A reply without the message before it, which older clients put there.
fn without_quote(body: &str) -> &str {
    let mut rest = body;
    while let Some(line) = rest.strip_prefix("> ") {
        rest = line.split_once('\n').map_or("", |(_, rest)| rest);
    }
    if rest.len() == body.len() { body } else { rest.trim_start_matches('\n') }
}

/// What stands behind the name of the user with which a text begins: their id, the first part of it, or the name that a client shows, when it
/// says beside the text that they are meant.
fn behind_name<'a>(body: &'a str, content: &Value, me: &str) -> Option<&'a str> {
    let body = body.trim_start();
    let short = me.split(':').next().unwrap_or_default();
    let bare = short.trim_start_matches('@');
    for name in [me, short, bare] {
        let rest = strip(body, name);
        if let Some(rest) = rest.filter(|rest| name != bare || rest.starts_with([':', ','])) {
            return Some(rest);
        }
    }
    let mentioned = content.get("m.mentions").and_then(|it| it.get("user_ids"));
    let is_meant =
        mentioned.and_then(Value::as_array).is_some_and(|ids| ids.iter().any(|id| id == me));
    if !is_meant {
        return None;
    }
    let html = text(content, "formatted_body").unwrap_or_default();
    strip(body, pill(html, me)?)
}

/// `name` at the beginning of a text, and nothing longer than it.
fn strip<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    let (head, rest) = body.split_at_checked(name.len())?;
    let is_end =
        rest.chars().next().is_none_or(|sign| !sign.is_alphanumeric() && !"-_.:=/".contains(sign))
            || rest.starts_with(": ")
            || rest == ":";
    (!name.is_empty() && head.eq_ignore_ascii_case(name) && is_end).then_some(rest)
}

/// The name that a client shows for the user, in the link to them with which its HTML begins.
fn pill<'a>(html: &'a str, me: &str) -> Option<&'a str> {
    let (target, rest) =
        html.trim_start().strip_prefix("<a href=\"https://matrix.to/#/")?.split_once("\">")?;
    let is_ours = target == me || target == me.replace('@', "%40").replace(':', "%3A");
    let (name, _) = rest.split_once("</a>")?;
    (is_ours && !name.contains(['<', '&'])).then_some(name)
}

#[cfg(test)]
mod tests;
