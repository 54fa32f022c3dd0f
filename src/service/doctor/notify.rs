//! `doctor` about notifications: the courier, its socket, its channels.

use std::sync::Arc;

use crate::actors::notifier::COURIER;
use crate::config::notify_settings::StartCourier;
use crate::config::worker_user::hook_user;
use crate::kernel::caller::Caller;
use crate::kernel::queries::Snapshot;
use crate::os::host::clock::epoch_seconds;
use crate::os::processes::helper::program_beside;
use crate::service::Service;
use crate::service::doctor::check::{Check, Health};
use crate::service::doctor::here::RunsAs;
use crate::service::notify_attention::{self, NotifyFacts};

const NAME: &str = "notifications";

/// The checks.
pub(super) async fn checks(service: &Arc<Service>, runs_as: &RunsAs) -> Vec<Check> {
    let settings = service.configuration.settings();
    let facts = NotifyFacts::of(service);
    let mut checks = programs(service);
    if facts.channels.is_empty() {
        checks.push(Check::ok(NAME, "no channel is configured"));
        return checks;
    }
    let names: Vec<String> = facts.channels.iter().cloned().collect();
    if facts.needs_courier && !service.doors.has_courier() {
        checks.push(Check::bad(
            NAME,
            Health::Warn,
            "there is no socket for the courier: nothing is sent",
            runs_as.courier_socket_fix(),
        ));
    } else if facts.long_absence(epoch_seconds()).is_some() {
        checks.push(absence(service, settings.notify.courier, runs_as));
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
    if checks.iter().all(|check| check.health == Health::Ok) {
        checks.push(Check::ok(NAME, format!("by {}", names.join(", "))));
    }
    checks
}

/// Programs of channels: those that are left out, and what the user says that they run as.
fn programs(service: &Service) -> Vec<Check> {
    let hooks = service.configuration.hooks();
    let left_out = hooks.left_out.iter().map(|why| {
        let fix = "correct its owner, mode or name, then `kanban reload`";
        Check::bad(NAME, Health::Warn, format!("a hook is left out: {why}"), fix)
    });
    let mut checks: Vec<Check> = left_out.collect();
    let policy = service.configuration.policy();
    if policy.notify.channels.values().any(|channel| channel.kind.is_of_daemon()) {
        checks.push(match hook_user(&service.start_inputs.daemon_user) {
            Some(user) => Check::ok(
                NAME,
                format!("programs of channels run as `{user}`: no socket lets them in"),
            ),
            None => Check::ok(
                NAME,
                "programs of channels run as the daemon's user: what they may reach is cooperative, not enforced",
            ),
        });
    }
    checks
}

/// Why nobody takes messages, as far as that can be seen.
fn absence(service: &Service, start: StartCourier, runs_as: &RunsAs) -> Check {
    let text = "no courier takes messages: nothing is sent";
    let is_there = program_beside(service.paths.kanban_dir.as_deref(), COURIER).is_some();
    let fix = match (start, is_there) {
        (_, false) => format!("install {COURIER} beside kanband"),
        (StartCourier::Off, true) => {
            "set `notify.courier = \"auto\"`, or start kanban-courier yourself".to_owned()
        }
        (StartCourier::Auto, true) => match runs_as {
            RunsAs::MachineUnit(_) => "`sudo systemctl enable --now kanban-courier`".to_owned(),
            RunsAs::UserUnit(_) | RunsAs::ByHand => {
                format!("read {}", service.home.join("courier.log").display())
            }
        },
    };
    Check::bad(NAME, Health::Warn, text, fix)
}
