//! Discord, by the gateway.

use kanband::kernel::chat::{InboundReply, What};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use support::fakes::Fake;
use support::fakes::discord::{BOT, Discord, Message};

use super::replies::{self, deeds, forbidden, say, stopping};
use super::story::{self, Shown, Town};
use crate::harness::{DISCORD_HOOK, DISCORD_TOKEN, ask, hearing, row};
use crate::program::Stage;

const ROOM: &str = "846000000000000001";
const THREAD: &str = "846000000000000044";
const ADA: &str = "846000000000000815";
const BO: &str = "846000000000000816";

fn discord() -> Fake<Discord> {
    Fake::start(Discord::new(DISCORD_TOKEN, DISCORD_HOOK))
}

fn stage(fake: &Fake<Discord>) -> Stage {
    let stage = Stage::start(vec![hearing("discord", fake.url(), "discord")]);
    stage.until(|| fake.with(|it| it.people.is_heard()).then_some(()));
    stage
}

fn of_room(fake: &Fake<Discord>, room: &str) -> Vec<Message> {
    fake.with(|it| it.of_channel(room).into_iter().cloned().collect())
}

fn words(message: &Message) -> String {
    let embed = &message.fields["embeds"][0];
    let parts = [&message.fields["content"], &embed["description"]];
    parts.iter().filter_map(|part| part.as_str()).collect::<Vec<_>>().join("\n").replace('\\', "")
}

fn buttons(message: &Message) -> Vec<Value> {
    let rows = message.fields["components"].as_array().cloned().unwrap_or_default();
    rows.iter().flat_map(|row| row["components"].as_array().cloned().unwrap()).collect()
}

fn reply_to(message: &str) -> Value {
    json!({
        "type": 19, "message_reference": { "message_id": message },
        "referenced_message": { "id": message, "author": { "id": BOT, "bot": true } },
    })
}

/// How far was heard, as it was kept last.
fn kept(stage: &Stage) -> Option<Value> {
    serde_json::from_str(&replies::kept(stage)?).ok()
}

struct World(Fake<Discord>);

impl Town for World {
    const KIND: &'static str = "discord";
    const CREDENTIAL: &'static str = "discord";
    const ROOM: &'static str = ROOM;
    const ADA: &'static str = ADA;
    const BO: &'static str = BO;
    const EVE: &'static str = "846000000000000999";
    const HAS_BUTTONS: bool = true;
    const HAS_CURSOR: bool = true;

    fn start() -> Self {
        Self(discord())
    }

    fn url(&self) -> String {
        self.0.url()
    }

    fn shown(&self) -> Vec<Shown> {
        let label = |it: &Value| it["label"].as_str().unwrap().to_owned();
        let shown = |it: Message| Shown {
            id: it.id.clone(),
            text: words(&it),
            labels: buttons(&it).iter().map(label).collect(),
        };
        of_room(&self.0, ROOM).into_iter().map(shown).collect()
    }

    fn command(&self, user: &str, line: &str) {
        self.0.with(|it| it.people.write(user, ROOM, &format!("<@{BOT}> {line}"), &json!({})));
    }

    fn reply(&self, user: &str, to: &Shown, text: &str) {
        self.0.with(|it| it.people.write(user, ROOM, text, &reply_to(&to.id)));
    }

    fn press(&self, user: &str, at: &Shown, label: &str) {
        let message = of_room(&self.0, ROOM).into_iter().find(|it| it.id == at.id).unwrap();
        let button = buttons(&message).into_iter().find(|it| it["label"] == label).unwrap();
        let data = button["custom_id"].as_str().unwrap().to_owned();
        self.0.with(|it| it.people.press(user, ROOM, &at.id, &data));
    }

    fn is_heard(&self) -> bool {
        self.0.with(|it| it.people.is_heard())
    }

    fn is_taken(&self) -> bool {
        // The gateway does not learn what was done with.
        true
    }
}

#[test]
fn an_answer_in_discord_reaches_the_worker_that_waits_for_it() {
    story::an_answer_reaches_the_worker_that_waits::<World>();
}

#[test]
fn a_blocked_task_goes_on_by_a_reply_and_by_a_button_in_discord() {
    story::a_blocked_task_goes_on::<World>();
}

#[test]
fn commands_in_discord_are_done_in_roles_and_asked_back() {
    story::commands_are_done_and_asked_back::<World>();
}

