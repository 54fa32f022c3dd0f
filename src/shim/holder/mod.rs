//! `kanban-shim --hold`: starts the shims for a daemon that may not, and outlives it.
//!
//! In system mode two services share the work. `kanband.service` has the board; it runs as a user of its own, has no
//! capabilities, and is restarted and upgraded freely. `kanband-runs.service` is this: root, tiny, never restarted by an upgrade.
//! It has the control groups of the runs below it, starts shims when the daemon's user asks, reaps them, and ends them when the
//! unit is stopped. What it may be asked is small: [`crate::os::holder::protocol`].
//!
//! ```text
//! kanban-shim --hold [--socket PATH]        where it listens            /run/kanband-runs/holder.sock
//!                    [--daemon-user NAME]   who may ask, whose the shims are   kanband
//!                    [--users PATH]         whose workers may be started       /etc/kanband/users
//!                    [--shim PATH]          the shim to start                  its own file
//!                    [--cgroup-base DIR]    group that was handed over         the one that it is in
//!                    [--no-groups]          do without control groups
//!                    [--no-mounts]          no run gets a `/tmp` or `/proc` of its own
//! ```
//!
//! **What the unit needs.** `Type=notify` (it says `READY=1` when it listens, `STOPPING=1` when it ends), `Delegate=yes`, the
//! default `KillMode`, a `TimeoutStopSec` longer than the stop ladder, a folder for the socket (`RuntimeDirectory`), no
//! sandboxing: workers would inherit it. A bounding set must leave it CAP_CHOWN, CAP_KILL, CAP_SETGID, CAP_SETUID,
//! CAP_SETPCAP, and CAP_SYS_ADMIN for the mounts of runs (without it they share the host's). The socket is the daemon's user's, mode 0600.
//!
//! **Who can do what.** The daemon names a user by name, and only those are taken that stand in the users' file, which belongs to
//! root and which nobody else can write; never root, never the daemon's own user. The shim belongs to the daemon's user, so that
//! the daemon can signal it and read its files, and has five capabilities (`OF_A_SHIM` in `os::capabilities`), because of
//! which nobody of that user can trace it. The user of its worker is in its arguments, never in a file that the daemon writes.
//! See `docs/adr/0007-holder-of-runs.md`.
//!
//! | signal | what it does |
//! |---|---|
//! | TERM, INT | every shim is asked to stop by its ladder; nothing is started; it ends when the last one has |
//! | QUIT | the same, but the shims kill at once |
//!
//! Whatever a shim that died has left becomes this process's child, because it is a sub-reaper, and is killed.
//!
//! | file | what it has |
//! |---|---|
//! | `options` | the command line |
//! | `users` | the users' file |
//! | `groups` | the control groups |
//! | `service` | the questions, the shims, the end |
//! | `views` | which mounts of its own a run can have |
//! | `notify` | a word to the service manager |

mod groups;
mod notify;
mod options;
mod service;
mod users;
mod views;

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::unistd::{Gid, Uid, chown, geteuid};

use crate::os::host::stderr;
use crate::os::processes::fd_passing::{connect_to, listen_at};
use crate::os::processes::inherited::normalize_shim;
use crate::os::processes::own_process::{
    close_inherited_from, ignore_signals, lead_own_tree, signals_as_descriptor,
};
use crate::os::processes::user::{Account, RunAs};
use crate::shim::ShimExit;
use crate::text::log_line;
use options::Options;
use service::Service;

/// Access to the socket: its owner, the daemon's user. Who really calls is asked of the kernel all the same.
const SOCKET_MODE: u32 = 0o600;

/// Time that another holder is given to answer when its socket is found.
const OTHER_PATIENCE: Duration = Duration::from_secs(1);

/// Holds until it is asked to end. `arguments` are those behind `--hold`.
pub fn main(arguments: impl Iterator<Item = OsString>) -> ShimExit {
    let options = match Options::of(arguments) {
        Ok(options) => options,
        Err(problem) => {
            say(&problem);
            say(options::USAGE);
            return ShimExit::Usage;
        }
    };
    match hold(&options) {
        Ok(()) => ShimExit::Done,
        Err(problem) => {
            say(&problem);
            ShimExit::SetUp
        }
    }
}

/// Longest line of the log, bytes: a pipe that is ready takes it without blocking (PIPE_BUF in pipe(7)).
const LINE_BYTES_MAX: usize = 4096;

