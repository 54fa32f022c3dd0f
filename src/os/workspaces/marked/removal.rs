//! Removal of a scratch directory: by descriptors from its root down, never through a link, never onto another mount.
//!
//! The order of proof: a mark, a directory of that name, device and inode as marked. Only then is anything unlinked, and
//! only what lies in that very directory. An entry that cannot be judged stops the removal; nothing is guessed.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, openat2, renameat2};
use nix::sys::stat::{FchmodatFlags, Mode, SFlag, fchmodat, fstat, fstatat};
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::{FileIdentity, MarkKind, Workspaces};
use crate::os::workspaces::beneath::{
    look_at_directory, not_a_directory, open_directory, strictly,
};
use crate::os::workspaces::tree::{Survey, names_in};

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

/// What would become of a directory that is to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// It can be removed.
    Removable,
    /// It has gone before.
    Gone,
    /// It has to stay, for this reason.
    Kept(String),
}

/// See [`Workspaces::judge_scratch`].
pub(super) fn judge(workspaces: &Workspaces, name: &str) -> Judgement {
    let judged = marked_scratch(workspaces, name).and_then(|marked| {
        marked.map_or_else(Ok, |marked| judge_marked(&workspaces.root, name, marked))
    });
    judged.unwrap_or_else(|error| Judgement::Kept(error.to_string()))
}

/// What the mark of a scratch directory says, or what is to be said of it without one.
fn marked_scratch(
    workspaces: &Workspaces,
    name: &str,
) -> io::Result<Result<FileIdentity, Judgement>> {
    let kept = |why: &str| Ok(Err(Judgement::Kept(why.to_owned())));
    match workspaces.mark(name)?.map(|mark| mark.kind) {
        None => kept("it has no mark of this daemon"),
        Some(MarkKind::Worktree { .. }) => kept("it is marked as a worktree"),
        Some(MarkKind::Scratch(marked)) => match look_at_directory(&workspaces.root, name) {
            Ok(_) => Ok(Ok(marked)),
            Err(Errno::ENOENT) => Ok(Err(Judgement::Gone)),
            Err(errno) => Err(not_a_directory(&workspaces.path_of(name), errno)),
        },
    }
}

/// Judges the directory `name` in `root` by device and inode, and by what is in it.
fn judge_marked(root: &OwnedFd, name: &str, marked: FileIdentity) -> io::Result<Judgement> {
    let there = look_at_directory(root, name)?;
    if FileIdentity::of(&there)? != marked {
        return Ok(Judgement::Kept(OTHER_DIRECTORY.to_owned()));
    }
    let top = match open_directory(root, name) {
        // Its owner closed it, and opens it again when it is removed.
        Err(Errno::EACCES) => return Ok(Judgement::Removable),
        opened => opened?,
    };
    let survey = Survey::of(&top)?;
    Ok(match survey.obstacles.is_empty() {
        true => Judgement::Removable,
        false => Judgement::Kept(survey.obstacles.join("; ")),
    })
}

/// See [`Workspaces::remove_scratch`].
pub(super) fn remove(workspaces: &Workspaces, name: &str) -> Removal {
    match judge(workspaces, name) {
        Judgement::Removable => {
            try_remove(workspaces, name).unwrap_or_else(|error| Removal::Kept(error.to_string()))
        }
        Judgement::Gone => match workspaces.remove_mark(name) {
            Ok(()) => Removal::Gone,
            Err(error) => Removal::Kept(error.to_string()),
        },
        Judgement::Kept(why) => Removal::Kept(why),
    }
}

