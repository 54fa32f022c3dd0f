//! Who is heard in which channel of Slack, and as what.

use serde_json::json;

use super::*;
use crate::kernel::chat::What;

fn us() -> Us {
    Us { channel: "work".to_owned(), user: "U0BOT".to_owned() }
}

#[expect(clippy::needless_pass_by_value, reason = "JSON is written where it is used")]
fn frame(kind: &str, payload: Value) -> Frame {
    let frame = json!({ "type": kind, "envelope_id": "e1", "payload": payload });
    serde_json::from_value(frame).unwrap()
}

/// A message with further fields.
#[expect(clippy::needless_pass_by_value, reason = "JSON is written where it is used")]
fn message(text: &str, more: Value) -> Frame {
    let mut event = json!({
        "type": "message", "channel": "C024BE91L", "channel_type": "channel", "user": "U024BE7LH",
        "text": text, "ts": "1503435956.000247",
    });
    for (name, value) in more.as_object().unwrap() {
        event[name] = value.clone();
    }
    frame("events_api", json!({ "event_id": "Ev1", "event": event }))
}

/// The words, to what they answer, and whether they are addressed.
fn text(frame: &Frame) -> Option<(String, Option<String>, bool)> {
    match seen(frame, &us())?.inbound.what {
        What::Text { text, reply_to, is_addressed } => Some((text, reply_to, is_addressed)),
        What::Press { .. } => None,
    }
}

#[test]
fn a_message_and_the_mention_in_it_are_one_thing() {
    let heard = seen(&message("<@U0BOT> list", json!({})), &us()).unwrap();
    let mention = seen(&message("<@U0BOT> list", json!({ "type": "app_mention" })), &us());
    assert_eq!(mention, Some(heard.clone()));
    let inbound = heard.inbound;
    assert_eq!(inbound.event_id, "message C024BE91L:1503435956.000247");
    assert_eq!((inbound.channel.as_str(), inbound.from.id.as_str()), ("work", "U024BE7LH"));
    assert_eq!(inbound.message_id.as_deref(), Some("C024BE91L:1503435956.000247"));
    assert_eq!(inbound.chat.address, "C024BE91L");
    // In a direct message the address is the person, as subscriptions write it.
    let direct = seen(&message("hello", json!({ "channel": "D024BE91L" })), &us()).unwrap();
    let chat = Chat { address: "U024BE7LH".to_owned(), thread: None, is_direct: true };
    assert_eq!(direct.inbound.chat, chat);
    assert_eq!(direct.inbound.message_id.as_deref(), Some("D024BE91L:1503435956.000247"));
}

#[test]
fn who_only_looks_like_a_person_is_nobody() {
    for (what, more) in [
        ("a bot", json!({ "bot_id": "B1" })),
        ("this bot", json!({ "user": "U0BOT" })),
        ("nobody", json!({ "user": null })),
        ("a changed message", json!({ "subtype": "message_changed" })),
        ("a message of a bot", json!({ "subtype": "bot_message" })),
        ("one who has joined", json!({ "subtype": "channel_join" })),
        ("another kind of event", json!({ "type": "reaction_added" })),
    ] {
        assert_eq!(seen(&message("<@U0BOT> list", more), &us()), None, "{what}");
    }
    for broken in [json!({}), json!(7), json!({ "event": 7 })] {
        assert_eq!(seen(&frame("events_api", broken.clone()), &us()), None, "{broken}");
        assert_eq!(seen(&frame("hello", broken), &us()), None);
    }
}