/// Writes one line to standard error, which is the journal. It may contain values from the daemon's question. A line that cannot
/// be written at once is lost, because shims must be started all the same; the next one that can be written says how many were.
fn say(line: &str) {
    static LOST: AtomicU64 = AtomicU64::new(0);
    let lost = match LOST.load(Ordering::Relaxed) {
        0 => String::new(),
        lost => format!(" ({lost} lines before this one were lost)"),
    };
    let mut line = format!("kanban-shim --hold:{lost} {}", log_line::message(line));
    while line.len() >= LINE_BYTES_MAX {
        line.pop();
    }
    line.push('\n');
    match stderr::write_at_once(line.as_bytes()) {
        Ok(()) => LOST.store(0, Ordering::Relaxed),
        Err(_) => {
            LOST.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn hold(options: &Options) -> Result<(), String> {
    let failed = |doing: &str| {
        let doing = doing.to_owned();
        move |error: io::Error| format!("cannot {doing}: {error}")
    };
    if !geteuid().is_root() {
        return Err("only root can start workers as other users".to_owned());
    }
    let owner = daemon_user(&options.daemon_user)?;
    close_inherited_from(3).map_err(failed("close inherited descriptors"))?;
    normalize_shim().map_err(failed("set up the process"))?;
    let signals = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGCHLD];
    let signals = signals_as_descriptor(&signals).map_err(failed("watch signals"))?;
    ignore_signals(&[Signal::SIGPIPE, Signal::SIGHUP]).map_err(failed("ignore signals"))?;
    lead_own_tree(c"kanban-holder").map_err(failed("become a sub-reaper"))?;
    let groups = groups::establish(&options.groups, &owner);
    match &groups {
        Ok(groups) => say(&format!("control groups of the runs: {}", groups.describe())),
        Err(why) => say(&format!("no control groups: {why}")),
    }
    let views = views::possible(options.has_no_mounts);
    say(&format!("mounts of the runs: {}", views::describe(&views)));
    let listener = listen(&options.socket, &owner)
        .map_err(|error| format!("cannot listen on {}: {error}", options.socket.display()))?;
    let mut service = Service::new(options, owner, groups, views, signals)
        .map_err(failed("read its own process state"))?;
    notify::tell("READY=1");
    service.serve(&listener).map_err(failed("wait for requests"))?;
    let _gone = std::fs::remove_file(&options.socket);
    Ok(())
}

fn daemon_user(name: &str) -> Result<RunAs, String> {
    match Account::named(name) {
        Ok(Some(account)) if account.run_as.uid == 0 => {
            Err(format!("the daemon's user `{name}` is root: no holder is needed"))
        }
        Ok(Some(account)) => Ok(account.run_as),
        Ok(None) => Err(format!("no such user: `{name}`; select another with --daemon-user")),
        Err(error) => Err(format!("cannot look up user `{name}`: {error}")),
    }
}

/// The socket. One without a listener is replaced.
fn listen(path: &Path, owner: &RunAs) -> io::Result<OwnedFd> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => {
            match connect_to(path, OTHER_PATIENCE) {
                // The only answer that proves that no process listens. A holder that is stopped or busy gives another one.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                    std::fs::remove_file(path)?;
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Ok(_) => {
                    return Err(io::Error::new(io::ErrorKind::AddrInUse, "another holder listens"));
                }
                Err(error) => {
                    let text = format!("another holder may be listening: {error}");
                    return Err(io::Error::new(io::ErrorKind::AddrInUse, text));
                }
            }
        }
        Ok(_) => return Err(io::Error::new(io::ErrorKind::AlreadyExists, "it is not a socket")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let listener = listen_at(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(SOCKET_MODE))?;
    chown(path, Some(Uid::from_raw(owner.uid)), Some(Gid::from_raw(owner.gid)))?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn me() -> RunAs {
        let (uid, gid) = (geteuid().as_raw(), nix::unistd::getegid().as_raw());
        RunAs { uid, gid, groups: Vec::new() }
    }

    #[test]
    fn only_a_socket_at_which_no_process_listens_is_replaced() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("socket");
        let other = listen_at(&path).unwrap();
        let taken = |path: &Path| listen(path, &me()).unwrap_err().kind();
        assert_eq!(taken(&path), io::ErrorKind::AddrInUse);
        // It accepts no connection, as when it is stopped.
        let mut waiting = Vec::new();
        while let Ok(connection) = connect_to(&path, Duration::from_millis(10)) {
            waiting.push(connection);
        }
        assert_eq!(taken(&path), io::ErrorKind::AddrInUse);
        connect_to(&path, Duration::from_millis(10)).expect_err("it takes connections again");
        drop(other);
        listen(&path, &me()).unwrap();
        connect_to(&path, OTHER_PATIENCE).expect_err("the listener was dropped");
    }

    #[test]
    fn what_is_no_socket_is_left_alone() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("socket");
        std::fs::write(&path, "precious").unwrap();
        listen(&path, &me()).unwrap_err();
        assert_eq!(std::fs::read(&path).unwrap(), b"precious");
    }
}
