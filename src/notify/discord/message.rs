//! A message as Discord takes it: a short text, and an embed for what is long. Nobody is notified but who is named. Pure.

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::kernel::chat::BUTTON_PREFIX;
use crate::kernel::notice::{Button, Edit, Mention, Row};
use crate::notify::inbound::heard::Answer;
use crate::notify::render::markup::markdown;
use crate::notify::render::measure::{Unit, bounded, escaped, fit, plain, visible_line};
use crate::notify::render::outline::Outline;

/// Longest text beside the embed, in characters.
pub const CONTENT_CHARACTERS_MAX: usize = 2_000;

/// Longest text in the embed.
pub const EMBED_CHARACTERS_MAX: usize = 4_096;

/// Longest last line of the embed.
const FOOTER_CHARACTERS_MAX: usize = 2_048;

/// Longest words on a button, and longest data of one.
const LABEL_CHARACTERS_MAX: usize = 80;
const DATA_CHARACTERS_MAX: usize = 100;

/// Buttons side by side, and rows of them.
const BUTTONS_IN_A_ROW: usize = 5;
const ROWS_MAX: usize = 5;

/// The flag of a message that makes no sound.
const SUPPRESS_NOTIFICATIONS: u64 = 1 << 12;

/// The flag of a message that only one person sees.
const EPHEMERAL: u64 = 1 << 6;

/// Kinds of components, and styles of buttons.
const ACTION_ROW: u8 = 1;
const BUTTON: u8 = 2;

/// The body of a message for a row. A webhook has neither replies, nor buttons, nor an id against repeats.
pub fn send_row(row: &Row, is_bot: bool) -> Value {
    let mention = row.notice.mention.as_ref();
    let mut body = content(&Outline::of(&row.notice, row.is_repeat), mention);
    insert_flags(&mut body, row.notice.is_silent);
    if is_bot {
        insert_nonce(&mut body, &row.dedupe);
        if let Some(id) = &row.reply_to {
            let reply = json!({ "message_id": id, "fail_if_not_exists": false });
            body.insert("message_reference".into(), reply);
        }
        let rows = rows_of(&row.notice.buttons);
        if !rows.is_empty() {
            body.insert("components".into(), rows.into());
        }
    }
    Value::Object(body)
}

/// The body of a message that answers to a person.
pub fn send_answer(answer: &Answer) -> Value {
    let mut body = words(&answer_text(&answer.say.text, answer.is_output));
    insert_nonce(&mut body, &answer.id);
    if let Some(id) = &answer.say.reply_to {
        let reply = json!({ "message_id": id, "fail_if_not_exists": false });
        body.insert("message_reference".into(), reply);
    }
    let rows = rows_of(&answer.say.buttons);
    if !rows.is_empty() {
        body.insert("components".into(), rows.into());
    }
    Value::Object(body)
}

/// The body of a line that only the one who pressed sees.
pub fn private_line(line: &str) -> Value {
    let mut body = words(&answer_text(line, false));
    body.insert("flags".into(), EPHEMERAL.into());
    Value::Object(body)
}

/// The output of a command stands in a block, whose columns stand below each other.
fn answer_text(text: &str, is_output: bool) -> String {
    if !is_output {
        return bounded(text, CONTENT_CHARACTERS_MAX, Unit::Characters, markdown);
    }
    let room = CONTENT_CHARACTERS_MAX - 2 * FENCE.len();
    format!("{FENCE}\n{}\n{FENCE}", bounded(text, room - 2, Unit::Characters, fenced))
}

const FENCE: &str = "```";

/// Text in a block, which three of these signs would end.
fn fenced(sign: char, out: &mut String) {
    out.push(sign);
    if sign == '`' {
        out.push('\u{200b}');
    }
}

/// A text that notifies nobody.
fn words(text: &str) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("content".into(), text.into());
    body.insert("allowed_mentions".into(), json!({ "parse": [], "replied_user": false }));
    body
}

/// The body of the first message about a task.
pub fn first(edit: &Edit, is_bot: bool) -> Value {
    let mut body = content(&Outline::of_live(&edit.live), None);
    insert_flags(&mut body, true);
    if is_bot {
        insert_nonce(&mut body, &nonce_of(edit));
    }
    Value::Object(body)
}

