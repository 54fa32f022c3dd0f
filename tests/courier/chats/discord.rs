//! Discord, by a bot and by a webhook.

use std::time::Duration;

use kanband::kernel::notice::{Outcome, RateScope};
use serde_json::{Value, json};
use support::command_line::Config;
use support::fakes::discord::{Discord, Message};
use support::fakes::{Fake, Fault, Faults};

use super::have_faults;
use crate::harness::{
    Bench, DISCORD_HOOK, DISCORD_TOKEN, ask, on_runtime, row, setting, setting_with, word,
};
use crate::senders::{PATIENT, edit, faults_of};
use crate::stage::{Stage, hasty, with_channel};

const CHANNEL: &str = "846000000000000001";
const PERSON: &str = "846000000000000815";

fn discord() -> Fake<Discord> {
    Fake::start(Discord::new(DISCORD_TOKEN, DISCORD_HOOK))
}

/// All words of a message.
fn text(message: &Message) -> String {
    let embed = &message.fields["embeds"][0];
    let parts = [&message.fields["content"], &embed["description"], &embed["footer"]["text"]];
    parts.iter().filter_map(|part| part.as_str()).collect::<Vec<_>>().join("\n").replace('\\', "")
}

fn shown(fake: &Fake<Discord>, channel: &str) -> Vec<Message> {
    fake.with(|it| it.of_channel(channel).into_iter().cloned().collect())
}

#[test]
fn answers_to_a_bot_end_as_the_table_says_and_a_repeat_is_shown_once() {
    let fake = discord();
    faults_of(
        &fake,
        &setting("discord", Some(fake.url())),
        CHANNEL,
        &[
            (Fault::Rate(Duration::from_secs(3)), "rate 3000 Route"),
            (Fault::Rate(Duration::from_millis(50)), "rate 50 Route"),
            (Fault::Status(400), "permanent discord_50035"),
            (Fault::Status(401), "channel_dead unauthorized"),
            (Fault::Status(403), "permanent discord_50001"),
            (Fault::Status(404), "permanent discord_10003"),
            (Fault::Status(500), "temporary http_500"),
            (Fault::Hang, "unknown timeout"),
            (Fault::ResetBefore, "unknown broken_off"),
            (Fault::ResetAfter, "unknown broken_off"),
            (Fault::None, "sent 1146000000000000001"),
        ],
    );
    assert_eq!(shown(&fake, CHANNEL).len(), 1);
}

#[test]
fn answers_to_a_webhook_end_as_the_table_says() {
    let fake = discord();
    faults_of(
        &fake,
        &setting_with("discord", Some(fake.url()), "discord-hook"),
        "-",
        &[
            (Fault::None, "sent 1146000000000000001"),
            (Fault::Rate(Duration::from_millis(200)), "rate 200 Route"),
            (Fault::Status(400), "permanent discord_50035"),
            (Fault::Status(410), "channel_dead webhook_gone"),
            (Fault::Status(502), "temporary http_502"),
            (Fault::Hang, "unknown timeout"),
            (Fault::ResetAfter, "unknown broken_off"),
        ],
    );
    assert_eq!(shown(&fake, "-").len(), 2, "nothing keeps a webhook from posting twice");
}

#[test]
fn a_refused_credential_is_not_shown_again_however_often_it_is_tried() {
    for (name, address, fault, expected) in [
        ("discord", CHANNEL, 401, "channel_dead unauthorized"),
        ("discord-hook", "-", 410, "channel_dead webhook_gone"),
    ] {
        let fake = discord();
        fake.fail(Faults::ordered([Fault::Status(fault)]));
        let bench = Bench::new(PATIENT);
        let channel = bench.channel(&setting_with("discord", Some(fake.url()), name));
        for _attempt in 0..3 {
            let outcome = on_runtime(channel.send(&row("discord", address, 1)));
            assert_eq!(word(&outcome), expected);
        }
        assert_eq!(word(&on_runtime(channel.edit(&edit("discord", address, None)))), expected);
        assert_eq!(fake.count(), 1, "refusals count towards a ban of this host");
    }
}

#[test]
fn a_limit_that_an_answer_announces_is_kept_without_asking() {
    let fake = discord();
    fake.with(|it| it.left = Some((0, 3_600.0)));
    let bench = Bench::new(PATIENT);
    let channel = bench.channel(&setting("discord", Some(fake.url())));
    assert_eq!(
        word(&on_runtime(channel.send(&row("discord", CHANNEL, 1)))),
        "sent 1146000000000000001"
    );
    let waits = on_runtime(channel.send(&row("discord", CHANNEL, 2)));
    let Outcome::Rate { after_ms, scope: RateScope::Route } = waits else { panic!("{waits:?}") };
    assert!((1..=3_600_001).contains(&after_ms), "{after_ms}");
    assert_eq!(fake.count(), 1);
    let other = on_runtime(channel.send(&row("discord", "846000000000000002", 3)));
    assert_eq!(word(&other), "sent 1146000000000000002");
}

