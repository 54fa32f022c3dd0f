//! Matrix, by a user of a homeserver.

use std::time::Duration;

use kanband::kernel::notice::Class;
use serde_json::{Value, json};
use support::command_line::Config;
use support::fakes::matrix::{Matrix, Message};
use support::fakes::{Fake, Fault, Faults};

use crate::harness::{Bench, MATRIX_TOKEN, ask, on_runtime, row, setting, word};
use crate::senders::{PATIENT, edit, faults_of};
use crate::stage::{Stage, hasty, with_channel};

const ROOM: &str = "!aB3/x+y:example.org";
const PERSON: &str = "@ada:example.org";

fn matrix() -> Fake<Matrix> {
    Fake::start(Matrix::new(MATRIX_TOKEN))
}

fn text(message: &Message) -> String {
    message.content["body"].as_str().unwrap().to_owned()
}

fn shown(fake: &Fake<Matrix>) -> Vec<Message> {
    fake.with(|it| it.of_room(ROOM).into_iter().cloned().collect())
}

#[test]
fn answers_of_a_homeserver_end_as_the_table_says_and_a_repeat_is_shown_once() {
    let fake = matrix();
    // Of a room that was looked at: one fault meets one message.
    let setting = setting("matrix", Some(fake.url()));
    let bench = Bench::new(PATIENT);
    let channel = bench.channel(&setting);
    assert_eq!(word(&on_runtime(channel.send(&row("matrix", ROOM, 99)))), "sent $event1");
    for (fault, expected) in [
        (Fault::Rate(Duration::from_secs(3)), "rate 3000 Channel"),
        (Fault::Rate(Duration::from_millis(50)), "rate 50 Channel"),
        (Fault::Status(400), "permanent m_bad_json"),
        (Fault::Status(401), "channel_dead m_unknown_token"),
        (Fault::Status(403), "permanent m_forbidden"),
        (Fault::Status(404), "channel_dead http_404"),
        (Fault::Status(413), "permanent m_too_large"),
        (Fault::Status(500), "temporary m_unknown"),
        (Fault::Status(502), "temporary http_502"),
        (Fault::ResetBefore, "unknown broken_off"),
        (Fault::ResetAfter, "unknown broken_off"),
        (Fault::None, "sent $event2"),
    ] {
        fake.fail(Faults::ordered([fault.clone()]));
        let outcome = on_runtime(channel.send(&row("matrix", ROOM, 1)));
        assert_eq!(word(&outcome), expected, "{fault:?}: {outcome:?}");
    }
    assert_eq!(
        shown(&fake).len(),
        2,
        "the one that was recorded before the connection broke is it"
    );
    // What is asked about a room before its first message sends nothing, so nothing is in doubt.
    faults_of(
        &fake,
        &setting,
        "!another:example.org",
        &[
            (Fault::Hang, "temporary no_answer"),
            (Fault::ResetAfter, "temporary no_answer"),
            (Fault::Status(401), "channel_dead m_unknown_token"),
            (Fault::Rate(Duration::from_millis(50)), "rate 50 Channel"),
            (Fault::None, "sent $event3"),
        ],
    );
}

#[test]
fn a_room_that_is_encrypted_or_a_space_is_refused_and_looked_at_again_by_every_test() {
    let fake = matrix();
    let bench = Bench::new(PATIENT);
    let channel = bench.channel(&setting("matrix", Some(fake.url())));
    fake.with(|it| {
        it.encrypted.push("!secret:example.org".to_owned());
        it.spaces.push("!space:example.org".to_owned());
        it.foreign.push("!foreign:example.org".to_owned());
    });
    for (room, expected) in [
        ("!secret:example.org", "permanent encrypted_room"),
        ("!space:example.org", "permanent space"),
        ("!foreign:example.org", "permanent m_forbidden"),
    ] {
        assert_eq!(word(&on_runtime(channel.send(&row("matrix", room, 1)))), expected);
        assert_eq!(word(&on_runtime(channel.edit(&edit("matrix", room, None)))), expected);
    }
    assert_eq!(fake.with(|it| it.messages.len()), 0);
    assert_eq!(word(&on_runtime(channel.send(&row("matrix", ROOM, 1)))), "sent $event1");
    let before = fake.count();
    assert_eq!(word(&on_runtime(channel.send(&row("matrix", ROOM, 2)))), "sent $event2");
    assert_eq!(fake.count(), before + 1, "a room is looked at once");
    fake.with(|it| it.encrypted.push(ROOM.to_owned()));
    let mut test = row("matrix", ROOM, 3);
    test.notice.class = Class::Test;
    assert_eq!(word(&on_runtime(channel.send(&test))), "permanent encrypted_room");
}

