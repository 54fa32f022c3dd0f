//! What waits for a person, worst first. Pure: facts come in, rows go out. Equal causes are one row with a number, and a row is gone
//! when its cause is.

use std::collections::BTreeMap;

use crate::kernel::card::CardQuestion;
use crate::kernel::ids::{BoardName, EpochSeconds};
use crate::kernel::limits::SKIPS_IN_A_ROW;
use crate::kernel::question::Question;
use crate::kernel::schedule::{Schedule, WAITS_FOR_A_PERSON};
use crate::kernel::task::TaskStatus;

/// Tasks that a row names; the others are counted.
pub const NAMED_MAX: usize = 10;

/// What kind of thing waits. The order is the order of the inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The board's files are lost.
    BoardLost,
    /// Processes of a run cannot be killed.
    Unkillable,
    /// The disk is nearly full.
    Disk,
    /// The log is stuck, or lost lines.
    Log,
    /// The search index is behind, or steps over tasks.
    Search,
    /// Dispatch is paused or draining.
    Paused,
    /// A breaker is open.
    Breaker,
    /// A channel cannot be used, or an address of it.
    ChannelBroken,
    /// Nobody takes the messages.
    CourierAbsent,
    /// Messages were given up.
    DeadLetters,
    /// A task was given up after failures.
    GaveUp,
    /// A question waits for its answer.
    Question,
    /// A task is blocked.
    Blocked,
    /// A task was blocked again and again.
    BlockLoop,
    /// A parent was cancelled, or archived unfinished.
    Held,
    /// A worker created a task beyond what its profile may.
    Handover,
    /// A task waits for the verdict of a person.
    Review,
    /// A task has been ready for long.
    WaitingLong,
    /// Unfinished tasks are past their due time.
    Overdue,
    /// A schedule makes no tasks, or waits for its first.
    Schedule,
    /// Ready tasks have no assignee.
    Unassigned,
    /// Ready tasks have an assignee that is neither a profile nor a person.
    UnknownProfile,
    /// Ready tasks have a profile whose workers cannot be started.
    UnusableProfile,
    /// Ready tasks are a person's own.
    Own,
}

impl Kind {
    /// All kinds, worst first.
    pub const ALL: [Self; 24] = [
        Self::BoardLost,
        Self::Unkillable,
        Self::Disk,
        Self::Log,
        Self::Search,
        Self::Paused,
        Self::Breaker,
        Self::ChannelBroken,
        Self::CourierAbsent,
        Self::DeadLetters,
        Self::GaveUp,
        Self::Question,
        Self::Blocked,
        Self::BlockLoop,
        Self::Held,
        Self::Handover,
        Self::Review,
        Self::WaitingLong,
        Self::Overdue,
        Self::Schedule,
        Self::Unassigned,
        Self::UnknownProfile,
        Self::UnusableProfile,
        Self::Own,
    ];

    /// The kind on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BoardLost => "board_lost",
            Self::Unkillable => "unkillable",
            Self::Disk => "disk",
            Self::Log => "log",
            Self::Search => "search",
            Self::Paused => "paused",
            Self::Breaker => "breaker",
            Self::ChannelBroken => "channel_broken",
            Self::CourierAbsent => "courier_absent",
            Self::DeadLetters => "dead_letters",
            Self::GaveUp => "gave_up",
            Self::Question => "question",
            Self::Blocked => "blocked",
            Self::BlockLoop => "block_loop",
            Self::Held => "held",
            Self::Handover => "handover",
            Self::Review => "review",
            Self::WaitingLong => "waiting_long",
            Self::Overdue => "overdue",
            Self::Schedule => "schedule",
            Self::Unassigned => "unassigned",
            Self::UnknownProfile => "unknown_profile",
            Self::UnusableProfile => "unusable_profile",
            Self::Own => "own",
        }
    }

    /// The commands that finish it, for these tasks.
    fn commands(self, ids: &[String]) -> Vec<String> {
        let all = ids.join(" ");
        let Some(first) = ids.first() else { return Vec::new() };
        match self {
            Self::Unkillable => {
                vec![format!("kanban why {first}"), format!("kanban stop --force {all}")]
            }
            Self::GaveUp => vec![format!("kanban unblock {all}"), format!("kanban log {first}")],
            Self::Blocked => vec![format!("kanban unblock {all}"), format!("kanban why {first}")],
            Self::Question => vec![format!("kanban answer {first} TEXT")],
            Self::BlockLoop => {
                vec![format!("kanban show {first}"), format!("kanban cancel {first}")]
            }
            Self::Held => vec![format!("kanban unblock {all}"), format!("kanban cancel {all}")],
            Self::Handover => {
                vec![
                    format!("kanban show {first}"),
                    format!("kanban promote {all}"),
                    format!("kanban archive {all}"),
                ]
            }
            Self::Review => {
                vec![
                    format!("kanban approve {all}"),
                    format!("kanban request-changes {first} TEXT"),
                    format!("kanban show {first}"),
                ]
            }
            Self::Overdue => {
                vec![format!("kanban why {first}"), format!("kanban edit {all} --due TIME")]
            }
            Self::Unassigned => vec![format!("kanban assign {all} PROFILE")],
            Self::UnknownProfile => {
                vec![format!("kanban assign {all} PROFILE"), "kanban profiles list".to_owned()]
            }
            Self::UnusableProfile => {
                vec!["kanban profiles check".to_owned(), format!("kanban assign {all} PROFILE")]
            }
            Self::Own => vec![format!("kanban complete {all}"), format!("kanban show {first}")],
            Self::WaitingLong
            | Self::BoardLost
            | Self::Schedule
            | Self::Disk
            | Self::Log
            | Self::Search
            | Self::Paused
            | Self::ChannelBroken
            | Self::CourierAbsent
            | Self::DeadLetters
            | Self::Breaker => vec![format!("kanban why {first}")],
        }
    }
}

