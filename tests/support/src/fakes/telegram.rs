//! The Bot API, as its server's source and its documentation say: what is marked M in the reference is not relied on.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde_json::{Value, json};

use crate::fakes::faults::Fault;
use crate::fakes::http::{Answer, Heard, Provider};

/// A message that the provider shows.
#[derive(Debug, Clone)]
pub struct Message {
    pub id: i64,
    pub chat: String,
    /// As it was sent.
    pub sent: Value,
    /// As it is shown now.
    pub fields: Value,
    /// How often it was edited.
    pub edits: usize,
}

/// The server.
#[derive(Debug, Default)]
pub struct Telegram {
    pub token: String,
    /// What is shown, in the order in which it was sent.
    pub messages: Vec<Message>,
    /// Descriptions that this chat answers with: status and text.
    pub refusals: BTreeMap<String, (u16, String)>,
    /// Groups that have become supergroups: old id and new id.
    pub moved: BTreeMap<String, i64>,
    /// What goes wrong at this chat each time.
    pub faults: BTreeMap<String, Fault>,
    /// Chats that never answer.
    pub hanging: Vec<String>,
    /// What waits for `getUpdates`.
    pub updates: VecDeque<Value>,
    /// Whether another program polls.
    pub has_rival: bool,
    /// Answers to presses of buttons.
    pub answered: Vec<Value>,
    /// Signs at messages: chat, message and the sign.
    pub signs: Vec<(String, i64, String)>,
    /// Forums, with their topics; elsewhere a thread is taken as it is.
    pub topics: BTreeMap<String, Vec<i64>>,
    /// What goes wrong with polls, one after the other.
    pub poll_faults: VecDeque<Fault>,
    /// The request of each poll.
    pub polls: Vec<Value>,
    /// Polls that wait, by their tickets.
    waiting: Vec<u64>,
    /// Presses that wait for an answer.
    open_presses: Vec<String>,
    last_id: i64,
    last_update: i64,
    last_ticket: u64,
}

impl Telegram {
    pub fn new(token: &str) -> Self {
        Self { token: token.to_owned(), last_update: 100, ..Self::default() }
    }

    /// The messages of a chat.
    pub fn of_chat(&self, chat: &str) -> Vec<&Message> {
        self.messages.iter().filter(|message| message.chat == chat).collect()
    }

    /// A person writes or presses: it waits for the next poll. Returns its id.
    pub fn say(&mut self, kind: &str, what: Value) -> i64 {
        self.last_update += 1;
        self.updates.push_back(json!({ "update_id": self.last_update, kind: what }));
        self.last_update
    }

    /// A person writes: a number of a user, and the chat, with further fields of the message. Returns the update's number.
    pub fn write(&mut self, user: i64, chat: &str, text: &str, more: &Value) -> i64 {
        self.last_id += 1;
        let mut message = json!({
            "message_id": self.last_id, "date": 1_700_000_000, "chat": chat_as_seen(chat), "text": text,
            "from": { "id": user, "is_bot": false, "first_name": "A person" },
        });
        for (name, value) in more.as_object().unwrap() {
            message[name] = value.clone();
        }
        self.say("message", message)
    }

    /// The same, as a reply to a message of the bot.
    pub fn reply(&mut self, user: i64, chat: &str, to: i64, text: &str) -> i64 {
        let bot = json!({ "id": 1, "is_bot": true, "first_name": "kanban" });
        let to = json!({ "message_id": to, "date": 1_700_000_000, "chat": chat_as_seen(chat), "from": bot });
        self.write(user, chat, text, &json!({ "reply_to_message": to }))
    }

    /// A person presses the button with this label at a message. Returns the press.
    pub fn press(&mut self, user: i64, chat: &str, message: i64, label: &str) -> String {
        let of_chat = self.of_chat(chat);
        let shown = of_chat.iter().find(|it| it.id == message).unwrap();
        let buttons = buttons_of(&shown.fields);
        let button = buttons.iter().find(|it| it["text"] == label);
        let data = button.unwrap_or_else(|| panic!("no button `{label}` among {buttons:?}"));
        self.press_data(user, chat, message, data["callback_data"].as_str().unwrap().to_owned())
    }

