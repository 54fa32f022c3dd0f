//! Slack, by Socket Mode.

use kanband::kernel::chat::{InboundReply, What};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use support::fakes::slack::{BOT, Message, Slack};
use support::fakes::{Answer, Fake};

use super::replies::{forbidden, run, say, stopping};
use super::story::{self, Shown, Town};
use crate::harness::{SLACK_APP, SLACK_HOOK, SLACK_TOKEN, hearing, row, setting_with};
use crate::program::Stage;

const ROOM: &str = "C024BE91L";
const ADA: &str = "U024BE7LH";
const BO: &str = "U024BE7BO";

fn slack() -> Fake<Slack> {
    let fake = Fake::start(Slack::new(SLACK_TOKEN, SLACK_HOOK));
    fake.with(|it| it.people.app_token = SLACK_APP.to_owned());
    fake
}

fn stage(fake: &Fake<Slack>) -> Stage {
    let stage = Stage::start(vec![hearing("slack", fake.url(), "slack-app")]);
    stage.until(|| fake.with(|it| !it.people.lines.is_empty()).then_some(()));
    stage
}

fn of_room(fake: &Fake<Slack>) -> Vec<Message> {
    fake.with(|it| it.of_channel(ROOM).into_iter().cloned().collect())
}

/// A message with the id that the provider gives it.
fn as_pressed(message: &Message) -> Value {
    let fields = &message.fields;
    json!({ "ts": message.ts, "thread_ts": fields["thread_ts"], "text": fields["text"], "blocks": fields["blocks"] })
}

/// All words of a message.
fn words(fields: &Value) -> String {
    let blocks = fields["blocks"].as_array().cloned().unwrap_or_default();
    let texts = blocks.iter().filter_map(|block| {
        let output = &block["elements"][0]["elements"][0]["text"];
        block["text"]["text"].as_str().or(output.as_str()).map(str::to_owned)
    });
    texts.collect::<Vec<_>>().join("\n")
}

fn buttons(fields: &Value) -> Vec<Value> {
    let blocks = fields["blocks"].as_array().cloned().unwrap_or_default();
    let actions = blocks.into_iter().find(|block| block["type"] == "actions");
    actions.and_then(|it| it["elements"].as_array().cloned()).unwrap_or_default()
}

fn is_quiet(fake: &Fake<Slack>) -> Option<()> {
    fake.with(|it| it.people.waiting.is_empty()).then_some(())
}

struct World(Fake<Slack>);

impl Town for World {
    const KIND: &'static str = "slack";
    const CREDENTIAL: &'static str = "slack-app";
    const ROOM: &'static str = ROOM;
    const ADA: &'static str = ADA;
    const BO: &'static str = BO;
    const EVE: &'static str = "U024BEEVE";
    const HAS_BUTTONS: bool = true;
    const HAS_CURSOR: bool = false;

    fn start() -> Self {
        Self(slack())
    }

    fn url(&self) -> String {
        self.0.url()
    }

    fn shown(&self) -> Vec<Shown> {
        let shown = |it: Message| Shown {
            id: it.ts.clone(),
            text: words(&it.fields),
            labels: buttons(&it.fields)
                .iter()
                .map(|it| it["text"]["text"].as_str().unwrap().to_owned())
                .collect(),
        };
        of_room(&self.0).into_iter().map(shown).collect()
    }

    fn command(&self, user: &str, line: &str) {
        let text = format!("<@{BOT}> {line}");
        self.0.with(|it| it.people.write(user, ROOM, &text, &json!({})));
    }

    fn reply(&self, user: &str, to: &Shown, text: &str) {
        let below = json!({ "thread_ts": to.id, "parent_user_id": BOT });
        self.0.with(|it| it.people.write(user, ROOM, text, &below));
    }

    fn press(&self, user: &str, at: &Shown, label: &str) {
        let message = of_room(&self.0).into_iter().find(|it| it.ts == at.id).unwrap();
        let button = buttons(&message.fields).into_iter().find(|it| it["text"]["text"] == label);
        let value = button.unwrap()["value"].as_str().unwrap().to_owned();
        self.0.with(|it| it.people.press(user, ROOM, &as_pressed(&message), &value));
    }

    fn is_heard(&self) -> bool {
        self.0.with(|it| !it.people.lines.is_empty())
    }

