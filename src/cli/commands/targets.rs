//! The tasks of a verb that takes several: ids, ids from stdin, or a filter.

use crate::api::client::Client;
use crate::api::client::seen::Task;
use crate::cli::complete;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::words::each_once;
use crate::kernel::queries::ListTasks;

/// What stands for stdin.
const STDIN: &str = "-";

/// Which tasks are meant.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Targets {
    /// Tasks; `-` reads ids from stdin
    #[arg(required_unless_present = "filter", value_name = "ID", add = complete::tasks())]
    pub(super) ids: Vec<String>,
    /// All tasks that match: status=, assignee=, tenant=, label= or parent=, separated by commas
    #[arg(long = "where", value_name = "FILTER", conflicts_with = "ids", id = "filter")]
    filter: Option<String>,
}

impl Targets {
    /// The tasks, each once. None is no error: a filter that matches nothing has nothing to do.
    ///
    /// # Errors
    /// A filter that says nothing, stdin that cannot be read, or no daemon.
    pub(super) fn ids(&self, client: &Client, session: &Session) -> Result<Vec<String>, Failure> {
        if let Some(filter) = &self.filter {
            let request =
                ListTasks { board: session.board.clone(), ..parse(filter).map_err(usage)? };
            let tasks: Vec<Task> = client.get("/v1/tasks", &request)?;
            return Ok(tasks.into_iter().map(|task| task.id.to_string()).collect());
        }
        let mut ids = Vec::new();
        for id in &self.ids {
            if id == STDIN {
                let text = session.text_as_it_is("ID", STDIN.to_owned())?;
                ids.extend(text.split_whitespace().map(str::to_owned));
            } else {
                ids.push(id.clone());
            }
        }
        Ok(each_once(&ids))
    }
}

fn usage(problem: String) -> Failure {
    Failure::usage(problem).with_hint("for example --where status=blocked,tenant=acme")
}

/// Reads a filter. One that is empty would mean every task; that is never meant.
fn parse(filter: &str) -> Result<ListTasks, String> {
    let mut request = ListTasks::default();
    for part in filter.split(',').map(str::trim) {
        let Some((key, value)) =
            part.split_once('=').map(|(key, value)| (key.trim(), value.trim()))
        else {
            return Err(format!("--where {part:?}: expected KEY=VALUE"));
        };
        let field = match key {
            "status" => &mut request.status,
            "assignee" => &mut request.assignee,
            "tenant" => &mut request.tenant,
            "label" => &mut request.label,
            "parent" => &mut request.parent,
            _ => {
                return Err(format!(
                    "--where: unknown key {key:?}: use status, assignee, tenant, label or parent"
                ));
            }
        };
        if value.is_empty() {
            return Err(format!("--where {key}=: the value is missing"));
        }
        if field.replace(value.to_owned()).is_some() {
            return Err(format!("--where: {key} is given twice"));
        }
    }
    // An archived task is listed only when archived ones are asked for.
    request.archived = request.status.as_deref() == Some("archived");
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_names_what_it_filters_by_and_is_never_empty() {
        let read = parse("status=blocked, tenant=acme").unwrap();
        assert_eq!(read.status.as_deref(), Some("blocked"));
        assert_eq!(read.tenant.as_deref(), Some("acme"));
        assert!(!read.archived);
        assert!(parse("status=archived").unwrap().archived);
        for wrong in ["", "blocked", "status=", "stat=x", "status=a,status=b", "status=a,"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
