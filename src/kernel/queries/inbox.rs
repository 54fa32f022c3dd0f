//! The tasks that wait for a person, as the rows have them: what the inbox is made of.

use std::collections::{BTreeMap, BTreeSet};

use crate::kernel::counts::CountKey;
use crate::kernel::error::{Fault, VerbError};
use crate::kernel::ids::{BoardName, TaskId};
use crate::kernel::limits::{BLOCK_LOOP_RUNS, SKIPS_IN_A_ROW};
use crate::kernel::policy::Policy;
use crate::kernel::question::Question;
use crate::kernel::rules::inbox::{Kind, Named, Waiting, of_question, of_schedule};
use crate::kernel::rules::reason::{Reason, review_by};
use crate::kernel::rules::review::unknown_reviewer;
use crate::kernel::run::RunOutcome;
use crate::kernel::schedule::WAITS_FOR_A_PERSON;
use crate::kernel::snapshot::Snapshot;
use crate::kernel::store::boards::BoardKey;
use crate::kernel::store::questions::BlockLoop;
use crate::kernel::store::waiting::{self, WaitingOf, WaitingTask};
use crate::kernel::store::{self, Connection};
use crate::kernel::task::{HUMAN, PARENT_CANCELLED, TaskStatus};

/// Tasks of one kind and board that are read; the others are counted.
const READ_MAX: u32 = 100;

/// Reviews, and overdue tasks, of one board that are counted.
const COUNTED_MAX: u32 = 10_000;

/// What is known beside the rows.
#[derive(Debug, Clone, Copy)]
pub struct WaitingFacts<'a> {
    /// What the operator decided.
    pub policy: &'a Policy,
    /// How many tasks there are of each board, assignee and status; those that are ready, blocked or in review at least.
    pub counts: &'a BTreeMap<CountKey, i64>,
    /// Profiles whose workers cannot be started here, with the reason.
    pub unusable: &'a BTreeMap<String, String>,
}

/// What of the tasks of these boards needs a person: all of them, or those of one name.
///
/// # Errors
/// A fault of the database.
pub fn waiting_tasks(
    snapshot: &Snapshot<'_>,
    facts: WaitingFacts<'_>,
    boards: &[BoardName],
    name: Option<&str>,
) -> Result<Vec<Waiting>, VerbError> {
    let WaitingFacts { counts, .. } = facts;
    let connection = snapshot.connection;
    let people: BTreeSet<String> = store::people::list(connection)?.into_iter().collect();
    let unable = unable_reviewers(connection, facts.policy)?;
    let mut found = Vec::new();
    for board in boards {
        let Some(found_board) = store::boards::find(connection, board)? else { continue };
        let of = WaitingOf { board: &found_board, name, limit: READ_MAX };
        let number = |status: TaskStatus, is_meant: &dyn Fn(Option<&str>) -> bool| -> i64 {
            let is_of = |key: &CountKey| {
                key.board == *board && key.status == status && is_meant(key.assignee.as_deref())
            };
            counts.iter().filter(|(key, _)| is_of(key)).map(|(_, count)| *count).sum()
        };
        let add = |found: &mut Vec<Waiting>, tasks: &[WaitingTask], all, judge: Judge<'_>| {
            // A name's tasks are not counted.
            let all = Some(all).filter(|_| name.is_none());
            add(found, tasks.iter().map(|task| judge(board, task)), all, board);
        };
        let blocked = waiting::list_blocked(connection, of)?;
        let all = number(TaskStatus::Blocked, &|_| true);
        let asked = open_questions(connection, &blocked)?;
        add(&mut found, &blocked, (all, Causes::Many(TaskStatus::Blocked)), &|board, task| {
            match asked.get(&task.id) {
                Some(question) => of_question(question.clone(), named(board, task)),
                None => of_blocked(board, task),
            }
        });
        let by_runs = store::questions::list_asked_by_runs(connection, of)?;
        found.extend(by_runs.into_iter().map(|(question, title, status)| {
            let task = Named::of(question.task_id.as_str(), &title, board, status);
            of_question(question, task)
        }));
        let loops = store::questions::list_block_loops(connection, of)?;
        found.extend(loops.iter().map(|of| of_loop(board, of)));
        let handed = waiting::list_handed_over(connection, of)?;
        found.extend(handed.iter().map(|task| of_handover(board, task)));
        found.extend(reviews(connection, of, &unable)?);
        let long = waiting::list_waiting_long(connection, of)?;
        add(&mut found, &long, (0, Causes::One), &|board, task| {
            of_task(Kind::WaitingLong, "has been ready for long", board, task)
        });
        let overdue = waiting::list_overdue(connection, of, snapshot.now)?;
        let all = waiting::count_overdue(connection, of.board, COUNTED_MAX, snapshot.now)?;
        add(&mut found, &overdue, (all, Causes::One), &|board, task| {
            of_task(Kind::Overdue, "past the due time", board, task)
        });
        if name.is_none() {
            found.extend(schedules(connection, of.board)?);
        }
        let unassigned = waiting::list_unassigned(connection, of)?;
        let all = number(TaskStatus::Ready, &|assignee| assignee.is_none());
        add(&mut found, &unassigned, (all, Causes::One), &|board, task| {
            of_task(Kind::Unassigned, "ready, without an assignee", board, task)
        });
        for (key, count) in counts {
            let Some(assignee) = key.assignee.as_deref() else { continue };
            if key.board != *board || key.status != TaskStatus::Ready || *count == 0 {
                continue;
            }
            let of_name = name.is_none_or(|name| name == assignee);
            let standing = facts.standing(assignee, people.contains(assignee));
            let Some((kind, cause)) = standing.filter(|_| of_name) else { continue };
            let tasks = waiting::list_ready_of(connection, of.board, assignee, READ_MAX)?;
            add(&mut found, &tasks, (*count, Causes::One), &|board, task| {
                of_task(kind, &cause, board, task)
            });
        }
    }
    Ok(found)
}

