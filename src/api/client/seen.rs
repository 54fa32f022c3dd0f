//! Replies as a client reads them: their statuses, outcomes, states and error codes are words, of which a newer daemon may have
//! others. One that this program does not know is shown as it is.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::api::error;
use crate::kernel::breaker::BreakerState;
use crate::kernel::dispatch_switch::{DispatchSwitch, Hold};
use crate::kernel::error::ErrorCode;
use crate::kernel::queries::{self, BreakerScope};
use crate::kernel::question;
use crate::kernel::rules::question::QuestionOutcome;
use crate::kernel::rules::reason;
use crate::kernel::run::{self, RunOutcome, RunState};
use crate::kernel::schedule::{self, CatchUp, Overlap, ScheduleState};
use crate::kernel::task::{self, TaskStatus, WorkspaceKind};
use crate::kernel::verbs;
use crate::service::doctor::check::{self, Health};
use crate::service::{doctor, status};

/// An enum whose members are texts on the wire.
pub trait Vocabulary: Copy {
    /// The text of a member.
    fn text(self) -> &'static str;
    /// The member of a text; none when there is no such member.
    fn member(text: &str) -> Option<Self>;
}

macro_rules! vocabularies {
    ($($kind:ty),*) => {
        $(impl Vocabulary for $kind {
            fn text(self) -> &'static str {
                self.as_str()
            }

            fn member(text: &str) -> Option<Self> {
                Self::parse(text)
            }
        })*
    };
}

vocabularies!(
    TaskStatus,
    WorkspaceKind,
    RunOutcome,
    RunState,
    BreakerScope,
    BreakerState,
    ErrorCode,
    QuestionOutcome,
    ScheduleState,
    Overlap,
    CatchUp,
    DispatchSwitch,
    Hold,
    Health
);

/// A member of an enum that grows, or a text that is none yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word<T> {
    /// One that this program knows.
    Known(T),
    /// One of a newer daemon.
    Other(String),
}

impl<T: Vocabulary> Word<T> {
    /// The text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Known(known) => known.text(),
            Self::Other(text) => text,
        }
    }

    /// The member; none when this program does not know it.
    pub fn known(&self) -> Option<T> {
        match self {
            Self::Known(known) => Some(*known),
            Self::Other(_) => None,
        }
    }
}

impl<T> From<T> for Word<T> {
    fn from(known: T) -> Self {
        Self::Known(known)
    }
}

impl<T: Vocabulary + PartialEq> PartialEq<T> for Word<T> {
    fn eq(&self, other: &T) -> bool {
        self.known().is_some_and(|known| known == *other)
    }
}

impl<T: Vocabulary> fmt::Display for Word<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<T: Vocabulary> Serialize for Word<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de, T: Vocabulary> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(T::member(&text).map_or(Self::Other(text), Self::Known))
    }
}

