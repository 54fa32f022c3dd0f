//! The one reason why a task is not running.

use std::sync::Arc;

use crate::kernel::queries::{Snapshot, WhyReply, WhyTask, why as read_why};
use crate::service::{Requester, Service, ServiceError};

/// Tells it.
///
/// # Errors
/// A refusal or a fault.
pub async fn why(
    service: Arc<Service>,
    by: Requester,
    query: WhyTask,
) -> Result<WhyReply, ServiceError> {
    let policy = service.configuration.policy();
    let low_disk_bytes = service.disk.low_bytes();
    let read = move |snapshot: &Snapshot<'_>| read_why(&query, snapshot, &policy, low_disk_bytes);
    Ok(service.readers.read(by.caller, read).await?)
}
