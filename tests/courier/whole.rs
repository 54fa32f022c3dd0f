//! Daemon, courier and fakes together: what a person subscribes to arrives once, whatever goes wrong on the way.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use serde_json::{Value, json};
use support::command_line::Config;
use support::fakes::receiver::Receiver;
use support::fakes::telegram::{Message, Telegram};
use support::fakes::{Fake, Fault, Faults};
use support::processes::is_alive;

use crate::harness::TOKEN;
use crate::stage::{Stage, hasty, with_channel};

const CHAT: &str = "4711";

fn to_telegram(fake: &Fake<Telegram>) -> Config {
    with_channel(&hasty(), "telegram", Some(fake.url()))
}

fn shown(fake: &Fake<Telegram>) -> Vec<Message> {
    fake.with(|it| it.of_chat(CHAT).into_iter().cloned().collect())
}

fn text(message: &Message) -> String {
    message.fields["text"].as_str().unwrap().to_owned()
}

fn is_silent(message: &Message) -> bool {
    message.fields["disable_notification"] == json!(true)
}

#[test]
fn a_task_that_is_done_is_told_once_and_silently() {
    let fake = Fake::start(Telegram::new(TOKEN));
    let stage = Stage::start(&to_telegram(&fake));
    let id = stage.subscribed("telegram", CHAT);
    stage.board.say(["complete", &id, "--summary", "The page is written."]).ok();
    stage.until(|| (!shown(&fake).is_empty()).then_some(()));
    stage.settle();
    let messages = shown(&fake);
    assert_eq!(messages.len(), 1, "{messages:?}");
    let text = text(&messages[0]);
    for part in ["Write the page", "Done by dev.", "The page is written.", &id] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(is_silent(&messages[0]));
    assert_eq!(stage.rows()[0].attempts, 1);
}

#[test]
fn a_block_asks_a_person_by_name_and_the_message_of_the_task_is_edited_where_it_stands() {
    let fake = Fake::start(Telegram::new(TOKEN));
    let config =
        to_telegram(&fake).with("people.ada.telegram", "815").with("notify.on_call", "ada");
    let stage = Stage::start(&config);
    let look = || shown(&fake).iter().map(|it| (text(it), it.edits)).collect();
    stage.one_message_and_two_more(("telegram", CHAT), look, || {
        let messages = shown(&fake);
        let asked = &messages[1];
        assert!(text(asked).contains("ada") && !is_silent(asked), "{asked:?}");
        let mut named = asked.fields["entities"].as_array().unwrap().iter();
        assert!(named.any(|entity| entity["user"]["id"] == json!(815)), "{asked:?}");
        assert_eq!(asked.fields["reply_parameters"]["message_id"], json!(messages[0].id));
    });
}

#[test]
fn what_is_refused_is_listed_and_is_sent_again_or_dropped_by_hand() {
    let fake = Fake::start(Telegram::new(TOKEN));
    fake.with(|it| it.refusals.insert(CHAT.into(), (400, "Bad Request: chat not found".into())));
    let stage = Stage::start(&to_telegram(&fake));
    for title in ["first", "second"] {
        let id = stage.board.create(title, &[]);
        stage.subscribe(&id, "telegram", CHAT);
        stage.board.say(["complete", &id]).ok();
    }
    stage.until(|| (stage.states() == ["dead", "dead"]).then_some(()));
    let dead = stage.board.say(["notify", "dead", "--json"]).json();
    let dead = dead["messages"].as_array().unwrap();
    assert_eq!((dead.len(), &dead[0]["code"]), (2, &json!("bad_request")), "{dead:?}");
    let listed = stage.board.say(["notify", "list"]).ok();
    assert!(listed.contains("telegram:4711"), "{listed}");
    let inbox = stage.board.say(["inbox", "--json"]).json().to_string();
    assert!(inbox.contains("dead_letters"), "{inbox}");
    fake.with(|it| it.refusals.clear());
    let rows = stage.rows();
    stage.board.say(["notify", "retry", &rows[0].id.to_string()]).ok();
    stage.board.say(["notify", "drop", &rows[1].id.to_string()]).ok();
    stage.until(|| (shown(&fake).len() == 1).then_some(()));
    stage.settle();
    assert!(text(&shown(&fake)[0]).contains("first"));
    assert_eq!(stage.board.say(["notify", "dead", "--json"]).json()["messages"], json!([]));
    stage.board.say(["notify", "test", "telegram", CHAT]).ok();
    stage.until(|| (shown(&fake).len() == 2).then_some(()));
}

