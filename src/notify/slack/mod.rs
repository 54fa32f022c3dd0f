//! Slack: messages by a bot, which are changed and stand in threads, or by an incoming hook, which gives no id back.

pub mod answers;
pub mod ears;
pub mod events;
pub mod message;
mod voice;

use std::rc::Rc;

use serde::de::DeserializeOwned;
use serde_json::{Value, json as value};

use crate::kernel::notice::{Edit, Outcome, Row};
use crate::kernel::notify_policy::OWN_CHANNEL;
use crate::kernel::rules::url::SecretUrl;
use crate::notify::http::{HttpClient, Method, json};
use crate::notify::inbound::heard::Trouble;
use crate::notify::outcome;
use crate::notify::secret::Secret;
use crate::notify::slack::answers::Asked;
use crate::notify::slack::message::MessageId;

/// Where the API and the hooks are when the channel names no other server.
const API: &str = "https://slack.com";
const HOOKS: &str = "https://hooks.slack.com";

/// Servers whose hooks are taken without a `url` of the channel.
const HOOK_HOSTS: [&str; 2] = ["hooks.slack.com", "hooks.slack-gov.com"];

/// What the token of a bot begins with, and the one of an application, by which it is heard.
const BOT_PREFIX: &str = "xoxb-";
const APP_PREFIX: &str = "xapp-";

/// A bot or a hook.
#[derive(Clone)]
pub struct Slack {
    http: HttpClient,
    way: Way,
}

#[derive(Clone)]
enum Way {
    Bot {
        /// `{server}/api`.
        api: Rc<SecretUrl>,
        authorization: Rc<Secret>,
        /// By which it is heard what people do; none: it only sends.
        app: Option<Rc<Secret>>,
    },
    Hook(Rc<SecretUrl>),
}

impl Slack {
    /// What the credential is: the token of a bot, and behind it the token of its application when it shall hear; or the URL of a hook, or the part of it behind `/services/`. A hook must be one of
    /// Slack, or of the server at `base` when the channel has one.
    ///
    /// # Errors
    /// The credential is none of these.
    pub fn new(
        http: HttpClient,
        base: Option<&SecretUrl>,
        credential: &Secret,
    ) -> Result<Self, String> {
        let text = credential.expose();
        let mut words = text.split_whitespace();
        if let Some(bot) = words.next().and_then(|word| bearer(word, BOT_PREFIX)) {
            let app = match words.next() {
                Some(word) => Some(bearer(word, APP_PREFIX).ok_or_else(|| NO_APP.to_owned())?),
                None => None,
            };
            if words.next().is_some() {
                return Err(NO_APP.to_owned());
            }
            let api = Rc::new(server(base, API)?.below("api"));
            return Ok(Self { http, way: Way::Bot { api, authorization: bot, app } });
        }
        let hook = Rc::new(hook_of(base, text)?);
        Ok(Self { http, way: Way::Hook(hook) })
    }

    /// The address of a hook, for the filter of secrets.
    pub fn hook(&self) -> Option<&SecretUrl> {
        match &self.way {
            Way::Bot { .. } => None,
            Way::Hook(hook) => Some(hook),
        }
    }

    /// Sends a row.
    pub async fn send(&self, row: &Row) -> Outcome {
        if let Some(refused) = self.misaddressed(&row.address) {
            return refused;
        }
        match &self.way {
            Way::Bot { .. } => self.post(message::send_row(row)).await,
            Way::Hook(hook) => {
                let body = message::hook_row(row);
                match json::call(&self.http, Method::POST, hook, Vec::new(), &body).await {
                    Ok(answer) => answers::judge_hook(&answer),
                    Err(failure) => outcome::of_failure(&failure),
                }
            }
        }
    }

    /// Changes the message about a task, or sends the first one.
    pub async fn edit(&self, edit: &Edit) -> Outcome {
        if let Some(refused) = self.misaddressed(&edit.address) {
            return refused;
        }
        if matches!(self.way, Way::Hook(_)) {
            let error = "messages of a hook cannot be changed";
            return outcome::permanent("edit_unsupported", error);
        }
        let Some(id) = &edit.provider_id else { return self.post(message::first(edit)).await };
        let Some(id) = MessageId::parse(id) else { return Outcome::Gone };
        self.call("chat.update", &message::update(edit, &id), Asked::Update).await
    }

    /// Whether the address is one of the other way, which only the courier can know.
    fn misaddressed(&self, address: &str) -> Option<Outcome> {
        let error = match (&self.way, address == OWN_CHANNEL) {
            (Way::Bot { .. }, true) => {
                "the credential is the token of a bot, which needs the id of a channel: `-` is for hooks"
            }
            (Way::Hook(_), false) => {
                "the credential is a hook, which has one channel: subscribe the address `-`"
            }
            (Way::Bot { .. }, false) | (Way::Hook(_), true) => return None,
        };
        Some(outcome::permanent("wrong_address", error))
    }

