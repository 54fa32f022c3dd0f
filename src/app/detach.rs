//! `kanband -d`: the daemon in the background, as a transient unit where systemd manages this user's processes, else in a session
//! of its own. Its log is a file in the home.
//!
//! The caller is back when the board is served: both ways wait for the message that the daemon sends to its service manager.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::app::home;
use crate::app::start_error::StartError;
use crate::app::supervisor::check_settings;
use crate::config::home::HomeKind;
use crate::config::{Ambient, Home};
use crate::os::control_groups::cgroup::base_name;
use crate::os::files::find_program;
use crate::os::home::lock::HomeLock;
use crate::os::home::lock_owner::lock_owner;
use crate::os::host::random::random_hex;
use crate::os::host::service_units::{
    DAEMON_UNIT, has_machine_unit, has_systemd, has_user_manager,
};
use crate::os::processes::background::{OF_OTHER_UNITS, Started, run_to_end, start_in_background};
use crate::os::processes::own_process::make_files_private;

/// Name of the log in the home.
const LOG: &str = "kanband.log";

/// A log of this size is kept under another name, and a new one begun.
const LOG_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// How much of the end of the log is shown when the daemon does not come to serve.
const LOG_END_BYTES: u64 = 4096;

/// What became of the daemon.
#[derive(Debug)]
pub enum Detached {
    /// It serves the board.
    Serving(Background),
    /// It has ended before it served the board.
    Ended {
        /// Its exit code; none when a signal ended it, or when that is unknown.
        code: Option<u8>,
        /// What it has logged last.
        log_end: String,
    },
}

/// A daemon in the background.
#[derive(Debug)]
pub struct Background {
    /// Its process, where it can be seen.
    pub pid: Option<i32>,
    /// Its home.
    pub home: PathBuf,
    /// Its log.
    pub log: PathBuf,
    /// The command that ends it.
    pub stop: String,
}

/// What keeps the daemon running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// The machine's service manager, as a transient unit.
    MachineUnit,
    /// The service manager of this user, as a transient unit.
    UserUnit,
    /// Nothing: it leads a session of its own.
    Session,
}

impl Way {
    /// By what there is.
    fn of(is_root: bool, has_systemd: bool, has_user_manager: bool) -> Self {
        match (is_root, has_systemd, has_user_manager) {
            (true, true, _) => Self::MachineUnit,
            (false, _, true) => Self::UserUnit,
            (true, false, _) | (false, _, false) => Self::Session,
        }
    }
}

/// Starts it and waits until it serves.
///
/// # Errors
/// What would be refused to the daemon, or a process that cannot be started.
pub fn detach(ambient: &Ambient) -> Result<Detached, StartError> {
    let home = Home::resolve(ambient)?;
    if home.kind() == HomeKind::System && has_systemd() && has_machine_unit(DAEMON_UNIT) {
        return Err(StartError::OfService { path: home.path().to_owned() });
    }
    home::must_be_local(&home)?;
    // Refused here, on the terminal, and not in a log.
    let (settings, _) = crate::config::load(ambient, &home)?;
    check_settings(ambient, &home, &settings)?;
    make_files_private();
    home::make_directories(&home)?;
    drop(HomeLock::acquire(home.path()).map_err(StartError::Locked)?);
    let program = std::env::current_exe()
        .map_err(|error| StartError::fault("find the program kanband", &error))?;
    let log = Log::open(home.path())?;
    let has_manager = has_user_manager(ambient.var("XDG_RUNTIME_DIR"));
    let way = Way::of(ambient.uid == 0, has_systemd(), has_manager);
    let systemd_run = ambient.var("PATH").and_then(|path| find_program("systemd-run", path));
    if let (Way::MachineUnit | Way::UserUnit, Some(systemd_run)) = (way, systemd_run) {
        let unit = Unit { home: home.path(), log: &log.path, program: &program, way };
        // A service manager that cannot be reached leaves the other way.
        if let Some(detached) = unit.start(&systemd_run, &ambient.env, &log)? {
            return Ok(detached);
        }
    }
    in_own_session(&program, home.path(), &log)
}

