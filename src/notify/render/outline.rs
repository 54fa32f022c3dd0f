//! What every message has in common: its parts in their order, and what is cut when there is no room. Pure.
//!
//! A message begins with the title and one sentence, then says everything that a person needs in order to act, and ends with the id.
//! A provider's limit takes from the middle: from the reason or the summary, never from the question, the person or the id.

use crate::kernel::notice::{Item, Live, Notice, NoticeFile};
use crate::notify::render::measure::{Escape, Unit, escaped, fit, visible, visible_line};

/// Longest title and longest sentence, in characters.
const LINE_CHARACTERS_MAX: usize = 200;

/// The parts of a message, without what is not seen, unescaped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outline {
    /// One line: the title of the task, or the sentence where there is no task.
    pub title: String,
    /// One sentence.
    pub sentence: String,
    /// The reason, the summary, the entries of a digest: what is cut.
    pub body: String,
    /// The question with its choices, the files: kept whole as long as anything is.
    pub tail: String,
    /// The last line: how to find it again.
    pub foot: String,
    /// A command that shows what was cut.
    pub more: String,
}

impl Outline {
    /// Of a notice.
    pub fn of(notice: &Notice, is_repeat: bool) -> Self {
        let sentence = bounded(&notice.headline);
        let (title, sentence) = match &notice.task {
            Some(task) => (bounded(&task.title), sentence),
            None => (sentence, String::new()),
        };
        let mut body: Vec<String> = notice.lines.iter().map(|line| visible(line)).collect();
        let items: Vec<String> = notice.items.iter().map(item_line).collect();
        body.push(items.join("\n"));
        let mut tail = vec![question_of(notice), files_of(notice)];
        if is_repeat {
            tail.push(
                "(This may be a repeat: the answer to the first message was lost.)".to_owned(),
            );
        }
        let board = visible_line(&notice.board);
        let (foot, more) = match &notice.task {
            Some(task) => (format!("{} · {board}", task.id), format!("kanban show {}", task.id)),
            None => (board, "kanban inbox".to_owned()),
        };
        Self { title, sentence, body: joined(&body), tail: joined(&tail), foot, more }
    }

    /// Of the state of a task.
    pub fn of_live(live: &Live) -> Self {
        let mut state = vec![visible_line(&live.state)];
        if let Some(attempt) = live.attempt.filter(|attempt| *attempt > 0) {
            state.push(format!("attempt {attempt}"));
        }
        if let Some(age) = &live.age {
            state.push(visible_line(age));
        }
        state.retain(|part| !part.is_empty());
        Self {
            title: format!("{} {}", visible_line(&live.sign), bounded(&live.title))
                .trim()
                .to_owned(),
            sentence: state.join(" · "),
            body: live.last_line.as_deref().map(visible).unwrap_or_default(),
            tail: String::new(),
            foot: live.id.clone(),
            more: format!("kanban show {}", live.id),
        }
    }

    /// The parts as one text of at most `limit`, escaped. `mention` is markup of the provider and goes before the last line.
    pub fn text(&self, limit: usize, unit: Unit, escape: Escape, mention: &str) -> String {
        let title = escaped(&self.title, escape);
        self.text_below(&title, limit, unit, escape, mention)
    }

    /// The same with a title that is markup already, or none.
    pub fn text_below(
        &self,
        title: &str,
        limit: usize,
        unit: Unit,
        escape: Escape,
        mention: &str,
    ) -> String {
        let head = joined_by("\n", &[title, &escaped(&self.sentence, escape)]);
        let foot = joined_by("\n", &[mention, &escaped(&self.foot, escape)]);
        let tail = escaped(&self.tail, escape);
        let whole = joined_by("\n\n", &[&head, &escaped(&self.body, escape), &tail, &foot]);
        if unit.length(&whole) <= limit {
            return whole;
        }
        // What stays whatever is cut, with the two gaps around the body.
        let fixed = unit.length(&joined_by("\n\n", &[&head, &tail, &foot])) + unit.length("\n\n");
        if let Some(room) = limit.checked_sub(fixed).filter(|room| *room >= CUT_LENGTH) {
            let body = self.cut(&self.body, room, unit, escape);
            return joined_by("\n\n", &[&head, &body, &tail, &foot]);
        }
        // A question that fills the message: it is cut itself, and says where the rest is.
        let fixed = unit.length(&joined_by("\n\n", &[&head, &foot])) + unit.length("\n\n");
        let room = limit.saturating_sub(fixed);
        let tail = self.cut(&joined_by("\n\n", &[&self.tail, &self.body]), room, unit, escape);
        let text = joined_by("\n\n", &[&head, &tail, &foot]);
        // A limit that not even the head fits into: better its beginning than nothing.
        if unit.length(&text) <= limit {
            text
        } else {
            fit(&head, limit, unit, |sign, out| out.push(sign)).text
        }
    }

