//! What a list of tasks says of one of them, in the words of the board: which field a column or a key means, which status a word.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};

use crate::kernel::limits::PRIORITY_MAX;
use crate::kernel::rules::priority;
use crate::kernel::transfer::record::CommentFields;

/// A task as a list has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Draft {
    /// What the list calls it; what a second import recognizes it by.
    pub(super) source_id: Option<String>,
    /// Its title, in one line.
    pub(super) title: String,
    pub(super) body: Option<String>,
    pub(super) assignee: Option<String>,
    pub(super) priority: Option<i64>,
    pub(super) status: Standing,
    pub(super) tenant: Option<String>,
    pub(super) labels: Vec<String>,
    /// What the list calls the tasks that it waits for.
    pub(super) parents: Vec<String>,
    pub(super) created_by: Option<String>,
    pub(super) created_at: Option<i64>,
    pub(super) completed_at: Option<i64>,
    pub(super) due_at: Option<i64>,
    pub(super) comments: Vec<CommentFields>,
    /// A word for a status that the board has not.
    pub(super) unknown_status: Option<String>,
    /// Where it stands in the file.
    pub(super) location: String,
}

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Standing {
    /// It is to be done: ready, or waiting for what it depends on.
    #[default]
    Open,
    /// A person looks at it first.
    Triage,
    Blocked,
    Review,
    Done,
    Archived,
}

impl Standing {
    /// What a word of a list means: a status, a column of a board, the name of a list.
    pub(super) fn of_word(word: &str) -> Option<Self> {
        let word = normal_name(word);
        Some(match word.as_str() {
            "" | "open" | "opened" | "new" | "todo" | "to_do" | "ready" | "next" | "planned"
            | "pending" | "unstarted" | "not_started" | "reopened" | "doing" | "in_progress"
            | "started" | "running" | "active" | "wip" | "false" | "no" => Self::Open,
            "triage" | "inbox" | "backlog" | "icebox" | "idea" | "ideas" | "someday" => {
                Self::Triage
            }
            "blocked" | "on_hold" | "waiting" | "paused" | "stuck" => Self::Blocked,
            "review" | "in_review" | "code_review" | "reviewing" => Self::Review,
            "done" | "closed" | "close" | "complete" | "completed" | "finished" | "resolved"
            | "fixed" | "shipped" | "merged" | "released" | "true" | "yes" | "x" => Self::Done,
            "archived" | "cancelled" | "canceled" | "wontfix" | "won_t_fix" | "won_t_do"
            | "duplicate" | "not_planned" | "rejected" => Self::Archived,
            _ => return None,
        })
    }
}

/// What a column or a key means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Id,
    Title,
    Body,
    Assignee,
    Priority,
    Status,
    Tenant,
    Labels,
    Parents,
    CreatedBy,
    CreatedAt,
    CompletedAt,
    DueAt,
    Url,
}

impl Field {
    /// By its name, however that is spelt.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        Some(match normal_name(name).as_str() {
            "id" | "key" | "number" | "no" | "uuid" | "identifier" | "issue_id" | "issue_key" => {
                Self::Id
            }
            "title" | "name" | "summary" | "subject" | "task" | "task_name" | "card_name" => {
                Self::Title
            }
            "body" | "description" | "notes" | "note" | "content" | "details" | "text" => {
                Self::Body
            }
            "assignee" => Self::Assignee,
            "priority" => Self::Priority,
            "status" | "state" | "column" | "list" => Self::Status,
            "tenant" => Self::Tenant,
            "labels" | "label" | "tags" | "tag" => Self::Labels,
            "parents" | "parent" | "depends_on" | "dependencies" | "blocked_by" | "after" => {
                Self::Parents
            }
            "created_by" | "author" | "reporter" | "creator" => Self::CreatedBy,
            "created_at" | "created" | "createdat" => Self::CreatedAt,
            "completed_at" | "completed" | "closed_at" | "closedat" | "done_at" => {
                Self::CompletedAt
            }
            "due_at" | "due" | "due_date" | "deadline" => Self::DueAt,
            "url" | "link" => Self::Url,
            _ => return None,
        })
    }
}

/// A name or a word in lower case, with one underscore between its parts.
fn normal_name(name: &str) -> String {
    let words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join("_")
}

/// What stands in a cell or under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    /// A text, a number, a truth.
    Text(String),
    /// Several.
    List(Vec<String>),
}

impl Content {
    fn text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::List(list) => list.join(", "),
        }
    }

    /// Several, which a text separates by commas or semicolons.
    fn list(self) -> Vec<String> {
        match self {
            Self::Text(text) => text
                .split([',', ';'])
                .map(|part| part.trim().to_owned())
                .filter(|part| !part.is_empty())
                .collect(),
            Self::List(list) => list,
        }
    }
}

