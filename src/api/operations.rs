//! The table of operations. Adding a row here adds the route and its documentation.

use std::sync::Arc;

use crate::api::Api;
use crate::api::board_operations;
use crate::api::call::{self, Answer, Call};
use crate::api::chat_operations;
use crate::api::figures;
use crate::api::files;
use crate::api::moves::{Moves, moves};
use crate::api::notify_operations;
use crate::api::openapi::document;
use crate::api::operation::{Carries, Method, Operation, by_hand, list, query, verb};
use crate::api::resolve_operations;
use crate::api::view_operations;
use crate::api::web::first_use::{ADD_PROFILE, FIRST_USE};
use crate::api::web::operations::{WEB_LINK, WEB_REVOKE, WEB_SESSIONS};
use crate::kernel::event::Event;
use crate::kernel::queries::{
    CardPage, ContextReply, DispatchState, GetBoard, GetContext, GetDispatch, GetGraph, GetHistory,
    GetStats, Graph, History, ListAttachments, ListBoards, ListCards, ListRuns, ListSchedules,
    ListTasks, NextOccurrence, NextOccurrences, Query, ScheduleDetails, SearchTasks, ShowQuestion,
    ShowSchedule, ShowTask, Stats, TaskDetails, WhyReply, WhyTask,
};
use crate::kernel::question::Question;
use crate::kernel::schedule::Schedule;
use crate::kernel::store::attachments::Attachment;
use crate::kernel::store::boards::BoardRow;
use crate::kernel::transfer::export::ImportPlan;
use crate::kernel::transfer::import::{ImportLinks, ImportLinksReply, ImportReply, ImportTasks};
use crate::kernel::transfer::record::TaskRecord;
use crate::kernel::verb::Verb as _;
use crate::kernel::verbs::{
    AnswerReply, AnswerTask, ApproveTask, ArchiveReply, ArchiveTask, AskReply, AskTask,
    AssignReply, AssignTask, AttachFile, AttachReply, BlockTask, BreakerInfo, CancelTask,
    ClaimReply, ClaimTask, CommentReply, CommentTask, CompleteTask, CreateBoard, CreateBoardReply,
    CreateReply, DetachFile, DetachReply, DispatchReport, HeartbeatReply, HeartbeatTask, LinkReply,
    LinkTasks, ListBreakers, PauseSchedule, PromoteReply, PromoteTask, RateLimitReply,
    RateLimitTask, ReassignTask, ReclaimReply, ReclaimTask, RemoveSchedule, RemoveScheduleReply,
    ReopenReply, ReopenTask, RequestChanges, RequestReview, RequestReviewReply, ResetBreaker,
    RestartTask, ResumeSchedule, RunSchedule, ScheduleChange, ScheduleReply, ScheduleTask,
    SetDispatch, SetDispatchReply, StopTask, TriageReply, TriageTask, UnarchiveReply,
    UnarchiveTask, UnblockReply, UnblockTask, UnlinkReply, UnlinkTasks, UnscheduleTask,
    VerdictReply,
};
use crate::service::ask;
use crate::service::assignees::{self, Assignee, ListAssignees};
use crate::service::attachments::{self, AttachUpload, GetAttachment};
use crate::service::attention::{self, Attention, ListAttention};
use crate::service::backup::GetBackup;
use crate::service::board::{self, BoardSnapshot};
use crate::service::daemon::{self, DaemonInfo};
use crate::service::diff::{GetDiff, TaskDiff};
use crate::service::dispatch::{self, DispatchRequest};
use crate::service::doctor::{self, Doctor};
use crate::service::events::FollowEvents;
use crate::service::export::ExportBoard;
use crate::service::gc::{self, GcReport, GcRequest};
use crate::service::log::GetLog;
use crate::service::log_level::{self, LogLevelReply, SetLogLevel};
use crate::service::profiles::{self, ListProfiles, ProfileInfo};
use crate::service::reload::{self, ReloadReply};
use crate::service::restore::RestoreReply;
use crate::service::status::{self, Status};
use crate::service::whoami::{self, WhoAmI};
use crate::service::{GetDaemon, claim, context, import, stats, why};

