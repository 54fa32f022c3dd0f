//! Rows of the table of operations: people who write in chats, for operators and for the courier.

use crate::api::call;
use crate::api::operation::{Method, Operation, by_hand, query, verb};
use crate::kernel::chat::{Cursor, CursorRequest, Inbound, InboundReply};
use crate::kernel::queries::ChatPerson;
use crate::kernel::queries::ListChatPeople;
use crate::kernel::verbs::{AllowChatUser, AllowChatUserReply, DenyChatUser, DenyChatUserReply};
use crate::service::chat;

/// The courier hands in what a person did.
pub const INBOUND: Operation = by_hand::<Inbound, InboundReply>(
    "chat_inbound",
    Method::Post,
    "/v1/chat/inbound",
    "Take one thing that a person did in a chat, and say what is answered.",
    |api, call| call::body(api, call, chat::inbound),
);

/// The courier asks how far a channel was read.
pub const CURSORS: Operation = query::<CursorRequest, Cursor>(
    "/v1/chat/cursors",
    "Read how far a channel was read, as the courier said.",
);

/// `kanban chat allow`.
pub const ALLOW: Operation = verb::<AllowChatUser, AllowChatUserReply>(
    "/v1/chat/people",
    "Allow a user of a channel, as a person in a role.",
);

/// `kanban chat deny`.
pub const DENY: Operation =
    verb::<DenyChatUser, DenyChatUserReply>("/v1/chat/people/deny", "Deny a user of a channel.");

/// `kanban chat list`.
pub const PEOPLE: Operation = query::<ListChatPeople, Vec<ChatPerson>>(
    "/v1/chat/people",
    "List the users of channels that are allowed.",
);
