//! Senders against fakes of their providers: every outcome of the tables, over a real connection.

use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use kanband::kernel::notice::{ChannelSetting, Edit, Live};
use support::fakes::mattermost::Mattermost;
use support::fakes::ntfy::Ntfy;
use support::fakes::receiver::Receiver;
use support::fakes::telegram::Telegram;
use support::fakes::{Fake, Fault, Faults, Provider};

use crate::harness::{
    Bench, MATTERMOST_KEY, TOKEN, WEBHOOK_SECRET, ask, on_runtime, row, setting, word,
};

/// Longest attempt where nothing hangs.
pub const PATIENT: Duration = Duration::from_secs(30);

/// Longest attempt where something does.
const IMPATIENT: Duration = Duration::from_secs(1);

pub fn live(id: &str) -> Live {
    Live {
        sign: "●".to_owned(),
        title: "Write the page".to_owned(),
        state: "running".to_owned(),
        attempt: Some(2),
        age: Some("4 min".to_owned()),
        last_line: None,
        id: id.to_owned(),
        status: "running".to_owned(),
    }
}

pub fn edit(channel: &str, address: &str, provider_id: Option<&str>) -> Edit {
    Edit {
        id: 9,
        lease: "lease9".to_owned(),
        channel: channel.to_owned(),
        address: address.to_owned(),
        thread: None,
        provider_id: provider_id.map(str::to_owned),
        live: live("t_0000000a"),
    }
}

/// Sends one row for each fault, and compares what becomes of it.
fn faults<P: Provider>(fake: &Fake<P>, kind: &str, address: &str, table: &[(Fault, &str)]) {
    let mut setting = setting(kind, Some(fake.url()));
    if kind == "webhook" {
        setting.url = None;
    }
    faults_of(fake, &setting, address, table);
}

/// The same for a channel with these settings.
pub fn faults_of<P: Provider>(
    fake: &Fake<P>,
    setting: &ChannelSetting,
    address: &str,
    table: &[(Fault, &str)],
) {
    let kind = setting.kind.as_str();
    let (patient, impatient) = (Bench::new(PATIENT), Bench::new(IMPATIENT));
    for (fault, expected) in table {
        let bench = if *fault == Fault::Hang { &impatient } else { &patient };
        fake.fail(Faults::ordered([fault.clone()]));
        let outcome = on_runtime(bench.channel(setting).send(&row(kind, address, 1)));
        assert_eq!(word(&outcome), *expected, "{kind}: {fault:?}: {outcome:?}");
    }
}

#[test]
fn telegram_faults_end_as_the_table_says() {
    let fake = Fake::start(Telegram::new(TOKEN));
    faults(
        &fake,
        "telegram",
        "-1001234567890123",
        &[
            (Fault::None, "sent 1"),
            (Fault::Rate(Duration::from_secs(3)), "rate 3000 Route"),
            (Fault::Rate(Duration::from_millis(50)), "rate 50 Route"),
            (Fault::Status(400), "permanent bad_request"),
            (Fault::Status(401), "channel_dead unauthorized"),
            (Fault::Status(403), "permanent forbidden"),
            (Fault::Status(500), "temporary server_error"),
            (Fault::Status(502), "temporary http_502"),
            (Fault::Hang, "unknown timeout"),
            (Fault::ResetBefore, "unknown broken_off"),
            (Fault::ResetAfter, "unknown broken_off"),
            (Fault::None, "sent 3"),
        ],
    );
    let shown = fake.with(|telegram| telegram.of_chat("-1001234567890123").len());
    assert_eq!(shown, 3, "two were acknowledged, one was recorded before the connection broke");
}

#[test]
fn ntfy_faults_end_as_the_table_says() {
    let fake = Fake::start(Ntfy::default());
    faults(
        &fake,
        "ntfy",
        "board-of-ann",
        &[
            (Fault::None, "sent dedupe00000000000001"),
            (Fault::Rate(Duration::from_millis(200)), "rate 200 Channel"),
            (Fault::Status(400), "permanent ntfy_40009"),
            (Fault::Status(401), "channel_dead ntfy_40101"),
            (Fault::Status(403), "channel_dead ntfy_40301"),
            (Fault::Status(500), "temporary ntfy_50001"),
            (Fault::Hang, "unknown timeout"),
            (Fault::ResetAfter, "unknown broken_off"),
            (Fault::None, "sent dedupe00000000000001"),
        ],
    );
    let shown = fake.with(|ntfy| (ntfy.published.len(), ntfy.shown("board-of-ann").len()));
    assert_eq!(shown, (3, 1), "a repeat takes the room of the first one on the phone");
}

