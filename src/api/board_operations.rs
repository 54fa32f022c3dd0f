//! Rows of the table of operations: tasks and schedules with directories, the boards themselves, and what of them is paused.

use crate::api::call;
use crate::api::operation::{Method, Operation, by_hand, verb};
use crate::kernel::verb::Verb as _;
use crate::kernel::verbs::{
    AddSchedule, ApplySchedules, ApplySchedulesReply, BulkReply, BulkTasks, CreateReply,
    CreateTask, CreateTasks, CreateTasksReply, EditReply, EditSchedule, EditTask, RemoveBoard,
    RemoveBoardReply, RenameBoard, RenameBoardReply, ScheduleChange, SetPause, SetPauseReply,
};
use crate::service::{create, directories};

/// `kanban create`.
pub const CREATE: Operation = by_hand::<CreateTask, CreateReply>(
    CreateTask::NAME,
    Method::Post,
    "/v1/tasks",
    "Create a task.",
    |api, call| call::body(api, call, create::create),
);

/// `kanban create --from-jsonl`.
pub const CREATE_BATCH: Operation = by_hand::<CreateTasks, CreateTasksReply>(
    CreateTasks::NAME,
    Method::Post,
    "/v1/tasks/batch",
    "Create tasks in order; stop at the first refusal.",
    |api, call| call::body(api, call, create::create_batch),
);

/// `kanban edit`.
pub const EDIT: Operation = by_hand::<EditTask, EditReply>(
    EditTask::NAME,
    Method::Patch,
    "/v1/tasks/{id}",
    "Edit the title, body, priority, tenant or labels of a task.",
    |api, call| call::body(api, call, directories::edit),
);

/// The same, and others, for many tasks.
pub const BULK: Operation = by_hand::<BulkTasks, BulkReply>(
    BulkTasks::NAME,
    Method::Post,
    "/v1/tasks/bulk",
    "Apply one operation to many tasks, by ids or by a filter; each is answered on its own.",
    |api, call| call::body(api, call, directories::bulk),
);

/// `kanban schedules add`.
pub const ADD_SCHEDULE: Operation = by_hand::<AddSchedule, ScheduleChange>(
    AddSchedule::NAME,
    Method::Post,
    "/v1/schedules",
    "Add a schedule.",
    |api, call| call::body(api, call, directories::add_schedule),
);

/// `kanban schedules apply`.
pub const APPLY_SCHEDULES: Operation = by_hand::<ApplySchedules, ApplySchedulesReply>(
    ApplySchedules::NAME,
    Method::Post,
    "/v1/schedules/apply",
    "Add and change schedules so that they are as given, all or none.",
    |api, call| call::body(api, call, directories::apply_schedules),
);

/// `kanban schedules edit`.
pub const EDIT_SCHEDULE: Operation = by_hand::<EditSchedule, ScheduleChange>(
    EditSchedule::NAME,
    Method::Patch,
    "/v1/schedules/{name}",
    "Change a schedule.",
    |api, call| call::body(api, call, directories::edit_schedule),
);

/// `kanban boards rename`.
pub const RENAME: Operation = verb::<RenameBoard, RenameBoardReply>(
    "/v1/boards/{name}/rename",
    "Give a board another name; everything on it stays on it.",
);

/// `kanban boards rm`.
pub const REMOVE: Operation =
    verb::<RemoveBoard, RemoveBoardReply>("/v1/boards/{name}/remove", "Remove an empty board.");

/// `kanban pause --profile`, `kanban pause --board` and their ends.
pub const SET_PAUSE: Operation = verb::<SetPause, SetPauseReply>(
    "/v1/dispatch/pauses",
    "Pause or resume one profile or one board.",
);
