//! Removing a scratch directory: by descriptors from its root down, never through a link, never onto another mount.
//!
//! The order of proof: a mark, a directory of that name, device and inode as marked. Only then is anything unlinked, and
//! only what lies in that very directory. An entry that cannot be judged stops the removal; nothing is guessed.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, openat2, renameat2};
use nix::sys::stat::{FchmodatFlags, Mode, SFlag, fchmodat, fstat, fstatat};
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::{FileIdentity, MarkKind, Workspaces, open_directory, strictly};

/// Directories that are open at one time. A deeper one is first moved up to the top, so that no depth of nesting
/// uses up the descriptors.
const DEPTH_MAX: usize = 64;

/// What became of a directory that was to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    /// It was removed.
    Removed,
    /// It had gone before.
    Gone,
    /// It was left (as far as it goes), for this reason.
    Kept(String),
}

/// See [`Workspaces::remove_scratch`].
pub(super) fn remove(workspaces: &Workspaces, name: &str) -> Removal {
    match try_remove(workspaces, name) {
        Ok(removal) => removal,
        Err(error) => Removal::Kept(error.to_string()),
    }
}

fn try_remove(workspaces: &Workspaces, name: &str) -> io::Result<Removal> {
    let kept = |why: &str| Ok(Removal::Kept(why.to_owned()));
    let Some(mark) = workspaces.mark(name)? else {
        return kept("it carries no mark of this daemon");
    };
    let MarkKind::Scratch(marked) = mark.kind else { return kept("it is marked as a worktree") };
    let top = match open_directory(&workspaces.root, name) {
        Ok(top) => top,
        Err(Errno::ENOENT) => {
            workspaces.remove_mark(name)?;
            return Ok(Removal::Gone);
        }
        Err(Errno::EACCES) => {
            allow_owner(&workspaces.root, OsStr::new(name))?;
            open_directory(&workspaces.root, name)?
        }
        Err(errno) => return Err(super::not_a_directory(&workspaces.path_of(name), errno)),
    };
    if FileIdentity::of(&top)? != marked {
        return kept(OTHER_DIRECTORY);
    }
    Emptier { top: &top, serial: 0 }.empty(&top, 0)?;
    // Whatever has been put in its place meanwhile is not what was marked.
    let now = fstatat(&workspaces.root, name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
    if FileIdentity::of_stat(&now) != marked {
        return kept("it was replaced while it was being removed");
    }
    unlinkat(&workspaces.root, name, UnlinkatFlags::RemoveDir)?;
    workspaces.remove_mark(name)?;
    Ok(Removal::Removed)
}

/// See [`super::empty_as_owner`].
pub(super) fn empty(root: &Path, name: &str, marked: FileIdentity) -> io::Result<()> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let root = nix::fcntl::open(root, flags, Mode::empty())?;
    let top = match open_directory(&root, name) {
        Err(Errno::EACCES) => {
            allow_owner(&root, OsStr::new(name))?;
            open_directory(&root, name)?
        }
        opened => opened?,
    };
    if FileIdentity::of(&top)? != marked {
        return Err(io::Error::other(OTHER_DIRECTORY));
    }
    Emptier { top: &top, serial: 0 }.empty(&top, 0)
}

/// See [`Workspaces::remove_emptied`].
pub(super) fn remove_emptied(workspaces: &Workspaces, name: &str) -> io::Result<Removal> {
    let there = match super::look_at_directory(&workspaces.root, name) {
        Ok(there) => FileIdentity::of(there)?,
        Err(Errno::ENOENT) => {
            workspaces.remove_mark(name)?;
            return Ok(Removal::Gone);
        }
        Err(errno) => return Err(super::not_a_directory(&workspaces.path_of(name), errno)),
    };
    if let Some(mark) = workspaces.mark(name)?
        && let MarkKind::Scratch(marked) = mark.kind
        && marked != there
    {
        return Ok(Removal::Kept(OTHER_DIRECTORY.to_owned()));
    }
    // Only an empty one goes.
    unlinkat(&workspaces.root, name, UnlinkatFlags::RemoveDir)?;
    workspaces.remove_mark(name)?;
    Ok(Removal::Removed)
}

