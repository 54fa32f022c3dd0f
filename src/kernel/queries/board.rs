//! `board`: the columns of a board as windows of cards, and `cards`: further windows of one column.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::card::{
    Card, CardQuestion, CardReason, CardReview, question_line, reason_line, summary_line,
};
use crate::kernel::counts::Counts;
use crate::kernel::error::{Fault, VerbError};
use crate::kernel::ids::{EpochSeconds, EventId, TaskId};
use crate::kernel::limits::{
    CARDS_COUNTED_MAX, CARDS_PER_COLUMN_MAX, CARDS_PER_WINDOW, CARDS_PER_WINDOW_MAX, FACETS_MAX,
};
use crate::kernel::next_pass::View;
use crate::kernel::question::Question;
use crate::kernel::rules::reason::Reason;
use crate::kernel::snapshot::Snapshot;
use crate::kernel::store::boards::BoardKey;
use crate::kernel::store::cards::{CardRow, Window};
use crate::kernel::store::conditions::TaskConditions;
use crate::kernel::store::{self, Connection};
use crate::kernel::task::{HUMAN, TaskStatus};
use crate::kernel::task_filter::{self, NOBODY, TaskFilter};
use crate::kernel::why::Why;

/// Reads the columns of a board.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GetBoard {
    /// Only tasks of these assignees, comma-separated; `-` stands for nobody.
    pub assignee: Option<String>,
    /// Only tasks of these tenants, comma-separated.
    pub tenant: Option<String>,
    /// Only tasks with one of these labels, comma-separated.
    pub label: Option<String>,
    /// Only tasks that depend on this task.
    pub parent: Option<String>,
    /// Only tasks with these words in their title, body, comments or summaries.
    pub text: Option<String>,
    /// Cards of each column, at most 100; default 30.
    pub window: Option<u32>,
    /// Include the column of archived tasks.
    pub archived: bool,
    /// Board; default: `default`.
    pub board: Option<String>,
}

/// Reads a window of a column.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ListCards {
    /// The column.
    pub status: String,
    /// In place of a column: the cards of these tasks, comma-separated, at most 500, in this order; of ids that are none there is no card.
    pub tasks: Option<String>,
    /// Cards before the window.
    pub offset: u32,
    /// Cards in the window, at most 500; default 30.
    pub limit: Option<u32>,
    /// As in `board`.
    pub assignee: Option<String>,
    /// As in `board`.
    pub tenant: Option<String>,
    /// As in `board`.
    pub label: Option<String>,
    /// As in `board`.
    pub parent: Option<String>,
    /// As in `board`.
    pub text: Option<String>,
    /// Board; default: `default`.
    pub board: Option<String>,
}

/// The columns of a board, from one snapshot of the database.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct BoardColumns {
    /// Cursor of the event stream that belongs to it: `incarnation:id`.
    pub cursor: String,
    /// Time of the reply, epoch seconds.
    pub now: EpochSeconds,
    /// The board.
    pub board: String,
    /// The columns, from left to right.
    pub columns: Vec<ColumnWindow>,
    /// Names to filter by.
    pub facets: Facets,
}

/// A column, as far as its cards are sent.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ColumnWindow {
    /// Its status.
    pub status: String,
    /// Number of tasks that the filter lets through.
    pub count: i64,
    /// Whether that is their number; under a filter at most 1,000 are counted.
    pub count_is_exact: bool,
    /// Number of tasks of this status.
    pub total: i64,
    /// The first cards, in the order of the column.
    pub cards: Vec<Card>,
}

/// Names to filter by.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct Facets {
    /// Assignees of unarchived tasks.
    pub assignees: Vec<Facet>,
    /// Tenants, at most 100.
    pub tenants: Vec<Facet>,
    /// Labels, at most 100.
    pub labels: Vec<Facet>,
}

/// A name to filter by.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Facet {
    /// The name; `-` for nobody.
    pub name: String,
    /// Number of unarchived tasks, where it is counted.
    pub count: Option<i64>,
}