/// The log, and where in it this start begins.
struct Log {
    path: PathBuf,
    file: File,
    begins_at: u64,
}

impl Log {
    fn open(home: &Path) -> Result<Self, StartError> {
        let path = home.join(LOG);
        let unusable = |source| StartError::HomeUnusable { path: path.clone(), source };
        if std::fs::metadata(&path).is_ok_and(|log| log.len() > LOG_BYTES_MAX) {
            std::fs::rename(&path, home.join(format!("{LOG}.1"))).map_err(unusable)?;
        }
        let mut options = OpenOptions::new();
        let file = options.append(true).create(true).mode(0o600).open(&path).map_err(unusable)?;
        let begins_at = file.metadata().map_err(unusable)?.len();
        Ok(Self { path, file, begins_at })
    }

    /// The last of what was logged since.
    fn end(&self) -> String {
        let read = || -> io::Result<Vec<u8>> {
            let mut file = File::open(&self.path)?;
            let from = file.metadata()?.len().saturating_sub(LOG_END_BYTES).max(self.begins_at);
            file.seek(SeekFrom::Start(from))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        String::from_utf8_lossy(&read().unwrap_or_default()).trim_end().to_owned()
    }
}

/// A transient unit of the daemon.
#[derive(Clone, Copy)]
struct Unit<'a> {
    home: &'a Path,
    log: &'a Path,
    program: &'a Path,
    way: Way,
}

impl Unit<'_> {
    fn name(&self) -> String {
        base_name(self.home)
    }

    fn manager(&self) -> Option<&'static str> {
        (self.way == Way::UserUnit).then_some("--user")
    }

    fn stop(&self) -> String {
        let manager = self.manager().map_or_else(String::new, |user| format!("{user} "));
        format!("systemctl {manager}stop {}", self.name())
    }

    /// Arguments of systemd-run(1). Values of variables are not among them: every user can read a command line. Of a unit of the machine
    /// every user can read the environment too, so that it gets only what the daemon itself needs.
    fn arguments<'e>(&self, variables: impl Iterator<Item = &'e str>) -> Vec<String> {
        let log = self.log.display();
        let mut arguments: Vec<String> = self.manager().into_iter().map(str::to_owned).collect();
        arguments.extend(["--quiet", "--collect", "--same-dir"].map(str::to_owned));
        arguments.push(format!("--unit={}", self.name()));
        arguments.push(format!("--description=Kanban board in {}", self.home.display()));
        for property in [
            "Type=notify".to_owned(),
            "NotifyAccess=main".to_owned(),
            // The shims are children of the daemon here and outlive it.
            "KillMode=process".to_owned(),
            format!("StandardOutput=append:{log}"),
            format!("StandardError=append:{log}"),
        ] {
            arguments.push(format!("--property={property}"));
        }
        let is_of_machine = self.way == Way::MachineUnit;
        let own = variables.filter(|name| {
            let is_known = !OF_OTHER_UNITS.contains(name) && is_variable(name);
            is_known && (!is_of_machine || is_public(name))
        });
        arguments.extend(own.map(|name| format!("--setenv={name}")));
        arguments.push("--".to_owned());
        arguments.push(self.program.display().to_string());
        arguments
    }

    /// Has the service manager start it. None when that has come to nothing and the daemon has not run.
    fn start(
        self,
        systemd_run: &Path,
        env: &BTreeMap<String, String>,
        log: &Log,
    ) -> Result<Option<Detached>, StartError> {
        let arguments = self.arguments(env.keys().map(String::as_str));
        let run = run_to_end(systemd_run, &arguments)
            .map_err(|error| StartError::fault("run systemd-run", &error))?;
        if !run.status.success() {
            let log_end = log.end();
            let has_run = !log_end.is_empty();
            return Ok(has_run.then_some(Detached::Ended { code: None, log_end }));
        }
        let pid = lock_owner(&[self.home, &self.home.join("lock")]).ok().flatten();
        let (home, log) = (self.home.to_owned(), self.log.to_owned());
        Ok(Some(Detached::Serving(Background { pid, home, log, stop: self.stop() })))
    }
}

