//! The keys that are about people who write in chats.

use super::key::{Example, Key, Kind, Section, Shape};

/// Roles, by name.
pub(super) const CHAT_ROLES: Section = Section {
    name: "chat.roles",
    doc: "One table per role of people who write in chats (`kanban chat allow`). The roles `member` (read, comment, create, answer) and \
          `lead` (the same and operate) need no table. See docs/chat.md.",
    shape: Shape::Named {
        examples: &[Example { name: "reviewer", keys: &["groups", "assignees", "boards"] }],
    },
    keys: CHAT_ROLE,
};

const CHAT_ROLE: &[Key] = &[
    Key {
        name: "groups",
        kind: Kind::TextList,
        default: None,
        example: Some("[\"read\", \"comment\", \"review\"]"),
        unit: None,
        doc: "What the role may: read, comment, create, answer, review, operate. Without it, nothing; of `member` and `lead`, as above.",
    },
    Key {
        name: "assignees",
        kind: Kind::TextList,
        default: Some("[]"),
        example: None,
        unit: None,
        doc: "Assignees to whom the role may give tasks. Empty: all.",
    },
    Key {
        name: "boards",
        kind: Kind::TextList,
        default: Some("[]"),
        example: None,
        unit: None,
        doc: "Boards that the role is for; it then has no operation that is about all boards. Empty: all.",
    },
];
