//! A shell in a home of its own, as a reader of a page has one.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use kanband::os::run_files::leftovers::end_runs;
use nix::pty::{OpenptyResult, openpty};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::wait::until;

/// How long one step may take before it is called hung. Nothing is proven by waiting this long.
const DEADLINE: Duration = Duration::from_secs(120);

/// A shell that runs a page.
pub struct Session {
    dir: tempfile::TempDir,
    shell: Child,
    input: ChildStdin,
    marks: Receiver<String>,
    steps: usize,
}

impl Session {
    /// A shell whose home is empty, with the programs on its path.
    pub fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("kb").tempdir().unwrap();
        let log = File::create(dir.path().join("shell.log")).unwrap();
        let mut shell = shell(dir.path(), &["bash", "--noprofile", "--norc"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut input = shell.stdin.take().unwrap();
        let output = BufReader::new(shell.stdout.take().unwrap());
        let (send, marks) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    return;
                }
            }
        });
        input.write_all(b"set -e -o pipefail\n").unwrap();
        Self { dir, shell, input, marks, steps: 0 }
    }

    /// A directory of the page's own, its `$HOME`.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Runs commands and returns what they printed.
    ///
    /// # Errors
    /// What was printed, when one of them failed or none of it came to an end.
    pub fn run(&mut self, commands: &str) -> Result<String, String> {
        self.steps += 1;
        let file = self.dir.path().join(format!("step-{}", self.steps));
        let (script, printed) = (file.with_extension("sh"), file.with_extension("out"));
        std::fs::write(&script, commands).unwrap();
        let line = format!(
            ". {} </dev/null >{} 2>&1\necho over {}\n",
            script.display(),
            printed.display(),
            self.steps
        );
        let is_asked = self.input.write_all(line.as_bytes()).is_ok();
        let over = self.marks.recv_timeout(DEADLINE);
        let output = std::fs::read_to_string(&printed).unwrap_or_default();
        match over {
            Ok(mark) if is_asked && mark == format!("over {}", self.steps) => Ok(output),
            Ok(mark) => Err(format!("the shell is out of step: {mark}\n{output}")),
            Err(_) => {
                let shell = std::fs::read_to_string(self.dir.path().join("shell.log"));
                Err(format!("it failed, or did not end\n{output}{}", shell.unwrap_or_default()))
            }
        }
    }
}

/// Whether a line starts a daemon in the background.
pub fn is_daemon(line: &str) -> bool {
    let command = line.split(" # ").next().unwrap_or(line).trim();
    let is_job = command.ends_with('&') && command.split_whitespace().any(|word| word == "kanband");
    is_job || command == "kanband -d" || command == "kanban init --yes"
}

/// Puts an agent on the path of a shell whose home is `dir`: it reports its task as done.
pub fn add_agent(dir: &Path) {
    let program = agents(dir).join("claude");
    std::fs::create_dir_all(agents(dir)).unwrap();
    let script = "#!/bin/sh\n[ \"$1\" = --version ] && { echo 'fake 1.0'; exit; }\n\
                  kanban complete \"$KANBAN_TASK\" --summary 'A haiku is in haiku.txt'\n";
    std::fs::write(&program, script).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&program, mode).unwrap();
}

/// Where the agents of a page are, if it has any.
fn agents(dir: &Path) -> PathBuf {
    dir.join("agents")
}

/// Processes of this page whose program is `name`.
fn processes(name: &str, dir: &Path) -> Vec<i32> {
    let needle = dir.as_os_str().as_encoded_bytes();
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| {
        let read = |file: &str| std::fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
        read("comm").strip_suffix(b"\n") == Some(name.as_bytes())
            && read("environ").windows(needle.len()).any(|window| window == needle)
    })
    .collect()
}

/// Directories of runs in the homes below `dir`.
fn run_folders(dir: &Path, depth: usize) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_dir && entry.file_name() == "runs" && dir.join("install_id").exists() {
            found.push(path);
        } else if is_dir && depth > 0 {
            found.extend(run_folders(&path, depth - 1));
        }
    }
    found
}

/// A shell, with the programs on its path, whose home is `dir`.
fn shell(dir: &Path, argv: &[&str]) -> Command {
    let programs = Path::new(env!("CARGO_BIN_EXE_kanban")).parent().unwrap();
    let mut shell = Command::new(argv[0]);
    shell
        .args(&argv[1..])
        .env_clear()
        .env("PATH", format!("{}:{}:/usr/bin:/bin", programs.display(), agents(dir).display()))
        .env("HOME", dir)
        .env("TMPDIR", dir)
        .env("TZ", "UTC")
        .env("TERM", "dumb")
        .env("LANG", "C.UTF-8")
        // A page that chooses no home must not meet the one of this machine.
        .env("KANBAN_HOME", dir.join("home"))
        .current_dir(dir);
    shell
}

/// What an interactive shell on a terminal shows when `text` is pasted into it at once, up to `end`.
///
/// # Errors
/// What it has shown, when `end` does not come.
pub fn pasted(argv: &[&str], text: &str, end: &str) -> Result<String, String> {
    let dir = tempfile::Builder::new().prefix("kb").tempdir().unwrap();
    add_agent(dir.path());
    let OpenptyResult { master, slave } = openpty(None, None).unwrap();
    let terminal = || Stdio::from(slave.try_clone().unwrap());
    let argv = [&["setsid", "--ctty"], argv].concat();
    let child = shell(dir.path(), &argv)
        // What is printed begins its line.
        .envs([("PS1", ""), ("PS2", "")])
        .stdin(terminal())
        .stdout(terminal())
        .stderr(terminal())
        .spawn()
        .unwrap();
    let _ended = Ended { dir: dir.path(), shell: child };
    let mut keyboard = File::from(master.try_clone().unwrap());
    let (send, shown) = channel();
    std::thread::spawn(move || {
        let mut screen = File::from(master);
        let mut bytes = [0; 4096];
        while let Ok(length) = screen.read(&mut bytes) {
            if length == 0 || send.send(bytes[..length].to_vec()).is_err() {
                return;
            }
        }
    });
    keyboard.write_all(text.as_bytes()).unwrap();
    let begun = Instant::now();
    let mut seen = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&seen).replace('\r', "");
        if text.lines().any(|line| line.trim_end() == end) {
            return Ok(text);
        }
        match shown.recv_timeout(DEADLINE.saturating_sub(begun.elapsed())) {
            Ok(bytes) => seen.extend(bytes),
            Err(_) => return Err(text),
        }
    }
}

/// A shell on a terminal, ended with everything that was started in it.
struct Ended<'a> {
    dir: &'a Path,
    shell: Child,
}

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        let _is_ended = self.shell.kill().is_ok() && self.shell.wait().is_ok();
        end_daemons(self.dir);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _is_ended = self.shell.kill().is_ok() && self.shell.wait().is_ok();
        end_daemons(self.dir.path());
    }
}

/// Ends what the commands of a page have left running below `dir`.
fn end_daemons(dir: &Path) {
    for pid in processes("kanband", dir) {
        // One that has ended meanwhile is what is wanted.
        let _is_asked = kill(Pid::from_raw(pid), Signal::SIGTERM).is_ok();
    }
    if !std::thread::panicking() {
        until("the daemons' end", || processes("kanband", dir).is_empty().then_some(()));
    }
    for runs in run_folders(dir, 3) {
        let left = end_runs(&runs, DEADLINE);
        assert!(std::thread::panicking() || matches!(left, Ok(0)), "workers are left: {left:?}");
    }
}
