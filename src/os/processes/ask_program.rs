//! A short question to a program, such as its version.

use std::ffi::OsStr;
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
}
