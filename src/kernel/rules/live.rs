//! The message about a task that is changed in its place: how the task stands, in the fewest words. Pure.

use crate::kernel::event::{Event, sentence};
use crate::kernel::ids::EpochSeconds;
use crate::kernel::notice::Live;
use crate::kernel::task::{Task, TaskStatus};

/// Characters of the newest of its news.
const LINE_CHARS_MAX: usize = 200;

/// What is known of a task.
#[derive(Debug, Clone, Copy)]
pub struct LiveFacts<'a> {
    /// The task.
    pub task: &'a Task,
    /// How many runs it has had.
    pub attempts: u32,
    /// Its newest event that says something.
    pub newest: Option<&'a Event>,
    /// What ended what a message asked; none for the live one.
    pub ending: Option<&'a str>,
}

/// The message.
pub fn live(facts: LiveFacts<'_>) -> Live {
    let LiveFacts { task, attempts, newest, ending } = facts;
    let (sign, state) = words(task.status);
    let state = match (ending, task.assignee.as_deref()) {
        (Some(ending), _) => ending.to_owned(),
        (None, Some(name)) if task.status == TaskStatus::Running => format!("{state}: {name}"),
        (None, _) => state.to_owned(),
    };
    let is_working = task.status == TaskStatus::Running;
    let line = newest.map(|event| sentence(event).chars().take(LINE_CHARS_MAX).collect());
    Live {
        sign: sign.to_owned(),
        title: task.title.clone(),
        state,
        attempt: (is_working && attempts > 1).then(|| i64::from(attempts)),
        age: None,
        last_line: line.filter(|_| ending.is_none()),
        id: task.id.to_string(),
        status: task.status.as_str().to_owned(),
    }
}

/// A sign and a word for a status.
fn words(status: TaskStatus) -> (&'static str, &'static str) {
    match status {
        TaskStatus::Triage => ("💡", "in triage"),
        TaskStatus::Todo => ("⏳", "waits for other tasks"),
        TaskStatus::Scheduled => ("🕒", "waits for its time"),
        TaskStatus::Ready => ("⚪", "ready"),
        TaskStatus::Running => ("🔵", "running"),
        TaskStatus::Blocked => ("🔴", "blocked"),
        TaskStatus::Review => ("🟣", "in review"),
        TaskStatus::Done => ("✅", "done"),
        TaskStatus::Archived => ("📦", "archived"),
    }
}

/// The end of what a message asked, in words: `answered by ada: blue`.
pub fn ending(event: &Event) -> String {
    let by = event.actor.as_deref().unwrap_or("kanband");
    let words = match event.kind.as_str() {
        "answered" => {
            let answer = event.payload.as_ref().and_then(|it| it.get("answer")?.as_str());
            return match answer {
                Some(answer) => format!("answered by {by}: {answer}"),
                None => format!("answered by {by}"),
            };
        }
        "ask_ended" => return "over: no answer is needed".to_owned(),
        "unblocked" => "unblocked by",
        "completed" => "completed by",
        "approved" => "approved by",
        "changes_requested" => "changes requested by",
        "archived" => "archived by",
        _ => "goes on, by",
    };
    format!("{words} {by}")
}

/// Whether a message says the same for good: nothing changes it any further.
pub fn is_final(status: TaskStatus) -> bool {
    matches!(status, TaskStatus::Done | TaskStatus::Archived)
}

/// When a message may be changed next, epoch milliseconds.
pub fn edit_after_ms(now_ms: i64, pause_ms: i64) -> i64 {
    now_ms.saturating_add(pause_ms)
}

/// The minute of a time, for limits by the minute.
pub fn minute_of(now_ms: i64) -> EpochSeconds {
    now_ms.div_euclid(60_000)
}