/// The body of a change. What is left out would stay, so nothing is: neither the embed nor the buttons.
pub fn change(edit: &Edit) -> Value {
    let mut body = content(&Outline::of_live(&edit.live), None);
    body.insert("components".into(), json!([]));
    Value::Object(body)
}

/// Names the first message about a task: the same at every attempt, at most 25 characters.
fn nonce_of(edit: &Edit) -> String {
    let digest = Sha256::digest(format!("kanband discord {} {}", edit.live.id, edit.id));
    digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect()
}

fn insert_nonce(body: &mut Map<String, Value>, nonce: &str) {
    body.insert("nonce".into(), nonce.into());
    body.insert("enforce_nonce".into(), true.into());
}

fn insert_flags(body: &mut Map<String, Value>, is_silent: bool) {
    if is_silent {
        body.insert("flags".into(), SUPPRESS_NOTIFICATIONS.into());
    }
}

/// Title, sentence and person as the text; the rest as an embed, or the last line where there is no rest.
fn content(outline: &Outline, mention: Option<&Mention>) -> Map<String, Value> {
    let (named, user) = mention.map(mention_text).unwrap_or_default();
    let rest = Outline {
        title: String::new(),
        sentence: String::new(),
        foot: String::new(),
        ..outline.clone()
    };
    let description = rest.text_below("", EMBED_CHARACTERS_MAX, Unit::Characters, markdown, "");
    let title = match outline.title.as_str() {
        "" => String::new(),
        title => format!("**{}**", escaped(title, markdown)),
    };
    let mut lines = vec![title, escaped(&outline.sentence, markdown), named];
    let mut embeds = Vec::new();
    if description.is_empty() {
        lines.push(escaped(&outline.foot, markdown));
    } else {
        let foot = fit(&outline.foot, FOOTER_CHARACTERS_MAX, Unit::Characters, plain).text;
        let mut embed = json!({ "description": description });
        if let (false, Value::Object(embed)) = (foot.is_empty(), &mut embed) {
            embed.insert("footer".into(), json!({ "text": foot }));
        }
        embeds.push(embed);
    }
    lines.retain(|line| !line.is_empty());
    let text = fit(&lines.join("\n"), CONTENT_CHARACTERS_MAX, Unit::Characters, plain).text;
    let users: Vec<String> = user.into_iter().collect();
    let allowed = json!({ "parse": [], "users": users, "replied_user": false });
    let mut body = Map::new();
    body.insert("content".into(), text.into());
    body.insert("embeds".into(), embeds.into());
    body.insert("allowed_mentions".into(), allowed);
    body
}

/// How a person is named, and their id when that notifies them.
fn mention_text(mention: &Mention) -> (String, Option<String>) {
    let id = &mention.address;
    if (15..=20).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit()) {
        return (format!("<@{id}>"), Some(id.clone()));
    }
    let name = visible_line(&mention.name);
    (escaped(&fit(&name, LABEL_CHARACTERS_MAX, Unit::Characters, plain).text, markdown), None)
}

fn rows_of(buttons: &[Button]) -> Vec<Value> {
    let data = |button: &Button| format!("{BUTTON_PREFIX}{}", button.token);
    let fitting: Vec<Value> = buttons
        .iter()
        .filter(|button| data(button).len() <= DATA_CHARACTERS_MAX)
        .map(|button| {
            let label = visible_line(&button.label);
            let label = fit(&label, LABEL_CHARACTERS_MAX, Unit::Characters, plain).text;
            json!({ "type": BUTTON, "style": style_of(button), "label": label, "custom_id": data(button) })
        })
        .collect();
    let rows = fitting.chunks(BUTTONS_IN_A_ROW).take(ROWS_MAX);
    rows.map(|row| json!({ "type": ACTION_ROW, "components": row })).collect()
}

fn style_of(button: &Button) -> u8 {
    match button.style.as_str() {
        "primary" => 1,
        "success" => 3,
        "danger" => 4,
        _ => 2,
    }
}