/// Every operation of the API.
pub const OPERATIONS: &[Operation] = &[
    board_operations::CREATE,
    board_operations::CREATE_BATCH,
    list::<ListTasks>("/v1/tasks", "List tasks."),
    list::<SearchTasks>("/v1/search", "Search the text of tasks, best matches first."),
    query::<ShowTask, TaskDetails>(
        "/v1/tasks/{id}",
        "Show a task with its comments, events and runs.",
    ),
    board_operations::EDIT,
    board_operations::BULK,
    verb::<LinkTasks, LinkReply>("/v1/links", "Add a dependency between two tasks."),
    verb::<UnlinkTasks, UnlinkReply>("/v1/links/remove", "Remove a dependency between two tasks."),
    by_hand::<ClaimTask, ClaimReply>(
        ClaimTask::NAME,
        Method::Post,
        "/v1/tasks/{id}/claim",
        "Claim a ready task for work outside kanband.",
        |api, call| call::body(api, call, claim::claim),
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
            files::attach,
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
        files::attachment,
    ),
    by_hand::<DetachFile, DetachReply>(
        DetachFile::NAME,
        Method::Post,
        "/v1/tasks/{id}/detach",
        "Remove an attachment.",
        |api, call| call::body(api, call, attachments::detach),
    ),
    verb::<CompleteTask, VerdictReply>("/v1/tasks/{id}/complete", "Complete a task."),
    verb::<BlockTask, VerdictReply>(
        "/v1/tasks/{id}/block",
        "Block a task: it waits for a person, for parents, or for a time.",
    ),
    verb::<ApproveTask, VerdictReply>(
        "/v1/tasks/{id}/approve",
        "Approve a task in review: it is done.",
    ),
    verb::<RequestChanges, VerdictReply>(
        "/v1/tasks/{id}/request_changes",
        "Send a task in review back to its worker.",
    ),
    verb::<RequestReview, RequestReviewReply>(
        "/v1/tasks/{id}/request_review",
        "Send a done or blocked task to review.",
    ),
    verb::<RateLimitTask, RateLimitReply>(
        "/v1/tasks/{id}/rate_limited",
        "Report that a provider's rate limit was reached; the task is retried later.",
    ),
    by_hand::<AskTask, AskReply>(
        AskTask::NAME,
        Method::Post,
        "/v1/tasks/{id}/ask",
        "Ask a question without ending the run; the same text of the same run is one question.",
        |api, call| call::body(api, call, ask::ask),
    ),
    query::<ShowQuestion, Question>("/v1/tasks/{id}/question", "Show a question of a task."),
    verb::<AnswerTask, AnswerReply>(
        "/v1/tasks/{id}/answer",
        "Answer the open question of a task; a blocked task lands, a running one goes on.",
    ),
    verb::<UnblockTask, UnblockReply>("/v1/tasks/{id}/unblock", "Unblock a task."),
    verb::<AssignTask, AssignReply>(
        "/v1/tasks/{id}/assign",
        "Assign a task to a profile, or clear its assignee.",
    ),
    verb::<ArchiveTask, ArchiveReply>("/v1/tasks/{id}/archive", "Archive a task."),
    verb::<UnarchiveTask, UnarchiveReply>(
        "/v1/tasks/{id}/unarchive",
        "Bring an archived task back.",
    ),
    verb::<ReopenTask, ReopenReply>("/v1/tasks/{id}/reopen", "Reopen a task that is done."),
    verb::<TriageTask, TriageReply>("/v1/tasks/{id}/triage", "Put a task back into triage."),
    verb::<ScheduleTask, ScheduleReply>(
        "/v1/tasks/{id}/schedule",
        "Set the start time of a task, or park it.",
    ),
    verb::<UnscheduleTask, ScheduleReply>(
        "/v1/tasks/{id}/unschedule",
        "Remove the start time of a task, or let a parked one go on.",
    ),
    verb::<CancelTask, ReclaimReply>(
        "/v1/tasks/{id}/cancel",
        "Cancel a task: stop its run, archive it and hold its children.",
    ),
    verb::<RestartTask, ReclaimReply>(
        "/v1/tasks/{id}/restart",
        "Stop the run of a task and start the task again.",
    ),
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
        <GetContext as Query>::NAME,
        Method::Get,
        "/v1/tasks/{id}/context",
        "Show the context of a task, the text its worker reads first.",
        |api, call| call::query(api, call, context::context),
    ),
    list::<ListRuns>("/v1/tasks/{id}/runs", "List the runs of a task, oldest first."),
    by_hand::<GetLog, String>(
        "log",
        Method::Get,
        "/v1/tasks/{id}/log",
        "Read the log of a run (text/plain).",
        files::log,
    ),
    by_hand::<GetDiff, TaskDiff>(
        "diff",
        Method::Get,
        "/v1/tasks/{id}/diff",
        "Show what a worktree task changed: the files with their numbers, and one file's diff at a time.",
        files::diff,
    ),
    by_hand::<WhyTask, WhyReply>(
        "why",
        Method::Get,
        "/v1/tasks/{id}/why",
        "Explain why a task is not running.",
        |api, call| call::query(api, call, why::why),
    ),
    notify_operations::SUBSCRIBE,
    notify_operations::UNSUBSCRIBE,
    notify_operations::WATCH,
    notify_operations::SUBSCRIPTIONS,
    notify_operations::OUTBOX,
    notify_operations::RETRY,
    notify_operations::DROP,
    notify_operations::TEST,
    notify_operations::LEASE,
    notify_operations::SETTLE,
    notify_operations::CHANNELS,
    notify_operations::REPORT,
    chat_operations::INBOUND,
    chat_operations::CURSORS,
    chat_operations::ALLOW,
    chat_operations::DENY,
    chat_operations::PEOPLE,
    by_hand::<GetStats, Stats>(
        "stats",
        Method::Get,
        "/v1/stats",
        "Count the tasks of a board.",
        |api, call| call::query(api, call, stats::stats),
    ),
    by_hand::<ListAssignees, Vec<Assignee>>(
        "assignees",
        Method::Get,
        "/v1/assignees",
        "List assignees: every profile and every name that has a task.",
        |api, call| call::query(api, call, assignees::list),
    ),
    by_hand::<GetDaemon, WhoAmI>(
        "whoami",
        Method::Get,
        "/v1/whoami",
        "Show how the daemon identifies the caller.",
        |api, call| call::query(api, call, whoami::whoami),
    ),
    by_hand::<ListProfiles, Vec<ProfileInfo>>(
        "profiles",
        Method::Get,
        "/v1/profiles",
        "List the configured profiles.",
        |api, call| call::query(api, call, profiles::list),
    ),
    by_hand::<DispatchRequest, DispatchReport>(
        "dispatch",
        Method::Post,
        "/v1/dispatch",
        "Start ready tasks now.",
        |api, call| call::body(api, call, dispatch::dispatch),
    ),
    verb::<SetDispatch, SetDispatchReply>(
        "/v1/dispatch/switch",
        "Pause, drain or resume dispatch.",
    ),
    board_operations::SET_PAUSE,
    query::<GetDispatch, DispatchState>(
        "/v1/dispatch/switch",
        "Show whether dispatch is on, and the number of open supervised runs.",
    ),
    resolve_operations::RESOLVE,
    resolve_operations::CANDIDATES,
    query::<ListBreakers, Vec<BreakerInfo>>("/v1/breakers", "List circuit breakers."),
    verb::<ResetBreaker, BreakerInfo>("/v1/breakers/reset", "Reset a circuit breaker."),
    query::<ListSchedules, Vec<Schedule>>("/v1/schedules", "List the schedules of a board."),
    board_operations::ADD_SCHEDULE,
    board_operations::APPLY_SCHEDULES,
    query::<ShowSchedule, ScheduleDetails>(
        "/v1/schedules/{name}",
        "Show a schedule with its last and its next occurrences.",
    ),
    board_operations::EDIT_SCHEDULE,
    verb::<PauseSchedule, ScheduleChange>("/v1/schedules/{name}/pause", "Pause a schedule."),
    verb::<ResumeSchedule, ScheduleChange>(
        "/v1/schedules/{name}/resume",
        "Resume a schedule from its next occurrence on.",
    ),
    verb::<RunSchedule, CreateReply>(
        "/v1/schedules/{name}/run",
        "Create the task of a schedule now.",
    ),
    verb::<RemoveSchedule, RemoveScheduleReply>(
        "/v1/schedules/{name}/remove",
        "Remove a schedule; its tasks stay.",
    ),
    query::<NextOccurrences, Vec<NextOccurrence>>(
        "/v1/schedules/{name}/next",
        "List the next occurrences of a schedule.",
    ),
    query::<ListBoards, Vec<BoardRow>>("/v1/boards", "List boards."),
    verb::<CreateBoard, CreateBoardReply>("/v1/boards", "Create a board."),
    board_operations::RENAME,
    board_operations::REMOVE,
    by_hand::<GcRequest, GcReport>(
        "gc",
        Method::Post,
        "/v1/gc",
        "Remove old archived tasks, old logs and unused workspaces.",
        |api, call| call::body(api, call, gc::gc),
    ),
    by_hand::<GetDaemon, ImportPlan>(
        "plan_import",
        Method::Get,
        "/v1/import",
        "Report whether an import can keep integer ids.",
        |api, call| call::query(api, call, import::plan),
    ),
    by_hand::<ImportTasks, ImportReply>(
        ImportTasks::NAME,
        Method::Post,
        "/v1/import",
        "Import tasks with their history.",
        |api, call| call::body(api, call, import::import),
    ),
    Operation {
        carries: Carries::File,
        ..by_hand::<GetDaemon, ImportReply>(
            "import_large",
            Method::Post,
            "/v1/import/large",
            "Import a task with a history larger than the request limit; the body is that of `POST /v1/import`.",
            files::import_large,
        )
    },
    verb::<ImportLinks, ImportLinksReply>("/v1/import/links", "Import dependencies between tasks."),
    by_hand::<ExportBoard, TaskRecord>(
        "export",
        Method::Get,
        "/v1/export",
        "Export a board: a header line, then one line per task.",
        files::export,
    ),
    by_hand::<GetBackup, String>(
        "backup",
        Method::Get,
        "/v1/backup",
        "Read a consistent copy of the database (its bytes).",
        files::backup,
    ),
    Operation {
        carries: Carries::File,
        ..by_hand::<GetDaemon, RestoreReply>(
            "restore",
            Method::Post,
            "/v1/restore",
            "Replace the database with a backup (the body).",
            files::restore,
        )
    },
    by_hand::<FollowEvents, Event>(
        "events",
        Method::Get,
        "/v1/events",
        "Read events after a cursor, one JSON object per line, and follow new ones.",
        files::events,
    ),
    by_hand::<GetDaemon, DaemonInfo>(
        "daemon",
        Method::Get,
        "/v1/daemon",
        "Show the daemon's version, process and paths.",
        |api, call| call::query(api, call, daemon::show),
    ),
    by_hand::<GetDaemon, String>(
        "metrics",
        Method::Get,
        "/v1/metrics",
        "Read metrics in the Prometheus text format (text/plain).",
        figures::answer,
    ),
    by_hand::<GetDaemon, ReloadReply>(
        "reload",
        Method::Post,
        "/v1/reload",
        "Reload the configuration: apply all of it, or refuse it and keep the old one.",
        |api, call| call::body(api, call, reload::reload),
    ),
    by_hand::<SetLogLevel, LogLevelReply>(
        "log_level",
        Method::Post,
        "/v1/log-level",
        "Set the minimum log level, until the next reload or restart.",
        |api, call| call::body(api, call, log_level::set),
    ),
    by_hand::<GetDaemon, Status>(
        "status",
        Method::Get,
        "/v1/status",
        "Show the state of the daemon, the boards, the open runs and what needs attention.",
        |api, call| call::query(api, call, status::status),
    ),
    by_hand::<GetBoard, BoardSnapshot>(
        "board",
        Method::Get,
        "/v1/board",
        "Show the columns of a board, each with its first cards.",
        |api, call| call::query(api, call, board::board),
    ),
    by_hand::<ListCards, CardPage>(
        "cards",
        Method::Get,
        "/v1/cards",
        "Show further cards of a column.",
        |api, call| call::query(api, call, board::cards),
    ),
    by_hand::<GetDaemon, Moves>(
        "moves",
        Method::Get,
        "/v1/moves",
        "List what a person can do to a task from each status.",
        |api, call| call::query(api, call, async |_service, _by, GetDaemon {}| Ok(moves())),
    ),
    view_operations::TASK_VIEW,
    view_operations::TIMELINE,
    query::<GetGraph, Graph>("/v1/tasks/{id}/graph", "Show the dependencies around a task."),
    query::<GetHistory, History>("/v1/history", "Show what happened on a board, by the hour."),
    view_operations::RENDER,
    by_hand::<ListAttention, Vec<Attention>>(
        "attention",
        Method::Get,
        "/v1/attention",
        "List what waits for a person, worst first.",
        |api, call| call::query(api, call, attention::list),
    ),
    by_hand::<GetDaemon, Doctor>(
        "doctor",
        Method::Get,
        "/v1/doctor",
        "Check the installation and suggest fixes.",
        |api, call| call::query(api, call, doctor::doctor),
    ),
    FIRST_USE,
    ADD_PROFILE,
    WEB_LINK,
    WEB_SESSIONS,
    WEB_REVOKE,
    by_hand::<GetDaemon, serde_json::Value>(
        "openapi",
        Method::Get,
        "/v1/openapi.json",
        "Read this description of the API.",
        openapi,
    ),
];

fn openapi(api: Arc<Api>, call: Call) -> Answer {
    call::query(api, call, async |_service, _by, GetDaemon {}| Ok(document(OPERATIONS)))
}
