//! Discord: messages of a bot and of one webhook, version 10 of the API.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::fakes::faults::Fault;
use crate::fakes::http::{Answer, Heard, Provider};
use crate::fakes::line::Line;

pub use people::{APPLICATION, BOT, People};

mod people;

/// A message that the provider shows.
#[derive(Debug, Clone)]
pub struct Message {
    pub id: String,
    /// The channel, or the thread; a webhook's own is `-`.
    pub channel: String,
    /// As it is shown now.
    pub fields: Value,
    /// How often it was changed.
    pub edits: usize,
}

/// The server.
#[derive(Debug, Default)]
pub struct Discord {
    pub token: String,
    /// `ID/TOKEN` of the webhook.
    pub hook: String,
    pub messages: Vec<Message>,
    /// Status and code that this channel answers with.
    pub refusals: BTreeMap<String, (u16, u64)>,
    /// Channels of direct messages by the person.
    pub directs: BTreeMap<String, String>,
    /// What goes wrong at this channel each time.
    pub faults: BTreeMap<String, Fault>,
    /// What the next answers announce: requests that are left, and seconds until there are more.
    pub left: Option<(u32, f64)>,
    /// What people do, by the gateway.
    pub people: People,
    known: BTreeMap<String, usize>,
}

impl Discord {
    pub fn new(token: &str, hook: &str) -> Self {
        Self { token: token.to_owned(), hook: hook.to_owned(), ..Self::default() }
    }

    /// The messages of a channel.
    pub fn of_channel(&self, channel: &str) -> Vec<&Message> {
        self.messages.iter().filter(|message| message.channel == channel).collect()
    }

    fn post(&mut self, channel: &str, fields: &Value) -> Answer {
        if let Some(refused) = self.refused(channel, fields) {
            return refused;
        }
        let nonce = fields["nonce"].as_str().unwrap_or_default().to_owned();
        if nonce.len() > 25 {
            return error(400, 50_035, "Invalid Form Body");
        }
        let is_enforced = fields["enforce_nonce"] == true && !nonce.is_empty();
        if let Some(known) = self.known.get(&nonce).filter(|_| is_enforced) {
            return self.shown(*known);
        }
        // Numbers of 64 bits, as texts.
        let id = (1_146_000_000_000_000_000_u64 + self.messages.len() as u64 + 1).to_string();
        let (channel, fields) = (channel.to_owned(), fields.clone());
        self.messages.push(Message { id, channel, fields, edits: 0 });
        if is_enforced {
            self.known.insert(nonce, self.messages.len() - 1);
        }
        self.shown(self.messages.len() - 1)
    }

    /// The channel of a person's direct messages: the same each time.
    fn direct(&mut self, fields: &Value) -> Answer {
        let person = fields["recipient_id"].as_str().unwrap_or_default().to_owned();
        if let Some((status, code)) = self.refusals.get(&person) {
            return error(*status, *code, "refused");
        }
        let next = (847_000_000_000_000_001_u64 + self.directs.len() as u64).to_string();
        let id = self.directs.entry(person.clone()).or_insert(next);
        Answer::json(200, &json!({ "id": id, "type": 1, "recipients": [{ "id": person }] }))
    }

    fn edit(&mut self, channel: &str, id: &str, fields: &Value) -> Answer {
        if let Some(refused) = self.refused(channel, fields) {
            return refused;
        }
        let is_it = |message: &Message| message.channel == channel && message.id == id;
        let Some(at) = self.messages.iter().position(is_it) else {
            return error(404, 10_008, "Unknown Message");
        };
        let message = &mut self.messages[at];
        // What is left out stays.
        for (name, value) in fields.as_object().unwrap() {
            message.fields[name] = value.clone();
        }
        message.edits += 1;
        self.shown(at)
    }

    fn shown(&self, at: usize) -> Answer {
        let message = &self.messages[at];
        let shown = json!({
            "id": message.id,
            "channel_id": message.channel,
            "content": message.fields["content"],
            "embeds": message.fields["embeds"],
            "type": 0,
        });
        Answer::json(200, &shown)
    }

