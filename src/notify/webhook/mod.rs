//! Webhooks as Standard Webhooks 1.0 describes them: the address of a route is the URL.

pub mod signature;

use std::rc::Rc;

use crate::kernel::notice::{Outcome, RateScope, Row};
use crate::kernel::rules::notice_json;
use crate::kernel::rules::url::SecretUrl;
use crate::notify::http::{Answer, HttpClient, Method, Outgoing, json};
use crate::notify::outcome;
use crate::notify::secret::Secret;
use crate::notify::webhook::signature::Keys;
use crate::os::host::clock::epoch_seconds;

/// A channel of webhooks.
#[derive(Clone)]
pub struct Webhook {
    http: HttpClient,
    keys: Rc<Keys>,
}

impl Webhook {
    /// Signing with the secrets of this credential.
    ///
    /// # Errors
    /// It holds none.
    pub fn new(http: HttpClient, credential: &Secret) -> Result<Self, String> {
        let keys = Keys::of_credential(credential.expose()).map_err(|error| error.to_string())?;
        Ok(Self { http, keys: Rc::new(keys) })
    }

    /// Sends a row.
    pub async fn send(&self, row: &Row) -> Outcome {
        let url: SecretUrl = match row.address.parse() {
            Ok(url) => url,
            Err(error) => return outcome::permanent("bad_url", &format!("{error}")),
        };
        let body = match json::body_of(&notice_json::of(&row.notice)) {
            Ok(body) => body,
            Err(failure) => return outcome::of_failure(&failure),
        };
        // The body stays the same at every attempt; the time is that of the attempt, and so is what is signed.
        let timestamp = epoch_seconds();
        let headers = vec![
            ("webhook-id", row.dedupe.clone()),
            ("webhook-timestamp", timestamp.to_string()),
            ("webhook-signature", self.keys.sign(&row.dedupe, timestamp, &body)),
        ];
        let content_type = json::JSON;
        let outgoing = Outgoing { method: Method::POST, url: &url, content_type, headers, body };
        match self.http.send(&outgoing).await {
            Ok(answer) => judge(&answer, url.host()),
            Err(failure) => outcome::of_failure(&failure),
        }
    }
}

/// What an answer means. A receiver that is being deployed answers 400, 404 or 422 for a while; one that answers 410 has gone.
pub fn judge(answer: &Answer, host: &str) -> Outcome {
    let detail = json::quoted(answer);
    let error = || format!("{host} answers {}: {detail}", answer.status);
    let retry_ms = outcome::retry_after_ms(answer);
    match (answer.status, retry_ms) {
        (429 | 502..=504, Some(after_ms)) => Outcome::Rate { after_ms, scope: RateScope::Route },
        (400 | 404 | 422, _) => outcome::temporary(&format!("http_{}", answer.status), &error()),
        (410, _) => outcome::permanent("http_410", &format!("{} (the receiver is gone)", error())),
        _ => outcome::of_status(host, answer, &detail),
    }
}
