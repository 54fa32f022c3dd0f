//! `kanban answer`.

use std::io::BufRead as _;

use crate::api::client::seen::{AnswerReply, Question, TaskDetails};
use crate::api::client::{Client, task_path};
use crate::cli::commands::Ended;
use crate::cli::complete;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::task_arg::TaskArg;
use crate::cli::text::one_line;
use crate::exit_codes::CliExit;
use crate::kernel::error::ErrorCode;
use crate::kernel::rules::question::QuestionOutcome;
use crate::kernel::verbs::AnswerTask;

/// Answer the question of a task.
///
/// A task that is blocked for the question goes on with the answer; a run that waits for it gets it at once. Without an answer
/// a terminal shows the question and asks for one.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban answer t_1a2b3c4d use the staging key
  kanban answer t_1a2b3c4d 2
  kanban answer t_1a2b3c4d - < answer.txt
  kanban answer t_1a2b3c4d")]
pub struct Arguments {
    /// Task whose question is answered
    #[arg(add = complete::tasks())]
    id: TaskArg,
    /// Answer: the text or the number of a choice, or other words; several words are joined with spaces, `-` reads it from
    /// stdin
    #[arg(value_name = "ANSWER")]
    words: Vec<String>,
    /// Question to answer (default: the open one)
    #[arg(long, value_name = "QUESTION")]
    question: Option<String>,
    /// Also add the answer as a comment
    #[arg(long)]
    as_comment: bool,
}

/// What is sent as the answer to a question that cannot be answered.
const NO_ANSWER: &str = "-";

/// Runs it.
///
/// # Errors
/// A wrong command line, or the daemon's refusal.
pub fn run(arguments: Arguments, session: &mut Session) -> Ended {
    let Arguments { id, words, question, as_comment } = arguments;
    let id = session.task_before_text(&id)?;
    let path = task_path(&id, "answer")?;
    let client = session.client()?;
    let (answer, question) = if words.is_empty() {
        ask(&client, session, &id, question)?
    } else {
        (session.text("answer", words.join(" "))?, question)
    };
    let board = session.board.clone();
    let request = AnswerTask { id, answer, question, as_comment, board };
    let reply: AnswerReply = client.post(&path, &request)?;
    if session.output.is_json() {
        session.output.json(&reply)?;
    } else {
        let (id, answer) = (&reply.id, one_line(&reply.answer));
        session.output.line(format!("Answered {id} ({}): {answer}", reply.status))?;
    }
    Ok(CliExit::Ok)
}

/// Shows the question in a terminal and reads the answer; a blank line is the default, where there is one. The answer is for the
/// question that was shown, whatever is open by then.
fn ask(
    client: &Client,
    session: &mut Session,
    id: &str,
    question: Option<String>,
) -> Result<(String, Option<String>), Failure> {
    if !session.is_interactive() {
        return Err(Failure::usage("an answer is required")
            .with_hint(format!("kanban answer {id} TEXT, or `-` to read it from stdin")));
    }
    let seen: TaskDetails = client.get(&task_path(id, "")?, &session.on_board())?;
    let is_open = |shown: &&Question| shown.outcome == QuestionOutcome::Open;
    let newest = || seen.questions.iter().find(is_open).or(seen.questions.last());
    let Some(meant) = question.or_else(|| newest().map(|shown| shown.id.to_string())) else {
        let message = format!("{id} has no open question");
        return Err(Failure::refused(ErrorCode::NoQuestion, message));
    };
    let is_meant = |shown: &&Question| shown.id.as_str() == meant;
    let Some(shown) = seen.questions.iter().filter(is_open).find(is_meant) else {
        // The daemon refuses every answer to a question that is over or unknown, and says what became of it.
        return Ok((NO_ANSWER.to_owned(), Some(meant)));
    };
    for line in lines(shown) {
        session.output.line(line)?;
    }
    session.output.finish()?;
    let mut typed = String::new();
    session
        .stdin()?
        .read_line(&mut typed)
        .map_err(|error| Failure::usage(format!("cannot read the answer: {error}")))?;
    let typed = typed.trim();
    let answer = match (typed, &shown.default_answer) {
        ("", Some(default)) => default.clone(),
        ("", None) => return Err(Failure::usage("an answer is required")),
        (typed, _) => typed.to_owned(),
    };
    Ok((answer, Some(shown.id.to_string())))
}

/// A question as a terminal shows it.
pub(super) fn lines(question: &Question) -> Vec<String> {
    let mut lines = vec![question.text.clone()];
    let is_default = |choice: &String| question.default_answer.as_ref() == Some(choice);
    lines.extend(question.choices.iter().enumerate().map(|(index, choice)| {
        let mark = if is_default(choice) { " (default)" } else { "" };
        format!("  {}) {choice}{mark}", index + 1)
    }));
    if let Some(default) = question.default_answer.as_ref().filter(|_| question.choices.is_empty())
    {
        lines.push(format!("  default: {default}"));
    }
    lines
}
