//! Refusals: the board declines a request, with a reason and a suggestion.

mod advice;
mod code;

use thiserror::Error;

use crate::kernel::ids::RunId;
use crate::kernel::rules::board_obstacle::BoardObstacle;
use crate::kernel::rules::cron::CronFault;
use crate::kernel::rules::handover::Held;
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
    /// More than one task is meant.
    #[error("{id} is the beginning of several ids: {candidates}")]
    AmbiguousTask {
        /// As the caller wrote it.
        id: String,
        /// Some of them, each with its title.
        candidates: String,
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
    /// A board cannot be renamed or removed.
    #[error("cannot {verb} board {name}: {why}")]
    BoardInUse {
        /// The verb.
        verb: &'static str,
        /// The board.
        name: String,
        /// What is in the way.
        why: BoardObstacle,
    },
    /// The board has no schedule of this name.
    #[error("no such schedule: {name}")]
    UnknownSchedule {
        /// As the caller wrote it.
        name: String,
    },
    /// The board has a schedule of this name.
    #[error("schedule {name} already exists")]
    ScheduleExists {
        /// The name.
        name: String,
    },
    /// A profile or a board has as many schedules as it may have.
    #[error("too many schedules: {of} has the maximum of {limit}")]
    TooManySchedules {
        /// The profile or the board.
        of: String,
        /// The maximum.
        limit: u32,
    },
    /// A message may not go to this address.
    #[error("cannot send to {address}: {detail}")]
    AddressRefused {
        /// The address, without what may be secret.
        address: String,
        /// Why.
        detail: String,
    },
    /// No further occurrence comes.
    #[error("schedule {name} has no further occurrence")]
    NoOccurrence {
        /// The schedule.
        name: String,
    },
    /// The occurrence was made already.
    #[error("schedule {name} already has an occurrence of this second")]
    OccurrenceExists {
        /// The schedule.
        name: String,
    },
    /// A cron expression cannot be read.
    #[error("{fault}")]
    BadCron {
        /// What is wrong with it.
        fault: CronFault,
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
    /// A dependency that nothing would ever end.
    #[error("cannot block {id} for a dependency: it has no unfinished parent")]
    NoOpenParent {
        /// The task.
        id: String,
    },
    /// The question has ended.
    #[error("question {question} of {id} is over: {detail}")]
    QuestionOver {
        /// The question.
        question: String,
        /// Its task.
        id: String,
        /// What happened to it.
        detail: String,
    },
    /// The task waits for the answer to a question, so the verb is not the one that is meant.
    #[error("cannot {verb} {id}: question {question} is open: {text}")]
    QuestionOpen {
        /// The verb.
        verb: &'static str,
        /// The task.
        id: String,
        /// The question.
        question: String,
        /// Its text, shortened.
        text: String,
        /// Whether its task is blocked for it.
        blocks: bool,
    },
    /// The task has no question that could be answered.
    #[error("{id} has no open question")]
    NoQuestion {
        /// The task.
        id: String,
        /// Whether it is blocked, without a question.
        is_blocked: bool,
    },
    /// There is no such question.
    #[error("no such question: {id} has no {question}")]
    UnknownQuestion {
        /// The task.
        id: String,
        /// As the caller wrote it.
        question: String,
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
    /// The directory that a task is to work in is not there.
    #[error("no such directory: {path}{}", why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default())]
    NoDirectory {
        /// The path.
        path: String,
        /// Why it cannot even be made.
        why: Option<String>,
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
    /// Workers have created as many tasks from one task as they may.
    #[error(
        "cannot create a task: {root} has the maximum of {limit} {what} that workers create ({setting})"
    )]
    TreeFull {
        /// The task from which all of them come.
        root: String,
        /// What it has too many of.
        what: &'static str,
        /// The setting.
        setting: &'static str,
        /// Its value.
        limit: u32,
    },
    /// The profile of a worker may not hand work to another one.
    #[error("cannot {verb} {id}: {held}")]
    BeyondReach {
        /// The verb.
        verb: &'static str,
        /// The task.
        id: String,
        /// What is in the way.
        held: Held,
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
    /// The profile that is to be paused is none, and no task is assigned to it.
    #[error("cannot pause {name}: it is neither a configured profile nor the assignee of a task")]
    NothingToPause {
        /// The name.
        name: String,
        /// The profile or assignee that was probably meant.
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
}
