//! The tasks of a verb that takes several: ids, ids from stdin, or a filter.

use std::collections::BTreeMap;

use crate::api::client::Client;
use crate::api::client::seen::Task;
use crate::cli::complete;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::task_arg::{Beside, TaskArg, written};
use crate::cli::text::{cut, one_line};
use crate::cli::words::each_once;
use crate::kernel::ids::EpochSeconds;
use crate::kernel::queries::ListTasks;

/// Columns of a title behind an id.
const TITLE_COLUMNS: usize = 60;

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
    ids: Vec<TaskArg>,
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
    /// Their titles, as far as they are known.
    titles: BTreeMap<String, String>,
    /// When the oldest of those was created that a filter found, epoch seconds.
    pub(super) oldest: Option<EpochSeconds>,
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
        let ids = vec![id.to_owned()];
        Self { ids, by: ChosenBy::OneId, titles: BTreeMap::new(), oldest: None }
    }

    /// The one task that was named by its id; none when several could have been named.
    pub(super) fn one_id(&self) -> Option<&str> {
        let is_one = self.by == ChosenBy::OneId;
        self.ids.first().filter(|_| is_one).map(String::as_str)
    }

    /// The same with the titles, for a verb that ends or removes work: a wrong task is seen at once. A task that is not
    /// found is left to the verb.
    ///
    /// # Errors
    /// No daemon.
    pub(super) fn titled(mut self, session: &Session) -> Result<Self, Failure> {
        let is_shown = !session.output.is_json() && !session.is_in_run();
        for id in self.ids.iter().filter(|_| is_shown) {
            if self.titles.contains_key(id) {
                continue;
            }
            match session.find_task(id) {
                Ok(Some(found)) => drop(self.titles.insert(id.clone(), found.title)),
                Ok(None) => {}
                // The verb says it, beside what became of the others.
                Err(failure) if failure.is_refused() => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(self)
    }

    /// A task with its title, for people.
    pub(super) fn name(&self, id: &str) -> String {
        match self.titles.get(id) {
            Some(title) => format!("{id} ({})", cut(&one_line(title), TITLE_COLUMNS)),
            None => id.to_owned(),
        }
    }
}

impl Targets {
    /// The tasks. None is no error: a filter that matches nothing has nothing to do.
    ///
    /// # Errors
    /// A filter that says nothing, stdin that cannot be read, or no daemon.
    pub(super) fn chosen(&self, client: &Client, session: &mut Session) -> Result<Chosen, Failure> {
        self.filter.among(&self.ids, client, session)
    }

    /// The first id as it was written, for a hint.
    pub(super) fn first_id(&self) -> String {
        self.ids.first().map_or_else(|| "ID".to_owned(), ToString::to_string)
    }
}

impl Filter {
    /// Whether there is one, so that no id is to be expected.
    pub(super) fn is_given(&self) -> bool {
        self.filter.is_some()
    }

    /// The tasks of the filter, else those of these words before a text, of which `-` stands for all ids on stdin.
    ///
    /// # Errors
    /// As [`Targets::chosen`].
    pub(super) fn chosen(
        &self,
        ids: &[String],
        client: &Client,
        session: &mut Session,
    ) -> Result<Chosen, Failure> {
        self.of(Beside::Text, ids, client, session)
    }

    /// The same where the words are tasks alone.
    ///
    /// # Errors
    /// As [`Targets::chosen`].
    pub(super) fn among(
        &self,
        ids: &[TaskArg],
        client: &Client,
        session: &mut Session,
    ) -> Result<Chosen, Failure> {
        self.of(Beside::Tasks, &written(ids), client, session)
    }

    fn of(
        &self,
        beside: Beside,
        ids: &[String],
        client: &Client,
        session: &mut Session,
    ) -> Result<Chosen, Failure> {
        let Some(filter) = &self.filter else { return named(beside, ids, session) };
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
    let ids = tasks.iter().map(|task| task.id.to_string()).collect();
    let oldest = tasks.iter().map(|task| task.created_at).min();
    let titles = tasks.into_iter().map(|task| (task.id.to_string(), task.title)).collect();
    Ok(Chosen { ids, by: ChosenBy::Filter, titles, oldest })
}

/// The tasks of these words, of which `-` stands for all ids on stdin: those are whole.
///
/// # Errors
/// A task that is not found, or stdin that cannot be read.
pub(super) fn named(
    beside: Beside,
    given: &[String],
    session: &mut Session,
) -> Result<Chosen, Failure> {
    let mut ids = Vec::new();
    for id in given {
        if id == STDIN {
            let text = session.text_as_it_is("ID", STDIN.to_owned())?;
            ids.extend(text.split_whitespace().map(str::to_owned));
        } else {
            ids.push(session.task_beside(beside, id)?);
        }
    }
    if ids.is_empty() {
        session.output.complain("note: stdin has no ids");
    }
    let by = match given {
        [id] if id != STDIN => ChosenBy::OneId,
        _ => ChosenBy::Ids,
    };
    Ok(Chosen { ids: each_once(&ids), by, titles: BTreeMap::new(), oldest: None })
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
