//! `chat_allow`: says who a user of a channel is, and in which role.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::shorten::shorten;
use crate::kernel::store;
use crate::kernel::store::chat_people::ChatPerson;
use crate::kernel::tx::Tx;
use crate::kernel::validate;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::notify_subscribe::{required, warnings_of};

/// Bytes of the provider's id of a user.
const USER_BYTES_MAX: usize = 256;

/// Allows a user of a channel.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AllowChatUser {
    /// The channel.
    pub channel: String,
    /// The provider's id of the user; never a name, which can be changed.
    pub user_id: String,
    /// Name of the person, for events and comments.
    pub person: String,
    /// Role: `member`, `lead`, or one of the configuration.
    pub role: String,
}

/// The person.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct AllowChatUserReply {
    /// The person.
    #[serde(flatten)]
    pub person: ChatPerson,
    /// What stands in the way of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl Verb for AllowChatUser {
    type Reply = AllowChatUserReply;
    const NAME: &'static str = "chat_allow";

    fn run(&self, tx: &mut Tx<'_>) -> Result<AllowChatUserReply, VerbError> {
        tx.caller.may_ask(Self::NAME)?;
        let person = required("person", &self.person)?;
        // `ada (ops)` is what events say, and `run:7` is no person.
        if person.contains(['(', ')', ':']) {
            let problem = "cannot contain parentheses or a colon";
            return Err(invalid("person", problem, &person));
        }
        let role = required("role", &self.role)?;
        if !tx.policy.chat.roles.contains_key(&role) {
            let known: Vec<&str> = tx.policy.chat.roles.keys().map(String::as_str).collect();
            let value = format!("{} (one of {})", shorten(&role), known.join(", "));
            return Err(invalid("role", "is not configured under `chat.roles`", &value));
        }
        let person = ChatPerson {
            channel: required("channel", &self.channel)?.to_lowercase(),
            user_id: user_id(&self.user_id)?,
            person,
            role,
            created_at: tx.now,
            created_by: tx.caller.actor().to_string(),
        };
        store::chat_people::put(tx.store(), &person)?;
        let warnings = warnings_of(tx, &person.channel);
        Ok(AllowChatUserReply { person, warnings })
    }
}

/// The provider's id of a user.
pub(super) fn user_id(given: &str) -> Result<String, VerbError> {
    let id = validate::text("user_id", given.trim(), USER_BYTES_MAX)?;
    if id.is_empty() || id.contains(|sign: char| sign.is_whitespace() || sign.is_control()) {
        return Err(invalid("user_id", "must be the provider's id of a user", id));
    }
    Ok(id.to_owned())
}

fn invalid(field: &'static str, problem: &'static str, value: &str) -> VerbError {
    Refusal::InvalidValue { field, problem, value: value.to_owned() }.into()
}
