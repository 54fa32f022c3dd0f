//! What an open page costs the daemon: memory, counted.

use std::net::TcpStream;

use serde_json::{Value, json};
use tungstenite::client::IntoClientRequest as _;
use tungstenite::http::HeaderValue;
use tungstenite::{Message, WebSocket};

use crate::harness::{DEADLINE, Daemon};
use crate::web_harness::Web;

const PAGES: u64 = 200;
/// The goal, of which the rest is margin: a read buffer of the default size alone would be 128 KiB.
const KIB_PER_PAGE_MAX: u64 = 48;

/// A page of the board, behind the door on the web.
struct Page(WebSocket<TcpStream>);

impl Page {
    fn open(web: &Web) -> Self {
        let stream = TcpStream::connect(web.address).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut request = format!("ws://{}/v1/stream", web.address).into_client_request().unwrap();
        let cookie = web.cookie.clone().unwrap();
        for (name, value) in
            [("origin", web.origin()), ("cookie", cookie), ("sec-fetch-site", "same-origin".into())]
        {
            request.headers_mut().insert(name, HeaderValue::from_str(&value).unwrap());
        }
        let (mut socket, _) = tungstenite::client(request, stream).unwrap();
        let after = web.get("/v1/board").json()["cursor"].clone();
        let words = json!({ "subscribe": { "board": "default", "after": after } });
        socket.send(Message::text(words.to_string())).unwrap();
        Self(socket)
    }

    /// Reads until the card of a task has come.
    fn see(&mut self, id: &str) {
        loop {
            let Message::Text(text) = self.0.read().unwrap() else { continue };
            let message: Value = serde_json::from_str(&text).unwrap();
            let cards = message["delta"]["cards"].as_array().cloned().unwrap_or_default();
            if cards.iter().any(|card| card["id"] == id) {
                return;
            }
        }
    }
}

/// The daemon's part of the machine's memory, in KiB.
fn pss_kib(daemon: &Daemon) -> u64 {
    let rollup = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", daemon.pid())).unwrap();
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn an_open_page_costs_the_daemon_at_most_48_kib() {
    let daemon = Daemon::start("[dispatch]\nenabled = false\n");
    let web = Web::logged_in(&daemon);
    let mut pages = vec![Page::open(&web)];
    let see = |pages: &mut Vec<Page>, title: &str| {
        let id = daemon.create(json!({ "title": title }));
        pages.iter_mut().for_each(|page| page.see(&id));
    };
    // What the first page and the first change need is there then.
    see(&mut pages, "first");
    let before = pss_kib(&daemon);
    pages.extend((0..PAGES).map(|_| Page::open(&web)));
    see(&mut pages, "second");
    let after = pss_kib(&daemon);
    let each = after.saturating_sub(before) / PAGES;
    println!("1 page: {before} KiB, {} pages: {after} KiB: {each} KiB each", PAGES + 1);
    assert!(each <= KIB_PER_PAGE_MAX, "{each} KiB for each page");
}
