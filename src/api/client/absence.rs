//! Why no daemon answers, and what helps: one decision for the hint of every command and for `doctor`. Pure.

use std::io::ErrorKind;
use std::path::PathBuf;

use crate::os::processes::group::Standing;

/// The command that starts a daemon where there is no unit for it.
pub const IN_BACKGROUND: &str = "kanband -d";

/// Group whose members may use the socket of the machine's daemon.
pub const OPERATORS_GROUP: &str = "kanban";

/// What can be seen from here of a daemon that does not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Where it was looked for.
    pub socket: PathBuf,
    /// What is at that path.
    pub at_path: AtPath,
    /// How the attempt to connect failed.
    pub error: ErrorKind,
    /// The home that the daemon would have, when that can be told.
    pub home: Option<PathBuf>,
    /// Whether a board was made in that home.
    pub is_home_known: bool,
    /// The process that holds that home.
    pub owner: Option<Owner>,
    /// The unit of the daemon, where a service manager has one that would serve this socket.
    pub unit: Option<Unit>,
    /// Where a service of this machine makes the socket: the command that has it do so.
    pub service: Option<&'static str>,
    /// How this process stands to the operators' group, and the name of its user.
    pub standing: Standing,
    /// The same.
    pub user: String,
}

/// Whose service manager has the unit of the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// The machine's, which only root may ask.
    Machine {
        /// Whether the caller is root.
        is_root: bool,
    },
    /// That of the user.
    User,
}

/// What is at the path of the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtPath {
    /// Nothing.
    Nothing,
    /// A socket.
    Socket,
    /// Something else, with its article.
    Other(&'static str),
    /// It may not be looked at.
    Hidden,
}

/// The process that holds a home.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// Its PID.
    pub pid: i32,
    /// The command that has its service manager make its sockets again, where it runs under one.
    pub remedy: Option<&'static str>,
}

/// Why no daemon answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absence {
    /// What is the matter.
    pub kind: AbsenceKind,
    /// One line for people.
    pub message: String,
    /// What helps.
    pub fix: String,
}

/// What is the matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AbsenceKind {
    /// No daemon runs, and no board was made.
    NotInitialised,
    /// No daemon runs.
    NotRunning,
    /// A daemon runs and its socket is not there: it starts, or has lost it.
    SocketLost,
    /// Something that is no socket is in the place of the socket.
    InTheWay,
    /// This user may not use the socket.
    NotPermitted,
}

impl Absence {
    /// Decides by what was seen. `detail` is what the system said.
    pub fn of(seen: &Seen, detail: &str) -> Self {
        let shown = seen.socket.display();
        if seen.error == ErrorKind::PermissionDenied {
            return not_permitted(seen);
        }
        if let AtPath::Other(kind) = seen.at_path {
            return Self {
                kind: AbsenceKind::InTheWay,
                message: format!("{shown} is {kind}, not a socket"),
                fix: match seen.owner {
                    Some(Owner { pid, .. }) => {
                        format!(
                            "move it away; the daemon (pid {pid}) then creates its socket again"
                        )
                    }
                    None => format!("move it away, then start the daemon with {}", start(seen)),
                },
            };
        }
        if let Some(owner) = seen.owner {
            return lost(seen, owner, detail);
        }
        let message = match seen.at_path {
            AtPath::Nothing => format!("there is no socket {shown}"),
            AtPath::Socket | AtPath::Other(_) | AtPath::Hidden => {
                format!("no daemon answers on {shown}: {detail}")
            }
        };
        match (seen.service, &seen.home) {
            (Some(service), _) => {
                Self { kind: AbsenceKind::NotRunning, message, fix: format!("`{service}`") }
            }
            (None, Some(home)) if !seen.is_home_known => Self {
                kind: AbsenceKind::NotInitialised,
                message: format!("{message}, and no database in {}", home.display()),
                fix: format!(
                    "`kanban init` creates one in {}; then start the daemon with {}",
                    home.display(),
                    start(seen)
                ),
            },
            (None, _) => Self { kind: AbsenceKind::NotRunning, message, fix: start(seen) },
        }
    }
}

/// The command that starts a daemon here.
pub fn start_command(unit: Option<Unit>) -> &'static str {
    match unit {
        Some(Unit::Machine { is_root: true }) => "systemctl start kanband",
        Some(Unit::Machine { is_root: false }) => "sudo systemctl start kanband",
        Some(Unit::User) => "systemctl --user start kanband",
        None => IN_BACKGROUND,
    }
}

fn start(seen: &Seen) -> String {
    format!("`{}`", start_command(seen.unit))
}

fn lost(seen: &Seen, Owner { pid, remedy }: Owner, detail: &str) -> Absence {
    let shown = seen.socket.display();
    let there = match seen.at_path {
        AtPath::Nothing => format!("there is no socket {shown}"),
        AtPath::Socket | AtPath::Other(_) | AtPath::Hidden => {
            format!("no daemon answers on {shown}: {detail}")
        }
    };
    Absence {
        kind: AbsenceKind::SocketLost,
        message: format!(
            "{there}, but a daemon is running (pid {pid}); it is starting, or its socket was removed"
        ),
        fix: match remedy {
            Some(remedy) => format!("`{remedy}`"),
            None => {
                "retry in a moment; see the daemon's log if the socket stays missing".to_owned()
            }
        },
    }
}

