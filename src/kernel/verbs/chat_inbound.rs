//! `chat_inbound`: takes one thing that a person did in a chat, and says what is answered. It acts once under the provider's id: that is
//! written in the transaction that acts, with the answer.

use serde::{Deserialize, Serialize};

use crate::kernel::chat::{Inbound, InboundReply, What};
use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::limits::REQUEST_MEMORY_SECONDS;
use crate::kernel::rules::chat::{
    From, Hearing, INBOUND_SECONDS, PER_MINUTE_MAX, TEXT_BYTES_MAX, UNKNOWN_SECONDS, hearing,
};
use crate::kernel::shorten::shorten;
use crate::kernel::store;
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::chat_talk::{Talk, answer, read_reply, unreadable};
use crate::kernel::verbs::{chat_press, chat_text};

/// Bytes of an id or an address at most.
const ID_BYTES_MAX: usize = 512;

/// One thing that a person did.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TakeInbound {
    /// It.
    pub inbound: Inbound,
}

impl Verb for TakeInbound {
    type Reply = InboundReply;
    const NAME: &'static str = "chat_inbound";
    // It answers questions and lets tasks go on.
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<InboundReply, VerbError> {
        tx.caller.refuse_outsiders(Self::NAME)?;
        let given = &self.inbound;
        refuse_long(given)?;
        let key = (given.channel.as_str(), given.event_id.as_str());
        if let Some(cursor) = &given.cursor {
            store::chat_people::set_cursor(tx.store(), (&given.channel, cursor), tx.now)?;
        }
        if let Some((done, at)) = store::inbound::get(tx.store(), key.0, key.1)? {
            if done.user_id != given.from.id || done.address != given.chat.address {
                // Another bot behind the same channel counts its own things: nothing of this person was done.
                let (problem, value) = ("belongs to another thing of this channel", shorten(key.1));
                return Err(Refusal::InvalidValue { field: "event_id", problem, value }.into());
            }
            let reply = read_reply(&done.reply)?;
            // Once the ids of its requests are forgotten, a line would act again.
            let is_remembered = at >= tx.now.saturating_sub(REQUEST_MEMORY_SECONDS);
            let run = reply.run.filter(|_| is_remembered);
            return Ok(InboundReply { is_repeat: true, run, ..reply });
        }
        let Some(reply) = self.reply(tx)? else { return Ok(InboundReply::default()) };
        let done = store::inbound::Inbound {
            user_id: given.from.id.clone(),
            address: given.chat.address.clone(),
            reply: serde_json::to_string(&reply).map_err(|error| unreadable(&error.to_string()))?,
        };
        store::inbound::insert(tx.store(), key, &done, tx.now)?;
        let before = tx.now.saturating_sub(INBOUND_SECONDS);
        store::inbound::prune(tx.store(), before)?;
        store::chat_tokens::prune(tx.store(), before)?;
        Ok(reply)
    }
}

fn refuse_long(given: &Inbound) -> Result<(), Refusal> {
    for (field, value) in [
        ("channel", &given.channel),
        ("event_id", &given.event_id),
        ("from.id", &given.from.id),
        ("chat.address", &given.chat.address),
    ] {
        if value.is_empty() || value.len() > ID_BYTES_MAX {
            let (problem, value) = ("must have 1 to 512 bytes", shorten(value));
            return Err(Refusal::InvalidValue { field, problem, value });
        }
    }
    Ok(())
}

impl TakeInbound {
    /// What is answered; none when nothing is to be remembered of it.
    fn reply(&self, tx: &mut Tx<'_>) -> Result<Option<InboundReply>, VerbError> {
        let given = &self.inbound;
        let user = (given.channel.as_str(), given.from.id.as_str());
        let person = store::chat_people::get(tx.store(), user.0, user.1)?;
        let since = |seconds| store::inbound::count_since(tx.store(), user, tx.now - seconds);
        let from = From {
            is_bot: given.from.is_bot,
            is_known: person.is_some(),
            is_direct: given.chat.is_direct,
            in_last_minute: since(60)?,
            in_last_hour: since(UNKNOWN_SECONDS)?,
        };
        match (hearing(from), person) {
            (Hearing::Heard, Some(person)) => {
                let mut reply = hear(&Talk::new(tx, given, &person), tx)?;
                if let Some(run) = reply.as_mut().and_then(|reply| reply.run.as_mut()) {
                    run.person = Some(person.person);
                }
                Ok(reply)
            }
            (Hearing::Introduced, _) => Ok(Some(self.introduction())),
            (Hearing::Slowed, _) => {
                let words = format!("Slower, please: {PER_MINUTE_MAX} a minute are taken.");
                Ok(Some(answer(given, words)))
            }
            (Hearing::Heard | Hearing::Ignored, _) => Ok(None),
        }
    }

    fn introduction(&self) -> InboundReply {
        let (channel, id) = (&self.inbound.channel, &self.inbound.from.id);
        let words = format!(
            "I do not know you. Your id here is {id}. An operator can let you in: \
             `kanban chat allow {channel} {id} --as NAME --role member`."
        );
        answer(&self.inbound, words)
    }
}

/// What is answered to a person who is heard.
fn hear(talk: &Talk<'_>, tx: &mut Tx<'_>) -> Result<Option<InboundReply>, VerbError> {
    match &talk.given.what {
        What::Text { text, .. } if text.len() > TEXT_BYTES_MAX => {
            let words = format!("Too long: at most {TEXT_BYTES_MAX} bytes are taken.");
            Ok(Some(talk.answer(words)))
        }
        What::Text { text, reply_to, is_addressed } => {
            chat_text::hear(talk, tx, (text, reply_to.as_deref(), *is_addressed))
        }
        What::Press { token, .. } => chat_press::press(talk, tx, token).map(Some),
    }
}
