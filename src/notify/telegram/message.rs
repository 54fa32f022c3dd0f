//! A message as the Bot API takes it: plain text with entities beside it, which no text of others can break. Pure.

use serde_json::{Map, Value, json};

use crate::kernel::chat::BUTTON_PREFIX;
use crate::kernel::notice::{Button, Edit, Mention, Row};
use crate::notify::inbound::heard::Answer;
use crate::notify::render::markup::unmentioned;
use crate::notify::render::measure::{Unit, bounded, escaped, plain, visible_line};
use crate::notify::render::outline::Outline;

/// Longest text, in UTF-16 units.
pub const TEXT_UNITS_MAX: usize = 4_096;

/// Longest data of a button, in bytes.
const DATA_BYTES_MAX: usize = 64;

/// Buttons side by side.
const BUTTONS_IN_A_ROW: usize = 3;

/// Text with its entities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// The text.
    pub text: String,
    /// What is bold in it, and whom it names. Offsets are UTF-16 units of the text as it is sent.
    pub entities: Vec<Value>,
}

/// The text of an outline.
pub fn text_of(outline: &Outline, mention: Option<&Mention>) -> Text {
    let named = mention.map(mention_text).unwrap_or_default();
    let text = outline.text(TEXT_UNITS_MAX, Unit::Utf16, unmentioned, &named);
    let title = escaped(&outline.title, unmentioned);
    let mut entities = Vec::new();
    if !title.is_empty() && text.starts_with(&title) {
        entities.push(json!({ "type": "bold", "offset": 0, "length": Unit::Utf16.length(&title) }));
    }
    let user: Option<i64> = mention.and_then(|mention| mention.address.parse().ok());
    // The name stands in the last lines; the same words may stand before.
    let found = text.rfind(&named).filter(|_| !named.is_empty());
    if let (Some(user), Some(start)) = (user, found) {
        let before = text.get(..start).unwrap_or_default();
        entities.push(json!({
            "type": "text_mention",
            "offset": Unit::Utf16.length(before),
            "length": Unit::Utf16.length(&named),
            "user": { "id": user, "is_bot": false, "first_name": visible_line(mention.map_or("", |it| &it.name)) },
        }));
    }
    Text { text, entities }
}

/// The name of a person: with a number it becomes an entity, an address `@name` mentions as it is.
fn mention_text(mention: &Mention) -> String {
    let is_name = mention.address.strip_prefix('@').is_some_and(|name| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    });
    if is_name {
        mention.address.clone()
    } else {
        escaped(&visible_line(&mention.name), unmentioned)
    }
}

/// The body of `sendMessage` for a row.
pub fn send_row(row: &Row) -> Value {
    let outline = Outline::of(&row.notice, row.is_repeat);
    let mut body = message(&row.address, text_of(&outline, row.notice.mention.as_ref()));
    body.insert("disable_notification".into(), row.notice.is_silent.into());
    insert_thread(&mut body, row.thread.as_deref());
    insert_reply(&mut body, row.reply_to.as_deref());
    insert_buttons(&mut body, &row.notice.buttons);
    Value::Object(body)
}

/// The body of `sendMessage` for an answer to a person.
pub fn send_answer(answer: &Answer) -> Value {
    let Answer { say, chat, is_output, .. } = answer;
    let text = if *is_output { output(&say.text) } else { words(&say.text) };
    let mut body = message(&chat.address, text);
    insert_thread(&mut body, chat.thread.as_deref());
    insert_reply(&mut body, say.reply_to.as_deref());
    insert_buttons(&mut body, &say.buttons);
    Value::Object(body)
}

/// Words about the board. Nobody is mentioned by a title in them.
fn words(text: &str) -> Text {
    let text = bounded(text, TEXT_UNITS_MAX, Unit::Utf16, unmentioned);
    Text { text, entities: Vec::new() }
}

/// The output of a command: its columns stand below each other, and nothing in it is a mention or a link.
fn output(text: &str) -> Text {
    let text = bounded(text, TEXT_UNITS_MAX, Unit::Utf16, plain);
    let entity = json!({ "type": "pre", "offset": 0, "length": Unit::Utf16.length(&text) });
    Text { text, entities: vec![entity] }
}

fn insert_reply(body: &mut Map<String, Value>, reply_to: Option<&str>) {
    if let Some(id) = reply_to.and_then(|id| id.parse::<i64>().ok()) {
        let reply = json!({ "message_id": id, "allow_sending_without_reply": true });
        body.insert("reply_parameters".into(), reply);
    }
}

fn insert_buttons(body: &mut Map<String, Value>, buttons: &[Button]) {
    let keyboard = keyboard(buttons);
    if !keyboard.is_empty() {
        body.insert("reply_markup".into(), json!({ "inline_keyboard": keyboard }));
    }
}

/// The body of `sendMessage` for the first message about a task, or of `editMessageText` for the one that is there.
pub fn send_edit(edit: &Edit) -> Value {
    let mut body = message(&edit.address, text_of(&Outline::of_live(&edit.live), None));
    match edit.provider_id.as_deref().and_then(|id| id.parse::<i64>().ok()) {
        // Without `reply_markup` the buttons go.
        Some(id) => drop(body.insert("message_id".into(), id.into())),
        None => {
            body.insert("disable_notification".into(), true.into());
            insert_thread(&mut body, edit.thread.as_deref());
        }
    }
    Value::Object(body)
}

fn message(address: &str, text: Text) -> Map<String, Value> {
    // Groups have numbers beyond 32 bits; channels may be named.
    let chat = address.parse::<i64>().map_or_else(|_| json!(address), |id| json!(id));
    let mut body = Map::new();
    body.insert("chat_id".into(), chat);
    body.insert("text".into(), text.text.into());
    body.insert("entities".into(), text.entities.into());
    body.insert("link_preview_options".into(), json!({ "is_disabled": true }));
    body
}

fn insert_thread(body: &mut Map<String, Value>, thread: Option<&str>) {
    if let Some(thread) = thread.and_then(|thread| thread.parse::<i64>().ok()) {
        body.insert("message_thread_id".into(), thread.into());
    }
}

fn keyboard(buttons: &[Button]) -> Vec<Value> {
    let data = |button: &Button| format!("{BUTTON_PREFIX}{}", button.token);
    let fitting: Vec<Value> = buttons
        .iter()
        .filter(|button| data(button).len() <= DATA_BYTES_MAX)
        .map(|button| {
            let mut shown =
                json!({ "text": visible_line(&button.label), "callback_data": data(button) });
            if let (Some(style), Value::Object(shown)) = (style_of(button), &mut shown) {
                shown.insert("style".into(), style.into());
            }
            shown
        })
        .collect();
    fitting.chunks(BUTTONS_IN_A_ROW).map(|row| Value::Array(row.to_vec())).collect()
}

fn style_of(button: &Button) -> Option<&'static str> {
    ["danger", "success", "primary"].into_iter().find(|known| *known == button.style)
}
