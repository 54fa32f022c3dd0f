//! Where the daemon runs, and so which commands help here: under a service manager by a unit, or by hand.

use std::path::Path;

use crate::os::processes::young_processes::group_of;

/// What keeps the daemon running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RunsAs {
    /// A unit of the machine's service manager.
    MachineUnit(String),
    /// A unit of the user's own service manager.
    UserUnit(String),
    /// Nothing: it was started by hand, or by a program that is unknown.
    ByHand,
}

impl RunsAs {
    /// By the control group of this process.
    pub(super) fn of_process() -> Self {
        let own = i32::try_from(std::process::id()).ok().and_then(group_of);
        own.as_deref().map_or(Self::ByHand, Self::of_group)
    }

    /// A shell in a unit of another program, from which the daemon was started, is no unit of the daemon.
    fn of_group(group: &Path) -> Self {
        let last = group.file_name().map(|name| name.to_string_lossy().into_owned());
        let is_ours = |name: &String| name.starts_with("kanband") && name.ends_with(".service");
        match last.filter(is_ours) {
            Some(unit) if group.starts_with("/user.slice") => Self::UserUnit(unit),
            Some(unit) => Self::MachineUnit(unit),
            None => Self::ByHand,
        }
    }

    /// The command that restarts it; no worker notices.
    pub(super) fn restart(&self) -> String {
        match self {
            Self::MachineUnit(unit) => format!("`sudo systemctl restart {}`", short(unit)),
            Self::UserUnit(unit) => format!("`systemctl --user restart {}`", short(unit)),
            Self::ByHand => {
                {
                    let pid = std::process::id();
                    // The second command waits until the daemon has ended: until then the home is its own.
                    format!(
                        "`kill {pid}; tail --pid={pid} -f /dev/null; kanband -d`, with the same KANBAN_HOME"
                    )
                }
            }
        }
    }

    /// What has the daemon run in a control group in which it can make others.
    pub(super) fn group_fix(&self) -> String {
        let way = match self {
            Self::MachineUnit(_) => {
                "use the units of the package: kanband-runs.service has a control group for the workers".to_owned()
            }
            Self::UserUnit(_) => format!(
                "mount cgroup v2 (`stat -fc %T /sys/fs/cgroup` prints cgroup2fs), then {}",
                self.restart()
            ),
            Self::ByHand => {
                "run kanband as a service of systemd, or where /sys/fs/cgroup is cgroup v2 and writable (a container: \
                 `--cgroupns=private`, mounted rw)"
                    .to_owned()
            }
        };
        format!("{way}; `supervision.containment = \"subreaper\"` accepts it as it is")
    }

    /// How the courier gets a socket.
    pub(super) fn courier_socket_fix(&self) -> String {
        let restart = self.restart();
        match self {
            Self::MachineUnit(_) => {
                format!("`sudo systemctl enable --now kanban-courier.socket`, then {restart}")
            }
            Self::UserUnit(_) | Self::ByHand => {
                format!(
                    "have KANBAN_SOCKET name a shorter path, then restart the daemon: {restart}"
                )
            }
        }
    }

    /// How the daemon may open more files.
    pub(super) fn open_files_fix(&self) -> String {
        match self {
            Self::MachineUnit(unit) => {
                format!("set LimitNOFILE= with `sudo systemctl edit {}`", short(unit))
            }
            Self::UserUnit(unit) => {
                format!("set LimitNOFILE= with `systemctl --user edit {}`", short(unit))
            }
            Self::ByHand => "raise the hard limit (`ulimit -Hn`) of what starts kanband".to_owned(),
        }
    }

    /// How an agent gets a profile.
    pub(super) fn agent_fix(&self) -> String {
        match self {
            Self::MachineUnit(_) => "install an agent for the workers' user (see \
                /usr/share/doc/kanband/README.Debian), then `sudo kanban init`"
                .to_owned(),
            Self::UserUnit(_) | Self::ByHand => {
                "install an agent, then `kanban init`: it writes the profile".to_owned()
            }
        }
    }
}

/// `kanband.service` is `kanband` for systemctl.
fn short(unit: &str) -> &str {
    unit.strip_suffix(".service").unwrap_or(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remedy_is_one_for_where_the_daemon_runs() {
        let transient = "kanband-0123456789ab.service";
        let own = "/user.slice/user-1000.slice/user@1000.service/app.slice";
        for (group, expected, restart) in [
            (
                "/system.slice/kanband.service".to_owned(),
                RunsAs::MachineUnit("kanband.service".to_owned()),
                "`sudo systemctl restart kanband`".to_owned(),
            ),
            (
                format!("{own}/kanband.service"),
                RunsAs::UserUnit("kanband.service".to_owned()),
                "`systemctl --user restart kanband`".to_owned(),
            ),
            (
                format!("{own}/{transient}"),
                RunsAs::UserUnit(transient.to_owned()),
                "`systemctl --user restart kanband-0123456789ab`".to_owned(),
            ),
            (format!("{own}/vte-spawn.scope"), RunsAs::ByHand, "; kanband -d`".to_owned()),
            ("/system.slice/ssh.service".to_owned(), RunsAs::ByHand, "`kill ".to_owned()),
            ("/".to_owned(), RunsAs::ByHand, "KANBAN_HOME".to_owned()),
        ] {
            let found = RunsAs::of_group(Path::new(&group));
            assert_eq!(found, expected, "{group}");
            assert!(found.restart().contains(&restart), "{}", found.restart());
        }
    }
}
