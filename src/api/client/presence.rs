//! Signs of a daemon besides its socket: who has locked its home, and whether one was started a moment ago.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::absence::{Absence, AtPath, OPERATORS_GROUP, Owner, Seen, Unit, start_command};
use crate::config::home::{HomeKind, system_home};
use crate::config::{Ambient, Home, HomeError, Sockets, client_socket, own_units};
use crate::os::home::lock_owner::lock_owner;
use crate::os::host::service_manager::{REMAKE_OWN_SOCKETS, REMAKE_SOCKETS};
use crate::os::host::service_units::{
    DAEMON_UNIT, SOCKETS_UNIT, has_machine_unit, has_systemd, has_user_manager, has_users_unit,
};
use crate::os::host::socket_file::kind_of;
use crate::os::processes::group::standing;
use crate::os::processes::young_processes::{
    directory_of, environment_of, group_of, young_processes,
};

/// A daemon that is older than this and has not locked its home will not lock it later.
const YOUNG: Duration = Duration::from_secs(3);

/// A fork of a shell that has not executed its program by then is a shell's own work.
const YOUNG_FORK: Duration = Duration::from_secs(1);

/// The surroundings of a client, and where it looks.
#[derive(Debug)]
pub struct Presence {
    ambient: Ambient,
    socket: PathBuf,
    /// The home of the daemon that listens there, when that can be told.
    home: Option<PathBuf>,
}

impl Presence {
    /// Of a client in these surroundings.
    ///
    /// A user's client looks for the machine's daemon when the user's own one has no socket. While that one is there all the
    /// same, because it is starting or has lost its socket, the machine's board would be the wrong one.
    ///
    /// # Errors
    /// The daemon's socket is unknown.
    pub fn of(ambient: &Ambient) -> Result<Self, HomeError> {
        let found = Self {
            ambient: ambient.clone(),
            socket: client_socket(ambient)?,
            home: Home::resolve(ambient).ok().map(|home| home.path().to_owned()),
        };
        let is_told = ["KANBAN_SOCKET", "KANBAN_HOME"].iter().any(|it| ambient.var(it).is_some());
        let own = found.own_daemon().filter(|own| !is_told && own.socket != found.socket);
        let Some(own) = own else { return Ok(found) };
        if own.socket.exists() || own.is_starting() {
            return Ok(own);
        }
        let machines = system_home(ambient);
        Ok(Self { home: Some(machines).filter(|home| home.exists()).or(found.home), ..found })
    }

    /// The daemon that a user would have without any variable.
    fn own_daemon(&self) -> Option<Self> {
        let home = Home::resolve(&self.ambient).ok()?;
        let is_users = home.kind() == HomeKind::User;
        let sockets = is_users.then(|| Sockets::of_daemon(&self.ambient, &home).ok()).flatten()?;
        let home = Some(home.path().to_owned());
        Some(Self { ambient: self.ambient.clone(), socket: sockets.operators, home })
    }

