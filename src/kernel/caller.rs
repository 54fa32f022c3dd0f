//! Who asks, and what each may do. The answer to "who" comes from the kernel of the operating system (see the API's
//! `auth`), never from what a request says about itself.

mod chat;

pub use chat::{ChatCaller, ChatRoute};

use crate::kernel::actor::Actor;
use crate::kernel::error::Refusal;
use crate::kernel::ids::{BoardName, RunId, TaskId};
use crate::kernel::rights::{Right, right_to};

/// The part of the daemon that the courier acts for, in events.
const COURIER: &str = "courier";

/// Who sends a request.
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
    /// The program that sends messages, at its own socket.
    Courier,
    /// A person who writes in a chat, for whom the courier asks.
    Chat(Box<ChatCaller>),
    /// A part of the daemon.
    System {
        /// Which.
        part: &'static str,
    },
}

impl Caller {
    /// The name that events and runs keep.
    pub fn actor(&self) -> Actor {
        match self {
            Self::Operator { name } => Actor::Named(name.clone()),
            Self::Worker { run_id, .. } => Actor::Run(*run_id),
            Self::Courier => Actor::Part(COURIER.to_owned()),
            Self::Chat(by) => Actor::Named(by.name.clone()),
            Self::System { part } => Actor::Part((*part).to_owned()),
        }
    }

    /// The name that comments and created tasks keep.
    pub fn author(&self) -> &str {
        match self {
            Self::Operator { name } => name,
            Self::Worker { profile, .. } => profile,
            Self::Chat(by) => &by.name,
            Self::Courier | Self::System { .. } => "kanband",
        }
    }

    /// Whether this caller may ask for `operation` at all, before it is known what it is about.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`].
    pub fn may_ask(&self, operation: &'static str) -> Result<(), Refusal> {
        match self {
            Self::Chat(by) => by.may_ask(operation),
            Self::Worker { run_id, .. } if right_to(operation) == Right::Operate => {
                Err(no_operator(*run_id, operation))
            }
            // Each has what the other has not.
            Self::Courier if right_to(operation) != Right::Courier => {
                Err(Refusal::Forbidden { caller: "the courier".to_owned(), verb: operation })
            }
            Self::Operator { .. } | Self::Worker { .. }
                if right_to(operation) == Right::Courier =>
            {
                Err(Refusal::Forbidden { caller: self.actor().to_string(), verb: operation })
            }
            Self::Worker { .. } | Self::Operator { .. } | Self::Courier | Self::System { .. } => {
                Ok(())
            }
        }
    }

    /// Refuses everybody but the daemon itself.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`].
    pub(in crate::kernel) fn refuse_outsiders(&self, verb: &'static str) -> Result<(), Refusal> {
        match self {
            Self::System { .. } => Ok(()),
            Self::Operator { .. } | Self::Courier | Self::Chat(_) | Self::Worker { .. } => {
                Err(Refusal::Forbidden { caller: self.actor().to_string(), verb })
            }
        }
    }

    /// Whether the tasks of `board` are there for this caller: a role of a chat that is for other boards hears of none of them.
    pub fn sees(&self, board: &BoardName) -> bool {
        match self {
            Self::Chat(by) => by.is_for(board),
            Self::Operator { .. } | Self::Worker { .. } | Self::Courier | Self::System { .. } => {
                true
            }
        }
    }

    /// Whether `operation` may be done on `board` (and `task`, where it names one). The state of the worker's run is checked where
    /// its row is read, in the same transaction as the write.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`], [`Refusal::NotYours`].
    pub fn check(
        &self,
        operation: &'static str,
        board: &BoardName,
        task: Option<&TaskId>,
    ) -> Result<(), Refusal> {
        let (run_id, task_id, own_board) = match self {
            Self::Worker { run_id, task_id, board, .. } => (run_id, task_id, board),
            Self::Chat(by) => return by.check(operation, board),
            Self::Courier => return self.may_ask(operation),
            Self::Operator { .. } | Self::System { .. } => return Ok(()),
        };
        if own_board != board {
            return Err(Refusal::Forbidden {
                caller: format!("run {run_id} of board {own_board}"),
                verb: operation,
            });
        }
        match right_to(operation) {
            Right::Ask | Right::Read | Right::Comment | Right::Create => Ok(()),
            // Which tasks these may name is for their origin to say: see `origin::refuse_foreign`.
            Right::Attach | Right::Unblock | Right::Answer => Ok(()),
            // Which schedules is for their maker to say: see `verbs::caller_schedules`.
            Right::Schedule => Ok(()),
            // Whether the run is a review is for its row to say: see `verbs::review`.
            Right::ActOnTask | Right::Review => match task {
                Some(task) if task != task_id => Err(Refusal::NotYours {
                    run_id: *run_id,
                    own: task_id.to_string(),
                    id: task.to_string(),
                }),
                Some(_) | None => Ok(()),
            },
            Right::Operate | Right::Courier => Err(no_operator(*run_id, operation)),
        }
    }
}

/// The name of a worker in a refusal of what only operators may do.
pub(in crate::kernel) fn no_operator(run_id: RunId, operation: &'static str) -> Refusal {
    Refusal::Forbidden { caller: format!("a worker (run {run_id})"), verb: operation }
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
        for (operation, board, task, is_allowed) in [
            ("show", &board, &other, true),
            ("comment", &board, &other, true),
            ("create", &board, &other, true),
            ("complete", &board, &own, true),
            ("complete", &board, &other, false),
            ("gc", &board, &own, false),
            ("show", &elsewhere, &own, false),
            ("create", &elsewhere, &own, false),
        ] {
            let answer = worker.check(operation, board, Some(task));
            assert_eq!(answer.is_ok(), is_allowed, "{operation} on {task} of {board}");
        }
    }

    #[test]
    fn the_courier_may_do_nothing_but_carry_and_nobody_else_may_do_that() {
        let operator = Caller::Operator { name: "ada".into() };
        for (operation, _) in crate::kernel::rights::RIGHTS {
            let is_carrying = right_to(operation) == Right::Courier;
            assert_eq!(Caller::Courier.may_ask(operation).is_ok(), is_carrying, "{operation}");
            assert_eq!(operator.may_ask(operation).is_ok(), !is_carrying, "{operation}");
        }
    }

    #[test]
    fn people_and_the_daemon_itself_may_do_everything() {
        let board = BoardName::default();
        for caller in
            [Caller::Operator { name: "ada".into() }, Caller::System { part: "dispatcher" }]
        {
            assert!(caller.check("gc", &board, None).is_ok());
        }
    }
}
