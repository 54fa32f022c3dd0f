//! Verbs that take several tasks. Every id is looked up before anything is done, so that a word among them which is no task
//! leaves nothing half done. Then each is tried, whatever became of the ones before it.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::api::client::seen::{BulkReply, BulkResult, ErrorDetail};
use crate::api::client::{Client, ClientError, task_path};
use crate::cli::commands::Ended;
use crate::cli::commands::targets::{Chosen, ChosenBy};
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::exit_codes::CliExit;
use crate::kernel::limits::BULK_TASKS_MAX;
use crate::kernel::verbs::BulkTasks;

/// What became of one task.
pub(super) type Answer<R> = Result<R, Failure>;

/// What `--json` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// An array of replies.
    List,
    /// The reply alone for one task that is named by its id, else an array.
    OneOrList,
}

/// Asks for each task and shows what became of it. With `--json` the replies come as one array: what was done, whatever the exit
/// code is.
pub(super) fn each<R: Serialize + DeserializeOwned>(
    client: &Client,
    chosen: &Chosen,
    session: &mut Session,
    verb: &'static str,
    request: &impl Serialize,
    line: impl FnMut(&R) -> String,
) -> Ended {
    let answers = answers(client, chosen, session, verb, request)?;
    show(chosen, Shape::List, answers, session, line)
}

/// Shows what became of each task. The worst exit code counts.
pub(super) fn show<R: Serialize>(
    chosen: &Chosen,
    shape: Shape,
    answers: Vec<Answer<R>>,
    session: &mut Session,
    mut line: impl FnMut(&R) -> String,
) -> Ended {
    let mut exit = CliExit::Ok;
    let mut replies = Vec::new();
    for answer in answers {
        match answer {
            Ok(reply) => {
                if !session.output.is_json() {
                    session.output.line(line(&reply))?;
                }
                replies.push(reply);
            }
            Err(failure) => {
                let of_task = failure.tell(&mut session.output);
                exit = if of_task.code() > exit.code() { of_task } else { exit };
            }
        }
    }
    if session.output.is_json() {
        match (shape, chosen.by, replies.as_slice()) {
            (Shape::OneOrList, ChosenBy::OneId, [reply]) => session.output.json(reply)?,
            (Shape::OneOrList, ChosenBy::OneId, _) => {}
            (_, _, replies) => session.output.json(&replies)?,
        }
    }
    Ok(exit)
}

/// Asks for each task once, in order. Several are one request, in which each stands alone: a refusal is reported and the others are
/// done. `request` has the fields that are the same for all. A fault ends it, behind what was done.
///
/// # Errors
/// An id of several could not be looked up: nothing was done.
pub(super) fn answers<R: DeserializeOwned>(
    client: &Client,
    chosen: &Chosen,
    session: &Session,
    verb: &'static str,
    request: &impl Serialize,
) -> Result<Vec<Answer<R>>, Failure> {
    let unknown = unknown(client, chosen, session)?;
    if !unknown.is_empty() {
        return Ok(unknown.into_iter().map(Err).collect());
    }
    let mut answers = Vec::new();
    for batch in chosen.ids.chunks(BATCH) {
        match ask(client, batch, session, verb, request) {
            Ok(of_batch) => answers.extend(of_batch),
            Err(failure) => {
                answers.push(Err(failure));
                break;
            }
        }
    }
    Ok(answers)
}

/// Tasks of one request.
const BATCH: usize = BULK_TASKS_MAX as usize;

/// What became of each of them.
fn ask<R: DeserializeOwned>(
    client: &Client,
    ids: &[String],
    session: &Session,
    verb: &'static str,
    request: &impl Serialize,
) -> Result<Vec<Answer<R>>, Failure> {
    let local = |error: serde_json::Error| Failure::fault(error.to_string());
    let mut fields = match serde_json::to_value(request).map_err(local)? {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    if let [id] = ids {
        fields.insert("id".to_owned(), id.clone().into());
        let reply = match verb {
            "edit" => client.patch(&task_path(id, "")?, &fields),
            _ => client.post(&task_path(id, verb)?, &fields),
        };
        return match reply {
            Ok(reply) => Ok(vec![Ok(reply)]),
            Err(refused @ ClientError::Refused(_)) => Ok(vec![Err(refused.into())]),
            Err(error) => Err(error.into()),
        };
    }
    fields.retain(|name, value| name != "id" && name != "board" && !value.is_null());
    let (verb, ids, board) = (verb.to_owned(), ids.to_vec(), session.board.clone());
    let bulk = BulkTasks { verb, ids, fields, board, ..BulkTasks::default() };
    let reply: BulkReply = client.post("/v1/tasks/bulk", &bulk)?;
    let answer = |result: BulkResult| match (result.reply, result.refused) {
        (Some(reply), _) => Ok(Ok(serde_json::from_value(reply).map_err(local)?)),
        (None, Some(refused)) => {
            let detail = ErrorDetail::new(refused.code, refused.message);
            Ok(Err(Failure::from(ClientError::Refused(detail))))
        }
        (None, None) => Err(Failure::fault(format!("no answer for {}", result.id))),
    };
    reply.results.into_iter().map(answer).collect()
}

/// Every id of several that is no task here. A single one is answered by the verb itself, and what a filter found is known.
fn unknown(client: &Client, chosen: &Chosen, session: &Session) -> Result<Vec<Failure>, Failure> {
    let mut unknown = Vec::new();
    if chosen.ids.len() < 2 || chosen.by == ChosenBy::Filter {
        return Ok(unknown);
    }
    for id in &chosen.ids {
        // The cheapest question about a task.
        let path = task_path(id, "attachments");
        match path.and_then(|path| client.get::<Value>(&path, &session.on_board())) {
            Ok(_) => {}
            Err(refused @ ClientError::Refused(_)) => {
                unknown.push(Failure::from(refused).with_hint("no task was changed"));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(unknown)
}
