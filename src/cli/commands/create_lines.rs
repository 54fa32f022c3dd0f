//! `kanban create --from-jsonl`: a create request per line, or an array of them.
//!
//! They are sent in batches, in their order; each stands alone. The first that is refused ends it and is named; those before
//! it stay.

mod source;

use std::path::Path;

use crate::api::client::Client;
use crate::api::client::seen::{CreateReply, CreateTasksReply};
use crate::cli::commands::Ended;
use crate::cli::commands::create::line_of;
use crate::cli::commands::create_lines::source::Source;
use crate::cli::commands::warnings::with_warnings;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::tasks::with_skill_list;
use crate::exit_codes::CliExit;
use crate::kernel::error::Hint;
use crate::kernel::verbs::{CreateTask, CreateTasks};

/// Runs it.
///
/// # Errors
/// A file that cannot be read, or no daemon. A refused line is reported too, after what was created.
pub(super) fn run(file: &Path, session: &mut Session) -> Ended {
    let mut source = Source::open(file, session)?;
    let client = session.client()?;
    let mut created = Vec::new();
    let ended = loop {
        match source.batch(session.board.as_deref()) {
            Ok(batch) if batch.is_empty() => break Ok(()),
            Ok(batch) => {
                if let Err(failure) = send(&client, batch, &mut created, session) {
                    break Err(failure);
                }
            }
            Err(failure) => break Err(failure),
        }
    };
    let created = with_warnings(created, &client, session)?;
    if session.output.is_json() {
        session.output.json(&created)?;
    }
    ended.map(|()| CliExit::Ok)
}

/// Sends a batch and shows what became of it.
fn send(
    client: &Client,
    batch: Vec<(String, CreateTask)>,
    created: &mut Vec<CreateReply>,
    session: &mut Session,
) -> Result<(), Failure> {
    let (locations, tasks): (Vec<String>, Vec<CreateTask>) = batch.into_iter().unzip();
    let reply: CreateTasksReply = client.post("/v1/tasks/batch", &CreateTasks { tasks })?;
    for reply in reply.created {
        if !session.output.is_json() {
            session.output.line(line_of(&reply))?;
        }
        created.push(CreateReply { task: with_skill_list(reply.task), ..reply });
    }
    let Some(refused) = reply.refused else { return Ok(()) };
    let location = locations.get(refused.index).map(String::as_str).unwrap_or_default();
    // A line is refused in a reply, which is the same for every client.
    let hint = refused.code.known().and_then(Hint::of_code).map(|hint| hint.to_string());
    let hint = hint.or(refused.hint);
    let failure = Failure::refused(refused.code, format!("{location}: {}", refused.message));
    Err(match hint {
        Some(hint) => failure.with_hint(hint),
        None => failure,
    })
}
