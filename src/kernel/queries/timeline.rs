//! The history of a task as one line: its runs, comments and events, merged by time, page by page, newest last.

use std::collections::BTreeMap;

use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::event::{Event, EventKind};
use crate::kernel::ids::TaskId;
use crate::kernel::run::Run;
use crate::kernel::shorten::shorten;
use crate::kernel::store::comments::Comment;
use crate::kernel::store::{self, Connection};

/// Something of a task's history.
#[derive(Debug, Clone)]
pub enum Happened {
    /// An event; signs of life that follow each other are one, with their number.
    Event(Event, u32),
    /// A comment.
    Comment(Comment),
    /// A run.
    Run(Box<Run>),
}

/// Where each thing stands among others of its second: a run before its first event, a comment at its event, which has no row of its own.
#[derive(Debug, Default)]
struct Anchors {
    /// The first event of each run.
    runs: BTreeMap<i64, i64>,
    /// The event of each comment.
    comments: BTreeMap<i64, i64>,
}

impl Anchors {
    fn of(items: &[Happened]) -> Self {
        let mut anchors = Self::default();
        let mut comments = Vec::new();
        let mut commented = Vec::new();
        for one in items {
            match one {
                Happened::Comment(comment) => comments.push((comment.created_at, comment.id)),
                Happened::Event(event, _) => {
                    if event.kind == EventKind::Commented.as_str() {
                        commented.push((event.created_at, event.id));
                    }
                    if let Some(run) = event.run_id {
                        let first = anchors.runs.entry(run).or_insert(event.id);
                        *first = event.id.min(*first);
                    }
                }
                Happened::Run(_) => {}
            }
        }
        // From the newest back: what was read may lack the oldest of either.
        comments.sort_unstable();
        commented.sort_unstable();
        while let (Some((at, comment)), Some((said_at, event))) =
            (comments.last().copied(), commented.last().copied())
        {
            if at == said_at {
                anchors.comments.insert(comment, event);
            }
            if at >= said_at {
                comments.pop();
            }
            if said_at >= at {
                commented.pop();
            }
        }
        anchors
    }

    /// When, with what breaks a tie.
    fn order(&self, one: &Happened) -> (i64, i64, u8, i64) {
        match one {
            Happened::Run(run) => {
                let first = self.runs.get(&run.id).copied().unwrap_or_default();
                (run.started_at, first, 0, run.id)
            }
            Happened::Event(event, _) => (event.created_at, event.id, 1, event.id),
            Happened::Comment(comment) => {
                let event = self.comments.get(&comment.id).copied().unwrap_or(i64::MAX);
                (comment.created_at, event, 2, comment.id)
            }
        }
    }
}

/// A page of the timeline.
#[derive(Debug, Clone)]
pub struct TimelinePage {
    /// What happened, oldest first.
    pub items: Vec<Happened>,
    /// Asks for what happened before; none at the beginning.
    pub next: Option<String>,
}

/// Where a page ends: nothing with a larger or the same id is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Before {
    comments: i64,
    events: i64,
    runs: i64,
}

impl Before {
    const END: Self = Self { comments: i64::MAX, events: i64::MAX, runs: i64::MAX };

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.').map(|part| part.parse().ok());
        let before =
            Self { comments: parts.next()??, events: parts.next()??, runs: parts.next()?? };
        parts.next().is_none().then_some(before)
    }

    fn to_text(self) -> String {
        format!("{}.{}.{}", self.comments, self.events, self.runs)
    }
}

/// The newest page before `before`, of at most `limit` items.
///
/// # Errors
/// A fault of the database; a refusal of a `before` that no page has named.
pub fn page(
    connection: &Connection,
    id: &TaskId,
    before: Option<&str>,
    limit: usize,
) -> Result<TimelinePage, VerbError> {
    let before = match before {
        None => Before::END,
        Some(text) => Before::parse(text).ok_or_else(|| Refusal::InvalidValue {
            field: "before",
            problem: "is not from the page before",
            value: shorten(text),
        })?,
    };
    let comments = store::comments::newest_page(connection, id, Some(before.comments))?;
    let events = store::events::newest_page(connection, id, Some(before.events))?;
    let runs = store::runs::newest_page(connection, id, Some(before.runs))?;
    let is_all_read = comments.left_out + events.left_out + runs.left_out == 0;
    let items = comments
        .items
        .into_iter()
        .map(Happened::Comment)
        .chain(events.items.into_iter().map(|event| Happened::Event(event, 1)))
        .chain(runs.items.into_iter().map(|run| Happened::Run(Box::new(run))))
        .collect();
    Ok(merged(items, before, limit, is_all_read))
}