#[test]
fn a_provider_that_is_away_is_tried_until_it_is_back() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = Some(format!("http://127.0.0.1:{port}"));
    let stage = Stage::start(&with_channel(&hasty(), "telegram", url));
    let id = stage.subscribed("telegram", CHAT);
    stage.board.say(["complete", &id]).ok();
    stage.until(|| stage.rows().iter().any(|row| row.attempts >= 3).then_some(()));
    let fake = Fake::start_on(Telegram::new(TOKEN), port);
    stage.until(|| (shown(&fake).len() == 1).then_some(()));
    stage.settle();
    assert_eq!(shown(&fake).len(), 1);
    assert!(!stage.rows()[0].maybe_sent, "nothing was sent before");
}

#[test]
fn a_limit_of_the_provider_costs_no_attempt_and_loses_nothing() {
    let fake = Fake::start(Telegram::new(TOKEN));
    fake.fail(Faults::ordered([
        Fault::Rate(Duration::from_millis(200)),
        Fault::Rate(Duration::from_millis(100)),
    ]));
    let stage = Stage::start(&to_telegram(&fake));
    let id = stage.subscribed("telegram", CHAT);
    stage.board.say(["complete", &id]).ok();
    stage.until(|| (shown(&fake).len() == 1).then_some(()));
    stage.settle();
    assert_eq!((fake.count(), stage.rows()[0].attempts, shown(&fake).len()), (3, 1, 1));
}

#[test]
fn a_message_whose_answer_was_lost_comes_again_and_says_so() {
    let fake = Fake::start(Telegram::new(TOKEN));
    fake.fail(Faults::ordered([Fault::ResetAfter]));
    let stage = Stage::start(&to_telegram(&fake));
    let id = stage.subscribed("telegram", CHAT);
    stage.board.say(["complete", &id]).ok();
    stage.until(|| (shown(&fake).len() == 2).then_some(()));
    stage.settle();
    let marks: Vec<bool> =
        shown(&fake).iter().map(|message| text(message).contains("may be a repeat")).collect();
    assert_eq!(marks, [false, true]);
}

#[test]
fn a_route_that_hangs_holds_up_no_other() {
    let (hanging, good) = (Fake::start(Telegram::new(TOKEN)), Fake::start(Receiver::default()));
    hanging.with(|it| it.hanging = vec![CHAT.to_owned()]);
    let config = with_channel(&to_telegram(&hanging), "webhook", None);
    let stage = Stage::start(&config.with("notify.attempt", "50m").with("notify.lease", "1h"));
    let url = format!("{}/board", good.url());
    for (channel, address) in [("telegram", CHAT), ("webhook", url.as_str())] {
        let words = ["notify-subscribe", "--platform", channel, "--chat-id", address];
        stage.board.say(words).ok();
    }
    for number in 0..10 {
        let id = stage.board.create(&format!("task {number}"), &[]);
        stage.board.say(["complete", &id]).ok();
    }
    stage.until(|| (good.with(|it| it.received.len()) == 10).then_some(()));
    stage.until(|| (hanging.connections() > 0).then_some(()));
    assert!(hanging.with(|it| it.messages.is_empty()));
}

#[test]
fn a_group_that_has_moved_is_followed_and_keeps_its_subscriptions() {
    let fake = Fake::start(Telegram::new(TOKEN));
    fake.with(|it| it.moved.insert(CHAT.into(), -1_001_234_567_890_123));
    let stage = Stage::start(&to_telegram(&fake));
    let id = stage.subscribed("telegram", CHAT);
    stage.board.say(["complete", &id]).ok();
    let new = "-1001234567890123";
    stage.until(|| (fake.with(|it| it.of_chat(new).len()) == 1).then_some(()));
    stage.settle();
    assert_eq!((stage.rows()[0].address.as_str(), stage.rows()[0].attempts), (new, 1));
    let listed = stage.board.say(["notify-list", "--json"]).json().to_string();
    assert!(listed.contains(new) && !listed.contains("\"4711\""), "{listed}");
}

