//! Slack: the part of its web API that a bot needs, and an incoming hook. Errors of the API come with status 200.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::fakes::faults::Fault;
use crate::fakes::http::{Answer, Heard, Provider};
use crate::fakes::line::Line;

pub use people::{BOT, People};

mod people;

/// A message that the provider shows.
#[derive(Debug, Clone)]
pub struct Message {
    /// The id of the channel where it stands; a hook's own is `-`.
    pub channel: String,
    pub ts: String,
    /// As it is shown now.
    pub fields: Value,
    /// How often it was changed.
    pub edits: usize,
}

/// The server.
#[derive(Debug, Default)]
pub struct Slack {
    pub token: String,
    /// What stands behind `/services/`.
    pub hook: String,
    pub messages: Vec<Message>,
    /// Words that this channel answers with.
    pub refusals: BTreeMap<String, String>,
    /// What goes wrong at this channel each time.
    pub faults: BTreeMap<String, Fault>,
    /// Messages by the id that the client gave them.
    known: BTreeMap<String, (String, String)>,
    /// Ids whose messages are gone: what is sent under them is refused.
    pub stale: Vec<String>,
    /// Times of messages that were deleted.
    pub gone: Vec<String>,
    /// What people do, by Socket Mode.
    pub people: People,
}

impl Slack {
    pub fn new(token: &str, hook: &str) -> Self {
        Self { token: token.to_owned(), hook: hook.to_owned(), ..Self::default() }
    }

    /// The messages of a channel.
    pub fn of_channel(&self, channel: &str) -> Vec<&Message> {
        self.messages.iter().filter(|message| message.channel == channel).collect()
    }

    fn record(&mut self, channel: &str, fields: &Value) -> (String, String) {
        let ts = format!("1503435956.{:06}", self.messages.len() + 1);
        // A person is written to in a channel of its own.
        let channel = match channel.strip_prefix('U') {
            Some(person) => format!("D{person}"),
            None => channel.to_owned(),
        };
        let (fields, edits) = (fields.clone(), 0);
        self.messages.push(Message { channel: channel.clone(), ts: ts.clone(), fields, edits });
        (channel, ts)
    }

    fn post(&mut self, fields: &Value) -> Answer {
        if let Some(word) = self.refused(fields) {
            return error(&word);
        }
        if self.gone.contains(&text(fields, "thread_ts")) {
            return error("thread_not_found");
        }
        let id = text(fields, "client_msg_id");
        if self.stale.contains(&id) {
            return error("duplicate_message_not_found");
        }
        if let Some((channel, ts)) = self.known.get(&id) {
            return ok(channel, ts, fields);
        }
        let (channel, ts) = self.record(&text(fields, "channel"), fields);
        if !id.is_empty() {
            self.known.insert(id, (channel.clone(), ts.clone()));
        }
        ok(&channel, &ts, fields)
    }

    fn update(&mut self, fields: &Value) -> Answer {
        if let Some(word) = self.refused(fields) {
            return error(&word);
        }
        let (channel, ts) = (text(fields, "channel"), text(fields, "ts"));
        let known = self.messages.iter_mut().find(|it| it.channel == channel && it.ts == ts);
        let Some(message) = known else { return error("message_not_found") };
        message.fields["text"] = fields["text"].clone();
        // Blocks that are left out stay.
        if !fields["blocks"].is_null() {
            message.fields["blocks"] = fields["blocks"].clone();
        }
        message.edits += 1;
        ok(&channel, &ts, fields)
    }

    /// What is posted where an envelope said: beside the message, or in its stead.
    fn answered(&mut self, path: &str, body: &Value) -> Answer {
        let tail = path.rsplit('/').next().unwrap_or_default();
        self.people.back.push((tail.to_owned(), body.clone()));
        let pressed = self.people.pressed.get(tail).filter(|_| body["replace_original"] == true);
        if let Some((channel, ts)) = pressed {
            let is_it = |it: &&mut Message| it.channel == *channel && it.ts == *ts;
            let message = self.messages.iter_mut().find(is_it).unwrap();
            message.fields["text"] = body["text"].clone();
            message.fields["blocks"] = body["blocks"].clone();
            message.edits += 1;
        }
        Answer::text(200, "ok")
    }

    /// What is wrong with a message.
    fn refused(&self, fields: &Value) -> Option<String> {
        let channel = text(fields, "channel");
        if let Some(word) = self.refusals.get(&channel) {
            return Some(word.clone());
        }
        if !channel.starts_with(['C', 'G', 'D', 'U']) {
            return Some("channel_not_found".to_owned());
        }
        problem_with(fields).map(str::to_owned)
    }

    fn hook(&mut self, heard: &Heard) -> Answer {
        if heard.path != format!("/services/{}", self.hook) {
            return Answer::text(404, "no_service");
        }
        let fields = heard.json();
        if fields.is_null() {
            return Answer::text(400, "invalid_payload");
        }
        if let Some(word) = problem_with(&fields) {
            return Answer::text(400, word);
        }
        self.record("-", &fields);
        Answer::text(200, "ok")
    }
}