    /// As much of a text as fits with the words about the rest.
    fn cut(&self, text: &str, room: usize, unit: Unit, escape: Escape) -> String {
        let mut missing_digits = text.chars().count();
        // The words grow with the number that they tell, which depends on their room.
        for _attempt in 0..3 {
            let words = self.rest(missing_digits, escape);
            let fitted = fit(text, room.saturating_sub(unit.length(&words)), unit, escape);
            let words_now = self.rest(fitted.missing, escape);
            if unit.length(&words_now) <= unit.length(&words) {
                return format!("{}{words_now}", fitted.text);
            }
            missing_digits = fitted.missing;
        }
        String::new()
    }

    fn rest(&self, missing: usize, escape: Escape) -> String {
        escaped(&format!("… ({missing} more characters: {})", self.more), escape)
    }
}

/// Least room in which a cut body says something.
const CUT_LENGTH: usize = 120;

/// One line of bounded length.
fn bounded(text: &str) -> String {
    let line = visible_line(text);
    let fitted = fit(&line, LINE_CHARACTERS_MAX, Unit::Characters, |sign, out| out.push(sign));
    if fitted.missing == 0 { fitted.text } else { format!("{}…", fitted.text) }
}

fn joined(parts: &[String]) -> String {
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    joined_by("\n\n", &parts)
}

fn joined_by(gap: &str, parts: &[&str]) -> String {
    let parts: Vec<&str> = parts.iter().copied().filter(|part| !part.is_empty()).collect();
    parts.join(gap)
}

fn item_line(item: &Item) -> String {
    let (title, sentence) = (visible_line(&item.title), visible_line(&item.sentence));
    let parts = [title, sentence, item.task.clone()];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    format!("• {}", parts.join(" — "))
}

fn question_of(notice: &Notice) -> String {
    let Some(question) = &notice.question else { return String::new() };
    let mut lines = vec![visible(&question.text)];
    for (number, choice) in (1_u32..).zip(&question.choices) {
        lines.push(format!("{number}. {}", visible_line(choice)));
    }
    let mut conditions = Vec::new();
    if let Some(default) = &question.default {
        conditions.push(format!("without an answer: {}", visible_line(default)));
    }
    if let Some(deadline_at) = question.deadline_at {
        conditions.push(format!("until {}", shown_time(deadline_at)));
    }
    if !conditions.is_empty() {
        lines.push(format!("({})", conditions.join(", ")));
    }
    lines.join("\n")
}

/// The time of a deadline, which people in several zones read.
fn shown_time(at: i64) -> String {
    let time = jiff::Timestamp::from_second(at).unwrap_or_default();
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

fn files_of(notice: &Notice) -> String {
    if notice.files.is_empty() {
        return String::new();
    }
    let file = |file: &NoticeFile| {
        format!("{} ({})", visible_line(&file.name), shown_size(file.size_bytes))
    };
    let files: Vec<String> = notice.files.iter().map(file).collect();
    format!("Files: {}", files.join(", "))
}

fn shown_size(bytes: u64) -> String {
    const STEP: u64 = 1_024;
    match bytes {
        0..STEP => format!("{bytes} B"),
        _ if bytes < STEP * STEP => format!("{} KiB", bytes.div_ceil(STEP)),
        _ => format!("{} MiB", bytes.div_ceil(STEP * STEP)),
    }
}
