//! `questions`: one row per question.

use rusqlite::{OptionalExtension, Row, named_params};

use super::rows::lenient_names;
use super::tasks::list_or_null;
use super::{Doing, is_unique_violation};
use crate::kernel::error::Fault;
use crate::kernel::ids::{EpochSeconds, QuestionId, RunId, TaskId};
use crate::kernel::question::{AnswerSource, Question};
use crate::kernel::rules::ask_pause::Wait;
use crate::kernel::rules::question::{NewQuestion, QuestionOutcome};
use crate::kernel::store::Connection;
use crate::kernel::store::tasks::Inserted;
use crate::kernel::store::waiting::WaitingOf;
use crate::kernel::task::TaskStatus;
use crate::kernel::transfer::record::QuestionFields;

macro_rules! select_questions {
    ($rest:literal) => {
        concat!(
            "SELECT q.id, q.task_id, q.run_id, q.blocks, q.kind, q.text, q.choices, q.default_answer, q.asked_by, q.asked_at,
                    q.deadline_at, q.overdue_at, q.calls, q.outcome, q.ended_at, q.answer, q.answer_source, q.answered_by
             FROM questions q ",
            $rest
        )
    };
}

/// Every question, in no order.
pub(super) const EVERY: &str = select_questions!("");

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Question> {
    Ok(Question {
        id: row.get(0)?,
        task_id: row.get(1)?,
        run_id: row.get(2)?,
        blocks: row.get(3)?,
        kind: row.get(4)?,
        text: row.get(5)?,
        choices: lenient_names(row.get(6)?).unwrap_or_default(),
        default_answer: row.get(7)?,
        asked_by: row.get(8)?,
        asked_at: row.get(9)?,
        deadline_at: row.get(10)?,
        overdue_at: row.get(11)?,
        calls: row.get(12)?,
        outcome: row.get(13)?,
        ended_at: row.get(14)?,
        answer: row.get(15)?,
        answer_source: row.get(16)?,
        answered_by: row.get(17)?,
    })
}

fn collect(
    connection: &Connection,
    sql: &'static str,
    parameters: &[(&str, &dyn rusqlite::ToSql)],
    doing: &'static str,
) -> Result<Vec<Question>, Fault> {
    let mut statement = connection.prepare_cached(sql).doing(doing)?;
    let rows = statement.query_map(parameters, read).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// Who asks what, and when.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Its id.
    pub id: &'a QuestionId,
    /// Its task.
    pub task_id: &'a TaskId,
    /// The run that asks.
    pub run_id: Option<RunId>,
    /// Whether the task is blocked until the answer.
    pub blocks: bool,
    /// What the task needs.
    pub kind: &'a str,
    /// The question.
    pub new: &'a NewQuestion,
    /// Who asks.
    pub by: &'a str,
    /// Time, epoch seconds.
    pub now: EpochSeconds,
}

/// Adds an open question.
pub fn insert(connection: &Connection, asked: &Asked<'_>) -> Result<Inserted, Fault> {
    let answer = connection
        .prepare_cached(
            "INSERT INTO questions (id, task_id, board, run_id, blocks, kind, text, choices, default_answer, asked_by, asked_at,
                                    deadline_at)
             VALUES (:id, :task_id, (SELECT t.board FROM tasks t WHERE t.id = :task_id), :run_id, :blocks, :kind, :text, :choices,
                     :default, :by, :now, :deadline)",
        )
        .and_then(|mut s| {
            s.execute(named_params! {
                ":id": asked.id, ":task_id": asked.task_id, ":run_id": asked.run_id, ":blocks": asked.blocks,
                ":kind": asked.kind, ":text": asked.new.text, ":choices": list_or_null(&asked.new.choices),
                ":default": asked.new.default_answer, ":by": asked.by, ":now": asked.now,
                ":deadline": asked.new.deadline_at,
            })
        });
    match answer {
        Ok(_) => Ok(Inserted::Yes),
        Err(error) if is_unique_violation(&error) => Ok(Inserted::Taken),
        Err(error) => Err(error).doing("ask a question"),
    }
}

