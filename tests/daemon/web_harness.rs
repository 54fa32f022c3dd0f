//! What the tests of the door on the web share: requests as a browser writes them, over real TCP.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use serde_json::{Value, json};

use crate::harness::Daemon;

/// A reply.
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Reply {
    /// The values of a header.
    pub fn headers(&self, name: &str) -> Vec<&str> {
        let pairs = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        pairs
            .filter(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .collect()
    }

    /// The value of a header that stands there once at most.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers(name);
        assert!(found.len() <= 1, "{name} stands {} times", found.len());
        found.first().copied()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The code of an error.
    pub fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// The way to the board on the web.
pub struct Web {
    pub address: SocketAddr,
    /// What a browser would send of its session.
    pub cookie: Option<String>,
}

/// A request before it is sent.
#[derive(Clone)]
pub struct Ask {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Ask {
    pub fn new(method: &str, path: &str) -> Self {
        let (method, path) = (method.to_uppercase(), path.to_owned());
        Self { method, path, headers: Vec::new(), body: Vec::new() }
    }

    /// With a header, or without it when there is no value.
    pub fn with(mut self, name: &str, value: Option<&str>) -> Self {
        self.headers.retain(|(found, _)| !found.eq_ignore_ascii_case(name));
        self.headers.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        self
    }

    pub fn json(mut self, body: &Value) -> Self {
        self.body = body.to_string().into_bytes();
        self.with("content-type", Some("application/json"))
    }

    fn bytes(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !self.body.is_empty() {
            head.push_str(&format!("content-length: {}\r\n", self.body.len()));
        }
        if !self.headers.iter().any(|(name, _)| name == "connection") {
            head.push_str("connection: close\r\n");
        }
        head.push_str("\r\n");
        [head.into_bytes(), self.body.clone()].concat()
    }
}

/// The token of a link.
pub fn token_of(link: &Value) -> String {
    link["url"].as_str().unwrap().split_once('#').unwrap().1.to_owned()
}

impl Web {
    /// The door of a daemon, without a session.
    pub fn of(daemon: &Daemon) -> Self {
        let link = daemon.post("/v1/web/links", &json!({}));
        let address = link["address"].as_str().unwrap().parse().unwrap();
        Self { address, cookie: None }
    }

    /// The same, logged in.
    pub fn logged_in(daemon: &Daemon) -> Self {
        let mut web = Self::of(daemon);
        let token = token_of(&daemon.post("/v1/web/links", &json!({})));
        let reply = web.log_in(&token);
        assert_eq!(reply.status, 204, "{}", reply.text());
        web.cookie = Some(cookie_of(&reply));
        web
    }

    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A request as one of the board's own pages makes it.
    pub fn ask(&self, method: &str, path: &str) -> Ask {
        let origin = self.origin();
        let host = self.address.to_string();
        let is_write = !method.eq_ignore_ascii_case("get");
        Ask::new(method, path)
            .with("host", Some(&host))
            .with("origin", is_write.then_some(origin.as_str()))
            .with("sec-fetch-site", Some("same-origin"))
            .with("cookie", self.cookie.as_deref())
    }

    pub fn send(&self, ask: &Ask) -> Reply {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(crate::harness::DEADLINE)).unwrap();
        // A refusal may come before all of a body is sent.
        let _sent = stream.write_all(&ask.bytes());
        let mut bytes = Vec::new();
        let _reset = stream.read_to_end(&mut bytes);
        parse(&bytes)
    }

    pub fn get(&self, path: &str) -> Reply {
        self.send(&self.ask("GET", path))
    }

    pub fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(&self.ask("POST", path).json(body))
    }

    pub fn log_in(&self, token: &str) -> Reply {
        self.post("/in", &json!({ "token": token }))
    }
}

/// What a browser sends back of the cookie that a login sets.
pub fn cookie_of(reply: &Reply) -> String {
    reply.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
}

/// A whole reply of a connection that is closed behind it.
pub fn parse(bytes: &[u8]) -> Reply {
    let at = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let at = at.unwrap_or_else(|| panic!("no reply: {:?}", String::from_utf8_lossy(bytes)));
    let head = String::from_utf8(bytes[..at].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let body = &bytes[at + 4..];
    let is_chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    let body = if is_chunked { unchunked(body) } else { body.to_vec() };
    Reply { status, head, body }
}

fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(at) = rest.windows(2).position(|two| two == b"\r\n") {
        let size = std::str::from_utf8(&rest[..at]).unwrap();
        let size = usize::from_str_radix(size.trim(), 16).unwrap();
        body.extend_from_slice(&rest[at + 2..at + 2 + size]);
        rest = &rest[at + 4 + size..];
        if size == 0 {
            break;
        }
    }
    body
}
