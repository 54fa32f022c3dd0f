//! `chat_people` and `chat_cursors`: who may write in chats, and how far a channel has been read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::chat::{Cursor, CursorRequest};
use crate::kernel::error::VerbError;
use crate::kernel::query::Query;
use crate::kernel::snapshot::Snapshot;
use crate::kernel::store;
use crate::kernel::store::chat_people::ChatPerson;

/// Lists the people of chats.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ListChatPeople {}

impl Query for ListChatPeople {
    type Reply = Vec<ChatPerson>;
    const NAME: &'static str = "chat_people";

    fn read(&self, snapshot: &Snapshot<'_>) -> Result<Vec<ChatPerson>, VerbError> {
        Ok(store::chat_people::list(snapshot.connection)?)
    }
}

impl Query for CursorRequest {
    type Reply = Cursor;
    const NAME: &'static str = "chat_cursors";

    fn read(&self, snapshot: &Snapshot<'_>) -> Result<Cursor, VerbError> {
        let cursor = store::chat_people::cursor(snapshot.connection, &self.channel)?;
        Ok(Cursor { cursor })
    }
}
