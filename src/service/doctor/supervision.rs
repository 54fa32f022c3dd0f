//! `doctor` about supervision: what holds runs together, who starts them, whose they are, and what their profiles amount to.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::actors::group_limits::group_limits;
use crate::actors::handover_settings::shared_users;
use crate::actors::run_views::{path_in_tmp, possible_of};
use crate::actors::start_inputs::StartInputs;
use crate::config::Settings;
use crate::config::settings::ContainmentMode;
use crate::config::worker_user::worker_user;
use crate::os::control_groups::cgroup::Containment;
use crate::os::holder::protocol::PossibleViews;
use crate::os::processes::identity::ProcessIdentity;
use crate::os::processes::worker_mark::WorkerMark;
use crate::service::Service;
use crate::service::doctor::check::{Check, Health};
use crate::service::doctor::here::RunsAs;
use crate::service::profiles::{ProfileInfo, profile_infos};

/// The mode; and whether a limit that holds for every run is one in name only. Those of profiles are reported with the profile.
pub(super) fn containment_checks(
    settings: &Settings,
    containment: &Containment,
    runs_as: &RunsAs,
) -> Vec<Check> {
    let is_chosen = settings.supervision.containment == ContainmentMode::SubReaper;
    let mut checks = vec![match containment {
        Containment::SubReaper { why, .. } if settings.supervision.cgroup_base.is_some() => {
            Check::bad(
                "containment",
                Health::Warn,
                containment.describe(),
                format!("correct `supervision.cgroup_base`: {why}"),
            )
        }
        Containment::SubReaper { .. } if !is_chosen => {
            let fix = runs_as.group_fix();
            Check::bad("containment", Health::Warn, containment.describe(), fix)
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

/// Whether the holder answers, where one is configured, and what it can give a run.
pub(super) async fn holder_checks(service: &Service) -> Vec<Check> {
    let Some(holder) = service.supervision.holder.clone() else { return Vec::new() };
    let (reply, heard) = oneshot::channel();
    // It may take its time.
    let asked = std::thread::Builder::new().name("holder".into()).spawn(move || {
        drop(reply.send(holder.hello()));
    });
    let fix = "`systemctl status kanband-runs`, or correct `supervision.holder`";
    match (asked, heard.await) {
        (Ok(_), Ok(Ok(hello))) => {
            let ProcessIdentity { pid, .. } = hello.holder;
            let answers = format!("version {}, pid {pid}: starts the workers", hello.package);
            let in_tmp = path_in_tmp(&service.supervision.paths);
            vec![Check::ok("holder", answers), views_check(&possible_of(&hello), in_tmp)]
        }
        (Ok(_), Ok(Err(error))) => {
            vec![Check::bad("holder", Health::Fail, error.to_string(), fix)]
        }
        (Err(_), _) | (_, Err(_)) => {
            vec![Check::bad("holder", Health::Warn, "not reachable", fix)]
        }
    }
}

/// What a run sees of the machine beside its own.
fn views_check(possible: &PossibleViews, in_tmp: Option<&Path>) -> Check {
    let name = "run mounts";
    let in_tmp = in_tmp.map(|path| format!("{} is needed by runs", path.display()));
    let why_no_tmp = possible.why_no_tmp.as_ref().or(in_tmp.as_ref());
    let parts = [("/tmp", why_no_tmp), ("/proc", possible.why_no_proc.as_ref())];
    let missing: Vec<String> = parts
        .iter()
        .filter_map(|(part, why)| Some(format!("runs share {part} with the host ({})", (*why)?)))
        .collect();
    if missing.is_empty() {
        let message = "runs have a /tmp, a /var/tmp and a /proc of their own, unless their profile has private_tmp = false";
        return Check::ok(name, message);
    }
    Check::bad(
        name,
        Health::Warn,
        missing.join("; "),
        "use Linux 5.8 or later with mounts permitted to kanband-runs (`systemctl restart kanband-runs` after an upgrade ends all \
         runs), and a home outside of /tmp; until then give profiles users of their own, and keep secrets out of /tmp and argument lists",
    )
}

/// Whose the workers of a profile without a user of its own are.
pub(super) fn users_check(start_inputs: &StartInputs) -> Check {
    let message = match worker_user(&start_inputs.daemon_user, None) {
        Ok(Some(user)) => format!(
            "workers run as `{user}` unless their profile names another user: they reach the board only through its sockets"
        ),
        Ok(None) | Err(_) => {
            "workers run as the daemon's user: the limits of workers' rights are cooperative, not enforced".to_owned()
        }
    };
    Check::ok("users", message)
}

/// Users that profiles with different secrets have together.
pub(super) fn shared_users_checks(settings: &Settings, start_inputs: &StartInputs) -> Vec<Check> {
    let shared = shared_users(settings, &start_inputs.daemon_user).into_iter();
    shared
        .map(|(user, profiles)| {
            let (names, first) = (profiles.join(", "), profiles.first().cloned().unwrap_or_default());
            Check::bad(
                "shared users",
                Health::Warn,
                format!("profiles {names} have different secrets and share the user `{user}`: their workers can read each other's"),
                format!("`sudo kanban profiles add-user {first}`, then `user = \"own\"` in [profiles.{first}]"),
            )
        })
        .collect()
}

/// Whether a process that has left its run can be told from an operator.
pub(super) fn mark_check(mark: WorkerMark) -> Check {
    let name = "worker mark";
    match mark {
        WorkerMark::Below(own) => Check::ok(
            name,
            format!(
                "processes of workers have a hard limit of POSIX message queues below {own} bytes; outside a run such a caller is refused"
            ),
        ),
        WorkerMark::LimitIsZero => Check::bad(
            name,
            Health::Warn,
            "none: the daemon's hard limit of POSIX message queues is 0, so a process of the daemon's user that has left its run \
             may pass for an operator",
            "start the daemon with a higher limit (`LimitMSGQUEUE=819200`, `ulimit -q`)",
        ),
        WorkerMark::NotShown => Check::bad(
            name,
            Health::Warn,
            "none: /proc does not show the limits of processes, so a process of the daemon's user that has left its run may pass for \
             an operator",
            "use a kernel that shows /proc/PID/limits",
        ),
    }
}

pub(super) async fn profile_checks(
    settings: &Settings,
    start_inputs: &Arc<StartInputs>,
    runs_as: &RunsAs,
) -> Vec<Check> {
    let names = settings.profiles.keys().cloned().collect();
    match profile_infos(start_inputs, names).await {
        Ok(infos) => {
            let has_usable = infos.iter().any(|info| info.problem.is_none());
            let mut checks: Vec<Check> = infos.into_iter().map(profile_check).collect();
            if !has_usable && !starts_other_names(settings, start_inputs).await {
                checks.push(Check::bad(
                    "agents",
                    Health::Warn,
                    "no agent can be started here",
                    runs_as.agent_fix(),
                ));
            }
            checks
        }
        Err(error) => {
            let fix = "check the file system of each env_file";
            vec![Check::bad("profiles", Health::Fail, error.to_string(), fix)]
        }
    }
}

/// Whether workers can be started for assignees without a profile. What nobody has found out yet may be.
async fn starts_other_names(settings: &Settings, start_inputs: &Arc<StartInputs>) -> bool {
    let dispatch = &settings.dispatch;
    if dispatch.strict_profiles {
        return false;
    }
    if dispatch.is_auto() {
        let policy = start_inputs.supervision.configuration.policy();
        return !policy.assignees.found.is_program_missing;
    }
    let any = vec!["default".to_owned()];
    profile_infos(start_inputs, any)
        .await
        .is_ok_and(|infos| infos.iter().all(|info| info.problem.is_none()))
}

fn profile_check(info: ProfileInfo) -> Check {
    let name = info.name;
    let check = format!("profile {name}");
    match info.problem {
        None if !info.not_enforced.is_empty() => {
            limits_in_name_only(&check, &format!("profiles.{name}"), &info.not_enforced)
        }
        None if !info.warnings.is_empty() => Check::bad(
            &check,
            Health::Warn,
            info.warnings.join("; "),
            format!("see [profiles.{name}]: `may_assign` and `may_use_dirs`"),
        ),
        None => Check::ok(&check, info.program.unwrap_or_default()),
        Some(problem) => {
            let fix = format!("install it, or correct [profiles.{name}]");
            Check::bad(&check, Health::Fail, problem, fix)
        }
    }
}
