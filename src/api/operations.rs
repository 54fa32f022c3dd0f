//! The table of operations. Adding a row here adds the route and its documentation.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::actors::database::Submit;
use crate::actors::dispatcher::messages::DispatchNow;
use crate::api::Api;
use crate::api::attachments::{self, AttachUpload, GetAttachment};
use crate::api::claim;
use crate::api::configuration::{self, LogLevelReply, ReloadReply, SetLogLevel};
use crate::api::context;
use crate::api::daemon::{self, DaemonInfo};
use crate::api::doctor::{self, Doctor};
use crate::api::error::ApiError;
use crate::api::events::{self, FollowEvents};
use crate::api::gate::Seat;
use crate::api::input::Input;
use crate::api::listing;
use crate::api::log::{self, GetLog};
use crate::api::metrics;
use crate::api::openapi;
use crate::api::operator::{self, Assignee, GcReport, GcRequest, ListAssignees};
use crate::api::profiles::{self, ListProfiles, ProfileInfo};
use crate::api::status::{self, Status};
use crate::api::transfer::{self, ExportBoard, RestoreReply};
use crate::api::whoami::{self, WhoAmI};
use crate::kernel::caller::{Caller, Right};
use crate::kernel::error::{Fault, Refusal, VerbError};
use crate::kernel::event::Event;
use crate::kernel::ids::BoardName;
use crate::kernel::queries::{
    ContextReply, DispatchState, GetContext, GetDispatch, GetStats, ListAttachments, ListBoards,
    ListRuns, ListSubscriptions, ListTasks, Paged, Query, SearchTasks, ShowTask, Stats,
    TaskDetails, WhyReply, WhyTask, stats,
};
use crate::kernel::store;
use crate::kernel::store::attachments::Attachment;
use crate::kernel::store::boards::BoardRow;
use crate::kernel::store::subscriptions::Subscription;
use crate::kernel::transfer::export::ImportPlan;
use crate::kernel::transfer::import::{ImportLinks, ImportLinksReply, ImportReply, ImportTasks};
use crate::kernel::transfer::record::TaskRecord;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::{
    ArchiveReply, ArchiveTask, AssignReply, AssignTask, AttachFile, AttachReply, BlockTask,
    BreakerInfo, ClaimReply, ClaimTask, CommentReply, CommentTask, CompleteTask, CreateBoard,
    CreateBoardReply, CreateReply, CreateTask, CreateTasks, CreateTasksReply, DetachFile,
    DetachReply, DispatchReport, EditReply, EditTask, HeartbeatReply, HeartbeatTask, LinkReply,
    LinkTasks, ListBreakers, PromoteReply, PromoteTask, RateLimitReply, RateLimitTask,
    ReassignTask, ReclaimReply, ReclaimTask, ResetBreaker, SetDispatch, SetDispatchReply, StopTask,
    Subscribe, SubscribeReply, UnblockReply, UnblockTask, UnlinkReply, UnlinkTasks, Unsubscribe,
    UnsubscribeReply, VerdictReply,
};
use crate::text;

/// HTTP methods in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Writes.
    Post,
    /// Changes some fields.
    Patch,
}

/// What a request brings along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carries {
    /// Fields in the query, or a JSON object, of bounded size.
    Fields,
    /// A file, which the operation reads itself.
    File,
}

impl Method {
    /// As OpenAPI writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Patch => "patch",
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
    /// The body, of an operation that reads a file.
    pub stream: Body,
    /// Its connection's seat, for what the operation needs of the caller's share.
    pub seat: Arc<Seat>,
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
    /// What its requests bring along.
    pub carries: Carries,
    /// What it does.
    pub run: fn(Arc<Api>, Call) -> Answer,
}

