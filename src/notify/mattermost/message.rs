//! A message as Mattermost takes it: Markdown, in which texts of others are escaped. Pure.

use serde_json::{Map, Value};

use crate::kernel::notice::{Class, Edit, Mention, Row};
use crate::kernel::notify_policy::{OWN_CHANNEL, is_mattermost_id};
use crate::notify::render::markup::markdown;
use crate::notify::render::measure::{Unit, escaped, visible_line};
use crate::notify::render::outline::Outline;

/// Longest text, in characters.
pub const TEXT_CHARACTERS_MAX: usize = 16_383;

/// The body for a hook.
pub fn send_row(row: &Row) -> Value {
    let mut body = Map::new();
    body.insert("text".into(), row_text(row).into());
    if row.address != OWN_CHANNEL {
        body.insert("channel".into(), row.address.as_str().into());
    }
    Value::Object(body)
}

/// The post of a bot for a row. News stands below the message of its task. A question stands by itself: who is asked must see it, and what
/// is written below it is an answer to it.
pub fn post_row(row: &Row) -> Value {
    let anchor = row.reply_to.as_deref().filter(|_| row.notice.class != Class::Ask);
    let root = row.thread.as_deref().or(anchor);
    post(&row.address, &row_text(row), root, &row.dedupe)
}

/// The post of a bot with the first message about a task.
pub fn first(edit: &Edit) -> Value {
    let plain = edit.live.id.chars().filter(char::is_ascii_alphanumeric);
    let name = format!("live{}x{}", plain.collect::<String>(), edit.id);
    post(&edit.address, &live_text(edit), edit.thread.as_deref(), &name)
}

/// What is changed of a post.
pub fn patch(edit: &Edit) -> Value {
    let mut body = Map::new();
    body.insert("message".into(), live_text(edit).into());
    Value::Object(body)
}

/// The same post outside of a thread; none when it is in none.
pub fn without_anchor(body: &Value) -> Option<Value> {
    let mut body = body.as_object()?.clone();
    body.remove("root_id")?;
    Some(Value::Object(body))
}

fn post(address: &str, text: &str, root: Option<&str>, name: &str) -> Value {
    let mut body = Map::new();
    body.insert("channel_id".into(), address.into());
    body.insert("message".into(), text.into());
    // The server knows a name again for a while, and gives the first post back.
    body.insert("pending_post_id".into(), name.into());
    if let Some(root) = root.filter(|root| is_mattermost_id(root)) {
        body.insert("root_id".into(), root.into());
    }
    Value::Object(body)
}

fn row_text(row: &Row) -> String {
    let mention = row.notice.mention.as_ref().map(mention_text).unwrap_or_default();
    text(&Outline::of(&row.notice, row.is_repeat), &mention)
}

fn live_text(edit: &Edit) -> String {
    text(&Outline::of_live(&edit.live), "")
}

fn text(outline: &Outline, mention: &str) -> String {
    let title = match outline.title.as_str() {
        "" => String::new(),
        title => format!("**{}**", escaped(title, markdown)),
    };
    outline.text_below(&title, TEXT_CHARACTERS_MAX, Unit::Characters, markdown, mention)
}

/// `@name` of a person. A name that would reach more than one person is only text.
fn mention_text(mention: &Mention) -> String {
    let name = mention.address.trim_start_matches('@');
    let is_name = !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    let is_crowd = ["all", "channel", "here"].contains(&name.to_lowercase().as_str());
    if is_name && !is_crowd {
        format!("@{name}")
    } else {
        escaped(&visible_line(&mention.name), markdown)
    }
}
