//! The way in, beside a daemon that is a fake: what people do at the provider reaches the daemon once it is theirs, and is answered as it says.

use std::time::Duration;

use kanband::kernel::chat::{Inbound, InboundReply, Run, Say, What};
use kanband::kernel::notice::Button;
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use support::fakes::telegram::{Message, Telegram};
use support::fakes::{Answer, Fake, Fault, Heard};

use crate::harness::{TOKEN, row, setting};
use crate::program::Stage;

/// A person, in a chat of their own and in a group.
const ADA: i64 = 815;
const DIRECT: &str = "815";
const GROUP: &str = "-1001234567890123";

fn stage(fake: &Fake<Telegram>) -> Stage {
    Stage::start(vec![setting("telegram", Some(fake.url()))])
}

fn shown(fake: &Fake<Telegram>, chat: &str) -> Vec<Message> {
    fake.with(|it| it.of_chat(chat).into_iter().cloned().collect())
}

fn text_of(message: &Message) -> String {
    message.fields["text"].as_str().unwrap().to_owned()
}

fn say(text: &str) -> InboundReply {
    InboundReply {
        say: Some(Say { text: text.to_owned(), ..Say::default() }),
        ..Default::default()
    }
}

fn run(line: &str, confirm: Option<&str>) -> InboundReply {
    let confirm = confirm.map(str::to_owned);
    InboundReply {
        run: Some(Run { line: line.to_owned(), confirm, person: Some("ada".to_owned()) }),
        ..Default::default()
    }
}

/// What a daemon decides of commands: they are run.
fn obedient(inbound: &Inbound) -> InboundReply {
    match &inbound.what {
        What::Text { text, .. } => {
            run(text.trim_start_matches("/kanban").trim_start_matches("/k"), None)
        }
        What::Press { token, .. } => run("stop t_00000001", Some(token)),
    }
}

fn header<'a>(heard: &'a Heard, name: &str) -> &'a str {
    heard.headers.get(name).map(String::as_str).unwrap_or_default()
}

#[test]
fn what_a_person_writes_is_handed_in_and_answered_where_it_was_written() {
    let fake = Fake::start(Telegram::new(TOKEN));
    fake.with(|it| it.topics.insert(GROUP.to_owned(), vec![40]));
    let stage = stage(&fake);
    stage.daemon.decide(|_| say("Noted for @ada."));
    let in_topic = json!({ "message_thread_id": 40, "is_topic_message": true });
    let update = fake.with(|it| it.write(ADA, GROUP, "/kanban@kanban_bot list", &in_topic));
    stage.until(|| (shown(&fake, GROUP).len() == 1).then_some(()));
    let inbound = stage.daemon.inbound();
    assert_eq!(inbound.len(), 1);
    assert_eq!(inbound[0].event_id, update.to_string());
    assert_eq!((inbound[0].channel.as_str(), inbound[0].from.id.as_str()), ("telegram", "815"));
    let fields = &shown(&fake, GROUP)[0].fields;
    assert_eq!(fields["message_thread_id"], 40);
    let own = inbound[0].message_id.as_ref().unwrap().parse::<i64>().unwrap();
    assert_eq!(fields["reply_parameters"]["message_id"], own);
    assert_eq!(fields["text"], "Noted for @\u{200b}ada.", "a title mentions nobody");
    // An operator reads the number of the group in the log.
    assert!(stage.log().contains(&format!("address={GROUP} thread=40")), "{}", stage.log());
    // In a chat of their own nobody else is answered.
    fake.with(|it| it.write(ADA, DIRECT, "hello", &json!({})));
    stage.until(|| (shown(&fake, DIRECT).len() == 1).then_some(()));
    assert!(shown(&fake, DIRECT)[0].fields.get("reply_parameters").is_none());
}

