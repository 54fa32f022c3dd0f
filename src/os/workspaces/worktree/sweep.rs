//! What becomes of a worktree that is due to go: it is removed when everything in it is elsewhere too, or saved and kept.

use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, unlinkat};

use crate::os::workspaces::git::Git;
use crate::os::workspaces::git::repository::Repository;
use crate::os::workspaces::marked::empty_but;
use crate::os::workspaces::worktree::examine::{Standing, examine};
use crate::os::workspaces::worktree::salvage::salvage;
use crate::os::workspaces::worktree::state::REMOVAL_NOTE;
use crate::os::workspaces::worktree_report::Swept;

fn kept(why: String) -> Swept {
    Swept::Kept { why, saved_as: None, parts: Vec::new() }
}

/// Removes the worktree at `path` if everything in it is elsewhere too; else saves under `name` what can be saved. A dry run
/// only says which of the two it would be.
pub fn sweep(git: &Git, path: &Path, name: &str, dry_run: bool) -> Swept {
    let examined = match examine(git, path) {
        Standing::Gone => return Swept::Gone,
        Standing::Empty if dry_run => return Swept::Removed,
        Standing::Empty => return in_words(remove_rest(path)),
        Standing::Unknown(why) => {
            return kept(format!("cannot determine its state: {why}"));
        }
        Standing::Known(examined) => examined,
    };
    let reasons = examined.reasons();
    match (reasons.is_empty(), dry_run) {
        (true, true) => Swept::Removed,
        (true, false) => in_words(remove(path, &examined.repository)),
        (false, true) => kept(reasons.join("; ")),
        (false, false) => {
            let parts = salvage(git, &examined, name);
            let saved_as = parts.iter().find_map(|part| part.saved_as.clone());
            Swept::Kept { why: reasons.join("; "), saved_as, parts }
        }
    }
}

fn in_words(removed: io::Result<()>) -> Swept {
    match removed {
        Ok(()) => Swept::Removed,
        Err(error) => kept(format!("cannot remove it: {error}")),
    }
}

/// Removes the files first, then what the repository knows of it, then the link between the two: cut off at any point, it is
/// continued.
fn remove(path: &Path, repository: &Repository) -> io::Result<()> {
    let note = repository.git_dir.join(REMOVAL_NOTE);
    std::fs::write(&note, "its files are being removed\n")?;
    let top = open_directory(path)?;
    empty_but(&top, Some(OsStr::new(".git")))?;
    forget(path, repository)?;
    remove_rest(path)
}

/// Has the repository forget the worktree: exactly its entry, and only if that is of this path.
fn forget(path: &Path, repository: &Repository) -> io::Result<()> {
    let odd = |what: &str| io::Error::other(format!("{} {what}", repository.git_dir.display()));
    let worktrees = repository.common_dir.join("worktrees");
    let id = repository
        .git_dir
        .strip_prefix(&worktrees)
        .ok()
        .filter(|id| id.components().count() == 1)
        .ok_or_else(|| odd("is not the directory of a worktree"))?;
    if !repository.is_entry_of(path).map_err(io::Error::other)? {
        return Err(odd("belongs to another worktree"));
    }
    let parent = open_directory(&worktrees)?;
    let entry = open_directory(&repository.git_dir)?;
    empty_but(&entry, None)?;
    unlinkat(&parent, id, UnlinkatFlags::RemoveDir)?;
    // The last one takes the directory of all of them along, as with git.
    drop(std::fs::remove_dir(&worktrees));
    Ok(())
}

/// Removes the link and the directory. The directory stays where its parent is another user's, who removes it then.
fn remove_rest(path: &Path) -> io::Result<()> {
    let top = open_directory(path)?;
    match unlinkat(&top, ".git", UnlinkatFlags::NoRemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => {}
        Err(errno) => return Err(errno.into()),
    }
    match nix::unistd::unlinkat(nix::fcntl::AT_FDCWD, path, UnlinkatFlags::RemoveDir) {
        Ok(()) | Err(Errno::ENOENT | Errno::EACCES | Errno::EPERM) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

fn open_directory(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    Ok(open(path, flags, Mode::empty())?)
}
