//! Counts of the tasks of a board.

use std::sync::Arc;

use crate::kernel::queries::{GetStats, Snapshot, Stats, stats as read_stats};
use crate::service::{Requester, Service, ServiceError};

/// Counts them.
///
/// # Errors
/// A refusal or a fault.
pub async fn stats(
    service: Arc<Service>,
    by: Requester,
    query: GetStats,
) -> Result<Stats, ServiceError> {
    let counts = service.database.counts();
    let read = move |snapshot: &Snapshot<'_>| read_stats(&query, snapshot, &counts);
    Ok(service.readers.read(by.caller, read).await?)
}