/// Writes a question of an import.
pub fn insert_imported(
    connection: &Connection,
    (id, task_id, run_id): (&QuestionId, &TaskId, Option<RunId>),
    fields: &QuestionFields,
) -> Result<Inserted, Fault> {
    let answer = connection
        .prepare_cached(
            "INSERT INTO questions (id, task_id, board, run_id, blocks, kind, text, choices, default_answer, asked_by, asked_at,
                                    deadline_at, overdue_at, calls, outcome, ended_at, answer, answer_source, answered_by)
             VALUES (:id, :task_id, (SELECT t.board FROM tasks t WHERE t.id = :task_id), :run_id, :blocks, :kind, :text, :choices,
                     :default, :asked_by, :asked_at, :deadline, :overdue, :calls, :outcome, :ended_at, :answer, :source, :by)",
        )
        .and_then(|mut s| {
            s.execute(named_params! {
                ":id": id, ":task_id": task_id, ":run_id": run_id, ":blocks": fields.blocks, ":kind": fields.kind,
                ":text": fields.text, ":choices": list_or_null(&fields.choices), ":default": fields.default_answer,
                ":asked_by": fields.asked_by, ":asked_at": fields.asked_at, ":deadline": fields.deadline_at,
                ":overdue": fields.overdue_at, ":calls": fields.calls, ":outcome": fields.outcome,
                ":ended_at": fields.ended_at, ":answer": fields.answer, ":source": fields.answer_source,
                ":by": fields.answered_by,
            })
        });
    match answer {
        Ok(_) => Ok(Inserted::Yes),
        Err(error) if is_unique_violation(&error) => Ok(Inserted::Taken),
        Err(error) => Err(error).doing("import a question"),
    }
}

/// The waits of a run for answers, oldest first.
pub fn list_waits(
    connection: &Connection,
    task_id: &TaskId,
    run_id: RunId,
) -> Result<Vec<Wait>, Fault> {
    let doing = "list the waits of a run";
    let mut statement = connection
        .prepare_cached(
            "SELECT asked_at, ended_at FROM questions
             WHERE task_id = :task_id AND run_id = :run_id AND blocks = 0 ORDER BY seq",
        )
        .doing(doing)?;
    let read = |row: &Row<'_>| Ok(Wait { asked_at: row.get(0)?, ended_at: row.get(1)? });
    let rows = statement
        .query_map(named_params! { ":task_id": task_id, ":run_id": run_id }, read)
        .doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// A question by its id.
pub fn get(connection: &Connection, id: &QuestionId) -> Result<Option<Question>, Fault> {
    connection
        .prepare_cached(select_questions!("WHERE q.id = :id"))
        .and_then(|mut s| s.query_row(named_params! { ":id": id }, read).optional())
        .doing("read a question")
}

/// The newest question of a run with this text that blocks nothing.
pub fn get_of_run(
    connection: &Connection,
    task_id: &TaskId,
    run_id: RunId,
    text: &str,
) -> Result<Option<Question>, Fault> {
    connection
        .prepare_cached(select_questions!(
            "WHERE q.task_id = :task_id AND q.run_id = :run_id AND q.blocks = 0 AND q.text = :text
             ORDER BY q.seq DESC LIMIT 1"
        ))
        .and_then(|mut s| {
            let row = named_params! { ":task_id": task_id, ":run_id": run_id, ":text": text };
            s.query_row(row, read).optional()
        })
        .doing("read a question of a run")
}

/// Counts that its run has asked for the answer once more.
pub fn count_call(connection: &Connection, id: &QuestionId) -> Result<(), Fault> {
    connection
        .prepare_cached("UPDATE questions SET calls = calls + 1 WHERE id = :id")
        .and_then(|mut s| s.execute(named_params! { ":id": id }))
        .map(|_| ())
        .doing("count a call for an answer")
}

/// Makes the question of a run that of a block of its task.
pub fn set_block(connection: &Connection, id: &QuestionId, kind: &str) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "UPDATE questions SET blocks = 1, kind = :kind WHERE id = :id AND outcome = 'open'",
        )
        .and_then(|mut s| s.execute(named_params! { ":id": id, ":kind": kind }))
        .map(|_| ())
        .doing("block for a question")
}

