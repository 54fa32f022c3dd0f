//! One file per verb: its arguments, its request, its output.

pub mod block;
pub mod claim;
pub mod comment;
pub mod complete;
pub mod context;
pub mod create;
pub mod dispatch;
pub mod heartbeat;
pub mod init;
pub mod link;
pub mod list;
pub mod log;
pub mod runs;
pub mod show;
pub mod stats;
pub mod unblock;
pub mod wait;

mod bulk;

use clap::Subcommand;

use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::exit_codes::CliExit;

/// What a command returns.
pub type Ended = Result<CliExit, Failure>;

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make home, configuration file and board where they are missing
    Init(init::Arguments),
    /// Create a task
    Create(create::Arguments),
    /// List tasks: the most important first, then the oldest
    #[command(visible_alias = "ls")]
    List(list::Arguments),
    /// Show everything about a task
    Show(show::Arguments),
    /// Make a task wait for another
    Link(link::Arguments),
    /// Claim a ready task to work on it yourself
    Claim(claim::Arguments),
    /// Say that the work on a task goes on
    Heartbeat(heartbeat::Arguments),
    /// Leave a durable note on a task
    Comment(comment::Arguments),
    /// Complete tasks, with a handoff for whoever comes next
    Complete(complete::Arguments),
    /// Block tasks: they need a person
    Block(block::Arguments),
    /// Let blocked tasks go on
    Unblock(unblock::Arguments),
    /// Show what a worker reads before it begins
    Context(context::Arguments),
    /// List the runs of a task, oldest first
    Runs(runs::Arguments),
    /// Print the log of a run
    Log(log::Arguments),
    /// Count the tasks of a board
    Stats(stats::Arguments),
    /// Start ready tasks now instead of waiting for the dispatcher
    Dispatch(dispatch::Arguments),
    /// Wait until tasks are where they should be
    Wait(wait::Arguments),
}

impl Command {
    /// Runs the verb.
    ///
    /// # Errors
    /// What is to be told when it does not succeed.
    pub fn run(self, session: &mut Session) -> Ended {
        match self {
            Self::Init(arguments) => init::run(&arguments, session),
            Self::Create(arguments) => create::run(arguments, session),
            Self::List(arguments) => list::run(arguments, session),
            Self::Show(arguments) => show::run(&arguments, session),
            Self::Link(arguments) => link::run(arguments, session),
            Self::Claim(arguments) => claim::run(arguments, session),
            Self::Heartbeat(arguments) => heartbeat::run(arguments, session),
            Self::Comment(arguments) => comment::run(arguments, session),
            Self::Complete(arguments) => complete::run(arguments, session),
            Self::Block(arguments) => block::run(arguments, session),
            Self::Unblock(arguments) => unblock::run(&arguments, session),
            Self::Context(arguments) => context::run(&arguments, session),
            Self::Runs(arguments) => runs::run(&arguments, session),
            Self::Log(arguments) => log::run(&arguments, session),
            Self::Stats(arguments) => stats::run(&arguments, session),
            Self::Dispatch(arguments) => dispatch::run(&arguments, session),
            Self::Wait(arguments) => wait::run(arguments, session),
        }
    }
}
