//! The sections of the board, from what the daemon knows. Pure.

use crate::api::client::seen::Status;
use crate::cli::cards::why;
use crate::cli::style::{Line, Tone};
use crate::cli::table::{self, Column};
use crate::cli::tasks::{ASSIGNEE_COLUMNS, NONE, icon, tone};
use crate::cli::text::one_line;
use crate::cli::times::Times;
use crate::kernel::card::Card;
use crate::kernel::queries::ColumnWindow;
use crate::kernel::task::TaskStatus;
use crate::service::attention::Attention;
use crate::service::board::BoardSnapshot;

/// A section.
#[derive(Debug)]
pub struct Section {
    /// Its heading.
    pub name: &'static str,
    /// What it means.
    pub tone: Tone,
    /// Number of its tasks, also of those that were not read.
    pub count: i64,
    /// Whether that is their number, or there may be more.
    pub count_is_exact: bool,
    /// Its first entries.
    pub entries: Vec<Entry>,
    /// The command that shows them all.
    pub command: String,
}

/// Something in a section: a task, or what needs a person beside tasks.
#[derive(Debug)]
pub struct Entry {
    /// The task that it stands for.
    pub task: Option<String>,
    /// Its sign.
    pub sign: Line,
    /// How long.
    pub age: String,
    /// Who.
    pub who: String,
    /// Its title.
    pub title: String,
    /// What is to be said beside the title, in one line.
    pub note: Option<String>,
    /// Further lines, in the list.
    pub below: Vec<Line>,
}

/// A line of the drawn board, with the task that it shows.
#[derive(Debug)]
pub struct Drawn {
    /// The task; none of headings and of what stands beside tasks.
    pub task: Option<String>,
    /// The line.
    pub line: Line,
}

impl Section {
    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.count == 0 && self.entries.is_empty()
    }

    /// Its heading, with the number of its tasks.
    pub fn heading(&self) -> Line {
        let least = if self.count_is_exact { "" } else { "+" };
        let count = format!(" ({}{least})", self.count);
        Line::of(self.tone, self.name).with(Tone::Faint, count)
    }

    /// How many entries are not shown when this many are; none when all are.
    pub fn left_out(&self, shown: usize) -> Option<i64> {
        let shown = i64::try_from(shown.min(self.entries.len())).unwrap_or(i64::MAX);
        Some(self.count.saturating_sub(shown)).filter(|rest| *rest > 0)
    }
}

/// The first line: the board, its numbers, and what holds everything up.
pub fn head(board: &BoardSnapshot) -> Line {
    let total = |status: TaskStatus| column(board, status).map_or(0, |column| column.total);
    let facts = &board.facts;
    let mut line = Line::of(Tone::Strong, one_line(&board.board));
    let numbers = format!(
        " · {} of {} running · {} ready · {} open",
        total(TaskStatus::Running),
        facts.max_running,
        total(TaskStatus::Ready),
        TaskStatus::ALL.into_iter().filter(|it| !it.satisfies_children()).map(total).sum::<i64>()
    );
    line.push(Tone::Plain, numbers);
    if facts.dispatch != "on" {
        line.push(Tone::Asking, format!(" · dispatch {}", one_line(&facts.dispatch)));
    }
    if !facts.breakers.is_empty() {
        line.push(Tone::Bad, format!(" · {} breakers open", facts.breakers.len()));
    }
    line
}

/// What to do with a board without a task.
pub fn first_steps(board: &BoardSnapshot) -> Vec<Line> {
    let profiles = board.first_use.as_ref().map(|first| first.profiles.as_slice());
    let usable = profiles.unwrap_or_default().iter().find(|profile| profile.problem.is_none());
    let command = |text: String| Line::of(Tone::Plain, "  ").with(Tone::Active, text);
    let mut lines = vec![Line::of(Tone::Plain, "No tasks yet.")];
    match usable {
        Some(profile) => {
            lines.push(Line::of(Tone::Plain, "Give one to an agent:"));
            let name = one_line(&profile.name);
            lines.push(command(format!(
                "kanban create \"Say what is in this directory\" --assignee {name}"
            )));
        }
        None => {
            lines.push(Line::of(Tone::Plain, "Find the agents of this user, then create a task:"));
            lines.push(command("kanban init".to_owned()));
            lines.push(command("kanban create \"Say hello\" --assignee PROFILE".to_owned()));
        }
    }
    lines
}

