//! Verbs that take several tasks. Every id is looked up before anything is done, so that a word among them which is no task
//! leaves nothing half done. Then each is tried, whatever became of the ones before it.

use serde::Serialize;
use serde_json::Value;

use crate::api::client::{Client, ClientError, task_path};
use crate::cli::commands::Ended;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::exit_codes::CliExit;

/// Asks for each id once, in order. A refusal is reported and the next is tried; without a daemon there is no next.
/// With `--json` the replies come as one array: what was done, whatever the exit code is.
pub(super) fn each<R: Serialize>(
    client: &Client,
    ids: &[String],
    session: &mut Session,
    mut ask: impl FnMut(&str) -> Result<R, ClientError>,
    mut line: impl FnMut(&R) -> String,
) -> Ended {
    let mut replies = Vec::new();
    let mut exit = refuse_unknown(client, ids, session)?;
    let known = if exit == CliExit::Ok { ids } else { &[] };
    for id in known {
        match ask(id) {
            Ok(reply) => {
                if !session.output.is_json() {
                    session.output.line(line(&reply))?;
                }
                replies.push(reply);
            }
            Err(refused @ ClientError::Refused(_)) => {
                exit = Failure::from(refused).tell(&mut session.output);
            }
            Err(error) => {
                exit = Failure::from(error).tell(&mut session.output);
                break;
            }
        }
    }
    if session.output.is_json() {
        session.output.json(&replies)?;
    }
    Ok(exit)
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