/// A window of a column.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct CardPage {
    /// Cursor of the event stream that belongs to it.
    pub cursor: String,
    /// The cards.
    pub cards: Vec<Card>,
    /// As in a column of `board`.
    pub count: i64,
    /// As in a column of `board`.
    pub count_is_exact: bool,
}

impl GetBoard {
    /// Which tasks.
    fn which(&self) -> TaskFilter {
        TaskFilter {
            status: None,
            assignee: self.assignee.clone(),
            tenant: self.tenant.clone(),
            label: self.label.clone(),
            parent: self.parent.clone(),
            text: self.text.clone(),
        }
    }
}

impl ListCards {
    /// Which tasks of its column.
    fn which(&self) -> TaskFilter {
        TaskFilter {
            status: None,
            assignee: self.assignee.clone(),
            tenant: self.tenant.clone(),
            label: self.label.clone(),
            parent: self.parent.clone(),
            text: self.text.clone(),
        }
    }
}

/// Reads the columns. `counts` are those that the writing thread keeps, as of a snapshot with this newest event.
///
/// # Errors
/// A refusal or a fault.
pub fn board(
    query: &GetBoard,
    snapshot: &Snapshot<'_>,
    view: View<'_>,
    counts: impl Fn(EventId) -> Counts,
) -> Result<BoardColumns, VerbError> {
    let connection = snapshot.connection;
    let counts = &counts(store::events::newest_id(connection)?);
    let board = snapshot.board(query.board.as_deref(), "board")?;
    let filter = query.which().read(connection)?;
    let limit = query.window.unwrap_or(CARDS_PER_WINDOW).min(CARDS_PER_COLUMN_MAX);
    let mut maker = CardMaker::new(view);
    let mut columns = Vec::new();
    for status in TaskStatus::ALL {
        if status == TaskStatus::Archived && !query.archived {
            continue;
        }
        let window = Window { offset: 0, limit };
        let rows = store::cards::window(connection, &board, status, &filter, window)?;
        let total = total(counts, &board, status);
        let (count, count_is_exact) =
            counted(connection, (&board, status), &filter, (rows.len(), limit), total)?;
        let cards: Result<Vec<Card>, Fault> = rows.into_iter().map(|row| maker.card(row)).collect();
        let status = status.to_string();
        columns.push(ColumnWindow { status, count, count_is_exact, total, cards: cards? });
    }
    Ok(BoardColumns {
        cursor: cursor(connection)?,
        now: snapshot.now,
        columns,
        facets: facets(connection, &board, counts)?,
        board: board.name.to_string(),
    })
}

/// Reads a window of a column.
///
/// # Errors
/// A refusal or a fault.
pub fn cards(
    query: &ListCards,
    snapshot: &Snapshot<'_>,
    view: View<'_>,
    counts: impl Fn(EventId) -> Counts,
) -> Result<CardPage, VerbError> {
    let connection = snapshot.connection;
    if let Some(ids) = &query.tasks {
        return cards_of(ids, snapshot, view);
    }
    let counts = &counts(store::events::newest_id(connection)?);
    let board = snapshot.board(query.board.as_deref(), "cards")?;
    let status = task_filter::status(&query.status)?;
    let filter = query.which().read(connection)?;
    let limit = query.limit.unwrap_or(CARDS_PER_WINDOW).min(CARDS_PER_WINDOW_MAX);
    let window = Window { offset: query.offset, limit };
    let rows = store::cards::window(connection, &board, status, &filter, window)?;
    let total = total(counts, &board, status);
    let (count, count_is_exact) =
        counted(connection, (&board, status), &filter, (usize::MAX, limit), total)?;
    let mut maker = CardMaker::new(view);
    let cards: Result<Vec<Card>, Fault> = rows.into_iter().map(|row| maker.card(row)).collect();
    Ok(CardPage { cursor: cursor(connection)?, cards: cards?, count, count_is_exact })
}