    /// The same by what the button carries.
    pub fn press_data(&mut self, user: i64, chat: &str, message: i64, data: String) -> String {
        let id = format!("press{}", self.last_update + 1);
        self.open_presses.push(id.clone());
        self.say("callback_query", json!({
            "id": id, "data": data, "chat_instance": "1",
            "from": { "id": user, "is_bot": false, "first_name": "A person" },
            "message": { "message_id": message, "date": 1_700_000_000, "chat": chat_as_seen(chat) },
        }));
        id
    }

    /// How many polls wait that no other has ended.
    pub fn waiting(&self) -> usize {
        self.waiting.iter().filter(|ticket| **ticket == self.last_ticket).count()
    }

    /// What the one who pressed was answered.
    pub fn answer_to(&self, press: &str) -> Option<&Value> {
        self.answered.iter().find(|it| it["callback_query_id"] == press)
    }

    fn answer(&mut self, fields: &Value) -> Answer {
        let id = fields["callback_query_id"].as_str().unwrap_or_default();
        let Some(at) = self.open_presses.iter().position(|it| it == id) else {
            return error(
                400,
                "Bad Request: query is too old and response timeout expired or query ID is invalid",
            );
        };
        if fields["text"].as_str().is_some_and(|text| text.chars().count() > 200) {
            return error(400, "Bad Request: MESSAGE_TOO_LONG");
        }
        self.open_presses.remove(at);
        self.answered.push(fields.clone());
        ok(&json!(true))
    }

    fn known(&mut self, fields: &Value) -> Option<&mut Message> {
        let (chat, id) = (chat_of(fields), number(&fields["message_id"]));
        self.messages.iter_mut().find(|it| it.chat == chat && Some(it.id) == id)
    }

    fn edit_buttons(&mut self, fields: &Value) -> Answer {
        let Some(message) = self.known(fields) else {
            return error(400, "Bad Request: message to edit not found");
        };
        if message.fields["reply_markup"] == fields["reply_markup"] {
            return error(400, "Bad Request: message is not modified");
        }
        message.fields["reply_markup"] = fields["reply_markup"].clone();
        let result = shown(message);
        ok(&result)
    }

    fn sign(&mut self, fields: &Value) -> Answer {
        let sign = fields["reaction"][0]["emoji"].as_str().unwrap_or_default().to_owned();
        let id = number(&fields["message_id"]).unwrap_or_default();
        self.signs.push((chat_of(fields), id, sign));
        ok(&json!(true))
    }

    fn send(&mut self, fields: &Value) -> Answer {
        if let Some(refused) = self.refused(fields) {
            return refused;
        }
        let thread = number(&fields["message_thread_id"]);
        let topics = self.topics.get(&chat_of(fields));
        if topics.zip(thread).is_some_and(|(topics, thread)| !topics.contains(&thread)) {
            return error(400, "Bad Request: message thread not found");
        }
        self.last_id += 1;
        let chat = chat_of(fields);
        let (sent, fields) = (fields.clone(), fields.clone());
        let message = Message { id: self.last_id, chat, sent, fields, edits: 0 };
        let result = shown(&message);
        self.messages.push(message);
        ok(&result)
    }

    fn edit(&mut self, fields: &Value) -> Answer {
        if let Some(refused) = self.refused(fields) {
            return refused;
        }
        let Some(message) = self.known(fields) else {
            return error(400, "Bad Request: message to edit not found");
        };
        let same = |name: &str| message.fields[name] == fields[name];
        if same("text") && same("entities") && same("reply_markup") {
            return error(
                400,
                "Bad Request: message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message",
            );
        }
        message.fields = fields.clone();
        message.edits += 1;
        let result = shown(message);
        ok(&result)
    }

