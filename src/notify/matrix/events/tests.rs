//! Who is heard in which room of Matrix, and as what.

use serde_json::json;

use super::*;

const ME: &str = "@kanban:example.org";
const ADA: &str = "@ada:example.org";
const ROOM: &str = "!room:example.org";

#[expect(clippy::needless_pass_by_value, reason = "JSON is written where it is used")]
fn event(sender: &str, kind: &str, content: Value) -> Value {
    json!({ "type": kind, "event_id": "$1", "sender": sender, "origin_server_ts": 1, "content": content })
}

fn of(events: &[Value]) -> Seen {
    let rooms = json!({ "join": { ROOM: { "timeline": { "events": events, "limited": false } } } });
    let sync = json!({ "next_batch": "s2", "rooms": rooms });
    seen(&serde_json::from_value(sync).unwrap(), "team", ME)
}

/// The words, to what they answer, and whether they are addressed.
fn words(content: Value) -> Option<(String, Option<String>, bool)> {
    let written = of(&[event(ADA, "m.room.message", content)]).written;
    let found = written.into_iter().next()?.words;
    Some((found.text, found.reply_to, found.is_addressed))
}

#[test]
fn who_is_named_is_addressed_by_id_by_its_first_part_and_by_the_name_that_is_shown() {
    let plain = |body: &str| json!({ "msgtype": "m.text", "body": body });
    for (body, expected, is_addressed) in [
        ("@kanban:example.org list", "list", true),
        ("@kanban:example.org: list", "list", true),
        ("@kanban list", "list", true),
        ("kanban: list", "list", true),
        ("Kanban, list", "list", true),
        ("kanban is down", "kanban is down", false),
        ("kanbans: list", "kanbans: list", false),
        ("@kanban:example.organ list", "@kanban:example.organ list", false),
        ("!kanban list", "/kanban list", true),
        ("!k", "/k", true),
        ("good morning", "good morning", false),
    ] {
        assert_eq!(words(plain(body)), Some((expected.to_owned(), None, is_addressed)), "{body}");
    }
    let shown = |target: &str| {
        json!({
            "msgtype": "m.text", "body": "The Board: list", "m.mentions": { "user_ids": [ME] },
            "formatted_body": format!("<a href=\"https://matrix.to/#/{target}\">The Board</a>: list"),
        })
    };
    assert_eq!(words(shown(ME)), Some(("list".to_owned(), None, true)));
    let other = words(shown("@bo:example.org")).unwrap();
    assert_eq!(other, ("The Board: list".to_owned(), None, false));
}

#[test]
fn a_reply_answers_to_its_message_and_one_in_a_thread_to_what_began_it() {
    let reply = |relation: Value| json!({ "msgtype": "m.text", "body": "> <@kanban:example.org> Which?\n> Colour.\n\nblue", "m.relates_to": relation });
    let to = |id: &str| json!({ "event_id": id });
    for (relation, expected) in [
        (json!({ "m.in_reply_to": to("$q") }), "$q"),
        (
            json!({ "rel_type": "m.thread", "event_id": "$root", "is_falling_back": true, "m.in_reply_to": to("$last") }),
            "$root",
        ),
        (
            json!({ "rel_type": "m.thread", "event_id": "$root", "is_falling_back": false, "m.in_reply_to": to("$q") }),
            "$q",
        ),
    ] {
        let found = words(reply(relation.clone()));
        assert_eq!(
            found,
            Some(("blue".to_owned(), Some(expected.to_owned()), false)),
            "{relation}"
        );
    }
    let thread = json!({ "rel_type": "m.thread", "event_id": "$root" });
    let content = json!({ "msgtype": "m.text", "body": "> said", "m.relates_to": thread });
    let written = of(&[event(ADA, "m.room.message", content)]).written.remove(0);
    assert_eq!(written.deed.chat.thread.as_deref(), Some("$root"));
    assert_eq!(written.words.text, "> said", "no reply, so no message before it");
    assert_eq!((written.deed.event_id.as_str(), written.deed.user.as_str()), ("$1", ADA));
}

#[test]
fn who_only_looks_like_a_person_is_nobody() {
    let text = json!({ "msgtype": "m.text", "body": "!kanban list" });
    let replace = json!({ "rel_type": "m.replace", "event_id": "$0" });
    for (what, found) in [
        ("this user", event(ME, "m.room.message", text.clone())),
        (
            "a program",
            event(ADA, "m.room.message", json!({ "msgtype": "m.notice", "body": "!kanban list" })),
        ),
        (
            "a change",
            event(
                ADA,
                "m.room.message",
                json!({ "msgtype": "m.text", "body": "* !kanban list", "m.relates_to": replace }),
            ),
        ),
        ("what was taken back", event(ADA, "m.room.message", json!({}))),
        ("a topic", event(ADA, "m.room.topic", json!({ "topic": "!kanban list" }))),
    ] {
        assert_eq!(of(&[found]).written, [], "{what}");
    }
    let invited = json!({ "next_batch": "s2", "rooms": { "invite": { ROOM: {} } } });
    assert_eq!(seen(&serde_json::from_value(invited).unwrap(), "team", ME), Seen::default());
}

#[test]
fn of_a_room_nothing_is_heard_from_before_the_user_was_in_it() {
    let text =
        |body: &str| event(ADA, "m.room.message", json!({ "msgtype": "m.text", "body": body }));
    let member = |who: &str| {
        let mut event = event(who, "m.room.member", json!({ "membership": "join" }));
        event["state_key"] = json!(who);
        event
    };
    let found = of(&[text("!kanban old"), member(ME), text("!kanban new"), member(ADA)]);
    let texts: Vec<&str> = found.written.iter().map(|it| it.words.text.as_str()).collect();
    assert_eq!(texts, ["/kanban new"]);
    assert_eq!(found.changed, [ROOM]);
    let secret = event(ADA, "m.room.encrypted", json!({ "algorithm": "m.megolm.v1.aes-sha2" }));
    assert_eq!(of(&[secret.clone(), secret]).encrypted, [ROOM]);
}
