//! `task_runs`: one row per attempt, opened before anything is spawned and ended exactly once.

use rusqlite::{OptionalExtension, Row, named_params};

use super::Doing;
use super::rows::{lenient_json, lenient_list, lenient_names};
use crate::kernel::error::Fault;
use crate::kernel::ids::{EpochSeconds, RunId, TaskId};
use crate::kernel::run::{Run, RunOutcome, RunRole, RunState};
use crate::kernel::store::Connection;

mod completed;
mod pages;
mod process;

pub use completed::{
    RecentWork, get_latest_completed, get_latest_review, list_recent_completed, list_users_since,
};
pub use pages::{RunPage, Summaries, newest_gave_up, newest_page, page_after, summaries_within};
pub use process::{
    LaunchFacts, ProcessIds, set_heartbeat, set_launch, set_process_ids, set_session_if_none,
};

macro_rules! select_runs {
    ($rest:literal) => {
        concat!(
            "SELECT id, task_id, profile, step_key, status, outcome, summary, error, metadata, worker_pid, started_at,
                    ended_at, closed_at, state, supervised, automatic, cause, verdict_by, claim_lock, claim_expires,
                    max_runtime_seconds, last_heartbeat_at, failure_limit, workspace_path, argv, exit_code, signal, cpu_ms,
                    max_rss_bytes, log_tail, errno, retry_at, memory_peak_bytes, oom_kills, containment, not_enforced,
                    artifacts, created_cards, model, effort, args, session, resumed_run_id, workspace_notes, host_id,
                    role, review_verdict, block_kind
             FROM task_runs ",
            $rest
        )
    };
}

use select_runs;

/// Every run, in no order.
pub(super) const EVERY: &str = select_runs!("");

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Run> {
    Ok(Run {
        id: row.get(0)?,
        task_id: row.get(1)?,
        profile: row.get(2)?,
        step_key: row.get(3)?,
        status: row.get(4)?,
        outcome: row.get(5)?,
        summary: row.get(6)?,
        error: row.get(7)?,
        metadata: lenient_json(row.get(8)?),
        worker_pid: row.get(9)?,
        started_at: row.get(10)?,
        ended_at: row.get(11)?,
        closed_at: row.get(12)?,
        state: row.get(13)?,
        supervised: row.get(14)?,
        automatic: row.get(15)?,
        cause: row.get(16)?,
        verdict_by: row.get(17)?,
        claim_lock: row.get(18)?,
        claim_expires: row.get(19)?,
        max_runtime_seconds: row.get(20)?,
        last_heartbeat_at: row.get(21)?,
        failure_limit: row.get(22)?,
        workspace_path: row.get(23)?,
        argv: lenient_names(row.get(24)?),
        exit_code: row.get(25)?,
        signal: row.get(26)?,
        cpu_ms: row.get(27)?,
        max_rss_bytes: row.get(28)?,
        log_tail: row.get(29)?,
        errno: row.get(30)?,
        retry_at: row.get(31)?,
        memory_peak_bytes: row.get(32)?,
        oom_kills: row.get(33)?,
        containment: row.get(34)?,
        not_enforced: lenient_names(row.get(35)?).unwrap_or_default(),
        artifacts: lenient_list(row.get(36)?),
        created_cards: lenient_list(row.get(37)?),
        model: row.get(38)?,
        effort: row.get(39)?,
        args: lenient_names(row.get(40)?).unwrap_or_default(),
        session: row.get(41)?,
        resumed_run_id: row.get(42)?,
        workspace_notes: lenient_names(row.get(43)?).unwrap_or_default(),
        host_id: row.get(44)?,
        role: row.get(45)?,
        review_verdict: row.get(46)?,
        block_kind: row.get(47)?,
    })
}

fn collect(
    connection: &Connection,
    sql: &'static str,
    parameters: &[(&str, &dyn rusqlite::ToSql)],
    doing: &'static str,
) -> Result<Vec<Run>, Fault> {
    let mut statement = connection.prepare_cached(sql).doing(doing)?;
    let rows = statement.query_map(parameters, read).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// What a run row starts with.
#[derive(Debug, Clone)]
pub struct NewRun<'a> {
    /// The task.
    pub task_id: &'a TaskId,
    /// Its assignee at claim time.
    pub profile: Option<&'a str>,
    /// Copy of the task's step.
    pub step_key: Option<&'a str>,
    /// Who holds the claim.
    pub lock: &'a str,
    /// When a manual claim ends.
    pub expires: Option<EpochSeconds>,
    /// Effective time limit.
    pub max_runtime_seconds: Option<i64>,
    /// Whether a process of ours will work on it.
    pub supervised: bool,
    /// Whether an automatic pass started it.
    pub automatic: bool,
    /// Failures after which its task is given up, when a person's dispatch said so.
    pub failure_limit: Option<u32>,
    /// What it is for.
    pub role: RunRole,
    /// Start, epoch seconds.
    pub now: EpochSeconds,
}

