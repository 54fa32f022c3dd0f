//! A message as Matrix takes it: plain text, and beside it whom it names and what it belongs to. Pure.

use serde_json::{Map, Value, json};

use crate::kernel::notice::{Class, Edit, Mention, Row};
use crate::notify::inbound::heard::Answer;
use crate::notify::render::markup::{self, unmentioned};
use crate::notify::render::measure::{Unit, bounded, escaped, visible_line};
use crate::notify::render::outline::Outline;

/// Longest text, in bytes. An event has at most 65,536 bytes of JSON, in which a sign may take two.
pub const TEXT_BYTES_MAX: usize = 24_000;

/// Longest text of a change, which holds it twice.
const CHANGE_BYTES_MAX: usize = 12_000;

/// Longest answer, which may hold its text twice, the second time with signs escaped.
const ANSWER_BYTES_MAX: usize = 8_000;

/// Longest id of a user, in bytes.
const USER_BYTES_MAX: usize = 255;

/// The content for a row.
pub fn send_row(row: &Row) -> Value {
    let outline = Outline::of(&row.notice, row.is_repeat);
    let mention = row.notice.mention.as_ref();
    let (named, user) = mention.map(mention_text).unwrap_or_default();
    let text = outline.text(TEXT_BYTES_MAX, Unit::Bytes, unmentioned, &named);
    let mut content = content(&text, row.notice.is_silent, user.as_deref());
    // News stands in the thread below the message of its task; a question stands in the room, where who is asked sees it.
    let relation = match (row.thread.as_deref(), row.reply_to.as_deref(), row.notice.class) {
        (Some(thread), _, _) => Some(in_thread(thread)),
        (None, Some(reply_to), Class::Ask) => {
            Some(json!({ "m.in_reply_to": { "event_id": reply_to } }))
        }
        (None, Some(reply_to), Class::News | Class::Digest | Class::Test) => {
            Some(in_thread(reply_to))
        }
        (None, None, _) => None,
    };
    if let Some(relation) = relation {
        content.insert("m.relates_to".into(), relation);
    }
    Value::Object(content)
}

/// The content of an answer to a person: a notice, which other programs leave alone.
pub fn send_answer(answer: &Answer) -> Value {
    let text = bounded(&answer.say.text, ANSWER_BYTES_MAX, Unit::Bytes, unmentioned);
    let mut content = content(&text, true, None);
    if answer.is_output {
        // Columns stand below each other.
        let html = format!("<pre><code>{}</code></pre>", escaped(&text, markup::html));
        content.insert("format".into(), "org.matrix.custom.html".into());
        content.insert("formatted_body".into(), html.into());
    }
    let relation = match (answer.chat.thread.as_deref(), answer.say.reply_to.as_deref()) {
        (Some(thread), _) => Some(in_thread(thread)),
        (None, Some(reply_to)) => Some(json!({ "m.in_reply_to": { "event_id": reply_to } })),
        (None, None) => None,
    };
    if let Some(relation) = relation {
        content.insert("m.relates_to".into(), relation);
    }
    Value::Object(content)
}

/// The content of a sign at a message.
pub fn send_sign(message: &str) -> Value {
    json!({ "m.relates_to": { "rel_type": "m.annotation", "event_id": message, "key": "👍" } })
}

/// The content of the first message about a task.
pub fn first(edit: &Edit) -> Value {
    let mut content = content(&live_text(edit), true, None);
    if let Some(thread) = &edit.thread {
        content.insert("m.relates_to".into(), in_thread(thread));
    }
    Value::Object(content)
}

/// The name of the first message about a task: the same at every attempt.
pub fn name_of(edit: &Edit) -> String {
    let plain = edit.live.id.chars().filter(char::is_ascii_alphanumeric);
    format!("live{}x{}", plain.collect::<String>(), edit.id)
}

/// The content of a change of a message. Clients that do not know changes show its own text.
pub fn change(edit: &Edit, id: &str) -> Value {
    let text = live_text(edit);
    let mut content = content(&format!("* {text}"), true, None);
    content.insert("m.new_content".into(), self::content(&text, true, None).into());
    content.insert("m.relates_to".into(), json!({ "rel_type": "m.replace", "event_id": id }));
    Value::Object(content)
}

fn live_text(edit: &Edit) -> String {
    Outline::of_live(&edit.live).text(CHANGE_BYTES_MAX, Unit::Bytes, unmentioned, "")
}

/// `m.notice` makes no sound. Who is named stands beside the text, also when nobody is: without it clients look for names in the text.
fn content(text: &str, is_silent: bool, user: Option<&str>) -> Map<String, Value> {
    let kind = if is_silent { "m.notice" } else { "m.text" };
    let mentions = match user {
        Some(user) => json!({ "user_ids": [user] }),
        None => json!({}),
    };
    let mut content = Map::new();
    content.insert("msgtype".into(), kind.into());
    content.insert("body".into(), text.into());
    content.insert("m.mentions".into(), mentions);
    content
}

/// Clients that do not know threads show it as a reply.
fn in_thread(root: &str) -> Value {
    json!({
        "rel_type": "m.thread",
        "event_id": root,
        "is_falling_back": true,
        "m.in_reply_to": { "event_id": root },
    })
}

/// How a person is named, and their id when that notifies them.
fn mention_text(mention: &Mention) -> (String, Option<String>) {
    let id = &mention.address;
    let is_user = id.len() <= USER_BYTES_MAX
        && id.bytes().all(|byte| byte.is_ascii_graphic())
        && id
            .strip_prefix('@')
            .and_then(|id| id.split_once(':'))
            .is_some_and(|(name, server)| !name.is_empty() && !server.is_empty());
    match is_user {
        true => (id.clone(), Some(id.clone())),
        false => (escaped(&visible_line(&mention.name), unmentioned), None),
    }
}
