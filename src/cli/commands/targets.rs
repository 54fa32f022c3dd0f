//! The tasks of a verb that takes several: ids, ids from stdin, or a filter.

use crate::api::client::Client;
use crate::api::client::seen::Task;
use crate::cli::complete;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::text::one_line;
use crate::cli::words::each_once;
use crate::kernel::queries::ListTasks;

/// What stands for stdin.
const STDIN: &str = "-";

/// Which tasks are meant.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Targets {
    /// Tasks; `-` reads ids from stdin
    #[arg(
        required_unless_present = "filter",
        conflicts_with = "filter",
        value_name = "ID",
        add = complete::tasks()
    )]
    ids: Vec<String>,
    #[command(flatten)]
    filter: Filter,
}

/// Tasks by what they are.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Filter {
    /// All tasks that match: status=, assignee=, tenant=, label= or parent=, separated by commas; a repeated key adds a value
    #[arg(long = "where", value_name = "FILTER", id = "filter")]
    filter: Option<String>,
}

/// The tasks that a command line means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chosen {
    /// Each once.
    pub(super) ids: Vec<String>,
    /// How they were named.
    pub(super) by: ChosenBy,
}

/// How tasks were named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChosenBy {
    /// One by its id.
    OneId,
    /// Some by their ids.
    Ids,
    /// By a filter: the daemon listed them.
    Filter,
}

impl Chosen {
    /// One task, by its id.
    pub(super) fn one(id: &str) -> Self {
        Self { ids: vec![id.to_owned()], by: ChosenBy::OneId }
    }

    /// The one task that was named by its id; none when several could have been named.
    pub(super) fn one_id(&self) -> Option<&str> {
        let is_one = self.by == ChosenBy::OneId;
        self.ids.first().filter(|_| is_one).map(String::as_str)
    }
}

impl Targets {
    /// The tasks. None is no error: a filter that matches nothing has nothing to do.
    ///
    /// # Errors
    /// A filter that says nothing, stdin that cannot be read, or no daemon.
    pub(super) fn chosen(&self, client: &Client, session: &mut Session) -> Result<Chosen, Failure> {
        self.filter.chosen(&self.ids, client, session)
    }

    /// The first id, for a hint.
    pub(super) fn first_id(&self) -> &str {
        self.ids.first().map_or("ID", String::as_str)
    }
}

impl Filter {
    /// Whether there is one, so that no id is to be expected.
    pub(super) fn is_given(&self) -> bool {
        self.filter.is_some()
    }

    /// The tasks of the filter, else those of these ids, of which `-` stands for all on stdin.
    ///
    /// # Errors
    /// As [`Targets::chosen`].
    pub(super) fn chosen(
        &self,
        ids: &[String],
        client: &Client,
        session: &mut Session,
    ) -> Result<Chosen, Failure> {
        let Some(filter) = &self.filter else { return named(ids, session) };
        let chosen = matching(filter, client, session)?;
        if chosen.ids.is_empty() {
            let note = format!("note: no task matches {}", one_line(filter));
            session.output.complain(&note);
        }
        Ok(chosen)
    }
}

fn matching(filter: &str, client: &Client, session: &Session) -> Result<Chosen, Failure> {
    let request = ListTasks { board: session.board.clone(), ..parse(filter).map_err(usage)? };
    let tasks: Vec<Task> = client.get("/v1/tasks", &request)?;
    let ids = tasks.into_iter().map(|task| task.id.to_string()).collect();
    Ok(Chosen { ids, by: ChosenBy::Filter })
}

/// The tasks of these ids, of which `-` stands for all on stdin.
///
/// # Errors
/// Stdin that cannot be read.
pub(super) fn named(given: &[String], session: &mut Session) -> Result<Chosen, Failure> {
    let mut ids = Vec::new();
    for id in given {
        if id == STDIN {
            let text = session.text_as_it_is("ID", STDIN.to_owned())?;
            ids.extend(text.split_whitespace().map(str::to_owned));
        } else {
            ids.push(id.clone());
        }
    }
    if ids.is_empty() {
        session.output.complain("note: stdin has no ids");
    }
    let by = match given {
        [id] if id != STDIN => ChosenBy::OneId,
        _ => ChosenBy::Ids,
    };
    Ok(Chosen { ids: each_once(&ids), by })
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
        match field {
            Some(_) if key == "parent" => return Err("--where: parent is given twice".to_owned()),
            // The daemon reads lists of names.
            Some(values) => *values = format!("{values},{value}"),
            None => *field = Some(value.to_owned()),
        }
    }
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
        let read = parse("status=done,assignee=a,status=archived").unwrap();
        assert_eq!(read.status.as_deref(), Some("done,archived"));
        for wrong in ["", "blocked", "status=", "stat=x", "parent=a,parent=b", "status=a,"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
