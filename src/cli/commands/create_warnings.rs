//! Warnings of `kanban create`: ready tasks that nothing will start, by the facts of `kanban why`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::api::client::seen::{CreateReply, WhyReply};
use crate::api::client::{Client, task_path};
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::text::one_line;
use crate::kernel::task::TaskStatus;

/// A task that was created, with what is to be known of it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Created {
    /// The task.
    #[serde(flatten)]
    pub(super) reply: CreateReply,
    /// Why nothing will start it, each in one line.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) warnings: Vec<String>,
}

/// Looks for warnings about these tasks, and prints each once on stderr. A worker gets none: it does not run the host.
///
/// # Errors
/// No daemon.
pub(super) fn with_warnings(
    created: Vec<CreateReply>,
    client: &Client,
    session: &mut Session,
) -> Result<Vec<Created>, Failure> {
    let mut by_assignee: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut all = Vec::new();
    for reply in created {
        let assignee = reply.task.assignee.clone().filter(|_| {
            reply.created && reply.task.status == TaskStatus::Ready && !session.is_in_run()
        });
        let warnings = match assignee {
            None => Vec::new(),
            Some(assignee) => match by_assignee.get(&assignee) {
                Some(known) => known.clone(),
                None => {
                    let warnings = look(&reply, client, session)?;
                    by_assignee.insert(assignee, warnings.clone());
                    warnings
                }
            },
        };
        all.push(Created { reply, warnings });
    }
    let mut message: Vec<&String> = by_assignee.values().flatten().collect();
    message.sort();
    message.dedup();
    for warning in message {
        session.output.complain(&format!("warning: {}", one_line(warning)));
    }
    Ok(all)
}

fn look(reply: &CreateReply, client: &Client, session: &Session) -> Result<Vec<String>, Failure> {
    let id = reply.task.id.as_str();
    let why: WhyReply = client.get(&task_path(id, "why")?, &session.on_board())?;
    // A reason of a newer daemon is shown rather than kept back.
    if why.reason.known().is_some_and(|reason| !reason.stands_still()) {
        return Ok(Vec::new());
    }
    let hint = why.hint.map_or_else(String::new, |hint| format!("; {hint}"));
    Ok(vec![format!("ready tasks are not started now: {}{hint}", why.explanation)])
}
