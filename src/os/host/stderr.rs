//! Standard error, written to without the lock that the standard library keeps on it: a line that blocks holds up its writer, and
//! nobody who only wants to look at the descriptor.

use std::io;
use std::os::fd::AsFd as _;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// Writes all of it, and waits as long as that takes.
///
/// # Errors
/// What write(2) says.
pub fn write_all(mut bytes: &[u8]) -> io::Result<()> {
    let stderr = std::io::stderr();
    let stderr = stderr.as_fd();
    while !bytes.is_empty() {
        match nix::unistd::write(stderr, bytes) {
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(Errno::EINTR) => {}
            // Who shares the terminal or the pipe may have made it non-blocking.
            Err(Errno::EAGAIN) => {
                let mut waited = [PollFd::new(stderr, PollFlags::POLLOUT)];
                match poll(&mut waited, PollTimeout::NONE) {
                    Ok(_) | Err(Errno::EINTR) => {}
                    Err(errno) => return Err(errno.into()),
                }
            }
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

/// Writes a short line if it can be written at once. A reader that does not read costs the line, never the writer's time.
///
/// # Errors
/// `WouldBlock`, and what write(2) says.
pub fn write_at_once(line: &[u8]) -> io::Result<()> {
    let stderr = std::io::stderr();
    let stderr = stderr.as_fd();
    let mut waited = [PollFd::new(stderr, PollFlags::POLLOUT)];
    // A pipe that is ready takes PIPE_BUF bytes (pipe(7)), more than any line here has.
    if poll(&mut waited, PollTimeout::ZERO)? == 0 {
        return Err(io::ErrorKind::WouldBlock.into());
    }
    nix::unistd::write(stderr, line).map(drop).map_err(io::Error::from)
}