/// A task, as a row names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its board.
    pub board: String,
    /// Its status.
    pub status: TaskStatus,
    /// The question that waits, where that is what it waits for.
    pub question: Option<CardQuestion>,
}

impl Named {
    /// A task of a board.
    pub fn of(id: &str, title: &str, board: &BoardName, status: TaskStatus) -> Self {
        let (id, title, board) = (id.to_owned(), title.to_owned(), board.to_string());
        Self { id, title, board, status, question: None }
    }
}

/// One thing that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// What kind of thing.
    pub kind: Kind,
    /// Why, in one sentence; things of one kind with the same cause are one row.
    pub cause: String,
    /// The task, where it is one.
    pub task: Option<Named>,
    /// Since when, epoch seconds.
    pub since: Option<EpochSeconds>,
    /// How many it stands for: tasks that were not read are only counted.
    pub count: u64,
    /// What finishes it, where that does not follow from its tasks.
    pub commands: Vec<String>,
    /// Of a breaker: its key.
    pub key: Option<String>,
}

impl Waiting {
    /// A thing of the host, with what finishes it.
    pub fn of_host(kind: Kind, cause: impl Into<String>, command: impl Into<String>) -> Self {
        let commands = vec![command.into()];
        Self { kind, cause: cause.into(), task: None, since: None, count: 1, commands, key: None }
    }

    /// A task.
    pub fn of_task(
        kind: Kind,
        cause: impl Into<String>,
        task: Named,
        since: Option<EpochSeconds>,
    ) -> Self {
        let (cause, task) = (cause.into(), Some(task));
        Self { kind, cause, task, since, count: 1, commands: Vec::new(), key: None }
    }
}

/// An open question of a task.
///
/// Its text is whole, and each has a row of its own: an answer is for one.
pub fn of_question(question: Question, task: Named) -> Waiting {
    let numbered = question.choices.iter().enumerate();
    let choices: Vec<String> =
        numbered.map(|(index, choice)| format!("{}) {choice}", index + 1)).collect();
    let mut cause = question.text.clone();
    if question.overdue_at.is_some() {
        cause = format!("overdue: {cause}");
    }
    if !choices.is_empty() {
        cause = format!("{cause} [{}]", choices.join(", "));
    }
    if let Some(default) = &question.default_answer {
        let when = if question.deadline_at.is_some() { " at its deadline" } else { "" };
        cause = format!("{cause} (default{when}: {default})");
    }
    let answer = |text: &str| format!("kanban answer {} {text}", task.id);
    let mut commands: Vec<String> =
        (1..=choices.len()).map(|number| answer(&number.to_string())).collect();
    if commands.is_empty() {
        commands.push(answer("TEXT"));
    }
    let since = Some(question.asked_at);
    let task = Named { question: Some(CardQuestion::of(question)), ..task };
    Waiting { commands, ..Waiting::of_task(Kind::Question, cause, task, since) }
}

/// A schedule that needs a person; none when it needs nobody. `open_task` is its newest task that is not over.
pub fn of_schedule(schedule: &Schedule, open_task: Option<&str>) -> Option<Waiting> {
    let name = &schedule.name;
    let on = |verb: &str| format!("kanban schedules {verb} {name} --board {}", schedule.board);
    let waits = schedule.paused_why.as_deref() == Some(WAITS_FOR_A_PERSON);
    let (cause, commands) = if let (true, Some(maker)) = (waits, &schedule.maker) {
        let cause =
            format!("schedule {name}, made by {}, waits until a person resumes it", maker.profile);
        (cause, vec![on("show"), on("resume"), on("rm")])
    } else if schedule.refused_in_a_row > 0 {
        let why = schedule.last_error.as_deref().unwrap_or("no reason recorded");
        (format!("schedule {name}: its task is refused: {why}"), vec![on("show"), on("edit")])
    } else if let (true, Some(task)) = (schedule.skipped_in_a_row >= SKIPS_IN_A_ROW, open_task) {
        let count = schedule.skipped_in_a_row;
        let cause =
            format!("schedule {name}: {count} occurrences skipped in a row: {task} is not over");
        (cause, vec![format!("kanban show {task}"), on("show")])
    } else {
        return None;
    };
    let since = Some(schedule.updated_at);
    let board = Waiting::of_host(Kind::Schedule, cause, String::new());
    Some(Waiting { since, commands, ..board })
}

