//! Discord: messages by a bot or by a webhook of a channel. Both give an id back, so both change their messages.

pub mod answers;
pub mod ears;
pub mod events;
pub mod gateway;
pub mod message;
pub mod pace;
mod voice;

use std::rc::Rc;
use std::time::Instant;

use bytes::Bytes;
use serde_json::Value;

use crate::kernel::notice::{Edit, Outcome, Row};
use crate::kernel::notify_policy::{OWN_CHANNEL, PERSON};
use crate::kernel::rules::url::SecretUrl;
use crate::notify::discord::answers::Asked;
use crate::notify::discord::pace::Pace;
use crate::notify::http::{Answer, Failure, HttpClient, Method, Outgoing, json};
use crate::notify::inbound::heard::Trouble;
use crate::notify::outcome;
use crate::notify::secret::Secret;

/// Where the API is when the channel names no other server.
const BASE: &str = "https://discord.com";

/// The version of the API that is spoken.
const API: &str = "api/v10";

/// Servers whose webhooks are taken without a `url` of the channel.
const HOOK_HOSTS: [&str; 4] =
    ["discord.com", "discordapp.com", "ptb.discord.com", "canary.discord.com"];

/// Requests without such a name may be blocked before they reach the API.
const USER_AGENT: &str = concat!("DiscordBot (kanban-courier, ", env!("CARGO_PKG_VERSION"), ")");

/// A bot or a webhook.
#[derive(Clone)]
pub struct Discord {
    http: HttpClient,
    way: Way,
    server: Rc<SecretUrl>,
    pace: Rc<Pace>,
}

#[derive(Clone)]
enum Way {
    Bot {
        /// `{server}/api/v10/channels`.
        channels: Rc<SecretUrl>,
        authorization: Rc<Secret>,
        token: Rc<Secret>,
    },
    Hook {
        /// `{server}/api/v10/webhooks`.
        hooks: Rc<SecretUrl>,
        /// `ID/TOKEN`.
        key: Rc<Secret>,
        /// Both, for the filter of secrets.
        whole: Rc<SecretUrl>,
    },
}

/// A request of one of both ways.
struct Call {
    method: Method,
    url: SecretUrl,
    /// What shares its limit with this one.
    bucket: String,
    asked: Asked,
    body: Value,
}

impl Discord {
    /// What the credential is: the token of a bot; or the URL of a webhook, or the part `ID/TOKEN` of it. A webhook must be one of
    /// Discord, or of the server at `base` when the channel has one.
    ///
    /// # Errors
    /// The credential is none of these.
    pub fn new(
        http: HttpClient,
        base: Option<&SecretUrl>,
        credential: &Secret,
    ) -> Result<Self, String> {
        let text = credential.expose();
        let server = match base {
            Some(base) => base.clone(),
            None => BASE.parse().map_err(|error| format!("{BASE}: {error}"))?,
        };
        let api = |tail: &str| server.below(&format!("{API}/{tail}"));
        let way = if is_token(text) {
            let authorization = Rc::new(Secret::new(format!("Bot {text}")));
            let token = Rc::new(Secret::new(text));
            Way::Bot { channels: Rc::new(api("channels")), authorization, token }
        } else {
            let key = hook_key(base, text)?;
            let (hooks, whole) = (api("webhooks"), api(&format!("webhooks/{key}")));
            Way::Hook {
                hooks: Rc::new(hooks),
                key: Rc::new(Secret::new(key)),
                whole: Rc::new(whole),
            }
        };
        Ok(Self { http, way, server: Rc::new(server), pace: Rc::default() })
    }

    /// The address of a webhook, for the filter of secrets.
    pub fn hook(&self) -> Option<&SecretUrl> {
        match &self.way {
            Way::Bot { .. } => None,
            Way::Hook { whole, .. } => Some(whole),
        }
    }

    /// Sends a row.
    pub async fn send(&self, row: &Row) -> Outcome {
        if let Some(person) = row.address.strip_prefix(PERSON) {
            return self.open(person, row.thread.as_deref()).await;
        }
        let is_bot = matches!(self.way, Way::Bot { .. });
        let body = message::send_row(row, is_bot);
        self.post(&row.address, row.thread.as_deref(), body).await
    }

    /// Changes the message about a task, or sends the first one.
    pub async fn edit(&self, edit: &Edit) -> Outcome {
        if let Some(person) = edit.address.strip_prefix(PERSON) {
            return self.open(person, edit.thread.as_deref()).await;
        }
        let is_bot = matches!(self.way, Way::Bot { .. });
        let Some(id) = &edit.provider_id else {
            return self
                .post(&edit.address, edit.thread.as_deref(), message::first(edit, is_bot))
                .await;
        };
        if !is_id(id) {
            return Outcome::Gone;
        }
        let body = message::change(edit);
        let (method, asked) = (Method::PATCH, Asked::Edit);
        let call = self.room(&edit.address, edit.thread.as_deref()).map(|(room, query)| {
            let query = query.map(|query| format!("?{query}")).unwrap_or_default();
            let url = room.below(&format!("messages/{id}{query}"));
            Call { method, url, bucket: format!("edit {}", edit.address), asked, body }
        });
        match call {
            Ok(call) => self.call(call).await,
            Err(refused) => refused,
        }
    }

