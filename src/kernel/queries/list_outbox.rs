//! `notify_outbox`: where messages go, what waits, what was given up.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::VerbError;
use crate::kernel::ids::EpochSeconds;
use crate::kernel::query::Query;
use crate::kernel::rules::address::shown;
use crate::kernel::snapshot::Snapshot;
use crate::kernel::store;
use crate::kernel::store::outbox::OutboxRow;

/// Messages of one answer.
const LISTED_MAX: u32 = 1_000;

/// Asks for it.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ListOutbox {
    /// Only this channel.
    pub channel: Option<String>,
    /// Only messages that were given up.
    pub dead: bool,
}

/// Where messages go, and those that are not sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OutboxList {
    /// Channels that cannot be used, or are paused.
    pub channels: Vec<ChannelInfo>,
    /// Addresses, by channel.
    pub routes: Vec<RouteInfo>,
    /// Subscriptions to many tasks.
    pub filters: Vec<FilterInfo>,
    /// Messages that wait, are under way or were given up; at most a thousand.
    pub messages: Vec<MessageInfo>,
}

/// A channel that cannot be used, or is paused.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChannelInfo {
    /// The channel.
    pub channel: String,
    /// Since when nothing can be sent by it, epoch seconds.
    pub broken_since: Option<EpochSeconds>,
    /// Why.
    pub reason: Option<String>,
    /// Nothing goes by it before this time, epoch milliseconds.
    pub paused_until_ms: i64,
}

/// An address of a channel. Of a URL its host, and a mark that tells it from others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RouteInfo {
    /// The channel.
    pub channel: String,
    /// The address.
    pub address: String,
    /// The thread; empty: none.
    pub thread: String,
    /// Since when nothing can be sent to it, epoch seconds.
    pub broken_since: Option<EpochSeconds>,
    /// The last refusal.
    pub reason: Option<String>,
    /// Quiet hours of its own.
    pub quiet: Option<String>,
}

/// A subscription to many tasks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FilterInfo {
    /// The channel.
    pub channel: String,
    /// The address.
    pub address: String,
    /// The thread; empty: none.
    pub thread: String,
    /// Only tasks of this board.
    pub board: Option<String>,
    /// Only tasks of this assignee.
    pub assignee: Option<String>,
    /// Only tasks of this tenant.
    pub tenant: Option<String>,
    /// Only tasks with this label.
    pub label: Option<String>,
    /// Only these kinds of events.
    pub kinds: Vec<String>,
    /// `quiet`, `normal` or `verbose`.
    pub level: String,
    /// Who is named when something asks.
    pub person: Option<String>,
}

/// A message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MessageInfo {
    /// Its number.
    pub id: i64,
    /// `waiting`, `leased` or `dead`.
    pub state: String,
    /// The channel.
    pub channel: String,
    /// The address; of a URL as in `routes`.
    pub address: String,
    /// Its task.
    pub task: Option<String>,
    /// What it says, in one sentence.
    pub headline: String,
    /// Attempts so far.
    pub attempts: u32,
    /// The last error, as a word.
    pub code: Option<String>,
    /// The last error.
    pub error: Option<String>,
    /// When it was written, epoch seconds.
    pub created_at: EpochSeconds,
    /// It does not go before this time, epoch milliseconds; 0: at once.
    pub not_before_ms: i64,
}

impl Query for ListOutbox {
    type Reply = OutboxList;
    const NAME: &'static str = "notify_outbox";

    fn read(&self, snapshot: &Snapshot<'_>) -> Result<OutboxList, VerbError> {
        let connection = snapshot.connection;
        let is_meant = |channel: &str| self.channel.as_deref().is_none_or(|only| only == channel);
        let mut list = OutboxList::default();
        let info = |row: OutboxRow, channel: &str, address: &str| MessageInfo {
            headline: row.notice().map(|notice| notice.headline).unwrap_or_default(),
            id: row.id,
            state: row.state,
            channel: channel.to_owned(),
            address: shown(address),
            task: row.task_id.map(|id| id.to_string()),
            attempts: row.attempts,
            code: row.code,
            error: row.error,
            created_at: row.created_at,
            not_before_ms: row.not_before_ms,
        };
        let now_ms = snapshot.now.saturating_mul(1_000);
        for state in store::routes::list_channels(connection)? {
            let is_hindered = state.broken_since.is_some() || state.paused_until_ms > now_ms;
            if is_hindered && is_meant(&state.channel) {
                list.channels.push(ChannelInfo {
                    channel: state.channel,
                    broken_since: state.broken_since,
                    reason: state.reason,
                    paused_until_ms: state.paused_until_ms,
                });
            }
        }
        let routes = store::routes::list(connection)?;
        for route in routes.iter().filter(|route| is_meant(&route.channel)) {
            list.routes.push(RouteInfo {
                channel: route.channel.clone(),
                address: shown(&route.address),
                thread: route.thread.clone(),
                broken_since: route.broken_since,
                reason: route.reason.clone(),
                quiet: route.quiet.clone(),
            });
            if self.dead {
                continue;
            }
            let open = store::outbox::list_open_of_route(connection, route.id, LISTED_MAX)?;
            list.messages
                .extend(open.into_iter().map(|row| info(row, &route.channel, &route.address)));
        }
        for row in store::outbox::list_dead(connection, LISTED_MAX)? {
            let of = routes.iter().find(|route| route.id == row.route_id);
            if let Some(route) = of.filter(|route| is_meant(&route.channel)) {
                list.messages.push(info(row, &route.channel, &route.address));
            }
        }
        list.messages.truncate(usize::try_from(LISTED_MAX).unwrap_or(usize::MAX));
        let filters = store::filters::list(connection)?;
        list.filters = filters
            .into_iter()
            .filter(|filter| is_meant(&filter.channel))
            .map(|filter| FilterInfo {
                channel: filter.channel,
                address: shown(&filter.address),
                thread: filter.thread,
                board: filter.board.map(|board| board.to_string()),
                assignee: filter.assignee,
                tenant: filter.tenant,
                label: filter.label,
                kinds: filter.kinds,
                level: filter.level.as_str().to_owned(),
                person: filter.person,
            })
            .collect();
        Ok(list)
    }
}
