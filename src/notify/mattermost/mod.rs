//! Mattermost: messages by a bot, which are changed and stand in threads, or by an incoming hook, which gives no id back.

pub mod answers;
pub mod message;

use std::rc::Rc;

use serde_json::Value;

use crate::kernel::notice::{Edit, Outcome, Row};
use crate::kernel::notify_policy::is_mattermost_id;
use crate::kernel::rules::url::SecretUrl;
use crate::notify::http::{HttpClient, Method, json};
use crate::notify::mattermost::answers::Asked;
use crate::notify::outcome;
use crate::notify::secret::Secret;

/// What stands before the token of a bot. Without it a token and the key of a hook look the same.
const BOT_PREFIX: &str = "token:";

/// A bot or a hook.
#[derive(Clone)]
pub struct Mattermost {
    http: HttpClient,
    way: Way,
}

#[derive(Clone)]
enum Way {
    Bot {
        /// `{server}/api/v4/posts`.
        posts: Rc<SecretUrl>,
        authorization: Rc<Secret>,
    },
    Hook(Rc<SecretUrl>),
}

impl Mattermost {
    /// What the credential is: `token:` and the token of a bot, for which `base` is needed; or the whole URL of a hook, which must be one
    /// of the server at `base` when the channel has one; or the key of a hook alone, for which `base` is needed too.
    ///
    /// # Errors
    /// The credential is none of these.
    pub fn new(
        http: HttpClient,
        base: Option<&SecretUrl>,
        credential: &Secret,
    ) -> Result<Self, String> {
        let text = credential.expose();
        let is_key =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let Some(token) = text.strip_prefix(BOT_PREFIX) else {
            let hook = Rc::new(hook_of(base, text, is_key(text))?);
            return Ok(Self { http, way: Way::Hook(hook) });
        };
        let base = base.ok_or_else(|| {
            "the credential is a token without a server: set `url` of the channel to that of Mattermost".to_owned()
        })?;
        let token = token.trim();
        if !is_key(token) {
            return Err(
                "the credential has no token of letters and digits behind `token:`".to_owned()
            );
        }
        let authorization = Rc::new(Secret::new(format!("Bearer {token}")));
        let posts = Rc::new(base.below("api/v4/posts"));
        Ok(Self { http, way: Way::Bot { posts, authorization } })
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
        match &self.way {
            Way::Bot { .. } => self.post(&row.address, message::post_row(row)).await,
            Way::Hook(hook) => {
                let body = message::send_row(row);
                match json::call(&self.http, Method::POST, hook, Vec::new(), &body).await {
                    Ok(answer) => answers::judge_hook(&answer),
                    Err(failure) => outcome::of_failure(&failure),
                }
            }
        }
    }

    /// Changes the message about a task, or sends the first one.
    pub async fn edit(&self, edit: &Edit) -> Outcome {
        let Way::Bot { posts, .. } = &self.way else {
            let error = "messages of a hook cannot be changed";
            return outcome::permanent("edit_unsupported", error);
        };
        let Some(id) = &edit.provider_id else {
            return self.post(&edit.address, message::first(edit)).await;
        };
        if !is_mattermost_id(id) {
            return Outcome::Gone;
        }
        let url = posts.below(&format!("{id}/patch"));
        self.call(Method::PUT, &url, &message::patch(edit), Asked::Patch).await
    }

    async fn post(&self, address: &str, body: Value) -> Outcome {
        let Way::Bot { posts, .. } = &self.way else {
            return outcome::permanent("no_bot", "the credential is not the token of a bot");
        };
        if !is_mattermost_id(address) {
            let error = "the credential is the token of a bot, which needs the id of a channel, 26 letters and digits";
            return outcome::permanent("wrong_address", error);
        }
        let first = self.call(Method::POST, posts, &body, Asked::Post).await;
        let is_rootless =
            matches!(&first, Outcome::Permanent { code, .. } if code == answers::NO_ROOT);
        let Some(body) = message::without_anchor(&body).filter(|_| is_rootless) else {
            return first;
        };
        // The message of the task is gone: what was to stand below it stands by itself.
        self.call(Method::POST, posts, &body, Asked::Post).await
    }

    async fn call(&self, method: Method, url: &SecretUrl, body: &Value, asked: Asked) -> Outcome {
        let Way::Bot { authorization, .. } = &self.way else {
            return outcome::permanent("no_bot", "the credential is not the token of a bot");
        };
        let headers = vec![("authorization", authorization.expose().to_owned())];
        match json::call(&self.http, method, url, headers, body).await {
            Ok(answer) => answers::judge(&answer, asked),
            Err(failure) => outcome::of_failure(&failure),
        }
    }
}

fn hook_of(base: Option<&SecretUrl>, text: &str, is_key: bool) -> Result<SecretUrl, String> {
    match base {
        Some(base) if is_key => Ok(base.below(&format!("hooks/{text}"))),
        None if is_key => Err(
            "the credential is a key without a server: set `url` of the channel to that of Mattermost".to_owned(),
        ),
        Some(_) | None => {
            let hook: SecretUrl = text
                .parse()
                .map_err(|error| format!("the credential is not the URL of a hook: {error}"))?;
            if base.is_some_and(|base| base.to_string() != hook.to_string()) {
                return Err(format!(
                    "the hook is at {hook}, and `url` of the channel names another server"
                ));
            }
            Ok(hook)
        }
    }
}
