//! `kanban stop`.

use crate::api::client::seen::ReclaimReply;
use crate::api::client::task_path;
use crate::cli::commands::{Ended, stopping};
use crate::cli::complete;
use crate::cli::session::Session;
use crate::kernel::verbs::{AfterStop, StopTask};

/// Stop the run of a task.
///
/// The run ends `stopped`; its processes get SIGTERM, then SIGKILL. Returns when they are gone. The task is blocked until
/// `kanban unblock`; to start it again at once use `kanban restart`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban stop t_1a2b3c4d --reason \"wait for the new key\"
  kanban stop t_1a2b3c4d --cancel --no-wait
  kanban stop t_1a2b3c4d --force --reason \"the disk is gone, the host will be rebooted\"")]
pub struct Arguments {
    /// Task to stop
    #[arg(add = complete::tasks())]
    id: String,
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
    /// Reason, recorded in the run and the event; `-` reads it from stdin
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Do not wait for the processes to end
    #[arg(long)]
    no_wait: bool,
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
/// The daemon's refusal, or processes that do not die.
pub fn run(arguments: Arguments, session: &mut Session) -> Ended {
    let client = session.client()?;
    let path = task_path(&arguments.id, "stop")?;
    let then = arguments.then();
    let reason = session.optional_text("--reason", arguments.reason)?;
    let watch = stopping::Watch::begin(&client, &arguments.id, arguments.no_wait, session)?;
    let request = StopTask {
        id: arguments.id,
        then,
        reason,
        release_children: arguments.release_children,
        force: arguments.force,
        board: session.board.clone(),
    };
    let reply: ReclaimReply = client.post(&path, &request)?;
    stopping::show(watch, reply, "Stopped", session)
}
