//! A program of ours that is started beside the daemon and outlives it: its own process group, nothing on its standard input, its
//! output in a file.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Where the package keeps programs that nobody types.
const PACKAGE_DIR: &str = "/usr/libexec/kanband";

/// Bytes of the output after which it begins again.
const OUTPUT_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// The program of this name beside the running one, else where the package keeps it.
pub fn program_beside(own_dir: Option<&Path>, name: &str) -> Option<std::path::PathBuf> {
    let dirs = own_dir.into_iter().chain([Path::new(PACKAGE_DIR)]);
    dirs.map(|dir| dir.join(name)).find(|path| path.is_file())
}

/// Where the package keeps programs that people type.
const PEOPLES_DIR: &str = "/usr/bin";

/// The command line of the same release: beside this program, else where the package keeps it.
pub fn command_line() -> Option<std::path::PathBuf> {
    let own = std::env::current_exe().ok()?;
    let dirs = own.parent().into_iter().chain([Path::new(PEOPLES_DIR)]);
    dirs.map(|dir| dir.join("kanban")).find(|path| path.is_file())
}

/// Starts a program and waits for its end; its exit code, none when a signal ended it. To be called on a thread of its own.
///
/// # Errors
/// It cannot be started.
pub fn run_to_its_end(
    program: &Path,
    env: &BTreeMap<String, OsString>,
    output: &Path,
) -> io::Result<Option<i32>> {
    let is_long = std::fs::metadata(output).is_ok_and(|file| file.len() > OUTPUT_BYTES_MAX);
    let mut options = OpenOptions::new();
    options.create(true).mode(0o600);
    let file = if is_long { options.write(true).truncate(true) } else { options.append(true) };
    let file = file.open(output)?;
    let mut command = Command::new(program);
    command.env_clear().envs(env).stdin(Stdio::null());
    command.stdout(file.try_clone()?).stderr(file).process_group(0);
    let mut child = command.spawn()?;
    Ok(child.wait()?.code())
}
