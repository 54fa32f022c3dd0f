//! A person of a chat who is heard: who they are, what they may, what they are answered, what is done in their name.

use crate::kernel::caller::{Caller, ChatCaller};
use crate::kernel::chat::{For, Inbound, InboundReply, Say, TOAST_CHARS_MAX, What};
use crate::kernel::error::{Edge, Fault, Refusal, VerbError};
use crate::kernel::shorten::shorten;
use crate::kernel::store::chat_people::ChatPerson;
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;

/// An answer as it is stored.
pub(super) fn read_reply(stored: &str) -> Result<InboundReply, Fault> {
    serde_json::from_str(stored).map_err(|error| unreadable(&error.to_string()))
}

/// The fault of an answer that cannot be read or written.
pub(super) fn unreadable(value: &str) -> Fault {
    Fault::Corrupt { what: "reply to a chat", value: shorten(value) }
}

/// What is answered to a person: under a button where they pressed one, as a message where they wrote one.
pub(super) fn answer(given: &Inbound, words: String) -> InboundReply {
    match &given.what {
        What::Press { .. } => {
            InboundReply { toast: Some(toast(&words)), ..InboundReply::default() }
        }
        What::Text { .. } => said(given, words),
    }
}

/// A message that answers to what a person did.
pub(super) fn said(given: &Inbound, text: String) -> InboundReply {
    let reply_to = match &given.what {
        What::Press { message_id, .. } => message_id.clone(),
        What::Text { .. } => given.message_id.clone(),
    };
    let say = Say { text, reply_to, buttons: Vec::new() };
    InboundReply { say: Some(say), ..InboundReply::default() }
}

/// What fits under a button.
fn toast(words: &str) -> String {
    if words.chars().count() <= TOAST_CHARS_MAX {
        return words.to_owned();
    }
    let kept: String = words.chars().take(TOAST_CHARS_MAX - 1).collect();
    format!("{kept}…")
}

/// A person who is heard, with what they did.
pub(super) struct Talk<'a> {
    /// What they did.
    pub given: &'a Inbound,
    /// Who they are.
    pub by: ChatCaller,
}

impl<'a> Talk<'a> {
    /// Who they are, by their row and the configuration.
    pub fn new(tx: &Tx<'_>, given: &'a Inbound, person: &ChatPerson) -> Self {
        let ask = For {
            channel: given.channel.clone(),
            event_id: given.event_id.clone(),
            user: given.from.id.clone(),
            address: given.chat.address.clone(),
            thread: given.chat.thread.clone(),
        };
        // A role that is not configured may nothing.
        let may = tx.policy.chat.roles.get(&person.role).cloned().unwrap_or_default();
        Self { given, by: ChatCaller::new(&person.person, ask, (&person.role, may)) }
    }

    /// Channel and address of the chat.
    pub fn chat(&self) -> (&'a str, &'a str) {
        (&self.given.channel, &self.given.chat.address)
    }

    /// What they are answered.
    pub fn answer(&self, words: impl Into<String>) -> InboundReply {
        answer(self.given, words.into())
    }

    /// The words of a refusal.
    pub fn refused(&self, refusal: &Refusal) -> InboundReply {
        let hint = refusal.hint().and_then(|hint| hint.render(Edge::CommandLine));
        let hint = hint.map_or_else(String::new, |hint| format!("\nhint: {hint}"));
        self.answer(format!("{refusal}{hint}"))
    }

    /// Has a verb done in their name. When it is refused, nothing of it stays.
    pub fn act<V: Verb>(
        &self,
        tx: &mut Tx<'_>,
        verb: &V,
    ) -> Result<Result<V::Reply, Refusal>, VerbError> {
        let caller = Caller::Chat(Box::new(self.by.clone()));
        let done = tx.alone(|tx| tx.in_name_of(&caller, |tx| verb.run(tx)))?;
        match done {
            Ok(reply) => {
                tx.effects.spoken_in = Some(self.by.route());
                Ok(Ok(reply))
            }
            Err(VerbError::Refused(refusal)) => Ok(Err(refusal)),
            Err(failed @ VerbError::Failed(_)) => Err(failed),
        }
    }
}
