//! Mattermost by a bot. Its hook is with the senders that are one thing only.

use std::time::Duration;

use serde_json::{Value, json};
use support::command_line::Config;
use support::fakes::mattermost::{Mattermost, Post};
use support::fakes::{Fake, Fault, Faults};

use crate::harness::{
    Bench, MATTERMOST_KEY, MATTERMOST_TOKEN, ask, on_runtime, row, setting_with, word,
};
use crate::senders::{PATIENT, edit, faults_of};
use crate::stage::{Stage, hasty, with_channel};

const CHANNEL: &str = "4xp9fdt7pbyxdjsr3wnfp5oy1h";

fn mattermost() -> Fake<Mattermost> {
    Fake::start(Mattermost::new(MATTERMOST_KEY, MATTERMOST_TOKEN))
}

fn text(post: &Post) -> String {
    post.fields["message"].as_str().unwrap().replace('\\', "")
}

fn shown(fake: &Fake<Mattermost>) -> Vec<Post> {
    fake.with(|it| it.of_channel(CHANNEL).into_iter().cloned().collect())
}

fn id(number: usize) -> String {
    format!("{number:x>26}")
}

#[test]
fn answers_to_a_bot_end_as_the_table_says_and_a_repeat_is_shown_once() {
    let fake = mattermost();
    let sent = format!("sent {}", id(1));
    faults_of(
        &fake,
        &setting_with("mattermost", Some(fake.url()), "mattermost-bot"),
        CHANNEL,
        &[
            (Fault::Rate(Duration::from_secs(3)), "rate 3000 Route"),
            (Fault::Rate(Duration::from_millis(50)), "rate 50 Route"),
            (Fault::Status(400), "permanent http_400"),
            (Fault::Status(401), "channel_dead unauthorized"),
            (Fault::Status(403), "permanent http_403"),
            (Fault::Status(500), "temporary http_500"),
            (Fault::Hang, "unknown timeout"),
            (Fault::ResetBefore, "unknown broken_off"),
            (Fault::ResetAfter, "unknown broken_off"),
            (Fault::None, &sent),
        ],
    );
    assert_eq!(shown(&fake).len(), 1);
}

#[test]
fn the_post_about_a_task_is_changed_and_one_that_was_deleted_is_made_again() {
    let fake = mattermost();
    let bench = Bench::new(PATIENT);
    let channel = bench.channel(&setting_with("mattermost", Some(fake.url()), "mattermost-bot"));
    let first = on_runtime(channel.edit(&edit("mattermost", CHANNEL, None)));
    assert_eq!(word(&first), format!("sent {}", id(1)));
    let mut changed = edit("mattermost", CHANNEL, Some(&id(1)));
    changed.live.state = "done".to_owned();
    assert_eq!(on_runtime(channel.edit(&changed)), first);
    let [post] = &shown(&fake)[..] else { panic!("one post") };
    assert!(post.edits == 1 && text(post).contains("done"), "{post:?}");
    fake.with(|it| it.deleted.push(id(1)));
    for gone in [id(1), id(9), "../users/me".to_owned()] {
        let outcome = on_runtime(channel.edit(&edit("mattermost", CHANNEL, Some(&gone))));
        assert_eq!(word(&outcome), "gone", "{gone}");
    }
}

#[test]
fn a_question_stands_by_itself_and_news_below_the_post_of_its_task_while_that_is_there() {
    let fake = mattermost();
    let bench = Bench::new(PATIENT);
    let channel = bench.channel(&setting_with("mattermost", Some(fake.url()), "mattermost-bot"));
    on_runtime(channel.edit(&edit("mattermost", CHANNEL, None)));
    let mut asked = row("mattermost", CHANNEL, 1);
    asked.notice = ask();
    asked.notice.mention.as_mut().unwrap().address = "@ada".to_owned();
    asked.reply_to = Some(id(1));
    on_runtime(channel.send(&asked));
    let post = shown(&fake).last().unwrap().clone();
    assert_eq!(post.fields["root_id"], Value::Null);
    assert!(text(&post).contains("\n@ada\n"), "{post:?}");
    for (number, is_deleted, expected) in [(2, false, json!(id(1))), (3, true, Value::Null)] {
        if is_deleted {
            fake.with(|it| it.deleted.push(id(1)));
        }
        let mut news = row("mattermost", CHANNEL, number);
        news.reply_to = Some(id(1));
        assert!(word(&on_runtime(channel.send(&news))).starts_with("sent "));
        let post = shown(&fake).last().unwrap().clone();
        assert_eq!(post.fields["root_id"], expected, "{post:?}");
        assert_eq!(post.fields["pending_post_id"], json!(news.dedupe));
    }
}

#[test]
fn a_bot_needs_a_server_a_token_and_the_id_of_a_channel() {
    let bench = Bench::new(PATIENT);
    let without = bench.channel(&setting_with("mattermost", None, "mattermost-bot"));
    let fault = without.fault().unwrap();
    assert!(fault.contains("set `url`") && !fault.contains("SENTINEL"), "{fault}");
    let fake = mattermost();
    let channel = bench.channel(&setting_with("mattermost", Some(fake.url()), "mattermost-bot"));
    for address in ["town-square", "-", "@ada"] {
        let refused = on_runtime(channel.send(&row("mattermost", address, 1)));
        assert_eq!(word(&refused), "permanent wrong_address", "{address}");
    }
    assert_eq!(fake.count(), 0, "nothing was asked to learn it");
}

fn to_mattermost(fake: &Fake<Mattermost>) -> Config {
    let config = with_channel(&hasty(), "mattermost", Some(fake.url()));
    let config = config.with("channels.mattermost.credential", "mattermost-bot");
    config.with("people.ada.mattermost", "ada").with("notify.on_call", "ada")
}

#[test]
fn a_task_has_one_post_that_is_changed_and_new_ones_for_questions_and_news() {
    let fake = mattermost();
    let stage = Stage::start(&to_mattermost(&fake));
    let look = || shown(&fake).iter().map(|it| (text(it), it.edits)).collect();
    stage.one_message_and_two_more(("mattermost", CHANNEL), look, || {
        assert!(text(&shown(&fake)[1]).contains("@ada"), "{:?}", shown(&fake));
    });
    let posts = shown(&fake);
    assert_eq!(posts[2].fields["root_id"], json!(posts[0].id));
}

#[test]
fn a_post_whose_answer_was_lost_is_shown_once() {
    let fake = mattermost();
    fake.fail(Faults::ordered([Fault::ResetAfter]));
    let stage = Stage::start(&to_mattermost(&fake));
    let task = stage.subscribed("mattermost", CHANNEL);
    stage.board.say(["complete", &task]).ok();
    stage.until(|| (stage.states() == ["sent"]).then_some(()));
    assert_eq!(shown(&fake).len(), 1);
    assert!(stage.rows()[0].maybe_sent && fake.count() == 2);
}
