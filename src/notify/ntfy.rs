//! ntfy: notifications on a phone. The address of a route is the topic, which is a password on a public server.

use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value, json as value};

use crate::kernel::notice::{Class, Edit, Outcome, RateScope, Row};
use crate::kernel::rules::url::SecretUrl;
use crate::notify::http::{Answer, HttpClient, Method, Outgoing, json};
use crate::notify::outcome;
use crate::notify::render::markup::unmentioned;
use crate::notify::render::measure::{Unit, escaped, fit};
use crate::notify::render::outline::Outline;
use crate::notify::secret::Secret;

/// Where the server is when the channel names no other.
pub const BASE: &str = "https://ntfy.sh";

/// Longest message, in bytes; a longer one becomes a file.
pub const MESSAGE_BYTES_MAX: usize = 4_096;

/// Longest title, in bytes.
const TITLE_BYTES_MAX: usize = 250;

/// The code of a used-up quota of the day, and how long it is waited for.
const QUOTA_CODE: u64 = 42_908;
const QUOTA_MS: u64 = 60 * 60 * 1_000;

/// How long it is waited for after another refusal for its rate: the server says nothing about it.
const RATE_MS: u64 = 10_000;

/// A server.
#[derive(Clone)]
pub struct Ntfy {
    http: HttpClient,
    base: Rc<SecretUrl>,
    authorization: Option<Rc<Secret>>,
}

#[derive(Debug, Deserialize)]
struct Published {
    sequence_id: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Refusal {
    code: u64,
    #[serde(default)]
    error: String,
}

impl Ntfy {
    /// The server at `base`. The credential is a token, or `user:password`; a server that takes messages from everybody needs none.
    pub fn new(http: HttpClient, base: SecretUrl, credential: Option<&Secret>) -> Self {
        let authorization = credential.map(|credential| {
            let text = credential.expose();
            Rc::new(Secret::new(match text.contains(':') {
                true => format!("Basic {}", STANDARD.encode(text)),
                false => format!("Bearer {text}"),
            }))
        });
        Self { http, base: Rc::new(base), authorization }
    }

    /// Sends a row.
    pub async fn send(&self, row: &Row) -> Outcome {
        self.publish(send_row(row), &row.dedupe, false).await
    }

    /// Replaces the notification about a task, or makes it.
    pub async fn edit(&self, edit: &Edit) -> Outcome {
        let sequence = edit.provider_id.clone().unwrap_or_else(|| sequence_of(edit));
        self.publish(send_edit(edit, &sequence), &sequence, true).await
    }

    async fn publish(&self, message: Value, sequence: &str, is_edit: bool) -> Outcome {
        let body = match json::body_of(&message) {
            Ok(body) => body,
            Err(failure) => return outcome::of_failure(&failure),
        };
        let authorization = self.authorization.iter();
        let headers =
            authorization.map(|value| ("authorization", value.expose().to_owned())).collect();
        let (content_type, url) = (json::JSON, &*self.base);
        let outgoing = Outgoing { method: Method::POST, url, content_type, headers, body };
        match self.http.send(&outgoing).await {
            Ok(answer) => judge(&answer, sequence, is_edit),
            Err(failure) => outcome::of_failure(&failure),
        }
    }
}

/// What names the notification about a task on a route: the same as long as the message lives.
fn sequence_of(edit: &Edit) -> String {
    let plain = edit.live.id.chars().filter(char::is_ascii_alphanumeric);
    format!("live{}x{}", plain.collect::<String>(), edit.id)
}

/// The message of a row.
pub fn send_row(row: &Row) -> Value {
    let outline = Outline::of(&row.notice, row.is_repeat);
    let mention = row.notice.mention.as_ref().map(|it| format!("for {}", it.name));
    let mention = escaped(&mention.unwrap_or_default(), unmentioned);
    let priority = match (row.notice.kind.as_str(), row.notice.class, row.notice.is_silent) {
        ("unkillable", Class::Ask, _) => 5,
        (_, Class::Ask, false) => 4,
        (_, Class::Ask, true) => 3,
        (_, Class::News | Class::Digest | Class::Test, true) => 2,
        (_, Class::News | Class::Digest | Class::Test, false) => 3,
    };
    message(&row.address, &outline, &mention, priority, &row.dedupe)
}

fn send_edit(edit: &Edit, sequence: &str) -> Value {
    message(&edit.address, &Outline::of_live(&edit.live), "", 1, sequence)
}

fn message(topic: &str, outline: &Outline, mention: &str, priority: u8, sequence: &str) -> Value {
    let text = outline.text_below("", MESSAGE_BYTES_MAX, Unit::Bytes, unmentioned, mention);
    let title = fit(&outline.title, TITLE_BYTES_MAX, Unit::Bytes, unmentioned).text;
    let mut body = Map::new();
    body.insert("topic".into(), topic.into());
    body.insert("title".into(), title.into());
    body.insert("message".into(), text.into());
    body.insert("priority".into(), value!(priority));
    body.insert("sequence_id".into(), sequence.into());
    Value::Object(body)
}

/// What an answer means. An older server takes an edit for a message of its own and says so by leaving the sequence out.
pub fn judge(answer: &Answer, sequence: &str, is_edit: bool) -> Outcome {
    if (200..300).contains(&answer.status) {
        let published: Option<Published> = json::read(answer);
        let kept = published.and_then(|it| it.sequence_id).is_some_and(|it| it == sequence);
        if is_edit && !kept {
            let error = "this server of ntfy cannot replace a notification: 2.16 or newer can";
            return outcome::permanent("edit_unsupported", error);
        }
        return Outcome::Sent { provider_id: Some(sequence.to_owned()) };
    }
    let Some(refusal) = json::read::<Refusal>(answer) else {
        return outcome::of_status("ntfy", answer, &json::quoted(answer));
    };
    let error = format!("ntfy answers {}: {}", refusal.code, refusal.error);
    let code = format!("ntfy_{}", refusal.code);
    match (refusal.code, answer.status) {
        (QUOTA_CODE, _) => Outcome::Rate { after_ms: QUOTA_MS, scope: RateScope::Channel },
        (_, 429) => {
            let after_ms = outcome::retry_after_ms(answer).unwrap_or(RATE_MS);
            Outcome::Rate { after_ms, scope: RateScope::Channel }
        }
        (_, 401 | 403) => outcome::channel_dead(&code, &error),
        (_, 500..) => outcome::temporary(&code, &error),
        _ => outcome::permanent(&code, &error),
    }
}
