//! One file per verb: its arguments, its request, its output.

pub mod block;
pub mod claim;
pub mod comment;
pub mod complete;
pub mod context;
pub mod create;
pub mod demo;
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
#[expect(missing_docs, reason = "each verb is documented by its arguments, for the help text too")]
pub enum Command {
    Init(init::Arguments),
    Create(create::Arguments),
    #[command(visible_alias = "ls")]
    List(list::Arguments),
    Show(show::Arguments),
    Link(link::Arguments),
    Claim(claim::Arguments),
    Heartbeat(heartbeat::Arguments),
    Comment(comment::Arguments),
    Complete(complete::Arguments),
    Block(block::Arguments),
    Unblock(unblock::Arguments),
    Context(context::Arguments),
    Runs(runs::Arguments),
    Log(log::Arguments),
    Stats(stats::Arguments),
    Dispatch(dispatch::Arguments),
    Wait(wait::Arguments),
    Demo(demo::Arguments),
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
            Self::Demo(arguments) => demo::run(&arguments, session),
        }
    }
}
