//! What an event is to those who subscribe to it: nothing, a change of the live message, news, or something that asks for a person.
//! One table for all kinds, without a wildcard: a new kind of event does not compile until it stands here.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::kernel::event::EventKind;
use crate::kernel::task::HUMAN;

/// How much a subscription hears.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// What ends and what asks.
    Quiet,
    /// The same, and the live message.
    #[default]
    Normal,
    /// Each step.
    Verbose,
}

impl Level {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Quiet, Self::Normal, Self::Verbose];

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Quiet => "quiet",
            Self::Normal => "normal",
            Self::Verbose => "verbose",
        }
    }

    /// The level with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == word)
    }
}

/// How far an event reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// Never into a chat.
    None,
    /// It changes the live message.
    Live,
    /// A new message, silent.
    News,
    /// A new message, loud, that names a person.
    Ask,
}

use Reach::{Ask, Live, News, None as Never};

/// One row of the table: quiet, normal, verbose.
type ByLevel = [Reach; 3];

const NEVER: ByLevel = [Never, Never, Never];
const LIVE: ByLevel = [Never, Live, Live];
const LIVE_THEN_NEWS: ByLevel = [Never, Live, News];
const VERBOSE_LIVE: ByLevel = [Never, Never, Live];
const VERBOSE_NEWS: ByLevel = [Never, Never, News];
const NEWS: ByLevel = [News, News, News];
const ASK: ByLevel = [Ask, Ask, Ask];

/// How far an event of this kind reaches for a subscription of a level.
pub fn reach(kind: EventKind, payload: Option<&Map<String, Value>>, level: Level) -> Reach {
    use EventKind as K;
    let row = match kind {
        K::Created => LIVE_THEN_NEWS,
        K::Linked
        | K::Unlinked
        | K::Promoted
        | K::Demoted
        | K::Reprioritized
        | K::Edited
        | K::Assigned
        | K::Claimed
        | K::Attached
        | K::AttachmentRemoved
        | K::Archived
        | K::RateLimited
        | K::ChangesRequested
        | K::Answered
        | K::AskEnded
        | K::Reopened
        | K::Unarchived
        | K::Scheduled
        | K::Unscheduled
        | K::StartDue
        | K::Triaged => LIVE,
        K::Spawned | K::Heartbeat => VERBOSE_LIVE,
        K::Commented => VERBOSE_NEWS,
        K::CompletionBlockedHallucination
        | K::Reclaimed
        | K::Lost
        | K::Unblocked
        | K::Crashed
        | K::Oom
        | K::TimedOut
        | K::SpawnFailed
        | K::ProtocolViolation
        | K::Stopped
        | K::BreakerClosed => LIVE_THEN_NEWS,
        K::Completed | K::Approved | K::Overdue | K::WaitingLong => NEWS,
        K::Blocked => of_block(payload),
        // A question that blocks its task is part of the block that comes with it.
        K::Asked if flag(payload, "blocks") => LIVE,
        K::Asked => ASK,
        K::AskOverdue | K::GaveUp | K::BreakerOpened | K::Unkillable => ASK,
        K::ReviewRequested if text(payload, "reviewer") == Some(HUMAN) => ASK,
        K::ReviewRequested if text(payload, "why").is_some() => ASK,
        K::ReviewRequested => LIVE,
        K::Closed => NEVER,
    };
    let [quiet, normal, verbose] = row;
    match level {
        Level::Quiet => quiet,
        Level::Normal => normal,
        Level::Verbose => verbose,
    }
}

/// A block asks when a person can end it. One that ends by itself, and one that a person made, does not.
fn of_block(payload: Option<&Map<String, Value>>) -> ByLevel {
    if text(payload, "status").is_some() || text(payload, "parent").is_some() {
        return LIVE;
    }
    match text(payload, "kind") {
        Some("dependency" | "transient" | "parent_cancelled") => LIVE,
        Some(_) | None => ASK,
    }
}

/// Whether an event of this kind is one attempt that failed, which needs no message of its own when the task is given up with it.
pub fn is_failed_attempt(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::Crashed
            | EventKind::Oom
            | EventKind::TimedOut
            | EventKind::SpawnFailed
            | EventKind::ProtocolViolation
            | EventKind::Lost
    )
}

