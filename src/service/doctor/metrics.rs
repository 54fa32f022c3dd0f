//! `doctor` about the metrics over TCP.

use std::sync::Arc;

use crate::service::Service;
use crate::service::doctor::check::{Check, Health};

/// The check; none where everything is as it was asked for.
pub(super) async fn check(service: &Arc<Service>) -> Option<Check> {
    let (door, wanted) =
        (service.metrics_door.clone(), service.configuration.settings().metrics.listen);
    // A process table may take its time.
    let fault = tokio::task::spawn_blocking(move || door.fault(wanted)).await.ok().flatten();
    fault.map(|(message, fix)| Check::bad("metrics", Health::Warn, message, fix))
}