#[test]
fn each_thing_in_discord_acts_once_while_both_programs_are_killed() {
    story::each_thing_acts_once_while_both_programs_are_killed::<World>();
}

#[test]
fn what_is_written_in_a_thread_is_handed_in_as_the_channel_and_its_thread_and_answered_there() {
    let fake = discord();
    fake.with(|it| it.people.threads.insert(THREAD.to_owned(), ROOM.to_owned()));
    let stage = stage(&fake);
    stage.daemon.decide(|_| say("Noted for @everyone."));
    fake.with(|it| {
        it.people.write(ADA, ROOM, "good morning", &json!({}));
        it.people.write(
            ADA,
            THREAD,
            &format!("<@{BOT}> list"),
            &json!({ "author": { "id": "9", "bot": true } }),
        );
        it.people.write(ADA, THREAD, &format!("<@{BOT}> list"), &json!({}))
    });
    stage.until(|| (of_room(&fake, THREAD).len() == 1).then_some(()));
    let found = deeds(&stage);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        (found[0].chat.address.as_str(), found[0].chat.thread.as_deref()),
        (ROOM, Some(THREAD))
    );
    let answer = &of_room(&fake, THREAD)[0];
    assert_eq!(words(answer), "Noted for @\u{200b}everyone.");
    assert_eq!(answer.fields["allowed_mentions"]["parse"], json!([]));
    assert_eq!(answer.fields["message_reference"]["message_id"], json!(found[0].message_id));
    assert_eq!(
        fake.with(|it| it.people.intents.clone()),
        json!(4_608),
        "no privileged right is asked for"
    );
    assert!(!stage.log().contains("SENTINEL"), "{}", stage.log());
}

#[test]
fn a_session_is_gone_on_with_by_the_next_connection_and_by_the_next_courier() {
    let fake = discord();
    let mut stage = stage(&fake);
    stage.until(|| kept(&stage));
    let write =
        || fake.with(|it| it.people.write(ADA, ROOM, &format!("<@{BOT}> list"), &json!({})));
    let until_deeds =
        |stage: &Stage, count: usize| stage.until(|| (deeds(stage).len() == count).then_some(()));
    // The gateway wants to be asked elsewhere; a connection breaks; what was written meanwhile comes.
    fake.with(|it| it.people.tell(&json!({ "op": 7, "d": null })));
    stage.until(|| fake.with(|it| it.people.resumed == 1).then_some(()));
    write();
    until_deeds(&stage, 1);
    fake.with(|it| it.people.lines[0].cut());
    write();
    until_deeds(&stage, 2);
    stage.until(|| (kept(&stage)?["seq"].as_u64()? >= 5).then_some(()));
    // A courier that dies before a thing is done with hears it again, from where it was kept.
    stage.end(Signal::SIGKILL);
    write();
    stage.spawn_and_wait(Some("courier-after-inbound=kill"));
    stage.wait_for_end();
    stage.spawn_and_wait(None);
    until_deeds(&stage, 4);
    let found = deeds(&stage);
    assert_eq!(found[2], found[3], "it is the same thing each time");
    assert_eq!(fake.with(|it| (it.people.begun, it.people.resumed >= 4)), (1, true));
    let ends = fake.with(|it| it.people.ends.clone());
    assert!(!ends.contains(&Some(1_000)), "that would end the session: {ends:?}");
}

#[test]
fn a_session_that_is_over_is_begun_anew_and_never_more_often_than_discord_allows() {
    let fake = discord();
    let stage = stage(&fake);
    stage.until(|| kept(&stage));
    fake.with(|it| {
        it.people.forget();
        it.people.lines[0].cut();
    });
    stage.until(|| fake.with(|it| it.people.begun == 2 && it.people.is_heard()).then_some(()));
    fake.with(|it| {
        it.people.left = 3;
        it.people.forget();
        it.people.lines[0].cut();
    });
    stage.until(|| stage.log().contains("only 3 sessions may be begun today").then_some(()));
    assert_eq!(fake.with(|it| it.people.begun), 2);
}

