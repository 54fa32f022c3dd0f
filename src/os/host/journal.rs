//! The journal's own socket: entries with fields, which a stream of lines cannot carry. See systemd-journald.service(8).

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

/// Where the journal listens.
const SOCKET: &str = "/run/systemd/journal/socket";

/// Whether the standard error of this process is the stream that `journal_stream` (the variable JOURNAL_STREAM, `device:inode`)
/// names. A child that has redirected it inherits the variable all the same.
pub fn is_stderr_journal(journal_stream: &str) -> bool {
    let stderr = nix::sys::stat::fstat(std::io::stderr());
    stderr.is_ok_and(|stderr| journal_stream == format!("{}:{}", stderr.st_dev, stderr.st_ino))
}

/// A way to the journal.
#[derive(Debug)]
pub struct Journal {
    socket: UnixDatagram,
}

impl Journal {
    /// The journal of this host.
    ///
    /// # Errors
    /// Nobody listens there.
    pub fn connect() -> io::Result<Self> {
        Self::connect_to(Path::new(SOCKET))
    }

    /// A journal that listens at `path`.
    ///
    /// # Errors
    /// Nobody listens there.
    pub fn connect_to(path: &Path) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.connect(path)?;
        Ok(Self { socket })
    }

    /// Sends one entry, in the journal's protocol.
    ///
    /// # Errors
    /// What send(2) says; the journal may have been restarted, and the entry is lost then.
    pub fn send(&self, entry: &[u8]) -> io::Result<()> {
        match self.socket.send(entry) {
            // The journal was restarted: its socket is another one now.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                self.socket.connect(SOCKET)?;
                self.socket.send(entry).map(|_| ())
            }
            sent => sent.map(|_| ()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_stream_that_is_named_counts() {
        let stderr = nix::sys::stat::fstat(std::io::stderr()).unwrap();
        let named = format!("{}:{}", stderr.st_dev, stderr.st_ino);
        assert!(is_stderr_journal(&named));
        for other in ["", "1:2", "nonsense", &format!("{named}1")] {
            assert!(!is_stderr_journal(other), "{other}");
        }
    }
}