/// The open question of a task.
pub fn get_open(connection: &Connection, task_id: &TaskId) -> Result<Option<Question>, Fault> {
    connection
        .prepare_cached(select_questions!("WHERE q.task_id = :task_id AND q.outcome = 'open'"))
        .and_then(|mut s| s.query_row(named_params! { ":task_id": task_id }, read).optional())
        .doing("read the open question of a task")
}

/// The newest questions of a task, newest first.
pub fn list_newest(
    connection: &Connection,
    task_id: &TaskId,
    limit: usize,
) -> Result<Vec<Question>, Fault> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    collect(
        connection,
        select_questions!("WHERE q.task_id = :task_id ORDER BY q.seq DESC LIMIT :limit"),
        &[(":task_id", task_id), (":limit", &limit)],
        "list the newest questions of a task",
    )
}

/// All questions of a task, oldest first.
pub fn list_of_task(connection: &Connection, task_id: &TaskId) -> Result<Vec<Question>, Fault> {
    collect(
        connection,
        select_questions!("WHERE q.task_id = :task_id ORDER BY q.seq"),
        &[(":task_id", task_id)],
        "list the questions of a task",
    )
}

/// The newest answered question with which a run blocked its task.
pub fn get_answered_block(
    connection: &Connection,
    task_id: &TaskId,
    run_id: RunId,
) -> Result<Option<Question>, Fault> {
    connection
        .prepare_cached(select_questions!(
            "WHERE q.task_id = :task_id AND q.run_id = :run_id AND q.blocks = 1 AND q.outcome = 'answered'
             ORDER BY q.seq DESC LIMIT 1"
        ))
        .and_then(|mut s| {
            s.query_row(named_params! { ":task_id": task_id, ":run_id": run_id }, read).optional()
        })
        .doing("read the answered question of a run")
}

/// Questions of a board that are open and block nothing: runs wait for their answers. Oldest first, with the titles and statuses of
/// their tasks; only those whose task a name has or has created.
pub fn list_asked_by_runs(
    connection: &Connection,
    of: WaitingOf<'_>,
) -> Result<Vec<(Question, String, TaskStatus)>, Fault> {
    let doing = "list the questions of running tasks";
    let mut statement = connection
        .prepare_cached(
            "SELECT q.id, q.task_id, q.run_id, q.blocks, q.kind, q.text, q.choices, q.default_answer, q.asked_by, q.asked_at,
                    q.deadline_at, q.overdue_at, q.calls, q.outcome, q.ended_at, q.answer, q.answer_source, q.answered_by, t.title, t.status
             FROM questions q JOIN tasks t ON t.id = q.task_id
             WHERE q.board = :board AND q.outcome = 'open' AND q.blocks = 0
               AND (:name IS NULL OR t.assignee = :name OR t.created_by = :name)
             ORDER BY q.asked_at, q.seq LIMIT :limit",
        )
        .doing(doing)?;
    let parameters =
        named_params! { ":board": of.board.number, ":name": of.name, ":limit": of.limit };
    let rows = statement
        .query_map(parameters, |row| Ok((read(row)?, row.get(18)?, row.get(19)?)))
        .doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// Whether a task has at least `count` questions.
pub fn has_at_least(connection: &Connection, task_id: &TaskId, count: u64) -> Result<bool, Fault> {
    let sql = "SELECT 1 FROM questions WHERE task_id = :id LIMIT 1 OFFSET :count";
    let most = count.saturating_sub(1);
    super::rows::has_more_than(connection, sql, task_id, most, "count questions")
}

/// How a question ends.
#[derive(Debug, Clone, Copy)]
pub struct QuestionEnd<'a> {
    /// Its outcome.
    pub outcome: QuestionOutcome,
    /// Its answer, and whose word that is.
    pub answer: Option<(&'a str, AnswerSource)>,
    /// Who answered.
    pub by: Option<&'a str>,
    /// Time, epoch seconds.
    pub now: EpochSeconds,
}

/// Ends a question; false when it is not open.
pub fn set_end_if_open(
    connection: &Connection,
    id: &QuestionId,
    end: &QuestionEnd<'_>,
) -> Result<bool, Fault> {
    connection
        .prepare_cached(
            "UPDATE questions
             SET outcome = :outcome, ended_at = :now, answer = :answer, answer_source = :source, answered_by = :by
             WHERE id = :id AND outcome = 'open'",
        )
        .and_then(|mut s| {
            s.execute(named_params! {
                ":id": id, ":outcome": end.outcome, ":now": end.now, ":answer": end.answer.map(|(text, _)| text),
                ":source": end.answer.map(|(_, source)| source.as_str()), ":by": end.by,
            })
        })
        .map(|changed| changed == 1)
        .doing("end a question")
}

/// Open questions whose deadline is not after `now` and was not reported, in the order of their deadlines.
pub fn list_due(
    connection: &Connection,
    now: EpochSeconds,
    limit: u32,
) -> Result<Vec<Question>, Fault> {
    collect(
        connection,
        select_questions!(
            "WHERE q.outcome = 'open' AND q.deadline_at IS NOT NULL AND q.overdue_at IS NULL AND q.deadline_at <= :now
             ORDER BY q.deadline_at, q.seq LIMIT :limit"
        ),
        &[(":now", &now), (":limit", &limit)],
        "list questions whose deadline has come",
    )
}

/// Writes that the deadline of a question was reported as passed.
pub fn set_overdue(
    connection: &Connection,
    id: &QuestionId,
    now: EpochSeconds,
) -> Result<(), Fault> {
    connection
        .prepare_cached("UPDATE questions SET overdue_at = :now WHERE id = :id")
        .and_then(|mut s| s.execute(named_params! { ":id": id, ":now": now }))
        .map(|_| ())
        .doing("report a question as overdue")
}

/// The run up to which blocks of a task are no loop: a person answered a question of it, or of a later one. An answer to a run that
/// went on counts for the runs before it.
pub fn answered_by_person_upto(connection: &Connection, task_id: &TaskId) -> Result<RunId, Fault> {
    connection
        .prepare_cached(
            "SELECT coalesce(max(CASE blocks WHEN 1 THEN run_id ELSE run_id - 1 END), 0) FROM questions
             WHERE task_id = :task_id AND answer_source = 'person'",
        )
        .and_then(|mut s| s.query_row(named_params! { ":task_id": task_id }, |row| row.get(0)))
        .doing("find the last answer of a person")
}

/// Writes how many runs of a task ended with a block of one kind in a row.
pub fn set_blocks_in_a_row(
    connection: &Connection,
    task_id: &TaskId,
    count: u32,
) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "UPDATE tasks SET blocks_in_a_row = :count WHERE id = :id AND blocks_in_a_row <> :count",
        )
        .and_then(|mut s| s.execute(named_params! { ":id": task_id, ":count": count }))
        .map(|_| ())
        .doing("count blocks in a row")
}

