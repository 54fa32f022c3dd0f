//! `chat_deny`: a user of a channel is nobody from now on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::VerbError;
use crate::kernel::store;
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::chat_allow::user_id;
use crate::kernel::verbs::notify_subscribe::required;

/// Denies a user of a channel.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DenyChatUser {
    /// The channel.
    pub channel: String,
    /// The provider's id of the user.
    pub user_id: String,
}

/// Whether there was one.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct DenyChatUserReply {
    /// False when nobody was allowed by this id.
    pub denied: bool,
}

impl Verb for DenyChatUser {
    type Reply = DenyChatUserReply;
    const NAME: &'static str = "chat_deny";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<DenyChatUserReply, VerbError> {
        tx.caller.may_ask(Self::NAME)?;
        let channel = required("channel", &self.channel)?.to_lowercase();
        let user_id = user_id(&self.user_id)?;
        let denied = store::chat_people::delete(tx.store(), &channel, &user_id)?;
        store::chat_tokens::delete_of_user(tx.store(), &channel, &user_id)?;
        Ok(DenyChatUserReply { denied })
    }
}
