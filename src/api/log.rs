//! Reading a run's log.

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse as _;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::Api;
use crate::api::error::ApiError;
use crate::api::operations::{Answer, Call};
use crate::kernel::error::{ErrorCode, Fault};
use crate::kernel::ids::{RunId, TaskId};
use crate::kernel::store;
use crate::os::run_log::{RunLogText, read_log};

/// Header with the id of the run whose log is returned.
pub const LOG_RUN_HEADER: &str = "kanban-run-id";

/// Header with the number of bytes that the log did not keep or the window left out.
pub const LOG_OMITTED_HEADER: &str = "kanban-log-omitted-bytes";

/// Reads the log of a run.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetLog {
    /// The task.
    pub id: String,
    /// The run; the newest that has a log when none is named.
    #[serde(default)]
    pub run: Option<RunId>,
    /// Only so many bytes from the end.
    #[serde(default)]
    pub tail: Option<u64>,
    /// Board of the task, when the caller wants it checked.
    #[serde(default)]
    pub board: Option<String>,
}

/// Answers `GET /v1/tasks/{id}/log`.
pub fn get_log(api: Arc<Api>, call: Call) -> Answer {
    Box::pin(async move {
        let request: GetLog = call.input.from_query()?;
        let context = Arc::clone(&api.context);
        let read = move |snapshot: &crate::kernel::queries::Snapshot<'_>| {
            let task = snapshot.task(&request.id, request.board.as_deref(), "log")?;
            let mut runs = store::runs::list_of_task(snapshot.connection, &task.id)?;
            runs.retain(|run| request.run.is_none_or(|wanted| wanted == run.id));
            // The files are read here, on a reader's thread, where waiting for a disk holds up nobody.
            let found = runs.iter().rev().find_map(|run| {
                let path = context.log_path(&task.id, run.id);
                match read_log(&path, request.tail) {
                    Ok(Some(text)) => Some(Ok((run.id, text))),
                    Ok(None) => None,
                    Err(error) => Some(Err(Fault::Database {
                        doing: format!("read {}", path.display()),
                        detail: error.to_string(),
                        retryable: false,
                    })),
                }
            });
            Ok((task.id, request.run, found.transpose()?))
        };
        let (id, run, found) = api.readers.read(call.caller, read).await?;
        let Some((run_id, RunLogText { bytes, omitted })) = found else {
            return Err(no_log(&id, run));
        };
        let headers = [
            (CONTENT_TYPE.as_str(), "text/plain; charset=utf-8".to_owned()),
            (LOG_RUN_HEADER, run_id.to_string()),
            (LOG_OMITTED_HEADER, omitted.to_string()),
        ];
        Ok((headers, Body::from(bytes)).into_response())
    })
}

fn no_log(id: &TaskId, run: Option<RunId>) -> ApiError {
    let message = match run {
        Some(run) => format!("no log for {id} run {run}"),
        None => format!("no log for {id}"),
    };
    ApiError::new(ErrorCode::NotFound, message).with_hint(format!(
        "`kanban runs {id}` shows its runs; a run has a log once it was started"
    ))
}
