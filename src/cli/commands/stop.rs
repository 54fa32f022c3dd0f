//! `kanban stop`.

use crate::api::client::task_path;
use crate::cli::commands::{Ended, stopping};
use crate::cli::complete;
use crate::cli::session::Session;
use crate::exit_codes::CliExit;
use crate::kernel::verbs::{AfterStop, ReclaimReply, StopTask};

/// Stop the run of a task.
///
/// The run ends `stopped`; its processes get SIGTERM, then SIGKILL. Returns when they are gone. The task becomes ready
/// again unless --hold or --cancel is given.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban stop t_1a2b3c4d --hold --reason \"wait for the new key\"
  kanban stop t_1a2b3c4d --cancel --no-wait
  kanban stop t_1a2b3c4d --force --reason \"the disk is gone, the host will be rebooted\"")]
pub struct Arguments {
    /// Task to stop
    #[arg(add = complete::tasks())]
    id: String,
    /// Make the task ready again (the default)
    #[arg(long, group = "then")]
    requeue: bool,
    /// Block the task
    #[arg(long, group = "then")]
    hold: bool,
    /// Archive the task
    #[arg(long, group = "then")]
    cancel: bool,
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
            (false, false, false) => None,
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
        force: arguments.force,
        board: session.board.clone(),
    };
    let reply: ReclaimReply = client.post(&path, &request)?;
    let reply = watch.until_closed(reply)?;
    if session.output.is_json() {
        session.output.json(&reply)?;
    } else {
        let (id, status) = (&reply.id, reply.status);
        session.output.line(format!("Stopped {id}: {status}{}", stopping::words(&reply)))?;
    }
    Ok(CliExit::Ok)
}