impl Draft {
    /// Takes what a field says.
    ///
    /// # Errors
    /// Why it cannot: without the place, which the caller knows.
    pub(super) fn set(&mut self, field: Field, content: Content) -> Result<(), String> {
        let some = |text: String| Some(text).filter(|text| !text.trim().is_empty());
        match field {
            Field::Id => self.source_id = some(content.text()),
            Field::Title => self.title = one_line(&content.text()),
            Field::Body => self.add_to_body(&content.text()),
            Field::Assignee => self.assignee = some(content.text()),
            Field::Priority => self.priority = priority(&content.text())?,
            Field::Status => {
                let word = content.text();
                self.status = Standing::of_word(&word).unwrap_or_else(|| {
                    self.unknown_status = Some(word);
                    Standing::Triage
                });
            }
            Field::Tenant => self.tenant = some(content.text()),
            Field::Labels => self.labels.extend(content.list()),
            Field::Parents => self.parents.extend(content.list()),
            Field::CreatedBy => self.created_by = some(content.text()),
            Field::CreatedAt => self.created_at = time(&content.text())?,
            Field::CompletedAt => self.completed_at = time(&content.text())?,
            Field::DueAt => self.due_at = time(&content.text())?,
            Field::Url => self.add_to_body(&content.text()),
        }
        Ok(())
    }

    /// Adds a paragraph to what is to be done.
    pub(super) fn add_to_body(&mut self, text: &str) {
        let text = text.trim_end();
        if text.trim().is_empty() {
            return;
        }
        match &mut self.body {
            Some(body) => {
                body.push_str("\n\n");
                body.push_str(text);
            }
            None => self.body = Some(text.to_owned()),
        }
    }
}

/// A title in one line.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A priority: a word, or a number that a task may have.
fn priority(text: &str) -> Result<Option<i64>, String> {
    let word = normal_name(text);
    if matches!(word.as_str(), "" | "none" | "no_priority") {
        return Ok(None);
    }
    let number = priority::of_word(&word).or_else(|| text.trim().parse().ok());
    let number =
        number.ok_or_else(|| format!("expected {}, found {text:?}", priority::EXPECTED))?;
    if !(-PRIORITY_MAX..=PRIORITY_MAX).contains(&number) {
        return Err(format!("must be -{PRIORITY_MAX} to {PRIORITY_MAX}, found {number}"));
    }
    Ok(Some(number))
}

/// Epoch seconds of a time: RFC 3339, a date or a date and a time (UTC), or epoch seconds.
pub(super) fn time(text: &str) -> Result<Option<i64>, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let of_utc = |at: DateTime| at.in_tz("UTC").ok().map(|at| at.timestamp().as_second());
    let found = text
        .parse::<Timestamp>()
        .map(Timestamp::as_second)
        .ok()
        .or_else(|| {
            text.parse::<Date>()
                .ok()
                .filter(|_| text.len() <= 10)
                .and_then(|date| of_utc(date.into()))
        })
        .or_else(|| text.parse::<DateTime>().ok().and_then(of_utc))
        .or_else(|| text.parse::<i64>().ok().filter(|seconds| *seconds > 0));
    found.map(Some).ok_or_else(|| {
        format!("expected a time such as 2026-05-01 or 2026-05-01T09:30:00Z, found {text:?}")
    })
}

/// How often each column that means nothing here has something in it.
pub(super) type Unknown = BTreeMap<String, usize>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_other_lists_are_understood() {
        for (word, expected) in [
            ("In Progress", Some(Standing::Open)),
            ("To Do", Some(Standing::Open)),
            ("To-Do ✅", Some(Standing::Open)),
            ("CLOSED", Some(Standing::Done)),
            ("Won't do", Some(Standing::Archived)),
            ("Backlog", Some(Standing::Triage)),
            ("Code Review", Some(Standing::Review)),
            ("marinating", None),
        ] {
            assert_eq!(Standing::of_word(word), expected, "{word}");
        }
        for (name, expected) in [
            ("Card Name", Some(Field::Title)),
            ("issue-key", Some(Field::Id)),
            ("Depends on", Some(Field::Parents)),
            ("Story points", None),
        ] {
            assert_eq!(Field::of_name(name), expected, "{name}");
        }
    }

    #[test]
    fn times_and_priorities_are_read_or_refused_with_what_is_expected() {
        for (text, expected) in [
            ("2026-05-01", Some(1_777_593_600)),
            ("2026-05-01T00:00:01Z", Some(1_777_593_601)),
            ("2026-05-01T02:00:00+02:00", Some(1_777_593_600)),
            ("2026-05-01 00:01:00", Some(1_777_593_660)),
            ("1777593600", Some(1_777_593_600)),
            (" ", None),
        ] {
            assert_eq!(time(text), Ok(expected), "{text}");
        }
        assert!(time("soon").unwrap_err().contains("2026-05-01"));
        for (text, expected) in [
            ("High", Some(10)),
            ("Blocker", Some(100)),
            ("-7", Some(-7)),
            ("", None),
            ("No priority", None),
            ("1000000", Some(1_000_000)),
        ] {
            assert_eq!(priority(text), Ok(expected), "{text}");
        }
        assert!(priority("P").unwrap_err().contains("low, normal"));
        for text in ["1000001", "-1000001"] {
            let problem = priority(text).unwrap_err();
            assert_eq!(problem, format!("must be -1000000 to 1000000, found {text}"));
        }
    }
}