#[test]
fn what_nobody_meant_for_the_bot_does_not_reach_the_daemon() {
    let fake = Fake::start(Telegram::new(TOKEN));
    let stage = stage(&fake);
    fake.with(|it| {
        it.write(ADA, GROUP, "good morning", &json!({}));
        it.write(ADA, GROUP, "/kanban@other_bot list", &json!({}));
        it.write(ADA, GROUP, "/kanban list", &json!({ "sender_chat": { "id": 7 } }));
        it.write(ADA, GROUP, "/kanban list", &json!({ "forward_origin": {} }));
        it.say("edited_message", json!({ "message_id": 1 }));
        it.say("message", json!({ "text": 7 }));
        it.write(ADA, GROUP, "/kanban list", &json!({}));
    });
    stage.until(|| (!stage.daemon.inbound().is_empty()).then_some(()));
    // The next poll has confirmed all of them.
    stage.until(|| fake.with(|it| it.updates.is_empty()).then_some(()));
    assert_eq!(stage.daemon.inbound().len(), 1);
    let asked = fake.with(|it| it.polls[0]["allowed_updates"].clone());
    assert_eq!(asked, json!(["message", "callback_query"]));
}

#[test]
fn a_press_is_answered_always_and_its_line_is_run_with_the_confirmation() {
    let fake = Fake::start(Telegram::new(TOKEN));
    let stage = stage(&fake);
    let button = |label: &str| Button {
        label: label.to_owned(),
        style: String::new(),
        token: "abcdefghijklmnop".to_owned(),
    };
    let mut asked = row("telegram", GROUP, 1);
    asked.notice.buttons = vec![button("Yes")];
    stage.daemon.send([asked]);
    stage.until(|| (shown(&fake, GROUP).len() == 1).then_some(()));
    stage.daemon.decide(|inbound| InboundReply {
        toast: Some("Stopping.".to_owned()),
        ..obedient(inbound)
    });
    stage
        .daemon
        .obey(|_| Answer::json(403, &json!({ "error": { "code": "forbidden", "message": "no" } })));
    let press = fake.with(|it| it.press(ADA, GROUP, 1, "Yes"));
    stage.until(|| (shown(&fake, GROUP).len() == 2).then_some(()));
    assert_eq!(fake.with(|it| it.answer_to(&press).unwrap()["text"].clone()), "Stopping.");
    let what =
        What::Press { token: "abcdefghijklmnop".to_owned(), message_id: Some("1".to_owned()) };
    assert_eq!(stage.daemon.inbound()[0].what, what);
    let call = &stage.daemon.calls()[0];
    assert_eq!(header(call, "kanban-confirm"), "abcdefghijklmnop");
    let shown = shown(&fake, GROUP);
    assert!(shown[0].fields["reply_markup"].is_null(), "a used button is taken away");
    assert!(text_of(&shown[1]).contains("error: no"), "{shown:?}");
    // What carries no token of ours is answered, so that nobody waits, and goes no further.
    let press = fake.with(|it| it.press_data(ADA, GROUP, 1, "other".to_owned()));
    stage.until(|| fake.with(|it| it.answer_to(&press).is_some()).then_some(()));
    assert_eq!(stage.daemon.inbound().len(), 1);
}

#[test]
fn a_sign_at_the_message_says_that_it_was_understood() {
    let fake = Fake::start(Telegram::new(TOKEN));
    let stage = stage(&fake);
    stage.daemon.decide(|_| InboundReply { is_noted: true, ..Default::default() });
    fake.with(|it| it.reply(ADA, GROUP, 1, "blue"));
    stage.until(|| (fake.with(|it| it.signs.len()) == 1).then_some(()));
    assert_eq!(fake.with(|it| it.signs[0].0.clone()), GROUP);
    assert!(shown(&fake, GROUP).is_empty());
}

