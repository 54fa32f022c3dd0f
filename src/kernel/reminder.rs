//! What follows when a worker ends cleanly and has given no verdict: a reminder in the same session, another attempt, or a
//! person.
//!
//! The reminder comes first and once: where the agent's session can be resumed, it costs a sentence, and all that the
//! agent has learnt is still there. It is not held against the limit of such ends (`retry::next`), but it is a failure like
//! any other, so there is no endless loop. What ends like this after a reminder, or cannot be reminded, counts.

use crate::kernel::run::{Run, RunOutcome};
use crate::kernel::task::Task;

/// A clean end without a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Violation {
    /// Whether the session of the run can be resumed.
    pub is_resumable: bool,
    /// Whether the run was a reminder itself.
    pub was_reminder: bool,
    /// Such ends that counted before.
    pub counted_before: u32,
}

/// What is done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterViolation {
    /// The next start goes on with the session, to remind the agent; this end does not count against the limit.
    Remind,
    /// It counts; whether another attempt follows is for the limits to say.
    Count,
}

/// What follows on `violation`.
pub fn after_violation(violation: Violation) -> AfterViolation {
    let is_first = violation.counted_before == 0 && !violation.was_reminder;
    if is_first && violation.is_resumable { AfterViolation::Remind } else { AfterViolation::Count }
}

/// How a run begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beginning {
    /// From nothing.
    Fresh,
    /// From nothing, and its prompt says that the attempt before ended without a verdict.
    Warned,
    /// In the session of the run before, with a reminder of the verdict.
    Resumed,
    /// In the session of the run before, with the answer to its question.
    Answered,
}

/// How the run of `task` begins under `profile`, after `latest`, the newest run of its role or the one whose session it resumes.
/// `is_answered` says whether that blocked the task with a question that has an answer by now.
pub fn beginning(task: &Task, profile: &str, latest: Option<&Run>, is_answered: bool) -> Beginning {
    let Some(latest) = latest else { return Beginning::Fresh };
    let is_same_place = task.workspace_path == latest.workspace_path;
    let is_same_profile = latest.profile.as_deref() == Some(profile);
    if is_answered && latest.session.is_some() && is_same_profile && is_same_place {
        return Beginning::Answered;
    }
    let is_violation = latest.outcome == Some(RunOutcome::ProtocolViolation);
    // Handed in, and sent back.
    let is_sent_back = latest.outcome == Some(RunOutcome::Completed);
    let is_its_session = task.resume_run_id == Some(latest.id) && latest.session.is_some();
    if (is_violation || is_sent_back) && is_its_session && is_same_profile {
        Beginning::Resumed
    } else if is_violation {
        Beginning::Warned
    } else {
        Beginning::Fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::policy::Policy;
    use crate::kernel::retry::{FailureCounts, Next, next};

    #[test]
    fn the_first_is_reminded_where_that_can_be_and_everything_else_counts() {
        for (is_resumable, was_reminder, counted_before, expected) in [
            (true, false, 0, AfterViolation::Remind),
            (false, false, 0, AfterViolation::Count),
            (true, true, 0, AfterViolation::Count),
            (true, false, 1, AfterViolation::Count),
            (false, false, 1, AfterViolation::Count),
            (true, true, 1, AfterViolation::Count),
        ] {
            let violation = Violation { is_resumable, was_reminder, counted_before };
            assert_eq!(after_violation(violation), expected, "{violation:?}");
        }
    }

    /// Runs of a worker that never gives a verdict, as the rules start them.
    fn attempts(is_resumable: bool) -> Vec<&'static str> {
        let (mut started, mut is_reminder) = (Vec::new(), false);
        let mut counts = FailureCounts { failures: 0, protocol_violations: 0, auto_starts: 0 };
        loop {
            started.push(match (is_reminder, counts.failures) {
                (true, _) => "resume",
                (false, 0) => "start",
                (false, _) => "retry",
            });
            assert!(started.len() < 10, "{started:?}");
            let counted_before = counts.protocol_violations;
            let violation = Violation { is_resumable, was_reminder: is_reminder, counted_before };
            let after = after_violation(violation);
            counts.failures += 1;
            counts.auto_starts += 1;
            counts.protocol_violations += u32::from(after == AfterViolation::Count);
            if next(counts, Policy::default().failure_limit, &Policy::default()) == Next::GiveUp {
                return started;
            }
            is_reminder = after == AfterViolation::Remind;
        }
    }

    #[test]
    fn one_resume_one_retry_then_a_person() {
        assert_eq!(attempts(true), ["start", "resume", "retry"]);
        assert_eq!(attempts(false), ["start", "retry"]);
    }
}
