//! The review of a task: who reviews what, who does it when that one cannot, and what each verdict means where. Pure.
//!
//! A task with a reviewer is not done when its worker completes it: it is handed in. A run of the reviewer then approves it or requests
//! changes. What keeps a profile from reviewing leaves the review to a person, never nobody.

use crate::kernel::policy::Policy;
pub use crate::kernel::rules::pair_fault::PairFault;
use crate::kernel::run::RunRole;
use crate::kernel::task::{HUMAN, Task, TaskStatus};

/// Whether `reviewer` may review the tasks of `assignee`. A person may review everything; with nobody as assignee there is no pair yet.
///
/// # Errors
/// What is in the way.
pub fn pair(
    reviewer: Option<&str>,
    assignee: Option<&str>,
    policy: &Policy,
) -> Result<(), PairFault> {
    let Some(reviewer) = reviewer.filter(|name| *name != HUMAN) else { return Ok(()) };
    let reviews = &policy.reviews;
    let Some(reviewer_user) = reviews.users.get(reviewer) else {
        return Err(PairFault::Unknown { reviewer: reviewer.to_owned() });
    };
    let Some(assignee) = assignee.filter(|name| !name.is_empty()) else { return Ok(()) };
    if assignee == reviewer {
        let profile = assignee.to_owned();
        return if reviews.allow_self { Ok(()) } else { Err(PairFault::Itself { profile }) };
    }
    let assignee_user = reviews.users.get(assignee).unwrap_or(&reviews.default_user);
    if assignee_user == reviewer_user {
        return Ok(());
    }
    Err(PairFault::Users {
        assignee: assignee.to_owned(),
        assignee_user: assignee_user.clone(),
        reviewer: reviewer.to_owned(),
        reviewer_user: reviewer_user.clone(),
    })
}

/// Why a person reviews a task that goes to review now, in place of the profile that is its reviewer; none when that one does.
pub fn person_instead(task: &Task, policy: &Policy) -> Option<String> {
    let reviewer = task.reviewer.as_deref().filter(|name| *name != HUMAN)?;
    if let Err(fault) = pair(Some(reviewer), task.assignee.as_deref(), policy) {
        return Some(fault.to_string());
    }
    let max_rounds = policy.reviews.max_rounds;
    (task.review_round > max_rounds)
        .then(|| format!("{reviewer} has requested changes {max_rounds} times"))
}

/// Why a person reviews what waits for this profile: nothing of its name can be started here. It is no profile of the configuration, or
/// the program that starts it knows none of that name. None while that is not known, and for one that can be started.
pub fn unknown_reviewer(reviewer: &str, policy: &Policy) -> Option<String> {
    if !policy.reviews.users.contains_key(reviewer) {
        return Some(PairFault::Unknown { reviewer: reviewer.to_owned() }.to_string());
    }
    policy.assignees.get(Some(reviewer), false).warning(Some(reviewer))
}

/// Why a person reviews a task in review that waits for a profile; none when that one does.
pub fn person_for_now(task: &Task, policy: &Policy) -> Option<String> {
    let reviewer = task.reviewer.as_deref().filter(|name| *name != HUMAN)?;
    let unknown = unknown_reviewer(reviewer, policy);
    unknown.or_else(|| {
        let fault = pair(Some(reviewer), task.assignee.as_deref(), policy).err()?;
        Some(fault.to_string())
    })
}

/// How much a reviewer is: a profile more than none, a person more than a profile.
fn strength(reviewer: Option<&str>) -> u8 {
    match reviewer {
        None => 0,
        Some(HUMAN) => 2,
        Some(_) => 1,
    }
}

/// The review that the assignee and the board of a task ask for: the stronger of both, the assignee's where they are equal; where neither
/// says anything, that of everything.
pub fn default_reviewer<'a>(
    assignee: Option<&str>,
    board: &str,
    policy: &'a Policy,
) -> Option<&'a str> {
    let reviews = &policy.reviews;
    let of_profile = assignee.and_then(|name| reviews.by_profile.get(name));
    let of_board = reviews.by_board.get(board);
    let (of_profile, of_board) = match (of_profile, of_board) {
        (None, None) => (reviews.default.as_deref(), None),
        (of_profile, of_board) => {
            (of_profile.and_then(Option::as_deref), of_board.and_then(Option::as_deref))
        }
    };
    if strength(of_board) > strength(of_profile) { of_board } else { of_profile }
}

/// The reviewer of a task that a worker creates: what it asks for, but no less than the default.
pub fn at_least<'a>(asked: Option<&'a str>, default: Option<&'a str>) -> Option<&'a str> {
    if strength(asked) > strength(default) { asked } else { default }
}

