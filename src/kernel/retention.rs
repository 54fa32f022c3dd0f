//! What gc may remove beside rows: workspaces and logs of tasks that are over. What nobody can be sure of stays.

use crate::kernel::ids::EpochSeconds;
use crate::kernel::store::tasks::Standing;
use crate::kernel::task::TaskStatus;

/// Whether the time of a workspace is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// It is in use, or may still be looked at.
    No,
    /// It may go.
    Yes,
    /// Nobody can say, for this reason; it stays.
    Unknown(&'static str),
}

/// Whether the workspace of a task is due. `is_purged`: the task goes, or would go, in this very request.
pub fn workspace_due(
    standing: Option<&Standing>,
    is_purged: bool,
    now: EpochSeconds,
    retention_seconds: i64,
) -> Due {
    match standing {
        None if is_purged => Due::Yes,
        // Purged long ago, or lost when an older backup was restored: there is no telling which.
        None => Due::Unknown("no such task on the board"),
        Some(standing) => {
            let is_old = standing.since.saturating_add(retention_seconds) <= now;
            let may_go = is_over(standing.status) && (is_old || is_purged);
            if may_go && !standing.has_open_run { Due::Yes } else { Due::No }
        }
    }
}

/// Whether old logs of a task may go; those of a task that the board does not know may.
pub fn logs_due(status: Option<TaskStatus>) -> bool {
    status.is_none_or(is_over)
}

/// The work on such a task is over.
fn is_over(status: TaskStatus) -> bool {
    matches!(status, TaskStatus::Done | TaskStatus::Archived)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_surely_over_is_due() {
        let standing = |status, since, has_open_run| Some(Standing { status, since, has_open_run });
        for (standing, is_purged, expected) in [
            (standing(TaskStatus::Done, 900, false), false, Due::Yes),
            (standing(TaskStatus::Archived, 900, false), false, Due::Yes),
            (standing(TaskStatus::Done, 901, false), false, Due::No),
            (standing(TaskStatus::Archived, 901, false), true, Due::Yes),
            (standing(TaskStatus::Done, 0, true), false, Due::No),
            (standing(TaskStatus::Blocked, 0, false), false, Due::No),
            (standing(TaskStatus::Review, 0, false), false, Due::No),
            (standing(TaskStatus::Ready, 0, false), true, Due::No),
            (None, true, Due::Yes),
            (None, false, Due::Unknown("no such task on the board")),
        ] {
            let due = workspace_due(standing.as_ref(), is_purged, 1000, 100);
            assert_eq!(due, expected, "{standing:?}");
        }
    }

    #[test]
    fn logs_of_a_task_that_may_still_run_stay() {
        for (status, expected) in [
            (Some(TaskStatus::Done), true),
            (Some(TaskStatus::Archived), true),
            (Some(TaskStatus::Blocked), false),
            (Some(TaskStatus::Running), false),
            (None, true),
        ] {
            assert_eq!(logs_due(status), expected, "{status:?}");
        }
    }
}
