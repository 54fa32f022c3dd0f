//! `doctor` about what the host shows to the daemon.

use crate::config::Settings;
use crate::os::control_groups::cgroup::Containment;
use crate::os::processes::proc_view::ProcMount;
use crate::service::doctor::check::{Check, Health};

/// How much of `/proc` the daemon sees, and what it cannot do with less than all of it.
pub(super) fn proc_check(settings: &Settings, containment: &Containment) -> Check {
    let name = "processes";
    let mount = match ProcMount::of_process() {
        Ok(mount) => mount,
        Err(error) => {
            let message = format!("cannot read the mount options of /proc: {error}");
            return Check::bad(name, Health::Warn, message, "mount /proc");
        }
    };
    let Some(option) = mount.hides.as_ref().filter(|_| mount.hides_from_this_process()) else {
        return Check::ok(name, "/proc shows them all");
    };
    let own = settings.profiles.values().map(|profile| profile.progress_timeout);
    let has_timeout = own
        .chain([Some(settings.supervision.progress_timeout)])
        .any(|timeout| timeout.is_some_and(|timeout| !timeout.is_zero()));
    if has_timeout && matches!(containment, Containment::SubReaper { .. }) {
        return Check::bad(
            name,
            Health::Warn,
            format!(
                "/proc hides those of other users ({option}), and without control groups the CPU time of a run is \
                 unknown: `supervision.progress_timeout` has no effect"
            ),
            "mount /proc without hidepid, or with `gid=` of a group of the daemon's user",
        );
    }
    Check::ok(
        name,
        format!(
            "/proc hides those of other users ({option}): callers are identified by what is visible"
        ),
    )
}
