//! The status pipe: messages of a shim to the daemon that started it.
//!
//! ```text
//! started <worker pid> <start ticks>\n     the worker runs
//! exit\n                                   the exit record is in place
//! ```
//!
//! It only saves the daemon a look: what counts is in the run's files, and a daemon that was started later
//! has no pipe at all. The shim writes on descriptor 3, never waits for a reader and does not die of a
//! missing one. Lines that a reader does not know are skipped, so later shims may say more.

#![expect(
    unsafe_code,
    reason = "descriptor 3 is taken over from the process that started this one"
)]

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::{SFlag, fstat};

/// Descriptor on which a shim finds its end.
pub const STATUS_DESCRIPTOR: RawFd = 3;

/// Longest line a reader keeps while it waits for the line's end; longer ones are no line of ours.
const LINE_BYTES_MAX: usize = 256;

/// One line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusLine {
    /// The worker has been started.
    Started {
        /// Process id.
        pid: i32,
        /// Its start time in clock ticks since boot.
        start_ticks: u64,
    },
    /// The exit record is in place and the tree is proven empty.
    Exit,
}

impl StatusLine {
    /// Reads one line, given without its line end; none when it is not one of ours.
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let parsed = match (words.next()?, words.next(), words.next()) {
            ("exit", None, None) => Self::Exit,
            ("started", Some(pid), Some(ticks)) => {
                let pid = pid.parse().ok().filter(|pid| *pid > 0)?;
                Self::Started { pid, start_ticks: ticks.parse().ok()? }
            }
            _ => return None,
        };
        words.next().is_none().then_some(parsed)
    }
}

impl fmt::Display for StatusLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started { pid, start_ticks } => write!(f, "started {pid} {start_ticks}"),
            Self::Exit => f.write_str("exit"),
        }
    }
}

/// Makes a status pipe: the daemon's end, which never blocks, and the shim's end. Both are close-on-exec.
///
/// # Errors
/// pipe2(2) or fcntl(2) failed.
pub fn status_pipe() -> io::Result<(StatusPipe, OwnedFd)> {
    let (read_end, write_end) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
    set_nonblocking(&read_end)?;
    Ok((StatusPipe { fd: read_end, partial: Vec::new() }, write_end))
}

/// The daemon's end. Readable when there are lines or the shim is gone. Closing it tells the shim that its
/// exit record has been dealt with.
#[derive(Debug)]
pub struct StatusPipe {
    fd: OwnedFd,
    partial: Vec<u8>,
}

/// What one reading brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusRead {
    /// Lines that were understood, in order.
    pub lines: Vec<StatusLine>,
    /// Nothing more will come: the shim has ended or closed its end.
    pub is_closed: bool,
}

impl StatusPipe {
    /// Takes what is there, without waiting.
    ///
    /// # Errors
    /// read(2) failed.
    pub fn read(&mut self) -> io::Result<StatusRead> {
        let mut read = StatusRead { lines: Vec::new(), is_closed: false };
        let mut chunk = [0_u8; 512];
        loop {
            match nix::unistd::read(&self.fd, &mut chunk) {
                Ok(0) => {
                    read.is_closed = true;
                    return Ok(read);
                }
                Ok(length) => self.take(chunk.get(..length).unwrap_or_default(), &mut read.lines),
                Err(Errno::EAGAIN) => return Ok(read),
                Err(Errno::EINTR) => {}
                Err(failed) => return Err(failed.into()),
            }
        }
    }

    fn take(&mut self, bytes: &[u8], lines: &mut Vec<StatusLine>) {
        for byte in bytes {
            if *byte == b'\n' {
                let line = std::str::from_utf8(&self.partial).ok();
                lines.extend(line.and_then(StatusLine::parse));
                self.partial.clear();
            } else if self.partial.len() < LINE_BYTES_MAX {
                self.partial.push(*byte);
            }
        }
    }
}

impl AsFd for StatusPipe {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for StatusPipe {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

/// The shim's end.
#[derive(Debug)]
pub struct StatusWriter {
    fd: Option<OwnedFd>,
}

/// What became of a pipe's reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// It still has its end.
    Open,
    /// It closed its end, or ended, or there never was one.
    Gone,
}

impl StatusWriter {
    /// Takes descriptor 3 over if it is the writing end of a pipe, and makes it close-on-exec.
    ///
    /// To be called once, before this process opens anything: until then a descriptor 3 can only have come
    /// from its starter. Without one (a shim started by hand) every line goes nowhere.
    pub fn inherited() -> Self {
        // SAFETY: nothing in this process owns descriptor 3 yet (see above); if it is not open at all,
        // the calls below say so and do no harm.
        let borrowed = unsafe { BorrowedFd::borrow_raw(STATUS_DESCRIPTOR) };
        if !is_writing_end(borrowed) {
            return Self { fd: None };
        }
        // SAFETY: it is open, and nobody else in this process knows of it.
        let fd = unsafe { OwnedFd::from_raw_fd(STATUS_DESCRIPTOR) };
        let is_private = fcntl(&fd, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).is_ok();
        let is_usable = is_private && set_nonblocking(&fd).is_ok();
        Self { fd: is_usable.then_some(fd) }
    }

