//! A copy of the database, as of one instant.

use std::fs::File;

use tokio::sync::Mutex;

use crate::kernel::error::Fault;
use crate::kernel::restore;
use crate::service::error::file_fault;
use crate::service::staged_file::StagedFile;
use crate::service::{Service, ServiceError};

/// One backup is copied at a time.
static ONE_BACKUP: Mutex<()> = Mutex::const_new(());

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

/// Copies the board.
///
/// # Errors
/// A fault; nothing is left.
pub async fn backup(service: &Service) -> Result<Backup, ServiceError> {
    // It takes a reading connection for as long as it copies, and there is one for that.
    let one = ONE_BACKUP.lock().await;
    let staged = StagedFile::new(service, "backup")?;
    let path = staged.path().to_owned();
    let pool = service.pool.clone();
    // Not inside a snapshot: VACUUM makes its own.
    let copied = tokio::task::spawn_blocking(move || {
        pool.with(|connection| restore::backup(connection, &path))
    });
    copied
        .await
        .unwrap_or(Ok(Err(Fault::NoAnswer { part: "the copying thread" })))
        .and_then(|copied| copied)?;
    drop(one);
    let unsent = |error| file_fault("read the backup", &error);
    let file = File::open(staged.path()).map_err(unsent)?;
    let size_bytes = file.metadata().map_err(unsent)?.len();
    Ok(Backup { file, size_bytes, staged })
}