fn not_permitted(seen: &Seen) -> Absence {
    let (user, shown) = (&seen.user, seen.socket.display());
    let text = format!("{user} has no permission for {shown}");
    let (message, fix) = match (seen.at_path, seen.standing) {
        (AtPath::Hidden, _) => {
            let text = format!("{user} has no permission for a directory above {shown}");
            (text, format!("run `namei -l {shown}` to find it and its owner"))
        }
        (_, Standing::NotYet) => (
            format!("{text}: this session began before {user} was added to the group"),
            format!("run `newgrp {OPERATORS_GROUP}`, or log in again"),
        ),
        (_, Standing::Stranger) => (
            format!("{text}: not in the group {OPERATORS_GROUP}"),
            format!("run `sudo usermod -aG {OPERATORS_GROUP} {user}`, then log in again"),
        ),
        (_, Standing::Member | Standing::NoGroup) => {
            (text, format!("check owner and mode with `ls -l {shown}`"))
        }
    };
    Absence { kind: AbsenceKind::NotPermitted, message, fix }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen() -> Seen {
        Seen {
            socket: PathBuf::from("/h/kanband.sock"),
            at_path: AtPath::Nothing,
            error: ErrorKind::NotFound,
            home: Some(PathBuf::from("/h")),
            is_home_known: true,
            owner: None,
            unit: None,
            service: None,
            standing: Standing::NoGroup,
            user: "ann".to_owned(),
        }
    }

    fn check<const N: usize>(table: [(Seen, AbsenceKind, &str, &str); N]) {
        for (seen, kind, message, fix) in table {
            let text = Absence::of(&seen, "Connection refused");
            assert_eq!(text.kind, kind, "{seen:?}");
            assert!(text.message.contains(message), "{}", text.message);
            assert!(text.fix.contains(fix), "{}", text.fix);
        }
    }

    #[test]
    fn a_daemon_that_is_not_there_or_has_lost_its_socket_is_told_with_what_helps() {
        use AbsenceKind as K;
        let owner = Some(Owner { pid: 7, remedy: None });
        let held = Some(Owner { pid: 7, remedy: Some("systemctl restart x") });
        let refused = ErrorKind::ConnectionRefused;
        let socket = AtPath::Socket;
        check([
            (seen(), K::NotRunning, "there is no socket /h/kanband.sock", "`kanband -d`"),
            (
                Seen { unit: Some(Unit::User), ..seen() },
                K::NotRunning,
                "there is no socket",
                "`systemctl --user start kanband`",
            ),
            (
                Seen { unit: Some(Unit::Machine { is_root: false }), ..seen() },
                K::NotRunning,
                "there is no socket",
                "`sudo systemctl start kanband`",
            ),
            (
                Seen { unit: Some(Unit::Machine { is_root: true }), ..seen() },
                K::NotRunning,
                "there is no socket",
                "`systemctl start kanband`",
            ),
            (
                Seen { is_home_known: false, ..seen() },
                K::NotInitialised,
                "no database in /h",
                "`kanban init` creates one in /h; then start the daemon with `kanband -d`",
            ),
            (
                Seen { at_path: socket, error: refused, ..seen() },
                K::NotRunning,
                "no daemon answers on /h/kanband.sock",
                "`kanband -d`",
            ),
            (
                Seen { owner, ..seen() },
                K::SocketLost,
                "a daemon is running (pid 7)",
                "the daemon's log",
            ),
            (
                Seen { owner, at_path: socket, error: refused, ..seen() },
                K::SocketLost,
                "a daemon is running (pid 7)",
                "the daemon's log",
            ),
            (Seen { owner: held, ..seen() }, K::SocketLost, "pid 7", "`systemctl restart x`"),
            (
                Seen { service: Some("systemctl restart x"), home: None, ..seen() },
                K::NotRunning,
                "there is no socket",
                "`systemctl restart x`",
            ),
        ]);
    }

    #[test]
    fn what_is_in_the_way_and_who_may_not_pass_is_told_with_what_helps() {
        use AbsenceKind as K;
        let owner = Some(Owner { pid: 7, remedy: None });
        let denied = ErrorKind::PermissionDenied;
        let socket = AtPath::Socket;
        check([
            (
                Seen { at_path: AtPath::Other("a directory"), owner, ..seen() },
                K::InTheWay,
                "is a directory, not a socket",
                "the daemon (pid 7) then creates",
            ),
            (
                Seen { at_path: AtPath::Other("a regular file"), ..seen() },
                K::InTheWay,
                "is a regular file",
                "then start the daemon with `kanband -d`",
            ),
            (
                Seen { at_path: socket, error: denied, standing: Standing::Stranger, ..seen() },
                K::NotPermitted,
                "not in the group kanban",
                "usermod -aG kanban ann",
            ),
            (
                Seen { at_path: socket, error: denied, standing: Standing::NotYet, ..seen() },
                K::NotPermitted,
                "began before ann was added to the group",
                "newgrp",
            ),
            (
                Seen { at_path: socket, error: denied, ..seen() },
                K::NotPermitted,
                "ann has no permission for",
                "check owner and mode",
            ),
            (
                Seen { at_path: AtPath::Hidden, error: denied, ..seen() },
                K::NotPermitted,
                "has no permission for a directory above",
                "namei",
            ),
        ]);
    }
}
