//! Rows of the table of operations: the page of a task on the web.

use crate::api::call;
use crate::api::operation::{Method, Operation, by_hand};
use crate::service::task_view::{
    self, GetTaskView, GetTimeline, RenderText, RenderedText, TaskView, Timeline,
};

/// The page of a task.
pub const TASK_VIEW: Operation = by_hand::<GetTaskView, TaskView>(
    "task_view",
    Method::Get,
    "/v1/tasks/{id}/view",
    "Show a task as its page has it: card, text as HTML, neighbours, newest history.",
    |api, call| call::query(api, call, task_view::task_view),
);

/// Its history.
pub const TIMELINE: Operation = by_hand::<GetTimeline, Timeline>(
    "timeline",
    Method::Get,
    "/v1/tasks/{id}/timeline",
    "Show runs, comments and events of a task as one history.",
    |api, call| call::query(api, call, task_view::timeline),
);

/// A text that is being written.
pub const RENDER: Operation = by_hand::<RenderText, RenderedText>(
    "render",
    Method::Post,
    "/v1/render",
    "Render Markdown as HTML.",
    |api, call| call::body(api, call, task_view::rendered),
);
