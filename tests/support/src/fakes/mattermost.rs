//! The incoming hook of Mattermost.

use std::time::Duration;

use serde_json::{Value, json};

use crate::fakes::http::{Answer, Heard, Provider};

/// The server with one hook.
#[derive(Debug, Default)]
pub struct Mattermost {
    /// The key of the hook.
    pub key: String,
    /// What was posted.
    pub posts: Vec<Value>,
}

fn refusal(status: u16, id: &str, message: &str) -> Answer {
    let body = json!({ "id": id, "message": message, "detailed_error": "", "request_id": "r", "status_code": status });
    Answer::json(status, &body)
}

impl Provider for Mattermost {
    fn take(&mut self, heard: &Heard) -> Answer {
        if heard.path != format!("/hooks/{}", self.key) {
            return refusal(400, "web.incoming_webhook.invalid.app_error", "Invalid webhook.");
        }
        let fields = heard.json();
        let text = fields["text"].as_str().unwrap_or_default();
        if text.is_empty() {
            return refusal(400, "web.incoming_webhook.text.app_error", "No text specified.");
        }
        if text.chars().count() > 16_383 {
            return refusal(400, "web.incoming_webhook.text.length.app_error", "Text too long.");
        }
        self.posts.push(fields);
        Answer::text(200, "ok")
    }

    fn refuse(&mut self, _heard: &Heard, status: u16, wait: Option<Duration>) -> Answer {
        let answer = refusal(status, "api.context.app_error", "refused");
        wait.map_or(answer.clone(), |wait| answer.with("retry-after", wait.as_secs_f64()))
    }
}
