//! `doctor`: what is wrong with this installation, each with the one thing that mends it.

mod surroundings;
mod way_in;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::actors::worker::prepare::{LaunchContext, group_limits};
use crate::api::Api;
use crate::api::operations::{Answer, Call, GetDaemon, json};
use crate::api::operator::operators_only;
use crate::api::profiles::profile_info;
use crate::config::Settings;
use crate::config::worker_user::worker_user;
use crate::kernel::breaker::BreakerState;
use crate::kernel::queries::Snapshot;
use crate::kernel::run::RunState;
use crate::kernel::store;
use crate::kernel::verbs::DispatchSwitch;
use crate::os::cgroup::Containment;
use crate::os::disk::free_bytes;
use crate::os::files::permission_bits;
use crate::os::identity::ProcessIdentity;

/// How a check went.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// Fine.
    Ok,
    /// Works, but somebody should know.
    Warn,
    /// Does not work.
    Fail,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// What was looked at.
    pub name: String,
    /// How it is.
    pub health: Health,
    /// One line about it.
    pub message: String,
    /// What mends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Check {
    /// One that is fine.
    pub fn ok(name: &str, message: impl Into<String>) -> Self {
        Self { name: name.to_owned(), health: Health::Ok, message: message.into(), fix: None }
    }

    /// One that is not, with what mends it.
    pub fn bad(
        name: &str,
        health: Health,
        message: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        let fix = Some(fix.into());
        Self { name: name.to_owned(), health, message: message.into(), fix }
    }
}

/// All checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Doctor {
    /// The worst of them.
    pub health: Health,
    /// The checks.
    pub checks: Vec<Check>,
}

/// Answers `GET /v1/doctor`.
pub fn get_doctor(api: Arc<Api>, call: Call) -> Answer {
    Box::pin(async move {
        let GetDaemon {} = call.input.from_query()?;
        operators_only(&call.caller, "doctor")?;
        let mut checks =
            vec![Check::ok("daemon", format!("version {}", env!("CARGO_PKG_VERSION")))];
        let settings = api.context.settings();
        let (home, min_free_bytes) = (api.home.clone(), settings.disk.min_free_bytes);
        let read = move |snapshot: &Snapshot<'_>| {
            Ok((board_checks(snapshot)?, disk_check(&home, min_free_bytes)))
        };
        let (of_board, disk) = api.readers.read(call.caller, read).await?;
        checks.extend(of_board);
        checks.push(disk);
        checks.push(home_check(&api.home));
        checks.extend(way_in::checks(&api.doors, &api.socket, &api.context.worker_socket));
        checks.push(surroundings::proc_check(&settings, &api.context.containment()));
        checks.extend(lingering_check(&api.context.daemon_env));
        let containment = api.context.containment();
        checks.extend(containment_checks(&settings, &containment));
        checks.extend(holder_check(&api).await);
        checks.push(users_check(&api.context));
        checks.extend(profile_checks(&settings, &api.context));
        let health = checks.iter().map(|check| check.health).max().unwrap_or(Health::Ok);
        json(&Doctor { health, checks })
    })
}

fn board_checks(snapshot: &Snapshot<'_>) -> Result<Vec<Check>, crate::kernel::error::VerbError> {
    let connection = snapshot.connection;
    let mut checks = Vec::new();
    let problems = store::check::problems(connection)?;
    checks.push(match problems.first() {
        None => Check::ok(
            "database",
            format!("sound, schema version {}", store::migrate::newest_version()),
        ),
        Some(problem) => Check::bad(
            "database",
            Health::Fail,
            problem.clone(),
            "`kanban restore` the newest backup",
        ),
    });
    checks.push(match DispatchSwitch::read(connection)? {
        DispatchSwitch::On => Check::ok("dispatch", "on"),
        DispatchSwitch::Paused => Check::bad("dispatch", Health::Warn, "paused", "`kanban resume`"),
        DispatchSwitch::Draining => {
            Check::bad("dispatch", Health::Warn, "draining", "`kanban resume`")
        }
    });
    for breaker in store::breakers::list(connection)? {
        if breaker.state != BreakerState::Closed {
            let error = breaker.last_error.unwrap_or_default();
            checks.push(Check::bad(
                "breaker",
                Health::Warn,
                format!("{} is open: {error}", breaker.key.to_text()),
                "mend what it says; one task is tried from time to time",
            ));
        }
    }
    for run in store::runs::list_open_supervised(connection)? {
        if run.state == RunState::Unkillable {
            checks.push(Check::bad(
                "runs",
                Health::Fail,
                format!("the processes of run {} of {} do not die", run.id, run.task_id),
                format!("look at them; then `kanban stop --force {}`", run.task_id),
            ));
        }
    }
    Ok(checks)
}

