//! The table of operations. Adding a row here adds the route and its documentation.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::actors::database::Submit;
use crate::actors::dispatcher::messages::DispatchNow;
use crate::api::Api;
use crate::api::error::ApiError;
use crate::api::events::{self, FollowEvents};
use crate::api::input::Input;
use crate::api::log::{self, GetLog};
use crate::api::openapi;
use crate::kernel::board::Verb;
use crate::kernel::caller::{Caller, Right};
use crate::kernel::error::{Fault, Refusal, VerbError};
use crate::kernel::event::Event;
use crate::kernel::ids::{BoardName, TaskId};
use crate::kernel::queries::{
    ContextReply, GetContext, GetStats, ListRuns, ListTasks, Query, ShowTask, Stats, TaskDetails,
    stats,
};
use crate::kernel::run::Run;
use crate::kernel::store;
use crate::kernel::task::{Task, WorkspaceKind};
use crate::kernel::verbs::{
    BlockTask, ClaimReply, ClaimTask, CommentReply, CommentTask, CompleteTask, CreateReply,
    CreateTask, DispatchReport, HeartbeatReply, HeartbeatTask, LinkReply, LinkTasks, UnblockReply,
    UnblockTask, VerdictReply,
};

/// HTTP methods in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Writes.
    Post,
}

impl Method {
    /// As OpenAPI writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
        }
    }
}

/// A request with its caller.
pub struct Call {
    /// Who asks.
    pub caller: Caller,
    /// Under which id the request may be repeated.
    pub request_id: Option<String>,
    /// The request.
    pub input: Input,
}

/// What an operation returns.
pub type Answer = Pin<Box<dyn Future<Output = Result<Response, ApiError>> + Send>>;

/// One operation.
pub struct Operation {
    /// Its name: the CLI's verb, where there is one.
    pub name: &'static str,
    /// Method.
    pub method: Method,
    /// Path with `{parameters}`.
    pub path: &'static str,
    /// One line about it.
    pub summary: &'static str,
    /// Schema of the request's fields, those of the path included.
    pub request: fn(&mut SchemaGenerator) -> Schema,
    /// Schema of the reply.
    pub reply: fn(&mut SchemaGenerator) -> Schema,
    /// What it does.
    pub run: fn(Arc<Api>, Call) -> Answer,
}

fn schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// Every operation of the API.
pub const OPERATIONS: &[Operation] = &[
    verb::<CreateTask, CreateReply>("/v1/tasks", "Create a task."),
    query::<ListTasks, Vec<Task>>("/v1/tasks", "List tasks in board order."),
    query::<ShowTask, TaskDetails>("/v1/tasks/{id}", "Show everything about a task."),
    verb::<LinkTasks, LinkReply>("/v1/links", "Make a task wait for another."),
    Operation {
        name: ClaimTask::NAME,
        method: Method::Post,
        path: "/v1/tasks/{id}/claim",
        summary: "Claim a ready task for work outside kanband.",
        request: schema::<ClaimTask>,
        reply: schema::<ClaimReply>,
        run: claim,
    },
    verb::<HeartbeatTask, HeartbeatReply>(
        "/v1/tasks/{id}/heartbeat",
        "Say that the work on a task goes on.",
    ),
    verb::<CommentTask, CommentReply>("/v1/tasks/{id}/comment", "Comment on a task."),
    verb::<CompleteTask, VerdictReply>("/v1/tasks/{id}/complete", "Complete a task."),
    verb::<BlockTask, VerdictReply>("/v1/tasks/{id}/block", "Block a task: it needs a person."),
    verb::<UnblockTask, UnblockReply>("/v1/tasks/{id}/unblock", "Let a blocked task go on."),
    query::<GetContext, ContextReply>(
        "/v1/tasks/{id}/context",
        "Show what a worker reads before it begins.",
    ),
    query::<ListRuns, Vec<Run>>("/v1/tasks/{id}/runs", "List the runs of a task, oldest first."),
    Operation {
        name: "log",
        method: Method::Get,
        path: "/v1/tasks/{id}/log",
        summary: "Read the log of a run (text/plain).",
        request: schema::<GetLog>,
        reply: schema::<String>,
        run: log::get_log,
    },
    Operation {
        name: "stats",
        method: Method::Get,
        path: "/v1/stats",
        summary: "Count the tasks of a board.",
        request: schema::<GetStats>,
        reply: schema::<Stats>,
        run: get_stats,
    },
    Operation {
        name: "dispatch",
        method: Method::Post,
        path: "/v1/dispatch",
        summary: "Start ready tasks now.",
        request: schema::<DispatchRequest>,
        reply: schema::<DispatchReport>,
        run: dispatch,
    },
    Operation {
        name: "events",
        method: Method::Get,
        path: "/v1/events",
        summary: "Read events after a cursor, one JSON object per line, and follow new ones.",
        request: schema::<FollowEvents>,
        reply: schema::<Event>,
        run: events::follow,
    },
    Operation {
        name: "daemon",
        method: Method::Get,
        path: "/v1/daemon",
        summary: "Show the daemon itself.",
        request: schema::<GetDaemon>,
        reply: schema::<DaemonInfo>,
        run: get_daemon,
    },
    Operation {
        name: "openapi",
        method: Method::Get,
        path: "/v1/openapi.json",
        summary: "This description of the API.",
        request: schema::<GetDaemon>,
        reply: schema::<serde_json::Value>,
        run: get_openapi,
    },
];

