//! `doctor`: what is wrong with this installation, each with the one thing that mends it.

mod surroundings;
mod way_in;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::actors::apart::on_own_thread;
use crate::actors::worker::prepare::{LaunchContext, group_limits};
use crate::api::Api;
use crate::api::limits::FILES_TIME;
use crate::api::operations::{Answer, Call, GetDaemon, json};
use crate::api::operator::operators_only;
use crate::api::profiles::{ProfileInfo, profile_infos};
use crate::api::resources;
use crate::config::held_secrets::files_with_secrets;
use crate::config::worker_user::worker_user;
use crate::config::{Home, Settings, left_out};
use crate::kernel::caller::Caller;
use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::queries::Snapshot;
use crate::kernel::run::RunState;
use crate::kernel::store;
use crate::kernel::store::Difference;
use crate::kernel::verbs::DispatchSwitch;
use crate::os::control_groups::cgroup::Containment;
use crate::os::files::{Readers, other_readers, own_group, permission_bits};
use crate::os::home::board_files::BoardLoss;
use crate::os::host::clock::epoch_seconds;
use crate::os::host::disk::free_bytes;
use crate::os::processes::identity::ProcessIdentity;

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
        let loss = api.database.loss();
        checks.extend(loss.as_ref().map(lost_check));
        match checks_of_board(&api, &call.caller).await {
            // A file that is sound and is not the one at its path is none that is.
            Ok(of_board) => checks.extend(of_board.into_iter().filter(|check| {
                loss.is_none() || check.name != "database" || check.health != Health::Ok
            })),
            Err(error) => checks.push(unread_check(&error)),
        }
        checks.push(disk_check(&home, min_free_bytes));
        let mut resources = resources::resources(&api);
        // What cannot be read has been reported above.
        let searched = api.readers.read(call.caller.clone(), resources::search_use).await;
        resources.search = searched.unwrap_or_default();
        let max_running = settings.dispatch.max_running;
        checks.extend(resources::checks(&resources, max_running, epoch_seconds()));
        checks.push(home_check(&api.home));
        checks.extend(way_in::checks(&api.doors, &api.socket, &api.context.worker_socket));
        checks.push(surroundings::proc_check(&settings, &api.context.containment()));
        checks.extend(secrets_in_time(&settings, &api.reloader.home).await);
        checks.extend(lingering_check(&api.context.daemon_env));
        let containment = api.context.containment();
        checks.extend(containment_checks(&settings, &containment));
        checks.extend(holder_check(&api).await);
        checks.push(users_check(&api.context));
        checks.extend(profile_checks(&settings, &api.context).await);
        let health = checks.iter().map(|check| check.health).max().unwrap_or(Health::Ok);
        json(&Doctor { health, checks })
    })
}

fn lost_check(loss: &BoardLoss) -> Check {
    let told = format!("writes are disabled: {loss}");
    Check::bad("database", Health::Fail, told, loss.remedy())
}

/// The board could not be read. Only a fault that lasts says anything about the file.
fn unread_check(error: &VerbError) -> Check {
    let told = format!("cannot read it: {error}");
    match error {
        VerbError::Failed(fault) if !fault.is_retryable() => Check::bad(
            "database",
            Health::Fail,
            told,
            "restore the newest backup with `kanban restore`",
        ),
        VerbError::Failed(_) | VerbError::Refused(_) => {
            Check::bad("database", Health::Warn, told, "run `kanban doctor` again in a moment")
        }
    }
}

/// The checks that read the board, its whole file among them.
async fn checks_of_board(api: &Api, caller: &Caller) -> Result<Vec<Check>, VerbError> {
    let read = |snapshot: &Snapshot<'_>| Ok(store::check::problems(snapshot.connection)?);
    let problems = api.readers.read_long(caller.clone(), read).await;
    let mut checks = vec![database_check(problems)?];
    checks.extend(api.readers.read(caller.clone(), board_checks).await?);
    Ok(checks)
}