/// Puts what was read in order, and cuts it to the newest `limit`.
fn merged(
    mut items: Vec<Happened>,
    before: Before,
    limit: usize,
    is_all_read: bool,
) -> TimelinePage {
    let anchors = Anchors::of(&items);
    items.sort_by_key(|one| anchors.order(one));
    let cut = items.len().saturating_sub(limit);
    let shown = items.split_off(cut);
    let mut next = before;
    for one in &shown {
        match one {
            Happened::Event(event, _) => next.events = next.events.min(event.id),
            Happened::Comment(comment) => next.comments = next.comments.min(comment.id),
            Happened::Run(run) => next.runs = next.runs.min(run.id),
        }
    }
    let has_more = cut > 0 || !is_all_read;
    TimelinePage { items: folded(shown), next: has_more.then(|| next.to_text()) }
}

/// Signs of life that follow each other are one. A comment has an event of its own, which says no more.
fn folded(items: Vec<Happened>) -> Vec<Happened> {
    let mut folded: Vec<Happened> = Vec::with_capacity(items.len());
    for one in items {
        let Happened::Event(event, _) = &one else {
            folded.push(one);
            continue;
        };
        if event.kind == EventKind::Commented.as_str() {
            continue;
        }
        if event.kind == EventKind::Heartbeat.as_str()
            && let Some(Happened::Event(last, count)) = folded.last_mut()
            && last.kind == event.kind
            && last.run_id == event.run_id
        {
            *last = event.clone();
            *count = count.saturating_add(1);
            continue;
        }
        folded.push(one);
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::ids::BoardName;

    fn event(id: i64, at: i64, kind: EventKind) -> Happened {
        let event = Event {
            id,
            task_id: TaskId::parse("t_00000001").unwrap(),
            board: BoardName::default(),
            run_id: Some(1),
            kind: kind.as_str().to_owned(),
            payload: None,
            created_at: at,
            actor: None,
        };
        Happened::Event(event, 1)
    }

    fn comment(id: i64, at: i64) -> Happened {
        Happened::Comment(Comment { id, author: "ada".into(), body: "x".into(), created_at: at })
    }

    fn shown(page: &TimelinePage) -> Vec<String> {
        let name = |one: &Happened| match one {
            Happened::Event(event, count) => format!("{}{}x{count}", event.kind, event.id),
            Happened::Comment(comment) => format!("comment{}", comment.id),
            Happened::Run(run) => format!("run{}", run.id),
        };
        page.items.iter().map(name).collect()
    }

    #[test]
    fn a_history_is_in_order_and_signs_of_life_are_folded() {
        let items = vec![
            comment(4, 20),
            event(1, 10, EventKind::Created),
            event(2, 11, EventKind::Heartbeat),
            event(3, 12, EventKind::Heartbeat),
            event(4, 20, EventKind::Commented),
            event(5, 21, EventKind::Heartbeat),
        ];
        let page = merged(items, Before::END, 50, true);
        assert_eq!(shown(&page), ["created1x1", "heartbeat3x2", "comment4", "heartbeat5x1"]);
        assert_eq!(page.next, None);
    }

    #[test]
    fn what_happened_in_one_second_is_in_the_order_in_which_it_happened() {
        let before_the_run = |id, kind| {
            let Happened::Event(event, count) = event(id, 10, kind) else { unreachable!() };
            Happened::Event(Event { run_id: None, ..event }, count)
        };
        let items = vec![
            comment(1, 9),
            comment(2, 10),
            event(5, 10, EventKind::Claimed),
            before_the_run(3, EventKind::Commented),
            before_the_run(4, EventKind::Unblocked),
            event(7, 10, EventKind::Commented),
            comment(3, 10),
            event(8, 10, EventKind::Completed),
            before_the_run(2, EventKind::Blocked),
        ];
        let page = merged(items, Before::END, 50, true);
        let expected = [
            "comment1",
            "blocked2x1",
            "comment2",
            "unblocked4x1",
            "claimed5x1",
            "comment3",
            "completed8x1",
        ];
        assert_eq!(shown(&page), expected);
    }

    #[test]
    fn a_page_ends_where_the_next_begins() {
        let items = || {
            vec![event(1, 10, EventKind::Created), comment(9, 11), event(7, 12, EventKind::Blocked)]
        };
        let page = merged(items(), Before::END, 2, true);
        assert_eq!(shown(&page), ["comment9", "blocked7x1"]);
        let next = Before::parse(page.next.as_deref().unwrap()).unwrap();
        assert_eq!((next.comments, next.events, next.runs), (9, 7, i64::MAX));
        assert_eq!(merged(vec![event(1, 10, EventKind::Created)], next, 2, true).next, None);
        assert!(merged(items(), Before::END, 5, false).next.is_some());
    }

    #[test]
    fn a_place_that_no_page_named_is_refused() {
        for text in ["", "1", "1.2", "1.2.3.4", "a.b.c", "1.2."] {
            assert_eq!(Before::parse(text), None, "{text}");
        }
        let before = Before { comments: 3, events: 2, runs: 1 };
        assert_eq!(Before::parse(&before.to_text()), Some(before));
    }
}
