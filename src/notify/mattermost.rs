//! Mattermost: messages by an incoming hook. It gives no id back, so nothing is edited, and a repeat is possible.

use std::rc::Rc;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::kernel::notice::{Mention, Outcome, Row};
use crate::kernel::notify_policy::OWN_CHANNEL;
use crate::notify::http::{Answer, HttpClient, Method, Outgoing, json};
use crate::notify::outcome;
use crate::notify::render::markup::markdown;
use crate::notify::render::measure::{Unit, escaped, visible_line};
use crate::notify::render::outline::Outline;
use crate::notify::secret::Secret;
use crate::notify::url::SecretUrl;

/// Longest text, in characters.
pub const TEXT_CHARACTERS_MAX: usize = 16_383;

/// A hook.
#[derive(Clone)]
pub struct Mattermost {
    http: HttpClient,
    hook: Rc<SecretUrl>,
}

#[derive(Debug, Deserialize)]
struct Refusal {
    id: String,
    #[serde(default)]
    message: String,
}

impl Mattermost {
    /// The hook that the credential names: its whole URL, which must be one of the server at `base` when the channel has one, or
    /// its key, for which `base` is needed.
    ///
    /// # Errors
    /// The credential is neither.
    pub fn new(
        http: HttpClient,
        base: Option<&SecretUrl>,
        credential: &Secret,
    ) -> Result<Self, String> {
        let text = credential.expose();
        let is_key = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let hook = match base {
            Some(base) if is_key => base.below(&format!("hooks/{text}")),
            None if is_key => {
                return Err("the credential is a key without a server: set `url` of the channel to that of Mattermost".to_owned());
            }
            Some(_) | None => {
                let hook: SecretUrl = text
                    .parse()
                    .map_err(|error| format!("the credential is not the URL of a hook: {error}"))?;
                if base.is_some_and(|base| base.to_string() != hook.to_string()) {
                    return Err(format!(
                        "the hook is at {hook}, and `url` of the channel names another server"
                    ));
                }
                hook
            }
        };
        Ok(Self { http, hook: Rc::new(hook) })
    }

    /// The hook's address, for the filter of secrets.
    pub fn hook(&self) -> &SecretUrl {
        &self.hook
    }

    /// Sends a row.
    pub async fn send(&self, row: &Row) -> Outcome {
        let body = match json::body_of(&send_row(row)) {
            Ok(body) => body,
            Err(failure) => return outcome::of_failure(&failure),
        };
        let (content_type, headers, url) = (json::JSON, Vec::new(), &*self.hook);
        let outgoing = Outgoing { method: Method::POST, url, content_type, headers, body };
        match self.http.send(&outgoing).await {
            Ok(answer) => judge(&answer),
            Err(failure) => outcome::of_failure(&failure),
        }
    }
}

/// The body for a row.
pub fn send_row(row: &Row) -> Value {
    let outline = Outline::of(&row.notice, row.is_repeat);
    let title = match outline.title.as_str() {
        "" => String::new(),
        title => format!("**{}**", escaped(title, markdown)),
    };
    let mention = row.notice.mention.as_ref().map(mention_text).unwrap_or_default();
    let text =
        outline.text_below(&title, TEXT_CHARACTERS_MAX, Unit::Characters, markdown, &mention);
    let mut body = Map::new();
    body.insert("text".into(), text.into());
    if row.address != OWN_CHANNEL {
        body.insert("channel".into(), row.address.as_str().into());
    }
    Value::Object(body)
}

/// `@name` of a person. A name that would reach more than one person is only text.
fn mention_text(mention: &Mention) -> String {
    let name = mention.address.trim_start_matches('@');
    let is_name = !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    let is_crowd = ["all", "channel", "here"].contains(&name.to_lowercase().as_str());
    if is_name && !is_crowd {
        format!("@{name}")
    } else {
        escaped(&visible_line(&mention.name), markdown)
    }
}

/// What an answer means. An error that is named cannot be healed by waiting, unless it is the server's own.
pub fn judge(answer: &Answer) -> Outcome {
    let refusal: Option<Refusal> = json::read(answer);
    let detail = match &refusal {
        Some(refusal) => format!("{} ({})", refusal.message, refusal.id),
        None => json::quoted(answer),
    };
    if answer.status == 200 {
        return Outcome::Sent { provider_id: None };
    }
    outcome::of_status("Mattermost", answer, &detail)
}