/// The tasks of a board that wait for the review of a person, also in place of these profiles.
fn reviews(
    connection: &Connection,
    of: WaitingOf<'_>,
    unable: &[(String, String)],
) -> Result<Vec<Waiting>, Fault> {
    let (mut found, board) = (Vec::new(), &of.board.name);
    let counted = |all: (i64, Causes)| Some(all).filter(|_| of.name.is_none());
    let tasks = waiting::list_in_review(connection, of)?;
    let all = waiting::count_in_review(connection, of.board, None, COUNTED_MAX)?;
    let judged = tasks.iter().map(|task| of_review(board, task));
    add(&mut found, judged, counted((all, Causes::Many(TaskStatus::Review))), board);
    for (reviewer, why) in unable {
        let tasks = waiting::list_in_review_by(connection, of, reviewer)?;
        let all = waiting::count_in_review(connection, of.board, Some(reviewer), COUNTED_MAX)?;
        let cause = review_by(HUMAN, Some(why));
        let judged = tasks.iter().map(|task| of_task(Kind::Review, &cause, board, task));
        add(&mut found, judged, counted((all, Causes::One)), board);
    }
    Ok(found)
}

/// Profiles with tasks to review that cannot be started, and why: a person does it.
fn unable_reviewers(
    connection: &Connection,
    policy: &Policy,
) -> Result<Vec<(String, String)>, Fault> {
    let reviewers = waiting::list_reviewers(connection)?.into_iter();
    Ok(reviewers
        .filter_map(|reviewer| unknown_reviewer(&reviewer, policy).map(|why| (reviewer, why)))
        .collect())
}

/// The schedules of a board that need a person.
fn schedules(connection: &Connection, board: &BoardKey) -> Result<Vec<Waiting>, Fault> {
    let which = (SKIPS_IN_A_ROW, WAITS_FOR_A_PERSON);
    let mut found = Vec::new();
    for schedule in store::schedules::list_ailing(connection, board, which, READ_MAX)? {
        let task = store::schedules::open_task(connection, schedule.id)?;
        found.extend(of_schedule(&schedule, task.as_ref().map(TaskId::as_str)));
    }
    Ok(found)
}

impl WaitingFacts<'_> {
    /// Why the ready tasks of an assignee need a person, when they do.
    fn standing(&self, assignee: &str, is_entered: bool) -> Option<(Kind, String)> {
        let is = self.policy.assignees.get(Some(assignee), is_entered);
        match is.startable(Some(assignee)) {
            Ok(()) => {
                let problem = self.unusable.get(assignee)?;
                Some((Kind::UnusableProfile, format!("profile {assignee}: {problem}")))
            }
            Err(reason @ Reason::Person { .. }) => Some((Kind::Own, reason.explanation())),
            Err(reason @ Reason::UnknownProfile { .. }) => {
                Some((Kind::UnknownProfile, reason.explanation()))
            }
            // A look will tell.
            Err(_) => None,
        }
    }
}

/// Adds the tasks that were read, and how many others there are.
fn add(
    found: &mut Vec<Waiting>,
    tasks: impl ExactSizeIterator<Item = Waiting>,
    all: Option<(i64, Causes)>,
    board: &BoardName,
) {
    let read = i64::try_from(tasks.len()).unwrap_or(i64::MAX);
    found.extend(tasks);
    let Some((all, causes)) = all else { return };
    let more = u64::try_from(all - read).unwrap_or_default();
    let last = found.last().filter(|_| more > 0).cloned();
    found.extend(last.map(|last| match causes {
        Causes::One => Waiting { task: None, count: more, ..last },
        Causes::Many(status) => unread(last.kind, more, status, board),
    }));
}

/// What a task waits for.
type Judge<'a> = &'a dyn Fn(&BoardName, &WaitingTask) -> Waiting;

fn of_task(kind: Kind, cause: &str, board: &BoardName, task: &WaitingTask) -> Waiting {
    Waiting::of_task(kind, cause, named(board, task), task.since)
}

fn named(board: &BoardName, task: &WaitingTask) -> Named {
    Named::of(&task.id, &task.title, board, task.status)
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

/// The questions that block tasks, by task.
fn open_questions(
    connection: &Connection,
    blocked: &[WaitingTask],
) -> Result<BTreeMap<String, Question>, Fault> {
    let mut asked = BTreeMap::new();
    for task in blocked.iter().filter(|task| task.has_question) {
        if let Some(id) = TaskId::parse(&task.id)
            && let Some(question) = store::questions::get_open(connection, &id)?
        {
            asked.insert(task.id.clone(), question);
        }
    }
    Ok(asked)
}

fn of_loop(board: &BoardName, of: &BlockLoop) -> Waiting {
    let kind = of.kind.as_deref().unwrap_or_default();
    let cause = format!(
        "blocked {BLOCK_LOOP_RUNS} times in a row with kind {kind}, without an answer by a person between them"
    );
    let task = Named::of(of.id.as_str(), &of.title, board, of.status);
    Waiting::of_task(Kind::BlockLoop, cause, task, of.since)
}

fn of_handover(board: &BoardName, task: &WaitingTask) -> Waiting {
    let setting = task.reason.as_deref().unwrap_or_default();
    let cause = format!("created by a worker beyond what its profile may ({setting})");
    of_task(Kind::Handover, &cause, board, task)
}

fn of_review(board: &BoardName, task: &WaitingTask) -> Waiting {
    let cause = review_by(HUMAN, task.reason.as_deref());
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
