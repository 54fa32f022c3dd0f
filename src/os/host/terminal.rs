//! What the kernel knows about a terminal.

#![expect(unsafe_code, reason = "ioctl(2) TIOCGWINSZ has no safe wrapper")]

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use nix::libc::{TIOCGWINSZ, winsize};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::termios::{LocalFlags, SetArg, SpecialCharacterIndices, tcgetattr, tcsetattr};
use nix::unistd::read;

/// Longest line that a terminal gives at once.
const LINE_BYTES_MAX: usize = 4_096;

/// What Ctrl-C puts into a line when it ends no process.
const INTERRUPT: u8 = 3;

mod request {
    nix::ioctl_read_bad!(window_size, super::TIOCGWINSZ, super::winsize);
}

/// Columns of the terminal behind a descriptor; none when it is no terminal, or one that does not know its size.
pub fn columns(terminal: impl AsFd) -> Option<usize> {
    size(terminal).map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// Lines of the terminal behind a descriptor, as [`columns`].
pub fn rows(terminal: impl AsFd) -> Option<usize> {
    size(terminal).map(|size| usize::from(size.ws_row)).filter(|rows| *rows > 0)
}

fn size(terminal: impl AsFd) -> Option<winsize> {
    let mut size = winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the descriptor is open for the call, and the kernel fills a live value of the right type.
    let asked = unsafe { request::window_size(terminal.as_fd().as_raw_fd(), &raw mut size) };
    asked.ok().map(|_zero| size)
}

/// Whether something was typed or pasted that nobody has read yet. What cannot be asked is nothing.
pub fn has_input(terminal: impl AsFd) -> bool {
    let mut wanted = [PollFd::new(terminal.as_fd(), PollFlags::POLLIN)];
    poll(&mut wanted, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
}

/// A line that is typed without being shown. Ctrl-C ends it as an error, so that the terminal is never left silent.
///
/// # Errors
/// It is no terminal, it cannot be read, or the person has interrupted.
pub fn ask_unseen(terminal: impl AsFd) -> io::Result<String> {
    let before = tcgetattr(&terminal)?;
    let mut silent = before.clone();
    silent.local_flags.remove(LocalFlags::ECHO | LocalFlags::ISIG);
    silent.local_flags.insert(LocalFlags::ECHONL);
    if let Some(end) = silent.control_chars.get_mut(SpecialCharacterIndices::VEOL as usize) {
        *end = INTERRUPT;
    }
    tcsetattr(&terminal, SetArg::TCSAFLUSH, &silent)?;
    let mut line = vec![0; LINE_BYTES_MAX];
    let taken = read(&terminal, &mut line);
    tcsetattr(&terminal, SetArg::TCSANOW, &before)?;
    line.truncate(taken?);
    if line.contains(&INTERRUPT) {
        return Err(io::ErrorKind::Interrupted.into());
    }
    String::from_utf8(line).map_err(|_| io::Error::other("what was typed is not text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_says_how_wide_it_is_and_a_file_does_not() {
        let size = nix::pty::Winsize { ws_row: 24, ws_col: 97, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = nix::pty::openpty(Some(&size), None).unwrap();
        assert_eq!((columns(&pty.slave), rows(&pty.slave)), (Some(97), Some(24)));
        let unknown = nix::pty::openpty(None, None).unwrap();
        assert_eq!(columns(&unknown.slave), None);
        assert_eq!(columns(std::fs::File::open("/dev/null").unwrap()), None);
    }

    #[test]
    fn a_line_that_was_pasted_is_there_before_it_is_read() {
        use std::io::Write as _;
        let pty = nix::pty::openpty(None, None).unwrap();
        let mut master = std::fs::File::from(pty.master);
        assert!(!has_input(&pty.slave));
        master.write_all(b"half").unwrap();
        assert!(!has_input(&pty.slave), "it is no line yet");
        master.write_all(b" a line\n").unwrap();
        assert!(has_input(&pty.slave));
    }

    #[test]
    fn what_is_typed_unseen_is_not_shown_and_the_terminal_is_as_before() {
        use std::io::{Read as _, Write as _};
        for (typed, expected) in [("secret\n", Some("secret\n")), ("sec\x03", None)] {
            let pty = nix::pty::openpty(None, None).unwrap();
            let before = tcgetattr(&pty.slave).unwrap();
            let mut master = std::fs::File::from(pty.master);
            let slave = pty.slave.try_clone().unwrap();
            let asking = std::thread::spawn(move || ask_unseen(slave));
            // What is typed before it is silent would be shown, and thrown away.
            let is_silent = || {
                let now = tcgetattr(&pty.slave).unwrap();
                !now.local_flags.contains(LocalFlags::ECHO)
            };
            while !is_silent() {
                std::thread::yield_now();
            }
            master.write_all(typed.as_bytes()).unwrap();
            assert_eq!(asking.join().unwrap().ok().as_deref(), expected);
            let after = tcgetattr(&pty.slave).unwrap();
            assert_eq!(after.local_flags, before.local_flags);
            drop(pty.slave);
            let mut shown = Vec::new();
            // The other end has gone: that is an error of the reading, not of the test.
            drop(master.read_to_end(&mut shown));
            assert!(!String::from_utf8_lossy(&shown).contains("sec"), "{shown:?}");
        }
    }
}