#[test]
fn the_daemon_starts_a_courier_with_the_first_channel_and_another_when_it_dies() {
    let fake = Fake::start(Telegram::new(TOKEN));
    let mut stage = Stage::start(&hasty());
    assert!(stage.couriers().is_empty(), "without a channel there is nothing to send");
    stage.configure(&to_telegram(&fake));
    let first = stage.courier();
    stage.kill_courier();
    let second = stage.courier();
    assert_ne!(first, second);
    // It goes on without the daemon, and the next daemon starts no other beside it.
    stage.restart_daemon();
    let id = stage.subscribed("telegram", CHAT);
    stage.board.say(["complete", &id]).ok();
    stage.until(|| (shown(&fake).len() == 1).then_some(()));
    assert_eq!(stage.couriers(), [second]);
    assert!(is_alive(second));
    // Its end is noticed by a daemon that has not started it.
    stage.kill_courier();
    assert_ne!(stage.courier(), second);
}

#[test]
fn a_credential_that_is_put_there_later_is_taken_by_a_reload() {
    let fake = Fake::start(Telegram::new(TOKEN));
    let config = to_telegram(&fake).with("channels.telegram.credential", "later");
    let stage = Stage::start(&config);
    let id = stage.subscribed("telegram", CHAT);
    stage.board.say(["complete", &id]).ok();
    let reason = "there is no credential `later`";
    stage.until(|| {
        let inbox = stage.board.say(["inbox", "--json"]).json().to_string();
        (inbox.contains("channel_broken") && inbox.contains(reason)).then_some(())
    });
    crate::harness::put(&stage.board.home().join("credentials/later"), TOKEN);
    stage.board.say(["reload"]).ok();
    stage.until(|| (shown(&fake).len() == 1).then_some(()));
    stage.settle();
    stage.until(|| {
        let inbox: Value = stage.board.say(["inbox", "--json"]).json();
        (!inbox.to_string().contains("channel_broken")).then_some(())
    });
}

#[test]
fn a_setup_gives_the_secret_to_the_courier_alone_and_the_first_message_leaves() {
    let fake = Fake::start(Telegram::new(TOKEN));
    let stage = Stage::start(&to_telegram(&fake).with("channels.telegram.credential", "own"));
    let setup =
        |secret: &str| stage.board.say_from(secret.as_bytes(), &["notify", "setup", "telegram"]);
    assert!(setup(" \n").failed(2).contains("no secret"));
    let said = setup(&format!("{TOKEN}\n"));
    assert!(!format!("{said:?}").contains("SENTINEL"), "{said:?}");
    assert!(said.ok().contains("kanban notify test telegram"));
    let path = stage.board.home().join("credentials/own");
    assert_eq!(std::fs::read_to_string(&path).unwrap().trim(), TOKEN);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    stage.board.say(["notify", "test", "telegram", CHAT]).ok();
    stage.until(|| (shown(&fake).len() == 1).then_some(()));
}

#[test]
fn a_setup_says_what_is_missing() {
    let config = hasty().with("channels.phone.kind", "ntfy").with("channels.hooks.kind", "webhook");
    let stage = Stage::start(&config.with("channels.hooks.credential", "../hooks"));
    for (channel, expected) in [
        ("nowhere", "add [channels.nowhere]"),
        ("phone", "credential = \"phone\""),
        ("hooks", "not the name of a credential"),
    ] {
        let said = stage.board.say_from(b"x", &["notify", "setup", channel]).failed(2);
        assert!(said.contains(expected), "{said}");
    }
    let from_chat = stage.board.say(["slash", "/kanban notify setup phone"]);
    assert!(format!("{from_chat:?}").contains("not available in a chat"), "{from_chat:?}");
}

