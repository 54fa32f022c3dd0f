//! Rows of the table of operations: the boards themselves, and what of them is paused.

use crate::api::operation::{Operation, verb};
use crate::kernel::verbs::{
    RemoveBoard, RemoveBoardReply, RenameBoard, RenameBoardReply, SetPause, SetPauseReply,
};

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
