//! A board as records, for `kanban export`.

use serde::{Deserialize, Serialize};

use crate::kernel::error::{Fault, VerbError};
use crate::kernel::ids::TaskId;
use crate::kernel::queries::Snapshot;
use crate::kernel::question::Question;
use crate::kernel::run::Run;
use crate::kernel::store;
use crate::kernel::store::Connection;
use crate::kernel::store::subscriptions::Subscription;
use crate::kernel::task::Task;
use crate::kernel::transfer::record::{
    AttachmentFields, CommentFields, EventFields, QuestionFields, RunFields, SubscriptionFields,
    TaskFields, TaskRecord,
};

/// Ids of a board's tasks in the order in which they were made, archived ones too.
///
/// # Errors
/// A refusal or a fault.
pub fn list_ids(
    snapshot: &Snapshot<'_>,
    board: Option<&str>,
) -> Result<(String, Vec<TaskId>), VerbError> {
    let board = snapshot.board(board, "export")?;
    let filter = store::listing::ListFilter {
        board: board.clone(),
        include_archived: true,
        order: store::listing::Order::Created,
        ..store::listing::ListFilter::default()
    };
    let ids = store::listing::list_ids(snapshot.connection, &filter)?;
    Ok((board.name.to_string(), ids.into()))
}

/// A task as a record; none when it is gone.
///
/// # Errors
/// A fault of the database.
pub fn record(snapshot: &Snapshot<'_>, id: &TaskId) -> Result<Option<TaskRecord>, VerbError> {
    let connection = snapshot.connection;
    let Some(task) = store::tasks::get(connection, id)? else { return Ok(None) };
    let parents = store::links::list_parents(connection, id)?;
    let events = store::events::list_of_task(connection, id)?;
    let comments = store::comments::list(connection, id)?;
    let attachments = store::attachments::list(connection, id)?;
    // The newest event of this task that was heard: a cursor may name another task's event, which means nothing elsewhere.
    let own_ids: Vec<i64> = events.iter().map(|event| event.id).collect();
    let heard = |cursor: i64| own_ids.iter().copied().filter(|id| *id <= cursor).max();
    let subscriptions = store::subscriptions::list_of_task(connection, id)?;
    Ok(Some(TaskRecord {
        parents: parents.iter().map(ToString::to_string).collect(),
        labels: task.labels.clone(),
        runs: store::runs::list_of_task(connection, id)?.into_iter().map(run_fields).collect(),
        questions: store::questions::list_of_task(connection, id)?
            .into_iter()
            .map(question_fields)
            .collect(),
        comments: comments
            .into_iter()
            .map(|comment| CommentFields {
                id: comment.id,
                author: comment.author,
                body: comment.body,
                created_at: comment.created_at,
            })
            .collect(),
        events: events
            .into_iter()
            .map(|event| EventFields {
                id: event.id,
                run_id: event.run_id,
                kind: event.kind,
                payload: event.payload.map(serde_json::Value::Object),
                created_at: event.created_at,
                actor: event.actor,
            })
            .collect(),
        attachments: attachments
            .into_iter()
            .map(|file| AttachmentFields {
                filename: file.filename,
                size_bytes: file.size_bytes,
                sha256: file.sha256,
                uploaded_by: file.uploaded_by,
                created_at: file.created_at,
            })
            .collect(),
        subscriptions: subscriptions
            .into_iter()
            .map(|subscription| {
                let heard = heard(subscription.last_event_id).unwrap_or_default();
                subscription_fields(connection, subscription, heard)
            })
            .collect::<Result<_, Fault>>()?,
        task: task_fields(task),
    }))
}

fn subscription_fields(
    connection: &Connection,
    subscription: Subscription,
    last_event_id: i64,
) -> Result<SubscriptionFields, Fault> {
    let target = (
        subscription.platform.as_str(),
        subscription.chat_id.as_str(),
        subscription.thread_id.as_str(),
    );
    let route = match store::routes::find(connection, target)? {
        Some(id) => store::routes::get(connection, id)?,
        None => None,
    };
    Ok(SubscriptionFields {
        quiet: route.and_then(|route| route.quiet),
        platform: subscription.platform,
        chat_id: subscription.chat_id,
        thread_id: subscription.thread_id,
        user_id: subscription.user_id,
        created_at: subscription.created_at,
        last_event_id,
        level: subscription.level.as_str().to_owned(),
        kinds: subscription.kinds,
        person: subscription.person,
    })
}

