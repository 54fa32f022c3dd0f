//! Attachments: storing and reading their content, and what `gc` removes.
//!
//! The daemon opens no path that a caller named: the client reads the file and sends its bytes as the body of the request.
//! They are put on the disk first, then the row is written; a crash between the two leaves bytes without a row, which `gc`
//! sweeps. A removal of content holds up additions until it is through, so no row loses its content to it.

use std::fs::File;
use std::io;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::caller::Caller;
use crate::kernel::error::{Fault, Refusal};
use crate::kernel::ids::TaskId;
use crate::kernel::queries::Snapshot;
use crate::kernel::shorten::shorten;
use crate::kernel::store;
use crate::kernel::verbs::{AttachFile, AttachReply, DetachFile, DetachReply, check_attach};
use crate::os::home::attachments::ArrivingFile;
use crate::service::error::file_fault;
use crate::service::{Requester, Service, ServiceError};

/// Attaches a file, whose bytes are the body.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AttachUpload {
    /// The task.
    pub id: String,
    /// Name of the attachment, without a directory. A number is added when the task has another file with this name.
    pub filename: String,
    /// Board of the task; refused when the task is on another board.
    #[serde(default)]
    pub board: Option<String>,
}

/// A file whose bytes may come: everything about it was checked before they are taken.
pub struct Upload {
    by: Requester,
    request: AttachUpload,
    task_id: TaskId,
}

impl Upload {
    /// Checks whether the file may come.
    ///
    /// # Errors
    /// A refusal or a fault; nothing was made.
    pub async fn check(
        service: &Service,
        by: Requester,
        request: AttachUpload,
    ) -> Result<Self, ServiceError> {
        let asked = request.clone();
        let check = move |snapshot: &Snapshot<'_>| {
            let task = snapshot.task(&asked.id, asked.board.as_deref(), "attach")?;
            check_attach(snapshot.connection, snapshot.caller, &task, &asked.filename)?;
            Ok(task.id)
        };
        let task_id = service.readers.read(by.caller.clone(), check).await?;
        if service.disk.low_bytes().is_some() {
            return Err(Fault::DiskFull { doing: "receive the file".to_owned() }.into());
        }
        Ok(Self { by, request, task_id })
    }

    /// A file for the bytes, which has no name yet.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn begin(&self, service: &Service) -> Result<ArrivingFile, ServiceError> {
        Ok(service.attachments.files.begin().map_err(|error| unkept(&error))?)
    }

    /// Puts what has arrived in its place, then writes the row. Not given up when the client hangs up meanwhile: the bytes are
    /// there, and the request is done or not.
    ///
    /// # Errors
    /// A refusal or a fault.
    pub async fn keep(
        self,
        service: Arc<Service>,
        arrived: ArrivingFile,
    ) -> Result<AttachReply, ServiceError> {
        let Self { by, request, task_id } = self;
        let kept = tokio::spawn(async move {
            let _nothing_is_taken_away = service.attachments.change.read().await;
            let placed = blocking(move || arrived.keep(task_id.as_str())).await?;
            let (sha256, size_bytes) =
                placed.map_err(|error| file_fault("store an attachment", &error))?;
            crate::failpoint::hit("attachment-kept");
            let AttachUpload { id, filename, board } = request;
            let verb = AttachFile { id, filename, size_bytes, sha256, board };
            Ok::<AttachReply, ServiceError>(service.database.submit(by.submit(verb)).await?)
        });
        kept.await.unwrap_or_else(|_panicked| no_answer("the attaching task"))
    }
}

/// Bytes that arrive cannot be written.
pub fn unkept(error: &io::Error) -> Fault {
    file_fault("receive the file", error)
}

/// On a thread that may wait for a disk.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ServiceError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_panicked| Fault::NoAnswer { part: "the disk thread" }.into())
}

/// The reply to a request whose task has panicked.
fn no_answer<T>(part: &'static str) -> Result<T, ServiceError> {
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
    /// Board of the task; refused when the task is on another board.
    #[serde(default)]
    pub board: Option<String>,
}

/// An attached file, open for reading.
#[derive(Debug)]
pub struct OpenedAttachment {
    /// Its bytes.
    pub file: File,
    /// How many there are.
    pub size_bytes: i64,
}

/// Opens an attached file.
///
/// # Errors
/// A refusal or a fault.
pub async fn open(
    service: &Service,
    by: Requester,
    request: GetAttachment,
) -> Result<OpenedAttachment, ServiceError> {
    let files = service.attachments.files.clone();
    let read = move |snapshot: &Snapshot<'_>| {
        let task = snapshot.task(&request.id, request.board.as_deref(), "attachment")?;
        let found = store::attachments::get(snapshot.connection, &task.id, &request.filename)?;
        let Some(found) = found else {
            let (id, filename) = (task.id.to_string(), shorten(&request.filename));
            return Err(Refusal::UnknownAttachment { id, filename }.into());
        };
        Ok((files.open(task.id.as_str(), &found.sha256), found))
    };
    let (opened, found) = service.readers.read(by.caller, read).await?;
    let file = opened.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => ServiceError::AttachmentLost { filename: found.filename },
        _ => file_fault("read an attachment", &error).into(),
    })?;
    Ok(OpenedAttachment { file, size_bytes: found.size_bytes })
}

/// Removes an attached file.
///
/// # Errors
/// A refusal or a fault.
pub async fn detach(
    service: Arc<Service>,
    by: Requester,
    verb: DetachFile,
) -> Result<DetachReply, ServiceError> {
    let done = tokio::spawn(async move {
        let _nothing_is_added = service.attachments.change.write().await;
        let caller = by.caller.clone();
        let reply = service.database.submit(by.submit(verb)).await?;
        if let Err(error) = remove_unused(&service, caller, &reply).await {
            // Bytes without a row: gc sweeps them.
            tracing::warn!(%error, "cannot remove the content of a detached attachment; gc retries");
        }
        Ok::<DetachReply, ServiceError>(reply)
    });
    done.await.unwrap_or_else(|_panicked| no_answer("the detaching task"))
}

/// Removes the bytes of a file that was detached, unless the task has them under another name.
async fn remove_unused(
    service: &Service,
    caller: Caller,
    gone: &DetachReply,
) -> Result<(), ServiceError> {
    let Some(task_id) = TaskId::parse(&gone.task_id) else { return Ok(()) };
    let (of_task, sha256) = (task_id.clone(), gone.attachment.sha256.clone());
    let read = move |snapshot: &Snapshot<'_>| {
        Ok(store::attachments::has(snapshot.connection, &of_task, &sha256)?)
    };
    if service.readers.read(caller, read).await? {
        return Ok(());
    }
    let (files, sha256) = (service.attachments.files.clone(), gone.attachment.sha256.clone());
    let removed = blocking(move || files.remove(task_id.as_str(), &sha256)).await?;
    Ok(removed.map_err(|error| file_fault("remove an attachment", &error))?)
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
pub async fn sweep(service: &Service, caller: Caller, sweep: Sweep) -> Result<usize, ServiceError> {
    let _nothing_is_added = service.attachments.change.write().await;
    let files = service.attachments.files.clone();
    let unread = |error: io::Error| file_fault("list the attachments", &error);
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
    let due = service.readers.read(caller, look).await?;
    if dry_run {
        return Ok(due.len());
    }
    let files = service.attachments.files.clone();
    blocking(move || {
        due.iter().filter(|file| files.remove(&file.task, &file.sha256).is_ok()).count()
    })
    .await
}