fn schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// Every operation of the API.
pub const OPERATIONS: &[Operation] = &[
    verb::<CreateTask, CreateReply>("/v1/tasks", "Create a task."),
    verb::<CreateTasks, CreateTasksReply>(
        "/v1/tasks/batch",
        "Create tasks in order; stop at the first refusal.",
    ),
    list::<ListTasks>("/v1/tasks", "List tasks."),
    list::<SearchTasks>("/v1/search", "Search the text of tasks, best matches first."),
    query::<ShowTask, TaskDetails>(
        "/v1/tasks/{id}",
        "Show a task with its comments, events and runs.",
    ),
    Operation {
        method: Method::Patch,
        ..verb::<EditTask, EditReply>(
            "/v1/tasks/{id}",
            "Edit the title, body, priority, tenant or labels of a task.",
        )
    },
    verb::<LinkTasks, LinkReply>("/v1/links", "Add a dependency between two tasks."),
    verb::<UnlinkTasks, UnlinkReply>("/v1/links/remove", "Remove a dependency between two tasks."),
    by_hand::<ClaimTask, ClaimReply>(
        ClaimTask::NAME,
        Method::Post,
        "/v1/tasks/{id}/claim",
        "Claim a ready task for work outside kanband.",
        claim::claim,
    ),
    verb::<HeartbeatTask, HeartbeatReply>(
        "/v1/tasks/{id}/heartbeat",
        "Report progress and renew a claim.",
    ),
    verb::<CommentTask, CommentReply>("/v1/tasks/{id}/comment", "Comment on a task."),
    Operation {
        carries: Carries::File,
        ..by_hand::<AttachUpload, AttachReply>(
            AttachFile::NAME,
            Method::Post,
            "/v1/tasks/{id}/attach",
            "Attach a file (the body, at most 25 MiB) to a task.",
            attachments::attach,
        )
    },
    query::<ListAttachments, Vec<Attachment>>(
        "/v1/tasks/{id}/attachments",
        "List the attachments of a task.",
    ),
    by_hand::<GetAttachment, String>(
        "attachment",
        Method::Get,
        "/v1/tasks/{id}/attachment",
        "Read an attachment (its bytes).",
        attachments::get_attachment,
    ),
    by_hand::<DetachFile, DetachReply>(
        DetachFile::NAME,
        Method::Post,
        "/v1/tasks/{id}/detach",
        "Remove an attachment.",
        attachments::detach,
    ),
    verb::<CompleteTask, VerdictReply>("/v1/tasks/{id}/complete", "Complete a task."),
    verb::<BlockTask, VerdictReply>(
        "/v1/tasks/{id}/block",
        "Block a task until a person unblocks it.",
    ),
    verb::<RateLimitTask, RateLimitReply>(
        "/v1/tasks/{id}/rate_limited",
        "Report that a provider's rate limit was reached; the task is retried later.",
    ),
    verb::<UnblockTask, UnblockReply>("/v1/tasks/{id}/unblock", "Unblock a task."),
    verb::<AssignTask, AssignReply>(
        "/v1/tasks/{id}/assign",
        "Assign a task to a profile, or clear its assignee.",
    ),
    verb::<ArchiveTask, ArchiveReply>("/v1/tasks/{id}/archive", "Archive a task."),
    verb::<PromoteTask, PromoteReply>("/v1/tasks/{id}/promote", "Make a task ready."),
    verb::<ReclaimTask, ReclaimReply>(
        "/v1/tasks/{id}/reclaim",
        "Stop a running task and make it ready again.",
    ),
    verb::<ReassignTask, ReclaimReply>(
        "/v1/tasks/{id}/reassign",
        "Assign a task to another profile, stopping its run first.",
    ),
    verb::<StopTask, ReclaimReply>(
        "/v1/tasks/{id}/stop",
        "Stop the run of a task; the task becomes ready, blocked or archived.",
    ),
    by_hand::<GetContext, ContextReply>(
        GetContext::NAME,
        Method::Get,
        "/v1/tasks/{id}/context",
        "Show the context of a task, the text its worker reads first.",
        context::get_context,
    ),
    list::<ListRuns>("/v1/tasks/{id}/runs", "List the runs of a task, oldest first."),
    by_hand::<GetLog, String>(
        "log",
        Method::Get,
        "/v1/tasks/{id}/log",
        "Read the log of a run (text/plain).",
        log::get_log,
    ),
    by_hand::<WhyTask, WhyReply>(
        "why",
        Method::Get,
        "/v1/tasks/{id}/why",
        "Explain why a task is not running.",
        operator::get_why,
    ),
    verb::<Subscribe, SubscribeReply>(
        "/v1/tasks/{id}/notify_subscribe",
        "Subscribe a chat to a task.",
    ),
    verb::<Unsubscribe, UnsubscribeReply>(
        "/v1/tasks/{id}/notify_unsubscribe",
        "Remove a chat's subscription to a task.",
    ),
    query::<ListSubscriptions, Vec<Subscription>>(
        "/v1/subscriptions",
        "List notification subscriptions.",
    ),
    by_hand::<GetStats, Stats>(
        "stats",
        Method::Get,
        "/v1/stats",
        "Count the tasks of a board.",
        get_stats,
    ),
    by_hand::<ListAssignees, Vec<Assignee>>(
        "assignees",
        Method::Get,
        "/v1/assignees",
        "List assignees: every profile and every name that has a task.",
        operator::list_assignees,
    ),
    by_hand::<GetDaemon, WhoAmI>(
        "whoami",
        Method::Get,
        "/v1/whoami",
        "Show how the daemon identifies the caller.",
        whoami::get_whoami,
    ),
    by_hand::<ListProfiles, Vec<ProfileInfo>>(
        "profiles",
        Method::Get,
        "/v1/profiles",
        "List the configured profiles.",
        profiles::list_profiles,
    ),
    by_hand::<DispatchRequest, DispatchReport>(
        "dispatch",
        Method::Post,
        "/v1/dispatch",
        "Start ready tasks now.",
        dispatch,
    ),
    verb::<SetDispatch, SetDispatchReply>(
        "/v1/dispatch/switch",
        "Pause, drain or resume dispatch.",
    ),
    query::<GetDispatch, DispatchState>(
        "/v1/dispatch/switch",
        "Show whether dispatch is on, and the number of open supervised runs.",
    ),
    query::<ListBreakers, Vec<BreakerInfo>>("/v1/breakers", "List circuit breakers."),
    verb::<ResetBreaker, BreakerInfo>("/v1/breakers/reset", "Reset a circuit breaker."),
    query::<ListBoards, Vec<BoardRow>>("/v1/boards", "List boards."),
    verb::<CreateBoard, CreateBoardReply>("/v1/boards", "Create a board."),
    by_hand::<GcRequest, GcReport>(
        "gc",
        Method::Post,
        "/v1/gc",
        "Remove old archived tasks, old logs and unused workspaces.",
        operator::gc,
    ),
    by_hand::<GetDaemon, ImportPlan>(
        "plan_import",
        Method::Get,
        "/v1/import",
        "Report whether an import can keep integer ids.",
        transfer::plan_import,
    ),
    by_hand::<ImportTasks, ImportReply>(
        ImportTasks::NAME,
        Method::Post,
        "/v1/import",
        "Import tasks with their history.",
        transfer::import_tasks,
    ),
    Operation {
        carries: Carries::File,
        ..by_hand::<GetDaemon, ImportReply>(
            "import_large",
            Method::Post,
            "/v1/import/large",
            "Import a task with a history larger than the request limit; the body is that of `POST /v1/import`.",
            transfer::import_large,
        )
    },
    verb::<ImportLinks, ImportLinksReply>("/v1/import/links", "Import dependencies between tasks."),
    by_hand::<ExportBoard, TaskRecord>(
        "export",
        Method::Get,
        "/v1/export",
        "Export a board: a header line, then one line per task.",
        transfer::export_board,
    ),
    by_hand::<GetDaemon, String>(
        "backup",
        Method::Get,
        "/v1/backup",
        "Read a consistent copy of the database (its bytes).",
        transfer::backup,
    ),
    Operation {
        carries: Carries::File,
        ..by_hand::<GetDaemon, RestoreReply>(
            "restore",
            Method::Post,
            "/v1/restore",
            "Replace the database with a backup (the body).",
            transfer::restore_board,
        )
    },
    by_hand::<FollowEvents, Event>(
        "events",
        Method::Get,
        "/v1/events",
        "Read events after a cursor, one JSON object per line, and follow new ones.",
        events::follow,
    ),
    by_hand::<GetDaemon, DaemonInfo>(
        "daemon",
        Method::Get,
        "/v1/daemon",
        "Show the daemon's version, process and paths.",
        daemon::get_daemon,
    ),
    by_hand::<GetDaemon, String>(
        "metrics",
        Method::Get,
        "/v1/metrics",
        "Read metrics in the Prometheus text format (text/plain).",
        metrics::get_metrics,
    ),
    by_hand::<GetDaemon, ReloadReply>(
        "reload",
        Method::Post,
        "/v1/reload",
        "Reload the configuration: apply all of it, or refuse it and keep the old one.",
        configuration::reload,
    ),
    by_hand::<SetLogLevel, LogLevelReply>(
        "log_level",
        Method::Post,
        "/v1/log-level",
        "Set the minimum log level, until the next reload or restart.",
        configuration::set_log_level,
    ),
    by_hand::<GetDaemon, Status>(
        "status",
        Method::Get,
        "/v1/status",
        "Show the state of the daemon, the boards, the open runs and what needs attention.",
        status::get_status,
    ),
    by_hand::<GetDaemon, Doctor>(
        "doctor",
        Method::Get,
        "/v1/doctor",
        "Check the installation and suggest fixes.",
        doctor::get_doctor,
    ),
    by_hand::<GetDaemon, serde_json::Value>(
        "openapi",
        Method::Get,
        "/v1/openapi.json",
        "Read this description of the API.",
        get_openapi,
    ),
];

