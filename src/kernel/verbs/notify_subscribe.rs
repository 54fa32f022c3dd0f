//! `notify_subscribe`: subscribes an address of a channel to a task.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::event::EventKind;
use crate::kernel::rules::address::{refusal, shown};
use crate::kernel::rules::notify::Level;
use crate::kernel::rules::quiet::QuietHours;
use crate::kernel::shorten::shorten;
use crate::kernel::store::subscriptions::Subscription;
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::room;
use crate::kernel::{store, validate};

/// Where notifications go.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Subscribe {
    /// The task.
    pub id: String,
    /// Chat platform.
    pub platform: String,
    /// Chat on the platform.
    pub chat_id: String,
    /// Thread in the chat; empty: none.
    pub thread_id: String,
    /// User who subscribed.
    pub user_id: Option<String>,
    /// Board of the task; refused when the task is on another board.
    pub board: Option<String>,
    /// How much is sent: `quiet`, `normal` (default) or `verbose`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
    /// Only these kinds of events, each as a message; empty: as the level says.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
    /// Person to name when something asks, from `[people]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// Quiet hours of the address, such as `22:00-07:00 Europe/Berlin`; empty: none of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quiet: Option<String>,
}

/// The subscription.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct SubscribeReply {
    /// The subscription.
    #[serde(flatten)]
    pub subscription: Subscription,
    /// False when it already existed.
    pub created: bool,
    /// What stands in the way of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// Names of kinds of events, each once.
pub(super) fn kinds_of(given: &[String]) -> Result<Vec<String>, Refusal> {
    let mut kinds: Vec<String> = Vec::new();
    for kind in given.iter().map(|kind| kind.trim()) {
        if !EventKind::ALL.iter().any(|known| known.as_str() == kind) {
            let value = shorten(kind);
            return Err(Refusal::InvalidValue {
                field: "kinds",
                problem: "no such kind of event",
                value,
            });
        }
        if !kinds.iter().any(|known| known == kind) {
            kinds.push(kind.to_owned());
        }
    }
    Ok(kinds)
}

/// Why nothing is sent by a channel that is not there.
pub(super) fn warnings_of(tx: &Tx<'_>, channel: &str) -> Vec<String> {
    let is_there = tx.policy.notify.channels.contains_key(channel);
    let warning = || {
        format!(
            "no channel {channel} is configured: nothing is sent until `[channels.{channel}]` is there"
        )
    };
    (!is_there).then(warning).into_iter().collect()
}

/// The address that a caller means: as given, or the one that is shown so.
pub(super) fn meant(tx: &Tx<'_>, channel: &str, address: String) -> Result<String, VerbError> {
    if !address.contains("/…") {
        return Ok(address);
    }
    let routes = store::routes::list(tx.store())?;
    let found =
        routes.into_iter().find(|it| it.channel == channel && shown(&it.address) == address);
    Ok(found.map_or(address, |route| route.address))
}

/// Refuses an address that a configured channel can never reach, or may not.
pub(super) fn check_address(tx: &Tx<'_>, channel: &str, address: &str) -> Result<(), Refusal> {
    let Some(channel) = tx.policy.notify.channels.get(channel) else { return Ok(()) };
    if let Some(problem) = channel.kind.problem_with(address) {
        let value = shorten(&shown(address));
        return Err(Refusal::InvalidValue { field: "chat_id", problem, value });
    }
    match refusal(channel, address) {
        None => Ok(()),
        Some(detail) => Err(Refusal::AddressRefused { address: shown(address), detail }),
    }
}

/// Sets the quiet hours of an address, where some are given.
pub(super) fn set_quiet(tx: &Tx<'_>, route_id: i64, quiet: Option<&str>) -> Result<(), VerbError> {
    let Some(quiet) = quiet.map(str::trim) else { return Ok(()) };
    if !quiet.is_empty() && QuietHours::parse(quiet, "UTC").is_none() {
        return Err(Refusal::InvalidValue {
            field: "quiet",
            problem: "expected hours such as 22:00-07:00 or 22:00-07:00 Europe/Berlin",
            value: shorten(quiet),
        }
        .into());
    }
    let quiet = Some(quiet).filter(|quiet| !quiet.is_empty());
    Ok(store::routes::set_quiet(tx.store(), route_id, quiet)?)
}

pub(super) fn required(field: &'static str, given: &str) -> Result<String, Refusal> {
    validate::name(field, Some(given))?.ok_or(Refusal::InvalidValue {
        field,
        problem: "cannot be blank",
        value: String::new(),
    })
}

impl Verb for Subscribe {
    type Reply = SubscribeReply;
    const NAME: &'static str = "notify_subscribe";

    fn run(&self, tx: &mut Tx<'_>) -> Result<SubscribeReply, VerbError> {
        let task = tx.task(&self.id, self.board.as_deref(), Self::NAME)?;
        let platform = required("platform", &self.platform)?.to_lowercase();
        let chat_id = meant(tx, &platform, required("chat_id", &self.chat_id)?)?;
        let subscription = Subscription {
            task_id: task.id,
            board: task.board,
            platform,
            chat_id,
            thread_id: validate::name("thread_id", Some(&self.thread_id))?.unwrap_or_default(),
            user_id: validate::name("user_id", self.user_id.as_deref())?,
            created_at: tx.now,
            // It begins now: nobody wants to be told what happened before they asked.
            last_event_id: store::events::newest_id(tx.store())?,
            level: self.level.unwrap_or_default(),
            kinds: kinds_of(&self.kinds)?,
            person: validate::name("person", self.person.as_deref())?,
        };
        check_address(tx, &subscription.platform, &subscription.chat_id)?;
        let by = tx.caller.actor().to_string();
        let created = store::subscriptions::insert(tx.store(), &subscription, &by)?;
        if created {
            room::after_subscription(tx.store(), &subscription.task_id)?;
        } else if self.level.is_some() || !self.kinds.is_empty() || self.person.is_some() {
            store::subscriptions::set_wishes(tx.store(), &subscription)?;
        }
        let target = (
            subscription.platform.as_str(),
            subscription.chat_id.as_str(),
            subscription.thread_id.as_str(),
        );
        let route_id = store::routes::ensure(tx.store(), target, tx.now)?;
        set_quiet(tx, route_id, self.quiet.as_deref())?;
        tx.listeners.forget();
        let subscription = store::subscriptions::get(tx.store(), &subscription)?;
        let warnings = warnings_of(tx, &subscription.platform);
        Ok(SubscribeReply { subscription, created, warnings })
    }
}
