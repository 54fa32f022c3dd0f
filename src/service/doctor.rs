//! `doctor`: what is wrong with this installation, each with the one thing that fixes it.

mod board;
pub mod check;
mod configuration;
mod credentials;
mod here;
mod host;
mod metrics;
mod notify;
mod secrets;
mod supervision;
mod surroundings;
mod way_in;
mod web;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::os::host::clock::epoch_seconds;
use crate::os::processes::worker_mark::WorkerMark;
use crate::service::doctor::check::{Check, Health};
use crate::service::doctor::here::RunsAs;
use crate::service::resources;
use crate::service::{GetDaemon, Requester, Service, ServiceError};

/// All checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Doctor")]
pub struct Doctor<H = Health> {
    /// The worst result.
    pub health: H,
    /// The checks.
    pub checks: Vec<Check<H>>,
}

/// Looks at everything.
///
/// # Errors
/// None: what cannot be looked at is a check that says so.
pub async fn doctor(
    service: Arc<Service>,
    by: Requester,
    GetDaemon {}: GetDaemon,
) -> Result<Doctor, ServiceError> {
    let Requester { caller, .. } = by;
    let (settings, containment) =
        (service.configuration.settings(), service.supervision.containment.get());
    let runs_as = RunsAs::of_process();
    let mut checks = vec![Check::ok("daemon", format!("version {}", env!("CARGO_PKG_VERSION")))];
    checks.extend(board::checks(&service, &caller).await);
    checks.push(host::disk_check(&service.home, settings.disk.min_free_bytes));
    let mut resources = resources::resources(&service);
    // What cannot be read has been reported above.
    let searched = service.readers.read(caller, resources::search_use).await;
    resources.search = searched.unwrap_or_default();
    let max_running = settings.dispatch.max_running;
    let open_files_fix = runs_as.open_files_fix();
    checks.extend(resources::checks(&resources, max_running, epoch_seconds(), &open_files_fix));
    checks.push(host::home_check(&service.home, &runs_as));
    checks.extend(way_in::checks(&service.doors, &service.socket, &service.paths.worker_socket));
    checks.extend(web::checks(&service).await);
    checks.extend(metrics::check(&service).await);
    checks.extend(notify::checks(&service, &runs_as).await);
    checks.extend(credentials::checks(&service).await);
    checks.push(surroundings::proc_check(&settings, &containment));
    checks.extend(configuration::checks(&service).await);
    checks.extend(secrets::checks(&settings, &service.reloader.home).await);
    checks.extend(host::lingering_check(&service.start_inputs.daemon_env, &runs_as));
    checks.extend(supervision::containment_checks(&settings, &containment, &runs_as));
    checks.extend(supervision::holder_checks(&service).await);
    checks.push(supervision::users_check(&service.start_inputs));
    checks.extend(supervision::shared_users_checks(&settings, &service.start_inputs));
    checks.push(supervision::mark_check(WorkerMark::of_process()));
    checks.extend(supervision::profile_checks(&settings, &service.start_inputs, &runs_as).await);
    let health = checks.iter().map(|check| check.health).max().unwrap_or(Health::Ok);
    Ok(Doctor { health, checks })
}
