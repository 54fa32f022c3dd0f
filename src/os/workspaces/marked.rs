//! Workspaces owned by the daemon: directories directly below its root, one per task.
//!
//! ```text
//! workspaces/<task id>          a scratch directory, or the checkout of a worktree
//! workspaces/.marks/<task id>   who made it: device and inode of the scratch directory, or where the worktree is from
//! ```
//!
//! A scratch directory is made as `.new.<task id>`, marked, and only then renamed to its own name, so none ever stands there
//! without its mark. Makers and removers of one workspace take turns; those of different ones do not wait for each other.
//! Nothing is opened by a path of more than one part: the root's descriptor is the start of every step, and openat2(2) refuses
//! links, mounts and `..`. [`Workspaces::remove_scratch`] deletes what its mark says and nothing else; what does not match is
//! left and told.

mod removal;
mod turns;

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, RenameFlags, openat, renameat2};
use nix::sys::stat::{FileStat, Mode, fstat, mkdirat};
use nix::unistd::{UnlinkatFlags, unlinkat};
use serde::{Deserialize, Serialize};

use crate::os::workspaces::beneath::{look_at_directory, not_a_directory, open_directory};

pub(in crate::os) use removal::empty_but;
pub use removal::{Judgement, Removal};
use turns::Turn;

/// Directory of the marks; no task has a name that begins with a dot.
const MARKS: &str = ".marks";

/// What stands before the name of a directory or mark that is not whole yet.
const UNFINISHED: &str = ".new.";

/// Version that this build writes into every mark.
const MARK_VERSION: u32 = 1;

/// What a directory is, whatever it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileIdentity {
    /// Device number of its file system.
    pub device: u64,
    /// Inode number there.
    pub inode: u64,
}

impl FileIdentity {
    /// Of something open.
    ///
    /// # Errors
    /// fstat(2) fails.
    pub fn of(file: impl AsFd) -> io::Result<Self> {
        Ok(Self::of_stat(&fstat(file)?))
    }

    /// Of a file that was looked at by its path.
    pub fn of_metadata(found: &std::fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self { device: found.dev(), inode: found.ino() }
    }

    pub(crate) fn of_stat(stat: &FileStat) -> Self {
        Self { device: stat.st_dev, inode: stat.st_ino }
    }
}

/// Who made a workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// [`MARK_VERSION`] of the writer.
    version: u32,
    /// What it is.
    pub kind: MarkKind,
}

/// What a marked workspace is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum MarkKind {
    /// A directory that the daemon made.
    Scratch(FileIdentity),
    /// A checkout that git made for it.
    Worktree {
        /// The repository as it was asked for: a directory in it.
        repository: PathBuf,
        /// The branch that is checked out there.
        branch: String,
    },
}

/// The root, open.
#[derive(Debug)]
pub struct Workspaces {
    path: PathBuf,
    root: OwnedFd,
    marks: OwnedFd,
}