fn try_remove(workspaces: &Workspaces, name: &str) -> io::Result<Removal> {
    let Ok(marked) = marked_scratch(workspaces, name)? else {
        return Ok(Removal::Kept("it changed during the inspection".to_owned()));
    };
    let top = open_allowed(&workspaces.root, name)
        .map_err(|errno| not_a_directory(&workspaces.path_of(name), errno))?;
    if FileIdentity::of(&top)? != marked {
        return Ok(Removal::Kept(OTHER_DIRECTORY.to_owned()));
    }
    Emptier { top: &top, serial: 0, spared: None }.empty(&top, 0)?;
    // What has been put in its place meanwhile is not what was marked.
    let now = fstatat(&workspaces.root, name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
    if FileIdentity::of_stat(&now) != marked {
        return Ok(Removal::Kept("it was replaced while it was being removed".to_owned()));
    }
    unlinkat(&workspaces.root, name, UnlinkatFlags::RemoveDir)?;
    workspaces.remove_mark(name)?;
    Ok(Removal::Removed)
}

/// Opens a directory; one that its owner has closed is opened by its owner.
fn open_allowed(root: &OwnedFd, name: &str) -> Result<OwnedFd, Errno> {
    match open_directory(root, name) {
        Err(Errno::EACCES) => {
            allow_owner(root, OsStr::new(name)).map_err(|_error| Errno::EACCES)?;
            open_directory(root, name)
        }
        opened => opened,
    }
}

/// See [`super::empty_as_owner`].
pub(super) fn empty(
    root: &Path,
    name: &str,
    marked: FileIdentity,
    dry_run: bool,
) -> io::Result<()> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let root = nix::fcntl::open(root, flags, Mode::empty())?;
    if let Judgement::Kept(why) = judge_marked(&root, name, marked)? {
        return Err(io::Error::other(why));
    }
    if dry_run {
        return Ok(());
    }
    let top = open_allowed(&root, name)?;
    if FileIdentity::of(&top)? != marked {
        return Err(io::Error::other(OTHER_DIRECTORY));
    }
    Emptier { top: &top, serial: 0, spared: None }.empty(&top, 0)
}

/// Empties an open directory but for the entry `spared`.
pub(in crate::os) fn empty_but(top: &OwnedFd, spared: Option<&OsStr>) -> io::Result<()> {
    Emptier { top, serial: 0, spared }.empty(top, 0)
}

/// See [`Workspaces::remove_emptied`].
pub(super) fn remove_emptied(workspaces: &Workspaces, name: &str) -> io::Result<Removal> {
    let there = match look_at_directory(&workspaces.root, name) {
        Ok(there) => FileIdentity::of(there)?,
        Err(Errno::ENOENT) => {
            workspaces.remove_mark(name)?;
            return Ok(Removal::Gone);
        }
        Err(errno) => return Err(not_a_directory(&workspaces.path_of(name), errno)),
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

const OTHER_DIRECTORY: &str = "it is not the marked directory (device and inode differ)";

struct Emptier<'a> {
    /// The directory that is being removed.
    top: &'a OwnedFd,
    /// Numbers the names of what is moved up.
    serial: u64,
    /// What stays, directly in `top`.
    spared: Option<&'a OsStr>,
}

impl Emptier<'_> {
    fn empty(&mut self, directory: &OwnedFd, depth: usize) -> io::Result<()> {
        let mode = Mode::from_bits_truncate(fstat(directory)?.st_mode);
        if !mode.contains(Mode::S_IRWXU) {
            nix::sys::stat::fchmod(directory, Mode::S_IRWXU)?;
        }
        // Once more while something was moved up into it.
        loop {
            let mut names = names_in(directory)?;
            if depth == 0 {
                names.retain(|name| Some(name.as_os_str()) != self.spared);
            }
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
    let location = openat2(parent, name, how)?;
    let path = format!("/proc/self/fd/{}", location.as_raw_fd());
    Ok(fchmodat(location.as_fd(), path.as_str(), Mode::S_IRWXU, FchmodatFlags::FollowSymlink)?)
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
        return io::Error::other(format!("`{name}` is a mount point"));
    }
    match error.raw_os_error() {
        Some(raw) => io::Error::other(format!("`{name}` in it: {}", Errno::from_raw(raw).desc())),
        // Named already, further down.
        None => io::Error::other(error.to_string()),
    }
}