#[test]
fn mattermost_faults_end_as_the_table_says() {
    let fake = Fake::start(Mattermost::new(MATTERMOST_KEY, ""));
    faults(
        &fake,
        "mattermost",
        "town-square",
        &[
            (Fault::None, "sent -"),
            (Fault::Rate(Duration::from_millis(200)), "rate 200 Route"),
            (Fault::Status(400), "permanent http_400"),
            (Fault::Status(403), "permanent http_403"),
            (Fault::Status(500), "temporary http_500"),
            (Fault::Hang, "unknown timeout"),
            (Fault::ResetAfter, "unknown broken_off"),
        ],
    );
    assert_eq!(fake.with(|it| it.posts.len()), 2);
}

#[test]
fn webhook_faults_end_as_the_table_says() {
    let fake = Fake::start(Receiver::default());
    let address = format!("{}/in/SENTINEL-path-secret", fake.url());
    faults(
        &fake,
        "webhook",
        &address,
        &[
            (Fault::None, "sent -"),
            (Fault::Rate(Duration::from_millis(200)), "rate 200 Route"),
            (Fault::Status(301), "permanent http_301"),
            (Fault::Status(400), "temporary http_400"),
            (Fault::Status(404), "temporary http_404"),
            (Fault::Status(410), "permanent http_410"),
            (Fault::Status(413), "permanent http_413"),
            (Fault::Status(422), "temporary http_422"),
            (Fault::Status(503), "temporary http_503"),
            (Fault::Hang, "unknown timeout"),
            (Fault::ResetBefore, "unknown broken_off"),
        ],
    );
}

/// A port at which nobody listens: the near end of a connection, which keeps others from listening there.
fn port_of_nobody() -> (TcpStream, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let connection = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let port = connection.local_addr().unwrap().port();
    (connection, port)
}

#[test]
fn a_server_that_is_not_there_is_worth_another_attempt() {
    let (_connection, port) = port_of_nobody();
    let address = format!("http://127.0.0.1:{port}/");
    let bench = Bench::new(PATIENT);
    let channel = bench.channel(&setting("webhook", None));
    let outcome = on_runtime(channel.send(&row("webhook", &address, 1)));
    assert_eq!(word(&outcome), "temporary not_connected", "{outcome:?}");
    let nowhere = row("webhook", "https://no-such-name.invalid/", 1);
    let outcome = on_runtime(channel.send(&nowhere));
    // Not found, or nobody who knows names answered.
    assert!(word(&outcome).starts_with("temporary "), "{outcome:?}");
}

#[test]
fn an_address_that_is_not_public_is_refused_in_every_spelling() {
    let fake = Fake::start(Receiver::default());
    let bench = Bench::new(PATIENT);
    let mut guarded = setting("webhook", None);
    guarded.allow = Vec::new();
    let port = fake.port();
    for (address, expected) in [
        (format!("http://127.0.0.1:{port}/"), "permanent address_refused"),
        (format!("http://localhost:{port}/"), "permanent address_refused"),
        (format!("https://127.0.0.1:{port}/"), "permanent address_refused"),
        (format!("https://[::ffff:127.0.0.1]:{port}/"), "permanent address_refused"),
        ("https://[::1]/".to_owned(), "permanent address_refused"),
        ("https://169.254.169.254/latest/meta-data".to_owned(), "permanent address_refused"),
        ("https://10.0.0.1/".to_owned(), "permanent address_refused"),
        ("http://93.184.216.34/".to_owned(), "permanent address_refused"),
        ("https://2130706433/".to_owned(), "permanent bad_url"),
        ("https://0177.0.0.1/".to_owned(), "permanent bad_url"),
        ("https://0x7f.1/".to_owned(), "permanent bad_url"),
        ("file:///etc/passwd".to_owned(), "permanent bad_url"),
    ] {
        let outcome = on_runtime(bench.channel(&guarded).send(&row("webhook", &address, 1)));
        assert_eq!(word(&outcome), expected, "{address}: {outcome:?}");
    }
    let mut tls_only = setting("webhook", None);
    tls_only.allow_http = false;
    let address = format!("http://127.0.0.1:{port}/");
    let outcome = on_runtime(bench.channel(&tls_only).send(&row("webhook", &address, 1)));
    assert_eq!(word(&outcome), "permanent http_not_allowed");
    assert_eq!(fake.connections(), 0, "nothing was connected to learn it");
}

