//! What is done in rooms, as `/sync` brings it.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde_json::{Value, json};

use crate::fakes::faults::Fault;
use crate::fakes::http::Answer;

/// The user of the token.
pub const USER: &str = "@kanban:example.org";

/// Longest wait of a poll.
const POLL_MS_MAX: u64 = 60_000;

/// What people did, and what became of it.
#[derive(Debug, Default)]
pub struct People {
    /// Members of rooms; of others there are three.
    pub rooms: BTreeMap<String, Vec<String>>,
    /// Signs at messages: room, message and the sign.
    pub signs: Vec<(String, String, String)>,
    /// What goes wrong with polls, one after the other.
    pub poll_faults: VecDeque<Fault>,
    /// Where polls began; none for one that asked for what is there.
    pub polls: Vec<Option<usize>>,
    /// Everything that was done: rooms and events.
    events: Vec<(String, Value)>,
    /// Polls that wait, with where they began.
    waiting: BTreeMap<u64, usize>,
    last_ticket: u64,
}

impl People {
    /// A person writes, with further fields of the content. Returns the id of the event.
    pub fn write(&mut self, user: &str, room: &str, text: &str, more: &Value) -> String {
        let mut content = json!({ "msgtype": "m.text", "body": text });
        for (name, value) in more.as_object().unwrap() {
            content[name] = value.clone();
        }
        let id = format!("$person{}", self.events.len() + 1);
        self.happens(room, user, "m.room.message", &content, &id);
        id
    }

    /// Something else is done.
    pub fn happens(&mut self, room: &str, user: &str, kind: &str, content: &Value, id: &str) {
        let mut event = json!({
            "type": kind, "event_id": id, "sender": user, "origin_server_ts": 1_700_000_000_000_u64, "content": content,
        });
        if kind == "m.room.member" {
            event["state_key"] = json!(user);
        }
        self.events.push((room.to_owned(), event));
    }

    /// Polls that wait for something new.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Whether a poll has begun behind everything that was done.
    pub fn is_taken(&self) -> bool {
        self.polls.last() == Some(&Some(self.events.len()))
    }

    pub(super) fn sign(&mut self, room: &str, content: &Value) -> Answer {
        let relation = &content["m.relates_to"];
        let field = |name: &str| relation[name].as_str().unwrap_or_default().to_owned();
        self.signs.push((room.to_owned(), field("event_id"), field("key")));
        Answer::json(200, &json!({ "event_id": "$sign" }))
    }

    pub(super) fn members(&self, room: &str) -> Answer {
        let usual = || [USER, "@a:example.org", "@b:example.org"].map(str::to_owned).to_vec();
        let members = self.rooms.get(room).cloned().unwrap_or_else(usual);
        let joined: serde_json::Map<String, Value> =
            members.into_iter().map(|name| (name, json!({}))).collect();
        Answer::json(200, &json!({ "joined": joined }))
    }

    pub(super) fn sync(&mut self, path: &str) -> Answer {
        let since = since_of(path);
        self.polls.push(since);
        let filter: Value = serde_json::from_str(&value_of(path, "filter").unwrap()).unwrap();
        let timeline = &filter["room"]["timeline"];
        let limit = usize::try_from(timeline["limit"].as_u64().unwrap()).unwrap();
        let types = timeline["types"].as_array().unwrap();
        let mut rooms: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for (room, event) in self.events.iter().skip(since.unwrap_or(0)) {
            if types.contains(&event["type"]) {
                rooms.entry(room.clone()).or_default().push(event.clone());
            }
        }
        let joined: serde_json::Map<String, Value> = rooms
            .into_iter()
            .map(|(room, events)| {
                // Of more than are asked for the newest come.
                let newest = &events[events.len().saturating_sub(limit)..];
                let is_limited = newest.len() < events.len();
                let timeline =
                    json!({ "events": newest, "limited": is_limited, "prev_batch": "p" });
                (room, json!({ "timeline": timeline }))
            })
            .collect();
        let next = format!("s{}", self.events.len());
        Answer::json(200, &json!({ "next_batch": next, "rooms": { "join": joined } }))
    }

    pub(super) fn wait(&mut self, path: &str) -> (u64, Duration) {
        let time = value_of(path, "timeout").and_then(|it| it.parse().ok()).unwrap_or(0);
        self.last_ticket += 1;
        // Without a beginning everything is new.
        let Some(since) = since_of(path) else { return (self.last_ticket, Duration::ZERO) };
        self.waiting.insert(self.last_ticket, since);
        (self.last_ticket, Duration::from_millis(time.min(POLL_MS_MAX)))
    }

    pub(super) fn is_due(&self, ticket: u64) -> bool {
        self.waiting.get(&ticket).is_none_or(|since| *since < self.events.len())
    }

    pub(super) fn has_waited(&mut self, ticket: u64) {
        self.waiting.remove(&ticket);
    }
}

fn since_of(path: &str) -> Option<usize> {
    value_of(path, "since").map(|since| since.strip_prefix('s').unwrap().parse().unwrap())
}

/// A value of the query.
fn value_of(path: &str, name: &str) -> Option<String> {
    let query = path.split_once('?')?.1;
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap();
    pairs.into_iter().find(|(it, _)| it == name).map(|(_, value)| value)
}