    /// Posts; once more without what is refused of it: the id that names repeats, when Slack knows that id and not its message, or the
    /// thread, when what it stands below is gone.
    async fn post(&self, mut body: Value) -> Outcome {
        let first = self.call("chat.postMessage", &body, Asked::Post).await;
        let Outcome::Permanent { code, .. } = &first else { return first };
        let refused = answers::refused_part(code);
        let is_without = match (refused, &mut body) {
            (Some(part), Value::Object(fields)) => fields.remove(part).is_some(),
            _ => false,
        };
        if !is_without {
            return first;
        }
        self.call("chat.postMessage", &body, Asked::Post).await
    }

    /// Who the bot is.
    async fn me(&self) -> Result<String, Trouble> {
        let Way::Bot { authorization, .. } = &self.way else {
            let reason = "the credential is a hook, by which nothing is heard".to_owned();
            return Err(Trouble::Deaf { reason });
        };
        let found: answers::Me = self.ask("auth.test", authorization).await?;
        Ok(found.user_id)
    }

    /// The address of a new WebSocket, which is good once.
    async fn line(&self) -> Result<SecretUrl, Trouble> {
        let Way::Bot { app: Some(app), .. } = &self.way else {
            let reason = "the credential has no token of the application behind the one of the bot: xoxb-… xapp-…".to_owned();
            return Err(Trouble::Deaf { reason });
        };
        let found: Result<answers::Line, _> = self.ask("apps.connections.open", app).await;
        let found = found.map_err(|trouble| match trouble {
            // The bot may send all the same.
            Trouble::Dead { reason } => Trouble::Deaf {
                reason: format!("apps.connections.open: {reason} (is Socket Mode on, and has the token of the application the scope connections:write?)"),
            },
            other @ (Trouble::Later { .. } | Trouble::Deaf { .. }) => other,
        })?;
        let url = found.url.replacen("ws", "http", 1);
        url.parse()
            .map_err(|error| Trouble::later(format!("the address of the WebSocket: {error}")))
    }

    /// Calls a method whose result is read.
    async fn ask<T: DeserializeOwned>(&self, method: &str, token: &Secret) -> Result<T, Trouble> {
        let Way::Bot { api, .. } = &self.way else {
            return Err(Trouble::later("the credential is not the token of a bot"));
        };
        let headers = vec![("authorization", token.expose().to_owned())];
        let url = api.below(method);
        let answer = json::call(&self.http, Method::POST, &url, headers, &value!({})).await?;
        answers::result_of(&answer)
    }

    async fn call(&self, method: &str, body: &Value, asked: Asked) -> Outcome {
        let Way::Bot { api, authorization, .. } = &self.way else {
            return outcome::permanent("no_bot", "the credential is not the token of a bot");
        };
        let headers = vec![("authorization", authorization.expose().to_owned())];
        match json::call(&self.http, Method::POST, &api.below(method), headers, body).await {
            Ok(answer) => answers::judge(&answer, asked),
            Err(failure) => outcome::of_failure(&failure),
        }
    }
}

/// What is wrong with a credential of two words.
const NO_APP: &str = "the credential is not the token of a bot and, behind a blank, the one of its application: xoxb-… xapp-…";

/// The header for a token.
fn bearer(word: &str, prefix: &str) -> Option<Rc<Secret>> {
    let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let is_token = word.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty());
    (is_token && word.bytes().all(is_sign)).then(|| Rc::new(Secret::new(format!("Bearer {word}"))))
}

fn server(base: Option<&SecretUrl>, default: &str) -> Result<SecretUrl, String> {
    match base {
        Some(base) => Ok(base.clone()),
        None => default.parse().map_err(|error| format!("{default}: {error}")),
    }
}

fn hook_of(base: Option<&SecretUrl>, text: &str) -> Result<SecretUrl, String> {
    let is_part =
        |part: &str| !part.is_empty() && part.bytes().all(|it| it.is_ascii_alphanumeric());
    if text.split('/').count() == 3 && text.split('/').all(is_part) {
        return Ok(server(base, HOOKS)?.below(&format!("services/{text}")));
    }
    let hook: SecretUrl = text.parse().map_err(|_| {
        "the credential is neither the token of a bot (xoxb-…) nor the URL of a hook".to_owned()
    })?;
    match base {
        Some(base) if base.to_string() != hook.to_string() => {
            Err(format!("the hook is at {hook}, and `url` of the channel names another server"))
        }
        None if !HOOK_HOSTS.contains(&hook.host()) => Err(format!(
            "the hook is at {hook}, which is not Slack: set `url` of the channel to it if it shall be used"
        )),
        Some(_) | None => Ok(hook),
    }
}
