//! The status of the tasks of a source once all its links are imported. Pure: decided before anything is written, so that a dry run,
//! the report and the board say the same.
//!
//! A ready task with an open parent waits; one that waits for nothing is ready. That is the rule of this board for every task,
//! whatever the source held.

use std::collections::{BTreeMap, BTreeSet};

use crate::kernel::ids::EpochSeconds;
use crate::kernel::rules::landing::{LandingFacts, landing};
use crate::kernel::task::{Parents, TaskStatus};

/// A link of a source that cannot be on the board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongLink {
    /// Parent and child, as the source names them.
    pub link: (String, String),
    /// Reason.
    pub why: &'static str,
    /// Whether both tasks are on the board: then something of theirs is missing.
    pub is_between_tasks: bool,
}

/// What is decided.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settled {
    /// Tasks that stand elsewhere than the source says, with an open parent where that is why.
    pub moved: BTreeMap<String, (TaskStatus, Option<String>)>,
    /// Links that will be there.
    pub links: Vec<(String, String)>,
    /// Links that will not.
    pub wrong: Vec<WrongLink>,
}

/// Decides. `tasks` are all that are on the board afterwards, each with its status and whether this import brings it.
pub fn settle(tasks: &BTreeMap<String, (TaskStatus, bool)>, links: &[(String, String)]) -> Settled {
    let mut settled = Settled::default();
    let mut children: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    // Looking from each link for a circle is dear, and few sources have one.
    let may_close_circle = has_circle(links);
    for link @ (parent, child) in links {
        let wrong = |why, is_between_tasks| WrongLink { link: link.clone(), why, is_between_tasks };
        let is_there = |id: &String| tasks.contains_key(id);
        if !is_there(parent) || !is_there(child) {
            settled.wrong.push(wrong("a task is missing", false));
        } else if !seen.insert(link) {
            // Said twice is no fault.
        } else if may_close_circle && (parent == child || reaches(&children, child, parent)) {
            settled.wrong.push(wrong("it would create a cycle", true));
        } else {
            children.entry(parent).or_default().push(child);
            settled.links.push(link.clone());
        }
    }
    let mut open_parents: BTreeMap<&str, &str> = BTreeMap::new();
    for (parent, child) in &settled.links {
        let is_open = |(status, _): &(TaskStatus, bool)| !status.satisfies_children();
        if tasks.get(parent).is_some_and(is_open) {
            open_parents.entry(child).or_insert(parent);
        }
    }
    for (id, (status, is_new)) in tasks {
        let open = open_parents.get(id.as_str()).map(|parent| (*parent).to_owned());
        let parents = if open.is_some() { Parents::Open } else { Parents::Satisfied };
        let to = match status {
            TaskStatus::Todo | TaskStatus::Ready | TaskStatus::Scheduled | TaskStatus::Review => {
                // A time that has come is none by now, see `normalize`.
                let facts = LandingFacts {
                    is_review_open: *status == TaskStatus::Review,
                    is_parked: *status == TaskStatus::Scheduled,
                    start_at: None,
                    parents,
                };
                landing(facts, EpochSeconds::default()).status()
            }
            TaskStatus::Triage
            | TaskStatus::Running
            | TaskStatus::Blocked
            | TaskStatus::Done
            | TaskStatus::Archived => continue,
        };
        if to == *status {
            continue;
        }
        if *is_new {
            settled.moved.insert(id.clone(), (to, open));
        }
    }
    settled
}

/// Whether there is a circle among links: tasks without parents are taken away until none is left, or none has no parent.
fn has_circle(links: &[(String, String)]) -> bool {
    let mut open: BTreeMap<&str, usize> = BTreeMap::new();
    let mut children: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (parent, child) in links {
        open.entry(parent).or_default();
        *open.entry(child).or_default() += 1;
        children.entry(parent).or_default().push(child);
    }
    let mut free: Vec<&str> =
        open.iter().filter(|(_, parents)| **parents == 0).map(|(id, _)| *id).collect();
    let mut left = open.len();
    while let Some(id) = free.pop() {
        left -= 1;
        for child in children.get(id).into_iter().flatten() {
            if let Some(parents) = open.get_mut(child) {
                *parents -= 1;
                if *parents == 0 {
                    free.push(child);
                }
            }
        }
    }
    left > 0
}