    fn is_taken(&self) -> bool {
        is_quiet(&self.0).is_some()
    }
}

#[test]
fn an_answer_in_slack_reaches_the_worker_that_waits_for_it() {
    story::an_answer_reaches_the_worker_that_waits::<World>();
}

#[test]
fn a_blocked_task_goes_on_by_a_reply_and_by_a_button_in_slack() {
    story::a_blocked_task_goes_on::<World>();
}

#[test]
fn commands_in_slack_are_done_in_roles_and_asked_back() {
    story::commands_are_done_and_asked_back::<World>();
}

#[test]
fn each_thing_in_slack_acts_once_while_both_programs_are_killed() {
    story::each_thing_acts_once_while_both_programs_are_killed::<World>();
}

#[test]
fn an_envelope_is_acknowledged_when_it_is_done_with_and_what_is_nothing_for_us_at_once() {
    let fake = slack();
    let stage = stage(&fake);
    stage.daemon.decide(|_| say("Noted for @ada."));
    fake.with(|it| {
        it.people.write(ADA, ROOM, "good morning", &json!({}));
        it.people.write(ADA, ROOM, "<@U0KANBAN> hm", &json!({ "bot_id": "B1" }));
        it.people.write(
            ADA,
            ROOM,
            "<@U0KANBAN> list",
            &json!({ "thread_ts": "1599.1", "parent_user_id": BO }),
        );
    });
    stage.until(|| is_quiet(&fake));
    let inbound = stage.daemon.inbound();
    assert_eq!(inbound.len(), 1, "{inbound:?}");
    assert_eq!((inbound[0].from.id.as_str(), inbound[0].chat.address.as_str()), (ADA, ROOM));
    let room = of_room(&fake);
    assert_eq!(words(&room[0].fields), "Noted for @\u{200b}ada.", "a title mentions nobody");
    assert_eq!(room[0].fields["thread_ts"], "1599.1");
    assert!(stage.log().contains(&format!("address={ROOM} thread=1599.1")), "{}", stage.log());
    assert!(!stage.log().contains("SENTINEL"), "{}", stage.log());
}

#[test]
fn what_is_brought_again_is_handed_in_once_and_by_the_next_courier_once_more() {
    let fake = slack();
    let mut stage = stage(&fake);
    stage.end(Signal::SIGKILL);
    stage.until(|| fake.with(|it| it.people.lines.is_empty()).then_some(()));
    stage.daemon.decide(|_| run("list"));
    stage.daemon.obey(|_| Answer::json(200, &json!([])));
    fake.with(|it| it.people.write(ADA, ROOM, "<@U0KANBAN> list", &json!({})));
    for (round, point) in (1_usize..).zip(["courier-after-inbound", "courier-after-run"]) {
        stage.spawn_and_wait(Some(&format!("{point}=kill")));
        stage.wait_for_end();
        assert_eq!(stage.daemon.inbound().len(), round, "{point}");
        assert!(is_quiet(&fake).is_none(), "{point}: the provider brings it again");
    }
    stage.spawn_and_wait(None);
    stage.until(|| is_quiet(&fake));
    let handed_in = stage.daemon.inbound();
    assert!(handed_in.iter().all(|it| it == &handed_in[0]), "it is the same thing each time");
    // A mention comes as two events, and one of them twice.
    let count = handed_in.len();
    let mention = json!({ "type": "app_mention", "user": ADA, "channel": ROOM, "text": "<@U0KANBAN> list", "ts": "1601.1" });
    let message = json!({ "type": "message", "user": ADA, "channel": ROOM, "text": "<@U0KANBAN> list", "ts": "1601.1" });
    fake.with(|it| {
        it.people.event(&mention);
        it.people.event(&message);
        it.people.repeat();
    });
    stage.until(|| is_quiet(&fake));
    assert_eq!(stage.daemon.inbound().len(), count + 1);
}

