//! Who holds the other end of a TCP connection of this host, and who listens at a port (sock_diag(7)).
//!
//! A question and its answer are one netlink message each. The kernel answers while the question is sent, so nothing here waits.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd as _, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket,
};

/// Who has a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SocketOwner {
    /// The user who made it.
    pub uid: u32,
    /// Its number, as `/proc/PID/fd` shows it.
    pub inode: u32,
    /// The control group of version 2 in which it was made: the inode of that group's directory. None where the kernel does not say.
    pub cgroup_id: Option<u64>,
}

/// SOCK_DIAG_BY_FAMILY of linux/sock_diag.h, and the answer that is an error.
const BY_FAMILY: u16 = 20;
/// See [`BY_FAMILY`].
const NLMSG_ERROR: u16 = 2;
/// The flag of every question.
const NLM_F_REQUEST: u16 = 1;
/// Length of a message's head.
const HEAD: usize = 16;
/// Length of `struct inet_diag_msg`, and where in it the user, the inode and the addresses stand.
const DIAG_MSG: usize = 72;
/// See [`DIAG_MSG`].
const UID_AT: usize = 64;
/// See [`DIAG_MSG`].
const INODE_AT: usize = 68;
/// See [`DIAG_MSG`].
const PORTS_AT: usize = 4;
/// INET_DIAG_CGROUP_ID of linux/inet_diag.h.
const CGROUP_ID: u16 = 21;
/// TCP_LISTEN, and the states in which a socket has a process: established, and closed by one of the two sides.
const LISTEN: u8 = 10;
/// See [`LISTEN`].
const CONNECTED: [u8; 4] = [1, 4, 5, 8];

/// Who has the socket at `peer`, whose other end is at `local`; none when there is none that a process has.
///
/// # Errors
/// The kernel cannot be asked.
pub fn owner_of_peer(peer: SocketAddr, local: SocketAddr) -> io::Result<Option<SocketOwner>> {
    let answer = ask(peer, Some(local))?;
    Ok(answer.and_then(|answer| {
        let is_meant = answer.ports == (peer.port(), local.port());
        // One that is shut down may belong to nobody, and is then said to be root's.
        let has_process = CONNECTED.contains(&answer.state) && answer.owner.inode != 0;
        (is_meant && has_process).then_some(answer.owner)
    }))
}

/// Who listens at `address`; none when nobody does.
///
/// # Errors
/// The kernel cannot be asked.
pub fn owner_of_listener(address: SocketAddr) -> io::Result<Option<SocketOwner>> {
    let answer = ask(address, None)?;
    Ok(answer.filter(|answer| answer.state == LISTEN).map(|answer| answer.owner))
}

/// What the kernel says of one socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Answer {
    state: u8,
    ports: (u16, u16),
    owner: SocketOwner,
}

fn ask(source: SocketAddr, destination: Option<SocketAddr>) -> io::Result<Option<Answer>> {
    let socket: OwnedFd = socket(
        AddressFamily::Netlink,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkSockDiag,
    )?;
    send(socket.as_raw_fd(), &question(source, destination), MsgFlags::empty())?;
    let mut buffer = vec![0_u8; 8192];
    let length = recv(socket.as_raw_fd(), &mut buffer, MsgFlags::MSG_DONTWAIT)?;
    read(buffer.get(..length).unwrap_or_default())
}

/// `struct nlmsghdr` and `struct inet_diag_req_v2`.
fn question(source: SocketAddr, destination: Option<SocketAddr>) -> Vec<u8> {
    let mut request = vec![family(source), 6, 0, 0];
    request.extend(u32::MAX.to_ne_bytes());
    request.extend(source.port().to_be_bytes());
    request.extend(destination.map_or(0, |address| address.port()).to_be_bytes());
    request.extend(octets(source.ip()));
    request.extend(destination.map_or([0; 16], |address| octets(address.ip())));
    request.extend(0_u32.to_ne_bytes());
    // No cookie.
    request.extend([0xff; 8]);
    let length = u32::try_from(HEAD + request.len()).unwrap_or_default();
    let mut message = length.to_ne_bytes().to_vec();
    message.extend(BY_FAMILY.to_ne_bytes());
    message.extend(NLM_F_REQUEST.to_ne_bytes());
    // Its number, and the port of a socket that has none yet.
    message.extend([0; 8]);
    message.extend(request);
    message
}

fn family(address: SocketAddr) -> u8 {
    let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    u8::try_from(family as i32).unwrap_or_default()
}

