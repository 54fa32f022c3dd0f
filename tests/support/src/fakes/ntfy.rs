//! A server of ntfy, as its source says.

use std::time::Duration;

use serde_json::{Value, json};

use crate::fakes::http::{Answer, Heard, Provider};

/// The server.
#[derive(Debug)]
pub struct Ntfy {
    /// What was published.
    pub published: Vec<Value>,
    /// Whether it knows `sequence_id`, as those of 2.16 and newer do.
    pub has_sequences: bool,
    /// The token that it asks for.
    pub token: Option<String>,
}

impl Default for Ntfy {
    fn default() -> Self {
        Self { published: Vec::new(), has_sequences: true, token: None }
    }
}

impl Ntfy {
    /// What a phone shows for a topic: of each sequence the newest.
    pub fn shown(&self, topic: &str) -> Vec<&Value> {
        let mut shown: Vec<&Value> = Vec::new();
        for message in self.published.iter().filter(|it| it["topic"] == topic) {
            if self.has_sequences {
                shown.retain(|before| before["sequence_id"] != message["sequence_id"]);
            }
            shown.push(message);
        }
        shown
    }
}

fn refusal(status: u16, code: u32, error: &str) -> Answer {
    Answer::json(status, &json!({ "code": code, "http": status, "error": error }))
}

impl Provider for Ntfy {
    fn take(&mut self, heard: &Heard) -> Answer {
        let wanted = self.token.as_ref().map(|token| format!("Bearer {token}"));
        if wanted.is_some() && wanted.as_ref() != heard.headers.get("authorization") {
            return refusal(401, 40_101, "unauthorized");
        }
        if heard.method != "POST" || heard.path != "/" {
            return refusal(404, 40_401, "page not found");
        }
        let fields = heard.json();
        let topic = fields["topic"].as_str().unwrap_or_default();
        let is_topic = (1..=64).contains(&topic.len())
            && topic.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        if !is_topic {
            return refusal(400, 40_009, "invalid request: topic invalid");
        }
        let text = fields["message"].as_str().unwrap_or_default();
        if text.len() > 4_096 {
            return refusal(413, 41_301, "message too large");
        }
        self.published.push(fields.clone());
        let id = format!("id{}", self.published.len());
        let mut answer = json!({ "id": id, "time": 1_700_000_000, "event": "message", "topic": topic, "message": text });
        if self.has_sequences {
            answer["sequence_id"] = fields["sequence_id"].clone();
        }
        Answer::json(200, &answer)
    }

    fn refuse(&mut self, _heard: &Heard, status: u16, wait: Option<Duration>) -> Answer {
        match status {
            429 => {
                let answer = refusal(429, 42_901, "limit reached: too many requests");
                wait.map_or(answer.clone(), |wait| answer.with("retry-after", wait.as_secs_f64()))
            }
            401 => refusal(401, 40_101, "unauthorized"),
            403 => refusal(403, 40_301, "forbidden"),
            400 => refusal(400, 40_009, "invalid request: topic invalid"),
            status => refusal(status, 50_001, "internal server error"),
        }
    }
}
