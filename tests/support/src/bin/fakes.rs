//! The fakes of providers for clients of others (`tests/ext/channels.py`). They end with the standard input.
//!
//! `fakes telegram TOKEN` prints two URLs: a server, and one at which another program polls; lines on its input are what people do.
//! `fakes slack TOKEN HOOK [APP_TOKEN]`, `fakes discord TOKEN HOOK`, `fakes matrix TOKEN` and `fakes mattermost TOKEN` print one. `fakes deliver COURIER HOME KIND ADDRESS [URL]`
//! has a courier send three rows to a receiver of others, where the provider gave an id also a change of the first one, and prints what became of them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a program of the tests"
)]

use std::io::{BufRead as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use kanband::kernel::notice::{
    ChannelSetting, Class, Edit, Live, Notice, NoticeTask, Outcome, Row,
};
use serde_json::json;
use support::fakes::discord::Discord;
use support::fakes::matrix::Matrix;
use support::fakes::mattermost::Mattermost;
use support::fakes::slack::Slack;
use support::fakes::telegram::Telegram;
use support::fakes::{DaemonFake, Fake, Fault};
use support::wait::until;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["telegram", token] => telegram(token),
        ["slack", token, hook] => slack(token, hook, ""),
        ["slack", token, hook, app_token] => slack(token, hook, app_token),
        ["discord", token, hook] => discord(token, hook),
        ["matrix", token] => matrix(token),
        ["mattermost", token] => mattermost(token),
        ["deliver", courier, home, kind, address] => deliver(courier, home, kind, address, None),
        ["deliver", courier, home, kind, address, url] => {
            deliver(courier, home, kind, address, Some(url.to_owned()));
        }
        _ => {
            println!(
                "usage: fakes telegram TOKEN | fakes slack|discord TOKEN HOOK | fakes matrix|mattermost TOKEN | fakes deliver COURIER HOME KIND ADDRESS [URL]"
            );
        }
    }
}

fn telegram(token: &str) {
    let (server, contested) =
        (Fake::start(Telegram::new(token)), Fake::start(Telegram::new(token)));
    contested.with(|it| it.has_rival = true);
    server.with(|it| {
        let refusals = [
            ("403", 403, "Forbidden: bot was blocked by the user"),
            ("404", 400, "Bad Request: chat not found"),
        ];
        for (chat, status, description) in refusals {
            it.refusals.insert(chat.to_owned(), (status, description.to_owned()));
        }
        it.moved.insert("-5".to_owned(), -1_001_234_567_890_123);
        it.faults.insert("429".to_owned(), Fault::Rate(Duration::from_secs(3)));
        it.faults.insert("502".to_owned(), Fault::Status(502));
    });
    println!("{} {}", server.url(), contested.url());
    std::io::stdout().flush().unwrap();
    for line in std::io::stdin().lock().lines() {
        act(&server, &line.unwrap());
    }
}

/// A person does something, as a line says: `write USER CHAT TEXT`, `press USER CHAT MESSAGE LABEL`; `await-poll` says when a poll waits.
fn act(server: &Fake<Telegram>, line: &str) {
    let words: Vec<&str> = line.split(' ').collect();
    match words[..] {
        ["write", user, chat, ..] => {
            let text = words[3..].join(" ");
            server.with(|it| it.write(user.parse().unwrap(), chat, &text, &json!({})));
        }
        ["press", user, chat, message, label] => {
            let (user, message) = (user.parse().unwrap(), message.parse().unwrap());
            server.with(|it| it.press(user, chat, message, label));
        }
        ["await-poll"] => {
            until("a poll", || (server.with(|it| it.waiting()) == 1).then_some(()));
            println!("a poll waits");
            std::io::stdout().flush().unwrap();
        }
        _ => eprintln!("not understood: {line}"),
    }
}

fn slack(token: &str, hook: &str, app_token: &str) {
    let server = Fake::start(Slack::new(token, hook));
    server.with(|it| {
        it.people.app_token = app_token.to_owned();
        it.refusals.insert("C0ARCHIVED".to_owned(), "is_archived".to_owned());
        it.faults.insert("C0000RATED".to_owned(), Fault::Rate(Duration::from_secs(3)));
    });
    serve(&server.url(), |words| match words {
        ["write", user, channel, ..] => {
            let text = words[3..].join(" ");
            server.with(|it| it.people.write(user, channel, &text, &json!({})));
        }
        ["command", user, channel, ..] => {
            let text = words[3..].join(" ");
            server.with(|it| it.people.command(user, channel, &text));
        }
        ["disconnect", reason] => server.with(|it| it.people.disconnect(reason)),
        ["await-acknowledged", count] => {
            let count = count.parse().unwrap();
            let is_so = || server.with(|it| it.people.acknowledged.len() >= count).then_some(());
            until("acknowledgements", is_so);
            say("acknowledged");
        }
        _ => eprintln!("not understood: {words:?}"),
    });
}

