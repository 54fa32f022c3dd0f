//! A program on a terminal of its own, and what a person would see there: the screen is that of an emulator (vt100).

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use nix::pty::{Winsize, openpty};
use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};

use crate::wait::{until, until_or};

/// A program on a terminal.
pub struct Terminal {
    child: Child,
    keys: File,
    seen: Arc<Mutex<Seen>>,
    reader: Option<JoinHandle<()>>,
}

struct Seen {
    emulator: vt100::Parser,
    bytes: Vec<u8>,
}

impl Terminal {
    /// Starts a program with its arguments and variables on a terminal of this size, which is its controlling terminal.
    pub fn start(command: &Command, columns: u16, rows: u16) -> Self {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(Some(&size), None).unwrap();
        // A terminal drops the output that it has not shown yet when Ctrl-C is typed (NOFLSH in termios(3)): tests look at all of it.
        let mut modes = tcgetattr(&pty.slave).unwrap();
        modes.local_flags.insert(LocalFlags::NOFLSH);
        tcsetattr(&pty.slave, SetArg::TCSANOW, &modes).unwrap();
        // setsid(1) makes it the controlling terminal, so that Ctrl-C is a signal.
        let mut on_terminal = Command::new("/usr/bin/setsid");
        on_terminal.args(["--ctty", "--wait"]).arg(command.get_program()).args(command.get_args());
        on_terminal.env_clear();
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                on_terminal.env(name, value);
            }
        }
        if let Some(directory) = command.get_current_dir() {
            on_terminal.current_dir(directory);
        }
        on_terminal
            .stdin(Stdio::from(pty.slave.try_clone().unwrap()))
            .stdout(Stdio::from(pty.slave.try_clone().unwrap()))
            .stderr(Stdio::from(pty.slave));
        let child = on_terminal.spawn().unwrap();
        // Its copies of the terminal would keep it open.
        drop(on_terminal);
        let emulator = vt100::Parser::new(rows, columns, 0);
        let seen = Arc::new(Mutex::new(Seen { emulator, bytes: Vec::new() }));
        let mut master = File::from(pty.master);
        let keys = master.try_clone().unwrap();
        let shown = seen.clone();
        let reader = std::thread::spawn(move || {
            let mut piece = [0; 4096];
            // EIO is how a terminal says that its other side is closed.
            while let Ok(length @ 1..) = master.read(&mut piece) {
                let mut seen = shown.lock().unwrap();
                seen.emulator.process(&piece[..length]);
                seen.bytes.extend_from_slice(&piece[..length]);
            }
        });
        Self { child, keys, seen, reader: Some(reader) }
    }

    /// Types.
    pub fn keys(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// What is on the screen, line by line.
    pub fn screen(&self) -> String {
        self.seen.lock().unwrap().emulator.screen().contents()
    }

    /// All that was written to it.
    pub fn written(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().unwrap().bytes).into_owned()
    }

    /// Waits until the screen shows a text.
    ///
    /// # Panics
    /// When it never does.
    pub fn until_shows(&self, text: &str) {
        let explain = || format!("waited in vain for {text:?} on:\n{}", self.screen());
        until_or(explain, || self.screen().contains(text).then_some(()));
    }

    /// Waits until the program has a handler for Ctrl-C.
    pub fn until_hears_interrupts(&self) {
        let status = format!("/proc/{}/status", self.child.id());
        until("a handler of interrupts", || {
            let status = std::fs::read_to_string(&status).unwrap();
            let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"))?;
            let caught = u64::from_str_radix(caught.trim(), 16).unwrap();
            (caught & 1 << (nix::libc::SIGINT - 1) != 0).then_some(())
        });
    }

    /// Waits until the program has ended; its exit code, and what is left on the screen.
    pub fn end_screen(mut self) -> (Option<i32>, String) {
        let status = until("the program to end", || self.child.try_wait().unwrap());
        self.reader.take().unwrap().join().unwrap();
        (status.code(), self.screen())
    }

    /// Waits until the program has ended; its exit code, and all that it has written.
    pub fn end(mut self) -> (Option<i32>, String) {
        let status = until("the program to end", || self.child.try_wait().unwrap());
        self.reader.take().unwrap().join().unwrap();
        (status.code(), self.written())
    }
}
