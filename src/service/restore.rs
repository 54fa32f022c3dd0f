//! Replaces the database with a backup, which is received into the home and checked there.

use std::fs::File;
use std::io;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::Fault;
use crate::kernel::random::SeededRandom;
use crate::kernel::restore::{self, NewLife, RestoreError};
use crate::os::files::create_private;
use crate::os::home::files::installation;
use crate::os::host::clock::epoch_seconds;
use crate::os::host::random::random_hex;
use crate::service::backup_bytes::Gathered;
use crate::service::error::file_fault;
use crate::service::staged_file::StagedFile;
use crate::service::{Service, ServiceError};

/// Result of `restore`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct RestoreReply {
    /// New incarnation of the database.
    pub incarnation: String,
    /// Path of the replaced database.
    pub kept: String,
    /// Schedules that are paused until a person resumes them.
    #[serde(default)]
    pub schedules_paused: usize,
    /// Attached files that were restored, for every task that has them.
    #[serde(default)]
    pub files: usize,
    /// Attached files that the backup does not hold.
    #[serde(default)]
    pub files_missing: u64,
}

/// A backup that arrives; its file goes when this does.
#[derive(Debug)]
pub struct Arriving {
    staged: StagedFile,
}

impl Arriving {
    /// A place for the bytes, and the file to write them into.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn begin(service: &Service) -> Result<(Self, File), ServiceError> {
        let staged = StagedFile::new(service, "restore")?;
        let file = create_private(staged.path()).map_err(|error| unreceived(&error))?;
        Ok((Self { staged }, file))
    }

    /// Puts what has arrived in the place of the board.
    ///
    /// # Errors
    /// It is no backup that is taken, or a fault; the live board is untouched then.
    pub async fn restore(
        self,
        service: Arc<Service>,
        arrived: File,
    ) -> Result<RestoreReply, ServiceError> {
        let synced = tokio::task::spawn_blocking(move || arrived.sync_all()).await;
        let synced = synced.unwrap_or_else(|panicked| Err(io::Error::other(panicked)));
        synced.map_err(|error| unreceived(&error))?;
        let incarnation = random_hex(16).map_err(|error| file_fault("get random bytes", &error))?;
        let path = self.staged.path().to_owned();
        let install_id = installation(&service.home);
        let mut gathered = Gathered::begin(&service.attachments.files)?;
        let prepared = tokio::task::spawn_blocking(move || {
            let life = NewLife {
                incarnation: &incarnation,
                install_id: install_id.as_deref(),
                now: epoch_seconds(),
            };
            // No id is drawn while runs are closed; back-off is not either.
            let random = Box::new(SeededRandom::new(0));
            let prepared = restore::prepare(&path, life, random, &mut gathered)?;
            Ok::<_, RestoreError>((prepared, gathered))
        });
        let (prepared, gathered) = prepared.await.unwrap_or_else(|_panicked| {
            Err(Fault::NoAnswer { part: "the checking thread" }.into())
        })?;
        let staged = self.staged.path().to_owned();
        let files = prepared.files.clone();
        // Before the board that has them: what is cut off here leaves bytes without a row, and no row without its bytes.
        let _nothing_is_taken_away = service.attachments.change.write().await;
        let placed = tokio::task::spawn_blocking(move || gathered.put_in_place(&files));
        let placed = placed.await.unwrap_or(Err(Fault::NoAnswer { part: "the disk thread" }))?;
        let replaced = service.database.replace(staged, service.pool.clone()).await;
        let restored = match replaced {
            Ok(restored) => restored,
            Err(error) => {
                // They are in nobody's way, and gc finds what stays.
                drop(tokio::task::spawn_blocking(move || placed.take_back()).await);
                return Err(error.into());
            }
        };
        service.supervision.incarnation.replace(restored.incarnation.clone());
        service.feed.have_all_look_again();
        tracing::warn!(
            incarnation = restored.incarnation,
            "the database was restored from a backup"
        );
        Ok(RestoreReply {
            incarnation: restored.incarnation,
            kept: restored.kept.to_string_lossy().into_owned(),
            schedules_paused: prepared.schedules_paused,
            files: prepared.files.len(),
            files_missing: prepared.files_missing,
        })
    }
}

/// Bytes that arrive cannot be written.
pub fn unreceived(error: &io::Error) -> Fault {
    file_fault("receive the backup", error)
}