/// The sections, from left to right.
pub fn sections(board: &BoardSnapshot, inbox: &[Attention], times: &Times) -> Vec<Section> {
    let asks = |card: &&Card| !inbox.iter().any(|row| row.tasks.iter().any(|it| it.id == card.id));
    let cards = |statuses: &[TaskStatus]| -> Vec<&Card> {
        let columns = statuses.iter().filter_map(|status| column(board, *status));
        columns.flat_map(|column| &column.cards).collect()
    };
    let total = |statuses: &[TaskStatus]| -> i64 {
        statuses.iter().filter_map(|status| column(board, *status)).map(|column| column.total).sum()
    };
    let entries = |cards: Vec<&Card>| cards.into_iter().map(|card| entry(card, times)).collect();
    let section = |name, tone, statuses: &[TaskStatus], command: &str| Section {
        name,
        tone,
        count: total(statuses),
        count_is_exact: true,
        entries: entries(cards(statuses)),
        command: command.to_owned(),
    };
    let waiting = [TaskStatus::Todo, TaskStatus::Scheduled, TaskStatus::Triage];
    let mut later =
        section("WAITING", Tone::Strong, &waiting, "kanban list --status todo,scheduled,triage");
    // What a profile reviews waits, what a person reviews is in the inbox.
    let reviewed: Vec<&Card> = cards(&[TaskStatus::Review]).into_iter().filter(asks).collect();
    later.count = later.count.saturating_add(i64::try_from(reviewed.len()).unwrap_or(i64::MAX));
    later.entries.extend(reviewed.into_iter().map(|card| entry(card, times)));
    vec![
        needs_you(inbox, times),
        section("RUNNING", Tone::Active, &[TaskStatus::Running], "kanban list --status running"),
        section("READY", Tone::Waiting, &[TaskStatus::Ready], "kanban list --status ready"),
        later,
        done_today(board, times),
    ]
}

fn needs_you(inbox: &[Attention], times: &Times) -> Section {
    let count = i64::try_from(inbox.len()).unwrap_or(i64::MAX);
    Section {
        name: "NEEDS YOU",
        tone: Tone::Asking,
        count,
        count_is_exact: true,
        entries: inbox.iter().map(|row| asking(row, times)).collect(),
        command: "kanban inbox".to_owned(),
    }
}

fn done_today(board: &BoardSnapshot, times: &Times) -> Section {
    let today = times.today();
    let column = column(board, TaskStatus::Done);
    let cards: Vec<&Card> = column.iter().flat_map(|column| &column.cards).collect();
    let of_today: Vec<&Card> = cards
        .iter()
        .copied()
        .filter(|card| card.completed_at.is_some_and(|at| at >= today))
        .collect();
    Section {
        name: "DONE TODAY",
        tone: Tone::Good,
        count: i64::try_from(of_today.len()).unwrap_or(i64::MAX),
        // The column is in the order of completion: an older card ends what is of today.
        count_is_exact: of_today.len() < cards.len() || cards.len() < super::WINDOW as usize,
        entries: of_today.into_iter().map(|card| entry(card, times)).collect(),
        command: "kanban list --status done".to_owned(),
    }
}

fn column(board: &BoardSnapshot, status: TaskStatus) -> Option<&ColumnWindow> {
    board.columns.iter().find(|column| column.status == status.as_str())
}

fn status_of(text: &str) -> Status {
    TaskStatus::parse(text).map_or_else(|| Status::Other(text.to_owned()), Status::Known)
}

