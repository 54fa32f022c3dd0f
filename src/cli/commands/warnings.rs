//! Warnings of `kanban create` and of the verbs that assign: tasks that nothing will start. The daemon says at once what it knows; for
//! ready tasks the facts of `kanban why` are asked too.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::client::seen::{CreateReply, WhyReply};
use crate::api::client::{Client, task_path};
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::text::one_line;
use crate::kernel::task::TaskStatus;

/// Looks for warnings about these tasks where the daemon has none for them yet, and prints each once on stderr. A worker is asked for
/// none: it does not run the host.
///
/// # Errors
/// No daemon.
pub(super) fn with_warnings(
    created: Vec<CreateReply>,
    client: &Client,
    session: &mut Session,
) -> Result<Vec<CreateReply>, Failure> {
    let mut by_assignee: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut all = Vec::new();
    for reply in created {
        let assignee = reply.task.assignee.clone().filter(|_| {
            reply.created && reply.task.status == TaskStatus::Ready && !session.is_in_run()
        });
        let warnings = match assignee {
            _ if !reply.warnings.is_empty() => reply.warnings.clone(),
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
        all.push(CreateReply { warnings, ..reply });
    }
    print_warnings(all.iter().flat_map(|reply| &reply.warnings), session);
    Ok(all)
}

/// Prints each warning once on stderr.
pub(super) fn print_warnings<'w>(
    warnings: impl IntoIterator<Item = &'w String>,
    session: &mut Session,
) {
    let warnings: BTreeSet<&String> = warnings.into_iter().collect();
    for warning in warnings {
        session.output.complain(&format!("warning: {}", one_line(warning)));
    }
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