    /// What is wrong with a message.
    fn refused(&self, channel: &str, fields: &Value) -> Option<Answer> {
        if let Some((status, code)) = self.refusals.get(channel) {
            return Some(error(*status, *code, "refused"));
        }
        let length = |value: &Value| value.as_str().unwrap_or_default().chars().count();
        let embeds = fields["embeds"].as_array().cloned().unwrap_or_default();
        if length(&fields["content"]) == 0 && embeds.is_empty() {
            return Some(error(400, 50_006, "Cannot send an empty message"));
        }
        let all: usize = embeds
            .iter()
            .map(|it| {
                length(&it["title"]) + length(&it["description"]) + length(&it["footer"]["text"])
            })
            .sum();
        let is_fine = |embed: &Value| {
            let footer = length(&embed["footer"]["text"]);
            (1..=4_096).contains(&length(&embed["description"])) && footer <= 2_048
        };
        let rows = fields["components"].as_array().cloned().unwrap_or_default();
        let is_row = |row: &Value| {
            let buttons = row["components"].as_array().cloned().unwrap_or_default();
            let is_button = |it: &Value| (1..=100).contains(&length(&it["custom_id"]));
            (1..=5).contains(&buttons.len()) && buttons.iter().all(is_button)
        };
        let is_valid = length(&fields["content"]) <= 2_000
            && embeds.len() <= 10
            && embeds.iter().all(is_fine)
            && all <= 6_000
            && rows.len() <= 5
            && rows.iter().all(is_row);
        (!is_valid).then(|| error(400, 50_035, "Invalid Form Body"))
    }

    /// What a client says of a press: it was heard, a line for the one who pressed, a change of its message.
    fn of_press(&mut self, heard: &Heard, words: &[&str]) -> Answer {
        let known = self.people.presses.get(words[1]).cloned();
        let Some(press) = known else { return error(404, 10_062, "Unknown interaction") };
        if words[0] == press.id {
            self.people.heard.push((press.id, heard.json()["type"].clone()));
            return Answer::text(204, "");
        }
        let was_heard = self.people.heard.iter().any(|(id, _)| *id == press.id);
        if words[0] != APPLICATION || !was_heard {
            return error(404, 10_015, "Unknown Webhook");
        }
        match (heard.method.as_str(), &words[2..]) {
            ("POST", []) => {
                self.people.lines_of_presses.push((press.id, heard.json()));
                Answer::json(200, &json!({ "id": "1" }))
            }
            ("PATCH", ["messages", "@original"]) => {
                let is_it = |it: &&mut Message| it.id == press.message;
                let message = self.messages.iter_mut().find(is_it).unwrap();
                // What is left out stays.
                message.fields["components"] = heard.json()["components"].clone();
                message.edits += 1;
                Answer::json(200, &json!({ "id": press.message }))
            }
            _ => error(404, 0, "404: Not Found"),
        }
    }

    fn bot(&mut self, heard: &Heard, words: &[&str]) -> Answer {
        if heard.headers.get("authorization") != Some(&format!("Bot {}", self.token)) {
            return error(401, 0, "401: Unauthorized");
        }
        match (heard.method.as_str(), words) {
            ("GET", ["users", "@me" | "%40me"]) => {
                Answer::json(200, &json!({ "id": BOT, "username": "kanban", "bot": true }))
            }
            ("POST", ["users", "@me" | "%40me", "channels"]) => self.direct(&heard.json()),
            ("POST", ["channels", channel, "messages"]) => self.post(channel, &heard.json()),
            ("PATCH", ["channels", channel, "messages", id]) => {
                self.edit(channel, id, &heard.json())
            }
            ("GET", ["gateway", "bot"]) => self.people.gateway(heard),
            ("GET", ["channels", channel]) => self.people.room(channel),
            ("PUT", ["channels", channel, "messages", message, "reactions", sign, "@me"]) => {
                let sign = [channel, message, sign].map(|it| (*it).to_owned());
                self.people.signs.push(sign);
                Answer::text(204, "")
            }
            _ => error(404, 0, "404: Not Found"),
        }
    }

