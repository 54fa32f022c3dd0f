//! A board as records: a header, then a record per task. Each task is as of one instant; the board goes on meanwhile.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::caller::Caller;
use crate::kernel::ids::TaskId;
use crate::kernel::queries::Snapshot;
use crate::kernel::store;
use crate::kernel::transfer::export;
use crate::kernel::transfer::record::{ExportHeader, FORMAT_VERSION, TaskRecord};
use crate::service::{Requester, Service, ServiceError};

/// Exports a board.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExportBoard {
    /// Board; default: `default`.
    pub board: Option<String>,
}

/// An export that is made while it is read.
pub struct Export {
    /// What is written before the records.
    pub header: ExportHeader,
    ids: std::vec::IntoIter<TaskId>,
    service: Arc<Service>,
    caller: Caller,
}

/// Begins an export.
///
/// # Errors
/// A refusal or a fault.
pub async fn begin(
    service: Arc<Service>,
    by: Requester,
    request: ExportBoard,
) -> Result<Export, ServiceError> {
    let list = move |snapshot: &Snapshot<'_>| {
        let (board, ids) = export::list_ids(snapshot, request.board.as_deref())?;
        let source = store::install::get(snapshot.connection)?.install_id;
        let tasks = ids.len();
        Ok((ExportHeader { kanban_export: FORMAT_VERSION, board, source, tasks }, ids))
    };
    let Requester { caller, .. } = by;
    let (header, ids) = service.readers.read_long(caller.clone(), list).await?;
    Ok(Export { header, ids: ids.into_iter(), service, caller })
}

impl Export {
    /// The record of the next task that is still there; none at the end.
    ///
    /// # Errors
    /// A fault; a part must not pass as the whole then.
    pub async fn next(&mut self) -> Result<Option<TaskRecord>, ServiceError> {
        for id in self.ids.by_ref() {
            let read = move |snapshot: &Snapshot<'_>| export::record(snapshot, &id);
            let record = self.service.readers.read_long(self.caller.clone(), read).await?;
            if record.is_some() {
                return Ok(record);
            }
        }
        Ok(None)
    }
}