/// A row for a verb that needs nothing but the database.
const fn verb<V, R>(path: &'static str, summary: &'static str) -> Operation
where
    V: Verb<Reply = R> + DeserializeOwned + JsonSchema,
    R: JsonSchema + Serialize,
{
    Operation {
        name: V::NAME,
        method: Method::Post,
        path,
        summary,
        request: schema::<V>,
        reply: schema::<R>,
        run: run_verb::<V>,
    }
}

/// A row for a query.
const fn query<Q, R>(path: &'static str, summary: &'static str) -> Operation
where
    Q: Query<Reply = R> + DeserializeOwned + JsonSchema,
    R: JsonSchema + Serialize,
{
    Operation {
        name: Q::NAME,
        method: Method::Get,
        path,
        summary,
        request: schema::<Q>,
        reply: schema::<R>,
        run: run_query::<Q>,
    }
}

fn run_verb<V: Verb + DeserializeOwned>(api: Arc<Api>, call: Call) -> Answer {
    Box::pin(async move {
        let verb: V = call.input.from_body()?;
        let submit = Submit { caller: call.caller, request_id: call.request_id, verb };
        let reply = api.database.submit(submit).await?;
        crate::failpoint::hit("verb-answered");
        json(&reply)
    })
}

/// The reply is made into JSON on the reader's thread: a listing of 100,000 tasks must hold up nobody else.
fn run_query<Q: Query + DeserializeOwned>(api: Arc<Api>, call: Call) -> Answer {
    Box::pin(async move {
        let query: Q = call.input.from_query()?;
        let read = move |snapshot: &crate::kernel::queries::Snapshot<'_>| {
            let reply = query.read(snapshot)?;
            serde_json::to_vec(&reply).map_err(|error| unwritable(&error))
        };
        Ok(json_bytes(api.readers.read(call.caller, read).await?))
    })
}

/// A JSON reply.
///
/// # Errors
/// When the value cannot be written as JSON.
pub fn json(value: &impl Serialize) -> Result<Response, ApiError> {
    let bytes = serde_json::to_vec(value).map_err(|error| ApiError::from(unwritable(&error)))?;
    Ok(json_bytes(bytes))
}

fn json_bytes(bytes: Vec<u8>) -> Response {
    ([(CONTENT_TYPE, "application/json")], Body::from(bytes)).into_response()
}

fn unwritable(error: &serde_json::Error) -> VerbError {
    Fault::Corrupt { what: "reply", value: error.to_string() }.into()
}

/// The workspace first, then the claim: both or neither. The daemon makes scratch directories; the client makes the
/// directories that a task names, under its own rights, before it asks.
fn claim(api: Arc<Api>, call: Call) -> Answer {
    Box::pin(async move {
        let mut verb: ClaimTask = call.input.from_body()?;
        let id = verb.id.clone();
        let look = move |snapshot: &crate::kernel::queries::Snapshot<'_>| {
            snapshot.task(&id, None, ClaimTask::NAME)
        };
        let task = api.readers.read(call.caller.clone(), look).await?;
        verb.workspace = match (task.workspace_kind, task.workspace_path) {
            (WorkspaceKind::Scratch, _) => make_scratch(&api, &task.id)?,
            (WorkspaceKind::Dir | WorkspaceKind::Worktree, Some(path)) => path,
            (WorkspaceKind::Dir | WorkspaceKind::Worktree, None) => {
                return Err(Refusal::InvalidValue {
                    field: "workspace_path",
                    problem: "the task names no directory",
                    value: task.id.to_string(),
                }
                .into());
            }
        };
        let submit = Submit { caller: call.caller, request_id: call.request_id, verb };
        json(&api.database.submit(submit).await?)
    })
}

