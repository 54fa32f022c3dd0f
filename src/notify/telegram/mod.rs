//! Telegram: messages by the Bot API, and what people do there.

pub mod answers;
pub mod ears;
pub mod message;
pub mod updates;
mod voice;

use std::rc::Rc;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::kernel::notice::{Edit, Outcome, Row};
use crate::kernel::rules::url::SecretUrl;
use crate::notify::http::{Answer, Failure, HttpClient, Limits, Method, Outgoing, json};
use crate::notify::inbound::heard::Trouble;
use crate::notify::outcome;
use crate::notify::secret::Secret;
use crate::notify::telegram::answers::{Asked, judge, result_of};

/// Where the API is when the channel names no other.
pub const BASE: &str = "https://api.telegram.org";

/// A bot.
#[derive(Clone)]
pub struct Telegram {
    http: HttpClient,
    /// `{base}/bot{token}`: never shown.
    bot: Rc<SecretUrl>,
}

impl Telegram {
    /// The bot with this token.
    ///
    /// # Errors
    /// The token is not one.
    pub fn new(http: HttpClient, base: &SecretUrl, token: &Secret) -> Result<Self, String> {
        let token = token.expose();
        let is_token = token.split_once(':').is_some_and(|(id, rest)| {
            let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
            !id.is_empty()
                && id.bytes().all(|byte| byte.is_ascii_digit())
                && !rest.is_empty()
                && rest.bytes().all(is_word)
        });
        if !is_token {
            return Err(
                "the credential is not a bot's token: NUMBER:LETTERS, as BotFather gives it"
                    .to_owned(),
            );
        }
        Ok(Self { http, bot: Rc::new(base.below(&format!("bot{token}"))) })
    }

    /// Sends a row.
    pub async fn send(&self, row: &Row) -> Outcome {
        self.call("sendMessage", &message::send_row(row), Asked::Send).await
    }

    /// Changes the message about a task, or sends the first one.
    pub async fn edit(&self, edit: &Edit) -> Outcome {
        let body = message::send_edit(edit);
        let Some(id) = &edit.provider_id else {
            return self.call("sendMessage", &body, Asked::Send).await;
        };
        match self.call("editMessageText", &body, Asked::Edit).await {
            Outcome::Sent { .. } => Outcome::Sent { provider_id: Some(id.clone()) },
            other => other,
        }
    }

    async fn call(&self, method: &str, body: &Value, asked: Asked) -> Outcome {
        match self.post(method, body).await {
            Ok(answer) => judge(&answer, asked),
            Err(failure) => outcome::of_failure(&failure),
        }
    }

    /// Calls a method whose result is read.
    async fn ask<T: DeserializeOwned>(&self, method: &str, body: &Value) -> Result<T, Trouble> {
        match self.post(method, body).await {
            Ok(answer) => result_of(&answer),
            Err(failure) => Err(failure.into()),
        }
    }

    async fn post(&self, method: &str, body: &Value) -> Result<Answer, Failure> {
        let body = json::body_of(body)?;
        let url = self.bot.below(method);
        let (content_type, headers) = (json::JSON, Vec::new());
        let outgoing = Outgoing { method: Method::POST, url: &url, content_type, headers, body };
        self.http.send(&outgoing).await
    }

    /// The same bot with other limits.
    fn limited(&self, limits: Limits) -> Self {
        Self { http: self.http.limited(limits), bot: Rc::clone(&self.bot) }
    }
}
