//! A short question to a program, such as its version.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::os::host::descriptors::with_limit_of_children;
use crate::os::processes::pidfd::PidFd;

/// The first line with words that `program` says when it is started with these arguments, with `path` as its search path. Its
/// standard input is empty.
///
/// # Errors
/// One line: it could not be started, failed, said nothing, or did not end within `patience` (then it is killed).
pub fn first_line_of(
    program: &Path,
    arguments: &[String],
    path: &OsStr,
    patience: Duration,
) -> Result<String, String> {
    let mut command = Command::new(program);
    command.args(arguments).env("PATH", path);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = with_limit_of_children(&mut command)
        .spawn()
        .map_err(|error| format!("cannot be started: {error}"))?;
    let pid = i32::try_from(child.id()).map_err(|error| error.to_string())?;
    let pidfd = PidFd::from_child(pid).map_err(|error| error.to_string())?;
    let (message, answer) = mpsc::channel();
    // Reads while it speaks: a wait first may wait for a writer that waits for a reader.
    std::thread::spawn(move || drop(message.send(child.wait_with_output())));
    let Ok(output) = answer.recv_timeout(patience) else {
        let _is_gone = pidfd.signal(Signal::SIGKILL).is_ok();
        return Err(format!("did not answer within {}s", patience.as_secs()));
    };
    let output = output.map_err(|error| error.to_string())?;
    let said =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let line =
        said.iter().flat_map(|text| text.lines()).map(str::trim).find(|line| !line.is_empty());
    match (output.status.success(), line) {
        (true, Some(line)) => Ok(line.to_owned()),
        (true, None) => Err("printed nothing".to_owned()),
        (false, line) => {
            Err(format!("failed ({}): {}", output.status, line.unwrap_or("no output")))
        }
    }
}

/// Why a program gave no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unanswered {
    /// It did not end in time, and was killed.
    TooLong,
    /// It could not be started, or failed: one line.
    Failed(String),
}

/// What `program` writes when it is given `input`. Nothing is in its environment.
///
/// # Errors
/// It did not answer.
pub fn answer_of(
    program: &Path,
    arguments: &[&str],
    input: &[u8],
    patience: Duration,
) -> Result<Vec<u8>, Unanswered> {
    let failed = |error: String| Unanswered::Failed(error);
    let mut command = Command::new(program);
    command.args(arguments).env_clear();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = with_limit_of_children(&mut command)
        .spawn()
        .map_err(|error| failed(format!("cannot be started: {error}")))?;
    let pid = i32::try_from(child.id()).map_err(|error| failed(error.to_string()))?;
    let pidfd = PidFd::from_child(pid).map_err(|error| failed(error.to_string()))?;
    let (message, answer) = mpsc::channel();
    let (given, input) = (child.stdin.take(), input.to_owned());
    std::thread::spawn(move || {
        // What it does not read it says nothing about.
        drop(given.map(|mut given| given.write_all(&input)));
        drop(message.send(child.wait_with_output()));
    });
    let Ok(output) = answer.recv_timeout(patience) else {
        let _is_gone = pidfd.signal(Signal::SIGKILL).is_ok();
        return Err(Unanswered::TooLong);
    };
    let output = output.map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let line = said.lines().next().unwrap_or("no output");
    Err(failed(format!("failed ({}): {line}", output.status)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(script: &str, patience: Duration) -> Result<String, String> {
        let arguments = ["-c".to_owned(), script.to_owned()];
        first_line_of(Path::new("/bin/sh"), &arguments, OsStr::new("/usr/bin:/bin"), patience)
    }

    #[test]
    fn the_answer_is_the_first_line_and_every_other_end_says_why() {
        let long = Duration::from_secs(60);
        assert_eq!(ask("echo; echo ' v1 '; echo v2", long).unwrap(), "v1");
        assert_eq!(ask("echo v3 >&2", long).unwrap(), "v3");
        assert_eq!(ask("cat", long).unwrap_err(), "printed nothing");
        let failed = ask("echo no; exit 3", long).unwrap_err();
        assert!(failed.contains("exit status: 3") && failed.ends_with(": no"), "{failed}");
        let missing =
            first_line_of(Path::new("/nowhere/x"), &[], OsStr::new(""), long).unwrap_err();
        assert!(missing.starts_with("cannot be started: "), "{missing}");
        let slow = ask("exec sleep 600", Duration::from_millis(1)).unwrap_err();
        assert!(slow.starts_with("did not answer"), "{slow}");
    }

    #[test]
    fn a_program_is_given_its_input_and_one_that_takes_too_long_is_killed() {
        let ask = |script: &str, patience| {
            answer_of(Path::new("/bin/sh"), &["-c", script], b"a line", patience)
        };
        let long = Duration::from_secs(60);
        assert_eq!(ask("cat; env | grep -c KANBAN >&2; true", long).unwrap(), b"a line");
        assert_eq!(ask("true", long).unwrap(), b"", "it may read nothing");
        let failed = ask("echo no >&2; exit 3", long);
        assert_eq!(failed, Err(Unanswered::Failed("failed (exit status: 3): no".to_owned())));
        let slow = ask("exec sleep 600", Duration::from_millis(1));
        assert_eq!(slow, Err(Unanswered::TooLong));
    }
}
