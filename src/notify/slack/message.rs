//! A message as Slack takes it: blocks of plain text, which is never read as markup, and a line for notifications. Pure.

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::kernel::chat::BUTTON_PREFIX;
use crate::kernel::notice::{Button, Class, Edit, Mention, Row};
use crate::notify::inbound::heard::Answer;
use crate::notify::render::markup::{self, unmentioned};
use crate::notify::render::measure::{Unit, bounded, escaped, fit, plain, visible_line};
use crate::notify::render::outline::Outline;

/// Longest text over all blocks, in characters: more than about 13,200 is refused.
pub const TEXT_CHARACTERS_MAX: usize = 12_000;

/// Longest text of one block.
pub const SECTION_CHARACTERS_MAX: usize = 3_000;

/// Longest title.
pub const TITLE_CHARACTERS_MAX: usize = 150;

/// Longest words on a button, and longest value of one.
const LABEL_CHARACTERS_MAX: usize = 75;
const VALUE_CHARACTERS_MAX: usize = 2_000;

/// Buttons of one message.
const BUTTONS_MAX: usize = 25;

/// The argument that names a repeat.
pub const REPEAT_KEY: &str = "client_msg_id";

/// The argument that names a thread.
pub const THREAD_KEY: &str = "thread_ts";

/// What names a message: the channel that the answer gave, which is another one than the address when that is a person, and its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageId {
    /// The id of the channel.
    pub channel: String,
    /// The time, which is a text: as a number it would be another one.
    pub ts: String,
}

impl MessageId {
    /// Of its text.
    pub fn parse(text: &str) -> Option<Self> {
        let (channel, ts) = text.split_once(':')?;
        let is_fine = !channel.is_empty() && !ts.is_empty();
        is_fine.then(|| Self { channel: channel.to_owned(), ts: ts.to_owned() })
    }
}

impl std::fmt::Display for MessageId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.channel, self.ts)
    }
}

