//! A person who writes in a chat, as a caller: by the claim of the courier, checked against what operators and the configuration say
//! of that person. It narrows what an operator may, and never widens it.

use crate::kernel::chat::For;
use crate::kernel::chat_policy::ChatRole;
use crate::kernel::error::Refusal;
use crate::kernel::ids::BoardName;
use crate::kernel::rules::chat_groups::{ChatGroup, chat_group, is_of_all_boards};
use crate::kernel::shorten::shorten;

/// Channel, address and thread of a chat; without a thread, an empty one.
pub type ChatRoute = (String, String, String);

/// A person who writes in a chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatCaller {
    /// The name for events: `ada (ops)`.
    pub name: String,
    /// The person, as operators named them.
    pub person: String,
    /// Where and by what they ask.
    pub ask: For,
    /// The name of their role.
    pub role: String,
    /// What it may.
    pub may: ChatRole,
}

impl ChatCaller {
    /// A person with a role.
    pub fn new(person: &str, ask: For, (role, may): (&str, ChatRole)) -> Self {
        let name = format!("{person} ({})", ask.channel);
        Self { name, person: person.to_owned(), ask, role: role.to_owned(), may }
    }

    /// Whether they may ask for `operation` at all.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`].
    pub fn may_ask(&self, operation: &'static str) -> Result<(), Refusal> {
        let is_granted = match chat_group(operation) {
            None | Some(ChatGroup::Never) => false,
            Some(group) => self.may.groups.contains(&group),
        };
        if !is_granted || (is_of_all_boards(operation) && !self.may.boards.is_empty()) {
            return Err(self.refused(operation));
        }
        Ok(())
    }

    /// Whether they may ask for it on `board`.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`].
    pub fn check(&self, operation: &'static str, board: &BoardName) -> Result<(), Refusal> {
        self.may_ask(operation)?;
        if self.is_for(board) {
            return Ok(());
        }
        let caller =
            format!("{} of role {}, which is not for board {board},", self.name, self.role);
        Err(Refusal::Forbidden { caller, verb: operation })
    }

    /// Whether their role is for `board`.
    pub fn is_for(&self, board: &BoardName) -> bool {
        self.may.boards.is_empty() || self.may.boards.contains(board.as_str())
    }

    /// Whether they may give a task to `assignee`.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] with those that they may.
    pub fn may_assign(&self, assignee: &str) -> Result<(), Refusal> {
        if self.may.assignees.is_empty() || self.may.assignees.contains(assignee) {
            return Ok(());
        }
        let value = shorten(assignee);
        let problem = "is none of those to whom your role may give tasks";
        Err(Refusal::InvalidValue { field: "assignee", problem, value })
    }

    /// Where they write.
    pub fn route(&self) -> ChatRoute {
        let For { channel, address, thread, .. } = &self.ask;
        (channel.clone(), address.clone(), thread.clone().unwrap_or_default())
    }

    /// The board that they mean when they name none.
    pub fn board(&self) -> BoardName {
        let default = BoardName::default();
        if self.may.boards.is_empty() || self.may.boards.contains(default.as_str()) {
            return default;
        }
        self.may.boards.iter().find_map(|name| BoardName::parse(name)).unwrap_or(default)
    }

    /// The refusal of what their role has not.
    pub(in crate::kernel) fn refused(&self, operation: &'static str) -> Refusal {
        Refusal::Forbidden {
            caller: format!("{} of role {}", self.name, self.role),
            verb: operation,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::chat_policy::ChatPolicy;
    use crate::kernel::rights::RIGHTS;
    use crate::kernel::rules::chat_groups::CHAT_GROUPS;

    fn caller(role: &str, may: ChatRole) -> ChatCaller {
        let ask = "ops 1 4711 -100".parse().unwrap();
        ChatCaller::new("ada", ask, (role, may))
    }

    #[test]
    fn a_role_reaches_what_is_in_its_groups_and_nothing_else() {
        let mut roles = ChatPolicy::default().roles;
        for group in ChatGroup::GRANTED {
            let only = ChatRole { groups: [group].into(), ..ChatRole::default() };
            roles.insert(group.as_str().to_owned(), only);
        }
        let all = ChatRole { groups: ChatGroup::GRANTED.into(), ..ChatRole::default() };
        roles.insert("everything".to_owned(), all);
        roles.insert("nothing".to_owned(), ChatRole::default());
        for (role, may) in roles {
            let caller = caller(&role, may.clone());
            for (operation, _) in RIGHTS {
                let group = CHAT_GROUPS.iter().find(|(name, _)| name == operation);
                let expected = match group.map(|(_, group)| *group) {
                    None | Some(ChatGroup::Never) => false,
                    Some(group) => may.groups.contains(&group),
                };
                assert_eq!(caller.may_ask(operation).is_ok(), expected, "{role}: {operation}");
            }
        }
    }

    #[test]
    fn a_role_for_some_boards_and_assignees_is_for_these_alone() {
        let may = ChatRole {
            groups: ChatGroup::GRANTED.into(),
            assignees: ["sh".to_owned()].into(),
            boards: ["web".to_owned()].into(),
        };
        let caller = caller("narrow", may);
        let (web, default) = (BoardName::parse("web").unwrap(), BoardName::default());
        assert!(caller.check("create", &web).is_ok());
        let refusal = caller.check("create", &default).unwrap_err().to_string();
        assert!(refusal.contains("not for board default"), "{refusal}");
        assert!(caller.may_ask("set_dispatch").is_err() && caller.may_ask("status").is_err());
        assert!(caller.may_assign("sh").is_ok() && caller.may_assign("root").is_err());
        assert_eq!(caller.board(), web);
    }
}
