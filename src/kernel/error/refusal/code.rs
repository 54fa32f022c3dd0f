//! The stable code of a refusal.

use super::Refusal;
use crate::kernel::error::ErrorCode;
use crate::kernel::rules::pair_fault::PairFault;

impl Refusal {
    /// The stable code of this refusal.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::UnknownTask { .. } | Self::OtherBoard { .. } | Self::UnknownLinkEnds { .. } => {
                ErrorCode::UnknownTask
            }
            Self::AmbiguousTask { .. } => ErrorCode::AmbiguousTask,
            Self::UnknownParents { .. } => ErrorCode::UnknownParent,
            Self::UnknownBoard { .. } => ErrorCode::UnknownBoard,
            Self::UnknownSchedule { .. } => ErrorCode::UnknownSchedule,
            Self::ScheduleExists { .. } | Self::OccurrenceExists { .. } => {
                ErrorCode::ScheduleExists
            }
            Self::NoOccurrence { .. } => ErrorCode::NoOccurrence,
            Self::TitleRequired => ErrorCode::TitleRequired,
            Self::CommentBodyRequired => ErrorCode::CommentBodyRequired,
            Self::CommentAuthorRequired => ErrorCode::CommentAuthorRequired,
            Self::ReasonRequired => ErrorCode::ReasonRequired,
            Self::SummaryRequired => ErrorCode::SummaryRequired,
            Self::OtherRole { .. } => ErrorCode::WrongStatus,
            Self::Reviewer { fault: PairFault::Unknown { .. } } => ErrorCode::UnknownProfile,
            Self::Reviewer { .. } => ErrorCode::InvalidValue,
            Self::InvalidValue { .. }
            | Self::BadCron { .. }
            | Self::AddressRefused { .. }
            | Self::ChangesRequired
            | Self::BoardInUse { .. }
            | Self::NoDirectory { .. }
            | Self::OptionNotTaken { .. }
            | Self::WorkspaceKind { .. }
            | Self::SkillComma { .. } => ErrorCode::InvalidValue,
            Self::TooLarge { .. }
            | Self::TooMany { .. }
            | Self::TooManySchedules { .. }
            | Self::TreeFull { .. } => ErrorCode::TooLarge,
            Self::NoOpenParent { .. } => ErrorCode::NoOpenParent,
            Self::QuestionOver { .. } => ErrorCode::QuestionOver,
            Self::QuestionOpen { .. } => ErrorCode::QuestionOpen,
            Self::NoQuestion { .. } => ErrorCode::NoQuestion,
            Self::UnknownQuestion { .. } => ErrorCode::UnknownQuestion,
            Self::SelfLink { .. } => ErrorCode::SelfLink,
            Self::Cycle { .. } => ErrorCode::Cycle,
            Self::UnknownLink { .. } => ErrorCode::UnknownLink,
            Self::WrongStatus { .. } => ErrorCode::WrongStatus,
            Self::CurrentlyRunning { .. } => ErrorCode::CurrentlyRunning,
            Self::ChangedMeanwhile { .. } => ErrorCode::ChangedMeanwhile,
            Self::UnmetParents { .. } => ErrorCode::UnmetParents,
            Self::PreviousRunOpen { .. } => ErrorCode::PreviousRunOpen,
            Self::WorkspaceBusy { .. } => ErrorCode::WorkspaceBusy,
            Self::WorkspaceUnknown { .. } => ErrorCode::WorkspaceUnknown,
            Self::NotUnkillable { .. } => ErrorCode::NotUnkillable,
            Self::OtherClaimer { .. } => ErrorCode::OtherClaimer,
            Self::RunOver { .. } => ErrorCode::RunOver,
            Self::NotYours { .. } => ErrorCode::NotYours,
            Self::Forbidden { .. } | Self::BeyondReach { .. } => ErrorCode::Forbidden,
            Self::IdempotencyConflict { .. } => ErrorCode::IdempotencyConflict,
            Self::RequestConflict { .. } => ErrorCode::RequestConflict,
            Self::UnknownProfile { .. } | Self::NothingToPause { .. } => ErrorCode::UnknownProfile,
            Self::ImportClash { .. } => ErrorCode::ImportClash,
            Self::UnknownBreaker { .. } => ErrorCode::UnknownBreaker,
            Self::UnknownSubscription { .. } => ErrorCode::UnknownSubscription,
            Self::ReadTooLong { .. } => ErrorCode::Timeout,
            Self::UnknownCards { .. } => ErrorCode::UnknownCards,
            Self::UnknownAttachment { .. } => ErrorCode::UnknownAttachment,
        }
    }
}
