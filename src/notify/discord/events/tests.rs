//! Who is heard in which channel of Discord, and as what.

use serde_json::json;

use super::*;
use crate::kernel::chat::What;

const US: Us<'static> = Us { channel: "team", user: "1" };

/// A message with further fields.
#[expect(clippy::needless_pass_by_value, reason = "JSON is written where it is used")]
fn message(text: &str, more: Value) -> Value {
    let mut message = json!({
        "id": "70", "channel_id": "80", "guild_id": "90", "type": 0, "content": text,
        "author": { "id": "815", "username": "ada" },
    });
    for (name, value) in more.as_object().unwrap() {
        message[name] = value.clone();
    }
    message
}

/// The words, to what they answer, and whether they are addressed.
fn text(message: &Value) -> Option<(String, Option<String>, bool)> {
    match written(message, US)?.inbound.what {
        What::Text { text, reply_to, is_addressed } => Some((text, reply_to, is_addressed)),
        What::Press { .. } => None,
    }
}

#[test]
fn a_person_is_a_number_and_who_only_looks_like_one_is_nobody() {
    let heard = written(&message("<@1> list", json!({})), US).unwrap();
    let inbound = heard.inbound;
    assert_eq!((inbound.event_id.as_str(), inbound.from.id.as_str()), ("message 70", "815"));
    assert_eq!(inbound.message_id.as_deref(), Some("70"));
    let chat = Chat { address: "80".to_owned(), thread: None, is_direct: false };
    assert_eq!(inbound.chat, chat);
    for (what, more) in [
        ("a bot", json!({ "author": { "id": "9", "bot": true } })),
        ("this bot", json!({ "author": { "id": "1" } })),
        ("a webhook", json!({ "webhook_id": "9" })),
        ("one who has joined", json!({ "type": 7 })),
        ("no words", json!({ "content": "" })),
    ] {
        assert_eq!(written(&message("<@1> list", more), US), None, "{what}");
    }
    for broken in [json!({}), json!(7), json!({ "id": 7 })] {
        assert_eq!(written(&broken, US), None, "{broken}");
    }
}

#[test]
fn mentions_replies_and_direct_messages_are_heard() {
    let to = |author: &str| {
        json!({
            "type": 19, "message_reference": { "message_id": "60" },
            "referenced_message": { "id": "60", "author": { "id": author } },
        })
    };
    for (written, more, expected) in [
        ("good morning", json!({}), None),
        ("<@1> list", json!({}), Some(("list", None, true))),
        ("<@!1>, list", json!({}), Some(("list", None, true))),
        ("<@1>", json!({}), Some(("/help", None, true))),
        ("<@2> list", json!({}), None),
        ("!k list", json!({}), Some(("/k list", None, true))),
        ("blue", to("1"), Some(("blue", Some("60"), false))),
        ("blue", to("2"), None),
        ("yes K7QX", to("1"), Some(("yes K7QX", Some("60"), false))),
        ("blue", json!({ "guild_id": null }), Some(("blue", None, false))),
    ] {
        let expected = expected.map(|(text, to, is_ours): (&str, Option<&str>, bool)| {
            (text.to_owned(), to.map(str::to_owned), is_ours)
        });
        assert_eq!(text(&message(written, more)), expected, "{written}");
    }
}

#[test]
fn a_press_carries_its_token_and_stands_in_its_thread() {
    let press = |kind: u8, data: &str, room: &Value| {
        json!({
            "id": "50", "application_id": "40", "token": "abc", "type": kind, "channel_id": "80",
            "guild_id": "90", "channel": room, "member": { "user": { "id": "815" } },
            "data": { "custom_id": data }, "message": { "id": "60" },
        })
    };
    let channel = json!({ "id": "80", "type": 0 });
    let heard = |event: &Value| pressed(interaction(event)?, US);
    let found = heard(&press(3, "k1:abcdefghijklmnop", &channel)).unwrap();
    let what =
        What::Press { token: "abcdefghijklmnop".to_owned(), message_id: Some("60".to_owned()) };
    assert_eq!((&found.inbound.what, found.press.as_deref()), (&what, Some("50")));
    let thread = json!({ "id": "80", "type": 11, "parent_id": "79" });
    let chat = heard(&press(3, "k1:abc", &thread)).unwrap().inbound.chat;
    assert_eq!((chat.address.as_str(), chat.thread.as_deref()), ("79", Some("80")));
    // A category is no channel that messages stand in.
    let below = json!({ "id": "80", "type": 0, "parent_id": "78" });
    assert_eq!(heard(&press(3, "k1:abc", &below)).unwrap().inbound.chat.address, "80");
    assert_eq!(heard(&press(3, "other", &channel)), None);
    assert_eq!(heard(&press(2, "k1:abc", &channel)), None);
}