#[test]
fn what_takes_long_is_acknowledged_before_slack_gives_it_up_and_not_before_the_daemon_has_it() {
    let fake = slack();
    let mut stage = stage(&fake);
    // A daemon that is away has nothing.
    stage.daemon.stop();
    fake.with(|it| it.people.write(ADA, ROOM, "<@U0KANBAN> list", &json!({})));
    stage.until(|| stage.log().contains("waits for the daemon").then_some(()));
    assert!(is_quiet(&fake).is_none());
    let (free, hold) = std::sync::mpsc::channel::<()>();
    let hold = std::sync::Mutex::new(hold);
    stage.daemon.decide(|_| run("list"));
    // Its line is not done before the envelope is acknowledged.
    stage.daemon.obey(move |_| {
        // Every request of the line waits for the other end to be gone.
        let _is_over = hold.lock().unwrap().recv().is_err();
        Answer::json(200, &json!([]))
    });
    stage.daemon.listen();
    stage.until(|| is_quiet(&fake));
    assert!(of_room(&fake).is_empty(), "it is not done with yet");
    drop(free);
    stage.until(|| (of_room(&fake).len() == 1).then_some(()));
}

#[test]
fn what_was_being_done_when_a_connection_broke_is_not_done_again_on_the_next_one() {
    let fake = slack();
    let stage = stage(&fake);
    let (free, hold) = std::sync::mpsc::channel::<()>();
    let hold = std::sync::Mutex::new(hold);
    let (call, calls) = std::sync::mpsc::channel();
    stage.daemon.decide(|_| run("list"));
    stage.daemon.obey(move |_| {
        call.send(()).unwrap();
        let _is_over = hold.lock().unwrap().recv().is_err();
        Answer::json(200, &json!([]))
    });
    fake.with(|it| it.people.write(ADA, ROOM, "<@U0KANBAN> list", &json!({})));
    calls.recv().unwrap();
    // Not acknowledged yet, it comes again on the next connection.
    let line = fake.with(|it| it.people.lines[0].clone());
    line.cut();
    stage.until(|| fake.with(|it| it.people.lines.is_empty()).then_some(()));
    drop(free);
    stage.until(|| fake.with(|it| it.people.opened == 2).then_some(()));
    stage.until(|| is_quiet(&fake));
    assert_eq!(stage.daemon.inbound().len(), 1, "it is handed in once");
    stage.until(|| (of_room(&fake).len() == 1).then_some(()));
    let calls: Vec<String> = stage.daemon.calls().into_iter().map(|call| call.path).collect();
    let firsts = calls.iter().filter(|path| **path == calls[0]).count();
    assert_eq!(firsts, 1, "its line is run once: {calls:?}");
}

#[test]
fn the_next_connection_is_opened_before_the_last_one_ends_and_nothing_is_lost_between_them() {
    let fake = slack();
    let stage = stage(&fake);
    stage.daemon.decide(|_| say("Noted."));
    let old = fake.with(|it| it.people.lines[0].clone());
    fake.with(|it| it.people.disconnect("refresh_requested"));
    stage.until(|| fake.with(|it| it.people.lines.len() == 2).then_some(()));
    // What comes on either is taken, and acknowledged where it came.
    let envelope = |id: &str, ts: &str| {
        let event = json!({ "type": "message", "user": ADA, "channel": ROOM, "text": "<@U0KANBAN> list", "ts": ts });
        json!({ "envelope_id": id, "type": "events_api", "payload": { "event": event } })
    };
    old.say(&envelope("on-old", "1602.1"));
    fake.with(|it| it.people.lines[1].say(&envelope("on-new", "1602.2")));
    let acknowledged = || fake.with(|it| it.people.acknowledged.clone());
    stage.until(|| (acknowledged().len() == 2).then_some(()));
    let mut found = acknowledged();
    found.sort();
    assert_eq!(found, [(1, "on-old".to_owned()), (2, "on-new".to_owned())]);
    old.close(1000);
    stage.until(|| fake.with(|it| it.people.lines.len() == 1).then_some(()));
    fake.with(|it| it.people.write(ADA, ROOM, "<@U0KANBAN> list", &json!({})));
    stage.until(|| (stage.daemon.inbound().len() == 3).then_some(()));
    assert_eq!(fake.with(|it| it.people.opened), 2);
    // One that breaks is made again, and brings what was not acknowledged.
    fake.with(|it| it.people.lines[0].cut());
    fake.with(|it| it.people.write(ADA, ROOM, "<@U0KANBAN> list", &json!({})));
    stage.until(|| (stage.daemon.inbound().len() == 4).then_some(()));
}