/// What a verdict says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// The work is done.
    Complete,
    /// It is accepted.
    Approve,
    /// It is to be changed.
    RequestChanges,
}

/// Where its task stands at that moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// A run works on it, or a person who has claimed it.
    Work,
    /// A run reviews it.
    ReviewRun,
    /// It waits for its review.
    Review,
    /// Somewhere else.
    Elsewhere,
}

/// What it means there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// The task is done, if its status allows it.
    Done,
    /// It goes to review.
    HandIn,
    /// Its review is over, and it is done.
    Approve,
    /// Its review is over, and it goes on.
    SendBack,
}

/// Where a task stands, with the role of the run that it points to.
pub fn at(status: TaskStatus, role: Option<RunRole>) -> At {
    match (status, role) {
        (TaskStatus::Running, Some(RunRole::Review)) => At::ReviewRun,
        (TaskStatus::Running, Some(RunRole::Work) | None) => At::Work,
        (TaskStatus::Review, _) => At::Review,
        (
            TaskStatus::Triage
            | TaskStatus::Todo
            | TaskStatus::Scheduled
            | TaskStatus::Ready
            | TaskStatus::Blocked
            | TaskStatus::Done
            | TaskStatus::Archived,
            _,
        ) => At::Elsewhere,
    }
}

/// What a verdict means; none when it is refused. Workers have a say in their own run only: that is judged before.
pub fn meaning(says: Says, is_worker: bool, at: At, has_reviewer: bool) -> Option<Means> {
    match (says, at) {
        (Says::Complete, At::Work) if is_worker && has_reviewer => Some(Means::HandIn),
        (Says::Complete, At::Work | At::Elsewhere) => Some(Means::Done),
        (Says::Complete, At::ReviewRun) if is_worker => None,
        (Says::Complete | Says::Approve, At::ReviewRun | At::Review) => Some(Means::Approve),
        (Says::RequestChanges, At::ReviewRun | At::Review) => Some(Means::SendBack),
        (Says::Approve | Says::RequestChanges, At::Work | At::Elsewhere) => None,
    }
}

impl Task {
    /// In whose queue it stands: its assignee's while it is ready, its reviewer's while it is in review; none in every other status, and
    /// where a person reviews. The column `queue_profile` says the same, with `''` for a ready task without an assignee.
    pub fn queue_profile(&self) -> Option<&str> {
        match self.status {
            TaskStatus::Ready | TaskStatus::Review => self.start_profile(),
            TaskStatus::Triage
            | TaskStatus::Todo
            | TaskStatus::Scheduled
            | TaskStatus::Running
            | TaskStatus::Blocked
            | TaskStatus::Done
            | TaskStatus::Archived => None,
        }
    }

    /// As which profile it would start: a task in review as its reviewer, every other one, once it is ready, as its assignee.
    pub fn start_profile(&self) -> Option<&str> {
        let profile = if self.status == TaskStatus::Review {
            self.acting_reviewer().filter(|name| *name != HUMAN)
        } else {
            self.assignee.as_deref()
        };
        profile.filter(|name| !name.is_empty())
    }

    /// What a run of it is for that starts now.
    pub fn next_role(&self) -> RunRole {
        if self.status == TaskStatus::Review { RunRole::Review } else { RunRole::Work }
    }
}

