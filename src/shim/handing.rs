//! Files created by the daemon that the worker has to own: its workspace, and the token.
//!
//! The daemon has no right to give a file away, this process has; and it gives away only what belongs to its own user, found
//! without following a link, so that a process that can write as that user gains nothing by it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, fstat};
use nix::unistd::{Gid, Uid, fchown, geteuid};

use crate::os::processes::user::RunAs;
use crate::os::run_files::directory::{
    RunDir, RunSpec, StartFailure, StartPart, StartStep, WorkspaceSpec,
};
use crate::shim::worker::failure_of;

/// Access to the run directory when the worker is another user's: passing through, to the token.
const PASSABLE: u32 = 0o711;

/// Hands over what there is to hand over. Nothing is, when the worker is this process's own user's.
///
/// # Errors
/// What could not be handed over.
pub fn hand_over(spec: &RunSpec, dir: &RunDir, run_as: Option<&RunAs>) -> Result<(), StartFailure> {
    let Some(who) = run_as else { return Ok(()) };
    if let Some(made) = &spec.handed_over {
        hand_over_directory(made, who).map_err(|error| {
            let what = format!("cannot give `{}` to the worker", made.path.display());
            let part = Some(StartPart::HandingOver);
            StartFailure { part, ..failure_of(StartStep::Workspace, &error, &what) }
        })?;
    }
    hand_over_token(dir, who).map_err(|error| {
        let what = format!("cannot give `{}` to the worker", dir.token().display());
        let part = Some(StartPart::HandingOver);
        StartFailure { part, ..failure_of(StartStep::Limits, &error, &what) }
    })
}

fn hand_over_directory(made: &WorkspaceSpec, who: &RunAs) -> io::Result<()> {
    // Already another user's, it may not be readable.
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let there = fstat(open(&made.path, flags, Mode::empty())?)?;
    if (there.st_dev, there.st_ino) != (made.device, made.inode) {
        return Err(Errno::ESTALE.into());
    }
    if there.st_uid == who.uid {
        return Ok(());
    }
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let directory = open(&made.path, flags, Mode::empty())?;
    let opened = fstat(&directory)?;
    if (opened.st_dev, opened.st_ino) != (made.device, made.inode) {
        return Err(Errno::ESTALE.into());
    }
    give(&directory, opened.st_uid, who)
}

fn hand_over_token(dir: &RunDir, who: &RunAs) -> io::Result<()> {
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits())
        .open(dir.token());
    let token = match opened {
        Ok(token) => token,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let found = token.metadata()?;
    // A second name would be another user's file, put here to be given away.
    if !found.is_file() || found.nlink() != 1 {
        return Err(Errno::EPERM.into());
    }
    // A directory of another's that lets nobody through hides the token; then there is none, and the worker is known by its
    // place all the same.
    let folder = File::open(dir.path())?;
    folder.set_permissions(std::fs::Permissions::from_mode(PASSABLE))?;
    give(&OwnedFd::from(token), found.uid(), who)
}

fn give(file: &OwnedFd, owner: u32, who: &RunAs) -> io::Result<()> {
    if owner != geteuid().as_raw() {
        return Err(Errno::EPERM.into());
    }
    Ok(fchown(file, Some(Uid::from_raw(who.uid)), Some(Gid::from_raw(who.gid)))?)
}
