//! Which service manager could start the daemon here, and which of its units are installed.

use std::path::{Path, PathBuf};

/// Where the package and administrators have units of the machine.
const MACHINE_FOLDERS: [&str; 3] =
    ["/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];

/// Where units for every user's own service manager are.
const USERS_FOLDERS: [&str; 3] =
    ["/etc/systemd/user", "/usr/lib/systemd/user", "/lib/systemd/user"];

/// The unit of the daemon.
pub const DAEMON_UNIT: &str = "kanband.service";

/// The unit of its sockets.
pub const SOCKETS_UNIT: &str = "kanband.socket";

/// Whether systemd manages this machine: sd_booted(3).
pub fn has_systemd() -> bool {
    Path::new("/run/systemd/system").exists()
}

/// Whether a service manager of this user runs, by the runtime directory of the session.
pub fn has_user_manager(runtime_dir: Option<&str>) -> bool {
    runtime_dir.is_some_and(|dir| Path::new(dir).join("systemd/private").exists())
}

/// Whether the machine has a unit of this name.
pub fn has_machine_unit(unit: &str) -> bool {
    MACHINE_FOLDERS.iter().any(|folder| Path::new(folder).join(unit).exists())
}

/// Whether this user's service manager has a unit of this name. `own` is the user's own folder of units.
pub fn has_users_unit(unit: &str, own: Option<&Path>) -> bool {
    let folders = USERS_FOLDERS.iter().map(PathBuf::from).chain(own.map(Path::to_owned));
    folders.into_iter().any(|folder| folder.join(unit).exists())
}
