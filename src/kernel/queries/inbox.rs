//! The tasks that wait for a person, as the rows have them: what the inbox is made of.

use std::collections::BTreeMap;

use crate::kernel::counts::CountKey;
use crate::kernel::error::VerbError;
use crate::kernel::ids::BoardName;
use crate::kernel::policy::Policy;
use crate::kernel::rules::inbox::{Kind, Named, Waiting};
use crate::kernel::run::RunOutcome;
use crate::kernel::snapshot::Snapshot;
use crate::kernel::store::waiting::{self, WaitingOf, WaitingTask};
use crate::kernel::task::{HUMAN, PARENT_CANCELLED, TaskStatus};

/// Tasks of one kind and board that are read; the others are counted.
const READ_MAX: u32 = 100;

/// What of the tasks of these boards needs a person: all of them, or those of one name.
///
/// # Errors
/// A fault of the database.
pub fn waiting_tasks(
    snapshot: &Snapshot<'_>,
    policy: &Policy,
    counts: &BTreeMap<CountKey, i64>,
    boards: &[BoardName],
    name: Option<&str>,
) -> Result<Vec<Waiting>, VerbError> {
    let connection = snapshot.connection;
    let mut found = Vec::new();
    for board in boards {
        let of = WaitingOf { board, name, limit: READ_MAX };
        let number = |status: TaskStatus, is_meant: &dyn Fn(Option<&str>) -> bool| -> i64 {
            let is_of = |key: &CountKey| {
                key.board == *board && key.status == status && is_meant(key.assignee.as_deref())
            };
            counts.iter().filter(|(key, _)| is_of(key)).map(|(_, count)| *count).sum()
        };
        let add = |found: &mut Vec<Waiting>,
                   tasks: &[WaitingTask],
                   (all, causes): (i64, Causes),
                   judge: Judge<'_>| {
            let read = i64::try_from(tasks.len()).unwrap_or(i64::MAX);
            found.extend(tasks.iter().map(|task| judge(board, task)));
            // A name's tasks are not counted.
            let more = u64::try_from(all - read).unwrap_or_default();
            let last = found.last().filter(|_| name.is_none() && more > 0).cloned();
            found.extend(last.map(|last| match causes {
                Causes::One => Waiting { task: None, count: more, ..last },
                Causes::Many(status) => unread(last.kind, more, status, board),
            }));
        };
        let blocked = waiting::list_blocked(connection, of)?;
        let all = number(TaskStatus::Blocked, &|_| true);
        add(&mut found, &blocked, (all, Causes::Many(TaskStatus::Blocked)), &of_blocked);
        let reviews = waiting::list_in_review(connection, of)?;
        let all = number(TaskStatus::Review, &|_| true);
        add(&mut found, &reviews, (all, Causes::Many(TaskStatus::Review)), &of_review);
        let long = waiting::list_waiting_long(connection, of)?;
        add(&mut found, &long, (0, Causes::One), &|board, task| {
            of_task(Kind::WaitingLong, "has been ready for long", board, task)
        });
        let unassigned = waiting::list_unassigned(connection, of)?;
        let all = number(TaskStatus::Ready, &|assignee| assignee.is_none());
        add(&mut found, &unassigned, (all, Causes::One), &|board, task| {
            of_task(Kind::Unassigned, "ready, without an assignee", board, task)
        });
        let Some(known) = &policy.strict_profiles else { continue };
        let unknown = counts.iter().filter(|(key, _)| {
            let of_profile = |name: &String| known.contains(name);
            let is_unknown = key.assignee.as_ref().is_some_and(|name| !of_profile(name));
            key.board == *board && key.status == TaskStatus::Ready && is_unknown
        });
        for (key, count) in unknown {
            let assignee = key.assignee.clone().unwrap_or_default();
            if name.is_some_and(|name| name != assignee) {
                continue;
            }
            let tasks = waiting::list_ready_of(connection, board, &assignee, READ_MAX)?;
            let cause = format!("the assignee {assignee} has no profile");
            add(&mut found, &tasks, (*count, Causes::One), &|board, task| {
                of_task(Kind::UnknownProfile, &cause, board, task)
            });
        }
    }
    Ok(found)
}

/// What a task waits for.
type Judge<'a> = &'a dyn Fn(&BoardName, &WaitingTask) -> Waiting;

fn of_task(kind: Kind, cause: &str, board: &BoardName, task: &WaitingTask) -> Waiting {
    Waiting::of_task(kind, cause, Named::of(&task.id, &task.title, board), task.since)
}

fn of_blocked(board: &BoardName, task: &WaitingTask) -> Waiting {
    let reason = task.reason.clone().filter(|reason| !reason.trim().is_empty());
    let (kind, cause) = if task.block_kind.as_deref() == Some(PARENT_CANCELLED) {
        (Kind::Held, "a parent was archived unfinished".to_owned())
    } else {
        let is_given_up = task.outcome == Some(RunOutcome::GaveUp);
        let kind = if is_given_up { Kind::GaveUp } else { Kind::Blocked };
        (kind, reason.unwrap_or_else(|| "no reason given".to_owned()))
    };
    of_task(kind, &cause, board, task)
}

fn of_review(board: &BoardName, task: &WaitingTask) -> Waiting {
    let cause = format!("waits for its review by {}", task.reason.as_deref().unwrap_or(HUMAN));
    of_task(Kind::Review, &cause, board, task)
}

/// Whether the tasks of one kind wait for one thing, or each for its own.
#[derive(Debug, Clone, Copy)]
enum Causes {
    One,
    /// Those of this status.
    Many(TaskStatus),
}

/// Tasks that were not read, of whose causes nothing is known: counted in a row of their own.
fn unread(kind: Kind, count: u64, status: TaskStatus, board: &BoardName) -> Waiting {
    let cause = format!("{count} more {status} tasks of {board}");
    let command = format!("kanban list --status {status} --board {board}");
    Waiting { count, ..Waiting::of_host(kind, cause, command) }
}