/// What reading the whole database has shown. One that is too large to be read in the time that a read may take has
/// shown nothing.
fn database_check(problems: Result<Vec<String>, VerbError>) -> Result<Check, VerbError> {
    let problems = match problems {
        Err(VerbError::Refused(Refusal::ReadTooLong { ms })) => {
            let told = format!("too large for a full check: stopped after {ms} ms");
            let fix = "run `kanban backup`, which verifies the whole database";
            return Ok(Check::bad("database", Health::Warn, told, fix));
        }
        problems => problems?,
    };
    Ok(match problems.first() {
        None => {
            let version = store::migrate::newest_version();
            Check::ok("database", format!("sound, schema version {version}"))
        }
        Some(problem) => {
            let fix = "restore the newest backup with `kanban restore`";
            Check::bad("database", Health::Fail, problem.clone(), fix)
        }
    })
}

fn board_checks(snapshot: &Snapshot<'_>) -> Result<Vec<Check>, VerbError> {
    let connection = snapshot.connection;
    let mut checks = Vec::new();
    checks.extend(structure_check(&store::schema::differences(connection)?));
    checks.push(match DispatchSwitch::read(connection)? {
        DispatchSwitch::On => Check::ok("dispatch", "on"),
        DispatchSwitch::Paused => Check::bad("dispatch", Health::Warn, "paused", "`kanban resume`"),
        DispatchSwitch::Draining => {
            Check::bad("dispatch", Health::Warn, "draining", "`kanban resume`")
        }
    });
    let (held, more) = store::breakers::list_held(connection)?;
    for breaker in held {
        let error = breaker.last_error.unwrap_or_default();
        checks.push(Check::bad(
            "breaker",
            Health::Warn,
            format!("{} is open: {error}", breaker.key.to_text()),
            "repair the cause; one task is tried from time to time",
        ));
    }
    if more > 0 {
        let message = format!("{more} more workspace breakers are open");
        checks.push(Check::bad(
            "breaker",
            Health::Warn,
            message,
            "list them with `kanban breakers`",
        ));
    }
    for run in store::runs::list_open_supervised(connection)? {
        if let Some(doubt) = store::footing::doubt(connection, run.id)? {
            checks.push(Check::bad(
                "runs",
                Health::Fail,
                format!("cannot determine how run {} of {} ended: {doubt}", run.id, run.task_id),
                format!(
                    "check whether its processes are alive, then run `kanban stop --force {}`",
                    run.task_id
                ),
            ));
        }
        if run.state == RunState::Unkillable {
            checks.push(Check::bad(
                "runs",
                Health::Fail,
                format!("the processes of run {} of {} cannot be killed", run.id, run.task_id),
                format!("inspect them, then run `kanban stop --force {}`", run.task_id),
            ));
        }
    }
    Ok(checks)
}

/// What was added to the board or taken from it. It stays, and runs with every write if it is a trigger.
fn structure_check(differences: &[Difference]) -> Option<Check> {
    let told: Vec<&str> = differences.iter().map(|found| found.told.as_str()).collect();
    let statements: Vec<&str> =
        differences.iter().filter_map(|found| found.remedy.as_deref()).collect();
    let fix = match statements[..] {
        [] => "`kanban restore` a backup that has its own structure".to_owned(),
        _ => format!(
            "stop the daemon and run with `sqlite3` on kanban.db: {} (`kanban restore` refuses a backup that has it)",
            statements.join(" ")
        ),
    };
    (!told.is_empty()).then(|| Check::bad("schema", Health::Warn, told.join("; "), fix))
}

fn disk_check(home: &Path, min_free_bytes: u64) -> Check {
    let shown = home.display();
    match free_bytes(home) {
        Ok(free) if free < min_free_bytes => Check::bad(
            "disk",
            Health::Fail,
            format!(
                "{free} bytes free at {shown}, less than disk.min_free_bytes ({min_free_bytes}): no tasks are started"
            ),
            "run `kanban gc`, or free some space",
        ),
        Ok(free) => Check::ok("disk", format!("{} MiB free at {shown}", free / (1024 * 1024))),
        Err(error) => Check::bad(
            "disk",
            Health::Warn,
            format!("cannot determine the free space at {shown}: {error}"),
            "check that the file system is mounted",
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
            format!("{shown} has mode {mode:03o}: writable by other users"),
            format!("`chmod go-w {shown}`"),
        ),
        Ok(mode) => Check::ok("home", format!("{shown}, mode {mode:03o}")),
        Err(error) => Check::bad(
            "home",
            Health::Fail,
            format!("cannot inspect {shown}: {error}"),
            "move it back to its path, or restart `kanband`",
        ),
    }
}