    /// The command that starts a daemon for this client.
    pub fn start_command(&self) -> &'static str {
        start_command(self.unit())
    }

    /// Where the daemon is looked for.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Whether a daemon is there that does not answer yet: it holds the home, or was started a moment ago.
    pub fn is_starting(&self) -> bool {
        self.owner().is_some() || self.is_on_its_way()
    }

    /// Why none answers: connect(2) failed with `error`, which reads `detail`.
    pub fn absence(&self, error: ErrorKind, detail: &str) -> Absence {
        // Through a link first: it may lead to a socket.
        let found = std::fs::metadata(&self.socket)
            .or_else(|_| std::fs::symlink_metadata(&self.socket))
            .map(|found| kind_of(found.file_type()));
        let at_path = match found {
            Ok(None) => AtPath::Socket,
            Ok(Some(kind)) => AtPath::Other(kind),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => AtPath::Hidden,
            Err(_) => AtPath::Nothing,
        };
        let seen = Seen {
            socket: self.socket.clone(),
            at_path,
            error,
            home: self.home.clone(),
            is_home_known: self.home.as_deref().is_some_and(is_known),
            owner: self.owner(),
            unit: self.unit(),
            service: self.service(),
            standing: standing(OPERATORS_GROUP),
            user: self.ambient.user_name.clone().unwrap_or_else(|| self.ambient.uid.to_string()),
        };
        Absence::of(&seen, detail)
    }

    /// The process that holds the home, unless it is known to listen elsewhere.
    fn owner(&self) -> Option<Owner> {
        let home = self.home.as_deref()?;
        let pid = lock_owner(&[home, &home.join("lock")]).ok().flatten()?;
        // Without KANBAN_SOCKET the two belong together; with it, a process that cannot be inspected may be another user's daemon.
        let is_it = match self.listens_here(pid) {
            Some(is_it) => is_it,
            None => self.ambient.var("KANBAN_SOCKET").is_none(),
        };
        is_it.then(|| Owner { pid, remedy: remedy_of(pid) })
    }

    /// Whether a daemon for this socket, or a shell's fork that may become one, was started a moment ago.
    fn is_on_its_way(&self) -> bool {
        let young = young_processes(YOUNG).unwrap_or_default();
        young.iter().any(|process| {
            let is_fork = process.is_fork_of_shell && process.age <= YOUNG_FORK;
            is_fork || (process.name == "kanband" && self.listens_here(process.pid) == Some(true))
        })
    }

    /// Whether a daemon with the environment of process `pid` listens at this socket; none when that may not be seen.
    fn listens_here(&self, pid: i32) -> Option<bool> {
        let surroundings = Ambient {
            env: environment_of(pid).filter(|env| !env.is_empty())?,
            working_directory: directory_of(pid),
            ..self.ambient.clone()
        };
        let home = Home::resolve(&surroundings).ok()?;
        Some(Sockets::of_daemon(&surroundings, &home).ok()?.operators == self.socket)
    }

    /// The command that has the machine's service make the socket, where this is its socket and it is installed.
    fn service(&self) -> Option<&'static str> {
        let is_its = self.is_machines() && has_systemd();
        (is_its && has_machine_unit(SOCKETS_UNIT)).then_some(REMAKE_SOCKETS)
    }

    /// The unit that would serve this client.
    fn unit(&self) -> Option<Unit> {
        let is_machines = self.is_machines();
        if is_machines && has_systemd() && has_machine_unit(DAEMON_UNIT) {
            return Some(Unit::Machine { is_root: self.ambient.uid == 0 });
        }
        // A client without any variable looks for the machine's daemon last.
        let would_be_own = |own: &Self| is_machines || own.socket == self.socket;
        let is_own = self.ambient.var("KANBAN_SOCKET").is_none()
            && self.own_daemon().is_some_and(|own| would_be_own(&own));
        let is_installed = || {
            has_user_manager(self.ambient.var("XDG_RUNTIME_DIR"))
                && has_users_unit(DAEMON_UNIT, own_units(&self.ambient).ok().as_deref())
        };
        (is_own && is_installed()).then_some(Unit::User)
    }

    /// Whether the socket is that of the machine's daemon.
    fn is_machines(&self) -> bool {
        self.socket.starts_with("/run/kanband")
    }
}

/// By the unit that a daemon runs in.
fn remedy_of(pid: i32) -> Option<&'static str> {
    let group = group_of(pid)?;
    let is_unit = group.components().any(|part| part.as_os_str() == "kanband.service");
    let is_users = group.starts_with("/user.slice");
    is_unit.then_some(if is_users { REMAKE_OWN_SOCKETS } else { REMAKE_SOCKETS })
}

fn is_known(home: &Path) -> bool {
    ["install_id", "kanban.db"].iter().any(|file| home.join(file).exists())
}
