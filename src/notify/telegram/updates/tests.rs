//! Who is heard in which chat, and as what.

use serde_json::json;

use super::*;

fn me() -> Me {
    Me { id: 1, username: "kanban_bot".to_owned() }
}

fn ada() -> Value {
    json!({ "id": 815, "is_bot": false, "first_name": "Ada" })
}

fn group() -> Value {
    json!({ "id": -1_001_234_567_890_123_i64, "type": "supergroup" })
}

fn direct() -> Value {
    json!({ "id": 815, "type": "private" })
}

/// A message with further fields.
#[expect(clippy::needless_pass_by_value, reason = "JSON is written where it is used")]
fn message(chat: Value, text: &str, more: Value) -> Value {
    let mut message =
        json!({ "message_id": 7, "from": ada(), "chat": chat, "date": 1, "text": text });
    for (name, value) in more.as_object().unwrap() {
        message[name] = value.clone();
    }
    json!({ "update_id": 100, "message": message })
}

fn heard(update: &Value) -> Option<Heard> {
    match seen(update, &me(), "ops") {
        Seen::Thing(heard) => Some(*heard),
        Seen::Press(_) | Seen::Nothing => None,
    }
}

/// The words, to what they answer, and whether they are addressed.
fn text(update: &Value) -> Option<(String, Option<String>, bool)> {
    match heard(update)?.inbound.what {
        What::Text { text, reply_to, is_addressed } => Some((text, reply_to, is_addressed)),
        What::Press { .. } => None,
    }
}

#[test]
fn a_person_is_a_number_and_so_is_a_chat() {
    let heard = heard(&message(group(), "/kanban list", json!({}))).unwrap();
    assert_eq!(heard.inbound.channel, "ops");
    assert_eq!(heard.inbound.event_id, "100");
    assert_eq!(heard.inbound.from, Sender { id: "815".to_owned(), is_bot: false });
    let address = "-1001234567890123".to_owned();
    assert_eq!(heard.inbound.chat, Chat { address, thread: None, is_direct: false });
    assert_eq!(heard.message_id(), Some("7"));
}

#[test]
fn who_only_looks_like_a_person_is_nobody() {
    let bot = json!({ "id": 9, "is_bot": true });
    for (what, more) in [
        ("a bot", json!({ "from": bot })),
        ("an anonymous administrator", json!({ "sender_chat": group() })),
        ("a forwarded text", json!({ "forward_origin": { "type": "user" } })),
        ("a text forwarded by an old server", json!({ "forward_date": 1 })),
        ("a text by way of a bot", json!({ "via_bot": bot })),
        ("a post of the channel behind a group", json!({ "is_automatic_forward": true })),
        ("nobody at all", json!({ "from": null })),
        ("a picture", json!({ "text": null })),
    ] {
        assert_eq!(heard(&message(direct(), "/kanban list", more)), None, "{what}");
    }
    let update = message(direct(), "/kanban list", json!({}));
    for kind in ["edited_message", "channel_post", "edited_channel_post", "business_message"] {
        let other = json!({ "update_id": 100, kind: update["message"] });
        assert_eq!(seen(&other, &me(), "ops"), Seen::Nothing, "{kind}");
        assert_eq!(number_of(&other), Some(100));
    }
    for broken in [json!({}), json!(7), json!({ "update_id": 1, "message": 7 })] {
        assert_eq!(seen(&broken, &me(), "ops"), Seen::Nothing, "{broken}");
    }
}