/// Files that hold keys and that others may read: the configuration's, those beside it, and the profiles' own.
/// The same on a thread of its own: a disk may not answer.
async fn secrets_in_time(settings: &Arc<Settings>, home: &Home) -> Vec<Check> {
    let (settings, home) = (Arc::clone(settings), home.clone());
    let look = on_own_thread("secrets", move || secrets_checks(&settings, &home));
    match tokio::time::timeout(FILES_TIME, look).await {
        Ok(Ok(checks)) => checks,
        Ok(Err(_)) | Err(_) => {
            let told = "cannot check the permissions of the configuration files: timed out";
            let fix = "check the file systems of the configuration and of each env_file";
            vec![Check::bad("secrets", Health::Warn, told.to_owned(), fix)]
        }
    }
}

fn secrets_checks(settings: &Settings, home: &Home) -> Vec<Check> {
    let mut files = files_with_secrets(home);
    files.extend(settings.profiles.values().filter_map(|profile| profile.env_file.clone()));
    files.sort();
    files.dedup();
    let own_group = own_group();
    let mut checks = Vec::new();
    for file in files {
        let shown = file.display();
        let told = match other_readers(&file, own_group) {
            Ok(Readers::Nobody) | Err(_) => continue,
            Ok(Readers::Everybody) => {
                format!("{shown} contains secrets and is readable by all users")
            }
            Ok(Readers::Group(group)) => {
                format!("{shown} contains secrets and is readable by the group with the id {group}")
            }
        };
        checks.push(Check::bad(
            "secrets",
            Health::Fail,
            told,
            format!(
                "run `chmod go-r {shown}`, or change its group to the daemon's and run `chmod o-r`"
            ),
        ));
    }
    checks.extend(left_out(home).into_iter().map(|file| {
        let told = format!("{} is not readable by this user and is ignored", file.display());
        Check::bad(
            "configuration",
            Health::Warn,
            told,
            "put the settings into your own configuration",
        )
    }));
    checks
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
        Check::ok(
            "lingering",
            format!("lingering is enabled for {user}: the daemon survives a logout"),
        )
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
        format!("limits the host cannot enforce: {}", not_enforced.join(", ")),
        format!(
            "give kanband a control group with these controllers, or remove the limits from [{section}]"
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
        (Err(_), _) | (_, Err(_)) => Check::bad("holder", Health::Warn, "not reachable", mend),
    })
}

/// Whose the workers of a profile without a user of its own are.
fn users_check(context: &LaunchContext) -> Check {
    let message = match worker_user(&context.daemon_user, None) {
        Ok(Some(user)) => format!(
            "workers run as `{user}` unless their profile names another user: they reach the board only through its sockets"
        ),
        Ok(None) | Err(_) => {
            "workers run as the daemon's user: the limits of workers' rights are cooperative, not enforced".to_owned()
        }
    };
    Check::ok("users", message)
}

async fn profile_checks(settings: &Settings, context: &Arc<LaunchContext>) -> Vec<Check> {
    let names = settings.profiles.keys().cloned().collect();
    match profile_infos(context, names).await {
        Ok(infos) => infos.into_iter().map(profile_check).collect(),
        Err(error) => {
            let fix = "check the file system of each env_file";
            vec![Check::bad("profiles", Health::Fail, error.detail().message.clone(), fix)]
        }
    }
}

fn profile_check(info: ProfileInfo) -> Check {
    let name = info.name;
    let check = format!("profile {name}");
    match info.problem {
        None if !info.not_enforced.is_empty() => {
            limits_in_name_only(&check, &format!("profiles.{name}"), &info.not_enforced)
        }
        None => Check::ok(&check, info.program.unwrap_or_default()),
        Some(problem) => {
            let fix = format!("install it, or correct [profiles.{name}]");
            Check::bad(&check, Health::Fail, problem, fix)
        }
    }
}