fn entry(card: &Card, times: &Times) -> Entry {
    let status = status_of(&card.status);
    let run = card.run.as_ref();
    let since = run.map(|run| run.started_at).or(card.since);
    let profile = run.and_then(|run| run.profile.as_deref()).or(card.assignee.as_deref());
    let note = match (run, &card.summary) {
        (Some(run), _) => Some(format!("run {}", run.id)),
        (None, Some(summary)) => Some(one_line(summary)),
        (None, None) => why(card),
    };
    Entry {
        task: Some(card.id.clone()),
        sign: Line::of(tone(&status), icon(&status)),
        age: since.map_or_else(|| NONE.to_owned(), |since| times.age(since)),
        who: profile.map_or_else(|| NONE.to_owned(), one_line),
        title: one_line(&card.title),
        note,
        below: Vec::new(),
    }
}

/// A row of the inbox: what is asked, and the command that finishes it.
fn asking(row: &Attention, times: &Times) -> Entry {
    let age = row.since.map_or_else(|| NONE.to_owned(), |since| times.age(since));
    let command = row.commands.first().unwrap_or(&row.command);
    let finish = Line::of(Tone::Faint, "→ ").with(Tone::Active, one_line(command));
    let kind = row.kind.replace('_', " ");
    let (task, title, cause) = match row.tasks.as_slice() {
        [task] if row.count <= 1 => {
            let before = format!("{} {}: ", task.id, task.title);
            let cause = row.message.strip_prefix(&before).unwrap_or(&row.message);
            (Some(task.id.clone()), one_line(&task.title), Some(one_line(cause)))
        }
        _ => (None, one_line(&row.message), None),
    };
    let mut below: Vec<Line> = cause.iter().map(|cause| Line::of(Tone::Plain, cause)).collect();
    below.push(finish);
    let sign = Line::of(Tone::Asking, "⊘");
    Entry { task, sign, age, who: kind, title, note: None, below }
}

/// The board as a list, cut to `columns` where they are given, with at most `shown_max` entries in each section.
pub fn lines(sections: &[Section], columns: Option<usize>, shown_max: usize) -> Vec<Drawn> {
    let heads = [
        Column::new("  ID", 9),
        Column::new("FOR", 4).right(),
        Column::new("WHO", 6).at_most(ASSIGNEE_COLUMNS),
        Column::new("TITLE", 9),
    ];
    let all = || sections.iter().flat_map(|section| section.entries.iter().take(shown_max));
    let rows: Vec<Vec<Line>> = all().map(cells).collect();
    let mut rows = table::lines(&heads, &rows, columns).into_iter().skip(1);
    let other = |line: Line| Drawn { task: None, line };
    let mut drawn = Vec::new();
    for section in sections.iter().filter(|section| !section.is_empty()) {
        drawn.push(other(Line::default()));
        drawn.push(other(section.heading()));
        for entry in section.entries.iter().take(shown_max) {
            let line = rows.next().unwrap_or_default();
            drawn.push(Drawn { task: entry.task.clone(), line });
            for line in &entry.below {
                let mut indented = Line::of(Tone::Plain, "    ");
                indented.append(line.clone());
                let line = match columns {
                    Some(columns) => table::cell_cut(&indented, columns),
                    None => indented,
                };
                drawn.push(other(line));
            }
        }
        if let Some(rest) = section.left_out(shown_max) {
            drawn.push(other(Line::of(
                Tone::Faint,
                format!("  … and {rest} more: {}", section.command),
            )));
        }
    }
    drawn
}

fn cells(entry: &Entry) -> Vec<Line> {
    let id = entry.task.as_deref().unwrap_or(NONE);
    let mut sign = entry.sign.clone();
    sign.push(Tone::Plain, format!(" {}", one_line(id)));
    let mut title = Line::of(Tone::Plain, &entry.title);
    if let Some(note) = &entry.note {
        title.push(Tone::Faint, format!("  {note}"));
    }
    vec![sign, entry.age.clone().into(), entry.who.clone().into(), title]
}