/// A row of the inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What kind of thing.
    pub kind: Kind,
    /// What is asked, in one sentence.
    pub message: String,
    /// The tasks that are named.
    pub tasks: Vec<Named>,
    /// How many it stands for.
    pub count: u64,
    /// Since when the first of them waits, epoch seconds.
    pub since: Option<EpochSeconds>,
    /// The commands that finish it.
    pub commands: Vec<String>,
    /// Of a breaker: its key.
    pub key: Option<String>,
}

/// The rows of what waits: by kind, then by how long. What has one cause is one row.
pub fn rows(waiting: Vec<Waiting>) -> Vec<Row> {
    let mut folded: BTreeMap<(Kind, String, Vec<String>), Vec<Waiting>> = BTreeMap::new();
    for one in waiting {
        let key = (one.kind, one.cause.clone(), one.commands.clone());
        folded.entry(key).or_default().push(one);
    }
    let mut rows: Vec<Row> = folded
        .into_iter()
        .map(|((kind, cause, commands), of)| row(kind, &cause, commands, of))
        .collect();
    rows.sort_by_key(|row| (row.kind, row.since.unwrap_or(EpochSeconds::MAX)));
    rows
}

fn row(kind: Kind, cause: &str, given: Vec<String>, waiting: Vec<Waiting>) -> Row {
    let count = waiting.iter().map(|one| one.count).sum();
    let since = waiting.iter().filter_map(|one| one.since).min();
    let key = waiting.iter().find_map(|one| one.key.clone());
    let tasks: Vec<Named> =
        waiting.into_iter().filter_map(|one| one.task).take(NAMED_MAX).collect();
    let message = match (tasks.as_slice(), count) {
        ([], _) => cause.to_owned(),
        ([task], 1) => format!("{} {}: {cause}", task.id, task.title),
        _ => format!("{count} tasks: {cause}"),
    };
    let ids: Vec<String> = tasks.iter().map(|task| task.id.clone()).collect();
    let commands = if given.is_empty() { kind.commands(&ids) } else { given };
    Row { kind, message, tasks, count, since, commands, key }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(id: &str) -> Named {
        Named::of(id, "t", &BoardName::default(), TaskStatus::Blocked)
    }

    #[test]
    fn the_kinds_are_listed_worst_first_and_each_has_its_own_word() {
        assert!(Kind::ALL.is_sorted());
        let words: std::collections::BTreeSet<_> = Kind::ALL.map(Kind::as_str).into();
        assert_eq!(words.len(), Kind::ALL.len());
    }

    #[test]
    fn equal_causes_are_one_row_and_others_are_not() {
        let blocked =
            |id, cause: &str, since| Waiting::of_task(Kind::Blocked, cause, task(id), Some(since));
        let rows = rows(vec![
            blocked("t_1", "which key?", 9),
            blocked("t_2", "your turn", 5),
            blocked("t_3", "which key?", 7),
            Waiting::of_host(Kind::Disk, "3 MiB free", "kanban gc"),
        ]);
        let shown: Vec<_> =
            rows.iter().map(|row| (row.kind, row.count, row.since, row.message.as_str())).collect();
        assert_eq!(
            shown,
            [
                (Kind::Disk, 1, None, "3 MiB free"),
                (Kind::Blocked, 1, Some(5), "t_2 t: your turn"),
                (Kind::Blocked, 2, Some(7), "2 tasks: which key?"),
            ]
        );
        assert_eq!(rows[0].commands, ["kanban gc"]);
        assert_eq!(rows[2].commands[0], "kanban unblock t_1 t_3");
    }

    #[test]
    fn a_command_finishes_a_row_for_every_task_that_it_names() {
        for kind in [
            Kind::GaveUp,
            Kind::Blocked,
            Kind::Held,
            Kind::Review,
            Kind::Overdue,
            Kind::Unassigned,
            Kind::UnknownProfile,
            Kind::UnusableProfile,
            Kind::Own,
        ] {
            let of = |id| Waiting::of_task(kind, "one cause", task(id), None);
            let rows = rows(vec![of("t_1"), of("t_2")]);
            let for_all = |command: &String| command.contains(" t_1 t_2");
            assert!(rows[0].commands.iter().any(for_all), "{:?}", rows[0].commands);
        }
    }

    #[test]
    fn a_row_names_some_tasks_and_counts_all() {
        let mut waiting: Vec<Waiting> = (0..12)
            .map(|n| Waiting::of_task(Kind::Held, "parent t_9", task(&format!("t_{n}")), None))
            .collect();
        let more = Waiting { task: None, count: 30, ..waiting[0].clone() };
        waiting.push(more);
        let rows = rows(waiting);
        assert_eq!((rows.len(), rows[0].count, rows[0].tasks.len()), (1, 42, NAMED_MAX));
        assert_eq!(rows[0].message, "42 tasks: parent t_9");
    }
}