/// Whether systemd takes a name of a variable (systemd.exec(5)); bash exports functions under others.
fn is_variable(name: &str) -> bool {
    let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    name.bytes().all(is_sign) && !name.starts_with(|sign: char| sign.is_ascii_digit())
}

/// Whether a variable is no secret: those that say where things are, and how kanband is set up.
fn is_public(name: &str) -> bool {
    const NAMES: [&str; 6] = ["PATH", "HOME", "LANG", "TZ", "TMPDIR", "XDG_STATE_HOME"];
    NAMES.contains(&name) || name.starts_with("LC_") || name.starts_with("KANBAN")
}

fn in_own_session(program: &Path, home: &Path, log: &Log) -> Result<Detached, StartError> {
    let failed = |error: io::Error| StartError::fault("start a daemon in the background", &error);
    let mark = random_hex(4).map_err(failed)?;
    let ready = home.join(format!(".ready-{mark}"));
    let started = start_in_background(program, "--own-session", &ready, &log.file);
    Ok(match started.map_err(failed)? {
        Started::Ready { pid } => Detached::Serving(Background {
            pid: i32::try_from(pid).ok(),
            home: home.to_owned(),
            log: log.path.clone(),
            stop: format!("kill {pid}"),
        }),
        Started::Ended(status) => {
            let code = status.code().and_then(|code| u8::try_from(code).ok());
            Detached::Ended { code, log_end: log.end() }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_manager_is_used_where_it_manages_this_user() {
        use Way::{MachineUnit, Session, UserUnit};
        for (is_root, has_systemd, has_manager, expected) in [
            (true, true, false, MachineUnit),
            (true, true, true, MachineUnit),
            (true, false, false, Session),
            (true, false, true, Session),
            (false, true, true, UserUnit),
            (false, false, true, UserUnit),
            (false, true, false, Session),
            (false, false, false, Session),
        ] {
            let way = Way::of(is_root, has_systemd, has_manager);
            assert_eq!(way, expected, "{is_root} {has_systemd} {has_manager}");
        }
    }

    #[test]
    fn a_transient_unit_gets_the_variables_of_its_caller_and_no_values() {
        let (home, log, program) = ("/h/board", "/h/board/kanband.log", "/opt/kanband");
        let unit = |way| Unit {
            home: Path::new(home),
            log: Path::new(log),
            program: Path::new(program),
            way,
        };
        let variables = ["ANTHROPIC_API_KEY", "INVOCATION_ID", "KANBAN_HOME", "NOTIFY_SOCKET"];
        let arguments = unit(Way::UserUnit).arguments(variables.into_iter());
        let name = base_name(Path::new(home));
        assert_eq!(
            arguments,
            [
                "--user",
                "--quiet",
                "--collect",
                "--same-dir",
                &format!("--unit={name}"),
                "--description=Kanban board in /h/board",
                "--property=Type=notify",
                "--property=NotifyAccess=main",
                "--property=KillMode=process",
                "--property=StandardOutput=append:/h/board/kanband.log",
                "--property=StandardError=append:/h/board/kanband.log",
                "--setenv=ANTHROPIC_API_KEY",
                "--setenv=KANBAN_HOME",
                "--",
                "/opt/kanband",
            ]
        );
        assert_eq!(unit(Way::UserUnit).stop(), format!("systemctl --user stop {name}"));
        let of_machine = unit(Way::MachineUnit);
        let arguments = of_machine.arguments(variables.into_iter());
        assert_eq!(arguments[0], "--quiet");
        let set = |arguments: &[String]| -> Vec<String> {
            arguments.iter().filter(|it| it.starts_with("--setenv")).cloned().collect()
        };
        assert_eq!(set(&arguments), ["--setenv=KANBAN_HOME"], "every user can read them");
        let odd = ["BASH_FUNC_ll%%", "A.B", "1ST", "LC_ALL"];
        assert_eq!(set(&unit(Way::UserUnit).arguments(odd.into_iter())), ["--setenv=LC_ALL"]);
        assert_eq!(of_machine.stop(), format!("systemctl stop {name}"));
    }
}