/// The cards of these tasks.
fn cards_of(ids: &str, snapshot: &Snapshot<'_>, view: View<'_>) -> Result<CardPage, VerbError> {
    let mut maker = CardMaker::new(view);
    let ids = ids.split(',').filter_map(|id| TaskId::parse(id.trim()));
    let cards = ids.take(CARDS_PER_WINDOW_MAX as usize).map(|id| maker.card_of(&id));
    let cards: Vec<Card> = cards.filter_map(Result::transpose).collect::<Result<_, Fault>>()?;
    let count = i64::try_from(cards.len()).unwrap_or(i64::MAX);
    Ok(CardPage { cursor: cursor(snapshot.connection)?, cards, count, count_is_exact: true })
}

/// The cursor of the event stream that belongs to this snapshot.
///
/// # Errors
/// A fault of the database.
pub fn cursor(connection: &Connection) -> Result<String, Fault> {
    let newest = store::events::newest_id(connection)?;
    Ok(cursor_at(&store::install::get(connection)?.incarnation, newest))
}

/// A cursor of the event stream.
pub fn cursor_at(incarnation: &str, id: EventId) -> String {
    format!("{incarnation}:{id}")
}

fn total(counts: &Counts, board: &BoardKey, status: TaskStatus) -> i64 {
    let of_status = counts.of_board(&board.name).filter(|(key, _)| key.status == status);
    of_status.map(|(_, count)| count).sum()
}

/// How many a filter lets through, and whether that is exact. What was read says it where it is less than a window.
fn counted(
    connection: &Connection,
    (board, status): (&BoardKey, TaskStatus),
    filter: &TaskConditions,
    (read, limit): (usize, u32),
    total: i64,
) -> Result<(i64, bool), Fault> {
    if filter.is_empty() {
        return Ok((total, true));
    }
    if read < limit as usize {
        return Ok((i64::try_from(read).unwrap_or(i64::MAX), true));
    }
    let count = store::cards::count(connection, board, status, filter, CARDS_COUNTED_MAX)?;
    Ok((count, count < i64::from(CARDS_COUNTED_MAX)))
}

fn facets(connection: &Connection, board: &BoardKey, counts: &Counts) -> Result<Facets, Fault> {
    let mut assignees: Vec<Facet> = Vec::new();
    for (key, count) in counts.of_board(&board.name) {
        if key.status == TaskStatus::Archived {
            continue;
        }
        let name = key.assignee.as_deref().unwrap_or(NOBODY);
        match assignees.iter_mut().find(|facet| facet.name == name) {
            Some(facet) => facet.count = facet.count.map(|sum| sum + count),
            None => assignees.push(Facet { name: name.to_owned(), count: Some(count) }),
        }
    }
    let uncounted = |names: Vec<String>| -> Vec<Facet> {
        names.into_iter().map(|name| Facet { name, count: None }).collect()
    };
    Ok(Facets {
        assignees,
        tenants: uncounted(store::cards::tenants(connection, board, FACETS_MAX)?),
        labels: uncounted(store::cards::labels(connection, FACETS_MAX)?),
    })
}

/// Makes cards of rows of one snapshot.
pub struct CardMaker<'a> {
    connection: &'a Connection,
    why: Why<'a>,
}

impl<'a> CardMaker<'a> {
    /// For rows as `view` has them.
    pub fn new(view: View<'a>) -> Self {
        Self { connection: view.connection, why: Why::new(view) }
    }

    /// The card of a task; none when there is no such task.
    ///
    /// # Errors
    /// A fault of the database.
    pub fn card_of(&mut self, id: &TaskId) -> Result<Option<Card>, Fault> {
        let row = store::cards::get(self.connection, id)?;
        row.map(|row| self.card(row)).transpose()
    }

