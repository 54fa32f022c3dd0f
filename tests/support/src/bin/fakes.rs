//! The fakes of providers for clients of others (`tests/ext/channels.py`). They end with the standard input.
//!
//! `fakes telegram TOKEN` prints two URLs: a server, and one at which another program polls; lines on its input are what people do. `fakes slack TOKEN HOOK` and
//! `fakes discord TOKEN HOOK` print one, and so do `fakes matrix TOKEN` and `fakes mattermost TOKEN`. `fakes deliver COURIER HOME KIND ADDRESS [URL]`
//! has a courier send three rows to a receiver of others, where the provider gave an id also a change of the first one, and prints what became of them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a program of the tests"
)]

use std::io::{BufRead as _, Read as _, Write as _};
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
        ["slack", token, hook] => slack(token, hook),
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

fn slack(token: &str, hook: &str) {
    let server = Fake::start(Slack::new(token, hook));
    server.with(|it| {
        it.refusals.insert("C0ARCHIVED".to_owned(), "is_archived".to_owned());
        it.faults.insert("C0000RATED".to_owned(), Fault::Rate(Duration::from_secs(3)));
    });
    serve(&server.url());
}

fn discord(token: &str, hook: &str) {
    let server = Fake::start(Discord::new(token, hook));
    server.with(|it| {
        it.left = Some((4, 2.0));
        it.refusals.insert("403".to_owned(), (403, 50_001));
        it.refusals.insert("404".to_owned(), (404, 10_003));
        it.faults.insert("429".to_owned(), Fault::Rate(Duration::from_secs(3)));
    });
    serve(&server.url());
}

fn matrix(token: &str) {
    let server = Fake::start(Matrix::new(token));
    server.with(|it| {
        it.encrypted.push("!secret:example.org".to_owned());
        it.foreign.push("!foreign:example.org".to_owned());
        it.faults.insert("!rated:example.org".to_owned(), Fault::Rate(Duration::from_secs(3)));
    });
    serve(&server.url());
}

fn mattermost(token: &str) {
    let server = Fake::start(Mattermost::new("hook", token));
    server.with(|it| it.foreign.push("f".repeat(26)));
    serve(&server.url());
}

/// Says where it is, and waits for the end of the standard input.
fn serve(url: &str) {
    println!("{url}");
    std::io::stdout().flush().unwrap();
    let _end = std::io::stdin().read_to_end(&mut Vec::new());
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