/// Whether `to` is found by following the links from `from`.
fn reaches(children: &BTreeMap<&str, Vec<&str>>, from: &str, to: &str) -> bool {
    let mut seen = BTreeSet::from([from]);
    let mut next = vec![from];
    while let Some(id) = next.pop() {
        for child in children.get(id).into_iter().flatten() {
            if *child == to {
                return true;
            }
            if seen.insert(child) {
                next.push(child);
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tasks(given: &[(&str, TaskStatus, bool)]) -> BTreeMap<String, (TaskStatus, bool)> {
        given.iter().map(|(id, status, is_new)| ((*id).to_owned(), (*status, *is_new))).collect()
    }

    fn link(parent: &str, child: &str) -> (String, String) {
        (parent.to_owned(), child.to_owned())
    }

    #[test]
    fn a_task_waits_for_an_open_parent_and_for_nothing_else() {
        use TaskStatus::{Archived, Blocked, Done, Ready, Review, Scheduled, Todo, Triage};
        for (parent, child, expected) in [
            (Blocked, Ready, Some(Todo)),
            (Ready, Ready, Some(Todo)),
            (Triage, Ready, Some(Todo)),
            (Done, Ready, None),
            (Archived, Ready, None),
            (Blocked, Todo, None),
            (Done, Todo, Some(Ready)),
            (Archived, Todo, Some(Ready)),
            (Done, Blocked, None),
            (Blocked, Done, None),
            (Done, Triage, None),
            (Done, Scheduled, None),
            (Blocked, Scheduled, None),
            (Blocked, Review, None),
            (Scheduled, Ready, Some(Todo)),
            (Review, Ready, Some(Todo)),
        ] {
            let tasks = tasks(&[("p", parent, true), ("c", child, true)]);
            let settled = settle(&tasks, &[link("p", "c")]);
            let moved = settled.moved.get("c").map(|(to, _)| *to);
            assert_eq!(moved, expected, "{parent} {child}");
            assert_eq!(settled.moved.len(), usize::from(expected.is_some()));
        }
    }

    #[test]
    fn what_was_here_before_counts_as_a_parent_and_stays_as_it_is() {
        let all = tasks(&[
            ("old", TaskStatus::Blocked, false),
            ("here", TaskStatus::Todo, false),
            ("new", TaskStatus::Ready, true),
        ]);
        let settled = settle(&all, &[link("old", "new")]);
        let message = (TaskStatus::Todo, Some("old".to_owned()));
        assert_eq!(settled.moved, BTreeMap::from([("new".to_owned(), message)]));
    }

    #[test]
    fn a_circle_is_found_wherever_it_is() {
        for (links, expected) in [
            (&[("a", "b"), ("b", "c"), ("a", "c"), ("a", "b")][..], false),
            (&[("a", "a")], true),
            (&[("a", "b"), ("b", "c"), ("c", "b")], true),
            (&[("x", "a"), ("a", "b"), ("b", "a")], true),
            (&[], false),
        ] {
            let links: Vec<_> = links.iter().map(|(parent, child)| link(parent, child)).collect();
            assert_eq!(has_circle(&links), expected, "{links:?}");
        }
    }

    #[test]
    fn links_that_cannot_be_are_told_and_the_first_of_a_circle_stays() {
        let all = tasks(&[
            ("a", TaskStatus::Done, true),
            ("b", TaskStatus::Done, true),
            ("c", TaskStatus::Done, true),
        ]);
        let links = [
            link("a", "b"),
            link("b", "c"),
            link("a", "b"),
            link("c", "a"),
            link("a", "a"),
            link("x", "a"),
            link("a", "c"),
        ];
        let settled = settle(&all, &links);
        assert_eq!(settled.links, [link("a", "b"), link("b", "c"), link("a", "c")]);
        let wrong: Vec<_> =
            settled.wrong.iter().map(|it| (it.link.0.as_str(), it.is_between_tasks)).collect();
        assert_eq!(wrong, [("c", true), ("a", true), ("x", false)]);
    }
}