    /// The card of a row.
    ///
    /// # Errors
    /// A fault of the database.
    pub fn card(&mut self, row: CardRow) -> Result<Card, Fault> {
        let connection = self.connection;
        let is_open = !row.status.satisfies_children();
        let may_ask = matches!(row.status, TaskStatus::Running | TaskStatus::Blocked);
        let question =
            if may_ask { store::questions::get_open(connection, &row.id)? } else { None };
        let may_wait =
            matches!(row.status, TaskStatus::Todo | TaskStatus::Triage | TaskStatus::Scheduled);
        let waits = if may_wait { store::neighbours::waits(connection, &row.id)? } else { None };
        let has_reason =
            matches!(row.status, TaskStatus::Ready | TaskStatus::Blocked | TaskStatus::Review);
        let reason = if has_reason { self.reason_of(&row.id)? } else { None };
        let review = (row.status == TaskStatus::Review || row.review_round > 1 && is_open)
            .then(|| review_of(&row));
        let summary = row.result.as_deref().filter(|_| row.status == TaskStatus::Done);
        Ok(Card {
            run: store::cards::open_run(connection, &row.id)?,
            summary: summary.and_then(summary_line),
            id: row.id.to_string(),
            board: row.board.to_string(),
            title: row.title,
            status: row.status.to_string(),
            priority: row.priority,
            assignee: row.assignee,
            tenant: row.tenant,
            labels: row.labels,
            since: row.since,
            created_at: row.created_at,
            started_at: row.started_at,
            completed_at: row.completed_at,
            start_at: row.start_at,
            parked: row.parked,
            due_at: row.due_at,
            not_before: row.not_before,
            seq: row.seq,
            version: row.version,
            attempts: row.attempts,
            failures: row.failures,
            reason,
            waits,
            children: Some(row.children).filter(|children| children.count > 0),
            comments: row.comments,
            attachments: row.attachments,
            question: question.map(|question| question_of(question, true)),
            review,
        })
    }

    /// Why a task does not run, as its card says it; none when there is no such task.
    ///
    /// # Errors
    /// A fault of the database.
    pub fn reason_of(&mut self, id: &TaskId) -> Result<Option<CardReason>, Fault> {
        let Some(task) = store::tasks::get(self.connection, id)? else { return Ok(None) };
        let reason = self.why.reason(&task)?;
        Ok(Some(reason_on_card(&reason)))
    }

    /// The reason itself.
    ///
    /// # Errors
    /// A fault of the database.
    pub fn why(&mut self) -> &mut Why<'a> {
        &mut self.why
    }
}

/// A reason as a card says it.
pub fn reason_on_card(reason: &Reason) -> CardReason {
    let text = if let Reason::Blocked { why: Some(why), .. } = reason {
        why.clone()
    } else {
        reason.explanation()
    };
    let until = if let Reason::BackOff { until, .. } = reason {
        Some(*until)
    } else if let Reason::Scheduled { until }
    | Reason::HostBreaker { until, .. }
    | Reason::ProfileBreaker { until, .. }
    | Reason::WorkspaceBreaker { until, .. } = reason
    {
        *until
    } else {
        None
    };
    let is_given_up = matches!(reason, Reason::Blocked { gave_up: true, .. });
    let code = if is_given_up { "gave_up" } else { reason.name() };
    CardReason { code: code.to_owned(), text: reason_line(&text), until }
}

/// A question as a card, or a task's page, shows it.
pub fn question_of(question: Question, is_short: bool) -> CardQuestion {
    let whole = CardQuestion::of(question);
    if is_short { CardQuestion { text: question_line(&whole.text), ..whole } } else { whole }
}

fn review_of(row: &CardRow) -> CardReview {
    let is_profile = row.review_why.is_none() && row.reviewer.as_deref() != Some(HUMAN);
    CardReview {
        round: row.review_round,
        reviewer: row.reviewer.clone().filter(|_| is_profile),
        why: row.review_why.clone(),
    }
}