    /// What is wrong with a message.
    fn refused(&self, fields: &Value) -> Option<Answer> {
        let chat = chat_of(fields);
        if chat.is_empty() {
            return Some(error(400, "Bad Request: chat_id is empty"));
        }
        if let Some(id) = self.moved.get(&chat) {
            let description = "Bad Request: group chat was upgraded to a supergroup chat";
            let parameters = json!({ "migrate_to_chat_id": id });
            return Some(with_parameters(400, description, &parameters));
        }
        if let Some((status, description)) = self.refusals.get(&chat) {
            return Some(error(*status, description));
        }
        let text = fields["text"].as_str().unwrap_or_default();
        let units = text.encode_utf16().count();
        if text.trim().is_empty() {
            return Some(error(400, "Bad Request: message text is empty"));
        }
        if units > 4_096 {
            return Some(error(400, "Bad Request: message is too long"));
        }
        let is_inside = |entity: &Value| {
            let (offset, length) = (number(&entity["offset"]), number(&entity["length"]));
            offset.zip(length).is_some_and(|(offset, length)| {
                offset >= 0
                    && length > 0
                    && usize::try_from(offset + length).is_ok_and(|end| end <= units)
            })
        };
        let entities = fields["entities"].as_array().cloned().unwrap_or_default();
        if !entities.iter().all(is_inside) {
            return Some(error(
                400,
                "Bad Request: can't parse entities: entity is outside of the text",
            ));
        }
        let is_bad = |data: &str| data.is_empty() || data.len() > 64;
        if buttons_of(fields).iter().any(|it| it["callback_data"].as_str().is_none_or(is_bad)) {
            return Some(error(400, "Bad Request: BUTTON_DATA_INVALID"));
        }
        None
    }

    /// What is there now.
    fn updates(&mut self, fields: &Value) -> Answer {
        if self.has_rival {
            return error(409, TERMINATED);
        }
        let offset = number(&fields["offset"]).unwrap_or(0);
        self.updates.retain(|update| number(&update["update_id"]).is_some_and(|id| id >= offset));
        let limit = number(&fields["limit"]).and_then(|it| usize::try_from(it).ok()).unwrap_or(100);
        ok(&Value::Array(self.updates.iter().take(limit.clamp(1, 100)).cloned().collect()))
    }
}

/// What a poll hears that another one has ended.
const TERMINATED: &str = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running";

/// Longest wait of a poll.
const POLL_SECONDS_MAX: f64 = 50.0;

fn is_poll(heard: &Heard) -> bool {
    heard.path.to_lowercase().contains("/getupdates")
}

/// A chat as messages from it show it: people have numbers, groups negative ones.
fn chat_as_seen(chat: &str) -> Value {
    let id: i64 = chat.parse().unwrap();
    let kind = match id {
        ..=-1_000_000_000_000 => "supergroup",
        -999_999_999_999..0 => "group",
        0.. => "private",
    };
    json!({ "id": id, "type": kind, "first_name": "A chat", "title": "A chat" })
}

fn buttons_of(fields: &Value) -> Vec<Value> {
    let rows = fields["reply_markup"]["inline_keyboard"].as_array().cloned().unwrap_or_default();
    rows.iter().filter_map(Value::as_array).flatten().cloned().collect()
}

/// A number, also in a form.
fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

