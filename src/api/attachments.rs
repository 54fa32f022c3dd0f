//! Files that are attached to tasks: their bytes in and out, and what `gc` does about them.
//!
//! The daemon opens no path that a caller named: the client reads the file and sends its bytes as the body of the request.
//! They are put on the disk first, then the row is written; a crash between the two leaves bytes without a row, which `gc`
//! sweeps. Whoever takes bytes away holds up those who add some until it is through, so no row loses its bytes to it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::RwLock;

use crate::actors::database::Submit;
use crate::api::Api;
use crate::api::arriving::{Bounds, one_at_a_time, pass_over, pour};
use crate::api::error::ApiError;
use crate::api::gate::Seat;
use crate::api::limits::UPLOAD_TIME;
use crate::api::operations::{Answer, Call, json};
use crate::api::reply::Held;
use crate::api::transfer::{file_body, file_fault};
use crate::kernel::caller::Caller;
use crate::kernel::error::{ErrorCode, Fault, Refusal};
use crate::kernel::ids::TaskId;
use crate::kernel::limits::ATTACHMENT_BYTES_MAX;
use crate::kernel::queries::Snapshot;
use crate::kernel::store;
use crate::kernel::shorten::shorten;
use crate::kernel::verbs::{AttachFile, AttachReply, DetachFile, DetachReply, check_attach};
use crate::os::home::attachments::{ArrivingFile, AttachmentFiles};

/// What may arrive.
const BOUNDS: Bounds = Bounds { bytes: ATTACHMENT_BYTES_MAX, time: Some(UPLOAD_TIME) };

/// The attached files of the home.
#[derive(Debug)]
pub struct Attachments {
    files: AttachmentFiles,
    /// Shared by those who add bytes with their row; alone for those who take bytes away.
    change: RwLock<()>,
}

impl Attachments {
    /// Those in the folder `root`, which is there. What was arriving when an earlier daemon died is removed.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn open(root: PathBuf) -> io::Result<Self> {
        let files = AttachmentFiles::new(root);
        files.remove_unfinished()?;
        Ok(Self { files, change: RwLock::new(()) })
    }
}

/// Attaches a file, whose bytes are the body.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AttachUpload {
    /// The task.
    pub id: String,
    /// Name that it is to have, without any folder. When the task has another file of that name, a number is added.
    pub filename: String,
    /// Board of the task, when the caller wants it checked.
    #[serde(default)]
    pub board: Option<String>,
}

/// Answers `POST /v1/tasks/{id}/attach`.
pub fn attach(api: Arc<Api>, call: Call) -> Answer {
    Box::pin(async move {
        let request: AttachUpload = call.input.from_query()?;
        let _arriving = one_at_a_time(&call.seat).await?;
        let asked = request.clone();
        let check = move |snapshot: &Snapshot<'_>| {
            let task = snapshot.task(&asked.id, asked.board.as_deref(), "attach")?;
            check_attach(snapshot.connection, snapshot.caller, &task, &asked.filename)?;
            Ok(task.id)
        };
        let checked = api.readers.read(call.caller.clone(), check).await;
        let refused = match checked {
            Ok(_) if api.context.low_disk_bytes().is_some() => {
                Fault::DiskFull { doing: "take the file".to_owned() }.into()
            }
            Ok(task_id) => {
                let arrived = receive(&api, &call.seat, call.stream).await?;
                return keep(api, call.caller, call.request_id, request, task_id, arrived).await;
            }
            Err(error) => error,
        };
        // Who is still sending would not hear the answer.
        pass_over(&call.seat, call.stream, BOUNDS).await?;
        Err(refused.into())
    })
}

/// Puts what has arrived in its place, then writes the row. Not given up when the client hangs up meanwhile: the bytes are
/// there, and the request is done or not.
async fn keep(
    api: Arc<Api>,
    caller: Caller,
    request_id: Option<String>,
    request: AttachUpload,
    task_id: TaskId,
    arrived: ArrivingFile,
) -> Result<Response, ApiError> {
    let kept = tokio::spawn(async move {
        let _nothing_is_taken_away = api.attachments.change.read().await;
        let placed = blocking(move || arrived.keep(task_id.as_str())).await?;
        let (sha256, size_bytes) = placed.map_err(|error| file_fault("keep the file", &error))?;
        crate::failpoint::hit("attachment-kept");
        let AttachUpload { id, filename, board } = request;
        let verb = AttachFile { id, filename, size_bytes, sha256, board };
        Ok::<AttachReply, ApiError>(api.database.submit(Submit { caller, request_id, verb }).await?)
    });
    json(&kept.await.unwrap_or_else(|_panicked| no_answer("the attaching task"))?)
}

/// Takes the bytes of a request, into a file that has no name yet.
async fn receive(api: &Api, seat: &Seat, body: Body) -> Result<ArrivingFile, ApiError> {
    let unkept = |error: io::Error| file_fault("receive the file", &error);
    let file = api.attachments.files.begin().map_err(unkept)?;
    pour(seat, body, BOUNDS, file, ArrivingFile::write).await?.map_err(unkept)
}

/// On a thread that may wait for a disk.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_panicked| Fault::NoAnswer { part: "the disk thread" }.into())
}

