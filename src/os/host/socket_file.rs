//! A listening Unix socket of the daemon's own, and the file by which clients reach it.
//!
//! The file may be removed, renamed or replaced while the socket goes on listening; nobody can reach it then. [`SocketFile::look`]
//! says what is at the path, [`decide`] what is to be done about it. Only the holder of the home's lifetime lock may make
//! sockets: a socket at the path that nobody listens on is a leftover then.

use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};
use thiserror::Error;

use crate::os::files::give_to_group;
use crate::os::processes::peer::{is_listener_gone, listener_pid};
use crate::os::workspaces::marked::FileIdentity;

/// Why a socket was not made.
#[derive(Debug, Error)]
pub enum SocketError {
    /// Another process listens there.
    #[error("another process{} already listens on {}", of_pid(*pid), path.display())]
    InUse {
        /// The socket.
        path: PathBuf,
        /// The process, when the kernel tells.
        pid: Option<i32>,
    },
    /// Something that is no socket lies there.
    #[error("{} is {kind}, not a socket: move it away", path.display())]
    NotASocket {
        /// What is there.
        path: PathBuf,
        /// What it is, with its article.
        kind: &'static str,
    },
    /// The system refused.
    #[error("cannot create the socket {}: {source}", path.display())]
    Unusable {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

fn of_pid(pid: Option<i32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (pid {pid})"))
}

/// A socket as it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketFile {
    /// Its path.
    pub path: PathBuf,
    /// Access to it.
    pub mode: u32,
    /// A group that may use it too, and the mode that it has then. Where the system has no such group the other mode holds.
    pub group: Option<(&'static str, u32)>,
    /// Access to its directory, where that has to be made.
    pub directory_mode: u32,
}

/// A socket that was made.
#[derive(Debug)]
pub struct MadeSocket {
    /// It listens, and never blocks.
    pub listener: UnixListener,
    /// Its file. The listener keeps the inode, so the number is nobody else's for as long.
    pub file: FileIdentity,
}

/// What is at the path of a socket.
#[derive(Debug)]
pub enum Seen {
    /// The daemon's own socket, with these permission bits.
    Own(u32),
    /// Nothing.
    Nothing,
    /// A socket on which nobody listens.
    Leftover,
    /// A socket on which another process listens; its PID when the kernel tells.
    Taken(Option<i32>),
    /// Something else, with its article.
    Other(&'static str),
    /// It cannot be looked at.
    Unknown(io::Error),
}

/// What is to be done about what is at the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Nothing: the way in is there.
    Nothing,
    /// Make the socket.
    Make,
    /// Remove the leftover and make the socket.
    Replace,
    /// Leave it: what is there belongs to another program, or its owner is unknown.
    Leave,
}

/// Decides. `may_make` is false where a service manager made the socket, and where the directory is no longer the daemon's.
pub fn decide(seen: &Seen, may_make: bool) -> Act {
    match seen {
        Seen::Own(_) => Act::Nothing,
        Seen::Nothing if may_make => Act::Make,
        Seen::Leftover if may_make => Act::Replace,
        Seen::Nothing | Seen::Leftover | Seen::Taken(_) | Seen::Other(_) | Seen::Unknown(_) => {
            Act::Leave
        }
    }
}

impl Seen {
    /// In words, as the reason why nobody can come in.
    pub fn describe(&self) -> String {
        match self {
            Self::Own(mode) => format!("it has mode {mode:03o}"),
            Self::Nothing => "it was removed".to_owned(),
            Self::Leftover => "it was replaced by a socket without a listener".to_owned(),
            Self::Taken(pid) => format!("another process{} listens there", of_pid(*pid)),
            Self::Other(kind) => format!("{kind} is in its place"),
            Self::Unknown(error) => format!("cannot inspect it: {error}"),
        }
    }
}

impl SocketFile {
    /// Looks at the path. `own` is the file of the daemon's socket, when there is one.
    pub fn look(&self, own: Option<FileIdentity>) -> Seen {
        // Through a link first: a link in the way of the moved socket is followed.
        match std::fs::metadata(&self.path) {
            Ok(found) if own == Some(FileIdentity::of_metadata(&found)) => {
                return Seen::Own(found.permissions().mode() & 0o777);
            }
            Ok(_) => {}
            Err(error) if is_missing(&error) => {}
            Err(error) => return Seen::Unknown(error),
        }
        let found = match std::fs::symlink_metadata(&self.path) {
            Ok(found) => found,
            Err(error) if is_missing(&error) => return Seen::Nothing,
            Err(error) => return Seen::Unknown(error),
        };
        if let Some(kind) = kind_of(found.file_type()) {
            return Seen::Other(kind);
        }
        match self.is_answered() {
            Ok(Some(pid)) => Seen::Taken(pid),
            Ok(None) => Seen::Leftover,
            Err(error) if is_missing(&error) => Seen::Nothing,
            Err(error) => Seen::Unknown(error),
        }
    }

    /// Makes the socket, its directory too. Nothing of another program is removed: see [`decide`].
    ///
    /// # Errors
    /// [`SocketError`]; nothing is left behind.
    pub fn make(&self) -> Result<MadeSocket, SocketError> {
        let seen = self.look(None);
        match decide(&seen, true) {
            Act::Nothing | Act::Make => {}
            Act::Replace => std::fs::remove_file(&self.path).map_err(self.unusable())?,
            Act::Leave => return Err(self.refusal(seen)),
        }
        if let Some(parent) = self.path.parent() {
            make_directories(parent, self.directory_mode).map_err(self.unusable())?;
        }
        // It fails when another process was faster.
        let listener = UnixListener::bind(&self.path).map_err(self.unusable())?;
        let file = self.give_access(&listener).map_err(|source| {
            drop(std::fs::remove_file(&self.path));
            (self.unusable())(source)
        })?;
        Ok(MadeSocket { listener, file })
    }

    fn give_access(&self, listener: &UnixListener) -> io::Result<FileIdentity> {
        std::fs::set_permissions(&self.path, std::fs::Permissions::from_mode(self.mode))?;
        if let Some((group, mode)) = self.group {
            match give_to_group(&self.path, group, mode) {
                Ok(true) => {}
                Ok(false) => {
                    tracing::warn!(group, "unknown group: the socket stays with its owner's group");
                }
                Err(error) => {
                    tracing::warn!(group, %error, "cannot change the group of the socket");
                }
            }
        }
        listener.set_nonblocking(true)?;
        std::fs::symlink_metadata(&self.path).map(|found| FileIdentity::of_metadata(&found))
    }

    fn unusable(&self) -> impl Fn(io::Error) -> SocketError + '_ {
        |source| SocketError::Unusable { path: self.path.clone(), source }
    }

    fn refusal(&self, seen: Seen) -> SocketError {
        let path = self.path.clone();
        match seen {
            Seen::Taken(pid) => SocketError::InUse { path, pid },
            Seen::Other(kind) => SocketError::NotASocket { path, kind },
            Seen::Unknown(source) => SocketError::Unusable { path, source },
            Seen::Own(_) | Seen::Nothing | Seen::Leftover => {
                SocketError::Unusable { path, source: io::ErrorKind::AlreadyExists.into() }
            }
        }
    }

    /// Whether a process listens there, and which; none when nobody does. A listener whose queue is full is one.
    fn is_answered(&self) -> io::Result<Option<Option<i32>>> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let caller = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
        let address = UnixAddr::new(&self.path)?;
        match connect(std::os::fd::AsRawFd::as_raw_fd(&caller), &address) {
            Ok(()) if is_listener_gone(&caller) => Ok(None),
            Ok(()) => Ok(Some(listener_pid(&caller))),
            Err(Errno::EAGAIN) => Ok(Some(None)),
            Err(Errno::ECONNREFUSED) => Ok(None),
            // A socket of another type: it is not one of ours.
            Err(Errno::EPROTOTYPE) => Ok(Some(None)),
            Err(error) => Err(error.into()),
        }
    }
}

