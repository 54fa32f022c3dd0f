//! Runs git in a closed environment: no variable, no configuration of the user or the machine, no hook, no file system
//! monitor, no housekeeping, no transport, no question to a terminal.
//!
//! This is the only file that starts git, and `kanban workspace` is the only command that uses it: a shim starts that
//! command as the worker's user, so whatever git might start in spite of all this has the rights of that user and is refused
//! as a caller. The configuration of a repository is kept out by the modules below:
//!
//! | module | what it does |
//! |---|---|
//! | [`repository`] | finds the repository of a path, without git, and checks who owns it |
//! | [`mirror`] | shows a repository to git under a configuration that kanband has written |
//! | [`status`] | reads what `git status` prints |

pub mod mirror;
pub mod repository;
pub mod status;
mod temporary;

use std::ffi::{OsStr, OsString};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use thiserror::Error;

/// Most that is read of what git prints, bytes. More is an error: half an answer is none.
const OUTPUT_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Most that is read of what git complains of, bytes.
const COMPLAINT_BYTES_MAX: u64 = 1024 * 1024;

/// Most of a piece of output, bytes.
const PIECE_BYTES: usize = 64 * 1024;

/// Pieces that may wait to be taken.
const PIECES: usize = 8;

/// The oldest git that has every switch used here: `worktree list -z`.
pub const VERSION_MIN: (u32, u32) = (2, 36);

/// Switches that stand before every command.
const SWITCHES: [&str; 6] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "submodule.recurse=false",
    // Ignored before git 2.38. No command here looks for a repository, so it is a second fence.
    "safe.bareRepository=explicit",
];

/// Variables of a closed call. `GIT_NO_LAZY_FETCH` is known from git 2.45 on; before that a fetch ends at
/// `GIT_ALLOW_PROTOCOL`, which allows no transport.
const CLOSED: [(&str, &str); 14] = [
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_ATTR_NOSYSTEM", "1"),
    ("GIT_ALLOW_PROTOCOL", "none"),
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    ("GIT_GRAFT_FILE", "/dev/null"),
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("GIT_SSH_COMMAND", "false"),
    ("GIT_ASKPASS", "false"),
    ("SSH_ASKPASS", "false"),
    ("GIT_EDITOR", "false"),
    ("GIT_SEQUENCE_EDITOR", "false"),
    ("GIT_PAGER", "cat"),
];

/// Variables that pass: where programs and temporary files are, and the marks by which a process of a run is known.
const PASSED: [&str; 5] = ["PATH", "TMPDIR", "KANBAN_RUN", "KANBAN_SOCKET", "KANBAN_TOKEN_FILE"];

/// Where programs are looked for when the environment does not say.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Why git gave no answer.
#[derive(Debug, Error)]
pub enum GitError {
    /// There is no such program, or it cannot be executed.
    #[error("cannot start git: {0}")]
    Start(#[source] std::io::Error),
    /// It refused.
    #[error("{message}")]
    Refused {
        /// Its exit code; none when a signal ended it.
        code: Option<i32>,
        /// Its last lines.
        message: String,
    },
    /// It took too long and was ended.
    #[error("git timed out")]
    Timeout,
    /// It printed something that cannot be read.
    #[error("cannot parse the output of git: {0}")]
    Odd(String),
    /// A file that git was to be given, or a file of the repository.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the kernel said.
        source: std::io::Error,
    },
}

impl GitError {
    /// An error about a file.
    pub fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::File { path: path.to_owned(), source }
    }

    /// The kernel's error number behind it, where there is one: the call's own, or the one whose text git printed.
    pub fn errno(&self) -> Option<i32> {
        match self {
            Self::Start(error) | Self::File { source: error, .. } => error.raw_os_error(),
            Self::Refused { message, .. } => errno_in(message),
            Self::Timeout | Self::Odd(_) => None,
        }
    }
}

/// The errors by which a host shows that it is at its end, as git prints them in the C locale.
fn errno_in(message: &str) -> Option<i32> {
    // By the C library of git: most often that of GNU, else musl.
    let known = [
        ("No space left on device", Errno::ENOSPC),
        ("uota exceeded", Errno::EDQUOT),
        ("Cannot allocate memory", Errno::ENOMEM),
        ("Out of memory", Errno::ENOMEM),
        ("Too many open files in system", Errno::ENFILE),
        ("Too many open files", Errno::EMFILE),
        ("No file descriptors available", Errno::EMFILE),
        ("Resource temporarily unavailable", Errno::EAGAIN),
        ("Input/output error", Errno::EIO),
        ("I/O error", Errno::EIO),
        ("Read-only file system", Errno::EROFS),
    ];
    let found = known.into_iter().find(|(text, _)| message.contains(text));
    found.map(|(_, errno)| errno as i32)
}

/// Whose configuration a command reads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Configuration {
    /// Nobody's but the repository's that it is given.
    #[default]
    Closed,
    /// The user's as well, in the user's environment: it needs credentials and the network.
    OfTheUser,
}

