//! The ways to have a daemon run here: a service of the machine, a service of the user, its socket, a process in the background.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::api::client::absence::IN_BACKGROUND;
use crate::cli::failure::Failure;
use crate::config::home::HomeKind;
use crate::config::{Ambient, Home, own_units};
use crate::os::files::find_program;
use crate::os::host::service_units::{
    DAEMON_UNIT, SOCKETS_UNIT, has_machine_unit, has_systemd, has_user_manager, has_users_unit,
};

/// The units of the package for a user's own daemon, and the folder of the programs in them.
const UNITS: [(&str, &str); 2] = [
    (DAEMON_UNIT, include_str!("../../../../packaging/systemd/user/kanband.service")),
    (SOCKETS_UNIT, include_str!("../../../../packaging/systemd/user/kanband.socket")),
];
const FOLDER_OF_PACKAGE: &str = "/usr/bin/";

/// A way to have a daemon run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// The service of the machine.
    MachineService,
    /// A service of the user.
    UserService,
    /// The socket of the user's service, which starts it on first use.
    UserSocket,
    /// In the background.
    Background,
    /// Not at all.
    Not,
}

/// What decides on the ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) kind: HomeKind,
    pub(super) has_machine_unit: bool,
    pub(super) has_user_manager: bool,
}

impl Seen {
    /// What there is.
    pub(super) fn of(home: &Home, ambient: &Ambient) -> Self {
        let path = ambient.var("PATH").unwrap_or_default();
        let has_systemctl = find_program("systemctl", path).is_some();
        Self {
            kind: home.kind(),
            has_machine_unit: has_systemctl && has_systemd() && has_machine_unit(DAEMON_UNIT),
            has_user_manager: has_systemctl && has_user_manager(ambient.var("XDG_RUNTIME_DIR")),
        }
    }

    /// The ways that there are, the best one first.
    pub(super) fn ways(self) -> Vec<Start> {
        match self {
            Self { kind: HomeKind::System, has_machine_unit: true, .. } => {
                vec![Start::MachineService, Start::Not]
            }
            Self { kind: HomeKind::User, has_user_manager: true, .. } => {
                vec![Start::UserService, Start::UserSocket, Start::Background, Start::Not]
            }
            Self { .. } => vec![Start::Background, Start::Not],
        }
    }
}

impl Start {
    /// What it is, for people.
    pub(super) fn description(self) -> &'static str {
        match self {
            Self::MachineService => "as the service of this machine, now and at every boot",
            Self::UserService => "as a service of yours, now and at every login",
            Self::UserSocket => "as a service of yours that starts on first use",
            Self::Background => "in the background, until this machine restarts",
            Self::Not => "not now",
        }
    }

    /// The command that does it.
    pub(super) fn command(self) -> Option<&'static [&'static str]> {
        Some(match self {
            Self::MachineService => {
                &["systemctl", "enable", "--now", "kanband.socket", "kanband.service"]
            }
            Self::UserService => {
                &["systemctl", "--user", "enable", "--now", "kanband.socket", "kanband.service"]
            }
            Self::UserSocket => &["systemctl", "--user", "enable", "--now", "kanband.socket"],
            Self::Background => &["kanband", "-d"],
            Self::Not => return None,
        })
    }

    /// Does it. `programs` is the folder of this program.
    ///
    /// # Errors
    /// The command cannot be run, or fails; it says why on stderr.
    pub(super) fn run(
        self,
        programs: &Path,
        ambient: &Ambient,
        is_silent: bool,
    ) -> Result<(), Failure> {
        let Some([program, arguments @ ..]) = self.command() else { return Ok(()) };
        if matches!(self, Self::UserService | Self::UserSocket) {
            install_units(programs, ambient)?;
        }
        let beside = programs.join(program);
        let program = if beside.exists() { beside } else { PathBuf::from(program) };
        let shown = self.command().unwrap_or_default().join(" ");
        let mut command = Command::new(&program);
        command.args(arguments).stdin(Stdio::null());
        if is_silent {
            command.stdout(Stdio::null());
        }
        let ended = command
            .status()
            .map_err(|error| Failure::fault(format!("cannot run `{shown}`: {error}")))?;
        if ended.success() {
            return Ok(());
        }
        let hint = match self {
            Self::Background => "its message is above",
            Self::MachineService => "`systemctl status kanband` says why",
            Self::UserService | Self::UserSocket => "`systemctl --user status kanband` says why",
            Self::Not => IN_BACKGROUND,
        };
        Err(Failure::fault(format!("`{shown}` failed ({ended})")).with_hint(hint))
    }
}

/// Writes the user's own units, where the package has not brought them.
fn install_units(programs: &Path, ambient: &Ambient) -> Result<(), Failure> {
    let folder = own_units(ambient)?;
    let failed = |error: std::io::Error| {
        Failure::fault(format!("cannot write units to {}: {error}", folder.display()))
    };
    let mut has_written = false;
    for (name, text) in UNITS {
        if !has_users_unit(name, Some(&folder)) {
            std::fs::create_dir_all(&folder).map_err(failed)?;
            std::fs::write(folder.join(name), unit_for(text, programs)).map_err(failed)?;
            has_written = true;
        }
    }
    if has_written {
        // One that fails is reported by the command that follows.
        drop(Command::new("systemctl").args(["--user", "daemon-reload"]).status());
    }
    Ok(())
}

/// A unit of the package for programs in another folder.
fn unit_for(text: &str, programs: &Path) -> String {
    // A percent sign begins a specifier, and a path may have blanks.
    let folder = programs.display().to_string().replace('%', "%%").replace('"', "\\x22");
    let line = |line: &str| match line.split_once(FOLDER_OF_PACKAGE) {
        Some((key, rest)) if key.starts_with("Exec") => {
            let (program, arguments) = rest.split_once(' ').unwrap_or((rest, ""));
            format!("{key}\"{folder}/{program}\" {arguments}").trim_end().to_owned() + "\n"
        }
        Some(_) | None => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_home_has_its_ways() {
        use HomeKind::{Chosen, System, User};
        let own = vec![Start::UserService, Start::UserSocket, Start::Background, Start::Not];
        let by_hand = vec![Start::Background, Start::Not];
        for (kind, has_machine_unit, has_user_manager, expected) in [
            (System, true, false, vec![Start::MachineService, Start::Not]),
            (System, false, true, by_hand.clone()),
            (User, true, true, own.clone()),
            (User, false, true, own),
            (User, true, false, by_hand.clone()),
            (Chosen, true, true, by_hand.clone()),
            (Chosen, false, false, by_hand),
        ] {
            let seen = Seen { kind, has_machine_unit, has_user_manager };
            assert_eq!(seen.ways(), expected, "{seen:?}");
        }
    }

    #[test]
    fn a_unit_of_the_package_is_made_one_for_programs_elsewhere() {
        let unit = unit_for(UNITS[0].1, Path::new("/home/ann/my 100%/bin"));
        assert!(unit.contains("ExecStart=\"/home/ann/my 100%%/bin/kanband\"\n"), "{unit}");
        assert!(unit.contains("ExecReload=\"/home/ann/my 100%%/bin/kanban\" reload\n"), "{unit}");
        assert!(!unit.contains(FOLDER_OF_PACKAGE), "{unit}");
        assert_eq!(unit_for(UNITS[1].1, Path::new("/x")), UNITS[1].1);
    }
}