/// An error.
pub type ErrorBody = error::ErrorBody<ErrorDetail>;
/// Description of an error.
pub type ErrorDetail = error::ErrorDetail<Word<ErrorCode>, Task>;
/// Status of a task.
pub type Status = Word<TaskStatus>;
/// A task.
pub type Task = task::Task<Status, Word<WorkspaceKind>>;
/// A run.
pub type Run = run::Run<Word<RunOutcome>, Word<RunState>>;
/// A task with all that belongs to it.
pub type TaskDetails = queries::TaskDetails<Task, Run, Question>;
/// A question.
pub type Question = question::Question<Word<QuestionOutcome>>;
/// Result of `ask`.
pub type AskReply = verbs::AskReply<Word<QuestionOutcome>>;
/// Result of `answer`.
pub type AnswerReply = verbs::AnswerReply<Status>;
/// Why a task does not run.
pub type WhyReply = queries::WhyReply<Status, Reason>;
/// An open run of `status`.
pub type OpenRun = status::OpenRun<Word<RunState>>;
/// The state of everything.
pub type DaemonStatus = status::Status<OpenRun, Word<DispatchSwitch>>;
/// Whether the board starts anything.
pub type DispatchState = queries::DispatchState<Word<DispatchSwitch>>;
/// Result of `set_dispatch`.
pub type SetDispatchReply = verbs::SetDispatchReply<Word<DispatchSwitch>>;
/// What a pass did.
pub type DispatchReport = verbs::DispatchReport<Word<Hold>>;
/// All checks of `doctor`.
pub type Doctor = doctor::Doctor<Word<Health>>;
/// A check of `doctor`.
pub type Check = check::Check<Word<Health>>;
/// A breaker.
pub type BreakerInfo = queries::BreakerInfo<Word<BreakerScope>, Word<BreakerState>>;
/// A match of a search.
pub type Hit = queries::Hit<Task>;
/// Result of `create`.
pub type CreateReply = verbs::CreateReply<Task>;
/// Result of a batch of creates.
pub type CreateTasksReply = verbs::CreateTasksReply<CreateReply, RefusedTask>;
/// A refused task.
pub type RefusedTask = verbs::RefusedTask<Word<ErrorCode>>;
/// Result of a bulk request.
pub type BulkReply = verbs::BulkReply<BulkResult>;
/// What became of one task of several.
pub type BulkResult = verbs::BulkResult<RefusedTask>;
/// Result of `edit`.
pub type EditReply = verbs::EditReply<Task>;
/// Result of `claim`.
pub type ClaimReply = verbs::ClaimReply<Task>;
/// Result of `complete`, `block`, `approve` and `request_changes`.
pub type VerdictReply = verbs::VerdictReply<Status>;
/// Result of `unblock`.
pub type UnblockReply = verbs::UnblockReply<Status>;
/// Result of `promote`.
pub type PromoteReply = verbs::PromoteReply<Status>;
/// Result of `reclaim`, `reassign`, `stop`, `restart` and `cancel`.
pub type ReclaimReply = verbs::ReclaimReply<Status>;
/// Result of `rate_limited`.
pub type RateLimitReply = verbs::RateLimitReply<Status>;
/// Result of `link`.
pub type LinkReply = verbs::LinkReply<Status>;
/// Result of `unlink`.
pub type UnlinkReply = verbs::UnlinkReply<Status>;
/// Result of `reopen`.
pub type ReopenReply = verbs::ReopenReply<Status>;
/// Result of `request_review`.
pub type RequestReviewReply = verbs::RequestReviewReply<Status>;
/// Result of `unarchive`.
pub type UnarchiveReply = verbs::UnarchiveReply<Status>;
/// A schedule as it stands.
pub type Schedule = schedule::Schedule<Word<ScheduleState>, Word<Overlap>, Word<CatchUp>>;
/// A schedule after a change.
pub type ScheduleChange = verbs::ScheduleChange<Schedule>;
/// A schedule with its occurrences.
pub type ScheduleDetails = queries::ScheduleDetails<Schedule, queries::PastOccurrence<Status>>;
/// A schedule of a list that is applied.
pub type AppliedSchedule = verbs::AppliedSchedule<Schedule>;
/// Result of `apply_schedules`.
pub type ApplySchedulesReply = verbs::ApplySchedulesReply<AppliedSchedule>;
/// Result of `schedule` and `unschedule`.
pub type ScheduleReply = verbs::ScheduleReply<Status>;
/// Result of `triage`.
pub type TriageReply = verbs::TriageReply<Status>;

/// Why a task does not run. The daemon's own words stand beside it, so a reason that this program does not know is shown as well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Its name on the wire.
    pub reason: String,
    /// Everything else that it says.
    #[serde(flatten)]
    pub fields: serde_json::Map<String, serde_json::Value>,
}

impl Reason {
    /// The reason; none when this program does not know it.
    pub fn known(&self) -> Option<reason::Reason> {
        serde_json::to_value(self).ok().and_then(|value| serde_json::from_value(value).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_a_newer_daemon_is_kept_and_shown_as_it_is() {
        let read = |text: &str| serde_json::from_str::<Status>(text).unwrap();
        assert_eq!(read("\"ready\""), TaskStatus::Ready);
        let word = read("\"marinating\"");
        assert_eq!((word.known(), word.to_string()), (None, "marinating".to_owned()));
        assert_eq!(serde_json::to_string(&word).unwrap(), "\"marinating\"");
        assert!(serde_json::from_str::<Status>("7").is_err());
    }
}