/// A command for git.
#[derive(Debug, Clone, Default)]
pub struct Call {
    /// Switches before the command.
    switches: Vec<OsString>,
    arguments: Vec<OsString>,
    directory: Option<PathBuf>,
    env: Vec<(OsString, OsString)>,
    input: Vec<u8>,
    configuration: Configuration,
}

impl Call {
    /// The command with its arguments.
    pub fn new<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Self {
        let arguments = arguments.into_iter().map(|word| word.as_ref().to_owned()).collect();
        Self { arguments, ..Self::default() }
    }

    /// The directory of the repository. Without one git is given none, and finds none.
    pub fn git_dir(mut self, path: &Path) -> Self {
        self.switches.push(joined("--git-dir=", path));
        self
    }

    /// The working tree, which is also where the command is run.
    pub fn work_tree(mut self, path: &Path) -> Self {
        self.switches.push(joined("--work-tree=", path));
        self.directory = Some(path.to_owned());
        self
    }

    /// Where the command is run.
    pub fn directory(mut self, path: &Path) -> Self {
        self.directory = Some(path.to_owned());
        self
    }

    /// A setting that counts for this command: `core.quotePath=false`.
    pub fn setting(mut self, setting: &str) -> Self {
        self.switches.extend(["-c".into(), setting.into()]);
        self
    }

    /// A variable of its environment.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// What it reads on its standard input.
    pub fn input(mut self, bytes: Vec<u8>) -> Self {
        self.input = bytes;
        self
    }

    /// Reads the user's configuration too, in the user's environment.
    pub fn as_the_user(mut self) -> Self {
        self.configuration = Configuration::OfTheUser;
        self
    }

