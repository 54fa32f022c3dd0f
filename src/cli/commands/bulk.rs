//! Verbs that take several tasks. Every id is looked up before anything is done, so that a word among them which is no task
//! leaves nothing half done. Then each is tried, whatever became of the ones before it.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::api::client::{Client, ClientError, task_path};
use crate::api::error::ErrorDetail;
use crate::cli::commands::Ended;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::exit_codes::CliExit;
use crate::kernel::limits::BULK_TASKS_MAX;
use crate::kernel::verbs::{BulkReply, BulkResult, BulkTasks};

/// Asks for each id once, in order. Several are one request, in which each stands alone: a refusal is reported and the others
/// are done. `request` has the fields that are the same for all. With `--json` the replies come as one array: what was done,
/// whatever the exit code is.
pub(super) fn each<R: Serialize + DeserializeOwned>(
    client: &Client,
    ids: &[String],
    session: &mut Session,
    verb: &'static str,
    request: &impl Serialize,
    mut line: impl FnMut(&R) -> String,
) -> Ended {
    let mut replies = Vec::new();
    let mut exit = refuse_unknown(client, ids, session)?;
    let known = if exit == CliExit::Ok { ids } else { &[] };
    for batch in known.chunks(BATCH) {
        for answer in ask(client, batch, session, verb, request)? {
            match answer {
                Ok(reply) => {
                    if !session.output.is_json() {
                        session.output.line(line(&reply))?;
                    }
                    replies.push(reply);
                }
                Err(refused) => exit = refused.tell(&mut session.output),
            }
        }
    }
    if session.output.is_json() {
        session.output.json(&replies)?;
    }
    Ok(exit)
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
) -> Result<Vec<Result<R, Failure>>, Failure> {
    let local = |error: serde_json::Error| Failure::fault(error.to_string());
    let mut fields = match serde_json::to_value(request).map_err(local)? {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    if let [id] = ids {
        fields.insert("id".to_owned(), id.clone().into());
        return match client.post(&task_path(id, verb)?, &fields) {
            Ok(reply) => Ok(vec![Ok(reply)]),
            Err(refused @ ClientError::Refused(_)) => Ok(vec![Err(refused.into())]),
            Err(error) => Err(error.into()),
        };
    }
    fields.retain(|name, value| name != "id" && name != "board" && !value.is_null());
    let (verb, ids, board) = (verb.to_owned(), ids.to_vec(), session.board.clone());
    let bulk = BulkTasks { verb, ids, fields, board, filter: None };
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

/// Tells of every id of several that is no task here. A single one is answered by the verb itself.
fn refuse_unknown(
    client: &Client,
    ids: &[String],
    session: &mut Session,
) -> Result<CliExit, Failure> {
    let mut exit = CliExit::Ok;
    if ids.len() < 2 {
        return Ok(exit);
    }
    for id in ids {
        // The cheapest question about a task.
        let path = task_path(id, "attachments");
        match path.and_then(|path| client.get::<Value>(&path, &session.on_board())) {
            Ok(_) => {}
            Err(refused @ ClientError::Refused(_)) => {
                let refused = Failure::from(refused).with_hint("no task was changed");
                exit = refused.tell(&mut session.output);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(exit)
}
