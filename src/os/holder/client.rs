//! The client of the holder: requests to start shims, and for the remains of those that died. See
//! [`crate::os::holder::protocol`].
//!
//! Each question has a connection of its own, so a restarted holder is found at once; nothing here waits longer than
//! [`PATIENCE`].

use std::io;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

use crate::os::holder::protocol::{
    Answered, Asked, AskedView, Hello, HolderRefusal, PROTOCOL_VERSION, Question, Remains,
};
use crate::os::processes::fd_passing::{Message, connect_to, receive, send};
use crate::os::processes::identity::ProcessIdentity;
use crate::os::processes::pidfd::PidFd;

/// Longest time that the holder has for an answer.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// The way to the holder. It need not be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    socket: PathBuf,
}

/// Why the holder did not do what it was asked.
#[derive(Debug, Error)]
pub enum HolderError {
    /// It is not there, or does not answer.
    #[error("the holder does not answer on {}: {detail}", socket.display())]
    Silent {
        /// Where it should listen.
        socket: PathBuf,
        /// What the kernel said.
        detail: String,
    },
    /// It answered what is not understood.
    #[error("cannot parse the reply of the holder on {}: {detail}", socket.display())]
    Odd {
        /// Where it listens.
        socket: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// It said no.
    #[error("{}", .0.message)]
    Refused(HolderRefusal),
}

impl HolderError {
    /// The kernel's error number, when the holder told one.
    pub fn errno(&self) -> Option<i32> {
        match self {
            Self::Silent { .. } | Self::Odd { .. } => None,
            Self::Refused(refusal) => Some(refusal.errno).filter(|errno| *errno != 0),
        }
    }
}

impl Holder {
    /// The holder that listens at `socket`.
    pub fn at(socket: impl Into<PathBuf>) -> Self {
        Self { socket: socket.into() }
    }

    /// Where it listens.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Asks who it is.
    ///
    /// # Errors
    /// [`HolderError`].
    pub fn hello(&self) -> Result<Hello, HolderError> {
        let (answer, _) = self.ask(Question::Hello, &[])?;
        answer.hello.ok_or_else(|| self.odd("no greeting"))
    }

    /// Has it start the shim of a run whose files are in place, for a worker of `user` who sees the machine in this `view`.
    ///
    /// # Errors
    /// [`HolderError`]. A shim that was started all the same finds its files and is found by them.
    pub fn start(
        &self,
        run_dir: &Path,
        nonce: &str,
        user: &str,
        view: Option<AskedView>,
        status: BorrowedFd<'_>,
    ) -> Result<(ProcessIdentity, PidFd), HolderError> {
        let run_dir = std::path::absolute(run_dir).map_err(|error| self.silent(&error))?;
        let (nonce, user) = (nonce.to_owned(), user.to_owned());
        let question = Question::Start { run_dir, nonce, user, view };
        let (answer, message) = self.ask(question, &[status])?;
        let shim = answer.started.ok_or_else(|| self.odd("the reply has no shim"))?.shim;
        let pidfd = message.descriptors.into_iter().next();
        let pidfd = pidfd.ok_or_else(|| self.odd("the reply has no pidfd of the shim"))?;
        Ok((shim, PidFd::from_kernel(pidfd)))
    }

    /// Asks what is left of a run whose shim has died. What is, is being killed.
    ///
    /// # Errors
    /// [`HolderError`].
    pub fn remains(&self, shim: &ProcessIdentity) -> Result<Remains, HolderError> {
        let (answer, _) = self.ask(Question::Remains { shim: shim.clone() }, &[])?;
        answer.remains.ok_or_else(|| self.odd("the reply has no remaining processes"))
    }

    fn ask(
        &self,
        question: Question,
        descriptors: &[BorrowedFd<'_>],
    ) -> Result<(Answered, Message), HolderError> {
        let asked = Asked { version: PROTOCOL_VERSION, question };
        let text = serde_json::to_vec(&asked).map_err(|error| self.odd(&error.to_string()))?;
        let message = self.exchange(&text, descriptors).map_err(|error| self.silent(&error))?;
        let answer: Answered =
            serde_json::from_slice(&message.bytes).map_err(|error| self.odd(&error.to_string()))?;
        match answer.refused {
            Some(refusal) => Err(HolderError::Refused(refusal)),
            None => Ok((answer, message)),
        }
    }

    fn exchange(&self, text: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<Message> {
        let connection = connect_to(&self.socket, PATIENCE)?;
        // One that refuses before it is asked has hung up already, but what it said is there.
        let sent = send(&connection, text, descriptors);
        let message = match receive(&connection) {
            // What it said before it hung up, unasked, is behind the news that it has.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => receive(&connection)?,
            received => received?,
        };
        if message.bytes.is_empty() {
            sent?;
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "connection closed"));
        }
        Ok(message)
    }

    fn silent(&self, error: &io::Error) -> HolderError {
        let detail = match error.kind() {
            io::ErrorKind::WouldBlock => "timed out".to_owned(),
            _ => error.to_string(),
        };
        HolderError::Silent { socket: self.socket.clone(), detail }
    }

    fn odd(&self, detail: &str) -> HolderError {
        HolderError::Odd { socket: self.socket.clone(), detail: detail.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::processes::fd_passing::{accept, listen_at};

    #[test]
    fn a_holder_that_is_not_there_or_hangs_up_is_silent() {
        let temp = tempfile::tempdir().unwrap();
        let holder = Holder::at(temp.path().join("socket"));
        let missing = holder.hello().unwrap_err();
        assert!(matches!(missing, HolderError::Silent { .. }));
        assert!(missing.to_string().contains("does not answer"));
        let listener = listen_at(holder.socket()).unwrap();
        let hangs_up = std::thread::spawn(move || {
            while accept(&listener).unwrap().is_none() {
                std::thread::yield_now();
            }
        });
        assert!(matches!(holder.hello().unwrap_err(), HolderError::Silent { .. }));
        hangs_up.join().unwrap();
    }
}
