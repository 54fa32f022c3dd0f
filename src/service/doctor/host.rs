//! `doctor` about the host: its disk, the home, and whether the daemon stays.

use std::collections::BTreeMap;
use std::path::Path;

use crate::os::files::permission_bits;
use crate::os::host::disk::free_bytes;
use crate::service::doctor::check::{Check, Health};
use crate::service::doctor::here::RunsAs;

/// Whether there is room for more.
pub(super) fn disk_check(home: &Path, min_free_bytes: u64) -> Check {
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
pub(super) fn home_check(home: &Path, runs_as: &RunsAs) -> Check {
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
            format!("move it back to its path, or restart the daemon: {}", runs_as.restart()),
        ),
    }
}

/// A daemon of a user's own service ends when that user logs out, unless lingering is enabled.
pub(super) fn lingering_check(env: &BTreeMap<String, String>, runs_as: &RunsAs) -> Option<Check> {
    let is_service = matches!(runs_as, RunsAs::UserUnit(_));
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
        let message = format!("the daemon ends when {user} logs out");
        Check::bad("lingering", Health::Warn, message, format!("`loginctl enable-linger {user}`"))
    })
}
