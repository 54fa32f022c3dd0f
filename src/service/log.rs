//! The log of a run.

mod form;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::actors::root::Life;
use crate::kernel::error::Fault;
use crate::kernel::ids::{EpochSeconds, RunId, TaskId};
use crate::kernel::queries::Snapshot;
use crate::kernel::store;
use crate::os::run_files::log::{
    LogFollower, LogTimes, RunLogText, from_position, is_line_begun, last_bytes, line_begin,
    read_log,
};
use crate::service::error::file_fault;
use crate::service::life::wait_for_life;
use crate::service::{Requester, Service, ServiceError};

pub use form::{LogForm, LogText};

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
    /// With `follow`: only what comes behind this position, to go on where an earlier reply broke; `tail` and `since` are ignored then.
    #[serde(default)]
    pub from: Option<u64>,
    /// Only what was written since this time, epoch seconds. The log keeps times to the second while its run is young, and to a
    /// thousandth of the run's age later; output from between two of them is included.
    #[serde(default)]
    pub since: Option<EpochSeconds>,
    /// Puts the time at which it was written before each line, RFC 3339 in UTC. The header `kanban-log-times` is `false` when the log
    /// has no times: it was begun by a daemon that kept none.
    #[serde(default)]
    pub timestamps: bool,
    /// Sends frames instead of text: a line `POSITION BYTES TIME` and so many bytes of output behind it. `POSITION` is that behind the
    /// frame, for `from`; `TIME` is when its output was written, milliseconds since 1970, or `-`.
    #[serde(default)]
    pub framed: bool,
    /// Board of the task; refused when the task is on another board.
    #[serde(default)]
    pub board: Option<String>,
}

impl GetLog {
    /// Whether it is answered by pieces with positions.
    pub fn is_in_pieces(&self) -> bool {
        self.follow || self.framed || self.timestamps || self.since.is_some()
    }

    fn form(&self) -> LogForm {
        match (self.framed, self.timestamps) {
            (true, _) => LogForm::Framed,
            (false, true) => LogForm::Stamped,
            (false, false) => LogForm::Plain,
        }
    }