impl Workspaces {
    /// Opens the root at `path`, which must be there and be no link, and makes the place of its marks.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let root = nix::fcntl::open(path, flags, Mode::empty())?;
        match mkdirat(&root, MARKS, Mode::S_IRWXU) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(errno) => return Err(errno.into()),
        }
        let marks = open_directory(&root, MARKS)?;
        Ok(Self { path: path.to_owned(), root, marks })
    }

    /// The directory of a workspace; it need not be there.
    pub fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Makes the scratch directory `name` (0700) if it is missing, and says what it is.
    ///
    /// # Errors
    /// `name` is no plain name, a link, a mount or a file stands in its place, or it cannot be made.
    pub fn ensure_scratch(&self, name: &str) -> io::Result<FileIdentity> {
        let name = plain(name)?;
        let _turn = Turn::of(name);
        if let Some(there) = self.identity(name)? {
            return Ok(there);
        }
        let unfinished = unfinished(name);
        let unfinished = unfinished.as_str();
        // Left by a maker that was cut off; it is empty, or not ours.
        match mkdirat(&self.root, unfinished, Mode::S_IRWXU) {
            Err(Errno::EEXIST) => {
                unlinkat(&self.root, unfinished, UnlinkatFlags::RemoveDir)
                    .map_err(|errno| not_a_directory(&self.path_of(unfinished), errno))?;
                mkdirat(&self.root, unfinished, Mode::S_IRWXU)?;
            }
            made => made?,
        }
        let identity = FileIdentity::of(open_directory(&self.root, unfinished)?)?;
        self.write_mark(name, MarkKind::Scratch(identity))?;
        renameat2(&self.root, unfinished, &self.root, name, RenameFlags::RENAME_NOREPLACE)?;
        Ok(identity)
    }

    /// Makes an empty directory `name` (0700) if there is none, for git to make a worktree in, and says what it is.
    ///
    /// # Errors
    /// As [`Workspaces::ensure_scratch`].
    pub fn ensure_directory(&self, name: &str) -> io::Result<FileIdentity> {
        let name = plain(name)?;
        let _turn = Turn::of(name);
        if let Some(there) = self.identity(name)? {
            return Ok(there);
        }
        mkdirat(&self.root, name, Mode::S_IRWXU)?;
        FileIdentity::of(open_directory(&self.root, name)?)
    }

    /// What the directory `name` is, which may be one that cannot be read from here; none when there is none.
    fn identity(&self, name: &str) -> io::Result<Option<FileIdentity>> {
        match look_at_directory(&self.root, name) {
            Ok(there) => FileIdentity::of(there).map(Some),
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(not_a_directory(&self.path_of(name), errno)),
        }
    }

    /// Marks `name` as a worktree, before git makes it.
    ///
    /// # Errors
    /// The mark cannot be written.
    pub fn mark_worktree(&self, name: &str, repository: &Path, branch: &str) -> io::Result<()> {
        let name = plain(name)?;
        let _turn = Turn::of(name);
        let (repository, branch) = (repository.to_owned(), branch.to_owned());
        self.write_mark(name, MarkKind::Worktree { repository, branch })
    }

    /// The mark of `name`; none when it has none.
    ///
    /// # Errors
    /// It cannot be read, or is damaged (`InvalidData`).
    pub fn mark(&self, name: &str) -> io::Result<Option<Mark>> {
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let file = match openat(&self.marks, plain(name)?, flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::ENOENT) => return Ok(None),
            Err(errno) => return Err(errno.into()),
        };
        let mut text = Vec::new();
        File::from(file).read_to_end(&mut text)?;
        serde_json::from_slice(&text)
            .map(Some)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    /// Forgets who made `name`: it is gone.
    ///
    /// # Errors
    /// The mark cannot be removed.
    pub fn remove_mark(&self, name: &str) -> io::Result<()> {
        match unlinkat(&self.marks, plain(name)?, UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Removes what makers that were cut off have left: unfinished marks, and unfinished directories that are empty. Passes over
    /// workspaces that are being made or removed.
    ///
    /// # Errors
    /// The root or its marks cannot be listed.
    pub fn remove_unfinished(&self) -> io::Result<()> {
        let flags = [UnlinkatFlags::RemoveDir, UnlinkatFlags::NoRemoveDir];
        for (directory, flag) in [&self.root, &self.marks].into_iter().zip(flags) {
            for entry in crate::os::workspaces::tree::names_in(directory)? {
                let Some(name) = entry.to_str().and_then(|entry| entry.strip_prefix(UNFINISHED))
                else {
                    continue;
                };
                let Some(_turn) = Turn::if_free(name) else { continue };
                // What stays does no harm, and the next sweep tries again.
                let _is_removed = unlinkat(directory, entry.as_os_str(), flag).is_ok();
            }
        }
        Ok(())
    }

    /// Names of everything that has a mark.
    ///
    /// # Errors
    /// The marks cannot be listed.
    pub fn marked(&self) -> io::Result<Vec<String>> {
        let mut names = crate::os::workspaces::tree::names_in(&self.marks)?
            .into_iter()
            .filter_map(|name| name.into_string().ok())
            .filter(|name| !name.starts_with('.'))
            .collect::<Vec<_>>();
        names.sort();
        Ok(names)
    }

    /// What [`Workspaces::remove_scratch`] would do about the scratch directory `name`. Changes nothing.
    pub fn judge_scratch(&self, name: &str) -> Judgement {
        removal::judge(self, name)
    }

    /// Removes the scratch directory `name` with everything in it, if it is the one that its mark names.
    pub fn remove_scratch(&self, name: &str) -> Removal {
        let _turn = Turn::of(name);
        removal::remove(self, name)
    }

    /// Removes the directory `name` and its mark when it is empty, and the one that was marked where the mark says which: what a
    /// process of its owner has left of it.
    ///
    /// # Errors
    /// It is not empty, or cannot be removed.
    pub fn remove_emptied(&self, name: &str) -> io::Result<Removal> {
        let name = plain(name)?;
        let _turn = Turn::of(name);
        removal::remove_emptied(self, name)
    }

    /// The user whose the directory `name` is, when that is not this process's; none also when there is none.
    ///
    /// # Errors
    /// It is no directory, or cannot be looked at.
    pub fn other_owner(&self, name: &str) -> io::Result<Option<u32>> {
        match look_at_directory(&self.root, plain(name)?) {
            Ok(there) => {
                let owner = fstat(there)?.st_uid;
                Ok((owner != nix::unistd::geteuid().as_raw()).then_some(owner))
            }
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(not_a_directory(&self.path_of(name), errno)),
        }
    }

    fn write_mark(&self, name: &str, kind: MarkKind) -> io::Result<()> {
        let flags = OFlag::O_WRONLY
            | OFlag::O_CREAT
            | OFlag::O_TRUNC
            | OFlag::O_NOFOLLOW
            | OFlag::O_CLOEXEC;
        let unfinished = unfinished(name);
        let file = openat(&self.marks, unfinished.as_str(), flags, Mode::S_IRUSR | Mode::S_IWUSR)?;
        let text = serde_json::to_vec(&Mark { version: MARK_VERSION, kind })?;
        File::from(file).write_all(&text)?;
        nix::fcntl::renameat(&self.marks, unfinished.as_str(), &self.marks, name)?;
        Ok(())
    }
}

/// Empties the scratch directory `name` in `root` for its owner, who may not touch `root` itself, if it is the one that was
/// marked. As carefully as [`Workspaces::remove_scratch`]; a dry run only looks whether that could be done.
///
/// # Errors
/// It is another one, or something in it has to stay.
pub fn empty_as_owner(
    root: &Path,
    name: &str,
    marked: FileIdentity,
    dry_run: bool,
) -> io::Result<()> {
    removal::empty(root, plain(name)?, marked, dry_run)
}

/// What `name` is called until it is whole.
fn unfinished(name: &str) -> String {
    format!("{UNFINISHED}{name}")
}

/// A name that can be nothing but an entry of the root.
fn plain(name: &str) -> io::Result<&str> {
    let is_plain = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\0']);
    is_plain.then_some(name).ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("`{name}` is not a valid workspace name"),
        )
    })
}