    fn hook(&mut self, heard: &Heard, words: &[&str], query: &str) -> Answer {
        let [id, token, rest @ ..] = words else { return error(404, 10_015, "Unknown Webhook") };
        let (own_id, own_token) = self.hook.split_once('/').unwrap();
        if *id != own_id {
            return error(404, 10_015, "Unknown Webhook");
        }
        if *token != own_token {
            return error(401, 50_027, "Invalid Webhook Token");
        }
        let value =
            |name: &str| query.split('&').find_map(|it| it.strip_prefix(name)).map(str::to_owned);
        let channel = value("thread_id=").unwrap_or_else(|| "-".to_owned());
        // Nothing keeps a webhook from posting twice.
        let mut fields = heard.json();
        if let Some(fields) = fields.as_object_mut() {
            fields.remove("enforce_nonce");
        }
        match (heard.method.as_str(), rest) {
            ("POST", []) => {
                let answer = self.post(&channel, &fields);
                let is_waited = value("wait=").as_deref() == Some("true");
                if is_waited || answer.status != 200 { answer } else { Answer::text(204, "") }
            }
            ("PATCH", ["messages", id]) => self.edit(&channel, id, &fields),
            _ => error(404, 0, "404: Not Found"),
        }
    }
}

fn error(status: u16, code: u64, message: &str) -> Answer {
    Answer::json(status, &json!({ "code": code, "message": message }))
}

/// Path and query below the version of the API.
fn split(path: &str) -> (Vec<&str>, &str) {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let path = path.strip_prefix("/api/v10/").unwrap_or_default();
    (path.split('/').collect(), query)
}

impl Provider for Discord {
    fn take(&mut self, heard: &Heard) -> Answer {
        let agent = heard.headers.get("user-agent").map(String::as_str).unwrap_or_default();
        if !agent.starts_with("DiscordBot (") {
            return Answer::text(403, "error code: 1010");
        }
        let (words, query) = split(&heard.path);
        let answer = match words[..] {
            ["interactions" | "webhooks", _, token, ..]
                if self.people.presses.contains_key(token) =>
            {
                self.of_press(heard, &words[1..])
            }
            ["webhooks", ref rest @ ..] => self.hook(heard, rest, query),
            ref words => self.bot(heard, words),
        };
        match self.left {
            Some((left, seconds)) => answer
                .with("x-ratelimit-limit", 5)
                .with("x-ratelimit-remaining", left)
                .with("x-ratelimit-reset-after", seconds)
                .with("x-ratelimit-bucket", "abcd1234"),
            None => answer,
        }
    }

    fn refuse(&mut self, _heard: &Heard, status: u16, wait: Option<Duration>) -> Answer {
        match status {
            429 => {
                let seconds = wait.unwrap_or(Duration::from_secs(1)).as_secs_f64();
                let body = json!({ "message": "You are being rate limited.", "retry_after": seconds, "global": false });
                Answer::json(429, &body)
                    .with("retry-after", seconds.ceil())
                    .with("x-ratelimit-limit", 5)
                    .with("x-ratelimit-remaining", 0)
                    .with("x-ratelimit-reset-after", seconds)
                    .with("x-ratelimit-scope", "user")
            }
            400 => error(400, 50_035, "Invalid Form Body"),
            401 => error(401, 0, "401: Unauthorized"),
            403 => error(403, 50_001, "Missing Access"),
            404 => error(404, 10_003, "Unknown Channel"),
            410 => error(404, 10_015, "Unknown Webhook"),
            status => Answer {
                status,
                headers: vec![("content-type", "text/html".to_owned())],
                body: b"<html><body>Bad Gateway</body></html>".to_vec(),
            },
        }
    }

    fn is_background(&self, heard: &Heard) -> bool {
        let (words, _) = split(&heard.path);
        matches!(words[..], ["gateway", ..] | ["interactions", ..] | ["channels", _])
    }

    fn open_line(&mut self, heard: &Heard, line: &Line) -> bool {
        self.people.open(heard, line)
    }

    fn line_said(&mut self, line: &Line, said: &Value) {
        let is_right = said["d"]["token"] == self.token.as_str();
        self.people.said(line, said, is_right);
    }

    fn line_ended(&mut self, line: u64, code: Option<u16>) {
        self.people.ended(line, code);
    }

    fn fault_of(&mut self, heard: &Heard) -> Option<Fault> {
        let (words, _) = split(&heard.path);
        self.faults.get(*words.get(1)?).cloned()
    }
}
