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
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::actors::root::Life;
use crate::api::error::ApiError;
use crate::api::operations::{Answer, Call};
use crate::api::{Api, wait_for_life};
use crate::kernel::caller::Caller;
use crate::kernel::error::{ErrorCode, Fault};
use crate::kernel::ids::{RunId, TaskId};
use crate::kernel::store;
use crate::os::run_log::{LogFollower, RunLogText, read_log};

/// Header with the id of the run whose log is returned.
pub const LOG_RUN_HEADER: &str = "kanban-run-id";

/// Header with the number of bytes that the log did not keep or the window left out.
pub const LOG_OMITTED_HEADER: &str = "kanban-log-omitted-bytes";

/// Time between two looks at a log that somebody follows. Only a log that is followed is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Pieces that may wait for a slow reader before the stream waits for it.
const PIECES_MAX: usize = 4;

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
            return follow(api, call.caller, request).await;
        }
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

/// The log as a stream. It begins with what is there and ends when the run is over or the reader hangs up.
async fn follow(api: Arc<Api>, caller: Caller, request: GetLog) -> Result<Response, ApiError> {
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
    let (id, run, found) = api.readers.read(caller, read).await?;
    let Some((run_id, path)) = found else { return Err(no_log(&id, run)) };
    let (pieces, body) = mpsc::channel::<std::io::Result<Bytes>>(PIECES_MAX);
    tokio::spawn(send_log(api, run_id, path, tail, pieces));
    let headers = [
        (CONTENT_TYPE.as_str(), "text/plain; charset=utf-8".to_owned()),
        (LOG_RUN_HEADER, run_id.to_string()),
    ];
    Ok((headers, Body::from_stream(ReceiverStream::new(body))).into_response())
}

async fn send_log(
    api: Arc<Api>,
    run_id: RunId,
    path: PathBuf,
    tail: Option<u64>,
    pieces: mpsc::Sender<std::io::Result<Bytes>>,
) {
    let mut life = api.life.clone();
    let mut follower: Option<LogFollower> = None;
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
        let is_failed = news.is_err();
        let is_empty = news.as_ref().is_ok_and(Bytes::is_empty);
        if !is_empty && pieces.send(news).await.is_err() {
            return;
        }
        if is_failed || !is_live {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_AGAIN) => {}
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
        "`kanban runs {id}` shows its runs; a run has a log once it was started"
    ))
}