/// Opens a run.
pub fn insert_open(connection: &Connection, run: &NewRun<'_>) -> Result<RunId, Fault> {
    let state = if run.supervised { RunState::Starting } else { RunState::Running };
    connection
        .insert(
            "INSERT INTO task_runs (task_id, profile, step_key, status, claim_lock, claim_expires, max_runtime_seconds,
                                    started_at, supervised, automatic, failure_limit, state, role)
             VALUES (:task_id, :profile, :step_key, 'running', :lock, :expires, :max_runtime, :now, :supervised,
                     :automatic, :failure_limit, :state, :role)",
            named_params! {
                    ":task_id": run.task_id, ":profile": run.profile, ":step_key": run.step_key, ":lock": run.lock,
                    ":expires": run.expires, ":max_runtime": run.max_runtime_seconds, ":now": run.now,
                    ":supervised": run.supervised, ":automatic": run.automatic,
                    ":failure_limit": run.failure_limit, ":state": state, ":role": run.role.as_str(),
            },
        )
        .doing("open a run")
}

/// The verdict that ends a run.
#[derive(Debug, Clone)]
pub struct RunVerdict<'a> {
    /// `task_runs.status`.
    pub status: &'a str,
    /// The outcome.
    pub outcome: RunOutcome,
    /// What it was before the breaker made it `gave_up`.
    pub cause: Option<RunOutcome>,
    /// Handoff text.
    pub summary: Option<&'a str>,
    /// What a block needs.
    pub block_kind: Option<&'a str>,
    /// One line about a failure.
    pub error: Option<&'a str>,
    /// JSON object as text.
    pub metadata: Option<&'a str>,
    /// JSON list of declared files as text.
    pub artifacts: Option<&'a str>,
    /// JSON list of the ids of created tasks as text.
    pub created_cards: Option<&'a str>,
    /// What a review said.
    pub review: Option<&'a str>,
    /// Who gave it.
    pub by: &'a str,
    /// End, epoch seconds.
    pub now: EpochSeconds,
}

/// Adds a run that began and ended at once, for a verdict on a task that nobody had claimed.
pub fn insert_ended(
    connection: &Connection,
    task_id: &TaskId,
    profile: Option<&str>,
    step_key: Option<&str>,
    verdict: &RunVerdict<'_>,
) -> Result<RunId, Fault> {
    connection
        .insert(
            "INSERT INTO task_runs (task_id, profile, step_key, status, outcome, summary, error, metadata, artifacts,
                                    created_cards, verdict_by, started_at, ended_at, closed_at, state, role, review_verdict,
                                    block_kind)
             VALUES (:task_id, :profile, :step_key, :status, :outcome, :summary, :error, :metadata, :artifacts,
                     :created_cards, :by, :now, :now, :now, 'closed', :role, :review, :block_kind)",
            named_params! {
                    ":task_id": task_id, ":profile": profile, ":step_key": step_key, ":status": verdict.status,
                    ":outcome": verdict.outcome, ":summary": verdict.summary, ":error": verdict.error,
                    ":metadata": verdict.metadata, ":artifacts": verdict.artifacts,
                    ":created_cards": verdict.created_cards, ":by": verdict.by, ":now": verdict.now,
                    ":role": verdict.review.map_or(RunRole::Work, |_| RunRole::Review).as_str(),
                    ":review": verdict.review,
                    ":block_kind": verdict.block_kind,
            },
        )
        .doing("add an ended run")
}

/// Ends a run that has no verdict yet; false when it has one.
pub fn set_verdict_if_none(
    connection: &Connection,
    id: RunId,
    verdict: &RunVerdict<'_>,
) -> Result<bool, Fault> {
    connection
        .prepare_cached(
            "UPDATE task_runs
             SET status = :status, outcome = :outcome, cause = :cause, summary = :summary, error = :error,
                 metadata = :metadata, artifacts = :artifacts, created_cards = :created_cards, review_verdict = :review,
                 verdict_by = :by, block_kind = :block_kind, ended_at = :now, claim_lock = NULL, claim_expires = NULL
             WHERE id = :id AND ended_at IS NULL",
        )
        .and_then(|mut s| {
            s.execute(named_params! {
                ":id": id, ":status": verdict.status, ":outcome": verdict.outcome, ":cause": verdict.cause,
                ":summary": verdict.summary, ":error": verdict.error, ":metadata": verdict.metadata,
                ":artifacts": verdict.artifacts, ":created_cards": verdict.created_cards,
                ":review": verdict.review, ":by": verdict.by, ":now": verdict.now,
                ":block_kind": verdict.block_kind,
            })
        })
        .map(|changed| changed == 1)
        .doing("end a run")
}