#[test]
fn the_message_about_a_task_is_changed_by_a_bot_and_by_a_webhook() {
    for (name, address, thread, room) in [
        ("discord", CHANNEL, None, CHANNEL),
        ("discord", CHANNEL, Some("846000000000000044"), "846000000000000044"),
        ("discord-hook", "-", None, "-"),
        ("discord-hook", "-", Some("846000000000000044"), "846000000000000044"),
    ] {
        let fake = discord();
        let bench = Bench::new(PATIENT);
        let channel = bench.channel(&setting_with("discord", Some(fake.url()), name));
        let mut first = edit("discord", address, None);
        first.thread = thread.map(str::to_owned);
        let sent = on_runtime(channel.edit(&first));
        assert_eq!(word(&sent), "sent 1146000000000000001");
        let mut changed = edit("discord", address, Some("1146000000000000001"));
        (changed.thread, changed.live.state) = (first.thread.clone(), "done".to_owned());
        assert_eq!(on_runtime(channel.edit(&changed)), sent);
        let [message] = &shown(&fake, room)[..] else { panic!("one message") };
        assert!(message.edits == 1 && text(message).contains("done"), "{message:?}");
        assert_eq!(message.fields["flags"], 4_096, "the first one makes no sound");
        for id in ["99", "no number"] {
            let gone = on_runtime(channel.edit(&edit("discord", address, Some(id))));
            assert_eq!(word(&gone), "gone", "{id}");
        }
    }
}

#[test]
fn a_question_names_one_person_and_its_buttons_go_when_it_is_over() {
    let fake = discord();
    let bench = Bench::new(PATIENT);
    let channel = bench.channel(&setting("discord", Some(fake.url())));
    let mut asked = row("discord", CHANNEL, 1);
    asked.notice = ask();
    asked.notice.mention.as_mut().unwrap().address = PERSON.to_owned();
    asked.reply_to = Some("1146000000000000000".to_owned());
    let sent = word(&on_runtime(channel.send(&asked)));
    let id = sent.strip_prefix("sent ").unwrap();
    let message = shown(&fake, CHANNEL)[0].clone();
    let fields = &message.fields;
    assert!(text(&message).contains(&format!("<@{PERSON}>")), "{message:?}");
    let allowed = json!({ "parse": [], "users": [PERSON], "replied_user": false });
    assert_eq!((&fields["allowed_mentions"], &fields["flags"]), (&allowed, &Value::Null));
    assert_eq!(fields["message_reference"]["message_id"], "1146000000000000000");
    assert_eq!((&fields["nonce"], &fields["enforce_nonce"]), (&json!(asked.dedupe), &json!(true)));
    let buttons = &fields["components"][0]["components"];
    assert_eq!(buttons[0]["custom_id"], "k1:abcdefghijklmnop");
    assert_eq!((&buttons[0]["style"], &buttons[1]["style"]), (&json!(1), &json!(2)));
    on_runtime(channel.edit(&edit("discord", CHANNEL, Some(id))));
    let message = shown(&fake, CHANNEL)[0].clone();
    assert_eq!(message.fields["components"], json!([]));
    let nobody = json!({ "parse": [], "users": [], "replied_user": false });
    assert_eq!(message.fields["allowed_mentions"], nobody, "an edit without it has the defaults");
    let hook = bench.channel(&setting_with("discord", Some(fake.url()), "discord-hook"));
    asked.address = "-".to_owned();
    on_runtime(hook.send(&asked));
    let fields = shown(&fake, "-")[0].fields.clone();
    for name in ["nonce", "message_reference", "components"] {
        assert_eq!(fields[name], Value::Null, "a webhook has no {name}");
    }
}

