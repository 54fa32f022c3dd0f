//! `kanban block`.

use crate::api::client::seen::VerdictReply;
use crate::cli::arguments::whole_seconds;
use crate::cli::commands::targets::Filter;
use crate::cli::commands::{Ended, bulk};
use crate::cli::complete;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::task_arg::{TaskArg, written};
use crate::cli::text::one_line;
use crate::cli::words;
use crate::kernel::task::TaskStatus;
use crate::kernel::verbs::BlockTask;

/// Block tasks: they need a person, another task, or time.
///
/// A blocked task is not started until `kanban unblock`, or `kanban answer` where it asks a question. A dependency waits for its
/// parents and needs no person; a transient block with --retry-in is tried again by itself, at most three times in a row. The
/// reason is also added as a comment. Workers must give a reason or a question.
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "kanban block [OPTIONS] ID [REASON]...
       kanban block [OPTIONS] ID... --reason TEXT
       kanban block [OPTIONS] --where FILTER [REASON]...",
    after_help = "Examples:
  kanban block \"$KANBAN_TASK\" review-required: which of the two rate limits is meant
  kanban block \"$KANBAN_TASK\" --question \"Which region?\" --choice eu --choice us --default eu --deadline 2h
  kanban block \"$KANBAN_TASK\" needs the schema --kind dependency --on t_5e6f7a8b
  kanban block \"$KANBAN_TASK\" the registry is down --kind transient --retry-in 10m
  kanban block t_1a2b3c4d waiting for the vendor --ids t_5e6f7a8b t_9c0d1e2f
  kanban block --where status=ready,tenant=acme waiting for the vendor"
)]
pub struct Arguments {
    /// Task to block (`-` reads ids from stdin), then the reason: several words are joined with spaces, `-` reads it from stdin.
    /// With --reason all words are tasks, with --where none is
    #[arg(value_name = "ID", add = complete::tasks())]
    words: Vec<String>,
    /// Reason, if not behind the task; `-` reads it from stdin
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Kind of block: needs_input (default), approval, capability, transient or dependency
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// Task to wait for, as a parent; for dependencies
    #[arg(long, value_name = "ID", add = complete::tasks())]
    on: Vec<TaskArg>,
    /// Delay before the next attempt: seconds, or a duration such as 30m; for transient blocks
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    retry_in: Option<String>,
    /// Question to a person; `-` reads it from stdin
    #[arg(long, value_name = "TEXT")]
    question: Option<String>,
    /// Choice of the question, at most nine
    #[arg(long = "choice", value_name = "CHOICE")]
    choices: Vec<String>,
    /// Answer at the deadline, if nobody has answered
    #[arg(long, value_name = "ANSWER")]
    default: Option<String>,
    /// Time for an answer: seconds, or a duration such as 2h; from a worker at least 10 minutes
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    deadline: Option<String>,
    /// More tasks to block for the same reason
    #[arg(long, value_name = "ID", num_args = 1.., conflicts_with = "filter", add = complete::tasks())]
    ids: Vec<TaskArg>,
    #[command(flatten)]
    filter: Filter,
}

/// Runs it.
///
/// # Errors
/// A wrong command line, or no daemon.
pub fn run(arguments: Arguments, session: &mut Session) -> Ended {
    let Arguments { words, reason, ids: more, filter, .. } = &arguments;
    let wrong = |message| {
        Failure::usage(message).with_hint("kanban block ID REASON --ids ID…, or ID… --reason TEXT")
    };
    let is_sentence = reason.is_none();
    let named = words::ids_and_text(words, filter.is_given(), reason.clone()).map_err(wrong)?;
    let reason =
        if is_sentence { words::reason(named.reason).map_err(wrong)? } else { named.reason };
    let client = session.client()?;
    let reason = session.optional_text("reason", reason)?;
    let chosen = filter.chosen(&[named.ids, written(more)].concat(), &client, session)?;
    let request = request(arguments, reason, session)?;
    let message = match (&request.question, &request.reason) {
        (Some(question), _) => format!(": {}", one_line(question)),
        (None, Some(reason)) => format!(": {}", one_line(reason)),
        (None, None) => String::new(),
    };
    let times = session.times();
    bulk::each(&client, &chosen, session, "block", &request, |reply: &VerdictReply| {
        let id = &reply.id;
        if reply.already {
            return format!("Blocked {id} (already blocked by this run){message}");
        }
        match (reply.retry_at, reply.status.known()) {
            (Some(at), _) => format!("Blocked {id} until {}{message}", times.exact(at)),
            (None, Some(TaskStatus::Blocked)) => format!("Blocked {id}{message}"),
            (None, _) => format!("Blocked {id} ({}){message}", reply.status),
        }
    })
}

fn request(
    arguments: Arguments,
    reason: Option<String>,
    session: &Session,
) -> Result<BlockTask, Failure> {
    let Arguments { kind, on, retry_in, question, choices, default, deadline, .. } = arguments;
    let seconds =
        |flag, text: Option<String>| text.map(|text| whole_seconds(flag, &text)).transpose();
    Ok(BlockTask {
        id: String::new(),
        reason,
        kind,
        on: session.tasks(&on)?,
        retry_in_seconds: seconds("--retry-in", retry_in)?,
        question: session.optional_text("--question", question)?,
        choices,
        default,
        deadline_seconds: seconds("--deadline", deadline)?,
        comment: true,
        board: session.board.clone(),
    })
}