fn octets(ip: IpAddr) -> [u8; 16] {
    let mut octets = [0; 16];
    match ip {
        IpAddr::V4(ip) => {
            octets.iter_mut().zip(ip.octets()).for_each(|(to, from)| *to = from);
        }
        IpAddr::V6(ip) => octets = ip.octets(),
    }
    octets
}

fn read(message: &[u8]) -> io::Result<Option<Answer>> {
    let bad = || io::Error::new(io::ErrorKind::InvalidData, "unexpected answer of sock_diag");
    match u16_at(message, 4).ok_or_else(bad)? {
        NLMSG_ERROR => {
            let number = u32_at(message, HEAD).ok_or_else(bad)?.cast_signed();
            let errno = Errno::from_raw(number.saturating_neg());
            if errno == Errno::ENOENT { Ok(None) } else { Err(errno.into()) }
        }
        BY_FAMILY => answer(message.get(HEAD..).unwrap_or_default()).map(Some).ok_or_else(bad),
        _ => Err(bad()),
    }
}

fn answer(body: &[u8]) -> Option<Answer> {
    let port = |at| Some(u16::from_be_bytes([*body.get(at)?, *body.get(at + 1)?]));
    let cgroup_id = attribute(body.get(DIAG_MSG..)?, CGROUP_ID).and_then(|value| {
        let value: [u8; 8] = value.try_into().ok()?;
        Some(u64::from_ne_bytes(value))
    });
    let owner =
        SocketOwner { uid: u32_at(body, UID_AT)?, inode: u32_at(body, INODE_AT)?, cgroup_id };
    Some(Answer { state: *body.get(1)?, ports: (port(PORTS_AT)?, port(PORTS_AT + 2)?), owner })
}

/// The value of the attribute of this type in a row of `struct nlattr`.
fn attribute(mut rest: &[u8], wanted: u16) -> Option<&[u8]> {
    loop {
        let length = usize::from(u16_at(rest, 0)?);
        let value = rest.get(4..length)?;
        if u16_at(rest, 2)? == wanted {
            return Some(value);
        }
        rest = rest.get(length.next_multiple_of(4)..)?;
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsFd as _;

    use super::*;

    fn inode_of(socket: &impl std::os::fd::AsFd) -> u32 {
        let stat = nix::sys::stat::fstat(socket.as_fd()).unwrap();
        u32::try_from(stat.st_ino).unwrap()
    }

    #[test]
    fn the_other_end_of_a_connection_is_named_with_its_user_and_its_number() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(address) else { continue };
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (accepted, peer) = listener.accept().unwrap();
            let local = accepted.local_addr().unwrap();
            let found = owner_of_peer(peer, local).unwrap().unwrap();
            let uid = nix::unistd::geteuid().as_raw();
            assert_eq!((found.uid, found.inode), (uid, inode_of(&client.as_fd())));
            drop(client);
            assert_eq!(owner_of_peer(peer, local).unwrap(), None, "nobody has it");
        }
    }

    #[test]
    fn a_listener_is_found_and_a_free_port_has_none() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let found = owner_of_listener(address).unwrap().unwrap();
        assert_eq!(found.inode, inode_of(&listener.as_fd()));
        drop(listener);
        assert_eq!(owner_of_listener(address).unwrap(), None);
    }

    #[test]
    fn what_is_no_answer_is_an_error_and_never_an_owner() {
        assert!(read(&[]).is_err());
        assert!(read(&[0; 16]).is_err());
        let mut refused = vec![0; 20];
        refused[4] = 2;
        refused[16..20].copy_from_slice(&(-2_i32).to_ne_bytes());
        assert_eq!(read(&refused).unwrap(), None);
        refused[16..20].copy_from_slice(&(-1_i32).to_ne_bytes());
        assert_eq!(read(&refused).unwrap_err().raw_os_error(), Some(1));
        let mut short = vec![0; 40];
        short[4] = 20;
        assert!(read(&short).is_err());
    }

    #[test]
    fn attributes_are_read_one_behind_the_other() {
        let row = [6, 0, 1, 0, 7, 8, 0, 0, 5, 0, 2, 0, 9, 0, 0, 0];
        assert_eq!(attribute(&row, 1), Some(&[7, 8][..]));
        assert_eq!(attribute(&row, 2), Some(&[9][..]));
        assert_eq!(attribute(&row, 3), None);
        assert_eq!(attribute(&[0, 0, 1, 0], 1), None, "a length that is none");
    }
}
