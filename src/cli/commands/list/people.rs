//! `kanban list` on a terminal: a table of cards, what is left out, and how to see it.

use std::collections::HashMap;

use crate::api::client::Client;
use crate::api::client::seen::Task;
use crate::cli::cards::why;
use crate::cli::commands::Ended;
use crate::cli::commands::list::{Arguments, Form, SHOWN_DEFAULT, columns};
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::style::{Line, Tone};
use crate::cli::table::{self, Column};
use crate::cli::tasks::{ASSIGNEE_COLUMNS, NONE, assignee, marked_id, tone};
use crate::cli::text::one_line;
use crate::cli::times::Times;
use crate::exit_codes::CliExit;
use crate::kernel::card::Card;
use crate::kernel::queries::{CardPage, GetBoard, ListCards, ListTasks};
use crate::kernel::task::TaskStatus;
use crate::service::board::BoardSnapshot;

/// Runs it.
///
/// # Errors
/// The daemon's refusal.
pub fn run(arguments: &Arguments, columns: &[&'static str], session: &mut Session) -> Ended {
    let is_default = !arguments.all && arguments.limit.is_none();
    let limit = if is_default { Some(SHOWN_DEFAULT) } else { arguments.limit };
    // One more tells whether there are more.
    let mut request = arguments.request(session, limit.map(|limit| limit.saturating_add(1)))?;
    let names_statuses = request.status.is_some() || arguments.filters.archived;
    if !names_statuses && !arguments.all {
        request.status = Some(open_statuses());
    }
    let client = session.client()?;
    let mut tasks: Vec<Task> = client.get("/v1/tasks", &request)?;
    let shown = limit.map_or(tasks.len(), |limit| tasks.len().min(limit as usize));
    let has_more = tasks.len() > shown;
    tasks.truncate(shown);
    session.output.page();
    if tasks.is_empty() {
        let none = if names_statuses || arguments.all { "matching" } else { "open" };
        session.output.line(format!("(no {none} tasks)"))?;
        return Ok(CliExit::Ok);
    }
    for line in lines(arguments, columns, &tasks, &client, session)? {
        session.output.styled(&line)?;
    }
    if has_more {
        let more = match rest(&client, &request, shown)? {
            Some(rest) => format!("… and {rest} more; --all shows them"),
            None => "… and more; --all shows them".to_owned(),
        };
        session.output.styled(&Line::of(Tone::Faint, more))?;
    }
    Ok(CliExit::Ok)
}

fn open_statuses() -> String {
    let open = TaskStatus::ALL.into_iter().filter(|status| !status.satisfies_children());
    open.map(TaskStatus::as_str).collect::<Vec<_>>().join(",")
}

fn lines(
    arguments: &Arguments,
    columns: &[&'static str],
    tasks: &[Task],
    client: &Client,
    session: &Session,
) -> Result<Vec<Line>, Failure> {
    let times = session.times();
    if arguments.output == Some(Form::Wide) || !columns.is_empty() {
        let is_wide = arguments.output == Some(Form::Wide);
        let chosen = columns::of_form(columns, is_wide);
        let fit = session.output.columns().filter(|_| !is_wide);
        let rows = columns::rows(tasks, &chosen, &times)?;
        return Ok(table::lines(&columns::heads(&chosen), &rows, fit));
    }
    let cards = cards(client, tasks);
    let has_priorities = tasks.iter().any(|task| task.priority != 0);
    let mut heads = vec![
        Column::new("  ID", 9),
        Column::new("STATUS", 8),
        Column::new("FOR", 4).right(),
        Column::new("PRI", 3).right(),
        Column::new("ASSIGNEE", 6).at_most(ASSIGNEE_COLUMNS),
        Column::new("TITLE", 9),
    ];
    let mut rows: Vec<Vec<Line>> =
        tasks.iter().map(|task| row(task, cards.get(task.id.as_str()), &times)).collect();
    if !has_priorities {
        heads.remove(PRIORITY_INDEX);
        for row in &mut rows {
            row.remove(PRIORITY_INDEX);
        }
    }
    Ok(table::lines(&heads, &rows, session.output.columns()))
}

/// Where the priority stands in a row.
const PRIORITY_INDEX: usize = 3;

fn row(task: &Task, card: Option<&Card>, times: &Times) -> Vec<Line> {
    let since = card.and_then(|card| card.since);
    let priority = if task.priority == 0 { String::new() } else { task.priority.to_string() };
    let mut title = Line::of(Tone::Plain, one_line(&task.title));
    if let Some(text) = card.and_then(why) {
        title.push(Tone::Faint, format!("  {text}"));
    }
    vec![
        marked_id(&task.status, task.id.as_str()),
        Line::of(tone(&task.status), task.status.as_str()),
        since.map_or_else(|| NONE.to_owned(), |since| times.age(since)).into(),
        priority.into(),
        assignee(task).into(),
        title,
    ]
}

/// The cards of the tasks, by id; none where the daemon shows them to nobody like this caller.
fn cards(client: &Client, tasks: &[Task]) -> HashMap<String, Card> {
    let ids: Vec<&str> = tasks.iter().map(|task| task.id.as_str()).collect();
    let mut cards = HashMap::new();
    for ids in ids.chunks(CARDS_PER_REQUEST) {
        let request = ListCards { tasks: Some(ids.join(",")), ..ListCards::default() };
        let Ok(page) = client.get::<CardPage>("/v1/cards", &request) else { break };
        cards.extend(page.cards.into_iter().map(|card| (card.id.clone(), card)));
    }
    cards
}

/// Ids in one request, so that they fit into its line.
const CARDS_PER_REQUEST: usize = 200;

/// How many tasks the filter lets through beyond those that are shown; none when that cannot be counted.
fn rest(client: &Client, request: &ListTasks, shown: usize) -> Result<Option<String>, Failure> {
    let has_times = [request.created_after, request.created_before, request.updated_since]
        .into_iter()
        .any(|time| time.is_some());
    if has_times || request.cursor.is_some() {
        return Ok(None);
    }
    let wanted = GetBoard {
        assignee: request.assignee.clone(),
        tenant: request.tenant.clone(),
        label: request.label.clone(),
        parent: request.parent.clone(),
        text: None,
        window: Some(0),
        archived: request.archived,
        board: request.board.clone(),
    };
    let Ok(board) = client.get::<BoardSnapshot>("/v1/board", &wanted) else { return Ok(None) };
    let statuses: Vec<&str> = request.status.as_deref().unwrap_or_default().split(',').collect();
    let is_meant = |name: &str| request.status.is_none() || statuses.contains(&name);
    let columns = board.columns.iter().filter(|column| is_meant(&column.status));
    let (count, is_exact) = columns.fold((0_i64, true), |(count, is_exact), column| {
        (count.saturating_add(column.count), is_exact && column.count_is_exact)
    });
    let rest = count.saturating_sub(i64::try_from(shown).unwrap_or(i64::MAX)).max(1);
    Ok(Some(if is_exact { rest.to_string() } else { format!("at least {rest}") }))
}
