//! A homeserver of Matrix: messages into rooms by the client-server API, with the states of rooms that are asked for.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::fakes::faults::Fault;
use crate::fakes::http::{Answer, Heard, Provider};

pub use people::{People, USER};

mod people;

/// A message that clients show.
#[derive(Debug, Clone)]
pub struct Message {
    pub id: String,
    pub room: String,
    /// The name that its sender gave it.
    pub name: String,
    /// As it is shown now.
    pub content: Value,
    /// How often it was changed.
    pub edits: usize,
}

/// The server.
#[derive(Debug, Default)]
pub struct Matrix {
    pub token: String,
    pub messages: Vec<Message>,
    /// Rooms that are encrypted, that are spaces, and that the user is not in.
    pub encrypted: Vec<String>,
    pub spaces: Vec<String>,
    pub foreign: Vec<String>,
    /// What goes wrong in this room each time.
    pub faults: BTreeMap<String, Fault>,
    /// Events by room and name.
    known: BTreeMap<(String, String), String>,
    /// What is done in rooms, as `/sync` brings it.
    pub people: People,
    /// All events, with those that change others.
    pub events: usize,
}

impl Matrix {
    pub fn new(token: &str) -> Self {
        Self { token: token.to_owned(), ..Self::default() }
    }

    /// The messages of a room.
    pub fn of_room(&self, room: &str) -> Vec<&Message> {
        self.messages.iter().filter(|message| message.room == room).collect()
    }

    fn send(&mut self, room: &str, name: &str, content: &Value) -> Answer {
        let key = (room.to_owned(), name.to_owned());
        if let Some(id) = self.known.get(&key) {
            return Answer::json(200, &json!({ "event_id": id }));
        }
        if !content["msgtype"].is_string() || !content["body"].is_string() {
            return error(400, "M_BAD_JSON", "msgtype and body are needed");
        }
        if content.to_string().len() > 65_000 {
            return error(413, "M_TOO_LARGE", "event too large");
        }
        self.events += 1;
        let id = format!("$event{}", self.events);
        self.known.insert(key, id.clone());
        self.people.happens(room, USER, "m.room.message", content, &id);
        let relation = &content["m.relates_to"];
        if relation["rel_type"] == "m.replace" {
            let is_it =
                |it: &&mut Message| it.room == room && relation["event_id"] == it.id.as_str();
            // A change of what is not there, or of a change, is an event that shows nothing.
            if let Some(message) = self.messages.iter_mut().find(is_it) {
                let relation = message.content["m.relates_to"].clone();
                message.content = content["m.new_content"].clone();
                if !relation.is_null() {
                    message.content["m.relates_to"] = relation;
                }
                message.edits += 1;
            }
        } else {
            self.messages.push(Message {
                id: id.clone(),
                room: room.to_owned(),
                name: name.to_owned(),
                content: content.clone(),
                edits: 0,
            });
        }
        Answer::json(200, &json!({ "event_id": id }))
    }

    fn state(&self, room: &str, kind: &str) -> Answer {
        let has = |rooms: &[String]| rooms.iter().any(|it| it == room);
        match kind {
            "m.room.encryption" if has(&self.encrypted) => {
                Answer::json(200, &json!({ "algorithm": "m.megolm.v1.aes-sha2" }))
            }
            "m.room.create" if has(&self.spaces) => {
                Answer::json(200, &json!({ "room_version": "11", "type": "m.space" }))
            }
            "m.room.create" => Answer::json(200, &json!({ "room_version": "11" })),
            _ => error(404, "M_NOT_FOUND", "Event not found."),
        }
    }
}

/// The parts of a path behind the version of the API, without percent signs.
fn parts(path: &str) -> Vec<String> {
    let path = path.split('?').next().unwrap_or_default();
    let tail = path.strip_prefix("/_matrix/client/v3/").unwrap_or_default();
    let decoded = |part: &str| {
        let pairs: Vec<(String, String)> =
            serde_urlencoded::from_str(&format!("x={}", part.replace('+', "%2B"))).unwrap();
        pairs[0].1.clone()
    };
    tail.split('/').map(decoded).collect()
}

