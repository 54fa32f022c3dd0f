//! `kanban rate-limited`.

use crate::api::client::seen::RateLimitReply;
use crate::api::client::task_path;
use crate::cli::arguments::whole_seconds;
use crate::cli::commands::Ended;
use crate::cli::complete;
use crate::cli::session::Session;
use crate::cli::task_arg::TaskArg;
use crate::exit_codes::CliExit;
use crate::kernel::verbs::RateLimitTask;

/// Report that a provider's rate limit was reached.
///
/// For workers. The run ends `rate_limited`, which is not counted as a failure, and the task is retried later. Exit
/// code 75 means the same, without a time.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban rate-limited \"$KANBAN_TASK\" --retry-after 2h --reason \"429: resets at 15:00\"
  kanban rate-limited \"$KANBAN_TASK\"")]
pub struct Arguments {
    /// Task
    #[arg(add = complete::tasks())]
    id: TaskArg,
    /// Delay before the retry: seconds, or a duration such as 30m (default: `dispatch.rate_limit_wait`)
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    retry_after: Option<String>,
    /// Message of the provider; `-` reads it from stdin
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Runs it.
///
/// # Errors
/// The daemon's refusal.
pub fn run(arguments: Arguments, session: &mut Session) -> Ended {
    let retry_after = arguments.retry_after.as_deref();
    let retry_after_seconds =
        retry_after.map(|text| whole_seconds("--retry-after", text)).transpose()?;
    let id = session.task(&arguments.id)?;
    let path = task_path(&id, "rate_limited")?;
    let request = RateLimitTask {
        id,
        retry_after_seconds,
        reason: session.optional_text("--reason", arguments.reason)?,
        board: session.board.clone(),
    };
    let reply: RateLimitReply = session.client()?.post(&path, &request)?;
    if session.output.is_json() {
        session.output.json(&reply)?;
        return Ok(CliExit::Ok);
    }
    let when = reply.retry_at.map(|at| format!(" at {}", session.times().exact(at)));
    let when = when.unwrap_or_else(|| " immediately".to_owned());
    session.output.line(format!("Rate limited {}: retried{when}", reply.id))?;
    Ok(CliExit::Ok)
}