#[test]
fn commands_and_mentions_are_addressed_and_those_of_other_bots_are_not_heard() {
    let ours = |line: &str| Some((line.to_owned(), None, true));
    let plain = |text: &str| Some((text.to_owned(), None, false));
    for (written, in_group, in_direct) in [
        ("/kanban list --mine", ours("/kanban list --mine"), ours("/kanban list --mine")),
        ("  /K   list ", ours("/k list"), ours("/k list")),
        ("/kanban@Kanban_Bot list", ours("/kanban list"), ours("/kanban list")),
        ("/kanban", ours("/kanban"), ours("/kanban")),
        ("@kanban_bot list", ours("list"), ours("list")),
        ("@KANBAN_BOT: list", ours("list"), ours("list")),
        ("@kanban_bot", ours("/help"), ours("/help")),
        ("/kanban\nlist", ours("/kanban list"), ours("/kanban list")),
        ("/kanban@other_bot list", None, None),
        ("/start", None, ours("/start")),
        ("/start@kanban_bot", ours("/start"), ours("/start")),
        ("/list --mine", None, ours("/list --mine")),
        ("/list@kanban_bot --mine", ours("/list --mine"), ours("/list --mine")),
        ("@kanban_bots list", None, plain("@kanban_bots list")),
        ("blue", None, plain("blue")),
        ("yes K7QX", plain("yes K7QX"), plain("yes K7QX")),
        ("yes we can do that", None, plain("yes we can do that")),
        ("/", None, ours("/")),
    ] {
        assert_eq!(text(&message(group(), written, json!({}))), in_group, "{written}");
        assert_eq!(text(&message(direct(), written, json!({}))), in_direct, "{written}");
    }
    let nameless = Me { id: 1, username: String::new() };
    let update = message(group(), "@ list", json!({}));
    assert_eq!(seen(&update, &nameless, "ops"), Seen::Nothing);
}

#[test]
fn an_answer_is_one_to_a_message_of_the_bot() {
    let reply = |id: i64, from: i64| json!({ "message_id": id, "from": { "id": from } });
    let ours = json!({ "reply_to_message": reply(17, 1) });
    let answer = Some(("blue".to_owned(), Some("17".to_owned()), false));
    assert_eq!(text(&message(group(), "blue", ours.clone())), answer);
    assert_eq!(text(&message(direct(), "blue", ours)), answer);
    let others = json!({ "reply_to_message": reply(17, 816) });
    assert_eq!(text(&message(group(), "blue", others.clone())), None);
    assert_eq!(text(&message(direct(), "blue", others)), Some(("blue".to_owned(), None, false)));
}

#[test]
fn a_topic_is_a_thread_and_its_first_message_is_answered_by_nobody() {
    let reply = json!({ "message_id": 40, "from": { "id": 1, "is_bot": true } });
    let in_topic = json!({
        "message_thread_id": 40, "is_topic_message": true, "reply_to_message": reply,
    });
    let found = heard(&message(group(), "/kanban list", in_topic.clone())).unwrap();
    assert_eq!(found.inbound.chat.thread.as_deref(), Some("40"));
    assert_eq!(text(&message(group(), "blue", in_topic)), None);
    // The thread of a reply in a group without topics takes no messages.
    let in_thread = json!({ "message_thread_id": 41, "reply_to_message": reply });
    let found = heard(&message(group(), "blue", in_thread)).unwrap();
    assert_eq!(found.inbound.chat.thread, None);
}

#[expect(clippy::needless_pass_by_value, reason = "JSON is written where it is used")]
fn press(data: &str, message: Value) -> Value {
    let press = json!({ "id": "q1", "from": ada(), "chat_instance": "x", "message": message, "data": data });
    json!({ "update_id": 101, "callback_query": press })
}

#[test]
fn a_press_carries_its_token_and_one_that_leads_nowhere_is_answered_all_the_same() {
    let at = json!({ "message_id": 17, "chat": group(), "date": 0, "message_thread_id": 40, "is_topic_message": true });
    let found = heard(&press("k1:abcdefghijklmnop", at.clone())).unwrap();
    assert_eq!((found.press.as_deref(), found.message_id()), (Some("q1"), Some("17")));
    let what =
        What::Press { token: "abcdefghijklmnop".to_owned(), message_id: Some("17".to_owned()) };
    assert_eq!((&found.inbound.what, &found.inbound.message_id), (&what, &None));
    assert_eq!(found.inbound.chat.thread.as_deref(), Some("40"));
    for (data, message) in [("k2:abc", at.clone()), ("", at), ("k1:abc", Value::Null)] {
        let nowhere = seen(&press(data, message), &me(), "ops");
        assert_eq!(nowhere, Seen::Press("q1".to_owned()), "{data}");
    }
}
