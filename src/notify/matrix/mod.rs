//! Matrix: messages by the client-server API, of a user whose token the channel has. A repeat under the same id is shown once.

pub mod answers;
pub mod ears;
pub mod events;
pub mod message;
mod voice;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use bytes::Bytes;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::kernel::notice::{Class, Edit, Outcome, Row};
use crate::kernel::rules::url::SecretUrl;
use crate::notify::http::{Answer, Failure, HttpClient, Limits, Method, Outgoing, json};
use crate::notify::matrix::answers::State;
use crate::notify::outcome;
use crate::notify::secret::Secret;

/// The version of the API that is spoken.
const API: &str = "_matrix/client/v3";

/// The kind of an event that is a message.
const MESSAGE: &str = "m.room.message";

/// Rooms that are remembered as looked at.
const ROOMS_MAX: usize = 1_000;

/// A user of a homeserver.
#[derive(Clone)]
pub struct Matrix {
    http: HttpClient,
    /// `{server}/_matrix/client/v3`.
    api: Rc<SecretUrl>,
    authorization: Rc<Secret>,
    /// Rooms that are known to be neither encrypted nor spaces.
    plain: Rc<RefCell<BTreeSet<String>>>,
}

impl Matrix {
    /// The user of this token at the homeserver of `base`.
    ///
    /// # Errors
    /// There is no server, or the credential is not a token.
    pub fn new(
        http: HttpClient,
        base: Option<&SecretUrl>,
        credential: &Secret,
    ) -> Result<Self, String> {
        let base = base.ok_or_else(|| {
            "set `url` of the channel to that of the homeserver, such as https://matrix.example.org".to_owned()
        })?;
        let token = credential.expose();
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("the credential is not an access token, one word".to_owned());
        }
        Ok(Self {
            http,
            api: Rc::new(base.below(API)),
            authorization: Rc::new(Secret::new(format!("Bearer {token}"))),
            plain: Rc::default(),
        })
    }

    /// Sends a row.
    pub async fn send(&self, row: &Row) -> Outcome {
        let is_test = row.notice.class == Class::Test;
        if let Some(refused) = self.look(&row.address, is_test).await {
            return refused;
        }
        let content = message::send_row(row);
        self.put(&row.address, (MESSAGE, &row.dedupe), &content).await
    }

    /// Changes the message about a task, or sends the first one.
    pub async fn edit(&self, edit: &Edit) -> Outcome {
        if let Some(refused) = self.look(&edit.address, false).await {
            return refused;
        }
        let Some(id) = &edit.provider_id else {
            let (name, content) = (message::name_of(edit), message::first(edit));
            return self.put(&edit.address, (MESSAGE, &name), &content).await;
        };
        if !id.starts_with('$') {
            return Outcome::Gone;
        }
        let name = format!("edit{}", edit.lease);
        match self.put(&edit.address, (MESSAGE, &name), &message::change(edit, id)).await {
            // A change is an event of its own; the message keeps its id, and a change of a change is none.
            Outcome::Sent { .. } => Outcome::Sent { provider_id: Some(id.clone()) },
            other => other,
        }
    }

    /// Why a room gets no messages: what is sent into an encrypted room in the clear is read by its server, and shown with a warning at best.
    async fn look(&self, room: &str, is_test: bool) -> Option<Outcome> {
        if !is_test && self.plain.borrow().contains(room) {
            return None;
        }
        match self.state(room, "m.room.encryption").await {
            Ok(State::Missing) => {}
            Ok(State::Is(_)) => {
                let error =
                    "the room is encrypted, which the courier cannot do: use a room that is not";
                return Some(outcome::permanent("encrypted_room", error));
            }
            Err(outcome) => return Some(outcome),
        }
        match self.state(room, "m.room.create").await {
            Ok(State::Is(content)) if content.get("type").is_some_and(|it| it == "m.space") => {
                let error = "the id is that of a space, which has no messages: use a room of it";
                return Some(outcome::permanent("space", error));
            }
            Ok(State::Is(_) | State::Missing) => {}
            Err(outcome) => return Some(outcome),
        }
        let mut plain = self.plain.borrow_mut();
        if plain.len() >= ROOMS_MAX {
            plain.clear();
        }
        plain.insert(room.to_owned());
        None
    }

    async fn state(&self, room: &str, kind: &str) -> Result<State, Outcome> {
        let url = self.api(&format!("rooms/{}/state/{kind}", encoded(room)));
        match self.call(Method::GET, &url, Bytes::new()).await {
            Ok(answer) => answers::judge_state(&answer),
            // Nothing was sent, whatever became of the question.
            Err(failure) => Err(outcome::temporary("no_answer", &failure.to_string())),
        }
    }

    /// Sends an event under a name of ours. A repeat of the name gives the first one back.
    async fn put(&self, room: &str, (kind, name): (&str, &str), content: &Value) -> Outcome {
        let body = match json::body_of(content) {
            Ok(body) => body,
            Err(failure) => return outcome::of_failure(&failure),
        };
        let tail = format!("rooms/{}/send/{kind}/{}", encoded(room), encoded(name));
        match self.call(Method::PUT, &self.api(&tail), body).await {
            Ok(answer) => answers::judge(&answer),
            Err(failure) => outcome::of_failure(&failure),
        }
    }

    /// The address of something of the API.
    fn api(&self, tail: &str) -> SecretUrl {
        self.api.below(tail)
    }

    /// The same user with other limits.
    fn limited(&self, limits: Limits) -> Self {
        Self { http: self.http.limited(limits), ..self.clone() }
    }

    async fn call(&self, method: Method, url: &SecretUrl, body: Bytes) -> Result<Answer, Failure> {
        let headers = vec![("authorization", self.authorization.expose().to_owned())];
        self.http.send(&Outgoing { method, url, content_type: json::JSON, headers, body }).await
    }
}

/// As one part of a path.
fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
