//! The stream of a page: what changes on the board reaches it as cards, once for all pages, and a page that was away, or that does
//! not read, holds up nobody.

use std::os::unix::net::UnixStream;

use serde_json::{Value, json};
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Message, WebSocket};

use crate::harness::{DEADLINE, Daemon, config, until};

/// A page of the board `default`.
struct Page {
    socket: WebSocket<UnixStream>,
}

impl Page {
    /// Opens the stream, and goes on after a cursor.
    fn open(daemon: &Daemon, after: Option<&str>) -> Self {
        let stream = UnixStream::connect(daemon.socket()).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let config = WebSocketConfig::default();
        let request = "ws://localhost/v1/stream";
        let (socket, _) =
            tungstenite::client::client_with_config(request, stream, Some(config)).unwrap();
        let mut page = Self { socket };
        page.say(&json!({ "subscribe": { "board": "default", "after": after } }));
        assert!(page.next()["hello"]["bundle"].as_str().is_some_and(|hash| hash.len() == 64));
        page
    }

    /// A page that shows the board as it is now.
    fn on(daemon: &Daemon) -> Self {
        let cursor = cursor(daemon);
        let mut page = Self::open(daemon, Some(&cursor));
        let first = page.next();
        assert_eq!(first["delta"]["cards"], json!([]), "{first}");
        page
    }

    fn say(&mut self, words: &Value) {
        self.socket.send(Message::text(words.to_string())).unwrap();
    }

