//! Slack, by a bot and by a hook.

use std::time::Duration;

use serde_json::{Value, json};
use support::command_line::Config;
use support::fakes::slack::{Message, Slack};
use support::fakes::{Fake, Fault, Faults};

use super::have_faults;
use crate::harness::{
    Bench, SLACK_HOOK, SLACK_TOKEN, ask, on_runtime, row, setting, setting_with, word,
};
use crate::senders::{PATIENT, edit, faults_of};
use crate::stage::{Stage, hasty, with_channel};

const CHANNEL: &str = "C024BE91L";

fn slack() -> Fake<Slack> {
    Fake::start(Slack::new(SLACK_TOKEN, SLACK_HOOK))
}

fn blocks(message: &Message) -> Vec<Value> {
    message.fields["blocks"].as_array().unwrap().clone()
}

/// All words of a message.
fn text(message: &Message) -> String {
    let words = |block: &Value| block["text"]["text"].as_str().unwrap_or_default().to_owned();
    blocks(message).iter().map(words).collect::<Vec<_>>().join("\n")
}

#[test]
fn answers_to_a_bot_end_as_the_table_says_and_a_repeat_is_shown_once() {
    let fake = slack();
    faults_of(
        &fake,
        &setting("slack", Some(fake.url())),
        CHANNEL,
        &[
            (Fault::Rate(Duration::from_secs(3)), "rate 3000 Route"),
            (Fault::Rate(Duration::from_millis(50)), "rate 50 Route"),
            (Fault::Status(400), "permanent invalid_blocks"),
            (Fault::Status(401), "channel_dead invalid_auth"),
            (Fault::Status(403), "permanent not_in_channel"),
            (Fault::Status(500), "temporary http_500"),
            (Fault::Status(503), "temporary service_unavailable"),
            (Fault::Status(520), "unknown fatal_error"),
            (Fault::Hang, "unknown timeout"),
            (Fault::ResetBefore, "unknown broken_off"),
            (Fault::ResetAfter, "unknown broken_off"),
            (Fault::None, "sent C024BE91L:1503435956.000001"),
        ],
    );
    let shown = fake.with(|slack| slack.of_channel(CHANNEL).len());
    assert_eq!(shown, 1, "the message that was recorded before the connection broke is that one");
}

#[test]
fn answers_to_a_hook_end_as_the_table_says() {
    let fake = slack();
    faults_of(
        &fake,
        &setting_with("slack", Some(fake.url()), "slack-hook"),
        "-",
        &[
            (Fault::None, "sent -"),
            (Fault::Rate(Duration::from_millis(200)), "rate 200 Route"),
            (Fault::Status(400), "permanent invalid_payload"),
            (Fault::Status(403), "permanent action_prohibited"),
            (Fault::Status(404), "channel_dead no_service"),
            (Fault::Status(410), "permanent channel_is_archived"),
            (Fault::Status(500), "temporary http_500"),
            (Fault::Hang, "unknown timeout"),
            (Fault::ResetAfter, "unknown broken_off"),
        ],
    );
    assert_eq!(fake.with(|slack| slack.of_channel("-").len()), 2);
}

#[test]
fn an_id_that_slack_knows_without_its_message_costs_no_message() {
    let fake = slack();
    let id = kanband::notify::slack::message::uuid_of(&row("slack", CHANNEL, 1).dedupe);
    fake.with(|slack| slack.stale.push(id));
    let bench = Bench::new(PATIENT);
    let channel = bench.channel(&setting("slack", Some(fake.url())));
    let sent = on_runtime(channel.send(&row("slack", CHANNEL, 1)));
    assert_eq!(word(&sent), "sent C024BE91L:1503435956.000001");
    assert_eq!(fake.count(), 2);
}

#[test]
fn news_below_a_message_that_was_deleted_stands_by_itself() {
    let fake = slack();
    fake.with(|slack| slack.gone.push("1503435900.000100".to_owned()));
    let bench = Bench::new(PATIENT);
    let channel = bench.channel(&setting("slack", Some(fake.url())));
    let mut news = row("slack", CHANNEL, 1);
    news.reply_to = Some(format!("{CHANNEL}:1503435900.000100"));
    let sent = on_runtime(channel.send(&news));
    assert_eq!(word(&sent), "sent C024BE91L:1503435956.000001");
    let fields = fake.with(|slack| slack.messages[0].fields.clone());
    assert_eq!(fields["thread_ts"], Value::Null);
    fake.with(|slack| slack.refusals.insert(CHANNEL.to_owned(), "is_archived".to_owned()));
    assert_eq!(word(&on_runtime(channel.send(&news))), "permanent is_archived");
    assert_eq!(fake.count(), 3, "what cannot be healed is asked once");
}

