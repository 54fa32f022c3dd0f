//! The peer of a Unix stream, as the kernel identifies it.
//!
//! SO_PEERCRED (unix(7)) names the process that *connected*, by PID. SO_PEERPIDFD, from Linux 6.5 on, gives a
//! handle on that very process; before it a pidfd is opened by PID at once, and a caller that ended in that
//! instant could be confused with the PID's next holder. An unidentified caller is distinguished from an error of
//! the call: neither is ever an answer that grants something.

use std::io;
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::sys::socket::getsockopt;
use nix::sys::socket::sockopt::{PeerCredentials, PeerPidfd};
use thiserror::Error;

use crate::os::processes::pidfd::PidFd;
use crate::os::processes::proc_tree::Ancestry;
use crate::os::processes::{proc_stat, proc_tree};

/// The process that connected.
#[derive(Debug)]
pub struct Peer {
    /// Its process id here.
    pub pid: i32,
    /// Its effective user when it connected.
    pub uid: u32,
    /// Holds on to the process; readable once it has ended.
    pub pidfd: PidFd,
}

/// Why a peer is not known.
#[derive(Debug, Error)]
pub enum PeerError {
    /// It has ended, or lives in a PID namespace that cannot be seen from here, or `/proc` hides it.
    #[error("cannot identify the caller (pid {pid}): {reason}")]
    Unplaceable {
        /// What the kernel gave as its PID; 0 for a foreign namespace.
        pid: i32,
        /// In words.
        reason: &'static str,
    },
    /// The kernel refused to tell.
    #[error("cannot read the identity of the caller")]
    Unreadable(#[source] io::Error),
}

/// Asks the kernel who connected the Unix stream socket `socket`.
///
/// # Errors
/// [`PeerError`].
pub fn peer_of(socket: impl AsFd) -> Result<Peer, PeerError> {
    let socket = socket.as_fd();
    let message = getsockopt(&socket, PeerCredentials).map_err(unreadable)?;
    let pid = message.pid();
    if pid <= 0 {
        return Err(PeerError::Unplaceable { pid, reason: "it is in another PID namespace" });
    }
    let pidfd = match getsockopt(&socket, PeerPidfd) {
        Ok(fd) => PidFd::from_kernel(fd),
        Err(Errno::ENOPROTOOPT) => PidFd::of_current_holder(pid)
            .map_err(PeerError::Unreadable)?
            .ok_or(PeerError::Unplaceable { pid, reason: ENDED })?,
        // ESRCH and, on some kernels, EINVAL or ENODATA: nobody is there to have a handle on.
        Err(Errno::ESRCH | Errno::EINVAL | Errno::ENODATA) => {
            return Err(PeerError::Unplaceable { pid, reason: ENDED });
        }
        Err(failed) => return Err(unreadable(failed)),
    };
    let peer = Peer { pid, uid: message.uid(), pidfd };
    peer.still_there()?;
    Ok(peer)
}

/// Whether the process that made the listening socket at the other end of `connected` is gone. Then nobody will answer: a
/// daemon that was killed while it forked leaves its sockets with the child until that executes its program.
pub fn is_listener_gone(connected: impl AsFd) -> bool {
    listener_pid(connected).is_some_and(proc_stat::is_gone)
}

/// PID of the process that made the listening socket at the other end of `connected`; none when it is in another PID namespace.
pub fn listener_pid(connected: impl AsFd) -> Option<i32> {
    let listener = getsockopt(&connected.as_fd(), PeerCredentials).ok()?;
    Some(listener.pid()).filter(|pid| *pid > 0)
}

impl Peer {
    /// The peer's process and every one above it, nearest first, as far as `/proc` shows them.
    ///
    /// # Errors
    /// `Unplaceable` when the peer has ended or is hidden, or its ancestry does not hold still.
    pub fn ancestry(&self) -> Result<Ancestry, PeerError> {
        let ancestry = proc_tree::ancestry(self.pid).map_err(|error| self.unplaced(error))?;
        // The PID was the peer's for as long as the peer lives, so what was read above is its own.
        self.still_there()?;
        Ok(ancestry)
    }