    fn next(&mut self) -> Value {
        loop {
            match self.socket.read().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The next message that is as wanted; others are passed over.
    fn find<T>(&mut self, what: &str, mut wanted: impl FnMut(&Value) -> Option<T>) -> T {
        for _ in 0..10_000 {
            if let Some(found) = wanted(&self.next()) {
                return found;
            }
        }
        panic!("no {what} among 10,000 messages");
    }

    /// The next card of a task that is as wanted.
    fn card(&mut self, id: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
        self.find(id, |message| {
            let cards = message["delta"]["cards"].as_array()?;
            cards.iter().find(|card| card["id"] == id && is_wanted(card)).cloned()
        })
    }
}

fn cursor(daemon: &Daemon) -> String {
    daemon.get("/v1/board")["cursor"].as_str().unwrap().to_owned()
}

fn number(cursor: &Value) -> i64 {
    cursor.as_str().unwrap().rsplit_once(':').unwrap().1.parse().unwrap()
}

fn idle() -> Daemon {
    Daemon::start("[dispatch]\nenabled = false\n")
}

#[test]
fn a_change_reaches_a_page_as_the_card_that_the_board_shows_and_passes_the_cursor_of_the_write() {
    let daemon = idle();
    let mut page = Page::on(&daemon);
    let id = daemon.create(json!({ "title": "new", "labels": ["a"] }));
    let card = page.card(&id, |_| true);
    let board = daemon.get("/v1/board");
    let shown = board["columns"].as_array().unwrap().iter().find(|one| one["status"] == "ready");
    assert_eq!(shown.unwrap()["cards"], json!([card]));
    daemon.post(&format!("/v1/tasks/{id}/block"), &json!({ "reason": "why" }));
    let delta = page.find("delta", |message| {
        let delta = &message["delta"];
        (delta["cards"][0]["status"] == "blocked").then(|| delta.clone())
    });
    assert!(number(&delta["cursor"]) >= number(&json!(cursor(&daemon))));
    assert_eq!((&delta["counts"]["blocked"], &delta["counts"]["ready"]), (&json!(1), &json!(0)));
    assert_eq!(delta["cards"][0]["reason"]["text"], "why");
}

#[test]
fn a_write_over_the_api_says_which_cursor_it_is_not_behind() {
    let daemon = idle();
    let before = number(&json!(cursor(&daemon)));
    let body = json!({ "title": "x" }).to_string();
    let output = std::process::Command::new("curl")
        .args(["-si", "--unix-socket"])
        .arg(daemon.socket())
        .args(["-X", "POST", "-d", &body, "http://x/v1/tasks"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let header = text.lines().find_map(|line| line.strip_prefix("kanban-event-cursor: ")).unwrap();
    assert!(number(&json!(header)) > before, "{text}");
    assert_eq!(header, cursor(&daemon));
}

#[test]
fn parents_and_waiting_children_of_a_changed_task_come_with_it() {
    let daemon = idle();
    let parent = daemon.create(json!({ "title": "parent" }));
    let child = daemon.create(json!({ "title": "child", "parents": [&parent] }));
    let mut page = Page::on(&daemon);
    let path = format!("/v1/tasks/{parent}");
    let _edited: Value = daemon.client().patch(&path, &json!({ "title": "renamed" })).unwrap();
    let waits = page.card(&child, |_| true)["waits"].clone();
    assert_eq!((&waits["count"], &waits["first"]["title"]), (&json!(1), &json!("renamed")));
    daemon.post(&format!("/v1/tasks/{parent}/complete"), &json!({ "summary": "done" }));
    page.card(&child, |card| card["status"] == "ready" && card["waits"].is_null());
    daemon.post(&format!("/v1/tasks/{child}/complete"), &json!({ "summary": "done" }));
    let counted = page.card(&parent, |card| card["children"]["done"] == 1);
    assert_eq!(counted["children"]["count"], 1);
}

#[test]
fn a_page_that_comes_back_gets_what_it_missed_and_after_too_much_reads_the_board_again() {
    let daemon = idle();
    let before = cursor(&daemon);
    let one = daemon.create(json!({ "title": "one" }));
    let two = daemon.create(json!({ "title": "two" }));
    let missed = Page::open(&daemon, Some(&before)).next();
    let cards = missed["delta"]["cards"].as_array().unwrap();
    let mut ids: Vec<&str> = cards.iter().map(|card| card["id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    let mut expected = [one.as_str(), two.as_str()];
    expected.sort_unstable();
    assert_eq!(ids, expected);
    let tasks: Vec<Value> = (0..500).map(|n| json!({ "title": n.to_string() })).collect();
    daemon.post("/v1/tasks/batch", &json!({ "tasks": tasks }));
    for after in [Some(before.as_str()), None, Some("other:1"), Some("nonsense")] {
        let answer = Page::open(&daemon, after).next();
        assert_eq!(answer["resync"]["cursor"], cursor(&daemon), "{after:?}: {answer}");
    }
}

#[test]
fn the_counts_of_every_frame_are_those_of_its_cards_while_many_write() {
    let daemon = idle();
    let mut page = Page::on(&daemon);
    let write = |writer: u32| {
        for n in 0..40 {
            let id = daemon.create(json!({ "title": format!("{writer}.{n}") }));
            daemon.post(&format!("/v1/tasks/{id}/block"), &json!({ "reason": "x" }));
            if n % 2 == 0 {
                daemon.post(&format!("/v1/tasks/{id}/unblock"), &json!({}));
            }
        }
    };
    let mut shown = std::collections::BTreeMap::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::scope(|scope| {
                (0..4).for_each(|writer| drop(scope.spawn(move || write(writer))));
            });
            daemon.create(json!({ "title": "last" }));
        });
        page.find("card of the last task", |message| {
            assert!(message["resync"].is_null(), "{message}");
            let delta = message["delta"].as_object()?;
            let cards = delta["cards"].as_array().unwrap();
            for card in cards {
                shown.insert(card["id"].to_string(), card["status"].to_string());
            }
            for (status, count) in delta["counts"].as_object().unwrap() {
                let status = json!(status).to_string();
                let of_status = shown.values().filter(|shown| **shown == status).count();
                assert_eq!(count, &json!(of_status), "{status} at {}", delta["cursor"]);
            }
            cards.iter().any(|card| card["title"] == "last").then_some(())
        });
    });
    assert_eq!(shown.len(), 161);
}

#[test]
fn the_rows_are_read_once_per_commit_for_two_hundred_pages_as_for_one() {
    let daemon = idle();
    let figure = |name: &str| -> u64 {
        let page = daemon.client().get_raw("/v1/metrics", &json!({})).unwrap().body;
        let text = String::from_utf8(page.to_vec()).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap().parse().unwrap()
    };
    let mut pages = Vec::new();
    for count in [1, 20, 200] {
        while pages.len() < count {
            pages.push(Page::on(&daemon));
        }
        assert_eq!(figure("kanband_web_pages"), count as u64);
        let before = figure("kanband_web_change_reads_total");
        for _ in 0..10 {
            let id = daemon.create(json!({ "title": "x" }));
            for page in &mut pages {
                page.card(&id, |_| true);
            }
        }
        assert_eq!(figure("kanband_web_change_reads_total") - before, 10, "{count} pages");
    }
}

#[test]
fn a_page_that_reads_nothing_holds_up_nobody_and_reads_the_board_again_once() {
    let daemon = idle();
    let mut silent = Page::on(&daemon);
    let mut reading = Page::on(&daemon);
    for batch in 0..100 {
        let tasks: Vec<Value> = (0..100)
            .map(|n| json!({ "title": format!("{batch} {n} {}", "x".repeat(500)) }))
            .collect();
        let created = daemon.post("/v1/tasks/batch", &json!({ "tasks": tasks }));
        let last = created["created"][99]["id"].as_str().unwrap().to_owned();
        reading.card(&last, |_| true);
    }
    let last = daemon.create(json!({ "title": "last" }));
    reading.card(&last, |_| true);
    let mut resyncs = 0;
    loop {
        let message = silent.next();
        if message["resync"].is_object() {
            resyncs += 1;
            // What comes behind is new.
            break;
        }
    }
    let newest = daemon.create(json!({ "title": "newest" }));
    silent.find("the newest card", |message| {
        resyncs += i32::from(message["resync"].is_object());
        let cards = message["delta"]["cards"].as_array()?;
        cards.iter().any(|card| card["id"] == newest.as_str()).then_some(())
    });
    assert_eq!(resyncs, 1);
}

#[test]
fn the_states_of_a_run_its_end_and_its_log_are_seen_on_the_stream() {
    let script = "trap 'echo caught; exit 0' TERM; echo begun; while :; do sleep 0.05; done";
    let daemon = Daemon::start(&config(&[("sh", "report", script)]));
    let mut page = Page::on(&daemon);
    let id = daemon.create(json!({ "assignee": "sh" }));
    let run = page.card(&id, |card| card["run"]["state"] == "running")["run"]["id"].clone();
    let mut log = Page::on(&daemon);
    log.say(&json!({ "log": { "task": &id, "run": run } }));
    let mut text = String::new();
    log.find("the first line", |message| {
        text.push_str(message["log"]["text"].as_str()?);
        text.contains("begun\n").then_some(())
    });
    daemon.post(&format!("/v1/tasks/{id}/stop"), &json!({ "then": "hold" }));
    page.card(&id, |card| card["status"] == "blocked");
    page.card(&id, |card| card["run"].is_null());
    let mut rest = String::new();
    log.find("the end of the log", |message| {
        rest.push_str(message["log"]["text"].as_str()?);
        (message["log"]["is_over"] == true).then_some(())
    });
    assert!(rest.contains("caught"), "{rest:?}");
}

#[test]
fn what_no_event_tells_of_is_seen_too() {
    let daemon = idle();
    let mut page = Page::on(&daemon);
    let dispatch = |message: &Value| message["facts"]["dispatch"].as_str().map(str::to_owned);
    assert_eq!(page.find("the facts", dispatch), "disabled");
    daemon.post("/v1/dispatch/switch", &json!({ "to": "paused" }));
    page.find("the pause", |message| dispatch(message).filter(|word| word == "paused"));
    let id = daemon.create(json!({ "title": "idea", "triage": true }));
    daemon.post(&format!("/v1/tasks/{id}/archive"), &json!({}));
    page.card(&id, |card| card["status"] == "archived");
    until("the task is old enough", || {
        let report = daemon.post("/v1/gc", &json!({ "older_than_days": 0 }));
        report["tasks"].as_u64().filter(|count| *count == 1)
    });
    page.find("the word to read again", |message| message["resync"].as_object().map(drop));
}

#[test]
fn a_new_board_and_the_open_tasks_of_every_board_are_named_to_the_page_of_another() {
    let daemon = idle();
    let mut page = Page::on(&daemon);
    let open = |message: &Value| {
        let boards = message["facts"]["boards"].as_array()?;
        boards.iter().find(|board| board["name"] == "shop")?["open"].as_i64()
    };
    daemon.post("/v1/boards", &json!({ "name": "shop" }));
    assert_eq!(page.find("the new board", open), 0);
    let id = daemon.create(json!({ "title": "x", "board": "shop" }));
    page.find("its task", |message| open(message).filter(|count| *count == 1));
    let done = json!({ "summary": "done", "board": "shop" });
    daemon.post(&format!("/v1/tasks/{id}/complete"), &done);
    page.find("its end", |message| open(message).filter(|count| *count == 0));
}

#[test]
fn what_is_no_word_of_a_page_is_answered_and_the_stream_goes_on() {
    let daemon = idle();
    let mut page = Page::on(&daemon);
    for words in [
        json!({ "sing": "a song" }),
        json!("hello"),
        json!({ "subscribe": { "board": "A B", "after": null } }),
    ] {
        page.say(&words);
        page.find("an error", |message| message["error"]["message"].as_str().map(drop));
    }
    page.say(&json!({ "subscribe": { "board": "default", "after": cursor(&daemon) } }));
    let id = daemon.create(json!({ "title": "still here" }));
    page.card(&id, |_| true);
}
