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
        "Create tasks in their order, up to the first that is refused.",
    ),
    list::<ListTasks>("/v1/tasks", "List tasks."),
    list::<SearchTasks>("/v1/search", "Search the texts of tasks, best hits first."),
    query::<ShowTask, TaskDetails>("/v1/tasks/{id}", "Show everything about a task."),
    Operation {
        method: Method::Patch,
        ..verb::<EditTask, EditReply>(
            "/v1/tasks/{id}",
            "Change title, body, priority, tenant or labels of a task.",
        )
    },
    verb::<LinkTasks, LinkReply>("/v1/links", "Make a task wait for another."),
    verb::<UnlinkTasks, UnlinkReply>("/v1/links/remove", "Make a task wait no longer for another."),
    by_hand::<ClaimTask, ClaimReply>(
        ClaimTask::NAME,
        Method::Post,
        "/v1/tasks/{id}/claim",
        "Claim a ready task for work outside kanband.",
        claim::claim,
    ),
    verb::<HeartbeatTask, HeartbeatReply>(
        "/v1/tasks/{id}/heartbeat",
        "Say that the work on a task goes on.",
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
        "List the files that are attached to a task.",
    ),
    by_hand::<GetAttachment, String>(
        "attachment",
        Method::Get,
        "/v1/tasks/{id}/attachment",
        "The bytes of an attached file.",
        attachments::get_attachment,
    ),
    by_hand::<DetachFile, DetachReply>(
        DetachFile::NAME,
        Method::Post,
        "/v1/tasks/{id}/detach",
        "Remove an attached file.",
        attachments::detach,
    ),
    verb::<CompleteTask, VerdictReply>("/v1/tasks/{id}/complete", "Complete a task."),
    verb::<BlockTask, VerdictReply>("/v1/tasks/{id}/block", "Block a task: it needs a person."),
    verb::<RateLimitTask, RateLimitReply>(
        "/v1/tasks/{id}/rate_limited",
        "Say that a provider takes no work for now; the task is tried again later.",
    ),
    verb::<UnblockTask, UnblockReply>("/v1/tasks/{id}/unblock", "Let a blocked task go on."),
    verb::<AssignTask, AssignReply>("/v1/tasks/{id}/assign", "Give a task to a profile."),
    verb::<ArchiveTask, ArchiveReply>("/v1/tasks/{id}/archive", "Put a task away."),
    verb::<PromoteTask, PromoteReply>("/v1/tasks/{id}/promote", "Make a task ready."),
    verb::<ReclaimTask, ReclaimReply>("/v1/tasks/{id}/reclaim", "Take a running task back."),
    verb::<ReassignTask, ReclaimReply>(
        "/v1/tasks/{id}/reassign",
        "Give a task to a profile, taking it back first when it runs.",
    ),
    verb::<StopTask, ReclaimReply>(
        "/v1/tasks/{id}/stop",
        "Stop the work on a task; it is ready again, held or archived.",
    ),
    by_hand::<GetContext, ContextReply>(
        GetContext::NAME,
        Method::Get,
        "/v1/tasks/{id}/context",
        "Show what a worker reads before it begins.",
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
        "Tell the one reason why a task is not running.",
        operator::get_why,
    ),
    verb::<Subscribe, SubscribeReply>(
        "/v1/tasks/{id}/notify_subscribe",
        "Have a chat told about a task.",
    ),
    verb::<Unsubscribe, UnsubscribeReply>(
        "/v1/tasks/{id}/notify_unsubscribe",
        "Have a chat told no longer about a task.",
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
        "List everybody who has a profile or a task.",
        operator::list_assignees,
    ),
    by_hand::<GetDaemon, WhoAmI>(
        "whoami",
        Method::Get,
        "/v1/whoami",
        "Tell who the daemon takes the caller for.",
        whoami::get_whoami,
    ),
    by_hand::<ListProfiles, Vec<ProfileInfo>>(
        "profiles",
        Method::Get,
        "/v1/profiles",
        "List the profiles of the configuration.",
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
        "Pause, drain or resume starting.",
    ),
    query::<GetDispatch, DispatchState>(
        "/v1/dispatch/switch",
        "Show whether the board starts anything, and how many supervised runs are open.",
    ),
    query::<ListBreakers, Vec<BreakerInfo>>("/v1/breakers", "List what holds starts back."),
    verb::<ResetBreaker, BreakerInfo>("/v1/breakers/reset", "Let starts go on."),
    query::<ListBoards, Vec<BoardRow>>("/v1/boards", "List boards."),
    verb::<CreateBoard, CreateBoardReply>("/v1/boards", "Make a board."),
    by_hand::<GcRequest, GcReport>(
        "gc",
        Method::Post,
        "/v1/gc",
        "Remove old archived tasks whole, and old logs.",
        operator::gc,
    ),
    by_hand::<GetDaemon, ImportPlan>(
        "plan_import",
        Method::Get,
        "/v1/import",
        "Say whether an import can keep integer ids.",
        transfer::plan_import,
    ),
    by_hand::<ImportTasks, ImportReply>(
        ImportTasks::NAME,
        Method::Post,
        "/v1/import",
        "Import tasks, each whole.",
        transfer::import_tasks,
    ),
    Operation {
        carries: Carries::File,
        ..by_hand::<GetDaemon, ImportReply>(
            "import_large",
            Method::Post,
            "/v1/import/large",
            "Import a task whose history takes more than other requests: the body is that of `POST /v1/import`.",
            transfer::import_large,
        )
    },
    verb::<ImportLinks, ImportLinksReply>("/v1/import/links", "Import links between tasks."),
    by_hand::<ExportBoard, TaskRecord>(
        "export",
        Method::Get,
        "/v1/export",
        "Export a board: a header line, then a line per task.",
        transfer::export_board,
    ),
    by_hand::<GetDaemon, String>(
        "backup",
        Method::Get,
        "/v1/backup",
        "The bytes of a board file, as of one instant.",
        transfer::backup,
    ),
    Operation {
        carries: Carries::File,
        ..by_hand::<GetDaemon, RestoreReply>(
            "restore",
            Method::Post,
            "/v1/restore",
            "Put a backup (the body) in the place of the board.",
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
        "Show the daemon itself.",
        daemon::get_daemon,
    ),
    by_hand::<GetDaemon, String>(
        "metrics",
        Method::Get,
        "/v1/metrics",
        "Figures in the text format of Prometheus (text/plain).",
        metrics::get_metrics,
    ),
    by_hand::<GetDaemon, ReloadReply>(
        "reload",
        Method::Post,
        "/v1/reload",
        "Read the configuration again: take all of it, or refuse it and keep the old one.",
        configuration::reload,
    ),
    by_hand::<SetLogLevel, LogLevelReply>(
        "log_level",
        Method::Post,
        "/v1/log-level",
        "Change the least weight of the daemon's log lines, until the next reload or start.",
        configuration::set_log_level,
    ),
    by_hand::<GetDaemon, Status>(
        "status",
        Method::Get,
        "/v1/status",
        "Show how everything stands: daemon, boards, open runs, what needs a person.",
        status::get_status,
    ),
    by_hand::<GetDaemon, Doctor>(
        "doctor",
        Method::Get,
        "/v1/doctor",
        "Look for what is wrong, with the command that mends it.",
        doctor::get_doctor,
    ),
    by_hand::<GetDaemon, serde_json::Value>(
        "openapi",
        Method::Get,
        "/v1/openapi.json",
        "This description of the API.",
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