/// What a request is told whose task has panicked.
fn no_answer<T>(part: &'static str) -> Result<T, ApiError> {
    Err(Fault::NoAnswer { part }.into())
}

/// Reads an attached file.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetAttachment {
    /// The task.
    pub id: String,
    /// Name of the file.
    pub filename: String,
    /// Board of the task, when the caller wants it checked.
    #[serde(default)]
    pub board: Option<String>,
}

/// Answers `GET /v1/tasks/{id}/attachment`.
pub fn get_attachment(api: Arc<Api>, call: Call) -> Answer {
    Box::pin(async move {
        let request: GetAttachment = call.input.from_query()?;
        let held = Held::download(&call.seat)?;
        let files = api.attachments.files.clone();
        let read = move |snapshot: &Snapshot<'_>| {
            let task = snapshot.task(&request.id, request.board.as_deref(), "attachment")?;
            let found = store::attachments::get(snapshot.connection, &task.id, &request.filename)?;
            let Some(found) = found else {
                let (id, filename) = (task.id.to_string(), shorten(&request.filename));
                return Err(Refusal::UnknownAttachment { id, filename }.into());
            };
            Ok((files.open(task.id.as_str(), &found.sha256), found))
        };
        let (opened, found) = api.readers.read(call.caller, read).await?;
        let file = opened.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                let told = format!("the contents of {} are missing from this home", found.filename);
                ApiError::new(ErrorCode::NotFound, told)
                    .with_hint("backups do not include attachments; restore the directory `attachments` of the home")
            }
            _ => file_fault("read the file", &error),
        })?;
        let headers = [
            (CONTENT_TYPE, "application/octet-stream".to_owned()),
            (CONTENT_LENGTH, found.size_bytes.to_string()),
        ];
        Ok((headers, file_body(file, held)).into_response())
    })
}

/// Answers `POST /v1/tasks/{id}/detach`.
pub fn detach(api: Arc<Api>, call: Call) -> Answer {
    Box::pin(async move {
        let verb: DetachFile = call.input.from_body()?;
        let Call { caller, request_id, .. } = call;
        let done = tokio::spawn(async move {
            let _nothing_is_added = api.attachments.change.write().await;
            let submit = Submit { caller: caller.clone(), request_id, verb };
            let reply = api.database.submit(submit).await?;
            if let Err(error) = remove_unused(&api, caller, &reply).await {
                // Bytes without a row: gc sweeps them.
                tracing::warn!(?error, "the bytes of a removed attachment stay for now");
            }
            Ok::<DetachReply, ApiError>(reply)
        });
        json(&done.await.unwrap_or_else(|_panicked| no_answer("the detaching task"))?)
    })
}

/// Removes the bytes of a file that was detached, unless the task has them under another name.
async fn remove_unused(api: &Api, caller: Caller, gone: &DetachReply) -> Result<(), ApiError> {
    let Some(task_id) = TaskId::parse(&gone.task_id) else { return Ok(()) };
    let (of_task, sha256) = (task_id.clone(), gone.attachment.sha256.clone());
    let read = move |snapshot: &Snapshot<'_>| {
        Ok(store::attachments::has(snapshot.connection, &of_task, &sha256)?)
    };
    if api.readers.read(caller, read).await? {
        return Ok(());
    }
    let (files, sha256) = (api.attachments.files.clone(), gone.attachment.sha256.clone());
    let removed = blocking(move || files.remove(task_id.as_str(), &sha256)).await?;
    removed.map_err(|error| file_fault("remove the file", &error))
}

/// What `gc` does about attached files.
#[derive(Debug, Clone)]
pub struct Sweep {
    /// Tasks that went, or would go, in this very request.
    pub purged: Vec<TaskId>,
    /// Bytes without a row go when they were written at this time or before, epoch seconds.
    pub written_before: i64,
    /// Only counts.
    pub dry_run: bool,
}

/// Removes the files of purged tasks, and old ones that no row names. Returns how many went, or would go.
///
/// # Errors
/// The folder or the board cannot be read.
pub async fn sweep(api: &Arc<Api>, caller: Caller, sweep: Sweep) -> Result<usize, ApiError> {
    let _nothing_is_added = api.attachments.change.write().await;
    let files = api.attachments.files.clone();
    let unread = |error: io::Error| file_fault("look at the attached files", &error);
    let listed = blocking(move || files.list()).await?.map_err(unread)?;
    let Sweep { purged, written_before, dry_run } = sweep;
    let look = move |snapshot: &Snapshot<'_>| {
        let mut due = Vec::new();
        for file in listed {
            let Some(task) = TaskId::parse(&file.task) else { continue };
            let is_due = purged.contains(&task)
                || (file.written_at <= written_before
                    && !store::attachments::has(snapshot.connection, &task, &file.sha256)?);
            if is_due {
                due.push(file);
            }
        }
        Ok(due)
    };
    let due = api.readers.read(caller, look).await?;
    if dry_run {
        return Ok(due.len());
    }
    let files = api.attachments.files.clone();
    blocking(move || {
        due.iter().filter(|file| files.remove(&file.task, &file.sha256).is_ok()).count()
    })
    .await
}
