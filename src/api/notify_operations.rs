//! Rows of the table of operations: notifications, for operators and for the courier.

use crate::api::call;
use crate::api::operation::{Method, Operation, by_hand, query, verb};
use crate::kernel::notice::{ChannelReport, Channels, LeaseRequest, Leased, SettleRequest};
use crate::kernel::queries::{ListOutbox, ListSubscriptions, OutboxList, Subscription};
use crate::kernel::verbs::{
    DropOutbox, OutboxCount, RetryOutbox, SettleReply, Subscribe, SubscribeReply, TestReply,
    TestRoute, Unsubscribe, UnsubscribeReply, WatchReply, WatchTasks,
};
use crate::service::{GetDaemon, courier};

/// `kanban notify-subscribe ID`.
pub const SUBSCRIBE: Operation = verb::<Subscribe, SubscribeReply>(
    "/v1/tasks/{id}/notify_subscribe",
    "Subscribe an address of a channel to a task.",
);

/// `kanban notify-unsubscribe ID`.
pub const UNSUBSCRIBE: Operation = verb::<Unsubscribe, UnsubscribeReply>(
    "/v1/tasks/{id}/notify_unsubscribe",
    "Remove an address's subscription to a task.",
);

/// `kanban notify-subscribe` without a task.
pub const WATCH: Operation = verb::<WatchTasks, WatchReply>(
    "/v1/subscriptions",
    "Subscribe an address of a channel to the tasks that a filter names, or end that.",
);

/// `kanban notify-list`.
pub const SUBSCRIPTIONS: Operation = query::<ListSubscriptions, Vec<Subscription>>(
    "/v1/subscriptions",
    "List notification subscriptions.",
);

/// `kanban notify list`.
pub const OUTBOX: Operation = query::<ListOutbox, OutboxList>(
    "/v1/outbox",
    "List the addresses that messages go to, and the messages that wait or were given up.",
);

/// `kanban notify retry`.
pub const RETRY: Operation = verb::<RetryOutbox, OutboxCount>(
    "/v1/outbox/retry",
    "Send messages again that were given up, or try a channel at once.",
);

/// `kanban notify drop`.
pub const DROP: Operation =
    verb::<DropOutbox, OutboxCount>("/v1/outbox/drop", "Give up a message for good.");

/// `kanban notify test`.
pub const TEST: Operation =
    verb::<TestRoute, TestReply>("/v1/outbox/test", "Send a test message to an address.");

/// The courier asks for messages.
pub const LEASE: Operation = by_hand::<LeaseRequest, Leased>(
    "lease_outbox",
    Method::Post,
    "/v1/outbox/lease",
    "Hand out messages to the courier; waits until one is due.",
    |api, call| call::body(api, call, courier::lease),
);

/// The courier says what became of them.
pub const SETTLE: Operation = by_hand::<SettleRequest, SettleReply>(
    "settle_outbox",
    Method::Post,
    "/v1/outbox/settle",
    "Record what became of messages that the courier took.",
    |api, call| call::body(api, call, courier::settle),
);

/// The courier asks for the channels.
pub const CHANNELS: Operation = by_hand::<GetDaemon, Channels>(
    "courier_channels",
    Method::Get,
    "/v1/courier/channels",
    "List the configured channels, for the courier.",
    |api, call| call::query(api, call, courier::channels),
);

/// The courier says how a channel stands.
pub const REPORT: Operation = by_hand::<ChannelReport, OutboxCount>(
    "report_channel",
    Method::Post,
    "/v1/courier/report",
    "Record whether a channel can be used, as the courier found.",
    |api, call| call::body(api, call, courier::report),
);
