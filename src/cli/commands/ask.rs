//! `kanban ask`.

use std::time::Duration;

use crate::api::client::seen::AskReply;
use crate::api::client::task_path;
use crate::api::client::{Client, ClientError};
use crate::cli::arguments::whole_seconds;
use crate::cli::commands::Ended;
use crate::cli::complete;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::task_arg::TaskArg;
use crate::exit_codes::CliExit;
use crate::kernel::error::ErrorCode;
use crate::kernel::rules::question::QuestionOutcome;
use crate::kernel::verbs::AskTask;

/// Ask a person a question and wait for the answer.
///
/// For workers: the run goes on and keeps its slot. The same question of the same run is asked once, however often this command is
/// started. To end the run with a question use `kanban block --question`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  key=$(kanban ask \"$KANBAN_TASK\" which key is meant)
  kanban ask \"$KANBAN_TASK\" \"Which region?\" --choice eu --choice us --default eu --timeout 1h

Prints the answer. Exits with code 3 when nobody has answered in time, with code 1 when the question ended in another way.")]
pub struct Arguments {
    /// Task of the run that asks
    #[arg(add = complete::tasks())]
    id: TaskArg,
    /// Question; several words are joined with spaces, `-` reads it from stdin
    #[arg(value_name = "QUESTION", required = true)]
    words: Vec<String>,
    /// Choice, at most nine
    #[arg(long = "choice", value_name = "CHOICE")]
    choices: Vec<String>,
    /// Answer at the time-out, if nobody has answered
    #[arg(long, value_name = "ANSWER")]
    default: Option<String>,
    /// How long to wait: seconds, or a duration such as 1h (default: without limit)
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    timeout: Option<String>,
    /// Only ask, and print the question's id; the same command without it waits for the answer
    #[arg(long)]
    no_wait: bool,
}

impl Arguments {
    /// Whether it waits for an answer.
    pub(super) fn waits(&self) -> bool {
        !self.no_wait
    }
}

/// Runs it.
///
/// # Errors
/// A wrong command line, the daemon's refusal, or a question that ended without an answer.
pub fn run(arguments: Arguments, session: &mut Session) -> Ended {
    let Arguments { id, words, choices, default, timeout, no_wait } = arguments;
    let timeout_seconds = timeout.map(|text| whole_seconds("--timeout", &text)).transpose()?;
    let request = AskTask {
        id: session.task_before_text(&id)?,
        question: session.text("question", words.join(" "))?,
        choices,
        default,
        timeout_seconds,
        board: session.board.clone(),
    };
    let client = session.client()?;
    let reply: AskReply = if no_wait {
        client.post(&task_path(&request.id, "ask")?, &request)?
    } else {
        until_answered(&client, &request)?
    };
    let exit = match reply.outcome.known() {
        Some(QuestionOutcome::Open) if reply.is_last_call => CliExit::Timeout,
        Some(QuestionOutcome::Open | QuestionOutcome::Answered) => CliExit::Ok,
        Some(QuestionOutcome::TimedOut) => CliExit::Timeout,
        Some(QuestionOutcome::Withdrawn | QuestionOutcome::RunOver) | None => CliExit::Refused,
    };
    if session.output.is_json() {
        session.output.json(&reply)?;
        return Ok(exit);
    }
    let message = format!("question {} ended without an answer: {}", reply.question, reply.outcome);
    if exit == CliExit::Timeout && reply.outcome == QuestionOutcome::Open {
        return Err(last_call(&reply));
    }
    match (exit, reply.answer) {
        (CliExit::Timeout, _) => Err(Failure::timeout(message)),
        (CliExit::Refused, _) => Err(Failure::refused(ErrorCode::QuestionOver, message)),
        (_, Some(answer)) => {
            session.output.line(answer)?;
            Ok(exit)
        }
        (_, None) => {
            session.output.line(format!("Asked {} ({})", reply.id, reply.question))?;
            Ok(exit)
        }
    }
}

/// Asks, and asks again while the question is open: only the daemon knows whether the run may wait on.
fn until_answered(client: &Client, request: &AskTask) -> Result<AskReply, ClientError> {
    loop {
        let reply = client.ask(request, |reply| Some(Duration::from_millis(reply.wait_ms)))?;
        if reply.is_last_call || reply.outcome != QuestionOutcome::Open {
            return Ok(reply);
        }
    }
}

fn last_call(reply: &AskReply) -> Failure {
    let message = format!(
        "question {} is not answered, and the run ends within a minute: its shim is of an older release, which pauses no time limit",
        reply.question
    );
    let hint =
        format!("`kanban block {} --question {}` keeps it for a person", reply.id, reply.question);
    Failure::timeout(message).with_hint(hint)
}
