//! `[chat.roles.NAME]`: what people may do who write in chats.

use std::collections::BTreeMap;

use serde::Deserialize;

/// `[chat]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Chat {
    /// Roles by name.
    pub roles: BTreeMap<String, Role>,
}

/// A role.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Role {
    /// Its groups of operations, as written; none: as the built-in role of this name has them.
    pub groups: Option<Vec<String>>,
    /// To whom it may give tasks; empty: to everybody.
    pub assignees: Vec<String>,
    /// On which boards; empty: on all.
    pub boards: Vec<String>,
}