    fn wants_times(&self) -> bool {
        self.framed || self.timestamps || self.since.is_some()
    }
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

/// A log in pieces: it begins with what is there. One that is followed ends when the run is over.
pub struct FollowedLog {
    /// Whose it is.
    pub run_id: RunId,
    service: Arc<Service>,
    life: watch::Receiver<Life>,
    reading: Option<Reading>,
    /// What was there when it began, until it is taken.
    first: Option<Bytes>,
    /// Bytes of output and of lines about gone output in what was there when it began.
    pub first_bytes: u64,
    /// Position behind what was there when it began.
    pub position: u64,
    /// Bytes of output before that, that the log did not keep or that were not asked for.
    pub omitted_bytes: u64,
    /// Whether the log has times; none when nobody asked.
    pub has_times: Option<bool>,
    pause: Duration,
    is_followed: bool,
}

/// How far a log is read and written out.
struct Reading {
    follower: LogFollower,
    times: Option<LogTimes>,
    text: LogText,
}

impl Reading {
    /// What was written since, with the marks of all of it.
    fn read_on(&mut self) -> std::io::Result<Bytes> {
        let pieces = self.follower.read_on()?;
        if let Some(times) = self.times.as_mut().filter(|_times| !pieces.is_empty()) {
            times.read_on()?;
        }
        Ok(Bytes::from(self.text.push(&pieces, self.times.as_ref())))
    }
}

/// The beginning of a reading.
struct Begun {
    reading: Reading,
    first: Bytes,
    omitted_bytes: u64,
}

/// Begins to read a log as the request wants it; none when it wants times that the log has not.
fn begin(path: &Path, request: &GetLog) -> std::io::Result<Option<Begun>> {
    let (follower, whole) = LogFollower::begin(path)?;
    // Marks are written before their output: behind that they are all there.
    let times = if request.wants_times() { LogTimes::open(path)? } else { None };
    let wanted = match (request.from, request.since) {
        (Some(from), _) => Some(from),
        (None, Some(since)) => {
            let Some(times) = &times else { return Ok(None) };
            let since = times.since(since.saturating_mul(1_000));
            Some(since.map_or(u64::MAX, |position| line_begin(&whole, position)))
        }
        (None, None) => None,
    };
    let is_line_begun = request.from.is_some_and(|position| is_line_begun(&whole, position));
    let mut pieces = match wanted {
        Some(position) => from_position(whole, position),
        None => whole,
    };
    if let Some(window) = request.tail.filter(|_window| request.from.is_none()) {
        pieces = last_bytes(pieces, window);
    }
    let kept: u64 = pieces.iter().map(|piece| piece.end() - piece.at).sum();
    let mut text = LogText::new(request.form(), is_line_begun);
    let first = Bytes::from(text.push(&pieces, times.as_ref()));
    let omitted_bytes = follower.position().saturating_sub(kept);
    Ok(Some(Begun { reading: Reading { follower, times, text }, first, omitted_bytes }))
}

/// Begins to follow a log, or to read it in pieces.
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
    let is_followed = request.follow;
    let looked = tokio::task::spawn_blocking(move || {
        // A run that has only begun may not have written yet; one that is over must have.
        paths
            .into_iter()
            .find(|(id, path)| (is_followed && live_runs.contains(*id)) || path.exists())
    });
    let found =
        looked.await.map_err(|_panicked| Fault::NoAnswer { part: "the thread that reads logs" })?;
    let Some((run_id, path)) = found else {
        return Err(ServiceError::NoLog { task: task_id, run: request.run });
    };
    let life = service.life.clone();
    // Looked at before the log, so that what is read after the last look is the whole.
    let is_followed = is_followed && service.live_runs.contains(run_id);
    let unreadable = |error: std::io::Error| file_fault("read a log", &error);
    let wants_times = request.wants_times();
    let begun = tokio::task::spawn_blocking(move || begin(&path, &request)).await;
    let begun = begun.map_err(std::io::Error::other).and_then(|begun| begun).map_err(unreadable)?;
    let Some(Begun { reading, first, omitted_bytes }) = begun else {
        return Err(ServiceError::NoLogTimes { task: task_id, run: run_id });
    };
    Ok(FollowedLog {
        run_id,
        service,
        life,
        first_bytes: reading.text.content_bytes(),
        position: reading.follower.position(),
        omitted_bytes,
        has_times: wants_times.then_some(reading.times.is_some()),
        reading: Some(reading),
        first: Some(first),
        pause: LOOK_AGAIN,
        is_followed,
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
        while self.is_followed {
            tokio::select! {
                () = tokio::time::sleep(self.pause) => {}
                () = wait_for_life(&mut self.life, |life| life == Life::Ending) => return Ok(None),
            }
            // Looked at before the log, so that what is read after the last look is the whole.
            self.is_followed = self.service.live_runs.contains(self.run_id);
            let news = self.look().await?;
            if !news.is_empty() {
                self.pause = LOOK_AGAIN;
                return Ok(Some(news));
            }
            self.pause = (self.pause * 2).min(LOOK_AGAIN_MAX);
        }
        Ok(None)
    }

    /// What is there now, read on a thread that may wait for a disk.
    async fn look(&mut self) -> std::io::Result<Bytes> {
        let Some(mut reading) = self.reading.take() else {
            return Err(std::io::Error::other("an earlier look at the log has failed"));
        };
        let looked = tokio::task::spawn_blocking(move || {
            let news = reading.read_on()?;
            Ok::<_, std::io::Error>((reading, news))
        });
        let (now, news) = looked.await.map_err(std::io::Error::other)??;
        self.reading = Some(now);
        Ok(news)
    }
}
