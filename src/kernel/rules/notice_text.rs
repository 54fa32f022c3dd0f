//! What a message says: one sentence, then the reason or the summary whole, as far as it fits. Pure.

use serde_json::Value;

use crate::kernel::event::{Event, EventKind};
use crate::kernel::ids::EpochSeconds;
use crate::kernel::notice::{Class, Item, Mention, Notice, NoticeFile, NoticeQuestion, NoticeTask};
use crate::kernel::question::Question;
use crate::kernel::store::attachments::Attachment;
use crate::kernel::task::Task;

/// Bytes of the reason or the summary in a message.
const TEXT_BYTES_MAX: usize = 4_096;

/// Bytes of a question in a message.
const QUESTION_BYTES_MAX: usize = 2_048;

/// Files that a message names.
const FILES_MAX: usize = 10;

/// Entries that a digest of news names.
const NAMED_MAX: usize = 10;

/// Entries that a digest of what asks names: all of them, up to what fits.
const ASKS_NAMED_MAX: usize = 40;

/// What a message is made of.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The event.
    pub event: &'a Event,
    /// Its kind.
    pub kind: EventKind,
    /// The task, as it is after the event.
    pub task: &'a Task,
    /// What it asks of people.
    pub class: Class,
    /// The summary of its run.
    pub summary: Option<&'a str>,
    /// The question that waits.
    pub question: Option<&'a Question>,
    /// Its attached files.
    pub files: &'a [Attachment],
    /// Who is named, and by which address.
    pub mention: Option<(&'a str, &'a str)>,
    /// Whether it makes no sound although it asks.
    pub is_hushed: bool,
}

/// The message about an event.
pub fn notice(facts: Facts<'_>) -> Notice {
    let Facts { event, kind, task, class, summary, question, files, mention, is_hushed } = facts;
    let question = question.filter(|_| asks_a_question(kind));
    let mut lines = Vec::new();
    if question.is_none()
        && let Some(body) = long_text(kind, event, summary)
    {
        lines = cut(&body, TEXT_BYTES_MAX, task.id.as_str()).lines().map(str::to_owned).collect();
    }
    let is_asking = class == Class::Ask;
    if is_asking {
        lines.extend(command(kind, task, question.is_some()).map(|it| format!("→ {it}")));
    }
    let names_files = matches!(kind, EventKind::Completed | EventKind::ReviewRequested);
    let files = files.iter().filter(|_| names_files).take(FILES_MAX);
    Notice {
        class,
        kind: event.kind.clone(),
        event_id: Some(event.id),
        at: event.created_at,
        board: task.board.to_string(),
        task: Some(NoticeTask {
            id: task.id.to_string(),
            title: task.title.clone(),
            status: task.status.as_str().to_owned(),
            assignee: task.assignee.clone(),
        }),
        headline: headline(kind, event, task),
        lines,
        question: question.map(of_question),
        mention: mention
            .filter(|_| is_asking)
            .map(|(name, address)| Mention { name: name.to_owned(), address: address.to_owned() }),
        buttons: Vec::new(),
        files: files
            .map(|file| NoticeFile {
                name: file.filename.clone(),
                size_bytes: file.size_bytes.unsigned_abs(),
            })
            .collect(),
        items: Vec::new(),
        is_silent: !is_asking || is_hushed,
    }
}

/// Whether an event of this kind may stand for a question that waits.
pub fn asks_a_question(kind: EventKind) -> bool {
    matches!(kind, EventKind::Blocked | EventKind::Asked | EventKind::AskOverdue)
}

fn of_question(question: &Question) -> NoticeQuestion {
    NoticeQuestion {
        id: question.id.to_string(),
        text: cut(&question.text, QUESTION_BYTES_MAX, question.task_id.as_str()),
        choices: question.choices.clone(),
        default: question.default_answer.clone(),
        deadline_at: question.deadline_at,
    }
}

fn text<'e>(event: &'e Event, key: &str) -> Option<&'e str> {
    event.payload.as_ref()?.get(key)?.as_str().filter(|text| !text.trim().is_empty())
}

fn number(event: &Event, key: &str) -> Option<i64> {
    event.payload.as_ref()?.get(key).and_then(Value::as_i64)
}

/// Sentences of the kinds that have one of their own; in braces, what is filled in: one thing at most, for what is filled in is not read.
const SENTENCES: &[(EventKind, &str)] = &[
    (EventKind::Completed, "Done by {assignee}."),
    (EventKind::Approved, "Approved by {actor}: it is done."),
    (EventKind::Blocked, "Blocked: {assignee} needs a person."),
    (EventKind::Asked, "{assignee} asks and waits for an answer."),
    (EventKind::AskOverdue, "A question is overdue."),
    (EventKind::GaveUp, "Given up after {failures} failed attempts."),
    (EventKind::ReviewRequested, "The work waits for your review."),
    (EventKind::BreakerOpened, "Starts are stopped: the breaker {key} is open."),
    (EventKind::Unkillable, "The processes of a run cannot be killed."),
    (EventKind::Overdue, "Past its due time, and not done."),
    (EventKind::WaitingLong, "It has been ready for long and was not started."),
    (EventKind::Commented, "{author} commented."),
];