#[test]
fn the_message_about_a_task_is_changed_where_the_answer_said_that_it_stands() {
    let fake = slack();
    let bench = Bench::new(PATIENT);
    let channel = bench.channel(&setting("slack", Some(fake.url())));
    // A person is written to in a channel of its own, which only the answer names.
    let first = on_runtime(channel.edit(&edit("slack", "U024BE7LH", None)));
    assert_eq!(word(&first), "sent D024BE7LH:1503435956.000001");
    let mut changed = edit("slack", "U024BE7LH", Some("D024BE7LH:1503435956.000001"));
    changed.live.state = "done".to_owned();
    assert_eq!(on_runtime(channel.edit(&changed)), first);
    fake.with(|slack| {
        let [message] = &slack.of_channel("D024BE7LH")[..] else { panic!("one message") };
        assert_eq!(message.edits, 1);
        assert!(text(message).contains("done"), "{message:?}");
    });
    for id in ["D024BE7LH:1503435956.000099", "without a channel"] {
        let gone = on_runtime(channel.edit(&edit("slack", "U024BE7LH", Some(id))));
        assert_eq!(word(&gone), "gone", "{id}");
    }
}

#[test]
fn a_question_stands_by_itself_with_its_person_and_buttons_which_go_when_it_is_over() {
    let fake = slack();
    let bench = Bench::new(PATIENT);
    let channel = bench.channel(&setting("slack", Some(fake.url())));
    let mut asked = row("slack", CHANNEL, 1);
    asked.notice = ask();
    asked.notice.mention.as_mut().unwrap().address = "U024BE7LH".to_owned();
    asked.reply_to = Some(format!("{CHANNEL}:1503435900.000100"));
    let sent = word(&on_runtime(channel.send(&asked)));
    let id = sent.strip_prefix("sent ").unwrap();
    let message = fake.with(|slack| slack.messages[0].clone());
    assert_eq!(message.fields["thread_ts"], Value::Null, "what is written below it answers it");
    let named = json!({ "type": "mrkdwn", "text": "<@U024BE7LH>", "verbatim": true });
    assert!(blocks(&message).iter().any(|block| block["text"] == named), "{message:?}");
    let buttons = blocks(&message).last().unwrap()["elements"].clone();
    assert_eq!(buttons[0]["value"], "k1:abcdefghijklmnop");
    assert_eq!((&buttons[0]["style"], &buttons[1]["style"]), (&json!("primary"), &Value::Null));
    assert_eq!(message.fields["unfurl_links"], false);
    assert_eq!(word(&on_runtime(channel.edit(&edit("slack", CHANNEL, Some(id))))), sent);
    let message = fake.with(|slack| slack.messages[0].clone());
    assert!(blocks(&message).iter().all(|block| block["type"] != "actions"), "{message:?}");
    // News of the task stands below its message, and where a route names a thread, all of it there.
    for (thread, reply_to, expected) in [
        (None, Some("C024BE91L:1503435900.000100"), json!("1503435900.000100")),
        (
            Some("1503435800.000100"),
            Some("C024BE91L:1503435900.000100"),
            json!("1503435800.000100"),
        ),
        (None, None, Value::Null),
    ] {
        let mut news = row("slack", CHANNEL, 7);
        news.dedupe = format!("dedupe of {thread:?} {reply_to:?}");
        (news.thread, news.reply_to) = (thread.map(str::to_owned), reply_to.map(str::to_owned));
        on_runtime(channel.send(&news));
        let fields = fake.with(|slack| slack.messages.last().unwrap().fields.clone());
        assert_eq!(fields["thread_ts"], expected, "{fields}");
    }
}

