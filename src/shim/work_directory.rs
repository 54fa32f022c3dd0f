//! The workspace: created when missing, and checked to be the leased one.
//!
//! The board gave this run a directory by device and inode. A path may lead elsewhere by now, so it is opened once, compared,
//! and the worker starts in what was opened. A directory that was to be made and is there by now was made by something else: it
//! may be another run's, so the start fails.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::{Mode, fstat, mkdirat, umask};

use crate::os::run_files::directory::{RunSpec, StartFailure, StartStep, WorkspaceSpec};

/// An open workspace.
#[derive(Debug)]
pub struct OpenDirectory {
    directory: OwnedFd,
}

impl OpenDirectory {
    /// A path to it that leads nowhere else, for processes that inherit its descriptor.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.directory.as_raw_fd()))
    }
}

/// Opens the workspace of `spec`, if it names one, and makes what is missing of it with the mask that the worker will have.
///
/// # Errors
/// It is not what was leased, or cannot be opened or made.
pub fn open_workspace(spec: &RunSpec, mask: Mode) -> Result<Option<OpenDirectory>, StartFailure> {
    let Some(workspace) = &spec.workspace else { return Ok(None) };
    let own_mask = umask(mask);
    let opened = open_leased(workspace);
    umask(own_mask);
    opened.map(|directory| Some(OpenDirectory { directory })).map_err(|errno| {
        let path = workspace.path.display();
        let message = match errno {
            Errno::ESTALE => {
                format!(
                    "working directory `{path}` was replaced after the start was prepared"
                )
            }
            Errno::EEXIST => format!(
                "working directory `{path}` was created by another process after the start was prepared"
            ),
            _ => format!("cannot create working directory `{path}`: {}", errno.desc()),
        };
        StartFailure { step: StartStep::Workspace, part: None, errno: errno as i32, message }
    })
}

fn open_leased(workspace: &WorkspaceSpec) -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut directory = open(&workspace.anchor, flags, Mode::empty())?;
    let found = fstat(&directory)?;
    if (found.st_dev, found.st_ino) != (workspace.device, workspace.inode) {
        return Err(Errno::ESTALE);
    }
    let last = workspace.missing.len().saturating_sub(1);
    for (at, name) in workspace.missing.iter().enumerate() {
        match mkdirat(&directory, name.as_str(), Mode::from_bits_truncate(0o777)) {
            Ok(()) => {}
            // On the way to it: the directory of another run may be made beside it.
            Err(Errno::EEXIST) if at < last => {}
            Err(errno) => return Err(errno),
        }
        // A link put there meanwhile leads to what is not leased.
        directory = openat(&directory, name.as_str(), flags | OFlag::O_NOFOLLOW, Mode::empty())?;
    }
    Ok(directory)
}

/// Makes a working directory that no lease names, if the spec asks for it.
///
/// # Errors
/// mkdir(2) fails.
pub fn make_unleased(spec: &RunSpec, mask: Mode) -> io::Result<()> {
    if !spec.create_cwd {
        return Ok(());
    }
    let own_mask = umask(mask);
    let made = std::fs::create_dir_all(&spec.cwd);
    umask(own_mask);
    made
}
