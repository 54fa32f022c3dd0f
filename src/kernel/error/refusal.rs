//! Refusals: the board declines a request, with a reason and a suggestion.

use thiserror::Error;

use super::{ErrorCode, Hint};
use crate::kernel::ids::RunId;
use crate::kernel::rules::pair_fault::PairFault;
use crate::kernel::task::{Task, TaskStatus};

/// Why the board says no. The text of each is part of the outside contract (its key phrases).
#[derive(Debug, Clone, Error, PartialEq, Eq)]
pub enum Refusal {
    /// No task has this id.
    #[error("no such task: {id}")]
    UnknownTask {
        /// As the caller wrote it.
        id: String,
    },
    /// A named parent does not exist.
    #[error("unknown parent task(s): {ids}")]
    UnknownParents {
        /// Comma-separated, as the caller wrote them.
        ids: String,
    },
    /// An end of a link does not exist.
    #[error("unknown task(s): {ids}")]
    UnknownLinkEnds {
        /// Comma-separated, as the caller wrote them.
        ids: String,
    },
    /// No board has this name.
    #[error("unknown board: {name}")]
    UnknownBoard {
        /// As the caller wrote it.
        name: String,
    },
    /// The task is on another board than the one that the request names.
    #[error("no such task: {id} is not on board {board}")]
    OtherBoard {
        /// The task.
        id: String,
        /// The board of the request.
        board: String,
    },
    /// A title is missing or blank.
    #[error("title is required")]
    TitleRequired,
    /// A comment has no text.
    #[error("comment body is required")]
    CommentBodyRequired,
    /// A comment has no author.
    #[error("comment author is required")]
    CommentAuthorRequired,
    /// A worker blocks without saying why.
    #[error("reason is required: say what you need from a person")]
    ReasonRequired,
    /// A review sends back without saying why.
    #[error("say what has to change")]
    ChangesRequired,
    /// A run gives a verdict that is not one of its role.
    #[error(
        "cannot {verb} {id}: this run {}",
        if *is_review { "reviews the task: approve it or request changes" } else { "works on the task: it is no review" }
    )]
    OtherRole {
        /// The verb.
        verb: &'static str,
        /// The task.
        id: String,
        /// Whether the run is a review.
        is_review: bool,
    },
    /// A profile cannot review the tasks of an assignee.
    #[error("{fault}")]
    Reviewer {
        /// What is in the way.
        fault: PairFault,
    },
    /// A worker completes without a handoff.
    #[error("a summary or a result is required")]
    SummaryRequired,
    /// A field has a value that it cannot have.
    #[error("{field}: {problem}: {value}")]
    InvalidValue {
        /// The field.
        field: &'static str,
        /// What is wrong.
        problem: &'static str,
        /// The value, shortened.
        value: String,
    },
    /// The kind of workspace is not one of the three.
    #[error("workspace_kind must be one of dir, scratch, worktree: {value}")]
    WorkspaceKind {
        /// As the caller wrote it.
        value: String,
    },
    /// A skill's name has a comma.
    #[error("skill name cannot contain comma: {name}")]
    SkillComma {
        /// The name.
        name: String,
    },
    /// A field is longer than its limit.
    #[error("{field} is too large: {actual} bytes, maximum {limit}")]
    TooLarge {
        /// The field.
        field: &'static str,
        /// Bytes given.
        actual: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The task has as many of these as it may have.
    #[error("{id} has {limit} {what}, the maximum per task")]
    TooMany {
        /// Of what, in the plural.
        what: &'static str,
        /// The task.
        id: String,
        /// How many it may have.
        limit: u64,
    },
    /// A task was to depend on itself.
    #[error("a task cannot depend on itself: {id}")]
    SelfLink {
        /// The task.
        id: String,
    },
    /// The link would close a circle.
    #[error("linking {parent} -> {child} would create a cycle")]
    Cycle {
        /// Parent.
        parent: String,
        /// Child.
        child: String,
    },
    /// There is no such link to remove.
    #[error("no such link: {parent} -> {child}")]
    UnknownLink {
        /// Parent.
        parent: String,
        /// Child.
        child: String,
    },
    /// The task's status does not allow the verb.
    #[error("cannot {verb} {id}: status={status}{why}")]
    WrongStatus {
        /// The verb.
        verb: &'static str,
        /// The task.
        id: String,
        /// Its status.
        status: TaskStatus,
        /// More, beginning with a blank or a semicolon; may be empty.
        why: String,
    },
    /// The task is being worked on.
    #[error("cannot {verb} {id}: currently running (claimed by {lock})")]
    CurrentlyRunning {
        /// The verb.
        verb: &'static str,
        /// The task.
        id: String,
        /// Who holds it.
        lock: String,
    },
    /// The task has another version than the one that the caller saw.
    #[error("cannot edit {}: it was changed meanwhile; its version is {}", .current.id, .current.version)]
    ChangedMeanwhile {
        /// The task as it is.
        current: Box<Task>,
    },
    /// Parents of the task are not done.
    #[error("cannot promote {id}: unfinished parents: {unmet}")]
    UnmetParents {
        /// The task.
        id: String,
        /// Its open parents.
        unmet: String,
    },
    /// The processes of the task's previous run are not gone yet.
    #[error("cannot claim {id}: the previous run {run_id} is still stopping")]
    PreviousRunOpen {
        /// The task.
        id: String,
        /// The run.
        run_id: RunId,
    },
    /// Another run works where this one would.
    #[error("cannot claim {id}: workspace {workspace} is in use by {owner} (run {run_id})")]
    WorkspaceBusy {
        /// The task.
        id: String,
        /// Where it would work.
        workspace: String,
        /// The task that works there.
        owner: String,
        /// Its run.
        run_id: RunId,
    },
    /// It is not known which directory this is, so it is not known whether a run works in it.
    #[error("cannot claim {id}: cannot resolve the workspace {workspace}: {why}")]
    WorkspaceUnknown {
        /// The task.
        id: String,
        /// Where it would work.
        workspace: String,
        /// Why not.
        why: String,
    },
    /// Processes are to be given up that may still end by themselves.
    #[error("cannot stop {id} by force: {state}, not unkillable")]
    NotUnkillable {
        /// The task.
        id: String,
        /// How its processes stand.
        state: String,
    },
    /// The claim belongs to another claimer.
    #[error("cannot {verb} {id}: claimed by {lock}, not by {claimer}")]
    OtherClaimer {
        /// The verb.
        verb: &'static str,
        /// The task.
        id: String,
        /// Who holds it.
        lock: String,
        /// Who asked.
        claimer: String,
    },
    /// The caller's run has ended.
    #[error("run {run_id} is over: {detail}")]
    RunOver {
        /// The run.
        run_id: RunId,
        /// How it ended.
        detail: String,
    },
    /// A worker acts on a task that is not its own.
    #[error("run {run_id} belongs to {own}, not to {id}")]
    NotYours {
        /// The caller's run.
        run_id: RunId,
        /// Its task.
        own: String,
        /// The task it named.
        id: String,
    },
    /// The caller may not do this at all.
    #[error("{caller} may not {verb}")]
    Forbidden {
        /// Who asked.
        caller: String,
        /// The verb.
        verb: &'static str,
    },
    /// The same idempotency key was used with another payload.
    #[error("idempotency key {key:?} belongs to {id}, which was created with different content")]
    IdempotencyConflict {
        /// The key.
        key: String,
        /// The task that has it.
        id: String,
    },
    /// The same request id was used with another request.
    #[error("request id {id} was already used for a different request")]
    RequestConflict {
        /// The request id.
        id: String,
    },
    /// The assignee has no profile and only profiles may be assigned.
    #[error("unknown profile: {name}")]
    UnknownProfile {
        /// The name.
        name: String,
        /// The profile or person that was probably meant.
        nearest: Option<String>,
    },
    /// The launcher of a profile has no place for what is asked of its workers.
    #[error(
        "profile {profile:?} does not support {option}: its launcher {launcher:?} has no placeholder for it"
    )]
    OptionNotTaken {
        /// `model`, `effort` or `args`.
        option: &'static str,
        /// The profile.
        profile: String,
        /// Its launcher.
        launcher: String,
    },
    /// A task of an import has the id of another task that is here already.
    #[error("{id} already exists and differs from the task to import")]
    ImportClash {
        /// The task.
        id: String,
    },
    /// There is no such breaker to reset.
    #[error("no such breaker: {key}")]
    UnknownBreaker {
        /// The key.
        key: String,
    },
    /// A worker says that it created tasks that it did not create.
    #[error("created_cards names tasks that this run did not create: {doubts}")]
    UnknownCards {
        /// Their ids, as the caller wrote them.
        ids: Vec<String>,
        /// The same with what is wrong with each, as one line.
        doubts: String,
    },
    /// The task has no attached file of this name.
    #[error("no such attachment: {id} has no {filename}")]
    UnknownAttachment {
        /// The task.
        id: String,
        /// As the caller wrote it.
        filename: String,
    },
    /// The answer would take too long to find.
    #[error("the query took too long: stopped after {ms} ms")]
    ReadTooLong {
        /// How long it had taken, milliseconds.
        ms: u64,
    },
    /// There is no such subscription to end.
    #[error("no such subscription to {id}")]
    UnknownSubscription {
        /// The task.
        id: String,
    },
}