#[test]
fn mentions_and_answers_are_heard_and_what_people_say_to_each_other_is_not() {
    let in_thread = |parent: &str| json!({ "thread_ts": "17.1", "parent_user_id": parent });
    let ours = Some("C024BE91L:17.1".to_owned());
    for (written, more, expected) in [
        ("good morning", json!({}), None),
        ("<@U0BOT> list", json!({}), Some(("list", None, true))),
        ("<@U0BOT|kanban>: list", json!({}), Some(("list", None, true))),
        ("<@U0BOT>", json!({}), Some(("/help", None, true))),
        ("<@U0OTHER> list", json!({}), None),
        ("!kanban list", json!({}), Some(("/kanban list", None, true))),
        ("yes K7QX", json!({}), Some(("yes K7QX", None, false))),
        ("blue", in_thread("U0BOT"), Some(("blue", ours.clone(), false))),
        ("blue", json!({ "thread_ts": "17.1" }), Some(("blue", ours.clone(), false))),
        ("blue", in_thread("U024BE7LH"), None),
        ("<@U0BOT> list", in_thread("U024BE7LH"), Some(("list", None, true))),
        // The first message of a thread answers to nothing.
        ("blue", json!({ "thread_ts": "1503435956.000247" }), None),
        ("blue", json!({ "channel": "D1" }), Some(("blue", None, false))),
    ] {
        let expected = expected.map(|(text, to, is_ours)| (text.to_owned(), to, is_ours));
        assert_eq!(text(&message(written, more)), expected, "{written}");
    }
    let heard = seen(&message("<@U0BOT> list", in_thread("U024BE7LH")), &us()).unwrap();
    assert_eq!(
        heard.inbound.chat.thread.as_deref(),
        Some("17.1"),
        "it is answered where it was asked"
    );
}

#[test]
fn a_text_is_what_people_wrote() {
    for (sent, written) in [
        ("a &lt;b&gt; &amp;amp; c", "a <b> &amp; c"),
        ("see <https://example.org/x?a=1&amp;b=2>", "see https://example.org/x?a=1&b=2"),
        ("see <https://example.org|the page>", "see https://example.org"),
        ("<http://example.org|example.org>", "example.org"),
        ("<mailto:a@example.org|a@example.org>", "a@example.org"),
        ("<#C1|general> <#C2>", "#general #C2"),
        ("<@U1> <@U1|ada> <!here> <!subteam^S1>", "@U1 @ada @here @subteam"),
        ("a < b", "a < b"),
    ] {
        assert_eq!(plain(sent), written, "{sent}");
    }
}

#[test]
fn a_command_of_slack_is_a_line_that_is_answered_to_the_one_who_wrote_it() {
    let command = |word: &str, text: &str| {
        frame(
            "slash_commands",
            json!({
                "command": word, "text": text, "user_id": "U024BE7LH", "channel_id": "C024BE91L",
                "trigger_id": "13.1", "response_url": "https://hooks.slack.com/commands/x",
            }),
        )
    };
    for (word, line, expected) in [
        ("/kanban", "list --mine", "/kanban list --mine"),
        ("/k", "", "/k"),
        ("/board", "list", "/kanban list"),
    ] {
        let expected = Some((expected.to_owned(), None, true));
        assert_eq!(text(&command(word, line)), expected);
    }
    let heard = seen(&command("/kanban", "list"), &us()).unwrap();
    assert_eq!(heard.inbound.event_id, "command 13.1");
    assert!(heard.reply_url.is_some() && heard.inbound.message_id.is_none());
    let answer = heard.answer(crate::kernel::chat::Say::default());
    assert_eq!(answer.reply_url, heard.reply_url);
}

#[test]
fn a_press_carries_its_token_and_the_message_that_it_was_at() {
    let message = json!({ "ts": "17.2", "thread_ts": "17.1", "text": "Which?", "blocks": [] });
    let press = |kind: &str, value: &str, message: &Value| {
        frame(
            "interactive",
            json!({
                "type": kind, "user": { "id": "U024BE7LH" }, "channel": { "id": "C024BE91L" },
                "message": message, "actions": [{ "action_id": "k0", "value": value }],
                "trigger_id": "13.2", "response_url": "https://hooks.slack.com/actions/x",
            }),
        )
    };
    let heard = seen(&press("block_actions", "k1:abcdefghijklmnop", &message), &us()).unwrap();
    let id = Some("C024BE91L:17.2".to_owned());
    let what = What::Press { token: "abcdefghijklmnop".to_owned(), message_id: id };
    assert_eq!((&heard.inbound.what, heard.press.as_deref()), (&what, Some("13.2")));
    assert_eq!(heard.inbound.chat.thread.as_deref(), Some("17.1"));
    assert_eq!(heard.shown, Some(message.clone()));
    assert!(heard.answer(crate::kernel::chat::Say::default()).reply_url.is_none());
    for (kind, value, message) in [
        ("block_actions", "other", &message),
        ("view_submission", "k1:abc", &message),
        ("block_actions", "k1:abc", &Value::Null),
    ] {
        assert_eq!(seen(&press(kind, value, message), &us()), None, "{kind} {value}");
    }
}