/// A row whose operation is written by hand.
const fn by_hand<Q: JsonSchema, R: JsonSchema>(
    name: &'static str,
    method: Method,
    path: &'static str,
    summary: &'static str,
    run: fn(Arc<Api>, Call) -> Answer,
) -> Operation {
    Operation {
        name,
        method,
        path,
        summary,
        request: schema::<Q>,
        reply: schema::<R>,
        carries: Carries::Fields,
        run,
    }
}

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
        carries: Carries::Fields,
        run: run_verb::<V>,
    }
}

/// A row for a list.
const fn list<P>(path: &'static str, summary: &'static str) -> Operation
where
    P: Paged + DeserializeOwned + JsonSchema,
    P::Item: JsonSchema,
{
    Operation {
        name: <P as Paged>::NAME,
        method: Method::Get,
        path,
        summary,
        request: schema::<P>,
        reply: schema::<Vec<P::Item>>,
        carries: Carries::Fields,
        run: listing::run::<P>,
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
        carries: Carries::Fields,
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
        let read = move |snapshot: &crate::kernel::queries::Snapshot<'_>| query.read(snapshot);
        let write = |reply| text::json::to_vec(&reply).map_err(|error| unwritable(&error));
        Ok(json_bytes(api.readers.read_then(call.caller, read, write).await?))
    })
}

/// A JSON reply.
///
/// # Errors
/// When the value cannot be written as JSON.
pub fn json(value: &impl Serialize) -> Result<Response, ApiError> {
    let bytes = text::json::to_vec(value).map_err(|error| ApiError::from(unwritable(&error)))?;
    Ok(json_bytes(bytes))
}

pub(super) fn json_bytes(bytes: Vec<u8>) -> Response {
    ([(CONTENT_TYPE, "application/json")], Body::from(bytes)).into_response()
}

pub(super) fn unwritable(error: &serde_json::Error) -> VerbError {
    Fault::Corrupt { what: "reply", value: error.to_string() }.into()
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
            request_id: call.request_id,
            max: request.max,
            failure_limit: request.failure_limit,
            policy_for_preview: request.dry_run.then_some(policy),
        };
        let answer = api.dispatch_now.ask(message).await;
        let report =
            answer.unwrap_or_else(|| Err(Fault::NoAnswer { part: "the dispatcher" }.into()))?;
        json(&report)
    })
}

/// Takes no fields.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GetDaemon {}

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
