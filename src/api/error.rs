//! From refusals and faults to replies: the one place that knows their HTTP status.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::chat::Confirm;
use crate::kernel::error::{Edge, ErrorCode, Fault, Hint, Refusal, VerbError};
use crate::kernel::task::Task;
use crate::service::ServiceError;

/// An error on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    status: StatusCode,
    code: ErrorCode,
    message: String,
    hint: Option<Hint>,
    /// The task as it is, where the caller saw another one.
    current: Option<Box<Task>>,
    /// How the person of a chat confirms.
    confirm: Option<Box<Confirm>>,
    /// Something broke, and an operator should look at it.
    is_fault: bool,
}

/// `{"error": {"code", "message", "hint"?}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ErrorBody")]
pub struct ErrorBody<D = ErrorDetail> {
    /// Description of an error.
    pub error: D,
}

/// Description of an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ErrorDetail")]
pub struct ErrorDetail<C = ErrorCode, T = Task> {
    /// Error code.
    pub code: C,
    /// One line for people.
    pub message: String,
    /// Suggested action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// With `changed_meanwhile`: the task as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<Box<T>>,
    /// With `confirm_needed`: how the person of the chat confirms; the message is the question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<Box<Confirm>>,
}

impl<C, T> ErrorDetail<C, T> {
    /// A code and its line, without more.
    pub fn new(code: impl Into<C>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), hint: None, task: None, confirm: None }
    }
}

impl ApiError {
    /// An error that no verb knows.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        let (status, message) = (status_of(code), message.into());
        Self { status, code, message, hint: None, current: None, confirm: None, is_fault: false }
    }

    /// The same with a hint.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(Hint::words(hint));
        self
    }

    /// A question to the person of a chat.
    pub fn confirm_needed(question: String, confirm: Confirm) -> Self {
        let confirm = Some(Box::new(confirm));
        Self { confirm, ..Self::new(ErrorCode::ConfirmNeeded, question) }
    }

    /// What it says to a caller at this edge.
    pub fn detail(&self, edge: Edge) -> ErrorDetail {
        let hint = self.hint.as_ref().and_then(|hint| hint.render(edge));
        let task = self.current.clone();
        let confirm = self.confirm.clone();
        ErrorDetail { code: self.code, message: self.message.clone(), hint, task, confirm }
    }

    /// The answer to a caller at this edge.
    pub fn answer(&self, edge: Edge) -> Response {
        let body = ErrorBody { error: self.detail(edge) };
        // A struct of strings and an enum always serializes.
        let json = crate::text::json::to_vec(&body).unwrap_or_default();
        (self.status, [(CONTENT_TYPE, "application/json")], json).into_response()
    }

    /// Writes a fault into the daemon's log. Called once, where the error becomes the answer to a request: an error that is only
    /// made, or that is replaced by another one, has not failed anything.
    pub fn log_fault(&self, operation: &str) {
        if self.is_fault {
            tracing::error!(operation, fault = self.message, "request failed");
        }
    }
}

impl From<ServiceError> for ApiError {
    fn from(error: ServiceError) -> Self {
        let (code, hint) = (error.code(), error.hint());
        let (status, message) = (status_of(code), error.to_string());
        let current = error.current_task().cloned().map(Box::new);
        Self { status, code, message, hint, current, confirm: None, is_fault: error.is_fault() }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        ServiceError::from(refusal).into()
    }
}

impl From<Fault> for ApiError {
    fn from(fault: Fault) -> Self {
        ServiceError::from(fault).into()
    }
}

impl From<VerbError> for ApiError {
    fn from(error: VerbError) -> Self {
        ServiceError::from(error).into()
    }
}

/// For a caller that does not say at which edge it is.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.answer(Edge::default())
    }
}

/// The HTTP status of each code.
pub fn status_of(code: ErrorCode) -> StatusCode {
    use ErrorCode as C;
    match code {
        C::BadRequest
        | C::TitleRequired
        | C::CommentBodyRequired
        | C::CommentAuthorRequired
        | C::ReasonRequired
        | C::SummaryRequired
        | C::InvalidValue
        | C::UnknownParent
        | C::UnknownCards
        | C::NoOpenParent
        | C::NoOccurrence
        | C::SelfLink
        | C::Cycle
        | C::UnknownProfile
        | C::AmbiguousTask
        | C::BadBackup => StatusCode::BAD_REQUEST,
        C::Forbidden | C::NotYours | C::Unplaced | C::ConfirmNeeded => StatusCode::FORBIDDEN,
        C::NoSession => StatusCode::UNAUTHORIZED,
        C::NotFound
        | C::UnknownTask
        | C::UnknownBoard
        | C::UnknownSchedule
        | C::UnknownLink
        | C::UnknownSubscription
        | C::UnknownBreaker
        | C::UnknownRun
        | C::UnknownQuestion
        | C::UnknownAttachment => StatusCode::NOT_FOUND,
        C::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        C::Timeout => StatusCode::REQUEST_TIMEOUT,
        C::WrongStatus
        | C::CurrentlyRunning
        | C::PreviousRunOpen
        | C::WorkspaceBusy
        | C::WorkspaceUnknown
        | C::NotUnkillable
        | C::UnmetParents
        | C::OtherClaimer
        | C::QuestionOver
        | C::QuestionOpen
        | C::NoQuestion
        | C::RunOver
        | C::IdempotencyConflict
        | C::ChangedMeanwhile
        | C::RequestConflict
        | C::ProfileExists
        | C::ImportClash
        | C::ScheduleExists
        | C::OpenRuns => StatusCode::CONFLICT,
        C::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        C::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        C::BoardLost | C::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
