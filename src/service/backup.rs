//! A copy of the database, as of one instant.

use std::fs::File;
use std::io;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::kernel::error::Fault;
use crate::kernel::restore::{self, Sizes};
use crate::os::host::disk::free_bytes;
use crate::service::backup_bytes::HomeFiles;
use crate::service::error::file_fault;
use crate::service::staged_file::StagedFile;
use crate::service::{Service, ServiceError};

/// One backup is copied at a time.
static ONE_BACKUP: Mutex<()> = Mutex::const_new(());

/// Reads a backup.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GetBackup {
    /// With the attached files, as rows of the table `backup_files`.
    pub files: bool,
    /// Reply with the size that it would have (JSON) instead of the backup.
    pub estimate: bool,
}

/// Size of a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BackupSize {
    /// Bytes of the database, at most.
    pub database_bytes: u64,
    /// Number of attached files.
    pub files: u64,
    /// Bytes of the attached files.
    pub file_bytes: u64,
}

/// A copy that is ready to be sent; it goes when this does.
#[derive(Debug)]
pub struct Backup {
    /// Its bytes.
    pub file: File,
    /// How many there are.
    pub size_bytes: u64,
    /// Its place in the home.
    pub staged: StagedFile,
}

/// Says how large a backup would be.
///
/// # Errors
/// A fault.
pub async fn estimate(service: &Service, request: GetBackup) -> Result<BackupSize, ServiceError> {
    let pool = service.pool.clone();
    let measured = tokio::task::spawn_blocking(move || pool.with(restore::sizes));
    let Sizes { database_bytes, files, file_bytes } = joined(measured.await)?;
    let (files, file_bytes) = if request.files { (files, file_bytes) } else { (0, 0) };
    Ok(BackupSize { database_bytes, files, file_bytes })
}

/// Copies the board, with the attached files when they are asked for.
///
/// # Errors
/// A fault; nothing is left.
pub async fn backup(service: &Service, request: GetBackup) -> Result<Backup, ServiceError> {
    // It takes a reading connection for as long as it copies, and there is one for that.
    let one = ONE_BACKUP.lock().await;
    if request.files {
        refuse_without_room(service, request).await?;
    }
    // A row of the copy may not lose its bytes before they are in the copy too.
    let nothing_is_taken_away = match request.files {
        true => Some(service.attachments.change.read().await),
        false => None,
    };
    let staged = StagedFile::new(service, "backup")?;
    let path = staged.path().to_owned();
    let pool = service.pool.clone();
    // Not inside a snapshot: VACUUM makes its own.
    let copied = tokio::task::spawn_blocking(move || {
        pool.with(|connection| restore::backup(connection, &path))
    });
    joined(copied.await)?;
    if request.files {
        let (path, files) =
            (staged.path().to_owned(), HomeFiles(service.attachments.files.clone()));
        let added = tokio::task::spawn_blocking(move || Ok(restore::add_files(&path, &files)));
        joined(added.await)?;
    }
    drop((one, nothing_is_taken_away));
    let unsent = |error: io::Error| file_fault("read the backup", &error);
    let file = File::open(staged.path()).map_err(unsent)?;
    let size_bytes = file.metadata().map_err(unsent)?.len();
    Ok(Backup { file, size_bytes, staged })
}

/// The copy is made in the home before it is sent: a disk that cannot hold it is not filled first.
async fn refuse_without_room(service: &Service, request: GetBackup) -> Result<(), ServiceError> {
    let size = estimate(service, request).await?;
    let home = service.home.clone();
    let free = tokio::task::spawn_blocking(move || free_bytes(&home)).await;
    match free {
        Ok(Ok(free)) if free < size.database_bytes.saturating_add(size.file_bytes) => {
            Err(Fault::DiskFull { doing: "write a backup".to_owned() }.into())
        }
        // A disk that says nothing counts as having room.
        Ok(Ok(_) | Err(_)) | Err(_) => Ok(()),
    }
}

/// What a thread that may wait has done.
fn joined<T>(
    done: Result<Result<Result<T, Fault>, Fault>, tokio::task::JoinError>,
) -> Result<T, Fault> {
    done.unwrap_or(Ok(Err(Fault::NoAnswer { part: "the copying thread" })))?
}