/// Tasks of a board that are in a loop of blocks: id, title, kind of the newest block and since when; only those that a name has or
/// has created.
pub fn list_block_loops(
    connection: &Connection,
    of: WaitingOf<'_>,
) -> Result<Vec<BlockLoop>, Fault> {
    let doing = "list tasks that block again and again";
    let mut statement = connection
        .prepare_cached(
            "SELECT t.id, t.title, r.block_kind, r.ended_at, t.status
             FROM tasks t JOIN task_runs r
               ON r.id = (SELECT max(n.id) FROM task_runs n WHERE n.task_id = t.id AND n.outcome = 'blocked')
             WHERE t.board = :board AND t.blocks_in_a_row >= 3 AND t.status NOT IN ('done', 'archived')
               AND (:name IS NULL OR t.assignee = :name OR t.created_by = :name)
             ORDER BY r.ended_at, t.seq LIMIT :limit",
        )
        .doing(doing)?;
    let parameters =
        named_params! { ":board": of.board.number, ":name": of.name, ":limit": of.limit };
    let rows = statement
        .query_map(parameters, |row| {
            Ok(BlockLoop {
                id: row.get(0)?,
                title: row.get(1)?,
                kind: row.get(2)?,
                since: row.get(3)?,
                status: row.get(4)?,
            })
        })
        .doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// A task in a loop of blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockLoop {
    /// The task.
    pub id: TaskId,
    /// Its title.
    pub title: String,
    /// The kind of its blocks.
    pub kind: Option<String>,
    /// When its newest block ended a run, epoch seconds.
    pub since: Option<EpochSeconds>,
    /// Its status.
    pub status: TaskStatus,
}