fn make_scratch(api: &Api, id: &TaskId) -> Result<String, ApiError> {
    let path = api.context.scratch_dir(id);
    std::fs::create_dir_all(&path).map_err(|error| Fault::Database {
        doing: format!("make the workspace {}", path.display()),
        detail: error.to_string(),
        retryable: false,
    })?;
    Ok(path.to_string_lossy().into_owned())
}

fn get_stats(api: Arc<Api>, call: Call) -> Answer {
    Box::pin(async move {
        let query: GetStats = call.input.from_query()?;
        let counts = api.database.counts();
        let read =
            move |snapshot: &crate::kernel::queries::Snapshot<'_>| stats(&query, snapshot, &counts);
        json(&api.readers.read(call.caller, read).await?)
    })
}

/// A person's dispatch.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DispatchRequest {
    /// Only say what would be done.
    pub dry_run: bool,
    /// Starts at most; 0 makes every pass but starts nothing.
    pub max: Option<u32>,
    /// Failures after which a task started by this dispatch is given up.
    pub failure_limit: Option<u32>,
    /// Board that the caller asks for; dispatch works on all boards together.
    pub board: Option<String>,
}

fn dispatch(api: Arc<Api>, call: Call) -> Answer {
    Box::pin(async move {
        let request: DispatchRequest = call.input.from_body()?;
        call.caller.check(Right::Operate, "dispatch", &BoardName::default(), None)?;
        if request.failure_limit == Some(0) {
            return Err(Refusal::InvalidValue {
                field: "failure_limit",
                problem: "must be larger than zero",
                value: "0".to_owned(),
            }
            .into());
        }
        let policy = api.context.policy();
        let message = DispatchNow {
            caller: call.caller,
            max: request.max,
            failure_limit: request.failure_limit,
            policy_for_preview: request.dry_run.then_some(policy),
        };
        let answer = api.dispatch_now.ask(message).await;
        let report = answer.unwrap_or(Err(Fault::NoAnswer { part: "the dispatcher" }.into()))?;
        json(&report)
    })
}

/// Takes no fields.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GetDaemon {}

/// The daemon itself.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct DaemonInfo {
    /// Version of the program.
    pub version: String,
    /// Its process id.
    pub pid: u32,
    /// Its home.
    pub home: String,
    /// When it started, epoch seconds.
    pub started_at: i64,
    /// The life of the database; event cursors begin with it.
    pub incarnation: String,
    /// Runs whose processes may be there.
    pub live_runs: usize,
    /// Requests that the database thread ran.
    pub database_requests: u64,
    /// Commits that it made.
    pub database_commits: u64,
    /// Time that the commits took, microseconds.
    pub database_commit_us: u64,
    /// Reads on the reading connections.
    pub database_reads: u64,
}

/// Reads no rows, so that looking at the daemon does not change what is looked at.
fn get_daemon(api: Arc<Api>, call: Call) -> Answer {
    Box::pin(async move {
        let GetDaemon {} = call.input.from_query()?;
        let figures = api.database.figures();
        json(&DaemonInfo {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            home: api.home.to_string_lossy().into_owned(),
            started_at: api.started_at,
            incarnation: api.context.incarnation.clone(),
            live_runs: api.live_runs.count(),
            database_requests: figures.requests.load(Ordering::Relaxed),
            database_commits: figures.commits.load(Ordering::Relaxed),
            database_commit_us: figures.commit_us.load(Ordering::Relaxed),
            database_reads: api.readers.reads(),
        })
    })
}

fn get_openapi(_api: Arc<Api>, call: Call) -> Answer {
    Box::pin(async move {
        let GetDaemon {} = call.input.from_query()?;
        json(&openapi::document())
    })
}

/// The newest event's id, for cursors that begin now.
///
/// # Errors
/// A fault of the database.
pub async fn newest_event_id(api: &Api, caller: &Caller) -> Result<i64, ApiError> {
    let read = |snapshot: &crate::kernel::queries::Snapshot<'_>| {
        Ok(store::events::newest_id(snapshot.connection)?)
    };
    Ok(api.readers.read(caller.clone(), read).await?)
}
