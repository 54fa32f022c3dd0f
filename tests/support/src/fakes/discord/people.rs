//! What people do in Discord, as the gateway brings it: events with numbers, from which a session is resumed.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::fakes::http::{Answer, Heard};
use crate::fakes::line::Line;

/// The user of the bot, and its application.
pub const BOT: &str = "846000000000000100";
pub const APPLICATION: &str = "846000000000000101";

/// A press, until its quarter of an hour is over.
#[derive(Debug, Clone)]
pub struct Press {
    pub id: String,
    pub channel: String,
    pub message: String,
}

/// What people did, and what became of it.
#[derive(Debug)]
pub struct People {
    /// How often the gateway wants to hear of a client.
    pub beat_ms: u64,
    /// Whether beats are answered.
    pub is_mute: bool,
    /// Beats so far.
    pub beats: usize,
    /// What the next greeting is answered with: the code of an end.
    pub refusal: Option<u16>,
    /// Sessions that may be begun today.
    pub left: u64,
    /// How often a session was begun and resumed.
    pub begun: usize,
    pub resumed: usize,
    /// What the last one that began one wanted to hear.
    pub intents: Value,
    /// Open connections, the newest last, and codes with which clients have ended some.
    pub lines: Vec<Line>,
    pub ends: Vec<Option<u16>>,
    /// Presses by their tokens; those that were heard, with the kind of the answer; lines for those who pressed.
    pub presses: BTreeMap<String, Press>,
    pub heard: Vec<(String, Value)>,
    pub lines_of_presses: Vec<(String, Value)>,
    /// Signs at messages: channel, message and the sign.
    pub signs: Vec<[String; 3]>,
    /// Threads, with the channels that they belong to.
    pub threads: BTreeMap<String, String>,
    /// The session, if there is one, and its events.
    session: Option<String>,
    events: Vec<Value>,
    /// The connection that is greeted.
    greeted: Option<u64>,
    host: String,
    last: u64,
}

impl Default for People {
    fn default() -> Self {
        Self {
            beat_ms: 41_250,
            is_mute: false,
            beats: 0,
            refusal: None,
            left: 1_000,
            begun: 0,
            resumed: 0,
            intents: Value::Null,
            lines: Vec::new(),
            ends: Vec::new(),
            presses: BTreeMap::new(),
            heard: Vec::new(),
            lines_of_presses: Vec::new(),
            signs: Vec::new(),
            threads: BTreeMap::new(),
            session: None,
            events: Vec::new(),
            greeted: None,
            host: String::new(),
            last: 0,
        }
    }
}

impl People {
    /// A person writes, with further fields of the message. Returns the id of the message.
    pub fn write(&mut self, user: &str, channel: &str, text: &str, more: &Value) -> String {
        self.last += 1;
        let id = (846_000_000_000_100_000 + self.last).to_string();
        let mut message = json!({
            "id": id, "channel_id": channel, "guild_id": "846000000000000090", "type": 0, "content": text,
            "author": { "id": user, "username": "a person" }, "mentions": [], "attachments": [], "embeds": [],
        });
        for (name, value) in more.as_object().unwrap() {
            message[name] = value.clone();
        }
        self.event("MESSAGE_CREATE", message);
        id
    }

    /// A person presses what has this data, at a message. Returns the id of the press.
    pub fn press(&mut self, user: &str, channel: &str, message: &str, data: &str) -> String {
        self.last += 1;
        let id = (846_000_000_000_200_000 + self.last).to_string();
        let token = format!("aW50-SENTINEL_{}", self.last);
        let parent = self.threads.get(channel);
        let room = json!({ "id": channel, "type": if parent.is_some() { 11 } else { 0 }, "parent_id": parent });
        let press =
            Press { id: id.clone(), channel: channel.to_owned(), message: message.to_owned() };
        self.presses.insert(token.clone(), press);
        self.event(
            "INTERACTION_CREATE",
            json!({
                "id": id, "application_id": APPLICATION, "token": token, "type": 3, "version": 1,
                "guild_id": "846000000000000090", "channel_id": channel, "channel": room,
                "member": { "user": { "id": user, "username": "a person" } },
                "data": { "component_type": 2, "custom_id": data }, "message": { "id": message },
            }),
        );
        id
    }