/// Makes a directory and those above it that are missing, with this mode whatever the file mode mask is.
fn make_directories(path: &Path, mode: u32) -> io::Result<()> {
    let missing: Vec<&Path> = path
        .ancestors()
        .take_while(|directory| {
            std::fs::symlink_metadata(directory).is_err_and(|error| is_missing(&error))
        })
        .collect();
    for directory in missing.into_iter().rev().filter(|path| !path.as_os_str().is_empty()) {
        match std::fs::DirBuilder::new().mode(mode).create(directory) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            made => made?,
        }
        std::fs::set_permissions(directory, std::fs::Permissions::from_mode(mode))?;
    }
    Ok(())
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// What a file is, with its article; none for a socket.
pub fn kind_of(kind: std::fs::FileType) -> Option<&'static str> {
    if kind.is_socket() {
        None
    } else if kind.is_dir() {
        Some("a directory")
    } else if kind.is_symlink() {
        Some("a symbolic link")
    } else if kind.is_file() {
        Some("a regular file")
    } else {
        Some("a special file")
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    fn at(dir: &Path) -> SocketFile {
        let path = dir.join("made/socket");
        SocketFile { path, mode: 0o600, group: None, directory_mode: 0o700 }
    }

    #[test]
    fn each_thing_at_the_path_has_its_act_and_only_what_is_nobodys_is_replaced() {
        let unknown = || Seen::Unknown(io::ErrorKind::PermissionDenied.into());
        for (seen, ours, others) in [
            (Seen::Own(0o600), Act::Nothing, Act::Nothing),
            (Seen::Nothing, Act::Make, Act::Leave),
            (Seen::Leftover, Act::Replace, Act::Leave),
            (Seen::Taken(Some(7)), Act::Leave, Act::Leave),
            (Seen::Other("a directory"), Act::Leave, Act::Leave),
            (unknown(), Act::Leave, Act::Leave),
        ] {
            assert_eq!((decide(&seen, true), decide(&seen, false)), (ours, others), "{seen:?}");
        }
    }

    #[test]
    fn what_is_at_the_path_is_told_apart() {
        let temp = tempfile::tempdir().unwrap();
        let (wanted, away) = (at(temp.path()), temp.path().join("away"));
        assert!(matches!(wanted.look(None), Seen::Nothing));
        let made = wanted.make().unwrap();
        let own = Some(made.file);
        assert!(matches!(wanted.look(own), Seen::Own(0o600)));
        std::fs::rename(&wanted.path, &away).unwrap();
        assert!(matches!(wanted.look(own), Seen::Nothing));
        std::os::unix::fs::symlink(&away, &wanted.path).unwrap();
        assert!(matches!(wanted.look(own), Seen::Own(_)), "a link to it leads in");
        std::fs::remove_file(&away).unwrap();
        assert!(matches!(wanted.look(own), Seen::Other("a symbolic link")));
        std::fs::remove_file(&wanted.path).unwrap();
        std::fs::create_dir(&wanted.path).unwrap();
        assert!(matches!(wanted.look(own), Seen::Other("a directory")));
        std::fs::remove_dir(&wanted.path).unwrap();
        let stranger = UnixListener::bind(&wanted.path).unwrap();
        let me = i32::try_from(std::process::id()).unwrap();
        assert!(matches!(wanted.look(own), Seen::Taken(Some(pid)) if pid == me));
        drop(stranger);
        assert!(matches!(wanted.look(own), Seen::Leftover));
        std::fs::remove_dir_all(temp.path().join("made")).unwrap();
        assert!(matches!(wanted.look(own), Seen::Nothing));
        std::fs::write(temp.path().join("made"), "").unwrap();
        assert!(matches!(wanted.look(own), Seen::Nothing), "its directory is a file");
    }

    #[test]
    fn a_listener_with_a_full_queue_is_no_leftover() {
        let temp = tempfile::tempdir().unwrap();
        let wanted = at(temp.path());
        std::fs::create_dir(temp.path().join("made")).unwrap();
        let flags = SockFlag::SOCK_CLOEXEC;
        let busy = socket(AddressFamily::Unix, SockType::Stream, flags, None).unwrap();
        let address = UnixAddr::new(&wanted.path).unwrap();
        nix::sys::socket::bind(std::os::fd::AsRawFd::as_raw_fd(&busy), &address).unwrap();
        nix::sys::socket::listen(&busy, nix::sys::socket::Backlog::new(0).unwrap()).unwrap();
        let _waiting = UnixStream::connect(&wanted.path).unwrap();
        assert!(matches!(wanted.look(None), Seen::Taken(None)));
        assert!(matches!(wanted.make(), Err(SocketError::InUse { .. })));
    }

    #[test]
    fn a_socket_is_made_with_its_directories_and_modes_whatever_the_mask_is() {
        let temp = tempfile::tempdir().unwrap();
        let wanted = at(temp.path());
        let first = wanted.make().unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&wanted.path), mode(wanted.path.parent().unwrap())), (0o600, 0o700));
        assert!(matches!(wanted.make(), Err(SocketError::InUse { .. })));
        drop(first);
        let again = wanted.make().unwrap();
        assert!(matches!(wanted.look(Some(again.file)), Seen::Own(_)), "a leftover is replaced");
        drop(again);
        std::fs::remove_file(&wanted.path).unwrap();
        std::fs::write(&wanted.path, "mine").unwrap();
        let refused = wanted.make().unwrap_err().to_string();
        assert!(refused.ends_with("is a regular file, not a socket: move it away"), "{refused}");
        assert_eq!(std::fs::read(&wanted.path).unwrap(), b"mine");
    }
}
