//! Verbs that take several tasks: each is tried, whatever became of the ones before it.

use serde::Serialize;

use crate::api::client::ClientError;
use crate::cli::commands::Ended;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::exit_codes::CliExit;

/// Asks for each id once, in order. A refusal is told and the next is tried; without a daemon there is no next.
/// With `--json` the replies come as one array.
pub(super) fn each<R: Serialize>(
    ids: &[String],
    session: &mut Session,
    mut ask: impl FnMut(&str) -> Result<R, ClientError>,
    mut line: impl FnMut(&R) -> String,
) -> Ended {
    let mut replies = Vec::new();
    let mut exit = CliExit::Ok;
    for id in ids {
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
