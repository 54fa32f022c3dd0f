//! Tasks of another board, each whole.

use std::sync::Arc;

use crate::kernel::queries::Snapshot;
use crate::kernel::store;
use crate::kernel::transfer::export::ImportPlan;
use crate::kernel::transfer::import::{ImportReply, ImportTasks};
use crate::service::{GetDaemon, Requester, Service, ServiceError};

/// Says whether an import can keep integer ids.
///
/// # Errors
/// A fault.
pub async fn plan(
    service: Arc<Service>,
    by: Requester,
    GetDaemon {}: GetDaemon,
) -> Result<ImportPlan, ServiceError> {
    let read = |snapshot: &Snapshot<'_>| {
        Ok(ImportPlan { keep_ids: store::transfer::is_empty(snapshot.connection)? })
    };
    Ok(service.readers.read(by.caller, read).await?)
}

/// Imports tasks.
///
/// # Errors
/// A refusal or a fault.
pub async fn import(
    service: Arc<Service>,
    by: Requester,
    verb: ImportTasks,
) -> Result<ImportReply, ServiceError> {
    let reply = service.database.submit(by.submit(verb)).await?;
    if reply.imported > 0 {
        // Imported events are history and no news, so they are not published; the search index has to look all the same.
        service.feed.have_all_look_again();
    }
    Ok(reply)
}