fn chat_of(fields: &Value) -> String {
    match &fields["chat_id"] {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

fn shown(message: &Message) -> Value {
    let mut shown = json!({
        "message_id": message.id,
        "date": 1_700_000_000,
        "chat": { "id": message.chat.parse::<i64>().unwrap_or(1), "type": "private" },
        "text": message.fields["text"],
    });
    if let Some(thread) = number(&message.fields["message_thread_id"]) {
        shown["message_thread_id"] = thread.into();
    }
    shown
}

fn ok(result: &Value) -> Answer {
    Answer::json(200, &json!({ "ok": true, "result": result }))
}

fn error(status: u16, description: &str) -> Answer {
    Answer::json(status, &json!({ "ok": false, "error_code": status, "description": description }))
}

fn with_parameters(status: u16, description: &str, parameters: &Value) -> Answer {
    let body = json!({ "ok": false, "error_code": status, "description": description, "parameters": parameters });
    Answer::json(status, &body)
}

impl Provider for Telegram {
    fn take(&mut self, heard: &Heard) -> Answer {
        let path = heard.path.split('?').next().unwrap_or_default();
        let Some((bot, method)) = path.trim_start_matches('/').rsplit_once('/') else {
            return error(404, "Not Found");
        };
        if bot != format!("bot{}", self.token) {
            return error(401, "Unauthorized");
        }
        let fields = heard.fields();
        match method.to_lowercase().as_str() {
            "getme" => ok(
                &json!({ "id": 1, "is_bot": true, "first_name": "kanban", "username": "kanban_bot" }),
            ),
            "sendmessage" => self.send(&fields),
            "editmessagetext" => self.edit(&fields),
            "getupdates" => self.updates(&fields),
            "answercallbackquery" => self.answer(&fields),
            "editmessagereplymarkup" => self.edit_buttons(&fields),
            "setmessagereaction" => self.sign(&fields),
            _ => error(404, "Not Found"),
        }
    }

    fn refuse(&mut self, _heard: &Heard, status: u16, wait: Option<Duration>) -> Answer {
        match (status, wait) {
            (429, wait) => {
                // Whole seconds at the provider; below one only in tests, which do not wait so long.
                let seconds = wait.unwrap_or(Duration::from_secs(1)).as_secs_f64();
                let seconds =
                    if seconds.fract() == 0.0 { json!(seconds as i64) } else { json!(seconds) };
                let description = format!("Too Many Requests: retry after {seconds}");
                with_parameters(429, &description, &json!({ "retry_after": seconds }))
            }
            (502, _) => Answer {
                status,
                headers: vec![("content-type", "text/html".to_owned())],
                body: b"<html><body><h1>502 Bad Gateway</h1></body></html>".to_vec(),
            },
            (401, _) => error(401, "Unauthorized"),
            (403, _) => error(403, "Forbidden: bot was blocked by the user"),
            (400, _) => error(400, "Bad Request: chat not found"),
            (409, _) => error(409, TERMINATED),
            (status, _) => error(status, "Internal Server Error: request failed"),
        }
    }

    fn is_background(&self, heard: &Heard) -> bool {
        is_poll(heard) || heard.path.to_lowercase().ends_with("/getme")
    }

    fn wait(&mut self, heard: &Heard) -> Option<(u64, Duration)> {
        let is_right = heard.path.contains(&format!("/bot{}/", self.token));
        if !is_poll(heard) || !is_right || self.has_rival {
            return None;
        }
        let fields = heard.fields();
        self.polls.push(fields.clone());
        let timeout = &fields["timeout"];
        let seconds = timeout.as_f64().or_else(|| timeout.as_str()?.parse().ok()).unwrap_or(0.0);
        // What is confirmed waits for nobody.
        if let Some(offset) = number(&fields["offset"]) {
            self.updates.retain(|it| number(&it["update_id"]).is_some_and(|id| id >= offset));
        }
        self.last_ticket += 1;
        self.waiting.push(self.last_ticket);
        Some((self.last_ticket, Duration::from_secs_f64(seconds.clamp(0.0, POLL_SECONDS_MAX))))
    }

    fn is_due(&self, ticket: u64) -> bool {
        !self.updates.is_empty() || self.has_rival || ticket != self.last_ticket
    }

    fn take_waited(&mut self, heard: &Heard, ticket: u64) -> Answer {
        self.waiting.retain(|waiting| *waiting != ticket);
        if ticket != self.last_ticket {
            return error(409, TERMINATED);
        }
        self.take(heard)
    }

    fn fault_of(&mut self, heard: &Heard) -> Option<Fault> {
        if is_poll(heard) {
            return self.poll_faults.pop_front();
        }
        let chat = chat_of(&heard.fields());
        let is_hanging = self.hanging.contains(&chat);
        if is_hanging { Some(Fault::Hang) } else { self.faults.get(&chat).cloned() }
    }
}