/// Where the payload of an event has the reason, the summary or the error.
const TEXTS: &[(EventKind, &str)] = &[
    (EventKind::Completed, "summary"),
    (EventKind::ReviewRequested, "summary"),
    (EventKind::Approved, "summary"),
    (EventKind::Blocked, "reason"),
    (EventKind::GaveUp, "error"),
    (EventKind::BreakerOpened, "error"),
    (EventKind::WaitingLong, "explanation"),
    (EventKind::Asked, "text"),
];

/// Commands that end what is asked, before the id of the task.
const COMMANDS: &[(EventKind, &str)] = &[
    (EventKind::Blocked, "kanban unblock {id}"),
    (EventKind::Asked, "kanban answer {id} TEXT"),
    (EventKind::AskOverdue, "kanban answer {id} TEXT"),
    (EventKind::GaveUp, "kanban unblock {id}"),
    (EventKind::ReviewRequested, "kanban approve {id}"),
    (EventKind::BreakerOpened, "kanban breakers"),
    (EventKind::Unkillable, "kanban why {id}"),
];

fn of(table: &'static [(EventKind, &'static str)], kind: EventKind) -> Option<&'static str> {
    table.iter().find(|(of, _)| *of == kind).map(|(_, words)| *words)
}

/// One sentence, without the task's title.
fn headline(kind: EventKind, event: &Event, task: &Task) -> String {
    let Some(sentence) = of(SENTENCES, kind) else { return as_sentence(event) };
    let actor = event.actor.as_deref().unwrap_or("kanband");
    let parts = sentence.split_once('{').and_then(|(before, rest)| {
        let (key, after) = rest.split_once('}')?;
        Some((before, key, after))
    });
    let Some((before, key, after)) = parts else { return sentence.to_owned() };
    let value = match key {
        "assignee" => task.assignee.as_deref().unwrap_or("nobody").to_owned(),
        "actor" => actor.to_owned(),
        "author" => text(event, "author").unwrap_or(actor).to_owned(),
        "failures" => number(event, "failures").unwrap_or(1).to_string(),
        other => text(event, other).unwrap_or_default().to_owned(),
    };
    format!("{before}{value}{after}")
}

/// The words of the timeline, as a sentence.
fn as_sentence(event: &Event) -> String {
    let sentence = crate::kernel::event::sentence(event);
    let mut letters = sentence.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}.", letters.as_str().trim_end_matches('.'))
}

/// The reason, the summary or the error, whole.
fn long_text(kind: EventKind, event: &Event, summary: Option<&str>) -> Option<String> {
    let is_work_done = matches!(kind, EventKind::Completed | EventKind::ReviewRequested);
    let whole = summary.filter(|_| is_work_done);
    whole.or_else(|| text(event, of(TEXTS, kind)?)).map(str::to_owned)
}

/// The command that ends what is asked.
fn command(kind: EventKind, task: &Task, is_question: bool) -> Option<String> {
    let kind = if is_question { EventKind::Asked } else { kind };
    of(COMMANDS, kind).map(|command| command.replace("{id}", task.id.as_str()))
}

/// A text of at most so many bytes, cut between words, that says how much is missing and how to read it.
fn cut(text: &str, bytes_max: usize, id: &str) -> String {
    let text = text.trim();
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let mut end = bytes_max;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let head = text.get(..end).unwrap_or_default();
    let head = match head.rfind(char::is_whitespace) {
        Some(at) if at > bytes_max / 2 => head.get(..at).unwrap_or(head),
        _ => head,
    };
    let missing = text.chars().count() - head.chars().count();
    format!("{} … ({missing} more characters: kanban show {id})", head.trim_end())
}