/// What is known of a run's processes when they are gone.
#[derive(Debug, Clone, Default)]
pub struct ProcessFacts<'a> {
    /// Exit code of the worker.
    pub exit_code: Option<i32>,
    /// Signal that ended the worker.
    pub signal: Option<i32>,
    /// User and system time, milliseconds.
    pub cpu_ms: Option<i64>,
    /// Largest resident set, bytes.
    pub max_rss_bytes: Option<i64>,
    /// Most memory at one time, bytes.
    pub memory_peak_bytes: Option<i64>,
    /// Processes killed because memory ran out.
    pub oom_kills: Option<i64>,
    /// End of the log of a failed run.
    pub log_tail: Option<&'a str>,
    /// The kernel's error number of a start that failed.
    pub errno: Option<i32>,
}

/// Closes an ended run that is open; false when it is closed already.
pub fn set_closed_if_open(
    connection: &Connection,
    id: RunId,
    facts: &ProcessFacts<'_>,
    now: EpochSeconds,
) -> Result<bool, Fault> {
    connection
        .prepare_cached(
            "UPDATE task_runs
             SET closed_at = :now, state = 'closed', exit_code = :exit_code, signal = :signal, cpu_ms = :cpu_ms,
                 max_rss_bytes = :max_rss_bytes, memory_peak_bytes = :memory_peak, oom_kills = :oom_kills,
                 log_tail = :log_tail, errno = :errno, doubt = NULL
             WHERE id = :id AND closed_at IS NULL AND ended_at IS NOT NULL",
        )
        .and_then(|mut s| {
            s.execute(named_params! {
                ":id": id, ":exit_code": facts.exit_code, ":signal": facts.signal, ":cpu_ms": facts.cpu_ms,
                ":max_rss_bytes": facts.max_rss_bytes, ":memory_peak": facts.memory_peak_bytes,
                ":oom_kills": facts.oom_kills, ":log_tail": facts.log_tail, ":errno": facts.errno, ":now": now,
            })
        })
        .map(|changed| changed == 1)
        .doing("close a run")
}

/// Writes the process state.
pub fn set_state(connection: &Connection, id: RunId, state: RunState) -> Result<(), Fault> {
    connection
        .prepare_cached("UPDATE task_runs SET state = :state WHERE id = :id AND closed_at IS NULL")
        .and_then(|mut s| s.execute(named_params! { ":id": id, ":state": state }))
        .map(|_| ())
        .doing("write a run's state")
}

/// Writes until when the worker of a run met a rate limit.
pub fn set_retry_at(
    connection: &Connection,
    id: RunId,
    retry_at: EpochSeconds,
) -> Result<(), Fault> {
    connection
        .prepare_cached("UPDATE task_runs SET retry_at = :retry_at WHERE id = :id")
        .and_then(|mut s| s.execute(named_params! { ":id": id, ":retry_at": retry_at }))
        .map(|_| ())
        .doing("write the end of a rate limit")
}

/// How long the supervised runs of a task have run in all, seconds, from the one behind `after` on.
pub fn total_runtime(
    connection: &Connection,
    task_id: &TaskId,
    after: RunId,
) -> Result<i64, Fault> {
    connection
        .prepare_cached(
            "SELECT coalesce(sum(max(coalesce(closed_at, ended_at) - started_at, 0)), 0) FROM task_runs
             WHERE task_id = :task_id AND id > :after AND supervised = 1 AND ended_at IS NOT NULL",
        )
        .and_then(|mut s| {
            s.query_row(named_params! { ":task_id": task_id, ":after": after }, |row| row.get(0))
        })
        .doing("sum up the running time of a task")
}

/// A run by its id.
pub fn get(connection: &Connection, id: RunId) -> Result<Option<Run>, Fault> {
    connection
        .prepare_cached(select_runs!("WHERE id = :id"))
        .and_then(|mut s| s.query_row(named_params! { ":id": id }, read).optional())
        .doing("read a run")
}

/// The open run of a task.
pub fn get_open(connection: &Connection, task_id: &TaskId) -> Result<Option<Run>, Fault> {
    connection
        .prepare_cached(select_runs!("WHERE task_id = :task_id AND closed_at IS NULL"))
        .and_then(|mut s| s.query_row(named_params! { ":task_id": task_id }, read).optional())
        .doing("read the open run of a task")
}

