//! `kanban drain`.

use std::time::Instant;

use crate::api::client::seen::DispatchState;
use crate::api::client::{Client, ClientError};
use crate::cli::arguments::duration;
use crate::cli::commands::{Ended, switch};
use crate::cli::failure::Failure;
use crate::cli::follow::Follower;
use crate::cli::session::{Nothing, Session};
use crate::duration::format_duration;
use crate::exit_codes::CliExit;
use crate::kernel::error::ErrorCode;
use crate::kernel::verbs::DispatchSwitch;

/// Stop starting tasks and wait for all supervised runs to end.
///
/// Use it before a shutdown of the host or a restore; `kanban resume` starts tasks again. Ctrl-C stops the wait, not
/// the drain.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban drain --timeout 30m && systemctl reboot
  kanban drain --no-wait

Exits with code 3 if runs are still open at the time-out.")]
pub struct Arguments {
    /// Maximum wait (30s, 5m, 2h or plain seconds; default: no limit)
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, conflicts_with = "no_wait")]
    timeout: Option<String>,
    /// Do not wait
    #[arg(long)]
    no_wait: bool,
}

impl Arguments {
    /// Whether it waits for open runs to end.
    pub fn waits(&self) -> bool {
        !self.no_wait
    }

    /// Whether there is no time limit.
    pub(super) fn is_endless(&self) -> bool {
        !self.no_wait && self.timeout.is_none()
    }
}

/// Runs it.
///
/// # Errors
/// A wrong command line, the time-out, a resume, or the daemon's refusal.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    let timeout =
        arguments.timeout.as_deref().map(|text| duration("--timeout", text)).transpose()?;
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let client = session.client()?;
    // Listening begins before the count, so that no end falls between the two.
    let follower = Follower::from_now(&client, None, None)?;
    let reply = switch::set(&client, DispatchSwitch::Draining)?;
    let mut state = DispatchState { dispatch: reply.dispatch, open_runs: reply.open_runs };
    if !arguments.no_wait {
        state = until_drained(&client, follower, state, deadline)?;
        if state.open_runs > 0 {
            let time = format_duration(timeout.unwrap_or_default());
            let message = switch::open_runs(state.open_runs);
            return Err(Failure::timeout(format!("timed out after {time}: {message}")));
        }
    }
    if session.output.is_json() {
        session.output.json(&state)?;
    } else if state.open_runs == 0 {
        session.output.line("Drained: no open runs")?;
    } else {
        session.output.line(format!("Draining; {}", switch::open_runs(state.open_runs)))?;
    }
    Ok(CliExit::Ok)
}

/// Looks again whenever something happens.
fn until_drained(
    client: &Client,
    mut follower: Follower<'_>,
    mut state: DispatchState,
    deadline: Option<Instant>,
) -> Result<DispatchState, Failure> {
    while state.open_runs > 0 {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let is_over = left.is_some_and(|left| left.is_zero());
        if !is_over {
            follower.next(left)?;
        }
        state = match client.get(switch::PATH, &Nothing {}) {
            Ok(state) => state,
            // It is on its way back; the stream is opened again meanwhile.
            Err(ClientError::NotReachable { .. }) if !is_over => continue,
            Err(error) => return Err(error.into()),
        };
        if state.dispatch == DispatchSwitch::On {
            return Err(Failure::refused(ErrorCode::WrongStatus, "dispatch was resumed"));
        }
        if is_over {
            break;
        }
    }
    Ok(state)
}
