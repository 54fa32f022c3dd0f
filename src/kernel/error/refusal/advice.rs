//! What a caller could do about a refusal.

use super::Refusal;
use crate::kernel::error::Hint;
use crate::kernel::rules::board_obstacle::BoardObstacle;
use crate::kernel::rules::pair_fault::PairFault;
use crate::kernel::task::TaskStatus;

/// For a schedule without a further occurrence.
const OTHER_TIMES: &str = "give it another expression, a later end or a larger maximum";

impl Refusal {
    /// What the caller could do instead, when there is something to say.
    #[expect(clippy::too_many_lines, reason = "a line for each refusal")]
    pub fn hint(&self) -> Option<Hint> {
        let hint = match self {
            Self::AmbiguousTask { .. } => Hint::words("write more of the id"),
            Self::UnknownTask { .. }
            | Self::UnknownLinkEnds { .. }
            | Self::UnknownParents { .. } => Hint::ListTasks,
            Self::OtherBoard { .. } => Hint::NameBoard,
            Self::UnknownBoard { .. } => Hint::ListBoards,
            Self::NoDirectory { why: None, .. } => Hint::CreateDirectory,
            Self::BoardInUse {
                name,
                why: BoardObstacle::NotEmpty { tasks, schedules, subscriptions },
                ..
            } => Hint::EmptyBoard {
                name: name.clone(),
                has_tasks: *tasks > 0,
                has_schedules: *schedules > 0,
                has_subscriptions: *subscriptions > 0,
            },
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
            Self::UnknownSchedule { .. } => Hint::ListSchedules,
            Self::NoOccurrence { .. } => Hint::words(OTHER_TIMES),
            Self::UnknownCards { .. } => {
                Hint::words("nothing was completed; name only tasks that this run created, or none")
            }
            Self::UnknownAttachment { id, .. } => Hint::ListAttachments { id: id.clone() },
            Self::IdempotencyConflict { .. } => Hint::words("use another key for another task"),
            Self::UnknownProfile { name, nearest } => other_profile(name, nearest.as_deref()),
            Self::NothingToPause { nearest: Some(nearest), .. } => {
                Hint::Words(format!("did you mean {nearest}?"))
            }
            Self::NothingToPause { nearest: None, .. } => {
                Hint::words("name a configured profile or the assignee of a task")
            }
            Self::OtherRole { is_review: true, .. } => Hint::EndReview,
            Self::OtherRole { is_review: false, .. } => Hint::EndWork,
            Self::Reviewer { fault } => other_reviewer(fault),
            Self::OptionNotTaken { profile, option, .. } => {
                Hint::AddPlaceholder { option, profile: profile.clone() }
            }
            Self::WrongStatus { status, verb, id, .. } => return way_back(*status, verb, id),
            Self::NoOpenParent { .. } => Hint::NameParent,
            Self::QuestionOpen { verb: "ask", .. } => {
                Hint::words("ask that one again, word for word, to wait for its answer")
            }
            Self::QuestionOpen { id, blocks, .. } => {
                Hint::Answer { id: id.clone(), is_unblock: *blocks }
            }
            Self::NoQuestion { id, is_blocked: true } => {
                Hint::Instead { verb: "unblock", id: id.clone() }
            }
            Self::UnknownQuestion { id, .. } => Hint::ListQuestions { id: id.clone() },
            Self::TooMany { id, .. } => Hint::ContinueInNewTask { id: id.clone() },
            Self::ReadTooLong { .. } => Hint::NarrowQuery,
            Self::TreeFull { .. } => {
                Hint::words("finish what there is to do in your own task, or block it for a person")
            }
            Self::BeyondReach { .. } => {
                Hint::words("a person has to do it: say in a comment what is needed")
            }
            Self::TitleRequired
            | Self::BoardInUse { .. }
            | Self::NoDirectory { .. }
            | Self::CommentBodyRequired
            | Self::CommentAuthorRequired
            | Self::ReasonRequired
            | Self::SummaryRequired
            | Self::ChangesRequired
            | Self::QuestionOver { .. }
            | Self::NoQuestion { .. }
            | Self::InvalidValue { .. }
            | Self::AddressRefused { .. }
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
            | Self::ScheduleExists { .. }
            | Self::OccurrenceExists { .. }
            | Self::TooManySchedules { .. }
            | Self::BadCron { .. }
            | Self::ImportClash { .. }
            | Self::RequestConflict { .. } => return None,
        };
        Some(hint)
    }
}

fn other_profile(name: &str, nearest: Option<&str>) -> Hint {
    Hint::Words(match nearest {
        Some(nearest) => format!("did you mean {nearest}?"),
        None => format!("add [profiles.{name}] to the configuration, or assign another profile"),
    })
}

fn other_reviewer(fault: &PairFault) -> Hint {
    match fault {
        PairFault::Unknown { reviewer } => Hint::Words(format!(
            "add [profiles.{reviewer}] to the configuration, or name another reviewer"
        )),
        PairFault::Itself { .. } | PairFault::Users { .. } => {
            Hint::words("name another reviewer, or `human` for a person")
        }
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
