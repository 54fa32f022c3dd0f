//! The log of a run.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::actors::root::Life;
use crate::kernel::error::Fault;
use crate::kernel::ids::{RunId, TaskId};
use crate::kernel::queries::Snapshot;
use crate::kernel::store;
use crate::os::run_files::log::{LogFollower, RunLogText, read_log};
use crate::service::error::file_fault;
use crate::service::life::wait_for_life;
use crate::service::{Requester, Service, ServiceError};

/// Time between two looks at a followed log. Only a log that is followed is looked at. It doubles as long as nothing
/// comes.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// See [`LOOK_AGAIN`].
const LOOK_AGAIN_MAX: Duration = Duration::from_millis(800);

/// Reads the log of a run.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetLog {
    /// The task.
    pub id: String,
    /// The run; default: the newest with a log.
    #[serde(default)]
    pub run: Option<RunId>,
    /// Only the last bytes: how many.
    #[serde(default)]
    pub tail: Option<u64>,
    /// Continues with new output until the run ends.
    #[serde(default)]
    pub follow: bool,
    /// With `follow`: only what comes behind this many bytes of output, to go on where an earlier reply broke; `tail` is ignored then.
    #[serde(default)]
    pub from: Option<u64>,
    /// Board of the task; refused when the task is on another board.
    #[serde(default)]
    pub board: Option<String>,
}

/// A log as it is now.
#[derive(Debug)]
pub struct RunLog {
    /// Whose it is.
    pub run_id: RunId,
    /// What was kept of it, as far as it was asked for.
    pub bytes: Vec<u8>,
    /// Bytes that were not kept or that the window left out.
    pub omitted_bytes: u64,
}

/// The logs that a request may mean, newest run first.
struct Candidates {
    task_id: TaskId,
    paths: Vec<(RunId, PathBuf)>,
}

async fn candidates(
    service: &Service,
    by: Requester,
    request: &GetLog,
) -> Result<Candidates, ServiceError> {
    let paths_of = service.paths.clone();
    let (id, board, wanted) = (request.id.clone(), request.board.clone(), request.run);
    let read = move |snapshot: &Snapshot<'_>| {
        let task = snapshot.task(&id, board.as_deref(), "log")?;
        let mut runs = store::runs::list_of_task(snapshot.connection, &task.id)?;
        runs.retain(|run| wanted.is_none_or(|wanted| wanted == run.id));
        let paths = runs.iter().rev().map(|run| (run.id, paths_of.log_path(&task.id, run.id)));
        let paths: Vec<_> = paths.collect();
        Ok(Candidates { task_id: task.id, paths })
    };
    Ok(service.readers.read(by.caller, read).await?)
}

/// Reads a log.
///
/// # Errors
/// A refusal or a fault.
pub async fn read(
    service: &Service,
    by: Requester,
    request: GetLog,
) -> Result<RunLog, ServiceError> {
    let Candidates { task_id, paths } = candidates(service, by, &request).await?;
    let tail = request.tail;
    // The files are read on a thread that may wait for a disk, when the snapshot is over.
    let newest = tokio::task::spawn_blocking(move || newest_log(&paths, tail)).await;
    let found = newest.unwrap_or(Err(Fault::NoAnswer { part: "the thread that reads logs" }))?;
    let Some((run_id, RunLogText { bytes, omitted })) = found else {
        return Err(ServiceError::NoLog { task: task_id, run: request.run });
    };
    Ok(RunLog { run_id, bytes, omitted_bytes: omitted })
}

/// The first of these files that is there, with its run.
fn newest_log(
    paths: &[(RunId, PathBuf)],
    tail: Option<u64>,
) -> Result<Option<(RunId, RunLogText)>, Fault> {
    for (run_id, path) in paths {
        let read = read_log(path, tail)
            .map_err(|error| file_fault(format!("read the log {}", path.display()), &error))?;
        if let Some(text) = read {
            return Ok(Some((*run_id, text)));
        }
    }
    Ok(None)
}