#[test]
fn who_turns_socket_mode_off_or_gives_no_token_ends_the_listening_and_nothing_else() {
    let fake = slack();
    let stage = stage(&fake);
    let deaf = |stage: &Stage| {
        let reports = stage.daemon.reports();
        let deaf = reports.iter().find(|it| it["state"] == "deaf");
        deaf.map(|it| it["reason"].as_str().unwrap().to_owned())
    };
    fake.with(|it| it.people.disconnect("link_disabled"));
    assert!(stage.until(|| deaf(&stage)).contains("Socket Mode was turned off"));
    stage.daemon.send([row("slack", ROOM, 1)]);
    assert!(stage.settled(1)[0].starts_with("1 sent"), "{:?}", stage.settled(1));
    for (credential, reason) in [
        ("slack", "no token of the application"),
        ("slack-hook", "by which nothing is heard"),
        ("slack-app", "scope connections:write"),
    ] {
        fake.with(|it| it.people.app_token = "xapp-another".to_owned());
        let stage = Stage::start(vec![hearing("slack", fake.url(), credential)]);
        let found = stage.until(|| deaf(&stage));
        assert!(found.contains(reason) && !found.contains("SENTINEL"), "{found}");
    }
    // A channel that is not to be heard asks for no connection.
    let opened = fake.with(|it| it.people.opened);
    let stage = Stage::start(vec![setting_with("slack", Some(fake.url()), "slack-app")]);
    stage.daemon.send([row("slack", ROOM, 1)]);
    stage.settled(1);
    assert_eq!((fake.with(|it| it.people.opened), deaf(&stage)), (opened, None));
}

#[test]
fn a_press_is_answered_to_the_one_who_pressed_and_a_used_button_is_taken_away() {
    let fake = slack();
    let stage = stage(&fake);
    let mut asked = row("slack", ROOM, 1);
    asked.notice = crate::harness::ask();
    stage.daemon.send([asked]);
    stage.until(|| (of_room(&fake).len() == 1).then_some(()));
    stage.daemon.decide(|inbound| stopping("Stopping <b>.", inbound));
    stage.daemon.obey(|_| forbidden());
    let message = as_pressed(&of_room(&fake)[0]);
    let press = fake.with(|it| it.people.press(ADA, ROOM, &message, "k1:abcdefghijklmnop"));
    stage.until(|| (of_room(&fake).len() == 2).then_some(()));
    let back = fake.with(|it| it.people.back_to(&press));
    assert_eq!(back[0]["text"], "Stopping &lt;b&gt;.");
    assert_eq!(
        (&back[0]["response_type"], &back[0]["replace_original"]),
        (&json!("ephemeral"), &json!(false))
    );
    let room = of_room(&fake);
    assert!(
        buttons(&room[0].fields).is_empty() && words(&room[0].fields).contains("Which colour?")
    );
    assert!(words(&room[1].fields).contains("error: no"), "{room:?}");
    let header = |name: &str| stage.daemon.calls()[0].headers.get(name).cloned();
    assert_eq!(header("kanban-confirm").as_deref(), Some("abcdefghijklmnop"));
    stage.until(|| is_quiet(&fake));
}

#[test]
fn a_command_of_slack_is_answered_to_the_one_who_wrote_it_and_a_sign_needs_a_message() {
    let fake = slack();
    let stage = stage(&fake);
    stage.daemon.decide(|_| say("Only for you."));
    let back = fake.with(|it| it.people.command(ADA, ROOM, "list --mine"));
    let answer = stage.until(|| fake.with(|it| it.people.back_to(&back).first().cloned()));
    assert_eq!(
        (words(&answer).as_str(), &answer["response_type"]),
        ("Only for you.", &json!("ephemeral"))
    );
    let text =
        What::Text { text: "/kanban list --mine".to_owned(), reply_to: None, is_addressed: true };
    assert_eq!(stage.daemon.inbound()[0].what, text);
    assert!(of_room(&fake).is_empty());
    stage.daemon.decide(|_| InboundReply { is_noted: true, ..InboundReply::default() });
    let ts = fake.with(|it| {
        it.people.write(ADA, ROOM, "blue", &json!({ "thread_ts": "1.1", "parent_user_id": BOT }))
    });
    fake.with(|it| it.people.command(ADA, ROOM, "list"));
    stage.until(|| (stage.daemon.inbound().len() == 3).then_some(()));
    stage.until(|| is_quiet(&fake));
    assert_eq!(fake.with(|it| it.people.signs.clone()), [(ROOM.to_owned(), ts, "+1".to_owned())]);
}