    fn command(&self) -> Command {
        let mut command = Command::new("git");
        match self.configuration {
            Configuration::Closed => {
                command.env_clear().env("PATH", DEFAULT_PATH).envs(CLOSED);
                for name in PASSED {
                    if let Some(value) = std::env::var_os(name) {
                        command.env(name, value);
                    }
                }
            }
            Configuration::OfTheUser => {
                for (name, _) in std::env::vars_os() {
                    if name.to_string_lossy().starts_with("GIT_") {
                        command.env_remove(name);
                    }
                }
            }
        }
        for switch in SWITCHES {
            command.args(["-c", switch]);
        }
        command
            .args(&self.switches)
            .args(&self.arguments)
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("LC_ALL", "C")
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .current_dir(self.directory.as_deref().unwrap_or(Path::new("/")))
            .stdin(if self.input.is_empty() { Stdio::null() } else { Stdio::piped() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        command
    }
}

fn joined(switch: &str, path: &Path) -> OsString {
    let mut word = OsString::from(switch);
    word.push(path);
    word
}

/// A time by which a few commands have to be done.
#[derive(Debug, Clone, Copy)]
pub struct Git {
    until: Instant,
}

impl Git {
    /// Commands that may take so long all together.
    pub fn within(time: Duration) -> Self {
        Self { until: Instant::now() + time }
    }

    /// What the command prints.
    ///
    /// # Errors
    /// [`GitError`], also for every exit code but 0.
    pub fn run(&self, call: &Call) -> Result<Vec<u8>, GitError> {
        let mut output = Vec::new();
        self.pour(call, &mut |piece| {
            output.extend_from_slice(piece);
            output.len() <= OUTPUT_BYTES_MAX
        })?;
        if output.len() > OUTPUT_BYTES_MAX {
            return Err(GitError::Odd(format!("more than {OUTPUT_BYTES_MAX} bytes")));
        }
        Ok(output)
    }

    /// The one line that it prints.
    ///
    /// # Errors
    /// As [`Git::run`].
    pub fn line(&self, call: &Call) -> Result<String, GitError> {
        let text = String::from_utf8(self.run(call)?).map_err(|error| {
            GitError::Odd(String::from_utf8_lossy(error.as_bytes()).into_owned())
        })?;
        Ok(text.trim_end_matches('\n').to_owned())
    }

    /// The same; none when it ends with 1, by which git says that there is no such thing.
    ///
    /// # Errors
    /// As [`Git::run`], for every exit code above 1.
    pub fn line_if_any(&self, call: &Call) -> Result<Option<String>, GitError> {
        match self.line(call) {
            Ok(line) => Ok(Some(line)),
            Err(GitError::Refused { code: Some(1), .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Refuses a git that is too old to be used here.
    ///
    /// # Errors
    /// It is too old, or there is none.
    pub fn check_version(&self) -> Result<(), GitError> {
        let line = self.line(&Call::new(["version"]))?;
        match version_of(&line) {
            Some(version) if version < VERSION_MIN => {
                let (major, minor) = VERSION_MIN;
                let message =
                    format!("{line} is too old: git {major}.{minor} or later is required");
                Err(GitError::Refused { code: None, message })
            }
            Some(_) => Ok(()),
            None => Err(GitError::Odd(line)),
        }
    }

    /// Gives what the command prints to `sink`, piece by piece. When that wants no more (false), the command is ended.
    ///
    /// # Errors
    /// As [`Git::run`].
    pub fn pour(&self, call: &Call, sink: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), GitError> {
        let mut child = call.command().spawn().map_err(GitError::Start)?;
        if let Some(mut pipe) = child.stdin.take() {
            let input = call.input.clone();
            // One that reads no further says why by its exit code.
            std::thread::spawn(move || drop(pipe.write_all(&input)));
        }
        let pieces = pieces_of(&mut child);
        let mut complaint = Vec::new();
        loop {
            let left = self.until.saturating_duration_since(Instant::now());
            match pieces.recv_timeout(left) {
                Ok(Ok(Piece::Output(piece))) => {
                    if !sink(&piece) {
                        end(&mut child);
                        return Ok(());
                    }
                }
                Ok(Ok(Piece::Complaint(text))) => complaint = text,
                Ok(Err(error)) => {
                    end(&mut child);
                    return Err(GitError::Odd(error.to_string()));
                }
                // Both pipes are closed.
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    end(&mut child);
                    return Err(GitError::Timeout);
                }
            }
        }
        let status = child.wait().map_err(GitError::Start)?;
        if status.success() {
            return Ok(());
        }
        let message = last_lines(&complaint)
            .unwrap_or_else(|| format!("git ended with {status} and printed nothing"));
        Err(GitError::Refused { code: status.code(), message })
    }
}

/// What one of git's pipes has brought.
enum Piece {
    Output(Vec<u8>),
    /// All that it complained of.
    Complaint(Vec<u8>),
}

/// Reads both pipes of git, each on a thread of its own, until they are closed or nobody listens.
fn pieces_of(child: &mut Child) -> Receiver<std::io::Result<Piece>> {
    let (sender, pieces) = sync_channel(PIECES);
    if let Some(mut pipe) = child.stdout.take() {
        let sender = sender.clone();
        std::thread::spawn(move || {
            let mut room = vec![0; PIECE_BYTES];
            loop {
                let piece = match pipe.read(&mut room) {
                    Ok(0) => return,
                    Ok(length) => Ok(Piece::Output(room.iter().take(length).copied().collect())),
                    Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                    Err(error) => Err(error),
                };
                if sender.send(piece).is_err() {
                    return;
                }
            }
        });
    }
    if let Some(pipe) = child.stderr.take() {
        std::thread::spawn(move || {
            let mut text = Vec::new();
            let read = pipe.take(COMPLAINT_BYTES_MAX).read_to_end(&mut text);
            drop(sender.send(read.map(|_length| Piece::Complaint(text))));
        });
    }
    pieces
}

/// It is our child and has not been waited for, so its group is still its own.
fn end(child: &mut Child) {
    if let Ok(pid) = i32::try_from(child.id()) {
        let _is_gone = killpg(Pid::from_raw(pid), Signal::SIGKILL);
    }
    drop(child.wait());
}

fn last_lines(complaint: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(complaint);
    let is_said = |line: &str| !line.is_empty() && !line.starts_with("hint:");
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| is_said(line)).collect();
    let words = lines.get(lines.len().saturating_sub(3)..)?.join("; ");
    let words = words.strip_prefix("fatal: ").unwrap_or(&words);
    (!words.is_empty()).then(|| words.chars().take(400).collect())
}

/// Major and minor version in `git version 2.39.5`.
fn version_of(line: &str) -> Option<(u32, u32)> {
    let mut numbers = line.strip_prefix("git version ")?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_its_first_two_numbers() {
        for (line, version) in [
            ("git version 2.39.5", Some((2, 39))),
            ("git version 2.47.3 (Apple Git-1)", Some((2, 47))),
            ("git version 3.0.0-rc1", Some((3, 0))),
            ("git version two", None),
            ("", None),
        ] {
            assert_eq!(version_of(line), version, "{line}");
        }
    }

    #[test]
    fn errors_of_the_host_are_known_by_their_text() {
        let error = |message: &str| GitError::Refused { code: Some(128), message: message.into() };
        let full = error("unable to write file a: No space left on device");
        assert_eq!(full.errno(), Some(Errno::ENOSPC as i32));
        let fork = error("cannot fork() for x: Resource temporarily unavailable");
        assert_eq!(fork.errno(), Some(Errno::EAGAIN as i32));
        assert_eq!(error("not a valid object name: 'HEAD'").errno(), None);
        let missing = GitError::Start(std::io::Error::from_raw_os_error(2));
        assert_eq!(missing.errno(), Some(Errno::ENOENT as i32));
    }

    #[test]
    fn a_closed_call_has_no_variable_but_the_listed_ones() {
        let command = Call::new(["status"]).command();
        for (name, _) in command.get_envs() {
            let name = name.to_str().unwrap();
            let is_listed = PASSED.contains(&name) || CLOSED.iter().any(|(one, _)| *one == name);
            assert!(is_listed || ["GIT_TERMINAL_PROMPT", "LC_ALL"].contains(&name), "{name}");
        }
    }
}
