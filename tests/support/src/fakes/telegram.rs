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
    last_id: i64,
    last_update: i64,
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

    fn send(&mut self, fields: &Value) -> Answer {
        if let Some(refused) = self.refused(fields) {
            return refused;
        }
        self.last_id += 1;
        let chat = chat_of(fields);
        let message = Message { id: self.last_id, chat, fields: fields.clone(), edits: 0 };
        let result = shown(&message);
        self.messages.push(message);
        ok(&result)
    }

    fn edit(&mut self, fields: &Value) -> Answer {
        if let Some(refused) = self.refused(fields) {
            return refused;
        }
        let (chat, id) = (chat_of(fields), number(&fields["message_id"]));
        let known = self.messages.iter_mut().find(|it| it.chat == chat && Some(it.id) == id);
        let Some(message) = known else {
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
        let rows =
            fields["reply_markup"]["inline_keyboard"].as_array().cloned().unwrap_or_default();
        let buttons = rows.iter().filter_map(Value::as_array).flatten();
        let is_bad = |data: &str| data.is_empty() || data.len() > 64;
        if buttons.into_iter().any(|it| it["callback_data"].as_str().is_none_or(is_bad)) {
            return Some(error(400, "Bad Request: BUTTON_DATA_INVALID"));
        }
        None
    }

    /// Answers at once with what is there: the longest wait is the client's matter.
    fn updates(&mut self, fields: &Value) -> Answer {
        if self.has_rival {
            return error(
                409,
                "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
            );
        }
        let offset = number(&fields["offset"]).unwrap_or(0);
        self.updates.retain(|update| number(&update["update_id"]).is_some_and(|id| id >= offset));
        let limit = number(&fields["limit"]).and_then(|it| usize::try_from(it).ok()).unwrap_or(100);
        ok(&Value::Array(self.updates.iter().take(limit.clamp(1, 100)).cloned().collect()))
    }
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
            "answercallbackquery" => {
                self.answered.push(fields);
                ok(&json!(true))
            }
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
            (409, _) => error(
                409,
                "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
            ),
            (status, _) => error(status, "Internal Server Error: request failed"),
        }
    }

    fn fault_of(&mut self, heard: &Heard) -> Option<Fault> {
        let chat = chat_of(&heard.fields());
        let is_hanging = self.hanging.contains(&chat);
        if is_hanging { Some(Fault::Hang) } else { self.faults.get(&chat).cloned() }
    }
}