    /// What the one who pressed was shown.
    pub fn line_of(&self, press: &str) -> Option<Value> {
        let found = self.lines_of_presses.iter().find(|(id, _)| id == press);
        found.map(|(_, body)| body.clone())
    }

    /// Says something that is no event to the newest connection.
    pub fn tell(&self, what: &Value) {
        self.lines.last().unwrap().say(what);
    }

    /// Ends the session.
    pub fn forget(&mut self) {
        self.session = None;
    }

    pub fn is_heard(&self) -> bool {
        self.greeted.is_some()
    }

    /// An event of the session; without one it is lost.
    fn event(&mut self, kind: &str, data: Value) {
        if self.session.is_none() {
            return;
        }
        let event = json!({ "op": 0, "t": kind, "s": self.events.len() + 1, "d": data });
        if let Some(line) = self.lines.iter().find(|line| Some(line.id) == self.greeted) {
            line.say(&event);
        }
        self.events.push(event);
    }

    pub(super) fn gateway(&mut self, heard: &Heard) -> Answer {
        self.host = heard.headers.get("host").cloned().unwrap_or_default();
        let sessions = json!({ "total": 1_000, "remaining": self.left, "reset_after": 3_600_000, "max_concurrency": 1 });
        let url = format!("ws://{}", self.host);
        Answer::json(200, &json!({ "url": url, "shards": 1, "session_start_limit": sessions }))
    }

    pub(super) fn room(&self, channel: &str) -> Answer {
        let parent = self.threads.get(channel);
        let kind = if parent.is_some() { 11 } else { 0 };
        Answer::json(200, &json!({ "id": channel, "type": kind, "parent_id": parent }))
    }

    pub(super) fn open(&mut self, heard: &Heard, line: &Line) -> bool {
        if !heard.path.contains("?v=10&encoding=json") {
            return false;
        }
        line.say(
            &json!({ "op": 10, "s": null, "t": null, "d": { "heartbeat_interval": self.beat_ms } }),
        );
        self.lines.push(line.clone());
        true
    }

    pub(super) fn said(&mut self, line: &Line, said: &Value, is_right: bool) {
        match said["op"].as_u64() {
            Some(1) => {
                self.beats += 1;
                if !self.is_mute {
                    line.say(&json!({ "op": 11 }));
                }
            }
            Some(2 | 6) if !is_right => line.close(4_004),
            Some(2 | 6) if self.refusal.is_some() => line.close(self.refusal.take().unwrap()),
            Some(2) => self.begin(line, &said["d"]),
            Some(6) => self.resume(line, &said["d"]),
            _ => line.close(4_001),
        }
    }

    fn begin(&mut self, line: &Line, said: &Value) {
        self.begun += 1;
        self.left -= 1;
        self.intents = said["intents"].clone();
        let session = format!("session{}", self.begun);
        self.session = Some(session.clone());
        self.greeted = Some(line.id);
        self.events.clear();
        let url = format!("ws://{}/resume", self.host);
        self.event("READY", json!({
            "v": 10, "session_id": session, "resume_gateway_url": url, "guilds": [],
            "user": { "id": BOT, "username": "kanban", "bot": true }, "application": { "id": APPLICATION, "flags": 0 },
        }));
    }

    fn resume(&mut self, line: &Line, said: &Value) {
        if self.session.is_none() || said["session_id"].as_str() != self.session.as_deref() {
            line.say(&json!({ "op": 9, "d": false }));
            return;
        }
        self.resumed += 1;
        let seq = said["seq"].as_u64().unwrap();
        self.greeted = Some(line.id);
        for event in self.events.iter().filter(|event| event["s"].as_u64() > Some(seq)) {
            line.say(event);
        }
        self.event("RESUMED", json!({}));
    }

    pub(super) fn ended(&mut self, line: u64, code: Option<u16>) {
        self.lines.retain(|it| it.id != line);
        if self.greeted == Some(line) {
            self.greeted = None;
        }
        // A client that says so ends the session too.
        if matches!(code, Some(1_000 | 1_001)) {
            self.session = None;
        }
        self.ends.push(code);
    }
}
