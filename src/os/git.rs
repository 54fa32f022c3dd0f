//! Runs git, with everything off that a repository could make it execute on its own account: hooks, the file system monitor,
//! housekeeping, questions to a terminal. The user's identity and configuration stay.

use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use thiserror::Error;

use crate::os::descriptors::with_limit_of_children;

/// Most that is kept of what git says, bytes.
const OUTPUT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Switches that stand before every command.
const SWITCHES: [&str; 10] = [
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "gc.auto=0",
    "-c",
    "maintenance.auto=false",
    "-c",
    "submodule.recurse=false",
];

/// Why git gave no answer.
#[derive(Debug, Error)]
pub enum GitError {
    /// There is no such program, or it cannot be executed.
    #[error("git could not be started: {0}")]
    Start(std::io::Error),
    /// It said no.
    #[error("{message}")]
    Refused {
        /// Its exit code; none when a signal ended it.
        code: Option<i32>,
        /// Its last words.
        message: String,
    },
    /// It took too long and was ended.
    #[error("git did not end in time")]
    Timeout,
    /// It said what nobody understands.
    #[error("git said what is not understood: {0}")]
    Odd(String),
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

    /// What `git -C directory arguments…` prints.
    ///
    /// # Errors
    /// [`GitError`], also for every exit code but 0.
    pub fn run<A: AsRef<OsStr>>(
        &self,
        directory: &Path,
        arguments: &[A],
    ) -> Result<Vec<u8>, GitError> {
        self.run_with(directory, arguments, &[])
    }

    /// The same with variables in its environment.
    ///
    /// # Errors
    /// As [`Git::run`].
    pub fn run_with<A: AsRef<OsStr>>(
        &self,
        directory: &Path,
        arguments: &[A],
        env: &[(&str, &OsStr)],
    ) -> Result<Vec<u8>, GitError> {
        let mut command = Command::new("git");
        for (name, _) in std::env::vars_os() {
            // A repository is named by its directory, never by what the caller happens to have set.
            if name.to_string_lossy().starts_with("GIT_") {
                command.env_remove(name);
            }
        }
        command
            .args(SWITCHES)
            .arg("-C")
            .arg(directory)
            .args(arguments)
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("LC_ALL", "C")
            .envs(env.iter().copied())
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        let child = with_limit_of_children(&mut command).spawn().map_err(GitError::Start)?;
        self.wait(child)
    }

    /// The one line that it prints.
    ///
    /// # Errors
    /// As [`Git::run`].
    pub fn line<A: AsRef<OsStr>>(
        &self,
        directory: &Path,
        arguments: &[A],
    ) -> Result<String, GitError> {
        let output = self.run(directory, arguments)?;
        let text = String::from_utf8(output).map_err(|error| {
            GitError::Odd(String::from_utf8_lossy(error.as_bytes()).into_owned())
        })?;
        Ok(text.trim_end_matches('\n').to_owned())
    }

    /// Whether it ends with 0 rather than with 1.
    ///
    /// # Errors
    /// As [`Git::run`], for every other exit code.
    pub fn is_so<A: AsRef<OsStr>>(
        &self,
        directory: &Path,
        arguments: &[A],
    ) -> Result<bool, GitError> {
        match self.run(directory, arguments) {
            Ok(_) => Ok(true),
            Err(GitError::Refused { code: Some(1), .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn wait(&self, mut child: Child) -> Result<Vec<u8>, GitError> {
        let (sender, texts) = channel();
        for (is_output, pipe) in [
            (true, child.stdout.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>)),
            (false, child.stderr.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>)),
        ] {
            let sender = sender.clone();
            std::thread::spawn(move || {
                let mut text = Vec::new();
                if let Some(pipe) = pipe {
                    // What cannot be read is missing from the answer, and the exit code still counts.
                    drop(pipe.take(OUTPUT_BYTES_MAX).read_to_end(&mut text));
                }
                drop(sender.send((is_output, text)));
            });
        }
        let (mut output, mut complaint) = (Vec::new(), Vec::new());
        for _ in 0..2 {
            let left = self.until.saturating_duration_since(Instant::now());
            match texts.recv_timeout(left) {
                Ok((true, text)) => output = text,
                Ok((false, text)) => complaint = text,
                Err(_) => {
                    end(&mut child);
                    return Err(GitError::Timeout);
                }
            }
        }
        let status = child.wait().map_err(GitError::Start)?;
        if status.success() {
            return Ok(output);
        }
        let message = last_words(&complaint)
            .unwrap_or_else(|| format!("git ended with {status} and said nothing"));
        Err(GitError::Refused { code: status.code(), message })
    }
}

/// It is our child and has not been waited for, so its group is still its own.
fn end(child: &mut Child) {
    if let Ok(pid) = i32::try_from(child.id()) {
        let _is_gone = killpg(Pid::from_raw(pid), Signal::SIGKILL);
    }
    drop(child.wait());
}

fn last_words(complaint: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(complaint);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let words = lines.get(lines.len().saturating_sub(3)..)?.join("; ");
    let words = words.strip_prefix("fatal: ").unwrap_or(&words);
    (!words.is_empty()).then(|| words.chars().take(400).collect())
}