/// Whether an event of this kind ends what was asked before: the message that asked is changed.
pub fn ends_asks(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::Answered
            | EventKind::AskEnded
            | EventKind::Unblocked
            | EventKind::Completed
            | EventKind::Approved
            | EventKind::ChangesRequested
            | EventKind::Archived
            | EventKind::Triaged
            | EventKind::Reopened
            | EventKind::Claimed
            | EventKind::Promoted
    )
}

/// Whether it breaks quiet hours.
pub fn is_urgent(kind: EventKind, payload: Option<&Map<String, Value>>) -> bool {
    kind == EventKind::Unkillable
        || (kind == EventKind::BreakerOpened && text(payload, "key") == Some("host"))
}

fn text<'p>(payload: Option<&'p Map<String, Value>>, key: &str) -> Option<&'p str> {
    payload?.get(key)?.as_str().filter(|text| !text.is_empty())
}

fn flag(payload: Option<&Map<String, Value>>, key: &str) -> bool {
    payload.and_then(|payload| payload.get(key)) == Some(&Value::Bool(true))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn payload(value: Value) -> Map<String, Value> {
        let Value::Object(payload) = value else { panic!("not an object") };
        payload
    }

    #[test]
    fn a_block_asks_where_a_person_can_end_it() {
        for (of, expected) in [
            (json!({ "reason": "which key?", "kind": "needs_input" }), Ask),
            (json!({ "reason": "may I?", "kind": "approval" }), Ask),
            (json!({ "reason": "no access", "kind": "capability" }), Ask),
            (json!({ "reason": "no kind is given" }), Ask),
            (json!({ "reason": "t_1", "kind": "dependency" }), Live),
            (json!({ "reason": "503", "kind": "transient", "retry_at": 7 }), Live),
            (json!({ "reason": "x", "kind": "needs_input", "status": "todo" }), Live),
            (json!({ "reason": "x", "kind": "parent_cancelled", "parent": "t_1" }), Live),
        ] {
            let found = reach(EventKind::Blocked, Some(&payload(of.clone())), Level::Normal);
            assert_eq!(found, expected, "{of}");
        }
    }

    #[test]
    fn a_question_and_a_review_ask_where_a_person_is_meant() {
        for (kind, of, expected) in [
            (EventKind::Asked, json!({ "blocks": false }), Ask),
            (EventKind::Asked, json!({ "blocks": true }), Live),
            (EventKind::AskOverdue, json!({}), Ask),
            (EventKind::ReviewRequested, json!({ "reviewer": "human" }), Ask),
            (EventKind::ReviewRequested, json!({ "reviewer": "qa", "why": "3 rounds" }), Ask),
            (EventKind::ReviewRequested, json!({ "reviewer": "qa" }), Live),
        ] {
            let found = reach(kind, Some(&payload(of.clone())), Level::Normal);
            assert_eq!(found, expected, "{kind:?} {of}");
        }
    }

    #[test]
    fn a_louder_level_never_hears_less_and_what_asks_reaches_every_level() {
        for kind in EventKind::ALL {
            let by_level = Level::ALL.map(|level| reach(*kind, None, level));
            assert!(by_level.is_sorted(), "{kind:?}: {by_level:?}");
            if by_level.contains(&Ask) {
                assert_eq!(by_level, ASK, "{kind:?}");
            }
        }
    }

    #[test]
    fn what_is_told_at_each_level_is_what_the_page_says() {
        for (kind, quiet, normal, verbose) in [
            (EventKind::Created, Never, Live, News),
            (EventKind::Claimed, Never, Live, Live),
            (EventKind::Heartbeat, Never, Never, Live),
            (EventKind::Commented, Never, Never, News),
            (EventKind::Completed, News, News, News),
            (EventKind::Approved, News, News, News),
            (EventKind::Overdue, News, News, News),
            (EventKind::Crashed, Never, Live, News),
            (EventKind::GaveUp, Ask, Ask, Ask),
            (EventKind::Closed, Never, Never, Never),
        ] {
            let found = Level::ALL.map(|level| reach(kind, None, level));
            assert_eq!(found, [quiet, normal, verbose], "{kind:?}");
        }
    }
}
