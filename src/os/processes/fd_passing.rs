//! Messages between two processes of one machine, with open descriptors in them: a Unix socket that keeps messages apart
//! (SOCK_SEQPACKET, unix(7)) and SCM_RIGHTS.

#![expect(unsafe_code, reason = "the kernel hands out received descriptors as numbers")]

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd, RawFd};
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::sockopt::{ReceiveTimeout, SendTimeout};
use nix::sys::socket::{
    AddressFamily, Backlog, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType,
    UnixAddr, accept4, bind, connect, listen, recvmsg, sendmsg, setsockopt, socket,
};
use nix::sys::time::TimeVal;

/// Longest message, bytes.
pub const MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// Descriptors that are taken from one message.
const DESCRIPTORS_MAX: usize = 4;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 64;

/// One message.
#[derive(Debug)]
pub struct Message {
    /// Its bytes; empty when the other side has hung up.
    pub bytes: Vec<u8>,
    /// What came with it.
    pub descriptors: Vec<OwnedFd>,
}

/// A listening socket at `path`, which never waits. What is at `path` is the caller's to remove.
///
/// # Errors
/// It cannot be made there.
pub fn listen_at(path: &Path) -> io::Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let listener = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None)?;
    bind(listener.as_raw_fd(), &UnixAddr::new(path)?)?;
    listen(&listener, Backlog::new(BACKLOG)?)?;
    Ok(listener)
}

/// The next connection, which never waits either; none when there is none.
///
/// # Errors
/// accept4(2) fails.
pub fn accept(listener: &OwnedFd) -> io::Result<Option<OwnedFd>> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    match accept4(listener.as_raw_fd(), flags) {
        // SAFETY: the call has just made this descriptor, and nobody else knows of it.
        Ok(number) => Ok(Some(unsafe { OwnedFd::from_raw_fd(number) })),
        Err(Errno::EAGAIN | Errno::ECONNABORTED | Errno::EINTR) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

/// A connection to the socket at `path` on which nothing takes longer than `patience`.
///
/// # Errors
/// Nobody listens there, or too many wait.
pub fn connect_to(path: &Path, patience: Duration) -> io::Result<OwnedFd> {
    let connection =
        socket(AddressFamily::Unix, SockType::SeqPacket, SockFlag::SOCK_CLOEXEC, None)?;
    let micros = i64::try_from(patience.as_micros()).unwrap_or(i64::MAX);
    let patience = TimeVal::new(micros / 1_000_000, micros % 1_000_000);
    // It holds for connect(2) too.
    setsockopt(&connection, SendTimeout, &patience)?;
    setsockopt(&connection, ReceiveTimeout, &patience)?;
    connect(connection.as_raw_fd(), &UnixAddr::new(path)?)?;
    Ok(connection)
}

/// Sends one message.
///
/// # Errors
/// The other side has gone, or does not take it in time.
pub fn send(connection: impl AsFd, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let numbers: Vec<RawFd> = descriptors.iter().map(std::os::fd::AsRawFd::as_raw_fd).collect();
    let rights = [ControlMessage::ScmRights(&numbers)];
    let rights = if numbers.is_empty() { &rights[..0] } else { &rights[..] };
    let to = connection.as_fd().as_raw_fd();
    sendmsg::<()>(to, &[IoSlice::new(bytes)], rights, MsgFlags::MSG_NOSIGNAL, None)?;
    Ok(())
}

/// Takes one message; what is longer than a message may be is an error.
///
/// # Errors
/// `WouldBlock` when none is there (in time).
pub fn receive(connection: impl AsFd) -> io::Result<Message> {
    let mut bytes = vec![0; MESSAGE_BYTES_MAX];
    let mut space = nix::cmsg_space!([RawFd; DESCRIPTORS_MAX]);
    let mut parts = [IoSliceMut::new(&mut bytes)];
    let from = connection.as_fd().as_raw_fd();
    let received = recvmsg::<()>(from, &mut parts, Some(&mut space), MsgFlags::MSG_CMSG_CLOEXEC)?;
    let mut descriptors = Vec::new();
    for message in received.cmsgs()? {
        if let ControlMessageOwned::ScmRights(numbers) = message {
            // SAFETY: the kernel has just put these descriptors into this process, and nobody else knows of them.
            descriptors.extend(numbers.into_iter().map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }));
        }
    }
    let is_cut = received.flags.intersects(MsgFlags::MSG_TRUNC | MsgFlags::MSG_CTRUNC);
    let length = received.bytes;
    if is_cut {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a message was cut"));
    }
    bytes.truncate(length);
    Ok(Message { bytes, descriptors })
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;

    #[test]
    fn a_message_arrives_whole_and_with_its_descriptor() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("socket");
        let patience = Duration::from_secs(60);
        assert!(connect_to(&path, patience).is_err());
        let listener = listen_at(&path).unwrap();
        assert!(accept(&listener).unwrap().is_none());
        let ours = connect_to(&path, patience).unwrap();
        let theirs = accept(&listener).unwrap().unwrap();
        let (mut reader, writer) = std::io::pipe().unwrap();
        send(&ours, b"one", &[writer.as_fd()]).unwrap();
        send(&ours, b"two", &[]).unwrap();
        drop(writer);
        let one = receive(&theirs).unwrap();
        let two = receive(&theirs).unwrap();
        assert_eq!((one.bytes.as_slice(), two.bytes.as_slice()), (&b"one"[..], &b"two"[..]));
        assert_eq!((one.descriptors.len(), two.descriptors.len()), (1, 0));
        assert_eq!(receive(&theirs).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        let sent = one.descriptors.into_iter().next().unwrap();
        std::fs::File::from(sent).write_all(b"through").unwrap();
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "through");
        drop(ours);
        assert!(receive(&theirs).unwrap().bytes.is_empty());
    }

    #[test]
    fn nobody_waits_longer_than_agreed_for_an_answer() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("socket");
        let _listener = listen_at(&path).unwrap();
        let connection = connect_to(&path, Duration::from_millis(10)).unwrap();
        assert_eq!(receive(&connection).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
}
