//! Who asks, and what each may do. The answer to "who" comes from the kernel of the operating system (see the API's
//! `auth`), never from what a request says about itself.

use crate::kernel::error::Refusal;
use crate::kernel::ids::{BoardName, RunId, TaskId};

/// Somebody who asks for something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A person or program outside any run.
    Operator {
        /// Name for events and comments.
        name: String,
    },
    /// A process in the tree of an open run, or one that holds its token.
    Worker {
        /// The run.
        run_id: RunId,
        /// Its task.
        task_id: TaskId,
        /// Its board.
        board: BoardName,
        /// Its profile: name for comments and created tasks.
        profile: String,
    },
    /// A part of the daemon.
    System {
        /// Which.
        part: &'static str,
    },
}

/// What kind of thing a verb does, as far as a worker's rights go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Read the board.
    Read,
    /// Act on a task: complete, block, heartbeat.
    ActOnTask,
    /// Comment on a task.
    Comment,
    /// Create a task or link two.
    Create,
    /// Everything else.
    Operate,
}

impl Caller {
    /// The name that events keep: `NAME`, `run:ID` or `kanband:PART`.
    pub fn actor(&self) -> String {
        match self {
            Self::Operator { name } => name.clone(),
            Self::Worker { run_id, .. } => format!("run:{run_id}"),
            Self::System { part } => format!("kanband:{part}"),
        }
    }

    /// The name that comments and created tasks keep.
    pub fn author(&self) -> &str {
        match self {
            Self::Operator { name } => name,
            Self::Worker { profile, .. } => profile,
            Self::System { .. } => "kanband",
        }
    }

    /// Whether `right` may be used on `board` (and `task`, where the verb names one). The state of the worker's run
    /// is checked where its row is read, in the same transaction as the write.
    pub fn check(
        &self,
        right: Right,
        verb: &'static str,
        board: &BoardName,
        task: Option<&TaskId>,
    ) -> Result<(), Refusal> {
        let Self::Worker { run_id, task_id, board: own_board, .. } = self else { return Ok(()) };
        if own_board != board {
            return Err(Refusal::Forbidden {
                caller: format!("run {run_id} of board {own_board}"),
                verb,
            });
        }
        match right {
            Right::Read | Right::Comment | Right::Create => Ok(()),
            Right::ActOnTask => match task {
                Some(task) if task != task_id => Err(Refusal::NotYours {
                    run_id: *run_id,
                    own: task_id.to_string(),
                    id: task.to_string(),
                }),
                Some(_) | None => Ok(()),
            },
            Right::Operate => {
                Err(Refusal::Forbidden { caller: format!("a worker (run {run_id})"), verb })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_may_read_comment_create_and_act_on_its_own_task_only() {
        let own = TaskId::parse("t_00000001").unwrap();
        let other = TaskId::parse("t_00000002").unwrap();
        let board = BoardName::default();
        let elsewhere = BoardName::parse("elsewhere").unwrap();
        let worker = Caller::Worker {
            run_id: 7,
            task_id: own.clone(),
            board: board.clone(),
            profile: "qa".into(),
        };
        for (right, board, task, is_allowed) in [
            (Right::Read, &board, &other, true),
            (Right::Comment, &board, &other, true),
            (Right::Create, &board, &other, true),
            (Right::ActOnTask, &board, &own, true),
            (Right::ActOnTask, &board, &other, false),
            (Right::Operate, &board, &own, false),
            (Right::Read, &elsewhere, &own, false),
            (Right::Create, &elsewhere, &own, false),
        ] {
            let answer = worker.check(right, "verb", board, Some(task));
            assert_eq!(answer.is_ok(), is_allowed, "{right:?} on {task} of {board}");
        }
    }

    #[test]
    fn people_and_the_daemon_itself_may_do_everything() {
        let board = BoardName::default();
        for caller in
            [Caller::Operator { name: "ada".into() }, Caller::System { part: "dispatcher" }]
        {
            assert!(caller.check(Right::Operate, "verb", &board, None).is_ok());
        }
    }
}
