//! Search for shims in the process table when their files are gone.
//!
//! A shim's arguments begin with the directory of its run ([`crate::os::run_files::shim_start`]), and nothing else of ours is called so. A
//! search is for runs of which nothing is known; it finds a process, it never names one to be signalled: that is done by its
//! identity, as ever. What a search misses may still live where `/proc` hides processes, so it is one sign among others.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use crate::os::processes::identity::{Liveness, ProcessIdentity};

/// The first argument of every shim.
const SHIM: &[u8] = b"kanban-shim";

/// A supervisor, and the directory of the run that it was started for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundShim {
    /// Who it is.
    pub identity: ProcessIdentity,
    /// Name of its run directory.
    pub run: String,
}

/// Every supervisor that lives and was started for a directory in `runs_dir`.
///
/// # Errors
/// The process table cannot be listed; then nothing is known.
pub fn shims_below(runs_dir: &Path) -> io::Result<Vec<FoundShim>> {
    let wanted = resolved(runs_dir);
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        let Some(run) = run_of(pid, runs_dir, &wanted) else { continue };
        let Some(identity) = ProcessIdentity::of(pid)? else { continue };
        // Between the two looks the PID may have gone to another process.
        if identity.check() == Liveness::Same && run_of(pid, runs_dir, &wanted).is_some() {
            found.push(FoundShim { identity, run });
        }
    }
    Ok(found)
}

/// The shim of the run directory `dir`; none when none is found.
///
/// # Errors
/// As [`shims_below`].
pub fn shim_of(dir: &Path) -> io::Result<Option<ProcessIdentity>> {
    let (Some(runs), Some(name)) = (dir.parent(), dir.file_name().and_then(OsStr::to_str)) else {
        return Ok(None);
    };
    let found = shims_below(runs)?;
    Ok(found.into_iter().find(|shim| shim.run == name).map(|shim| shim.identity))
}

/// The run for which the process `pid` supervises, by its arguments; none when it is not a shim in `runs_dir`.
pub fn supervised_run(pid: i32, runs_dir: &Path) -> Option<String> {
    run_of(pid, runs_dir, &resolved(runs_dir))
}

fn run_of(pid: i32, runs_dir: &Path, wanted: &Path) -> Option<String> {
    let arguments = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let dir = run_directory(&arguments)?;
    let parent = dir.parent()?;
    let is_wanted = parent == runs_dir || parent == wanted || resolved(parent) == wanted;
    is_wanted.then(|| dir.file_name()?.to_str().map(str::to_owned)).flatten()
}

/// The second of the arguments of a shim.
fn run_directory(arguments: &[u8]) -> Option<&Path> {
    let mut words = arguments.split(|byte| *byte == 0);
    let is_shim = words.next()? == SHIM;
    let dir = words.next().filter(|_| is_shim)?;
    let dir = Path::new(OsStr::from_bytes(dir));
    dir.is_absolute().then_some(dir)
}

/// A path with the links resolved in as much of it as is there.
fn resolved(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut missing = Vec::new();
    let mut there = path.as_path();
    loop {
        if let Ok(real) = there.canonicalize() {
            return missing.iter().rev().fold(real, |path, name| path.join(name));
        }
        match (there.parent(), there.components().next_back()) {
            (Some(parent), Some(Component::Normal(name))) => {
                missing.push(name);
                there = parent;
            }
            _ => return path,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shim_is_known_by_its_arguments_and_nothing_else_is() {
        for (arguments, expected) in [
            (&b"kanban-shim\0/h/runs/7\0nonce\0"[..], Some("/h/runs/7")),
            (b"kanban-shim\0--hold\0", None),
            (b"kanban-shim\0runs/7\0nonce\0", None),
            (b"kanban-shim", None),
            (b"/bin/kanban-shim\0/h/runs/7\0nonce\0", None),
            (b"vi\0/h/runs/7\0", None),
            (b"", None),
        ] {
            assert_eq!(run_directory(arguments), expected.map(Path::new), "{arguments:?}");
        }
    }

    #[test]
    fn a_directory_that_is_gone_is_found_by_its_name_all_the_same() {
        let temp = tempfile::tempdir().unwrap();
        let home = temp.path().canonicalize().unwrap().join("home");
        std::fs::create_dir(&home).unwrap();
        std::os::unix::fs::symlink("home", temp.path().join("link")).unwrap();
        assert_eq!(resolved(&temp.path().join("link/runs")), home.join("runs"));
        // The shell passes its name on, as the spawner does.
        let script = format!("exec -a kanban-shim sleep 600 600 {}/runs/7 n", home.display());
        assert!(script.contains("runs/7"));
        assert_eq!(shim_of(&home.join("runs/7")).unwrap(), None);
    }
}
