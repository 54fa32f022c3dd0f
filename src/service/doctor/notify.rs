//! `doctor` about notifications: the courier, its socket, its channels.

use std::sync::Arc;

use crate::actors::notifier::COURIER;
use crate::config::notify_settings::StartCourier;
use crate::kernel::caller::Caller;
use crate::kernel::queries::Snapshot;
use crate::os::host::clock::epoch_seconds;
use crate::os::processes::helper::program_beside;
use crate::service::Service;
use crate::service::doctor::check::{Check, Health};
use crate::service::notify_attention::{self, NotifyFacts};

const NAME: &str = "notifications";

/// The checks.
pub(super) async fn checks(service: &Arc<Service>) -> Vec<Check> {
    let settings = service.configuration.settings();
    if settings.channels.is_empty() {
        return vec![Check::ok(NAME, "no channel is configured")];
    }
    let facts = NotifyFacts::of(service);
    let mut checks = Vec::new();
    if !service.doors.has_courier() {
        checks.push(Check::bad(
            NAME,
            Health::Warn,
            "there is no socket for the courier: nothing is sent",
            "as a service, `systemctl enable --now kanban-courier.socket` and restart the daemon; else use a shorter path for its socket",
        ));
    } else if facts.long_absence(epoch_seconds()).is_some() {
        checks.push(absence(service, settings.notify.courier));
    }
    let read = move |snapshot: &Snapshot<'_>| {
        // The absence has its own check.
        let facts = NotifyFacts { absent_since: None, ..facts };
        notify_attention::waiting(snapshot, &facts)
    };
    match service.readers.read(Caller::System { part: "doctor" }, read).await {
        Ok(waiting) => checks.extend(waiting.into_iter().map(|row| {
            let fix = row.commands.first().cloned().unwrap_or_default();
            Check::bad(NAME, Health::Warn, row.cause, format!("`{fix}`"))
        })),
        Err(error) => {
            let text = format!("cannot read the outbox: {error}");
            checks.push(Check::bad(NAME, Health::Warn, text, "run `kanban doctor` again"));
        }
    }
    if checks.is_empty() {
        let names: Vec<&str> = settings.channels.keys().map(String::as_str).collect();
        checks.push(Check::ok(NAME, format!("by {}", names.join(", "))));
    }
    checks
}

/// Why nobody takes messages, as far as that can be seen.
fn absence(service: &Service, start: StartCourier) -> Check {
    let text = "no courier takes messages: nothing is sent";
    let is_there = program_beside(service.paths.kanban_dir.as_deref(), COURIER).is_some();
    let fix = match (start, is_there) {
        (_, false) => format!("install {COURIER} beside kanband"),
        (StartCourier::Off, true) => {
            "set `notify.courier = \"auto\"`, or start kanban-courier yourself".to_owned()
        }
        (StartCourier::Auto, true) => {
            "as a service, `systemctl enable --now kanban-courier`; else read courier.log in the home".to_owned()
        }
    };
    Check::bad(NAME, Health::Warn, text, fix)
}