/// The digest of several messages, oldest first.
pub fn digest(notices: &[Notice], is_asking: bool, now: EpochSeconds) -> Notice {
    let mut items: Vec<(usize, Item)> = Vec::new();
    let mut counts: Vec<(String, usize)> = Vec::new();
    let mut count = |kind: &str, by: usize| match counts.iter_mut().find(|(it, _)| it == kind) {
        Some((_, count)) => *count += by,
        None => counts.push((kind.to_owned(), by)),
    };
    for notice in notices {
        if notice.class == Class::Digest {
            items.extend(notice.items.iter().cloned().map(|item| (0, item)));
            for (kind, number) in counted(&notice.lines) {
                count(&kind, number);
            }
            continue;
        }
        count(&notice.kind, 1);
        let sentence = notice.headline.clone();
        let (task, title) = match &notice.task {
            Some(task) => (task.id.clone(), task.title.clone()),
            None => Default::default(),
        };
        items.push((weight(&notice.kind), Item { task, title, sentence }));
    }
    items.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    let all: usize = counts.iter().map(|(_, count)| count).sum();
    let named = if is_asking { ASKS_NAMED_MAX } else { NAMED_MAX };
    let board = notices.first().map(|notice| notice.board.clone()).unwrap_or_default();
    Notice {
        class: Class::Digest,
        kind: "digest".to_owned(),
        event_id: None,
        at: now,
        board,
        task: None,
        headline: if is_asking {
            format!("{all} tasks need a person.")
        } else {
            format!("{all} things happened.")
        },
        lines: counts.iter().map(|(kind, count)| format!("{count} × {kind}")).collect(),
        question: None,
        mention: None,
        buttons: Vec::new(),
        files: Vec::new(),
        items: items.into_iter().take(named).map(|(_, item)| item).collect(),
        is_silent: !is_asking,
    }
}

/// The daily list of what is still asked: each with its task and a sentence, the oldest first.
pub fn daily(items: Vec<Item>, board: &str, now: EpochSeconds) -> Notice {
    let count = items.len();
    let (tasks, need) = if count == 1 { ("task", "needs") } else { ("tasks", "need") };
    Notice {
        class: Class::Digest,
        kind: "digest".to_owned(),
        event_id: None,
        at: now,
        board: board.to_owned(),
        task: None,
        headline: format!("{count} {tasks} still {need} a person."),
        lines: Vec::new(),
        question: None,
        mention: None,
        buttons: Vec::new(),
        files: Vec::new(),
        items: items.into_iter().take(ASKS_NAMED_MAX).collect(),
        is_silent: true,
    }
}

/// The counts in the lines of a digest.
fn counted(lines: &[String]) -> Vec<(String, usize)> {
    let read = |line: &String| {
        let (count, kind) = line.split_once(" × ")?;
        Some((kind.to_owned(), count.parse().ok()?))
    };
    lines.iter().filter_map(read).collect()
}

fn weight(kind: &str) -> usize {
    match kind {
        "unkillable" | "breaker_opened" | "gave_up" => 5,
        "blocked" | "asked" | "ask_overdue" | "review_requested" => 4,
        "overdue" | "waiting_long" | "disk" | "channel_broken" => 3,
        "completed" | "approved" => 2,
        _ => 1,
    }
}

/// A message without an event.
pub fn plain(class: Class, key: &str, headline: &str, now: EpochSeconds) -> Notice {
    Notice {
        class,
        kind: key.to_owned(),
        event_id: None,
        at: now,
        board: String::new(),
        task: None,
        headline: headline.to_owned(),
        lines: Vec::new(),
        question: None,
        mention: None,
        buttons: Vec::new(),
        files: Vec::new(),
        items: Vec::new(),
        is_silent: class != Class::Test,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_words_and_says_what_is_missing() {
        let text = "eleven letters and more ".repeat(400);
        let found = cut(&text, 4_096, "t_1");
        assert!(found.len() < 4_200, "{}", found.len());
        assert!(found.contains("more characters: kanban show t_1)"), "{found}");
        let head = found.split(" … ").next().unwrap();
        assert!(text.starts_with(&format!("{head} ")), "cut inside a word");
        assert_eq!(cut("short", 4_096, "t_1"), "short");
        let wide = "😀".repeat(2_000);
        assert!(cut(&wide, 4_095, "t_1").starts_with('😀'));
    }

    fn news(kind: &str, task: &str) -> Notice {
        let task = NoticeTask {
            id: task.to_owned(),
            title: format!("title of {task}"),
            status: "done".to_owned(),
            assignee: None,
        };
        Notice { task: Some(task), ..plain(Class::News, kind, "It happened.", 7) }
    }

    #[test]
    fn a_digest_counts_all_and_names_the_weightiest_also_when_it_is_folded_again() {
        let mut notices: Vec<Notice> =
            (0..12).map(|number| news("completed", &format!("t_{number}"))).collect();
        notices.push(news("overdue", "t_late"));
        let first = digest(&notices, false, 9);
        assert_eq!((first.headline.as_str(), first.items.len()), ("13 things happened.", 10));
        assert_eq!(first.items[0].task, "t_late");
        assert_eq!(first.lines, ["12 × completed", "1 × overdue"]);
        let again = digest(&[first, news("completed", "t_x")], false, 10);
        assert_eq!(again.headline, "14 things happened.");
        assert_eq!(again.lines, ["13 × completed", "1 × overdue"]);
    }

    #[test]
    fn a_digest_of_what_asks_names_every_one() {
        let notices: Vec<Notice> =
            (0..12).map(|number| news("blocked", &format!("t_{number}"))).collect();
        let digest = digest(&notices, true, 9);
        assert_eq!((digest.items.len(), digest.is_silent), (12, false));
    }
}