/// The UUID for an id of ours: the same at every attempt.
pub fn uuid_of(id: &str) -> String {
    let digest = Sha256::digest(format!("kanband slack {id}"));
    let mut hex: Vec<char> = digest
        .iter()
        .take(16)
        .flat_map(|byte| format!("{byte:02x}").chars().collect::<Vec<_>>())
        .collect();
    // The marks of a random one, version 4: another form might be refused.
    for (at, mark) in [(12, '4'), (16, 'a')] {
        if let Some(digit) = hex.get_mut(at) {
            *digit = mark;
        }
    }
    let part =
        |from: usize, to: usize| hex.get(from..to).unwrap_or_default().iter().collect::<String>();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

/// The body of `chat.postMessage` for a row.
pub fn send_row(row: &Row) -> Value {
    let mut body = content(&Outline::of(&row.notice, row.is_repeat), row.notice.mention.as_ref());
    insert_buttons(&mut body, &row.notice.buttons);
    insert_post(&mut body, &row.address, &uuid_of(&row.dedupe));
    // News stands below the message of its task. A question stands by itself: who is asked must see it, and what is written below it
    // is an answer to it.
    let is_below = row.notice.class != Class::Ask;
    let anchor = row.reply_to.as_deref().filter(|_| is_below).and_then(MessageId::parse);
    if let Some(ts) = row.thread.clone().or(anchor.map(|anchor| anchor.ts)) {
        body.insert(THREAD_KEY.into(), ts.into());
    }
    Value::Object(body)
}

/// The body of `chat.postMessage` for an answer to a person; of what is posted where an envelope says, when `is_back`.
pub fn send_answer(answer: &Answer, is_back: bool) -> Value {
    let Answer { say, chat, is_output, id, .. } = answer;
    let text = bounded(&say.text, TEXT_CHARACTERS_MAX, Unit::Characters, unmentioned);
    let mut body = Map::new();
    body.insert("text".into(), escaped(&text, markup::slack).into());
    body.insert(
        "blocks".into(),
        if *is_output { output(&text) } else { plain_blocks(&text) }.into(),
    );
    insert_buttons(&mut body, &say.buttons);
    if is_back {
        body.insert("response_type".into(), "ephemeral".into());
        body.insert("replace_original".into(), false.into());
        return Value::Object(body);
    }
    insert_post(&mut body, &chat.address, &uuid_of(id));
    // Where others read, an answer stands below what it answers to.
    let below = say.reply_to.as_deref().and_then(MessageId::parse).map(|it| it.ts);
    if let Some(ts) = chat.thread.clone().or(below) {
        body.insert(THREAD_KEY.into(), ts.into());
    }
    Value::Object(body)
}

/// The output of a command, whose columns stand below each other.
fn output(text: &str) -> Vec<Value> {
    let text = json!({ "type": "text", "text": text });
    let output = json!({ "type": "rich_text_preformatted", "elements": [text] });
    vec![json!({ "type": "rich_text", "elements": [output] })]
}

fn plain_blocks(text: &str) -> Vec<Value> {
    let sections = sections(text);
    sections.iter().map(|text| json!({ "type": "section", "text": plain_text(text) })).collect()
}

/// The body for a hook.
pub fn hook_row(row: &Row) -> Value {
    let mut body = content(&Outline::of(&row.notice, row.is_repeat), row.notice.mention.as_ref());
    if let Some(thread) = &row.thread {
        body.insert(THREAD_KEY.into(), thread.as_str().into());
    }
    Value::Object(body)
}

/// The body of `chat.postMessage` for the first message about a task.
pub fn first(edit: &Edit) -> Value {
    let mut body = content(&Outline::of_live(&edit.live), None);
    insert_post(&mut body, &edit.address, &uuid_of(&format!("{} {}", edit.live.id, edit.id)));
    if let Some(thread) = &edit.thread {
        body.insert(THREAD_KEY.into(), thread.as_str().into());
    }
    Value::Object(body)
}

/// The body of `chat.update`. Its blocks replace the old ones, and with them the buttons.
pub fn update(edit: &Edit, id: &MessageId) -> Value {
    let mut body = content(&Outline::of_live(&edit.live), None);
    body.insert("channel".into(), id.channel.as_str().into());
    body.insert("ts".into(), id.ts.as_str().into());
    Value::Object(body)
}

/// Text and blocks.
fn content(outline: &Outline, mention: Option<&Mention>) -> Map<String, Value> {
    let title = fit(&outline.title, TITLE_CHARACTERS_MAX - 1, Unit::Characters, unmentioned);
    let title = if title.missing == 0 { title.text } else { format!("{}…", title.text) };
    let mut blocks = Vec::new();
    if !title.is_empty() {
        blocks.push(json!({ "type": "header", "text": plain_text(&title) }));
    }
    let (named, is_markup) = mention.map(mention_text).unwrap_or_default();
    let named_below = if is_markup { "" } else { named.as_str() };
    let text =
        outline.text_below("", TEXT_CHARACTERS_MAX, Unit::Characters, unmentioned, named_below);
    blocks.extend(plain_blocks(&text));
    if is_markup {
        let text = json!({ "type": "mrkdwn", "text": named, "verbatim": true });
        blocks.push(json!({ "type": "section", "text": text }));
    }
    let lines = [&outline.title, &outline.sentence].map(|line| escaped(line, markup::slack));
    let lines: Vec<String> = lines.into_iter().filter(|line| !line.is_empty()).collect();
    let mut body = Map::new();
    body.insert("text".into(), lines.join("\n").into());
    body.insert("blocks".into(), blocks.into());
    body
}

fn insert_post(body: &mut Map<String, Value>, address: &str, uuid: &str) {
    body.insert("channel".into(), address.into());
    body.insert(REPEAT_KEY.into(), uuid.into());
    body.insert("unfurl_links".into(), false.into());
    body.insert("unfurl_media".into(), false.into());
}

fn plain_text(text: &str) -> Value {
    json!({ "type": "plain_text", "text": text, "emoji": false })
}

/// A text in parts that one block takes, cut between words.
fn sections(text: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let part = fit(rest, SECTION_CHARACTERS_MAX, Unit::Characters, plain);
        let taken = rest.chars().count() - part.missing;
        let end = rest.char_indices().nth(taken).map_or(rest.len(), |(end, _)| end);
        parts.push(part.text);
        rest = rest.get(end..).unwrap_or_default().trim_start();
    }
    parts
}

