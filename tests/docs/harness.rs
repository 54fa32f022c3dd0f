//! A shell in a home of its own, as a reader of a page has one.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use kanband::os::leftovers::end_runs;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How long one step may take before it is called hung. Nothing is proven by waiting this long.
const DEADLINE: Duration = Duration::from_secs(120);

/// What is put behind a daemon that a page starts in the background: a reader is slower than a test.
const UNTIL_UP: &str = "until kanban stats >/dev/null 2>&1; do
    kill -0 $! || { echo 'the daemon has ended'; false; }
    sleep 0.02
done";

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
        let programs = Path::new(env!("CARGO_BIN_EXE_kanban")).parent().unwrap();
        let log = File::create(dir.path().join("shell.log")).unwrap();
        let mut shell = Command::new("bash")
            .args(["--noprofile", "--norc"])
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", programs.display()))
            .env("HOME", dir.path())
            .env("TMPDIR", dir.path())
            .env("TZ", "UTC")
            .env("TERM", "dumb")
            .env("LANG", "C.UTF-8")
            // A page that chooses no home must not meet the one of this machine.
            .env("KANBAN_HOME", dir.path().join("home"))
            .current_dir(dir.path())
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
        std::fs::write(&script, with_patience(commands)).unwrap();
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

/// The same commands, which wait for a daemon that they start in the background.
fn with_patience(commands: &str) -> String {
    let mut patient = String::new();
    for line in commands.lines() {
        patient.push_str(line);
        patient.push('\n');
        if is_daemon(line) {
            patient.push_str(UNTIL_UP);
            patient.push('\n');
        }
    }
    patient
}

/// Whether a line starts a daemon in the background.
pub fn is_daemon(line: &str) -> bool {
    let command = line.split(" # ").next().unwrap_or(line).trim();
    command.ends_with('&') && command.split_whitespace().any(|word| word == "kanband")
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

impl Drop for Session {
    fn drop(&mut self) {
        let _is_ended = self.shell.kill().is_ok() && self.shell.wait().is_ok();
        for pid in processes("kanband", self.dir.path()) {
            // One that has ended meanwhile is what is wanted.
            let _is_asked = kill(Pid::from_raw(pid), Signal::SIGTERM).is_ok();
        }
        let begun = Instant::now();
        while !processes("kanband", self.dir.path()).is_empty() && begun.elapsed() < DEADLINE {
            pause();
        }
        for runs in run_folders(self.dir.path(), 3) {
            let left = end_runs(&runs, DEADLINE);
            assert!(
                std::thread::panicking() || matches!(left, Ok(0)),
                "workers are left: {left:?}"
            );
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where these tests wait")]
fn pause() {
    std::thread::sleep(Duration::from_millis(5));
}