/// What is wrong with text and blocks.
fn problem_with(fields: &Value) -> Option<&'static str> {
    let blocks = fields["blocks"].as_array().cloned().unwrap_or_default();
    if text(fields, "text").is_empty() && blocks.is_empty() {
        return Some("no_text");
    }
    if text(fields, "text").chars().count() > 40_000 {
        return Some("msg_too_long");
    }
    let length = |block: &Value| text(&block["text"], "text").chars().count();
    let is_fine = |block: &Value| {
        let most = match block["type"].as_str() {
            Some("header") => 150,
            Some("section") => 3_000,
            Some("actions") => {
                let elements = block["elements"].as_array().cloned().unwrap_or_default();
                let is_button =
                    |it: &Value| it["type"] == "button" && !text(it, "value").is_empty();
                return (1..=25).contains(&elements.len()) && elements.iter().all(is_button);
            }
            // What is preformatted is text, which is never parsed.
            Some("rich_text") => {
                let inner = &block["elements"][0]["elements"][0];
                return inner["type"] == "text" && !text(inner, "text").is_empty();
            }
            _ => return false,
        };
        let kind = block["text"]["type"].as_str().unwrap_or_default();
        ["plain_text", "mrkdwn"].contains(&kind) && (1..=most).contains(&length(block))
    };
    if blocks.len() > 50 || !blocks.iter().all(is_fine) {
        return Some("invalid_blocks");
    }
    let all: usize = blocks.iter().map(length).sum();
    (all > 13_200).then_some("msg_blocks_too_long")
}

fn text(fields: &Value, name: &str) -> String {
    fields[name].as_str().unwrap_or_default().to_owned()
}

fn ok(channel: &str, ts: &str, fields: &Value) -> Answer {
    let message =
        json!({ "type": "message", "ts": ts, "text": fields["text"], "blocks": fields["blocks"] });
    Answer::json(200, &json!({ "ok": true, "channel": channel, "ts": ts, "message": message }))
}

fn error(word: &str) -> Answer {
    Answer::json(200, &json!({ "ok": false, "error": word }))
}

impl Provider for Slack {
    fn take(&mut self, heard: &Heard) -> Answer {
        let path = heard.path.split('?').next().unwrap_or_default();
        if path.starts_with("/back/") {
            return self.answered(path, &heard.json());
        }
        let Some(method) = path.strip_prefix("/api/") else { return self.hook(heard) };
        if method == "apps.connections.open" {
            return self.people.connect(heard);
        }
        if heard.headers.get("authorization") != Some(&format!("Bearer {}", self.token)) {
            return error("invalid_auth");
        }
        let fields = heard.fields();
        match method {
            "auth.test" => Answer::json(200, &json!({ "ok": true, "user_id": BOT })),
            "chat.postMessage" => self.post(&fields),
            "chat.update" => self.update(&fields),
            "reactions.add" => self.people.sign(&fields),
            _ => error("unknown_method"),
        }
    }

    fn refuse(&mut self, heard: &Heard, status: u16, wait: Option<Duration>) -> Answer {
        let is_api = heard.path.starts_with("/api/");
        match (status, is_api) {
            (429, _) => {
                let answer = match is_api {
                    true => Answer::json(429, &json!({ "ok": false, "error": "ratelimited" })),
                    false => Answer::text(429, "rate_limited"),
                };
                answer.with("retry-after", wait.unwrap_or(Duration::from_secs(1)).as_secs_f64())
            }
            (400, true) => error("invalid_blocks"),
            (401, true) => error("invalid_auth"),
            (403, true) => error("not_in_channel"),
            (404, true) => error("channel_not_found"),
            (503, true) => error("service_unavailable"),
            (520, true) => error("fatal_error"),
            (400, false) => Answer::text(400, "invalid_payload"),
            (403, false) => Answer::text(403, "action_prohibited"),
            (404, false) => Answer::text(404, "no_service"),
            (410, false) => Answer::text(410, "channel_is_archived"),
            (status, _) => Answer {
                status,
                headers: vec![("content-type", "text/html".to_owned())],
                body: b"<html><body>Server Error</body></html>".to_vec(),
            },
        }
    }

    fn is_background(&self, heard: &Heard) -> bool {
        heard.path.ends_with("/apps.connections.open") || heard.path.ends_with("/auth.test")
    }

    fn open_line(&mut self, heard: &Heard, line: &Line) -> bool {
        self.people.open(heard, line)
    }

    fn line_said(&mut self, line: &Line, said: &Value) {
        self.people.acknowledge(line, said);
    }

    fn line_ended(&mut self, line: u64, code: Option<u16>) {
        self.people.ended(line, code);
    }

    fn fault_of(&mut self, heard: &Heard) -> Option<Fault> {
        self.faults.get(&text(&heard.fields(), "channel")).cloned()
    }
}