fn task_fields(task: Task) -> TaskFields {
    TaskFields {
        id: task.id.to_string(),
        title: task.title,
        body: task.body,
        assignee: task.assignee,
        status: task.status.as_str().to_owned(),
        priority: Some(task.priority),
        created_by: task.created_by,
        created_at: task.created_at,
        started_at: task.started_at,
        completed_at: task.completed_at,
        archived_at: task.archived_at,
        workspace_kind: Some(task.workspace_kind.as_str().to_owned()),
        workspace_path: task.workspace_path,
        claim_lock: task.claim_lock,
        claim_expires: task.claim_expires,
        tenant: task.tenant,
        result: task.result,
        idempotency_key: task.idempotency_key,
        spawn_failures: Some(i64::from(task.spawn_failures)),
        last_spawn_error: task.last_spawn_error,
        max_runtime_seconds: task.max_runtime_seconds,
        no_max_runtime: Some(task.no_max_runtime),
        last_heartbeat_at: task.last_heartbeat_at,
        current_run_id: task.current_run_id,
        workflow_template_id: task.workflow_template_id,
        current_step_key: task.current_step_key,
        skills: task.skills.map(|names| serde_json::Value::from(names).to_string()),
        auto_starts: Some(i64::from(task.auto_starts)),
        protocol_violations: Some(i64::from(task.protocol_violations)),
        model: task.model,
        effort: task.effort,
        args: Some(task.args).filter(|args| !args.is_empty()),
        branch_name: task.branch_name,
        start_at: task.start_at,
        parked: Some(task.parked),
        due_at: task.due_at,
        review_open: Some(task.review_open),
        reviewer: task.reviewer,
        reviewer_chosen: Some(task.reviewer_chosen),
        review_round: Some(i64::from(task.review_round)),
        review_why: task.review_why,
        block_kind: task.block_kind,
        archived_from: task.archived_from,
    }
}

fn question_fields(question: Question) -> QuestionFields {
    QuestionFields {
        id: question.id.to_string(),
        run_id: question.run_id,
        blocks: question.blocks,
        kind: question.kind,
        text: question.text,
        choices: question.choices,
        default_answer: question.default_answer,
        asked_by: question.asked_by,
        asked_at: question.asked_at,
        deadline_at: question.deadline_at,
        overdue_at: question.overdue_at,
        calls: question.calls,
        outcome: question.outcome.as_str().to_owned(),
        ended_at: question.ended_at,
        answer: question.answer,
        answer_source: question.answer_source,
        answered_by: question.answered_by,
    }
}

fn run_fields(run: Run) -> RunFields {
    RunFields {
        id: run.id,
        profile: run.profile,
        step_key: run.step_key,
        status: run.status,
        outcome: run.outcome.map(|outcome| outcome.as_str().to_owned()),
        summary: run.summary,
        metadata: run.metadata.map(|metadata| metadata.to_string()),
        error: run.error,
        worker_pid: run.worker_pid,
        max_runtime_seconds: run.max_runtime_seconds,
        last_heartbeat_at: run.last_heartbeat_at,
        started_at: run.started_at,
        ended_at: run.ended_at,
        closed_at: run.closed_at,
        cause: run.cause.map(|cause| cause.as_str().to_owned()),
        verdict_by: run.verdict_by,
        supervised: Some(run.supervised),
        automatic: Some(run.automatic),
        workspace_path: run.workspace_path,
        argv: run.argv.map(|argv| serde_json::Value::from(argv).to_string()),
        exit_code: run.exit_code.map(i64::from),
        signal: run.signal.map(i64::from),
        cpu_ms: run.cpu_ms,
        max_rss_bytes: run.max_rss_bytes,
        memory_peak_bytes: run.memory_peak_bytes,
        oom_kills: run.oom_kills,
        containment: run.containment,
        not_enforced: (!run.not_enforced.is_empty())
            .then(|| serde_json::Value::from(run.not_enforced).to_string()),
        artifacts: list_text(&run.artifacts),
        created_cards: list_text(&run.created_cards),
        log_tail: run.log_tail,
        errno: run.errno.map(i64::from),
        retry_at: run.retry_at,
        role: Some(run.role),
        review_verdict: run.review_verdict,
        model: run.model,
        effort: run.effort,
        args: Some(run.args).filter(|args| !args.is_empty()),
        block_kind: run.block_kind,
    }
}

fn list_text<T: Serialize>(items: &[T]) -> Option<String> {
    (!items.is_empty()).then(|| serde_json::json!(items).to_string())
}

/// Reply to `GET /v1/import`, before an import begins.
#[derive(Debug, Clone, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ImportPlan {
    /// Whether the database has no tasks, so that integer ids can be kept.
    pub keep_ids: bool,
}