impl Refusal {
    /// The task as it is, where the refusal says that the caller saw another one.
    pub fn current_task(&self) -> Option<&Task> {
        if let Self::ChangedMeanwhile { current } = self { Some(current) } else { None }
    }

    /// The stable code of this refusal.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::UnknownTask { .. } | Self::OtherBoard { .. } | Self::UnknownLinkEnds { .. } => {
                ErrorCode::UnknownTask
            }
            Self::UnknownParents { .. } => ErrorCode::UnknownParent,
            Self::UnknownBoard { .. } => ErrorCode::UnknownBoard,
            Self::TitleRequired => ErrorCode::TitleRequired,
            Self::CommentBodyRequired => ErrorCode::CommentBodyRequired,
            Self::CommentAuthorRequired => ErrorCode::CommentAuthorRequired,
            Self::ReasonRequired => ErrorCode::ReasonRequired,
            Self::SummaryRequired => ErrorCode::SummaryRequired,
            Self::ChangesRequired => ErrorCode::InvalidValue,
            Self::OtherRole { .. } => ErrorCode::WrongStatus,
            Self::Reviewer { fault: PairFault::Unknown { .. } } => ErrorCode::UnknownProfile,
            Self::Reviewer { .. } => ErrorCode::InvalidValue,
            Self::InvalidValue { .. } | Self::WorkspaceKind { .. } | Self::SkillComma { .. } => {
                ErrorCode::InvalidValue
            }
            Self::TooLarge { .. } | Self::TooMany { .. } => ErrorCode::TooLarge,
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
            Self::Forbidden { .. } => ErrorCode::Forbidden,
            Self::IdempotencyConflict { .. } => ErrorCode::IdempotencyConflict,
            Self::RequestConflict { .. } => ErrorCode::RequestConflict,
            Self::UnknownProfile { .. } => ErrorCode::UnknownProfile,
            Self::OptionNotTaken { .. } => ErrorCode::InvalidValue,
            Self::ImportClash { .. } => ErrorCode::ImportClash,
            Self::UnknownBreaker { .. } => ErrorCode::UnknownBreaker,
            Self::UnknownSubscription { .. } => ErrorCode::UnknownSubscription,
            Self::ReadTooLong { .. } => ErrorCode::Timeout,
            Self::UnknownCards { .. } => ErrorCode::UnknownCards,
            Self::UnknownAttachment { .. } => ErrorCode::UnknownAttachment,
        }
    }

    /// What the caller could do instead, when there is something to say.
    pub fn hint(&self) -> Option<Hint> {
        let hint = match self {
            Self::UnknownTask { .. }
            | Self::UnknownLinkEnds { .. }
            | Self::UnknownParents { .. } => Hint::ListTasks,
            Self::OtherBoard { .. } => Hint::NameBoard,
            Self::UnknownBoard { .. } => Hint::ListBoards,
            Self::CurrentlyRunning { id, .. } => Hint::StopRun { id: id.clone() },
            Self::UnmetParents { .. } => Hint::IgnoreParents,
            Self::PreviousRunOpen { .. } => Hint::AwaitClosed { id: None },
            Self::WorkspaceBusy { owner, .. } => Hint::AwaitClosed { id: Some(owner.clone()) },
            Self::WorkspaceUnknown { workspace, .. } => {
                Hint::Words(format!("retry when `ls -d {workspace}` works for the daemon's user"))
            }
            Self::NotUnkillable { id, .. } => Hint::StopWithoutForce { id: id.clone() },
            Self::RunOver { .. } => Hint::words("stop working; further reports are not recorded"),
            Self::NotYours { own, .. } => Hint::Words(format!("comment on it, or act on {own}")),
            Self::UnknownBreaker { .. } => Hint::ListBreakers,
            Self::UnknownCards { .. } => {
                Hint::words("nothing was completed; name only tasks that this run created, or none")
            }
            Self::UnknownAttachment { id, .. } => Hint::ListAttachments { id: id.clone() },
            Self::IdempotencyConflict { .. } => Hint::words("use another key for another task"),
            Self::UnknownProfile { nearest: Some(nearest), .. } => {
                Hint::Words(format!("did you mean {nearest}?"))
            }
            Self::UnknownProfile { name, nearest: None } => Hint::Words(format!(
                "add [profiles.{name}] to the configuration, or assign another profile"
            )),
            Self::OtherRole { is_review: true, .. } => Hint::EndReview,
            Self::OtherRole { is_review: false, .. } => Hint::EndWork,
            Self::Reviewer { fault: PairFault::Unknown { reviewer } } => Hint::Words(format!(
                "add [profiles.{reviewer}] to the configuration, or name another reviewer"
            )),
            Self::Reviewer { .. } => Hint::words("name another reviewer, or `human` for a person"),
            Self::OptionNotTaken { profile, option, .. } => {
                Hint::AddPlaceholder { option, profile: profile.clone() }
            }
            Self::WrongStatus { status, verb, id, .. } => return way_back(*status, verb, id),
            Self::TooMany { id, .. } => Hint::ContinueInNewTask { id: id.clone() },
            Self::ReadTooLong { .. } => Hint::NarrowQuery,
            Self::TitleRequired
            | Self::CommentBodyRequired
            | Self::CommentAuthorRequired
            | Self::ReasonRequired
            | Self::SummaryRequired
            | Self::ChangesRequired
            | Self::InvalidValue { .. }
            | Self::WorkspaceKind { .. }
            | Self::ChangedMeanwhile { .. }
            | Self::SkillComma { .. }
            | Self::TooLarge { .. }
            | Self::SelfLink { .. }
            | Self::Cycle { .. }
            | Self::UnknownLink { .. }
            | Self::OtherClaimer { .. }
            | Self::Forbidden { .. }
            | Self::UnknownSubscription { .. }
            | Self::ImportClash { .. }
            | Self::RequestConflict { .. } => return None,
        };
        Some(hint)
    }
}

/// The verb that leads out of the status which refuses `verb`, where the caller wants the work to go on.
fn way_back(status: TaskStatus, verb: &str, id: &str) -> Option<Hint> {
    let wants_work = matches!(verb, "claim" | "restart" | "promote" | "unblock" | "stop");
    let first = match status {
        TaskStatus::Blocked if wants_work => "unblock",
        TaskStatus::Done if wants_work => "reopen",
        TaskStatus::Archived if wants_work || verb == "reopen" => "unarchive",
        TaskStatus::Scheduled if verb == "claim" => "promote",
        TaskStatus::Triage
        | TaskStatus::Todo
        | TaskStatus::Scheduled
        | TaskStatus::Ready
        | TaskStatus::Running
        | TaskStatus::Blocked
        | TaskStatus::Review
        | TaskStatus::Done
        | TaskStatus::Archived => return None,
    };
    Some(Hint::First { verb: first, id: id.to_owned() })
}
