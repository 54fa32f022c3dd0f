//! `kanband -d`, and what stands beside it: the daemon in the background, with its log in the home.

use std::path::{Path, PathBuf};
use std::process::Command;

use kanband::os::home::lock_owner::lock_owner;
use kanband::os::run_files::leftovers::end_runs;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::harness::{DEADLINE, Location, Said, until};

/// The daemon of a home that nobody waits for, ended with this value.
pub struct Background {
    home: PathBuf,
}

impl Background {
    pub fn of(location: &Location) -> Self {
        Self { home: location.home() }
    }

    /// Its process.
    pub fn pid(&self) -> Option<i32> {
        lock_owner(&[&self.home, &self.home.join("lock")]).unwrap()
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(pid) = self.pid() {
            let _is_asked = kill(Pid::from_raw(pid), Signal::SIGTERM).is_ok();
        }
        if !std::thread::panicking() {
            until("the daemon's end", || self.pid().is_none().then_some(()));
        }
        let left = end_runs(&self.home.join("runs"), DEADLINE);
        assert!(std::thread::panicking() || matches!(left, Ok(0)), "workers are left: {left:?}");
    }
}

fn detached(location: &Location, programs: &Path) -> Said {
    let mut command = location.command_of(programs.join("kanband"));
    Said::of(command.arg("-d").output().unwrap())
}

fn folder() -> PathBuf {
    support::programs::kanband().parent().unwrap().to_owned()
}

/// A field of `/proc/PID/stat`, counted as in proc(5).
fn stat(pid: i32, field: usize) -> i32 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let behind = text.rsplit(')').next().unwrap();
    behind.split_whitespace().nth(field - 3).unwrap().parse().unwrap()
}

#[test]
fn a_detached_daemon_serves_when_the_command_returns_and_leads_its_own_session() {
    let location = Location::new();
    let daemon = Background::of(&location);
    let message = detached(&location, &folder()).ok();
    let pid = daemon.pid().unwrap();
    let log = location.home().join("kanband.log");
    for expected in [
        format!("(pid {pid}) and serves {}", location.home().display()),
        format!("log:  {}", log.display()),
    ] {
        assert!(message.contains(&expected), "{expected:?}: {message}");
    }
    // Nothing is waited for: it serves already.
    location.say(["stats"]).ok();
    assert_ne!(stat(pid, 6), stat(std::process::id().cast_signed(), 6), "it is in this session");
    assert!(std::fs::read_to_string(&log).unwrap().contains("kanband is ready"));
    // Nobody but its user reads the log.
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&log).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let again = detached(&location, &folder());
    assert_eq!(again.code, 75, "{again:?}");
    assert!(
        again.err.contains(&format!("another daemon (pid {pid}) serves the home")),
        "{again:?}"
    );
    assert_eq!(daemon.pid(), Some(pid));
    let names = std::fs::read_dir(location.home()).unwrap();
    let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    assert!(!names.iter().any(|name| name.to_string_lossy().starts_with(".ready")), "{names:?}");
}

#[test]
fn a_detached_daemon_that_cannot_serve_says_why_on_the_terminal() {
    let location = Location::new();
    std::fs::create_dir(location.home()).unwrap();
    let config = location.home().join("kanband.toml");
    std::fs::write(&config, "[dispatch]\nmax_runing = 1\n").unwrap();
    let said = detached(&location, &folder());
    assert_eq!(said.code, 78, "{said:?}");
    assert!(said.err.contains("max_runing") && said.out.is_empty(), "{said:?}");
    assert!(!location.home().join("kanband.log").exists());
    std::fs::write(&config, "").unwrap();
    std::fs::write(location.home().join("kanban.db"), "no database at all").unwrap();
    let said = detached(&location, &folder());
    assert_eq!(said.code, 78, "{said:?}");
    assert!(said.err.contains("has ended before it served the board"), "{said:?}");
    assert!(said.err.contains("kanban.db"), "{said:?}");
    assert_eq!(Background::of(&location).pid(), None);
}

#[test]
fn without_a_daemon_the_hint_is_a_command_that_starts_one_here() {
    let location = Location::new();
    location.say(["init"]).ok();
    let daemon = Background::of(&location);
    let message = location.say(["list"]).failed(4);
    let hint =
        message.lines().find_map(|line| line.strip_prefix("hint: start one with `")).unwrap();
    let (command, _) = hint.split_once('`').unwrap();
    let path = format!("{}:/usr/bin:/bin", folder().display());
    let mut shell = location.command_of("sh");
    let started = shell.args(["-c", command]).env("PATH", path).output().unwrap();
    assert!(started.status.success(), "{command}: {started:?}");
    assert!(daemon.pid().is_some());
    location.say(["list"]).ok();
}

/// What `cargo install --root` leaves: the programs alone, in one folder.
#[test]
fn programs_that_were_copied_elsewhere_find_each_other() {
    let location = Location::new();
    let bin = location.path("root/bin");
    std::fs::create_dir_all(&bin).unwrap();
    for name in ["kanban", "kanband", "kanban-shim"] {
        std::fs::copy(folder().join(name), bin.join(name)).unwrap();
    }
    std::fs::create_dir(location.home()).unwrap();
    let config =
        "[profiles.p]\nargv = [\"sh\", \"-c\", \"until [ -e $HOME/go ]; do sleep 0.05; done\"]\n";
    std::fs::write(location.home().join("kanband.toml"), config).unwrap();
    let daemon = Background::of(&location);
    detached(&location, &bin).ok();
    let kanban = |arguments: &[&str]| {
        let mut command: Command = location.command_of(bin.join("kanban"));
        Said::of(command.args(arguments).output().unwrap())
    };
    let created = kanban(&["create", "t", "--assignee", "p", "--json"]).json();
    let id = created["id"].as_str().unwrap();
    let worker = until("the worker", || {
        let task: Value = kanban(&["show", id, "--json"]).json();
        task["task"]["worker_pid"].as_i64()
    });
    let exe = |pid: i32| std::fs::read_link(format!("/proc/{pid}/exe")).unwrap();
    let shim = stat(i32::try_from(worker).unwrap(), 4);
    assert_eq!(exe(shim), bin.join("kanban-shim").canonicalize().unwrap());
    assert_eq!(exe(daemon.pid().unwrap()), bin.join("kanband").canonicalize().unwrap());
    std::fs::write(location.path("go"), "").unwrap();
    kanban(&["wait", id]).ok();
}
