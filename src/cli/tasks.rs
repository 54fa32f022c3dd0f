//! Tasks as commands show them.

use crate::api::client::seen::{Status, Task};
use crate::cli::style::{Line, Tone};
use crate::cli::text::{one_line, pad};
use crate::kernel::task::{self, TaskStatus};

/// Stands for "nobody" and "nothing".
pub const NONE: &str = "-";

/// Columns of the status in lists.
const STATUS_COLUMNS: usize = 8;

/// Columns of the assignee in lists.
pub const ASSIGNEE_COLUMNS: usize = 20;

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

/// What a status means to a reader.
pub fn tone(status: &Status) -> Tone {
    let Some(status) = status.known() else { return Tone::Plain };
    match status {
        TaskStatus::Triage | TaskStatus::Todo | TaskStatus::Scheduled => Tone::Plain,
        TaskStatus::Ready => Tone::Waiting,
        TaskStatus::Running => Tone::Active,
        TaskStatus::Blocked | TaskStatus::Review => Tone::Asking,
        TaskStatus::Done => Tone::Good,
        TaskStatus::Archived => Tone::Faint,
    }
}

/// The sign and the id of a task.
pub fn marked_id(status: &Status, id: &str) -> Line {
    let sign = Line::of(tone(status), icon(status));
    sign.with(Tone::Plain, format!(" {}", one_line(id)))
}

/// Who is to do it, or `-`.
pub fn assignee<S, W>(task: &task::Task<S, W>) -> String {
    task.assignee.as_deref().map_or_else(|| NONE.to_owned(), one_line)
}

/// The line of a task in a list for a pipe: whole, and the same whenever it is written.
pub fn pipe_line(task: &Task) -> String {
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

fn tenant(task: &Task) -> String {
    task.tenant.as_deref().map_or_else(String::new, |name| format!(" [{}]", one_line(name)))
}