/// A log that is followed: it begins with what is there and ends when the run is over.
pub struct FollowedLog {
    /// Whose it is.
    pub run_id: RunId,
    service: Arc<Service>,
    life: watch::Receiver<Life>,
    follower: Option<LogFollower>,
    /// What was there when it began, until it is taken.
    first: Option<Bytes>,
    /// Bytes of output up to the end of what was there when it began.
    pub position: u64,
    pause: Duration,
    was_live: bool,
}

/// Begins to follow a log.
///
/// # Errors
/// A refusal or a fault.
pub async fn follow(
    service: Arc<Service>,
    by: Requester,
    request: GetLog,
) -> Result<FollowedLog, ServiceError> {
    let Candidates { task_id, paths } = candidates(&service, by, &request).await?;
    let live_runs = service.live_runs.clone();
    let looked = tokio::task::spawn_blocking(move || {
        // A run that has only begun may not have written yet; one that is over must have.
        paths.into_iter().find(|(id, path)| live_runs.contains(*id) || path.exists())
    });
    let found =
        looked.await.map_err(|_panicked| Fault::NoAnswer { part: "the thread that reads logs" })?;
    let Some((run_id, path)) = found else {
        return Err(ServiceError::NoLog { task: task_id, run: request.run });
    };
    let life = service.life.clone();
    // Looked at before the log, so that what is read after the last look is the whole.
    let was_live = service.live_runs.contains(run_id);
    let unreadable = |error: std::io::Error| file_fault("read a log", &error);
    let (tail, from) = (request.tail, request.from);
    let begin = move || match from {
        None => LogFollower::begin(&path, tail),
        Some(from) => {
            let mut follower = LogFollower::begin_at(&path, from)?;
            let news = follower.read_on()?;
            Ok((follower, news))
        }
    };
    let begun = tokio::task::spawn_blocking(begin).await.map_err(std::io::Error::other);
    let (follower, first) = begun.and_then(|begun| begun).map_err(unreadable)?;
    Ok(FollowedLog {
        run_id,
        service,
        life,
        position: follower.position(),
        follower: Some(follower),
        first: Some(Bytes::from(first)),
        pause: LOOK_AGAIN,
        was_live,
    })
}

impl FollowedLog {
    /// What was written since, as soon as there is something; none when the run is over and all is read, or the daemon ends.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn next(&mut self) -> std::io::Result<Option<Bytes>> {
        if let Some(first) = self.first.take().filter(|first| !first.is_empty()) {
            return Ok(Some(first));
        }
        while self.was_live {
            tokio::select! {
                () = tokio::time::sleep(self.pause) => {}
                () = wait_for_life(&mut self.life, |life| life == Life::Ending) => return Ok(None),
            }
            // Looked at before the log, so that what is read after the last look is the whole.
            self.was_live = self.service.live_runs.contains(self.run_id);
            let news = self.look().await?;
            if !news.is_empty() {
                self.pause = LOOK_AGAIN;
                return Ok(Some(news));
            }
            self.pause = (self.pause * 2).min(LOOK_AGAIN_MAX);
        }
        Ok(None)
    }

    /// Bytes of what was there when it began, as long as it is not taken.
    pub fn first_len(&self) -> usize {
        self.first.as_ref().map_or(0, Bytes::len)
    }

    /// What is there now, read on a thread that may wait for a disk.
    async fn look(&mut self) -> std::io::Result<Bytes> {
        let Some(mut follower) = self.follower.take() else {
            return Err(std::io::Error::other("an earlier look at the log has failed"));
        };
        let looked = tokio::task::spawn_blocking(move || {
            let news = follower.read_on()?;
            Ok::<_, std::io::Error>((follower, news))
        });
        let (now, news) = looked.await.map_err(std::io::Error::other)??;
        self.follower = Some(now);
        Ok(Bytes::from(news))
    }
}
