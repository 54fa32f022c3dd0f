//! `doctor` about supervision: what holds runs together, who starts them, whose they are, and what their profiles amount to.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::actors::group_limits::group_limits;
use crate::actors::handover_settings::shared_users;
use crate::actors::start_inputs::StartInputs;
use crate::config::Settings;
use crate::config::settings::ContainmentMode;
use crate::config::worker_user::worker_user;
use crate::os::control_groups::cgroup::Containment;
use crate::os::processes::identity::ProcessIdentity;
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

/// Whether the holder answers, where one is configured.
pub(super) async fn holder_check(service: &Service) -> Option<Check> {
    let holder = service.supervision.holder.clone()?;
    let (reply, heard) = oneshot::channel();
    // It may take its time.
    let asked = std::thread::Builder::new().name("holder".into()).spawn(move || {
        drop(reply.send(holder.hello()));
    });
    let fix = "`systemctl status kanband-runs`, or correct `supervision.holder`";
    Some(match (asked, heard.await) {
        (Ok(_), Ok(Ok(hello))) => {
            let ProcessIdentity { pid, .. } = hello.holder;
            Check::ok("holder", format!("version {}, pid {pid}: starts the workers", hello.package))
        }
        (Ok(_), Ok(Err(error))) => Check::bad("holder", Health::Fail, error.to_string(), fix),
        (Err(_), _) | (_, Err(_)) => Check::bad("holder", Health::Warn, "not reachable", fix),
    })
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
