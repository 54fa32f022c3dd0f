//! The stable names of errors.

use serde::{Deserialize, Serialize};

macro_rules! error_codes {
    ($($code:ident = $text:literal,)*) => {
        /// Error codes; part of the API.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
        #[expect(
            missing_docs,
            reason = "each name is documented by the refusal of the same name or by the API page"
        )]
        pub enum ErrorCode {
            $(#[serde(rename = $text)] $code,)*
        }

        impl ErrorCode {
            /// All codes.
            pub const ALL: &'static [Self] = &[$(Self::$code,)*];

            /// The code on the wire.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$code => $text,)*
                }
            }

            /// The code of this text; none when this program has no such code.
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|code| code.as_str() == text)
            }
        }
    };
}

error_codes! {
    BadRequest = "bad_request",
    NotFound = "not_found",
    MethodNotAllowed = "method_not_allowed",
    Timeout = "timeout",
    TooLarge = "too_large",
    UnknownTask = "unknown_task",
    AmbiguousTask = "ambiguous_task",
    UnknownParent = "unknown_parent",
    UnknownBoard = "unknown_board",
    UnknownSchedule = "unknown_schedule",
    ScheduleExists = "schedule_exists",
    NoOccurrence = "no_occurrence",
    UnknownLink = "unknown_link",
    UnknownProfile = "unknown_profile",
    ProfileExists = "profile_exists",
    UnknownRun = "unknown_run",
    UnknownAttachment = "unknown_attachment",
    UnknownCards = "unknown_cards",
    TitleRequired = "title_required",
    CommentBodyRequired = "comment_body_required",
    CommentAuthorRequired = "comment_author_required",
    ReasonRequired = "reason_required",
    SummaryRequired = "summary_required",
    InvalidValue = "invalid_value",
    NoOpenParent = "no_open_parent",
    QuestionOver = "question_over",
    QuestionOpen = "question_open",
    NoQuestion = "no_question",
    UnknownQuestion = "unknown_question",
    SelfLink = "self_link",
    Cycle = "cycle",
    WrongStatus = "wrong_status",
    CurrentlyRunning = "currently_running",
    UnmetParents = "unmet_parents",
    PreviousRunOpen = "previous_run_open",
    WorkspaceBusy = "workspace_busy",
    WorkspaceUnknown = "workspace_unknown",
    NotUnkillable = "not_unkillable",
    OtherClaimer = "other_claimer",
    RunOver = "run_over",
    NotYours = "not_yours",
    Forbidden = "forbidden",
    Unplaced = "unplaced",
    NoSession = "no_session",
    ConfirmNeeded = "confirm_needed",
    IdempotencyConflict = "idempotency_conflict",
    ChangedMeanwhile = "changed_meanwhile",
    RequestConflict = "request_conflict",
    UnknownSubscription = "unknown_subscription",
    UnknownBreaker = "unknown_breaker",
    ImportClash = "import_clash",
    BadBackup = "bad_backup",
    OpenRuns = "open_runs",
    Unavailable = "unavailable",
    BoardLost = "board_lost",
    Internal = "internal",
}