#[test]
fn beats_are_sent_and_a_connection_on_which_none_is_answered_is_replaced() {
    let fake = discord();
    fake.with(|it| it.people.beat_ms = 30);
    let stage = stage(&fake);
    stage.until(|| fake.with(|it| it.people.beats >= 3).then_some(()));
    assert_eq!(fake.with(|it| (it.people.begun, it.people.resumed)), (1, 0));
    fake.with(|it| it.people.is_mute = true);
    stage.until(|| fake.with(|it| it.people.resumed >= 1).then_some(()));
    fake.with(|it| it.people.is_mute = false);
    stage.daemon.decide(|_| say("Noted."));
    fake.with(|it| it.people.write(ADA, ROOM, &format!("<@{BOT}> list"), &json!({})));
    stage.until(|| (of_room(&fake, ROOM).len() == 1).then_some(()));
}

#[test]
fn an_end_that_no_other_try_changes_ends_the_listening_and_is_named() {
    for (code, state, reason) in [
        (4_014, "deaf", "Privileged Gateway Intents"),
        (4_011, "deaf", "it needs shards"),
        (4_004, "broken", "refuses the token"),
    ] {
        let fake = discord();
        fake.with(|it| it.people.refusal = Some(code));
        let stage = Stage::start(vec![hearing("discord", fake.url(), "discord")]);
        let found = stage.until(|| {
            let reports = stage.daemon.reports();
            let found = reports.iter().find(|it| it["state"] == state)?;
            Some(found["reason"].as_str().unwrap().to_owned())
        });
        assert!(found.contains(reason), "{code}: {found}");
        stage.daemon.send([row("discord", ROOM, 1)]);
        assert!(stage.settled(1)[0].starts_with("1 sent"), "{:?}", stage.settled(1));
        assert_eq!(fake.with(|it| it.people.begun), 0);
    }
    let fake = discord();
    let stage = Stage::start(vec![hearing("discord", fake.url(), "discord-hook")]);
    let is_deaf = |it: &Value| it["state"] == "deaf";
    stage.until(|| stage.daemon.reports().iter().any(is_deaf).then_some(()));
}

#[test]
fn a_press_is_acknowledged_before_it_is_decided_and_its_line_is_for_the_one_who_pressed() {
    let fake = discord();
    let mut stage = stage(&fake);
    let mut asked = row("discord", ROOM, 1);
    asked.notice = ask();
    stage.daemon.send([asked]);
    stage.until(|| (of_room(&fake, ROOM).len() == 1).then_some(()));
    let message = of_room(&fake, ROOM)[0].id.clone();
    stage.daemon.decide(|inbound| stopping("Stopping.", inbound));
    stage.daemon.obey(|_| forbidden());
    // A daemon that is away keeps nobody waiting at the provider.
    stage.daemon.stop();
    let press = fake.with(|it| it.people.press(ADA, ROOM, &message, "k1:abcdefghijklmnop"));
    stage.until(|| fake.with(|it| it.people.heard == [(press.clone(), json!(6))]).then_some(()));
    stage.daemon.listen();
    let line = stage.until(|| fake.with(|it| it.people.line_of(&press)));
    assert_eq!((&line["content"], &line["flags"]), (&json!("Stopping."), &json!(64)));
    stage.until(|| (of_room(&fake, ROOM).len() == 2).then_some(()));
    let room = of_room(&fake, ROOM);
    assert!(buttons(&room[0]).is_empty() && words(&room[0]).contains("dev asks"), "{room:?}");
    assert!(
        words(&room[1]).contains("error: no") && words(&room[1]).starts_with("```"),
        "{room:?}"
    );
    let confirm = stage.daemon.calls()[0].headers.get("kanban-confirm").cloned();
    assert_eq!(confirm.as_deref(), Some("abcdefghijklmnop"));
}

#[test]
fn a_sign_at_the_message_says_that_it_was_understood_in_discord() {
    let fake = discord();
    let stage = stage(&fake);
    stage.daemon.decide(|_| InboundReply { is_noted: true, ..InboundReply::default() });
    let message =
        fake.with(|it| it.people.write(ADA, ROOM, "blue", &reply_to("846000000000000060")));
    stage.until(|| (fake.with(|it| it.people.signs.len()) == 1).then_some(()));
    let sign = fake.with(|it| it.people.signs[0].clone());
    assert_eq!(sign[..2], [ROOM.to_owned(), message]);
    let reply = What::Text {
        text: "blue".to_owned(),
        reply_to: Some("846000000000000060".to_owned()),
        is_addressed: false,
    };
    assert_eq!(deeds(&stage)[0].what, reply);
}
