//! Reading a run's log.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::actors::root::Life;
use crate::api::error::ApiError;
use crate::api::operations::{Answer, Call};
use crate::api::outflow::{Outflow, outflow};
use crate::api::reply::Held;
use crate::api::{Api, wait_for_life};
use crate::kernel::error::{ErrorCode, Fault};
use crate::kernel::ids::{RunId, TaskId};
use crate::kernel::store;
use crate::os::run_files::log::{LogFollower, RunLogText, read_log};

/// Header with the id of the run whose log is returned.
pub const LOG_RUN_HEADER: &str = "kanban-run-id";

/// Header with the number of bytes that the log did not keep or the window left out.
pub const LOG_OMITTED_HEADER: &str = "kanban-log-omitted-bytes";

/// Time between two looks at a log that somebody follows. Only a log that is followed is looked at. It doubles as long
/// as nothing comes.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// See [`LOOK_AGAIN`].
const LOOK_AGAIN_MAX: Duration = Duration::from_millis(800);

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
    /// Goes on with what is written from now on, until the run is over.
    #[serde(default)]
    pub follow: bool,
    /// Board of the task, when the caller wants it checked.
    #[serde(default)]
    pub board: Option<String>,
}

/// Answers `GET /v1/tasks/{id}/log`.
pub fn get_log(api: Arc<Api>, call: Call) -> Answer {
    Box::pin(async move {
        let request: GetLog = call.input.from_query()?;
        if request.follow {
            return follow(api, call, request).await;
        }
        let context = Arc::clone(&api.context);
        let read = move |snapshot: &crate::kernel::queries::Snapshot<'_>| {
            let task = snapshot.task(&request.id, request.board.as_deref(), "log")?;
            let mut runs = store::runs::list_of_task(snapshot.connection, &task.id)?;
            runs.retain(|run| request.run.is_none_or(|wanted| wanted == run.id));
            let paths = runs.iter().rev().map(|run| (run.id, context.log_path(&task.id, run.id)));
            let paths: Vec<_> = paths.collect();
            Ok((task.id, request.run, request.tail, paths))
        };
        let (id, run, tail, paths) = api.readers.read(call.caller, read).await?;
        // The files are read on a thread that may wait for a disk, when the snapshot is over.
        let newest = tokio::task::spawn_blocking(move || newest_log(&paths, tail)).await;
        let found =
            newest.unwrap_or(Err(Fault::NoAnswer { part: "the thread that reads logs" }))?;
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

/// The first of these files that is there, with its run.
fn newest_log(
    paths: &[(RunId, PathBuf)],
    tail: Option<u64>,
) -> Result<Option<(RunId, RunLogText)>, Fault> {
    for (run_id, path) in paths {
        let read = read_log(path, tail).map_err(|error| Fault::Database {
            doing: format!("read {}", path.display()),
            detail: error.to_string(),
            retryable: false,
        })?;
        if let Some(text) = read {
            return Ok(Some((*run_id, text)));
        }
    }
    Ok(None)
}

/// The log as a stream. It begins with what is there and ends when the run is over or the reader hangs up.
async fn follow(api: Arc<Api>, call: Call, request: GetLog) -> Result<Response, ApiError> {
    let held = Held::stream(&call.seat)?;
    let context = Arc::clone(&api.context);
    let live_runs = api.live_runs.clone();
    let tail = request.tail;
    let read = move |snapshot: &crate::kernel::queries::Snapshot<'_>| {
        let task = snapshot.task(&request.id, request.board.as_deref(), "log")?;
        let mut runs = store::runs::list_of_task(snapshot.connection, &task.id)?;
        runs.retain(|run| request.run.is_none_or(|wanted| wanted == run.id));
        // A run that has only begun may not have written yet; one that is over must have.
        let found = runs.iter().rev().map(|run| (run.id, context.log_path(&task.id, run.id)));
        let mut found = found;
        let found = found.find(|(id, path)| live_runs.contains(*id) || path.exists());
        Ok((task.id, request.run, found))
    };
    let (id, run, found) = api.readers.read(call.caller, read).await?;
    let Some((run_id, path)) = found else { return Err(no_log(&id, run)) };
    let (pieces, body) = outflow(held);
    tokio::spawn(send_log(api, run_id, path, tail, pieces));
    let headers = [
        (CONTENT_TYPE.as_str(), "text/plain; charset=utf-8".to_owned()),
        (LOG_RUN_HEADER, run_id.to_string()),
    ];
    Ok((headers, body).into_response())
}

async fn send_log(api: Arc<Api>, run_id: RunId, path: PathBuf, tail: Option<u64>, pieces: Outflow) {
    let mut life = api.life.clone();
    let mut follower: Option<LogFollower> = None;
    let mut pause = LOOK_AGAIN;
    loop {
        // Looked at before the log, so that what is read after the last look is the whole.
        let is_live = api.live_runs.contains(run_id);
        let path = path.clone();
        // On a thread that may wait for a disk.
        let before = follower.take();
        let looked = tokio::task::spawn_blocking(move || match before {
            None => LogFollower::begin(&path, tail),
            Some(mut follower) => {
                let news = LogFollower::read_on(&mut follower)?;
                Ok((follower, news))
            }
        });
        let news = match looked.await {
            Ok(Ok((now, news))) => {
                follower = Some(now);
                Ok(Bytes::from(news))
            }
            Ok(Err(error)) => Err(error),
            Err(error) => Err(std::io::Error::other(error)),
        };
        let is_over = match news {
            Ok(news) if news.is_empty() => {
                pause = (pause * 2).min(LOOK_AGAIN_MAX);
                false
            }
            Ok(news) => {
                pause = LOOK_AGAIN;
                pieces.send(news).await.is_err()
            }
            Err(error) => return pieces.fail(error).await,
        };
        if is_over || !is_live {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = pieces.closed() => return,
            () = wait_for_life(&mut life, |life| matches!(life, Life::Ending)) => return,
        }
    }
}

fn no_log(id: &TaskId, run: Option<RunId>) -> ApiError {
    let message = match run {
        Some(run) => format!("no log for {id} run {run}"),
        None => format!("no log for {id}"),
    };
    ApiError::new(ErrorCode::NotFound, message).with_hint(format!(
        "list runs with `kanban runs {id}`; a run has a log once it was started"
    ))
}
