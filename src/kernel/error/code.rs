//! The stable names of errors.

use serde::{Deserialize, Serialize};

/// Error codes; part of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "each name is documented by the refusal of the same name or by the API page"
)]
pub enum ErrorCode {
    BadRequest,
    NotFound,
    MethodNotAllowed,
    Timeout,
    TooLarge,
    UnknownTask,
    UnknownParent,
    UnknownBoard,
    UnknownLink,
    UnknownProfile,
    UnknownRun,
    UnknownAttachment,
    UnknownCards,
    TitleRequired,
    CommentBodyRequired,
    CommentAuthorRequired,
    ReasonRequired,
    SummaryRequired,
    InvalidValue,
    SelfLink,
    Cycle,
    WrongStatus,
    CurrentlyRunning,
    UnmetParents,
    PreviousRunOpen,
    WorkspaceBusy,
    WorkspaceUnknown,
    NotUnkillable,
    OtherClaimer,
    RunOver,
    NotYours,
    Forbidden,
    Unplaced,
    IdempotencyConflict,
    ChangedMeanwhile,
    RequestConflict,
    UnknownSubscription,
    UnknownBreaker,
    ImportClash,
    BadBackup,
    OpenRuns,
    Unavailable,
    BoardLost,
    Internal,
}