#[test]
fn the_message_about_a_task_keeps_its_id_through_all_changes() {
    let fake = matrix();
    let bench = Bench::new(PATIENT);
    let channel = bench.channel(&setting("matrix", Some(fake.url())));
    fake.fail(Faults::ordered([Fault::None, Fault::None, Fault::ResetAfter]));
    assert_eq!(word(&on_runtime(channel.edit(&edit("matrix", ROOM, None)))), "unknown broken_off");
    let first = on_runtime(channel.edit(&edit("matrix", ROOM, None)));
    assert_eq!(word(&first), "sent $event1", "the same name gives the first one back");
    for (lease, state) in [("a", "running"), ("b", "done"), ("c", "archived")] {
        let mut changed = edit("matrix", ROOM, Some("$event1"));
        (changed.lease, changed.live.state) = (lease.to_owned(), state.to_owned());
        assert_eq!(on_runtime(channel.edit(&changed)), first, "never a change of a change");
        let [message] = &shown(&fake)[..] else { panic!("one message") };
        assert!(text(message).contains(state), "{message:?}");
        assert!(!text(message).starts_with("* "), "that is for clients that know no changes");
    }
    assert_eq!(shown(&fake)[0].edits, 3);
    let odd = on_runtime(channel.edit(&edit("matrix", ROOM, Some("17"))));
    assert_eq!(word(&odd), "gone");
}

#[test]
fn a_question_names_one_person_and_news_stands_in_the_thread_of_its_task() {
    let fake = matrix();
    let bench = Bench::new(PATIENT);
    let channel = bench.channel(&setting("matrix", Some(fake.url())));
    let mut asked = row("matrix", ROOM, 1);
    asked.notice = ask();
    asked.notice.mention.as_mut().unwrap().address = PERSON.to_owned();
    asked.reply_to = Some("$live".to_owned());
    on_runtime(channel.send(&asked));
    let content = shown(&fake)[0].content.clone();
    assert_eq!(
        (&content["msgtype"], &content["m.mentions"]),
        (&json!("m.text"), &json!({ "user_ids": [PERSON] }))
    );
    assert_eq!(content["m.relates_to"], json!({ "m.in_reply_to": { "event_id": "$live" } }));
    assert!(content["body"].as_str().unwrap().contains(PERSON));
    for (thread, reply_to, expected) in [
        (None, Some("$live"), json!("$live")),
        (Some("$root"), Some("$live"), json!("$root")),
        (None, None, Value::Null),
    ] {
        let mut news = row("matrix", ROOM, 7);
        news.dedupe = format!("name{}{}", thread.is_some(), reply_to.is_some());
        (news.thread, news.reply_to) = (thread.map(str::to_owned), reply_to.map(str::to_owned));
        on_runtime(channel.send(&news));
        let content = shown(&fake).last().unwrap().content.clone();
        assert_eq!(content["m.relates_to"]["event_id"], expected, "{content}");
        assert_eq!((&content["msgtype"], &content["m.mentions"]), (&json!("m.notice"), &json!({})));
    }
}

#[test]
fn a_channel_needs_a_homeserver_and_a_token() {
    let bench = Bench::new(PATIENT);
    let mut without = setting("matrix", None);
    let fault = bench.channel(&without).fault().unwrap().to_owned();
    assert!(fault.contains("set `url` of the channel to that of the homeserver"), "{fault}");
    without.url = Some("https://matrix.example.org".to_owned());
    assert_eq!(bench.channel(&without).fault(), None);
    without.credential = Some("two-words".to_owned());
    let fault = bench.channel(&without).fault().unwrap().to_owned();
    assert!(fault.contains("not an access token") && !fault.contains("SENTINEL"), "{fault}");
}

fn to_matrix(fake: &Fake<Matrix>) -> Config {
    let config = with_channel(&hasty(), "matrix", Some(fake.url()));
    config.with("people.ada.matrix", PERSON).with("notify.on_call", "ada")
}

#[test]
fn a_task_has_one_message_that_is_changed_and_new_ones_for_questions_and_news() {
    let fake = matrix();
    let stage = Stage::start(&to_matrix(&fake));
    let look = || shown(&fake).iter().map(|it| (text(it), it.edits)).collect();
    stage.one_message_and_two_more(("matrix", ROOM), look, || {
        assert_eq!(shown(&fake)[1].content["m.mentions"]["user_ids"], json!([PERSON]));
    });
    let messages = shown(&fake);
    assert_eq!(messages[2].content["m.relates_to"]["event_id"], json!(messages[0].id));
}

#[test]
fn a_message_whose_answer_was_lost_is_shown_once() {
    let fake = matrix();
    fake.fail(Faults::ordered([Fault::None, Fault::None, Fault::ResetAfter]));
    let stage = Stage::start(&to_matrix(&fake));
    let id = stage.subscribed("matrix", ROOM);
    stage.board.say(["complete", &id]).ok();
    stage.until(|| (stage.states() == ["sent"]).then_some(()));
    assert_eq!(shown(&fake).len(), 1);
    assert!(stage.rows()[0].maybe_sent && fake.count() == 4);
}

#[test]
fn an_alias_and_an_encrypted_room_are_refused_before_anything_is_sent_there() {
    let fake = matrix();
    fake.with(|it| it.encrypted.push(ROOM.to_owned()));
    let stage = Stage::start(&to_matrix(&fake));
    let said = stage.board.say(["notify", "test", "matrix", "#board:example.org"]).failed(1);
    assert!(said.contains("must be the id of a room"), "{said}");
    stage.board.say(["notify", "test", "matrix", ROOM]).ok();
    stage.until(|| (stage.states() == ["dead"]).then_some(()));
    let dead = stage.board.say(["notify", "dead", "--json"]).json();
    assert_eq!(dead["messages"][0]["code"], "encrypted_room", "{dead}");
    assert_eq!(shown(&fake).len(), 0);
}