    /// The channel of the direct messages of a person, which has an id of its own: the address moves there, and what they write comes from
    /// there. Discord gives the same channel each time.
    async fn open(&self, person: &str, thread: Option<&str>) -> Outcome {
        let refused = |error| outcome::permanent("wrong_address", error);
        if matches!(self.way, Way::Hook { .. }) {
            return refused(
                "the credential is a webhook, which reaches no person: subscribe the address `-`",
            );
        }
        if !is_id(person) || thread.is_some() {
            return refused("the address of a person is user: and a number, without a thread");
        }
        let call = Call {
            method: Method::POST,
            url: self.api("users/@me/channels"),
            bucket: "open".to_owned(),
            asked: Asked::Post,
            body: serde_json::json!({ "recipient_id": person }),
        };
        match self.call(call).await {
            Outcome::Sent { provider_id: Some(id) } if is_id(&id) => Outcome::Moved { address: id },
            Outcome::Sent { .. } => {
                outcome::temporary("unexpected", "Discord names no channel for the person")
            }
            // Nothing was said to anybody.
            Outcome::Unknown { code, error } => Outcome::Temporary { code, error },
            refused => refused,
        }
    }

    async fn post(&self, address: &str, thread: Option<&str>, body: Value) -> Outcome {
        let (room, query) = match self.room(address, thread) {
            Ok(room) => room,
            Err(refused) => return refused,
        };
        let url = match &self.way {
            Way::Bot { .. } => room.below("messages"),
            Way::Hook { hooks, key, .. } => {
                // Without `wait` an answer says nothing of the message.
                let query = query.map(|query| format!("&{query}")).unwrap_or_default();
                hooks.below(&format!("{}?wait=true{query}", key.expose()))
            }
        };
        let (method, asked) = (Method::POST, Asked::Post);
        self.call(Call { method, url, bucket: format!("post {address}"), asked, body }).await
    }

    /// What messages of an address are below, and what a query has to add. A thread is a channel to a bot and a query to a webhook.
    fn room(
        &self,
        address: &str,
        thread: Option<&str>,
    ) -> Result<(SecretUrl, Option<String>), Outcome> {
        let refused = |error| Err(outcome::permanent("wrong_address", error));
        if thread.is_some_and(|thread| !is_id(thread)) {
            return refused("the thread is not the id of one, a number");
        }
        match &self.way {
            Way::Bot { .. } if address == OWN_CHANNEL => refused(
                "the credential is the token of a bot, which needs the id of a channel: `-` is for webhooks",
            ),
            Way::Bot { .. } if !is_id(address) => {
                refused("the address is not the id of a channel, a number")
            }
            Way::Bot { channels, .. } => Ok((channels.below(thread.unwrap_or(address)), None)),
            Way::Hook { .. } if address != OWN_CHANNEL => refused(
                "the credential is a webhook, which has one channel: subscribe the address `-`",
            ),
            Way::Hook { whole, .. } => {
                Ok(((**whole).clone(), thread.map(|thread| format!("thread_id={thread}"))))
            }
        }
    }

    /// The address of something of the API.
    fn api(&self, tail: &str) -> SecretUrl {
        self.server.below(&format!("{API}/{tail}"))
    }

    fn http(&self) -> &HttpClient {
        &self.http
    }

    /// What the gateway is greeted with.
    fn token(&self) -> Result<&str, Trouble> {
        match &self.way {
            Way::Bot { token, .. } => Ok(token.expose()),
            Way::Hook { .. } => {
                let reason = "the credential is a webhook, by which nothing is heard".to_owned();
                Err(Trouble::Deaf { reason })
            }
        }
    }

    async fn request(
        &self,
        method: Method,
        url: &SecretUrl,
        body: &Value,
    ) -> Result<Answer, Failure> {
        if !body.is_null() {
            return json::call(&self.http, method, url, self.headers(), body).await;
        }
        let (content_type, headers, body) = (json::JSON, self.headers(), Bytes::new());
        self.http.send(&Outgoing { method, url, content_type, headers, body }).await
    }

    fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = vec![("user-agent", USER_AGENT.to_owned())];
        if let Way::Bot { authorization, .. } = &self.way {
            headers.push(("authorization", authorization.expose().to_owned()));
        }
        headers
    }

    async fn call(&self, call: Call) -> Outcome {
        if let Some(refused) = self.pace.refusal(&call.bucket, Instant::now()) {
            return refused;
        }
        match self.request(call.method, &call.url, &call.body).await {
            Ok(answer) => {
                let outcome = answers::judge(&answer, call.asked);
                self.pace.note(&call.bucket, &answer, &outcome, Instant::now());
                outcome
            }
            Err(failure) => outcome::of_failure(&failure),
        }
    }
}

/// Ids are numbers of up to 64 bits, which are kept as texts.
fn is_id(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_part(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_".contains(&it))
}

/// The token of a bot has three parts.
fn is_token(text: &str) -> bool {
    text.split('.').count() == 3 && text.split('.').all(is_part)
}

/// `ID/TOKEN` of a webhook.
fn hook_key(base: Option<&SecretUrl>, text: &str) -> Result<String, String> {
    let key_of = |text: &str| {
        let (id, token) = text.split_once('/')?;
        (is_id(id) && is_part(token)).then(|| text.to_owned())
    };
    if let Some(key) = key_of(text) {
        return Ok(key);
    }
    let unknown = "the credential is neither the token of a bot nor the URL of a webhook, …/api/webhooks/ID/TOKEN";
    let hook: SecretUrl = text.parse().map_err(|_| unknown.to_owned())?;
    match base {
        Some(base) if base.to_string() != hook.to_string() => {
            return Err(format!(
                "the webhook is at {hook}, and `url` of the channel names another server"
            ));
        }
        None if !HOOK_HOSTS.contains(&hook.host()) => {
            return Err(format!(
                "the webhook is at {hook}, which is not Discord: set `url` of the channel to it if it shall be used"
            ));
        }
        Some(_) | None => {}
    }
    let path = hook.path().split('?').next().unwrap_or_default();
    let key = path.split_once("/webhooks/").and_then(|(_, key)| key_of(key));
    key.ok_or_else(|| unknown.to_owned())
}
