//! `kanban stop`.

use crate::cli::commands::Ended;
use crate::cli::commands::many::confirm_many;
use crate::cli::commands::stopping::{EndRuns, end_runs, status_line};
use crate::cli::session::Session;
use crate::kernel::verbs::{AfterStop, StopTask};

/// Stop the runs of tasks.
///
/// The run ends `stopped`; its processes get SIGTERM, then SIGKILL. Returns when they are gone. The task is blocked until
/// `kanban unblock`; to start it again at once use `kanban restart`, to give it up `kanban cancel`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban stop t_1a2b3c4d --reason \"wait for the new key\"
  kanban stop --where status=running,tenant=acme
  kanban stop t_1a2b3c4d --cancel --no-wait
  kanban stop t_1a2b3c4d --force --reason \"the disk is gone, the host will be rebooted\"")]
pub struct Arguments {
    #[command(flatten)]
    runs: EndRuns,
    /// Make the task ready again, as `kanban restart` does
    #[arg(long, group = "then")]
    requeue: bool,
    /// Block the task (the default)
    #[arg(long, group = "then")]
    hold: bool,
    /// Archive the task
    #[arg(long, group = "then")]
    cancel: bool,
    /// With --cancel: let the tasks that wait for it go on
    #[arg(long, requires = "cancel")]
    release_children: bool,
    /// With --cancel: do not ask for confirmation
    #[arg(short, long, requires = "cancel")]
    yes: bool,
    /// Close the run although processes may be alive: you confirm that they are gone or harmless
    #[arg(long)]
    force: bool,
}

impl Arguments {
    fn then(&self) -> Option<AfterStop> {
        match (self.requeue, self.hold, self.cancel) {
            (true, _, _) => Some(AfterStop::Requeue),
            (_, true, _) => Some(AfterStop::Hold),
            (_, _, true) => Some(AfterStop::Cancel),
            // The word of a person that processes are gone says nothing of the task.
            (false, false, false) if self.force => None,
            (false, false, false) => Some(AfterStop::Hold),
        }
    }
}

/// Runs it.
///
/// # Errors
/// No daemon, or stdin that cannot be read.
pub fn run(arguments: Arguments, session: &mut Session) -> Ended {
    let client = session.client()?;
    let then = arguments.then();
    let Arguments { release_children, force, yes, .. } = arguments;
    let (chosen, reason, no_wait) = arguments.runs.read(&client, session)?;
    if then == Some(AfterStop::Cancel) {
        confirm_many("Cancel", &chosen, yes, session)?;
    }
    let board = session.board.clone();
    let request = StopTask { id: String::new(), then, reason, release_children, force, board };
    end_runs(&client, &chosen, no_wait, session, ("stop", &request), |reply| {
        status_line("Stopped", &chosen, reply)
    })
}