const OTHER_DIRECTORY: &str = "it is not the directory that was marked (device and inode differ)";

/// Names of everything in an open directory.
pub(super) fn names_in(directory: &OwnedFd) -> io::Result<Vec<OsString>> {
    let path = format!("/proc/self/fd/{}", directory.as_raw_fd());
    std::fs::read_dir(path)?.map(|entry| Ok(entry?.file_name())).collect()
}

struct Emptier<'a> {
    /// The directory that is being removed.
    top: &'a OwnedFd,
    /// Numbers the names of what is moved up.
    serial: u64,
}

impl Emptier<'_> {
    fn empty(&mut self, directory: &OwnedFd, depth: usize) -> io::Result<()> {
        let mode = Mode::from_bits_truncate(fstat(directory)?.st_mode);
        if !mode.contains(Mode::S_IRWXU) {
            nix::sys::stat::fchmod(directory, Mode::S_IRWXU)?;
        }
        // Once more while something was moved up into it.
        loop {
            let names = names_in(directory)?;
            if names.is_empty() {
                return Ok(());
            }
            for name in names {
                self.remove_entry(directory, &name, depth)
                    .map_err(|error| in_words(&name, &error))?;
            }
            if depth > 0 {
                return Ok(());
            }
        }
    }

    fn remove_entry(&mut self, parent: &OwnedFd, name: &OsStr, depth: usize) -> io::Result<()> {
        let stat = match fstatat(parent, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::ENOENT) => return Ok(()),
            Err(errno) => return Err(errno.into()),
        };
        let kind = SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT;
        if kind != SFlag::S_IFDIR {
            // A link goes itself; what it leads to is not looked at.
            return gone(unlinkat(parent, name, UnlinkatFlags::NoRemoveDir));
        }
        // An open of it, not the look above, decides: only this refuses mounts.
        let how = OpenHow::new()
            .flags(OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC)
            .resolve(strictly());
        let directory = match openat2(parent, name, how) {
            Ok(directory) => directory,
            Err(Errno::ENOENT) => return Ok(()),
            Err(Errno::EACCES) => {
                allow_owner(parent, name)?;
                openat2(parent, name, how)?
            }
            Err(errno) => return Err(errno.into()),
        };
        if depth >= DEPTH_MAX {
            self.serial += 1;
            let higher = format!(".kanband-removing-{}", self.serial);
            let flags = nix::fcntl::RenameFlags::RENAME_NOREPLACE;
            return Ok(renameat2(parent, name, self.top, higher.as_str(), flags)?);
        }
        self.empty(&directory, depth + 1)?;
        gone(unlinkat(parent, name, UnlinkatFlags::RemoveDir))
    }
}

/// Gives the owner's rights back to a directory whose owner took them away.
fn allow_owner(parent: &OwnedFd, name: &OsStr) -> io::Result<()> {
    let how = OpenHow::new()
        .flags(OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC)
        .resolve(strictly());
    let place = openat2(parent, name, how)?;
    let path = format!("/proc/self/fd/{}", place.as_raw_fd());
    Ok(fchmodat(place.as_fd(), path.as_str(), Mode::S_IRWXU, FchmodatFlags::FollowSymlink)?)
}

fn gone(removed: nix::Result<()>) -> io::Result<()> {
    match removed {
        Ok(()) | Err(Errno::ENOENT) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

fn in_words(name: &OsStr, error: &io::Error) -> io::Error {
    let name = name.to_string_lossy();
    if error.raw_os_error() == Some(Errno::EXDEV as i32) {
        return io::Error::other(format!("`{name}` in it is a mount of something else"));
    }
    match error.raw_os_error() {
        Some(raw) => io::Error::other(format!("`{name}` in it: {}", Errno::from_raw(raw).desc())),
        // Named already, further down.
        None => io::Error::other(error.to_string()),
    }
}