#[test]
fn requests_share_a_connection_and_survive_its_end() {
    let fake = Fake::start(Telegram::new(TOKEN));
    let bench = Bench::new(PATIENT);
    let channel = bench.channel(&setting("telegram", Some(fake.url())));
    on_runtime(async {
        for _message in 0..3 {
            assert!(word(&channel.send(&row("telegram", "1", 1)).await).starts_with("sent"));
        }
        assert_eq!(fake.connections(), 1);
        fake.close_connections();
        // What was closed while nobody used it costs no message.
        for _message in 0..2 {
            tokio::task::yield_now().await;
            assert!(word(&channel.send(&row("telegram", "1", 1)).await).starts_with("sent"));
        }
    });
    assert_eq!(fake.with(|telegram| telegram.messages.len()), 5);
}

#[test]
fn an_answer_without_end_is_not_read_to_its_end() {
    struct Talkative;
    impl Provider for Talkative {
        fn take(&mut self, heard: &support::fakes::Heard) -> support::fakes::Answer {
            let text = "x".repeat(if heard.path == "/body" { 10_000_000 } else { 1 });
            let answer = support::fakes::Answer::text(200, &text);
            if heard.path == "/header" {
                answer.with("x-long", "y".repeat(100_000))
            } else {
                answer
            }
        }

        fn refuse(
            &mut self,
            heard: &support::fakes::Heard,
            _status: u16,
            _wait: Option<Duration>,
        ) -> support::fakes::Answer {
            self.take(heard)
        }
    }
    let fake = Fake::start(Talkative);
    let bench = Bench::new(PATIENT);
    let channel = bench.channel(&setting("webhook", None));
    for (path, expected) in [("/body", "sent -"), ("/header", "unknown broken_off")] {
        let address = format!("{}{path}", fake.url());
        let outcome = on_runtime(channel.send(&row("webhook", &address, 1)));
        assert_eq!(word(&outcome), expected, "{path}: {outcome:?}");
    }
}

#[test]
fn a_webhook_is_the_same_at_every_attempt_but_for_its_time_and_signature() {
    use base64::Engine as _;
    let fake = Fake::start(Receiver::default());
    let address = format!("{}/hook?x=1", fake.url());
    let bench = Bench::new(PATIENT);
    let channel = bench.channel(&setting("webhook", None));
    for _attempt in 0..2 {
        let outcome = on_runtime(channel.send(&row("webhook", &address, 1)));
        assert_eq!(word(&outcome), "sent -");
    }
    let received = fake.with(|receiver| receiver.received.clone());
    let [first, second] = &received[..] else { panic!("{received:?}") };
    assert_eq!(first.body, second.body);
    assert_eq!(first.headers["webhook-id"], "dedupe00000000000001");
    assert_eq!(first.headers["webhook-id"], second.headers["webhook-id"]);
    assert_eq!((first.method.as_str(), first.path.as_str()), ("POST", "/hook?x=1"));
    let body = first.json();
    assert_eq!(body["type"], "task.completed");
    assert_eq!(body["timestamp"], "2023-11-14T22:13:20Z");
    assert_eq!(body["data"]["task"]["id"], "t_0000000a");
    let secret = base64::engine::general_purpose::STANDARD;
    let key = secret.decode(WEBHOOK_SECRET.strip_prefix("whsec_").unwrap()).unwrap();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &key);
    for one in [first, second] {
        let (id, time) = (&one.headers["webhook-id"], &one.headers["webhook-timestamp"]);
        let content = [format!("{id}.{time}.").as_bytes(), &one.body].concat();
        let signature = one.headers["webhook-signature"].strip_prefix("v1,").unwrap();
        assert!(ring::hmac::verify(&key, &content, &secret.decode(signature).unwrap()).is_ok());
    }
}

#[test]
fn the_message_about_a_task_is_changed_in_its_room() {
    let fake = Fake::start(Telegram::new(TOKEN));
    let bench = Bench::new(PATIENT);
    let channel = bench.channel(&setting("telegram", Some(fake.url())));
    let first = on_runtime(channel.edit(&edit("telegram", "7", None)));
    assert_eq!(word(&first), "sent 1");
    let mut changed = edit("telegram", "7", Some("1"));
    assert_eq!(word(&on_runtime(channel.edit(&changed))), "sent 1", "not modified is done");
    changed.live.state = "done".to_owned();
    assert_eq!(word(&on_runtime(channel.edit(&changed))), "sent 1");
    assert_eq!(word(&on_runtime(channel.edit(&edit("telegram", "7", Some("99"))))), "gone");
    fake.with(|telegram| {
        let [message] = &telegram.of_chat("7")[..] else { panic!("one message") };
        assert_eq!(message.edits, 1);
        assert!(message.fields["text"].as_str().unwrap().contains("done"));
        telegram.moved.insert("7".to_owned(), -1_001_234_567_890_123);
    });
    let moved = on_runtime(channel.send(&row("telegram", "7", 1)));
    assert_eq!(word(&moved), "moved -1001234567890123");
}