fn error(status: u16, word: &str, sentence: &str) -> Answer {
    Answer::json(status, &json!({ "errcode": word, "error": sentence }))
}

impl Provider for Matrix {
    fn take(&mut self, heard: &Heard) -> Answer {
        match heard.headers.get("authorization").map(String::as_str) {
            None => return error(401, "M_MISSING_TOKEN", "Missing access token"),
            Some(value) if value != format!("Bearer {}", self.token) => {
                return error(401, "M_UNKNOWN_TOKEN", "Invalid access token passed.");
            }
            Some(_) => {}
        }
        let parts = parts(&heard.path);
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        if let ["rooms", room, ..] = parts[..]
            && self.foreign.iter().any(|it| it == room)
        {
            return error(403, "M_FORBIDDEN", "User not in room");
        }
        match (heard.method.as_str(), &parts[..]) {
            ("GET", ["account", "whoami"]) => {
                Answer::json(200, &json!({ "user_id": USER, "device_id": "KANBAN" }))
            }
            ("PUT", ["rooms", room, "send", "m.room.message", name]) => {
                self.send(room, name, &heard.json())
            }
            ("PUT", ["rooms", room, "send", "m.reaction", _]) => {
                self.people.sign(room, &heard.json())
            }
            ("GET", ["rooms", room, "joined_members"]) => self.people.members(room),
            ("GET", ["sync"]) => self.people.sync(&heard.path),
            ("GET", ["rooms", room, "state", kind] | ["rooms", room, "state", kind, ""]) => {
                self.state(room, kind)
            }
            _ => error(404, "M_UNRECOGNIZED", "Unrecognized request"),
        }
    }

    fn refuse(&mut self, _heard: &Heard, status: u16, wait: Option<Duration>) -> Answer {
        match status {
            429 => {
                let wait = wait.unwrap_or(Duration::from_secs(1));
                let milliseconds = u64::try_from(wait.as_millis()).unwrap();
                let body = json!({ "errcode": "M_LIMIT_EXCEEDED", "error": "Too Many Requests", "retry_after_ms": milliseconds });
                Answer::json(429, &body)
            }
            400 => error(400, "M_BAD_JSON", "bad"),
            401 => error(401, "M_UNKNOWN_TOKEN", "Invalid access token passed."),
            403 => error(403, "M_FORBIDDEN", "User not in room"),
            413 => error(413, "M_TOO_LARGE", "event too large"),
            500 => error(500, "M_UNKNOWN", "Internal server error"),
            status => Answer {
                status,
                headers: vec![("content-type", "text/html".to_owned())],
                body: b"<html><body>Bad Gateway</body></html>".to_vec(),
            },
        }
    }

    fn is_background(&self, heard: &Heard) -> bool {
        let parts = parts(&heard.path);
        let last = parts.last().map(String::as_str).unwrap_or_default();
        ["sync", "whoami", "joined_members"].contains(&last)
    }

    fn wait(&mut self, heard: &Heard) -> Option<(u64, Duration)> {
        let is_right =
            heard.headers.get("authorization") == Some(&format!("Bearer {}", self.token));
        let is_poll = parts(&heard.path) == ["sync"] && is_right;
        is_poll.then(|| self.people.wait(&heard.path))
    }

    fn is_due(&self, ticket: u64) -> bool {
        self.people.is_due(ticket)
    }

    fn take_waited(&mut self, heard: &Heard, ticket: u64) -> Answer {
        self.people.has_waited(ticket);
        self.take(heard)
    }

    fn fault_of(&mut self, heard: &Heard) -> Option<Fault> {
        if parts(&heard.path) == ["sync"] {
            return self.people.poll_faults.pop_front();
        }
        self.faults.get(parts(&heard.path).get(1)?).cloned()
    }
}
