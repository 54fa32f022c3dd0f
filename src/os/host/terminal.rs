//! What the kernel knows about a terminal.

#![expect(unsafe_code, reason = "ioctl(2) TIOCGWINSZ has no safe wrapper")]

use std::os::fd::{AsFd, AsRawFd};

use nix::libc::{TIOCGWINSZ, winsize};

mod request {
    nix::ioctl_read_bad!(window_size, super::TIOCGWINSZ, super::winsize);
}

/// Columns of the terminal behind a descriptor; none when it is no terminal, or one that does not know its size.
pub fn columns(terminal: impl AsFd) -> Option<usize> {
    let mut size = winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the descriptor is open for the call, and the kernel fills a live value of the right type.
    let asked = unsafe { request::window_size(terminal.as_fd().as_raw_fd(), &raw mut size) };
    asked.ok().map(|_zero| usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_says_how_wide_it_is_and_a_file_does_not() {
        let size = nix::pty::Winsize { ws_row: 24, ws_col: 97, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = nix::pty::openpty(Some(&size), None).unwrap();
        assert_eq!(columns(&pty.slave), Some(97));
        let unknown = nix::pty::openpty(None, None).unwrap();
        assert_eq!(columns(&unknown.slave), None);
        assert_eq!(columns(std::fs::File::open("/dev/null").unwrap()), None);
    }
}