    /// Why a peer below a hidden process is not identified.
    pub fn below_hidden(&self) -> PeerError {
        let reason = "/proc hides an ancestor that may be the shim of a run (mount option hidepid)";
        PeerError::Unplaceable { pid: self.pid, reason }
    }

    /// What `look` says of the peer's process, which it is given by PID.
    ///
    /// # Errors
    /// `Unplaceable` when the peer has ended, and what `look` gives.
    pub fn look<T>(&self, look: impl FnOnce(i32) -> io::Result<T>) -> Result<T, PeerError> {
        let seen = look(self.pid).map_err(|error| self.unplaced(error))?;
        self.still_there()?;
        Ok(seen)
    }

    /// The number of its session.
    ///
    /// # Errors
    /// `Unplaceable` when the peer has ended.
    pub fn session(&self) -> Result<i32, PeerError> {
        self.look(|pid| {
            let session = nix::unistd::getsid(Some(nix::unistd::Pid::from_raw(pid)));
            Ok(session.map_err(io::Error::from)?.as_raw())
        })
    }

    fn still_there(&self) -> Result<(), PeerError> {
        match self.pidfd.has_exited() {
            Ok(false) => Ok(()),
            Ok(true) => Err(PeerError::Unplaceable { pid: self.pid, reason: ENDED }),
            Err(error) => Err(PeerError::Unreadable(error)),
        }
    }

    fn unplaced(&self, error: io::Error) -> PeerError {
        let reason = match error.kind() {
            // A hidden one has no entry either, and is there all the same.
            io::ErrorKind::NotFound if self.still_there().is_err() => ENDED,
            io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => HIDDEN,
            io::ErrorKind::TimedOut => "its ancestors keep changing",
            _ => return PeerError::Unreadable(error),
        };
        PeerError::Unplaceable { pid: self.pid, reason }
    }
}

const ENDED: &str = "it has ended";
const HIDDEN: &str = "/proc hides it (mount option hidepid)";

fn unreadable(errno: Errno) -> PeerError {
    PeerError::Unreadable(errno.into())
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::process::Command;

    use super::*;
    use crate::os::processes::identity::ProcessIdentity;

    #[test]
    fn a_peer_is_placed_by_the_kernel_and_not_by_its_word() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let peer = peer_of(&ours).unwrap();
        let me = ProcessIdentity::current().unwrap();
        assert_eq!((peer.pid, peer.uid), (me.pid, nix::unistd::geteuid().as_raw()));
        assert_eq!(peer.ancestry().unwrap().chain.first(), Some(&me));
    }

    /// In the child that the next test makes of itself: the socket to connect to.
    const CONNECT_TO: &str = "KANBAND_TEST_CONNECT_TO";

    #[test]
    fn a_peer_that_has_ended_is_unplaceable() {
        if let Some(path) = std::env::var_os(CONNECT_TO) {
            drop(UnixStream::connect(path).unwrap());
            return;
        }
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let me = "os::processes::peer::tests::a_peer_that_has_ended_is_unplaceable";
        let mut child = Command::new(std::env::current_exe().unwrap());
        let ended = child.args(["--exact", me]).env(CONNECT_TO, &path).output().unwrap();
        assert!(ended.status.success());
        // A child that ran no test has not connected.
        listener.set_nonblocking(true).unwrap();
        let (stream, _address) = listener.accept().unwrap();
        let error = peer_of(&stream).unwrap_err();
        assert!(
            matches!(error, PeerError::Unplaceable { pid, reason } if pid > 0 && reason == ENDED),
            "{error:?}"
        );
    }

    #[test]
    fn what_is_no_unix_socket_has_no_peer() {
        let file = std::fs::File::open("/dev/null").unwrap();
        assert!(matches!(peer_of(&file).unwrap_err(), PeerError::Unreadable(_)));
    }
}