#[test]
fn no_secret_is_in_a_log_a_list_or_a_figure() {
    let (fake, receiver) = (Fake::start(Telegram::new(TOKEN)), Fake::start(Receiver::default()));
    fake.with(|it| {
        let quoted = format!("Bad Request: bot{TOKEN} may not, nor may {TOKEN}");
        it.refusals.insert(CHAT.into(), (400, quoted));
    });
    let gone = vec![Fault::Status(410)];
    receiver.fail(Faults::drawn(3, 100, gone));
    let config = with_channel(&to_telegram(&fake), "webhook", None);
    let stage = Stage::start(&config);
    let url = format!("{}/in/{}?key=SENTINEL-query-secret", receiver.url(), "SENTINEL-path-secret");
    for (channel, address) in [("telegram", CHAT), ("webhook", url.as_str())] {
        let id = stage.subscribed(channel, address);
        stage.board.say(["complete", &id]).ok();
    }
    stage.until(|| (stage.states() == ["dead", "dead"]).then_some(()));
    let errors = stage.number("SELECT count(*) FROM outbox WHERE error LIKE '%SENTINEL%'");
    assert_eq!(errors, 0, "an error that is stored");
    let client =
        kanband::api::client::Client::at(stage.board.home().join("kanband.sock"), None, false);
    let figures = client.unwrap().get_raw("/v1/metrics", &json!({})).unwrap();
    for (what, shown) in [
        ("the log", stage.log()),
        ("the inbox", stage.board.say(["inbox", "--json"]).json().to_string()),
        ("the diagnosis", stage.board.say(["doctor"]).out),
        ("the figures", String::from_utf8(figures.body.to_vec()).unwrap()),
    ] {
        assert!(!shown.contains("SENTINEL"), "{what}: {shown}");
    }
    // A list shows where a message goes, as it was typed; what a provider said of it is filtered.
    let dead = stage.board.say(["notify", "dead", "--json"]).json();
    for message in dead["messages"].as_array().unwrap() {
        assert!(!message["error"].to_string().contains("SENTINEL"), "{message}");
    }
}

#[test]
fn the_path_of_a_webhook_is_shown_nowhere_and_its_mark_names_it() {
    let receiver = Fake::start(Receiver::default());
    let stage = Stage::start(&with_channel(&hasty(), "webhook", None));
    let url = format!("{}/SENTINEL-path?key=SENTINEL", receiver.url());
    let other = format!("{}/other", receiver.url());
    for url in [&url, &other] {
        stage.board.say(["notify-subscribe", "--platform", "webhook", "--chat-id", url]).ok();
    }
    receiver.fail(Faults::ordered([Fault::Status(410), Fault::Status(410)]));
    let id = stage.board.create("Write the page", &[]);
    stage.board.say(["complete", &id]).ok();
    stage.settle();
    let shown = [
        stage.board.say(["notify", "list"]).ok(),
        stage.board.say(["notify", "list", "--json"]).ok(),
        stage.board.say(["notify", "dead"]).ok(),
        stage.board.say(["inbox", "--json"]).ok(),
        stage.board.say(["doctor", "--json"]).out,
        stage.log(),
    ];
    for text in &shown {
        assert!(!text.contains("SENTINEL"), "{text}");
    }
    let list = stage.board.say(["notify", "list", "--json"]).json();
    let marks: Vec<String> = list["filters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|filter| filter["address"].as_str().unwrap().to_owned())
        .collect();
    assert!(marks.len() == 2 && marks[0] != marks[1], "{marks:?}");
    for mark in &marks {
        assert!(mark.starts_with(&receiver.url()), "{mark}");
        stage.board.say(["notify-unsubscribe", "--platform", "webhook", "--chat-id", mark]).ok();
    }
    let list = stage.board.say(["notify", "list", "--json"]).json();
    assert_eq!(list["filters"], json!([]));
}

#[test]
fn doctor_names_a_credential_that_is_missing_open_or_newer_than_what_was_read() {
    let fake = Fake::start(Telegram::new(TOKEN));
    let stage = Stage::start(&to_telegram(&fake));
    let credential = stage.board.home().join("credentials/telegram");
    let found = || {
        let doctor: Value =
            serde_json::from_str(&stage.board.say(["doctor", "--json"]).out).unwrap();
        let checks = doctor["checks"].as_array().unwrap().iter();
        let of = checks.filter(|check| check["name"] == json!("credentials"));
        of.map(|check| check["message"].to_string()).collect::<Vec<_>>().join("\n")
    };
    stage.courier();
    stage.until(|| found().is_empty().then_some(()));
    std::fs::write(&credential, format!("{TOKEN}\n")).unwrap();
    stage.until(|| found().contains("is newer than").then_some(()));
    stage.board.say(["reload"]).ok();
    stage.until(|| found().is_empty().then_some(()));
    std::fs::set_permissions(&credential, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(found().contains("mode 644"), "{}", found());
    std::fs::remove_file(&credential).unwrap();
    assert!(found().contains("is missing"), "{}", found());
    assert!(!found().contains("SENTINEL"));
}