    /// Whether there is a pipe at all; if so it is descriptor 3.
    pub fn is_connected(&self) -> bool {
        self.fd.is_some()
    }

    /// Writes one line, without waiting. After a failure nothing more is written.
    pub fn say(&mut self, line: StatusLine) -> Reader {
        let Some(fd) = &self.fd else { return Reader::Gone };
        let text = format!("{line}\n");
        // Lines are far shorter than PIPE_BUF, so they go in whole or not at all (pipe(7)).
        loop {
            match nix::unistd::write(fd, text.as_bytes()) {
                Ok(_whole) => return Reader::Open,
                Err(Errno::EINTR) => {}
                // A reader that leaves 64 KiB unread will look at the files.
                Err(Errno::EAGAIN) => return Reader::Open,
                Err(_broken) => {
                    self.fd = None;
                    return Reader::Gone;
                }
            }
        }
    }

    /// Waits until the reader has closed its end, at most `timeout_ms`.
    pub fn wait_for_close(&self, timeout_ms: u16) -> Reader {
        let Some(fd) = &self.fd else { return Reader::Gone };
        // Asking for no event: a pipe without readers reports POLLERR by itself (poll(2)).
        let mut watched = [PollFd::new(fd.as_fd(), PollFlags::empty())];
        loop {
            match poll(&mut watched, PollTimeout::from(timeout_ms)) {
                Ok(0) => return Reader::Open,
                Ok(_error_reported) => return Reader::Gone,
                Err(Errno::EINTR) => {}
                Err(_failed) => return Reader::Gone,
            }
        }
    }
}

fn is_writing_end(fd: BorrowedFd<'_>) -> bool {
    let is_pipe = fstat(fd).is_ok_and(|stat| {
        SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFIFO
    });
    let writes = fcntl(fd, FcntlArg::F_GETFL)
        .is_ok_and(|flags| OFlag::from_bits_truncate(flags) & OFlag::O_ACCMODE == OFlag::O_WRONLY);
    is_pipe && writes
}

/// Makes reads and writes on the open file description of `fd` fail with EAGAIN instead of waiting.
pub fn set_nonblocking(fd: &OwnedFd) -> io::Result<()> {
    let flags = OFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFL)?);
    fcntl(fd, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_written_and_read_alike() {
        for line in [StatusLine::Exit, StatusLine::Started { pid: 77, start_ticks: u64::MAX }] {
            assert_eq!(StatusLine::parse(&line.to_string()), Some(line));
        }
        let unknown = [
            "",
            "exit ",
            "exit 0",
            "exited",
            "started",
            "started 7",
            "started 0 5",
            "started -7 5",
            "started 7 x",
            "started 7 5 9",
            "started  7 5",
            " exit",
            "stopped 7",
        ];
        for line in unknown {
            assert_eq!(StatusLine::parse(line), None, "{line:?}");
        }
    }

    #[test]
    fn lines_are_read_however_they_are_cut_and_unknown_ones_are_skipped() {
        let (mut pipe, write_end) = status_pipe().unwrap();
        assert_eq!(pipe.read().unwrap(), StatusRead { lines: vec![], is_closed: false });
        let garbage = "x".repeat(2 * LINE_BYTES_MAX);
        let text = format!("started 7 5\nlater word\n{garbage}\n\u{fffd}\nexit\nex");
        let mut lines = Vec::new();
        for byte in text.as_bytes() {
            nix::unistd::write(&write_end, &[*byte]).unwrap();
            lines.extend(pipe.read().unwrap().lines);
        }
        assert_eq!(lines, [StatusLine::Started { pid: 7, start_ticks: 5 }, StatusLine::Exit]);
        drop(write_end);
        assert_eq!(pipe.read().unwrap(), StatusRead { lines: vec![], is_closed: true });
    }

    #[test]
    fn a_writer_never_waits_and_outlives_its_reader() {
        let (mut pipe, write_end) = status_pipe().unwrap();
        set_nonblocking(&write_end).unwrap();
        let mut writer = StatusWriter { fd: Some(write_end) };
        for _line in 0..100_000 {
            assert_eq!(writer.say(StatusLine::Exit), Reader::Open);
        }
        assert_eq!(writer.wait_for_close(0), Reader::Open);
        assert!(!pipe.read().unwrap().lines.is_empty());
        drop(pipe);
        assert_eq!(writer.wait_for_close(u16::MAX), Reader::Gone);
        assert_eq!(writer.say(StatusLine::Exit), Reader::Gone);
        assert_eq!(StatusWriter { fd: None }.say(StatusLine::Exit), Reader::Gone);
    }
}
