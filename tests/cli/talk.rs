//! Calls that go on: their lines as they come, a signal, a terminal in front of them.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::harness::{DEADLINE, Location, Said, until};

/// A call whose stdout is read line by line.
pub struct Talk {
    child: Child,
    lines: Receiver<String>,
    err: Option<JoinHandle<String>>,
}

impl Talk {
    pub fn start(location: &Location, arguments: &[&str]) -> Self {
        Self::start_with(location, &[], arguments)
    }

    /// The same with these variables.
    pub fn start_with(location: &Location, variables: &[(&str, &str)], arguments: &[&str]) -> Self {
        let mut command = location.command(arguments);
        command.envs(variables.iter().copied());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            // Nobody may want to know the last ones.
            let pass_on = |line: std::io::Result<String>| sender.send(line.unwrap()).ok();
            let _all = out.lines().map_while(pass_on).count();
        });
        let mut stderr = child.stderr.take().unwrap();
        let err = std::thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).unwrap();
            text
        });
        Self { child, lines, err: Some(err) }
    }

    /// The next line, without its end.
    pub fn line(&self) -> String {
        self.lines.recv_timeout(DEADLINE).expect("no line came")
    }

    pub fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap())
    }

    /// Ctrl-C.
    pub fn interrupt(&self) {
        kill(self.pid(), Signal::SIGINT).unwrap();
    }

    /// How it ended by itself, with the lines that nobody has read.
    pub fn end(mut self) -> Said {
        let status = until("the call to end", || self.child.try_wait().unwrap());
        let err = self.err.take().unwrap().join().unwrap();
        let code = status.code().unwrap_or_else(|| panic!("it was killed: {status} {err}"));
        let out = self.lines.iter().map(|line| format!("{line}\n")).collect();
        Said { code, out, err }
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        let _is_ended = self.child.kill().is_ok() && self.child.wait().is_ok();
    }
}

/// Makes a call at a terminal, types `typed`, and returns its exit code with everything that the terminal showed.
pub fn at_terminal(
    location: &Location,
    variables: &[(&str, &str)],
    arguments: &[&str],
    typed: &str,
) -> (i32, String) {
    let size = nix::pty::Winsize { ws_row: 24, ws_col: 120, ws_xpixel: 0, ws_ypixel: 0 };
    let pty = nix::pty::openpty(Some(&size), None).unwrap();
    let (mut master, slave) = (File::from(pty.master), File::from(pty.slave));
    let mut command = location.command(arguments);
    command.envs(variables.iter().copied());
    command.stdin(slave.try_clone().unwrap()).stdout(slave.try_clone().unwrap()).stderr(slave);
    let mut child = command.spawn().unwrap();
    // The last descriptors of the other end go with the child.
    drop(command);
    master.write_all(typed.as_bytes()).unwrap();
    let mut shown = Vec::new();
    let mut piece = [0; 4096];
    // A terminal whose other end is closed answers with an error.
    while let Ok(length @ 1..) = master.read(&mut piece) {
        shown.extend_from_slice(&piece[..length]);
    }
    let code = child.wait().unwrap().code().unwrap();
    (code, String::from_utf8(shown).unwrap().replace("\r\n", "\n"))
}
