//! What people do in Slack, as Socket Mode brings it: each thing in an envelope to one connection, again until it is acknowledged.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::fakes::http::{Answer, Heard};
use crate::fakes::line::Line;

/// The user of the bot.
pub const BOT: &str = "U0KANBAN";

/// What people did, and what became of it.
#[derive(Debug, Default)]
pub struct People {
    /// The token of the application; empty: there is none.
    pub app_token: String,
    /// How often a connection was asked for.
    pub opened: usize,
    /// Whether too many are open.
    pub is_crowded: bool,
    /// The host under which clients know the server.
    host: String,
    /// Open connections, the newest last.
    pub lines: Vec<Line>,
    /// Envelopes that are not acknowledged, with the connection that they went to.
    pub waiting: Vec<(u64, Value)>,
    /// Ids of those that were, in their order, with the connection.
    pub acknowledged: Vec<(u64, String)>,
    /// What was posted where an envelope said: the tail of the path, and the body.
    pub back: Vec<(String, Value)>,
    /// Signs at messages: channel, time and name.
    pub signs: Vec<(String, String, String)>,
    /// Channel and time of the message of a press, by the tail of its path.
    pub(super) pressed: BTreeMap<String, (String, String)>,
    last: usize,
}

impl People {
    /// A person writes, with further fields of the event. Returns the time of the message.
    pub fn write(&mut self, user: &str, channel: &str, text: &str, more: &Value) -> String {
        let ts = format!("1600000000.{:06}", self.last + 1);
        let mut event =
            json!({ "type": "message", "user": user, "channel": channel, "text": text, "ts": ts });
        for (name, value) in more.as_object().unwrap() {
            event[name] = value.clone();
        }
        self.event(&event);
        ts
    }

    /// Something that subscriptions of events bring.
    pub fn event(&mut self, event: &Value) {
        let payload = json!({ "type": "event_callback", "event_id": format!("Ev{}", self.last + 1), "event": event });
        self.give("events_api", payload);
    }

    /// A person presses what has this value, at a message. Returns the tail of the path for answers.
    pub fn press(&mut self, user: &str, channel: &str, message: &Value, value: &str) -> String {
        let back = format!("action{}", self.last + 1);
        let payload = json!({
            "type": "block_actions", "user": { "id": user }, "channel": { "id": channel },
            "message": message, "actions": [{ "type": "button", "action_id": "k0", "value": value }],
            "trigger_id": format!("13.{}", self.last + 1), "response_url": self.back_url(&back),
        });
        self.give("interactive", payload);
        let field = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
        self.pressed.insert(back.clone(), (channel.to_owned(), field("ts")));
        back
    }

    /// A person writes a command of the application. Returns the tail of the path for answers.
    pub fn command(&mut self, user: &str, channel: &str, text: &str) -> String {
        let back = format!("command{}", self.last + 1);
        let payload = json!({
            "command": "/kanban", "text": text, "user_id": user, "channel_id": channel, "team_id": "T1",
            "trigger_id": format!("13.{}", self.last + 1), "response_url": self.back_url(&back),
        });
        self.give("slash_commands", payload);
        back
    }

    /// What was posted to such an address.
    pub fn back_to(&self, tail: &str) -> Vec<Value> {
        self.back.iter().filter(|(to, _)| to == tail).map(|(_, body)| body.clone()).collect()
    }

    /// Tells the newest connection that it ends.
    pub fn disconnect(&self, reason: &str) {
        let line = self.lines.last().unwrap();
        line.say(&json!({ "type": "disconnect", "reason": reason, "debug_info": {} }));
    }

    /// Brings again what is not acknowledged.
    pub fn repeat(&mut self) {
        for (_, envelope) in std::mem::take(&mut self.waiting) {
            self.bring(envelope);
        }
    }

    fn back_url(&self, tail: &str) -> String {
        format!("http://{}/back/{tail}", self.host)
    }

    fn give(&mut self, kind: &str, payload: Value) {
        self.last += 1;
        let id = format!("envelope{}", self.last);
        self.bring(json!({
            "envelope_id": id, "type": kind, "payload": payload,
            "accepts_response_payload": kind != "events_api", "retry_attempt": 0, "retry_reason": "",
        }));
    }

    fn bring(&mut self, envelope: Value) {
        let line = self.lines.last();
        if let Some(line) = line {
            line.say(&envelope);
        }
        self.waiting.push((line.map_or(0, |line| line.id), envelope));
    }

    pub(super) fn connect(&mut self, heard: &Heard) -> Answer {
        let is_right = heard.headers.get("authorization")
            == Some(&format!("Bearer {}", self.app_token))
            && !self.app_token.is_empty();
        if !is_right {
            return Answer::json(200, &json!({ "ok": false, "error": "invalid_auth" }));
        }
        self.opened += 1;
        self.host = heard.headers.get("host").cloned().unwrap_or_default();
        let url =
            format!("ws://{}/link/?ticket=SENTINEL-ticket-{}&app_id=A1", self.host, self.opened);
        Answer::json(200, &json!({ "ok": true, "url": url }))
    }

    pub(super) fn open(&mut self, heard: &Heard, line: &Line) -> bool {
        if heard.path != format!("/link/?ticket=SENTINEL-ticket-{}&app_id=A1", self.opened) {
            return false;
        }
        if self.is_crowded {
            line.say(&json!({ "type": "disconnect", "reason": "too_many_websockets" }));
            return true;
        }
        line.say(&json!({
            "type": "hello", "num_connections": self.lines.len() + 1,
            "connection_info": { "app_id": "A1" }, "debug_info": { "approximate_connection_time": 18_060 },
        }));
        self.lines.push(line.clone());
        self.bring_lost();
        true
    }

    /// Events that went to a connection that is gone come again; presses and commands do not.
    fn bring_lost(&mut self) {
        let open: Vec<u64> = self.lines.iter().map(|line| line.id).collect();
        if open.is_empty() {
            return;
        }
        let lost = self.waiting.extract_if(.., |(line, _)| !open.contains(line));
        let lost: Vec<Value> = lost.map(|(_, envelope)| envelope).collect();
        for mut envelope in lost.into_iter().filter(|envelope| envelope["type"] == "events_api") {
            envelope["retry_attempt"] = json!(1);
            envelope["retry_reason"] = json!("timeout");
            self.bring(envelope);
        }
    }

    pub(super) fn acknowledge(&mut self, line: &Line, said: &Value) {
        let id = said["envelope_id"].as_str().unwrap_or_default();
        self.waiting.retain(|(_, envelope)| envelope["envelope_id"] != id);
        self.acknowledged.push((line.id, id.to_owned()));
    }

    pub(super) fn ended(&mut self, line: u64, _code: Option<u16>) {
        self.lines.retain(|it| it.id != line);
        self.bring_lost();
    }

    pub(super) fn sign(&mut self, fields: &Value) -> Answer {
        let field = |name: &str| fields[name].as_str().unwrap_or_default().to_owned();
        let sign = (field("channel"), field("timestamp"), field("name"));
        if self.signs.contains(&sign) {
            return Answer::json(200, &json!({ "ok": false, "error": "already_reacted" }));
        }
        self.signs.push(sign);
        Answer::json(200, &json!({ "ok": true }))
    }
}
