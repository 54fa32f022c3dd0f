//! Tasks as commands show them.

use crate::api::client::seen::{Status, Task};
use crate::cli::text::{cut, one_line, pad, width};
use crate::cli::times::Times;
use crate::kernel::task::{self, TaskStatus};

/// Stands for "nobody" and "nothing".
pub const NONE: &str = "-";

/// Columns of the status in lists.
const STATUS_COLUMNS: usize = 8;

/// Columns of the assignee in lists.
const ASSIGNEE_COLUMNS: usize = 20;

/// Columns that a title gets even on the narrowest terminal.
const TITLE_COLUMNS_MIN: usize = 20;

/// A task as JSON shows it: `skills` is always a list.
pub fn with_skill_list(mut task: Task) -> Task {
    task.skills.get_or_insert_default();
    task
}

/// The sign of a status. It only repeats what the word beside it says.
pub fn icon(status: &Status) -> &'static str {
    let Some(status) = status.known() else { return "·" };
    match status {
        TaskStatus::Triage => "?",
        TaskStatus::Todo => "◻",
        TaskStatus::Scheduled => "◷",
        TaskStatus::Ready => "▶",
        TaskStatus::Running => "●",
        TaskStatus::Blocked => "⊘",
        TaskStatus::Review => "◎",
        TaskStatus::Done => "✓",
        TaskStatus::Archived => "—",
    }
}

/// Who is to do it, or `-`.
pub fn assignee<S, W>(task: &task::Task<S, W>) -> String {
    task.assignee.as_deref().map_or_else(|| NONE.to_owned(), one_line)
}

/// The lines of a list: whole through a pipe; with ages and cut to the terminal's width at one.
pub fn list_lines(tasks: &[Task], times: &Times, columns: Option<usize>) -> Vec<String> {
    match columns {
        None => tasks.iter().map(plain_line).collect(),
        Some(columns) => fitted_lines(tasks, times, columns),
    }
}

fn plain_line(task: &Task) -> String {
    format!(
        "{} {}  {}  {}{}  {}",
        icon(&task.status),
        task.id,
        pad(task.status.as_str(), STATUS_COLUMNS),
        pad(&assignee(task), ASSIGNEE_COLUMNS),
        tenant(task),
        one_line(&task.title),
    )
}

fn fitted_lines(tasks: &[Task], times: &Times, columns: usize) -> Vec<String> {
    let longest = |lengths: &mut dyn Iterator<Item = usize>| lengths.max().unwrap_or_default();
    let id_columns = longest(&mut tasks.iter().map(|task| width(task.id.as_str())));
    let assignee_columns =
        longest(&mut tasks.iter().map(|task| width(&assignee(task)))).min(ASSIGNEE_COLUMNS);
    let age_columns = longest(&mut tasks.iter().map(|task| times.age(task.created_at).len()));
    let line = |task: &Task| {
        let head = format!(
            "{} {}  {}  {}  {:>age_columns$}{}  ",
            icon(&task.status),
            pad(task.id.as_str(), id_columns),
            pad(task.status.as_str(), STATUS_COLUMNS),
            pad(&cut(&assignee(task), assignee_columns), assignee_columns),
            times.age(task.created_at),
            tenant(task),
        );
        let left = columns.saturating_sub(width(&head)).max(TITLE_COLUMNS_MIN);
        format!("{head}{}", cut(&one_line(&task.title), left))
    };
    tasks.iter().map(line).collect()
}

fn tenant(task: &Task) -> String {
    task.tenant.as_deref().map_or_else(String::new, |name| format!(" [{}]", one_line(name)))
}
