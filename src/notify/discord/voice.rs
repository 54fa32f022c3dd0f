//! What the bot asks of the API beside messages, and what it answers to people.

use std::time::{Duration, Instant};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::kernel::chat::TOAST_CHARS_MAX;
use crate::kernel::rules::url::SecretUrl;
use crate::notify::discord::answers::Asked;
use crate::notify::discord::events::{Interaction, Room};
use crate::notify::discord::message::{private_line, send_answer};
use crate::notify::discord::{Call, Discord, is_id};
use crate::notify::http::{Method, json as http_json};
use crate::notify::inbound::heard::{Answer, Heard, Trouble, said};
use crate::notify::render::measure::visible_line;

/// The sign at a message that was understood.
const SIGN: &str = "👍";

/// The answer to a press that changes nothing: what comes of it follows.
const DEFERRED: u8 = 6;

/// Sessions of a day that are left alone, so that the bot never uses up all of them.
const SESSIONS_KEPT: u64 = 20;

#[derive(Deserialize)]
struct Gateway {
    url: String,
    session_start_limit: Sessions,
}

#[derive(Deserialize)]
struct Sessions {
    remaining: u64,
    reset_after: u64,
}

impl Discord {
    /// Where the gateway is, when another session may be begun: Discord resets the token of a bot that begins more than a thousand a day.
    pub(super) async fn gateway(&self) -> Result<String, Trouble> {
        let found: Gateway = self.ask("gateway/bot").await?;
        let Sessions { remaining, reset_after } = found.session_start_limit;
        if remaining <= SESSIONS_KEPT {
            let after = Some(Duration::from_millis(reset_after));
            let reason = format!("only {remaining} sessions may be begun today");
            return Err(Trouble::Later { after, reason });
        }
        Ok(found.url)
    }

    /// What is known of a channel.
    pub(super) async fn room_of(&self, channel: &str) -> Result<Room, Trouble> {
        if !is_id(channel) {
            return Err(Trouble::later("the channel is not an id"));
        }
        self.ask(&format!("channels/{channel}")).await
    }

    /// Tells Discord that a press was heard.
    pub(super) async fn acknowledge(self, id: String, token: String) {
        if !is_id(&id) {
            return;
        }
        let tail = format!("interactions/{id}/{}/callback", encoded(&token));
        let done = self.send_to(Method::POST, self.api(&tail), json!({ "type": DEFERRED })).await;
        if let Err(trouble) = done {
            tracing::warn!(?trouble, "a press is not acknowledged");
        }
    }

    /// Where a line for the one who pressed is taken.
    pub(super) fn reply_url(&self, press: &Interaction) -> Option<SecretUrl> {
        let application = Some(press.application_id.as_str()).filter(|id| is_id(id))?;
        Some(self.api(&format!("webhooks/{application}/{}", encoded(&press.token))))
    }

    /// Says something.
    ///
    /// # Errors
    /// It was not said.
    pub async fn say(&self, answer: &Answer) -> Result<(), Trouble> {
        let (address, thread) = (&answer.chat.address, answer.chat.thread.as_deref());
        said(self.post(address, thread, send_answer(answer)).await, true)
    }

    /// Shows the one who pressed a button a line that nobody else sees.
    ///
    /// # Errors
    /// It is not shown.
    pub async fn answer_press(&self, heard: &Heard, line: Option<&str>) -> Result<(), Trouble> {
        let (Some(url), Some(line)) = (&heard.reply_url, line) else { return Ok(()) };
        let line: String = visible_line(line).chars().take(TOAST_CHARS_MAX).collect();
        self.send_to(Method::POST, url.clone(), private_line(&line)).await
    }

    /// Puts a sign at a message.
    ///
    /// # Errors
    /// It has none.
    pub async fn note(&self, heard: &Heard) -> Result<(), Trouble> {
        let chat = &heard.inbound.chat;
        let channel = chat.thread.as_deref().unwrap_or(&chat.address);
        let Some(message) = heard.message_id().filter(|id| is_id(id) && is_id(channel)) else {
            return Ok(());
        };
        let tail = format!("channels/{channel}/messages/{message}/reactions/{}/@me", encoded(SIGN));
        self.send_to(Method::PUT, self.api(&tail), Value::Null).await
    }

    /// Takes the buttons away from the message at which one was pressed.
    ///
    /// # Errors
    /// They stay.
    pub async fn take_buttons(&self, heard: &Heard) -> Result<(), Trouble> {
        let Some(url) = &heard.reply_url else { return Ok(()) };
        let body = json!({ "components": [] });
        self.send_to(Method::PATCH, url.below("messages/@original"), body).await
    }

    async fn send_to(&self, method: Method, url: SecretUrl, body: Value) -> Result<(), Trouble> {
        let bucket = format!("{method} {url:?}");
        said(self.call(Call { method, url, bucket, asked: Asked::Post, body }).await, true)
    }

    /// Asks for something.
    async fn ask<T: DeserializeOwned>(&self, tail: &str) -> Result<T, Trouble> {
        let bucket = format!("get {tail}");
        if let Some(refused) = self.pace.refusal(&bucket, Instant::now()) {
            said(refused, true)?;
        }
        let answer = self.request(Method::GET, &self.api(tail), &Value::Null).await?;
        if answer.status == 200 {
            let found = http_json::read(&answer);
            return found.ok_or_else(|| Trouble::later("Discord does not answer as it says"));
        }
        let outcome = crate::notify::discord::answers::judge(&answer, Asked::Post);
        self.pace.note(&bucket, &answer, &outcome, Instant::now());
        said(outcome, true)?;
        Err(Trouble::later(format!("Discord answers {}", answer.status)))
    }
}

/// What stands in a part of a path as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// As one part of a path.
fn encoded(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}
