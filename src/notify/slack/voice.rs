//! What the bot answers to people.

use serde_json::{Value, json};

use crate::kernel::chat::TOAST_CHARS_MAX;
use crate::kernel::rules::url::SecretUrl;
use crate::notify::http::{Method, json as http_json};
use crate::notify::inbound::heard::{Answer, Heard, Trouble, said};
use crate::notify::render::markup;
use crate::notify::render::measure::{escaped, visible_line};
use crate::notify::slack::Slack;
use crate::notify::slack::answers::Asked;
use crate::notify::slack::message::{MessageId, send_answer};

/// The sign at a message that was understood.
const SIGN: &str = "+1";

/// In the refusal of a sign that is there.
const SIGNED: &str = "already_reacted";

impl Slack {
    /// Says something: in the channel, or to the one who wrote a command of Slack.
    ///
    /// # Errors
    /// It was not said.
    pub async fn say(&self, answer: &Answer) -> Result<(), Trouble> {
        match &answer.reply_url {
            Some(url) => self.say_back(url, &send_answer(answer, true)).await,
            None => said(self.post(send_answer(answer, false)).await, true),
        }
    }

    /// Shows the one who pressed a button a line that nobody else sees.
    ///
    /// # Errors
    /// It is not shown.
    pub async fn answer_press(&self, heard: &Heard, line: Option<&str>) -> Result<(), Trouble> {
        let (Some(url), Some(line)) = (&heard.reply_url, line) else { return Ok(()) };
        let line: String = visible_line(line).chars().take(TOAST_CHARS_MAX).collect();
        let body = json!({
            "response_type": "ephemeral",
            "replace_original": false,
            "text": escaped(&line, markup::slack),
        });
        self.say_back(url, &body).await
    }

    /// Puts a sign at a message.
    ///
    /// # Errors
    /// It has none.
    pub async fn note(&self, heard: &Heard) -> Result<(), Trouble> {
        let Some(id) = heard.message_id().and_then(MessageId::parse) else { return Ok(()) };
        let body = json!({ "channel": id.channel, "timestamp": id.ts, "name": SIGN });
        match said(self.call("reactions.add", &body, Asked::Post).await, true) {
            Err(Trouble::Dead { reason }) if reason.contains(SIGNED) => Ok(()),
            done => done,
        }
    }

    /// Takes the buttons away from the message at which one was pressed.
    ///
    /// # Errors
    /// They stay.
    pub async fn take_buttons(&self, heard: &Heard) -> Result<(), Trouble> {
        let (Some(url), Some(shown)) = (&heard.reply_url, &heard.shown) else { return Ok(()) };
        let blocks = shown.get("blocks").and_then(Value::as_array);
        let is_text = |block: &&Value| block.get("type").is_none_or(|kind| kind != "actions");
        let blocks: Vec<&Value> = blocks.into_iter().flatten().filter(is_text).collect();
        let text = shown.get("text").cloned().unwrap_or_default();
        let body = json!({ "replace_original": true, "text": text, "blocks": blocks });
        self.say_back(url, &body).await
    }

    /// Posts where an envelope says.
    async fn say_back(&self, url: &SecretUrl, body: &Value) -> Result<(), Trouble> {
        let answer = http_json::call(&self.http, Method::POST, url, Vec::new(), body).await?;
        match answer.status {
            200..=299 => Ok(()),
            status => Err(Trouble::Dead { reason: format!("Slack answers {status}") }),
        }
    }
}