/// How a person is named, and whether that is markup: with the id of a user it is, and notifies them.
fn mention_text(mention: &Mention) -> (String, bool) {
    let id = &mention.address;
    let is_user = id.starts_with(['U', 'W'])
        && id.len() > 1
        && id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    match is_user {
        true => (format!("<@{id}>"), true),
        false => (escaped(&visible_line(&mention.name), unmentioned), false),
    }
}

fn insert_buttons(body: &mut Map<String, Value>, buttons: &[Button]) {
    let value = |button: &Button| format!("{BUTTON_PREFIX}{}", button.token);
    let fitting = buttons.iter().filter(|it| value(it).len() <= VALUE_CHARACTERS_MAX);
    let elements: Vec<Value> = (0..BUTTONS_MAX)
        .zip(fitting)
        .map(|(number, button)| {
            let label = visible_line(&button.label);
            let label = fit(&label, LABEL_CHARACTERS_MAX, Unit::Characters, plain).text;
            let mut shown = json!({
                "type": "button",
                "action_id": format!("k{number}"),
                "value": value(button),
                "text": plain_text(&label),
            });
            if let (Some(style), Value::Object(shown)) = (style_of(button), &mut shown) {
                shown.insert("style".into(), style.into());
            }
            shown
        })
        .collect();
    if let (false, Some(Value::Array(blocks))) = (elements.is_empty(), body.get_mut("blocks")) {
        blocks.push(json!({ "type": "actions", "elements": elements }));
    }
}

/// Slack has two styles.
fn style_of(button: &Button) -> Option<&'static str> {
    match button.style.as_str() {
        "danger" => Some("danger"),
        "primary" | "success" => Some("primary"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_ours_is_one_uuid_of_version_4() {
        let uuid = uuid_of("dedupe00000000000001");
        assert_eq!(uuid, uuid_of("dedupe00000000000001"));
        assert_ne!(uuid, uuid_of("dedupe00000000000002"));
        let lengths: Vec<usize> = uuid.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12], "{uuid}");
        assert_eq!((&uuid[14..15], &uuid[19..20]), ("4", "a"), "{uuid}");
    }

    #[test]
    fn a_message_is_named_by_texts() {
        let id = MessageId::parse("C024BE91L:1503435956.000247").unwrap();
        assert_eq!((id.channel.as_str(), id.ts.as_str()), ("C024BE91L", "1503435956.000247"));
        assert_eq!(id.to_string(), "C024BE91L:1503435956.000247");
        for text in ["", "1503435956.000247", "C024BE91L:", ":1"] {
            assert_eq!(MessageId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_long_text_is_divided_between_words_and_nothing_of_it_is_lost() {
        let text = "word ".repeat(2_000);
        let parts = sections(&text);
        assert!(parts.iter().all(|part| part.chars().count() <= SECTION_CHARACTERS_MAX));
        assert_eq!(parts.join(" "), text.trim());
        let emoji = "👩\u{200d}🔧".repeat(1_500);
        let parts = sections(&emoji);
        assert!(parts.iter().all(|part| part.chars().count() <= SECTION_CHARACTERS_MAX));
        assert!(parts.iter().all(|part| part.starts_with('👩') && part.ends_with('🔧')));
        assert_eq!(parts.concat(), emoji);
        assert!(sections(" \n").is_empty());
    }
}