fn disk_check(home: &Path, min_free_bytes: u64) -> Check {
    let shown = home.display();
    match free_bytes(home) {
        Ok(free) if free < min_free_bytes => Check::bad(
            "disk",
            Health::Fail,
            format!(
                "{free} bytes free at {shown}, fewer than disk.min_free_bytes ({min_free_bytes}): nothing is started"
            ),
            "`kanban gc`, or free some space",
        ),
        Ok(free) => Check::ok("disk", format!("{} MiB free at {shown}", free / (1024 * 1024))),
        Err(error) => Check::bad(
            "disk",
            Health::Warn,
            format!("free space at {shown} cannot be told: {error}"),
            "see that the file system is mounted",
        ),
    }
}

/// Whether others may write into the home.
fn home_check(home: &Path) -> Check {
    let shown = home.display();
    match permission_bits(home) {
        Ok(mode) if mode & 0o022 != 0 => Check::bad(
            "home",
            Health::Fail,
            format!("{shown} has mode {mode:03o}: others may write into it"),
            format!("`chmod go-w {shown}`"),
        ),
        Ok(mode) => Check::ok("home", format!("{shown}, mode {mode:03o}")),
        Err(error) => Check::bad(
            "home",
            Health::Fail,
            format!("{shown} cannot be looked at: {error}"),
            "move it back to its path, or start `kanband` anew",
        ),
    }
}

/// A daemon of a user's own service ends when that user logs out, unless systemd is told to let them linger.
fn lingering_check(env: &BTreeMap<String, String>) -> Option<Check> {
    let is_service = env.contains_key("INVOCATION_ID");
    let user = env.get("USER").filter(|user| is_service && !user.contains('/'))?;
    if !env.contains_key("XDG_RUNTIME_DIR") {
        return None;
    }
    let lingers = Path::new("/var/lib/systemd/linger").join(user).exists();
    Some(if lingers {
        Check::ok("lingering", format!("{user} lingers: the daemon stays after a logout"))
    } else {
        let told = format!("the daemon ends when {user} logs out");
        Check::bad("lingering", Health::Warn, told, format!("`loginctl enable-linger {user}`"))
    })
}

/// The mode; and whether a limit that holds for every run is one in name only. Those of profiles are told with the profile.
fn containment_checks(settings: &Settings, containment: &Containment) -> Vec<Check> {
    let mut checks = vec![match containment {
        Containment::SubReaper { why, .. } if settings.supervision.cgroup_base.is_some() => {
            Check::bad(
                "containment",
                Health::Warn,
                containment.describe(),
                format!("correct `supervision.cgroup_base`: {why}"),
            )
        }
        Containment::Groups(_) | Containment::SubReaper { .. } => {
            Check::ok("containment", containment.describe())
        }
    }];
    let not_enforced = containment.not_enforced(&group_limits(settings, None));
    if !not_enforced.is_empty() {
        checks.push(limits_in_name_only("limits", "supervision", &not_enforced));
    }
    checks
}

fn limits_in_name_only(check: &str, section: &str, not_enforced: &[String]) -> Check {
    Check::bad(
        check,
        Health::Warn,
        format!("not enforced on this host: {}", not_enforced.join(", ")),
        format!(
            "give kanband a control group with their controllers, or take them out of [{section}]"
        ),
    )
}

/// Whether the holder answers, where one is configured.
async fn holder_check(api: &Arc<Api>) -> Option<Check> {
    let holder = api.context.holder.clone()?;
    let (reply, heard) = oneshot::channel();
    // It may take its time.
    let asked = std::thread::Builder::new().name("holder".into()).spawn(move || {
        drop(reply.send(holder.hello()));
    });
    let mend = "`systemctl status kanband-runs`, or correct `supervision.holder`";
    Some(match (asked, heard.await) {
        (Ok(_), Ok(Ok(hello))) => {
            let ProcessIdentity { pid, .. } = hello.holder;
            Check::ok("holder", format!("version {}, pid {pid}: starts the workers", hello.package))
        }
        (Ok(_), Ok(Err(error))) => Check::bad("holder", Health::Fail, error.to_string(), mend),
        (Err(_), _) | (_, Err(_)) => {
            Check::bad("holder", Health::Warn, "it could not be asked", mend)
        }
    })
}

/// Whose the workers of a profile without a user of its own are.
fn users_check(context: &LaunchContext) -> Check {
    let message = match worker_user(&context.daemon_user, None) {
        Ok(Some(user)) => format!(
            "workers run as `{user}` unless their profile names another: they cannot reach the board but by its sockets"
        ),
        Ok(None) | Err(_) => {
            "workers run as this user: what a worker may do is cooperative, not enforced".to_owned()
        }
    };
    Check::ok("users", message)
}

fn profile_checks(settings: &Settings, context: &LaunchContext) -> Vec<Check> {
    settings
        .profiles
        .keys()
        .map(|name| {
            let info = profile_info(name, settings, context);
            let check = format!("profile {name}");
            match info.problem {
                None if !info.not_enforced.is_empty() => {
                    limits_in_name_only(&check, &format!("profiles.{name}"), &info.not_enforced)
                }
                None => Check::ok(&check, info.program.unwrap_or_default()),
                Some(problem) => Check::bad(
                    &check,
                    Health::Fail,
                    problem,
                    format!("install it, or correct [profiles.{name}]"),
                ),
            }
        })
        .collect()
}