#[test]
fn a_credential_is_a_bot_or_a_webhook_of_discord_and_an_address_is_one_of_its_kind() {
    let bench = Bench::new(PATIENT);
    let with = |name: &str, url: Option<&str>| {
        bench.channel(&setting_with("discord", url.map(str::to_owned), name))
    };
    let table = [
        ("discord", None, None),
        ("discord-hook", None, None),
        ("discord-url", None, None),
        ("discord-url", Some("https://discord.com"), None),
        ("discord-url", Some("https://chat.example.org"), Some("names another server")),
        ("discord-elsewhere", None, Some("which is not Discord")),
        ("slack-url", None, Some("which is not Discord")),
        ("telegram", None, Some("neither the token of a bot")),
    ];
    have_faults(with, &table);
    let fake = discord();
    for (name, address, thread) in [
        ("discord", "-", None),
        ("discord", "general", None),
        ("discord", CHANNEL, Some("../users")),
        ("discord", "user:ada", None),
        ("discord", "user:846000000000000815", Some("846000000000000044")),
        ("discord-hook", CHANNEL, None),
        ("discord-hook", "user:846000000000000815", None),
        ("discord-hook", "-", Some("1&wait=false")),
    ] {
        let channel = with(name, Some(&fake.url()));
        let mut sent = row("discord", address, 1);
        sent.thread = thread.map(str::to_owned);
        assert_eq!(word(&on_runtime(channel.send(&sent))), "permanent wrong_address", "{address}");
    }
    assert_eq!(fake.count(), 0, "nothing was asked to learn it");
}

fn to_discord(fake: &Fake<Discord>) -> Config {
    let config = with_channel(&hasty(), "discord", Some(fake.url()));
    config.with("people.ada.discord", PERSON).with("notify.on_call", "ada")
}

#[test]
fn a_task_has_one_message_that_is_changed_and_new_ones_for_questions_and_news() {
    for (credential, address) in [("discord", CHANNEL), ("discord-hook", "-")] {
        let fake = discord();
        let config = to_discord(&fake).with("channels.discord.credential", credential);
        let stage = Stage::start(&config);
        let look = || shown(&fake, address).iter().map(|it| (text(it), it.edits)).collect();
        stage.one_message_and_two_more(("discord", address), look, || {
            let asked = &shown(&fake, address)[1];
            assert_eq!(asked.fields["allowed_mentions"]["users"], json!([PERSON]));
        });
        let messages = shown(&fake, address);
        assert_eq!(messages[2].fields["flags"], 4_096, "news makes no sound");
    }
}

#[test]
fn a_message_of_a_bot_whose_answer_was_lost_is_shown_once() {
    let fake = discord();
    fake.fail(Faults::ordered([Fault::ResetAfter]));
    let stage = Stage::start(&to_discord(&fake));
    let id = stage.subscribed("discord", CHANNEL);
    stage.board.say(["complete", &id]).ok();
    stage.until(|| (stage.states() == ["sent"]).then_some(()));
    assert_eq!(shown(&fake, CHANNEL).len(), 1);
    assert!(stage.rows()[0].maybe_sent && fake.count() == 2);
}

#[test]
fn a_person_gets_direct_messages_and_the_address_is_their_channel_from_then_on() {
    let fake = discord();
    let stage = Stage::start(&to_discord(&fake));
    let person = format!("user:{PERSON}");
    // The first message may be the one that is changed, or a new one.
    let changed = stage.subscribed("discord", &person);
    stage.board.say(["assign", &changed, "bo"]).ok();
    let direct = stage.until(|| fake.with(|it| it.directs.get(PERSON).cloned()));
    stage.until(|| (shown(&fake, &direct).len() == 1).then_some(()));
    let asked = stage.subscribed("discord", &person);
    stage.board.say(["block", &asked, "Which", "colour?"]).ok();
    let is_question = |it: &Message| text(it).contains("Which colour?");
    let question = stage.until(|| shown(&fake, &direct).into_iter().find(is_question));
    assert_eq!(fake.with(|it| it.directs.len()), 1);
    stage.settle();
    let addresses = stage.texts("SELECT DISTINCT chat_id FROM kanban_notify_subs");
    assert_eq!(addresses, [direct.as_str()]);
    // It can be changed there.
    stage.board.say(["unblock", &asked]).ok();
    let is_over = |it: &Message| it.id == question.id && text(it).contains("unblocked");
    stage.until(|| shown(&fake, &direct).iter().any(is_over).then_some(()));
}

#[test]
fn a_person_who_takes_no_direct_messages_is_named_as_one() {
    let fake = discord();
    let bench = Bench::new(PATIENT);
    let channel = bench.channel(&setting("discord", Some(fake.url())));
    let send = || on_runtime(channel.send(&row("discord", "user:846000000000000815", 1)));
    for (refusal, expected) in
        [((403, 50_007), "permanent discord_50007"), ((400, 50_033), "permanent discord_50033")]
    {
        fake.with(|it| it.refusals.insert(PERSON.to_owned(), refusal));
        let outcome = send();
        assert_eq!(word(&outcome), expected, "{outcome:?}");
    }
    fake.with(|it| it.refusals.clear());
    assert_eq!(word(&send()), "moved 847000000000000001");
    assert!(fake.with(|it| it.messages.is_empty()), "the row goes again, to that address");
}