#[test]
fn a_credential_is_a_bot_or_a_hook_of_slack_and_an_address_is_one_of_its_kind() {
    let bench = Bench::new(PATIENT);
    let with = |name: &str, url: Option<&str>| {
        bench.channel(&setting_with("slack", url.map(str::to_owned), name))
    };
    let table = [
        ("slack", None, None),
        ("slack-hook", None, None),
        ("slack-url", None, None),
        ("slack-url", Some("https://hooks.slack.com"), None),
        ("slack-url", Some("https://chat.example.org"), Some("names another server")),
        ("slack-elsewhere", None, Some("which is not Slack")),
        ("telegram", None, Some("neither the token of a bot")),
    ];
    have_faults(with, &table);
    let fake = slack();
    for (name, address) in [("slack", "-"), ("slack-hook", CHANNEL)] {
        let channel = with(name, Some(&fake.url()));
        assert_eq!(
            word(&on_runtime(channel.send(&row("slack", address, 1)))),
            "permanent wrong_address"
        );
        assert_eq!(
            word(&on_runtime(channel.edit(&edit("slack", address, None)))),
            "permanent wrong_address"
        );
    }
    let hook = with("slack-hook", Some(&fake.url()));
    assert_eq!(
        word(&on_runtime(hook.edit(&edit("slack", "-", None)))),
        "permanent edit_unsupported"
    );
    assert_eq!(fake.count(), 0, "nothing was asked to learn it");
}

#[test]
fn what_slack_quotes_back_is_stored_without_the_secret() {
    let fake = slack();
    fake.with(|slack| {
        slack.refusals.insert(CHANNEL.to_owned(), format!("no {SLACK_TOKEN}"));
    });
    let bench = Bench::new(PATIENT);
    let bot = bench.channel(&setting("slack", Some(fake.url())));
    let outcome = on_runtime(bot.send(&row("slack", CHANNEL, 1)));
    let shown = format!("{outcome:?}");
    assert!(shown.contains("Slack answers no") && !shown.contains(SLACK_TOKEN), "{shown}");
}

fn to_slack(fake: &Fake<Slack>) -> Config {
    let config = with_channel(&hasty(), "slack", Some(fake.url()));
    config.with("people.ada.slack", "U024BE7LH").with("notify.on_call", "ada")
}

fn shown(fake: &Fake<Slack>, channel: &str) -> Vec<Message> {
    fake.with(|it| it.of_channel(channel).into_iter().cloned().collect())
}

#[test]
fn a_bot_asks_by_name_beside_the_message_of_the_task_and_news_stands_below_that() {
    let fake = slack();
    let stage = Stage::start(&to_slack(&fake));
    let look = || shown(&fake, CHANNEL).iter().map(|it| (text(it), it.edits)).collect();
    stage.one_message_and_two_more(("slack", CHANNEL), look, || {
        let asked = shown(&fake, CHANNEL)[1].clone();
        assert!(text(&asked).contains("<@U024BE7LH>"), "{asked:?}");
        assert_eq!(asked.fields["thread_ts"], Value::Null);
    });
    let messages = shown(&fake, CHANNEL);
    assert_eq!(messages[2].fields["thread_ts"], json!(messages[0].ts));
}

#[test]
fn a_hook_gets_questions_and_news_and_no_message_that_is_changed() {
    let fake = slack();
    let config = to_slack(&fake).with("channels.slack.credential", "slack-hook");
    let stage = Stage::start(&config);
    let id = stage.subscribed("slack", "-");
    stage.board.say(["assign", &id, "bo"]).ok();
    stage.board.say(["block", &id, "Which", "colour?"]).ok();
    stage.board.say(["unblock", &id]).ok();
    stage.board.say(["complete", &id, "--summary", "Red."]).ok();
    stage.until(|| (shown(&fake, "-").len() == 2).then_some(()));
    stage.settle();
    let messages = shown(&fake, "-");
    assert_eq!(messages.len(), 2, "{messages:?}");
    assert!(text(&messages[0]).contains("Which colour?") && text(&messages[1]).contains("Red."));
    let to_change =
        "SELECT count(*) FROM chat_messages WHERE is_wanted = 1 OR provider_id IS NOT NULL";
    assert_eq!(stage.number(to_change), 0, "nothing to change");
}

#[test]
fn a_message_whose_answer_was_lost_is_shown_once() {
    let fake = slack();
    fake.fail(Faults::ordered([Fault::ResetAfter]));
    let stage = Stage::start(&to_slack(&fake));
    let id = stage.subscribed("slack", CHANNEL);
    stage.board.say(["complete", &id]).ok();
    stage.until(|| (stage.states() == ["sent"]).then_some(()));
    assert_eq!(shown(&fake, CHANNEL).len(), 1);
    assert!(stage.rows()[0].maybe_sent && fake.count() == 2);
}