impl<S, W> Task<S, W> {
    /// Who reviews it: a profile, or [`HUMAN`]; none when nobody does.
    pub fn acting_reviewer(&self) -> Option<&str> {
        let reviewer = self.reviewer.as_deref()?;
        Some(if self.review_why.is_some() { HUMAN } else { reviewer })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::policy::ReviewPolicy;

    fn policy() -> Policy {
        let users = [("coder", "ann"), ("qa", "ann"), ("other", "bob")];
        let reviews = ReviewPolicy {
            users: users.map(|(name, user)| (name.to_owned(), user.to_owned())).into(),
            default_user: "ann".to_owned(),
            by_profile: [
                ("coder".to_owned(), Some("qa".to_owned())),
                ("free".to_owned(), None),
                ("watched".to_owned(), Some(HUMAN.to_owned())),
            ]
            .into(),
            by_board: [
                ("web".to_owned(), Some("other".to_owned())),
                ("live".to_owned(), Some(HUMAN.to_owned())),
                ("lab".to_owned(), None),
            ]
            .into(),
            ..ReviewPolicy::default()
        };
        Policy { reviews, ..Policy::default() }
    }

    #[test]
    fn a_profile_reviews_what_another_one_of_its_user_has_made() {
        let policy = policy();
        for (reviewer, assignee, expected) in [
            (None, Some("coder"), None),
            (Some(HUMAN), Some("coder"), None),
            (Some("qa"), Some("coder"), None),
            (Some("qa"), None, None),
            // Without a profile, so as the default user.
            (Some("qa"), Some("unknown"), None),
            (
                Some("nobody"),
                Some("coder"),
                Some("the reviewer nobody is not a configured profile"),
            ),
            (Some("nobody"), None, Some("the reviewer nobody is not a configured profile")),
            (
                Some("qa"),
                Some("qa"),
                Some("qa would review its own work, which review.allow_self does not allow"),
            ),
            (
                Some("other"),
                Some("coder"),
                Some(
                    "the reviewer other runs as bob, the assignee coder as ann: they must run as the same user",
                ),
            ),
            (
                Some("other"),
                Some("unknown"),
                Some(
                    "the reviewer other runs as bob, the assignee unknown as ann: they must run as the same user",
                ),
            ),
        ] {
            let found = pair(reviewer, assignee, &policy).err().map(|fault| fault.to_string());
            assert_eq!(found.as_deref(), expected, "{reviewer:?} {assignee:?}");
        }
        let mut lax = policy;
        lax.reviews.allow_self = true;
        assert_eq!(pair(Some("qa"), Some("qa"), &lax), Ok(()));
    }

    #[test]
    fn the_default_is_the_stronger_of_profile_and_board_and_workers_ask_for_no_less() {
        let mut policy = policy();
        for (assignee, board, expected) in [
            (Some("coder"), "default", Some("qa")),
            (Some("coder"), "lab", Some("qa")),
            // Equal: the profile knows better.
            (Some("coder"), "web", Some("qa")),
            (Some("coder"), "live", Some(HUMAN)),
            (Some("free"), "default", None),
            (Some("free"), "web", Some("other")),
            (Some("watched"), "web", Some(HUMAN)),
            (None, "web", Some("other")),
            (None, "default", None),
        ] {
            assert_eq!(
                default_reviewer(assignee, board, &policy),
                expected,
                "{assignee:?} {board}"
            );
        }
        policy.reviews.default = Some("qa".to_owned());
        for (assignee, board, expected) in [
            (Some("unknown"), "default", Some("qa")),
            (Some("free"), "default", None),
            (None, "lab", None),
        ] {
            assert_eq!(
                default_reviewer(assignee, board, &policy),
                expected,
                "{assignee:?} {board}"
            );
        }
        for (asked, default, expected) in [
            (None, None, None),
            (None, Some("qa"), Some("qa")),
            (Some("qa"), None, Some("qa")),
            (Some("other"), Some("qa"), Some("qa")),
            (Some(HUMAN), Some("qa"), Some(HUMAN)),
            (Some("qa"), Some(HUMAN), Some(HUMAN)),
        ] {
            assert_eq!(at_least(asked, default), expected, "{asked:?} {default:?}");
        }
    }

    #[test]
    fn every_verdict_means_one_thing_in_every_place_for_every_caller() {
        use Means::{Approve, Done, HandIn, SendBack};
        let positions = [At::Work, At::ReviewRun, At::Review, At::Elsewhere];
        // Each row: in the order of `positions`.
        for (says, is_worker, has_reviewer, row) in [
            (Says::Complete, true, true, [Some(HandIn), None, Some(Approve), Some(Done)]),
            (Says::Complete, true, false, [Some(Done), None, Some(Approve), Some(Done)]),
            (Says::Complete, false, true, [Some(Done), Some(Approve), Some(Approve), Some(Done)]),
            (Says::Complete, false, false, [Some(Done), Some(Approve), Some(Approve), Some(Done)]),
            (Says::Approve, true, true, [None, Some(Approve), Some(Approve), None]),
            (Says::Approve, false, true, [None, Some(Approve), Some(Approve), None]),
            (Says::RequestChanges, true, true, [None, Some(SendBack), Some(SendBack), None]),
            (Says::RequestChanges, false, false, [None, Some(SendBack), Some(SendBack), None]),
        ] {
            for (position, expected) in positions.into_iter().zip(row) {
                let found = meaning(says, is_worker, position, has_reviewer);
                assert_eq!(found, expected, "{says:?} {is_worker} {position:?} {has_reviewer}");
            }
        }
    }

    #[test]
    fn a_run_is_what_tells_work_from_review() {
        for (status, role, expected) in [
            (TaskStatus::Running, Some(RunRole::Work), At::Work),
            (TaskStatus::Running, Some(RunRole::Review), At::ReviewRun),
            (TaskStatus::Running, None, At::Work),
            (TaskStatus::Review, None, At::Review),
            (TaskStatus::Ready, None, At::Elsewhere),
            (TaskStatus::Done, Some(RunRole::Review), At::Elsewhere),
        ] {
            assert_eq!(at(status, role), expected, "{status} {role:?}");
        }
    }
}
