//! A program that goes on when its caller has ended: started in the background, and waited for until it says that it is ready, by the
//! message that it would send to a service manager (sd_notify(3)).

use std::fs::File;
use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::thread::Builder;

/// Longest message that is read.
const MESSAGE_BYTES: usize = 4096;

/// Variables that tell a process of the unit it runs in. They are not those of a program that is to leave that unit.
pub const OF_OTHER_UNITS: [&str; 11] = [
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "LISTEN_FDNAMES",
    "LISTEN_FDS",
    "LISTEN_PID",
    "MANAGERPID",
    "MANAGERPIDFDID",
    "NOTIFY_SOCKET",
    "SYSTEMD_EXEC_PID",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
];

/// What became of a program.
#[derive(Debug)]
pub enum Started {
    /// It is ready.
    Ready {
        /// Its PID.
        pid: u32,
    },
    /// It has ended before.
    Ended(ExitStatus),
}

enum Heard {
    Ready,
    Ended(io::Result<ExitStatus>),
}

/// The socket at which a program says that it is ready, removed with this value.
struct ReadySocket<'a>(&'a Path);

impl Drop for ReadySocket<'_> {
    fn drop(&mut self) {
        drop(std::fs::remove_file(self.0));
    }
}

/// Starts `program` with `argument`, writing to `log`, and waits until it is ready or has ended. The path of `ready` is free.
///
/// # Errors
/// It cannot be started, or the socket cannot be made.
pub fn start_in_background(
    program: &Path,
    argument: &str,
    ready: &Path,
    log: &File,
) -> io::Result<Started> {
    let listening = UnixDatagram::bind(ready)?;
    let _socket = ReadySocket(ready);
    let mut command = Command::new(program);
    for name in OF_OTHER_UNITS {
        command.env_remove(name);
    }
    command
        .arg(argument)
        .env("NOTIFY_SOCKET", ready)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log.try_clone()?);
    let mut child = command.spawn()?;
    let pid = child.id();
    let (send, heard) = channel();
    let of_end = send.clone();
    let wait = move || drop(of_end.send(Heard::Ended(child.wait())));
    Builder::new().name("child".into()).spawn(wait)?;
    Builder::new().name("ready".into()).spawn(move || listen(&listening, &send))?;
    match heard.recv().map_err(io::Error::other)? {
        Heard::Ready => Ok(Started::Ready { pid }),
        Heard::Ended(status) => Ok(Started::Ended(status?)),
    }
}

/// Runs a program to its end, with nothing to read.
///
/// # Errors
/// It cannot be started.
pub fn run_to_end(program: &Path, arguments: &[String]) -> io::Result<Output> {
    Command::new(program).args(arguments).stdin(Stdio::null()).output()
}

/// Waits for the message that the start is through.
fn listen(socket: &UnixDatagram, heard: &Sender<Heard>) {
    let mut message = [0; MESSAGE_BYTES];
    while let Ok(length) = socket.recv(&mut message) {
        if is_ready(message.get(..length).unwrap_or_default()) {
            drop(heard.send(Heard::Ready));
            return;
        }
    }
}

/// Whether a message of sd_notify(3) says that the start is through.
fn is_ready(message: &[u8]) -> bool {
    message.split(|byte| *byte == b'\n').any(|line| line == b"READY=1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_of_the_start_counts_as_ready() {
        for (message, expected) in [
            ("READY=1\nSTATUS=serving\n", true),
            ("STATUS=opening the board\n", false),
            ("STATUS=READY=1\n", false),
            ("EXTEND_TIMEOUT_USEC=60000000\n", false),
            ("", false),
        ] {
            assert_eq!(is_ready(message.as_bytes()), expected, "{message:?}");
        }
    }
}