#[test]
fn an_older_ntfy_says_that_it_cannot_replace_a_notification() {
    let fake = Fake::start(Ntfy::default());
    let bench = Bench::new(PATIENT);
    let channel = bench.channel(&setting("ntfy", Some(fake.url())));
    let first = on_runtime(channel.edit(&edit("ntfy", "topic", None)));
    let word_of_first = word(&first);
    let sequence = word_of_first.strip_prefix("sent ").unwrap();
    let again = on_runtime(channel.edit(&edit("ntfy", "topic", Some(sequence))));
    assert_eq!(again, first);
    assert_eq!(fake.with(|ntfy| ntfy.shown("topic").len()), 1);
    fake.with(|ntfy| ntfy.has_sequences = false);
    let older = on_runtime(channel.edit(&edit("ntfy", "topic", Some(sequence))));
    assert_eq!(word(&older), "permanent edit_unsupported");
    for kind in ["mattermost", "webhook"] {
        let url = (kind == "mattermost").then(|| fake.url());
        let channel = bench.channel(&setting(kind, url));
        let refused = on_runtime(channel.edit(&edit(kind, "x", None)));
        assert_eq!(word(&refused), "permanent edit_unsupported");
    }
}

#[test]
fn a_question_has_its_buttons_its_person_and_its_thread() {
    let fake = Fake::start(Telegram::new(TOKEN));
    let bench = Bench::new(PATIENT);
    let channel = bench.channel(&setting("telegram", Some(fake.url())));
    let mut asked = row("telegram", "-100", 1);
    asked.notice = ask();
    asked.thread = Some("44".to_owned());
    asked.reply_to = Some("12".to_owned());
    assert_eq!(word(&on_runtime(channel.send(&asked))), "sent 1");
    let fields = fake.with(|telegram| telegram.messages[0].fields.clone());
    assert_eq!(fields["message_thread_id"], 44);
    assert_eq!(fields["reply_parameters"]["message_id"], 12);
    assert_eq!(fields["disable_notification"], false);
    let buttons = &fields["reply_markup"]["inline_keyboard"][0];
    assert_eq!(buttons[0]["callback_data"], "k1:abcdefghijklmnop");
    assert_eq!(
        (&buttons[0]["style"], &buttons[1]["style"]),
        (&"primary".into(), &serde_json::Value::Null)
    );
    let text: Vec<u16> = fields["text"].as_str().unwrap().encode_utf16().collect();
    let named = |entity: &serde_json::Value| {
        let at = |name: &str| usize::try_from(entity[name].as_u64().unwrap()).unwrap();
        String::from_utf16(&text[at("offset")..at("offset") + at("length")]).unwrap()
    };
    assert_eq!(named(&fields["entities"][0]), "Write the page");
    assert_eq!(named(&fields["entities"][1]), "Ada");
    assert_eq!(fields["entities"][1]["user"]["id"], 815);
}

#[test]
fn a_channel_that_cannot_be_used_says_why_for_every_message() {
    let bench = Bench::new(PATIENT);
    let with = |kind: &str, change: fn(&mut kanband::kernel::notice::ChannelSetting)| {
        let mut setting = setting(kind, None);
        change(&mut setting);
        bench.channel(&setting)
    };
    for (channel, expected) in [
        (with("telegram", |it| it.credential = None), "needs a `credential`"),
        (with("telegram", |it| it.credential = Some("none".into())), "no credential `none`"),
        (with("telegram", |it| it.credential = Some("ntfy".into())), "not a bot's token"),
        (with("telegram", |it| it.url = Some("telegram".into())), "`url`"),
        (with("telegram", |it| it.allow = vec!["ten".into()]), "`allow`"),
        (with("webhook", |it| it.credential = Some("telegram".into())), "whsec_"),
        (with("mattermost", |_| {}), "set `url`"),
        (with("mail", |it| it.url = Some("https://h".into())), "smtp://"),
        (with("carrier-pigeon", |it| it.credential = None), "cannot send by `carrier-pigeon`"),
    ] {
        let why = channel.fault().unwrap().to_owned();
        assert!(why.contains(expected) && !why.contains("SENTINEL"), "{why}");
        let outcome = on_runtime(channel.send(&row("x", "1", 1)));
        assert_eq!(word(&outcome), "channel_dead not_usable");
    }
}