#[test]
fn a_line_is_run_for_the_person_and_its_writes_have_ids_of_their_own() {
    let fake = Fake::start(Telegram::new(TOKEN));
    let stage = stage(&fake);
    stage.daemon.decide(obedient);
    stage.daemon.obey(|heard| match heard.path.as_str() {
        "/v1/tasks/t_00000001/comments" => Answer::json(
            403,
            &json!({ "error": { "code": "forbidden", "message": "nothing for you" } }),
        ),
        _ => Answer::json(200, &json!([])),
    });
    let update =
        fake.with(|it| it.write(ADA, GROUP, "/k comment t_00000001 'two words'", &json!({})));
    stage.until(|| (shown(&fake, GROUP).len() == 1).then_some(()));
    let calls = stage.daemon.calls();
    assert!(!calls.is_empty());
    for call in &calls {
        assert_eq!(header(call, "kanban-for"), format!("telegram {update} 815 {GROUP}"));
        assert_eq!(header(call, "kanban-confirm"), "");
    }
    let ids: Vec<&str> = calls
        .iter()
        .filter(|call| call.method != "GET")
        .map(|call| header(call, "kanban-request-id"))
        .collect();
    assert_eq!(ids, [format!("chat:telegram:{update}:1")]);
    let shown = &shown(&fake, GROUP)[0];
    assert_eq!(shown.fields["entities"][0]["type"], "pre", "columns stand below each other");
    // A line that is nothing for a chat asks the daemon for nothing.
    fake.with(|it| it.write(ADA, GROUP, "/k export /tmp/x", &json!({})));
    stage.until(|| (self::shown(&fake, GROUP).len() == 2).then_some(()));
    assert!(text_of(&self::shown(&fake, GROUP)[1]).contains("not available in a chat"));
    assert_eq!(stage.daemon.calls().len(), calls.len());
}

#[test]
fn what_needs_a_confirmation_is_asked_back_with_a_button_and_a_word() {
    let fake = Fake::start(Telegram::new(TOKEN));
    let stage = stage(&fake);
    stage.daemon.decide(obedient);
    let confirm = json!({ "token": "ponmlkjihgfedcba", "word": "K7QX" });
    let refused = json!({ "code": "confirm_needed", "message": "Stop t_00000001 (running 4 min)?", "confirm": confirm });
    stage.daemon.obey(move |_| Answer::json(409, &json!({ "error": refused.clone() })));
    fake.with(|it| it.write(ADA, GROUP, "/k stop t_00000001", &json!({})));
    stage.until(|| (shown(&fake, GROUP).len() == 1).then_some(()));
    let asked = &shown(&fake, GROUP)[0];
    assert_eq!(text_of(asked), "Stop t_00000001 (running 4 min)?\nPress Yes, or type: yes K7QX");
    let button = &asked.fields["reply_markup"]["inline_keyboard"][0][0];
    assert_eq!(button["callback_data"], "k1:ponmlkjihgfedcba");
    assert_eq!(button["style"], "danger");
    fake.with(|it| it.write(ADA, GROUP, "yes K7QX", &json!({})));
    stage.until(|| (stage.daemon.inbound().len() == 2).then_some(()));
}

#[test]
fn an_update_is_confirmed_when_the_daemon_has_answered_and_its_line_has_run() {
    let fake = Fake::start(Telegram::new(TOKEN));
    let mut stage = stage(&fake);
    stage.end(Signal::SIGKILL);
    let update = fake.with(|it| it.write(ADA, DIRECT, "/kanban list", &json!({})));
    stage.daemon.decide(obedient);
    stage.daemon.obey(|_| Answer::json(200, &json!([])));
    let points = ["courier-after-inbound", "courier-after-run", "courier-before-confirm"];
    for (round, point) in (1_usize..).zip(points) {
        stage.spawn_and_wait(Some(&format!("{point}=kill")));
        stage.wait_for_end();
        assert_eq!(stage.daemon.inbound().len(), round, "{point}");
        assert_eq!(fake.with(|it| it.updates.len()), 1, "{point}: the provider has it still");
    }
    stage.spawn_and_wait(None);
    stage.until(|| fake.with(|it| it.updates.is_empty()).then_some(()));
    let handed_in = stage.daemon.inbound();
    assert!(handed_in.iter().all(|it| it == &handed_in[0]), "it is the same thing each time");
    let last = fake.with(|it| it.polls.last().unwrap()["offset"].as_i64());
    assert_eq!(last, Some(update + 1));
}