fn discord(token: &str, hook: &str) {
    let server = Fake::start(Discord::new(token, hook));
    server.with(|it| {
        it.left = Some((4, 2.0));
        it.refusals.insert("403".to_owned(), (403, 50_001));
        it.refusals.insert("404".to_owned(), (404, 10_003));
        it.faults.insert("429".to_owned(), Fault::Rate(Duration::from_secs(3)));
        it.people.beat_ms = 300;
    });
    serve(&server.url(), |words| match words {
        ["write", user, channel, ..] => {
            let text = words[3..].join(" ");
            server.with(|it| it.people.write(user, channel, &text, &json!({})));
        }
        ["reconnect"] => server.with(|it| it.people.tell(&json!({ "op": 7, "d": null }))),
        ["await-beats", count] => {
            let count = count.parse().unwrap();
            until("beats", || server.with(|it| it.people.beats >= count).then_some(()));
            say("beats");
        }
        _ => eprintln!("not understood: {words:?}"),
    });
}

fn matrix(token: &str) {
    let server = Fake::start(Matrix::new(token));
    server.with(|it| {
        it.encrypted.push("!secret:example.org".to_owned());
        it.foreign.push("!foreign:example.org".to_owned());
        it.faults.insert("!rated:example.org".to_owned(), Fault::Rate(Duration::from_secs(3)));
    });
    serve(&server.url(), |words| match words {
        ["write", user, room, ..] => {
            let text = words[3..].join(" ");
            server.with(|it| it.people.write(user, room, &text, &json!({})));
        }
        _ => eprintln!("not understood: {words:?}"),
    });
}

fn mattermost(token: &str) {
    let server = Fake::start(Mattermost::new("hook", token));
    server.with(|it| it.foreign.push("f".repeat(26)));
    serve(&server.url(), |words| eprintln!("not understood: {words:?}"));
}

/// Says where it is, and has people do what lines of the standard input say, to its end.
fn serve(url: &str, act: impl Fn(&[&str])) {
    say(url);
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        act(&line.split(' ').collect::<Vec<_>>());
    }
}

fn say(line: &str) {
    println!("{line}");
    std::io::stdout().flush().unwrap();
}

fn row(channel: &str, address: &str, id: i64) -> Row {
    let task = NoticeTask {
        id: format!("t_0000000{id}"),
        title: format!("Größe {id}"),
        status: "done".to_owned(),
        assignee: None,
    };
    let notice = Notice {
        class: Class::News,
        kind: "completed".to_owned(),
        event_id: Some(id),
        at: 1_700_000_000,
        board: "default".to_owned(),
        task: Some(task),
        headline: "Done.".to_owned(),
        lines: vec!["A line.\n.\nAnd another — with 👩\u{200d}🔧.".to_owned()],
        question: None,
        mention: None,
        buttons: Vec::new(),
        files: Vec::new(),
        items: Vec::new(),
        is_silent: false,
    };
    Row {
        id,
        lease: format!("lease{id}"),
        channel: channel.to_owned(),
        address: address.to_owned(),
        thread: None,
        dedupe: format!("dedupe{id:014}"),
        attempt: 1,
        is_repeat: false,
        reply_to: None,
        notice,
    }
}

fn edit(channel: &str, address: &str, provider_id: &str) -> Edit {
    Edit {
        id: 9,
        lease: "lease9".to_owned(),
        channel: channel.to_owned(),
        address: address.to_owned(),
        thread: None,
        provider_id: Some(provider_id.to_owned()),
        live: Live {
            sign: "●".to_owned(),
            title: "Changed".to_owned(),
            state: "done".to_owned(),
            attempt: None,
            age: None,
            last_line: None,
            id: "t_00000001".to_owned(),
            status: "done".to_owned(),
        },
    }
}

fn deliver(courier: &str, home: &str, kind: &str, address: &str, url: Option<String>) {
    let socket = Path::new(home).join("kanband.sock.courier");
    let channel = ChannelSetting {
        name: kind.to_owned(),
        kind: kind.to_owned(),
        url,
        credential: Some(kind.to_owned()),
        allow: vec!["127.0.0.0/8".to_owned(), "::1/128".to_owned()],
        allow_http: true,
        listen: None,
    };
    let daemon = DaemonFake::start(&socket, vec![channel]);
    daemon.set_attempt_ms(30_000);
    let mut program = Command::new(courier)
        .arg("--socket")
        .arg(&socket)
        .env("KANBAN_HOME", home)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    daemon.send((1..=3).map(|id| row(kind, address, id)));
    until("three results", || (daemon.settled().len() == 3).then_some(()));
    let sent = daemon.settled().into_iter().find_map(|it| match it.outcome {
        Outcome::Sent { provider_id: Some(id) } if it.id == 1 => Some(id),
        _ => None,
    });
    if let (Some(id), "matrix") = (sent, kind) {
        daemon.edit(edit(kind, address, &id));
        until("a change", || (daemon.settled().len() == 4).then_some(()));
    }
    let ended = program.kill().and_then(|()| program.wait());
    println!("{:?} {ended:?}", daemon.settled());
}
