//! What the writer remembers of subscriptions, so that a transaction that nobody hears of reads nothing.

use std::collections::BTreeMap;

use crate::kernel::error::Fault;
use crate::kernel::ids::EpochSeconds;
use crate::kernel::notify_policy::{ChannelPolicy, EVERYTHING, NotifyPolicy};
use crate::kernel::rules::quiet::QuietHours;
use crate::kernel::store::filters::Filter;
use crate::kernel::store::{self, Connection};

/// What the writer remembers of subscriptions.
#[derive(Debug, Default)]
pub struct Listeners {
    filters: Option<Vec<Filter>>,
    has_task_subscriptions: Option<bool>,
    /// Routes of channels that get every event.
    routes_of_all: BTreeMap<String, i64>,
    /// Quiet hours of routes that have some of their own, as written.
    quiet: Option<BTreeMap<i64, String>>,
}

impl Listeners {
    /// Has the tables read again: a subscription changed, a transaction was taken back, or the file is another one.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// Subscriptions to many tasks.
    ///
    /// # Errors
    /// A fault of the database.
    pub fn filters(&mut self, connection: &Connection) -> Result<&[Filter], Fault> {
        if self.filters.is_none() {
            self.filters = Some(store::filters::list(connection)?);
        }
        Ok(self.filters.as_deref().unwrap_or_default())
    }

    /// The quiet hours of what goes to a route: its own, else those of the person, else those of its channel.
    ///
    /// # Errors
    /// A fault of the database.
    pub fn quiet_of(
        &mut self,
        connection: &Connection,
        route_id: i64,
        (notify, person, channel): (&NotifyPolicy, Option<&str>, Option<&ChannelPolicy>),
    ) -> Result<Option<QuietHours>, Fault> {
        if self.quiet.is_none() {
            self.quiet = Some(store::routes::list_quiet(connection)?.into_iter().collect());
        }
        let own = self.quiet.as_ref().and_then(|quiet| quiet.get(&route_id));
        let own = own.and_then(|text| QuietHours::parse(text, notify.zone.iana_name()?));
        let of_person = || notify.people_quiet.get(person?).cloned();
        let of_channel = || channel?.quiet.clone();
        Ok(own.or_else(of_person).or_else(of_channel))
    }

    /// The route of a channel that gets every event, made where there is none.
    ///
    /// # Errors
    /// A fault of the database.
    pub fn route_of_all(
        &mut self,
        connection: &Connection,
        channel: &str,
        now: EpochSeconds,
    ) -> Result<i64, Fault> {
        if let Some(id) = self.routes_of_all.get(channel) {
            return Ok(*id);
        }
        let id = store::routes::ensure(connection, (channel, EVERYTHING, ""), now)?;
        self.routes_of_all.insert(channel.to_owned(), id);
        Ok(id)
    }

    /// Whether any task is subscribed to.
    ///
    /// # Errors
    /// A fault of the database.
    pub fn has_task_subscriptions(&mut self, connection: &Connection) -> Result<bool, Fault> {
        if let Some(known) = self.has_task_subscriptions {
            return Ok(known);
        }
        let found = store::subscriptions::has_any(connection)?;
        self.has_task_subscriptions = Some(found);
        Ok(found)
    }
}