/// The newest run of a task.
pub fn get_latest(connection: &Connection, task_id: &TaskId) -> Result<Option<Run>, Fault> {
    connection
        .prepare_cached(select_runs!("WHERE task_id = :task_id ORDER BY id DESC LIMIT 1"))
        .and_then(|mut s| s.query_row(named_params! { ":task_id": task_id }, read).optional())
        .doing("read the newest run of a task")
}

/// All runs of a task, oldest first.
pub fn list_of_task(connection: &Connection, task_id: &TaskId) -> Result<Vec<Run>, Fault> {
    collect(
        connection,
        select_runs!("WHERE task_id = :task_id ORDER BY id"),
        &[(":task_id", task_id)],
        "list the runs of a task",
    )
}

/// The newest ended runs of a task, newest first, at most `limit`.
pub fn list_newest_ended(
    connection: &Connection,
    task_id: &TaskId,
    limit: usize,
) -> Result<Vec<Run>, Fault> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    collect(
        connection,
        select_runs!(
            "WHERE task_id = :task_id AND ended_at IS NOT NULL ORDER BY id DESC LIMIT :limit"
        ),
        &[(":task_id", task_id), (":limit", &limit)],
        "list the earlier runs of a task",
    )
}

/// The same, with the number of all ended ones.
pub fn list_ended_of_task(
    connection: &Connection,
    task_id: &TaskId,
    limit: usize,
) -> Result<(Vec<Run>, u64), Fault> {
    let doing = "count the earlier runs of a task";
    let runs = list_newest_ended(connection, task_id, limit)?;
    let count: i64 = connection
        .prepare_cached(
            "SELECT count(*) FROM task_runs WHERE task_id = :task_id AND ended_at IS NOT NULL",
        )
        .and_then(|mut s| s.query_row(named_params! { ":task_id": task_id }, |row| row.get(0)))
        .doing(doing)?;
    Ok((runs, count.unsigned_abs()))
}

/// The open supervised runs of this host, oldest first: those whose processes are looked for here.
pub fn list_open_here(connection: &Connection) -> Result<Vec<Run>, Fault> {
    collect(
        connection,
        select_runs!("WHERE closed_at IS NULL AND supervised = 1 AND host_id IS NULL ORDER BY +id"),
        &[],
        "list the open runs of this host",
    )
}

/// All open supervised runs, oldest first.
pub fn list_open_supervised(connection: &Connection) -> Result<Vec<Run>, Fault> {
    collect(
        connection,
        // `+id`: sort the few that are open rather than walk all runs in the order of their ids.
        select_runs!("WHERE closed_at IS NULL AND supervised = 1 ORDER BY +id"),
        &[],
        "list the open runs",
    )
}

/// Writes the directory or repository whose breaker a run moves.
pub fn set_workspace_key(connection: &Connection, id: RunId, path: &str) -> Result<(), Fault> {
    connection
        .prepare_cached("UPDATE task_runs SET workspace_key = :path WHERE id = :id")
        .and_then(|mut s| s.execute(named_params! { ":id": id, ":path": path }))
        .map(|_| ())
        .doing("write the workspace of a run")
}

/// The directory or repository whose breaker a run moves; none for one that works in a directory of the daemon's own.
pub fn workspace_key(connection: &Connection, id: RunId) -> Result<Option<String>, Fault> {
    connection
        .prepare_cached("SELECT workspace_key FROM task_runs WHERE id = :id")
        .and_then(|mut s| s.query_row(named_params! { ":id": id }, |row| row.get(0)).optional())
        .map(Option::flatten)
        .doing("read the workspace of a run")
}

/// How many supervised runs are open, by profile.
pub fn count_open_by_profile(connection: &Connection) -> Result<Vec<(String, u32)>, Fault> {
    let doing = "count the open runs";
    let mut statement = connection
        .prepare_cached(
            "SELECT coalesce(profile, ''), count(*) FROM task_runs
             WHERE closed_at IS NULL AND supervised = 1 GROUP BY profile",
        )
        .doing(doing)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// Open supervised runs that have a verdict and only linger, the one that has lingered longest first.
pub fn list_lingering(connection: &Connection, limit: u32) -> Result<Vec<RunId>, Fault> {
    let doing = "list lingering runs";
    let mut statement = connection
        .prepare_cached(
            "SELECT id FROM task_runs
             WHERE closed_at IS NULL AND supervised = 1 AND state = 'finishing'
             ORDER BY ended_at, id LIMIT :limit",
        )
        .doing(doing)?;
    let rows =
        statement.query_map(named_params! { ":limit": limit }, |row| row.get(0)).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}
