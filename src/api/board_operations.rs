//! Rows of the table of operations: new tasks, the boards themselves, and what of them is paused.

use crate::api::call;
use crate::api::operation::{Method, Operation, by_hand, verb};
use crate::kernel::verb::Verb as _;
use crate::kernel::verbs::{
    CreateReply, CreateTask, CreateTasks, CreateTasksReply, RemoveBoard, RemoveBoardReply,
    RenameBoard, RenameBoardReply, SetPause, SetPauseReply,
};
use crate::service::create;

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
