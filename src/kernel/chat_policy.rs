//! What is configured about people who write in chats: what each role may.

use std::collections::{BTreeMap, BTreeSet};

use crate::kernel::rules::chat_groups::ChatGroup;

/// What a role may.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChatRole {
    /// Groups of operations.
    pub groups: BTreeSet<ChatGroup>,
    /// To whom it may give tasks; empty: to everybody.
    pub assignees: BTreeSet<String>,
    /// On which boards; empty: on all.
    pub boards: BTreeSet<String>,
}

/// The roles, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatPolicy {
    /// Each.
    pub roles: BTreeMap<String, ChatRole>,
}

impl ChatPolicy {
    /// The groups of the roles that are there without any configuration.
    pub fn built_in() -> [(&'static str, Vec<ChatGroup>); 2] {
        use ChatGroup::{Answer, Comment, Create, Operate, Read};
        [
            ("lead", vec![Read, Comment, Create, Answer, Operate]),
            ("member", vec![Read, Comment, Create, Answer]),
        ]
    }
}

impl Default for ChatPolicy {
    fn default() -> Self {
        let role = |groups: Vec<ChatGroup>| ChatRole {
            groups: groups.into_iter().collect(),
            ..ChatRole::default()
        };
        let roles = Self::built_in().into_iter();
        Self { roles: roles.map(|(name, groups)| (name.to_owned(), role(groups))).collect() }
    }
}
