//! What is in the way of a board's removal, or of another name for it.

use std::fmt;

use crate::kernel::ids::{RunId, TaskId};

/// Why a board cannot be removed or renamed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BoardObstacle {
    /// Requests that name no board use it.
    Default,
    /// Something is on it. Numbers; at least one of them is not 0.
    NotEmpty {
        /// Tasks, archived ones included.
        tasks: i64,
        /// Schedules.
        schedules: i64,
        /// Subscriptions to its tasks.
        subscriptions: i64,
    },
    /// Another board has the new name.
    Taken {
        /// The new name.
        to: String,
    },
    /// The configuration would not be for it under the new name.
    Configured {
        /// The key that names it.
        key: String,
        /// The new name.
        to: String,
    },
    /// A worker works under the old name.
    OpenRun {
        /// The run.
        run_id: RunId,
        /// Its task.
        task_id: TaskId,
    },
}

impl fmt::Display for BoardObstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str(
                "default is the board used when none is named; it cannot be removed or renamed",
            ),
            Self::NotEmpty { tasks, schedules, subscriptions } => {
                let parts = [
                    (tasks, "task(s), archived ones included"),
                    (schedules, "schedule(s)"),
                    (subscriptions, "subscription(s)"),
                ];
                let parts = parts.iter().filter(|(count, _)| **count > 0);
                let parts: Vec<String> = parts.map(|(count, of)| format!("{count} {of}")).collect();
                write!(f, "it has {}", parts.join("; "))
            }
            Self::Taken { to } => write!(f, "board {to} already exists"),
            Self::Configured { key, to } => {
                write!(f, "the configuration names it in {key}, and not {to}")
            }
            Self::OpenRun { run_id, task_id } => {
                write!(f, "run {run_id} of {task_id} is open, and its worker knows the old name")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_a_board_is_listed_without_what_is_not() {
        for (tasks, schedules, subscriptions, expected) in [
            (2, 0, 0, "it has 2 task(s), archived ones included"),
            (0, 1, 3, "it has 1 schedule(s); 3 subscription(s)"),
        ] {
            let found = BoardObstacle::NotEmpty { tasks, schedules, subscriptions };
            assert_eq!(found.to_string(), expected);
        }
    }
}