#[test]
fn a_daemon_that_is_away_is_waited_for() {
    let fake = Fake::start(Telegram::new(TOKEN));
    let mut stage = stage(&fake);
    stage.daemon.decide(obedient);
    stage.daemon.obey(|_| Answer::json(200, &json!([])));
    stage.daemon.stop();
    fake.with(|it| it.write(ADA, DIRECT, "/kanban list", &json!({})));
    stage.daemon.listen();
    stage.until(|| (!shown(&fake, DIRECT).is_empty()).then_some(()));
    stage.until(|| fake.with(|it| it.updates.is_empty()).then_some(()));
}

#[test]
fn another_poller_ends_the_listening_and_nothing_else() {
    let fake = Fake::start(Telegram::new(TOKEN));
    let stage = stage(&fake);
    stage.until(|| (fake.with(|it| it.waiting()) == 1).then_some(()));
    fake.with(|it| it.has_rival = true);
    let deaf = |it: &Value| it["state"] == "deaf";
    stage.until(|| stage.daemon.reports().iter().any(deaf).then_some(()));
    let reports = stage.daemon.reports();
    let reason = reports.iter().find(|it| deaf(it)).unwrap()["reason"].as_str().unwrap();
    assert!(reason.contains("terminated by other getUpdates request"), "{reason}");
    fake.with(|it| it.has_rival = false);
    stage.daemon.send([row("telegram", DIRECT, 1)]);
    assert_eq!(stage.settled(1), ["1 sent 1"]);
    assert_eq!(fake.with(|it| it.waiting()), 0, "it polls no longer");
    // The next configuration is another try.
    stage.daemon.configure(vec![setting("telegram", Some(fake.url()))]);
    stage.until(|| (fake.with(|it| it.waiting()) == 1).then_some(()));
}

#[test]
fn a_token_that_is_refused_ends_the_listening_and_breaks_the_channel() {
    let fake = Fake::start(Telegram::new("4711:another-token"));
    let stage = stage(&fake);
    let broken = |it: &Value| it["state"] == "broken";
    stage.until(|| stage.daemon.reports().iter().any(broken).then_some(()));
    let reports = stage.daemon.reports();
    assert_eq!(reports.iter().find(|it| broken(it)).unwrap()["reason"], "Unauthorized");
}

#[test]
fn a_provider_that_fails_is_polled_again_and_loses_nothing() {
    let fake = Fake::start(Telegram::new(TOKEN));
    fake.with(|it| {
        it.poll_faults = [
            Fault::Status(500),
            Fault::Status(502),
            Fault::ResetBefore,
            Fault::Rate(Duration::from_millis(50)),
            Fault::ResetAfter,
        ]
        .into();
        it.write(ADA, DIRECT, "one", &json!({}));
        it.write(ADA, DIRECT, "two", &json!({}));
    });
    let stage = stage(&fake);
    stage.until(|| fake.with(|it| it.updates.is_empty()).then_some(()));
    let texts: Vec<What> = stage.daemon.inbound().into_iter().map(|it| it.what).collect();
    let text =
        |text: &str| What::Text { text: text.to_owned(), reply_to: None, is_addressed: false };
    assert_eq!(texts, [text("one"), text("two")]);
    assert!(!stage.log().contains("SENTINEL"), "{}", stage.log());
}

#[test]
fn an_answer_fits_into_a_message_whatever_it_is_made_of() {
    let fake = Fake::start(Telegram::new(TOKEN));
    let stage = stage(&fake);
    stage.daemon.decide(|_| say(&"😀@".repeat(3_000)));
    fake.with(|it| it.write(ADA, DIRECT, "hello", &json!({})));
    stage.until(|| (shown(&fake, DIRECT).len() == 1).then_some(()));
    let text = text_of(&shown(&fake, DIRECT)[0]);
    assert!(text.ends_with('…') && text.encode_utf16().count() > 4_000, "{}", text.len());
}
