//! Inspects everything in a directory before it is removed, by descriptors, without following a link or entering a mount: what
//! would prevent the removal, and which git repositories are in it.
//!
//! `gc` and its dry run decide by the same inspection; only afterwards does `gc` remove anything.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, openat2};
use nix::unistd::{AccessFlags, faccessat};

use crate::os::failure::at;
use crate::os::statx::{self, Entry};
use crate::os::workspaces::beneath::strictly;

/// Obstacles that are listed; one is enough to keep a tree.
const OBSTACLES_MAX: usize = 5;

/// Longest path that is opened in one call, bytes; PATH_MAX is 4096.
const OPENED_BYTES_MAX: usize = 3_000;

/// The sticky bit: who may not write a file may not remove it either.
const STICKY: u32 = 0o1000;

/// A repository in a tree.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Nested {
    /// The directory has a `.git`, a directory or a link.
    Checkout(PathBuf),
    /// The directory looks like a bare repository.
    Bare(PathBuf),
}

/// What a look has found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// What cannot be removed, each in one line.
    pub obstacles: Vec<String>,
    /// Directories of this user that cannot be read as they are: what is in them is not known.
    pub unread: Vec<PathBuf>,
    /// Repositories, by their paths below the top; never the top itself.
    pub nested: Vec<Nested>,
    /// Whether the directory has nothing in it.
    pub is_empty: bool,
}

impl Survey {
    /// Looks through the open directory `top`.
    ///
    /// # Errors
    /// Something in it cannot be looked at.
    pub fn of(top: &OwnedFd) -> io::Result<Self> {
        let mut survey = Self::default();
        let mut waiting = vec![Folder { path: PathBuf::new(), is_in_git: false }];
        while let Some(folder) = waiting.pop() {
            survey.look_into(top, &folder, &mut waiting)?;
        }
        survey.nested.sort();
        Ok(survey)
    }

    fn look_into(
        &mut self,
        top: &OwnedFd,
        folder: &Folder,
        waiting: &mut Vec<Folder>,
    ) -> io::Result<()> {
        let directory = match open_below(top.as_fd(), &folder.path) {
            Ok(directory) => directory,
            Err(Errno::ENOENT) => return Ok(()),
            Err(Errno::EXDEV) => {
                self.obstacle(&folder.path, "is a mount point");
                return Ok(());
            }
            Err(Errno::EACCES) => {
                self.unread.push(folder.path.clone());
                return Ok(());
            }
            Err(errno) => return Err(at(&folder.path, errno.into())),
        };
        let own = statx::look(directory.as_fd(), OsStr::new(""))
            .map_err(|error| at(&folder.path, error))?;
        let names = names_in(&directory).map_err(|error| at(&folder.path, error))?;
        if folder.path.as_os_str().is_empty() {
            self.is_empty = names.is_empty();
        }
        if !names.is_empty() {
            self.judge_folder(&directory, &own, &folder.path);
        }
        let has = |name: &str| names.iter().any(|one| one == name);
        let is_git = folder.is_in_git || (has("HEAD") && has("objects") && has("refs"));
        if !folder.is_in_git && !folder.path.as_os_str().is_empty() {
            if has(".git") {
                self.nested.push(Nested::Checkout(folder.path.clone()));
            } else if is_git {
                self.nested.push(Nested::Bare(folder.path.clone()));
            }
        }
        for name in names {
            let path = folder.path.join(&name);
            let entry = match statx::look(directory.as_fd(), &name) {
                Ok(entry) => entry,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(at(&path, error)),
            };
            self.judge_entry(&own, &entry, &path);
            if entry.is_directory() && !entry.is_mount_point {
                let is_in_git = is_git || name == ".git";
                waiting.push(Folder { path, is_in_git });
            }
        }
        Ok(())
    }

    /// A directory with something in it has to be writable, or to be made so by its owner.
    fn judge_folder(&mut self, directory: &OwnedFd, own: &Entry, path: &Path) {
        let user = nix::unistd::geteuid();
        if own.is_immutable {
            self.obstacle(path, "is immutable (chattr)");
        } else if own.uid != user.as_raw() && !user.is_root() && !is_writable(directory) {
            self.obstacle(path, &format!("belongs to uid {} and is not writable", own.uid));
        }
    }

    fn judge_entry(&mut self, folder: &Entry, entry: &Entry, path: &Path) {
        let user = nix::unistd::geteuid();
        let is_mine = |one: &Entry| one.uid == user.as_raw() || user.is_root();
        if entry.is_mount_point {
            self.obstacle(path, "is a mount point");
        } else if entry.is_immutable {
            self.obstacle(path, "is immutable (chattr)");
        } else if folder.mode & STICKY != 0 && !is_mine(folder) && !is_mine(entry) {
            self.obstacle(path, &format!("belongs to uid {} in a sticky directory", entry.uid));
        }
    }

    fn obstacle(&mut self, path: &Path, what: &str) {
        if self.obstacles.len() < OBSTACLES_MAX {
            let name = if path.as_os_str().is_empty() { Path::new(".") } else { path }.display();
            self.obstacles.push(format!("`{name}` {what}"));
        }
    }
}

/// A directory that has not been looked into.
struct Folder {
    path: PathBuf,
    /// It is part of a repository's own files.
    is_in_git: bool,
}

/// Opens a directory below another one, however long the path is: no link, no mount, no way out.
fn open_below(top: BorrowedFd<'_>, path: &Path) -> Result<OwnedFd, Errno> {
    let how = OpenHow::new()
        .flags(OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC)
        .resolve(strictly());
    let mut parts = path.components().peekable();
    let mut directory: Option<OwnedFd> = None;
    loop {
        let mut chunk = PathBuf::new();
        while let Some(part) = parts.peek() {
            if chunk.as_os_str().len() + part.as_os_str().len() > OPENED_BYTES_MAX {
                break;
            }
            chunk.push(part);
            parts.next();
        }
        if chunk.as_os_str().is_empty() {
            chunk.push(".");
        }
        let from = directory.as_ref().map_or(top, |directory| directory.as_fd());
        directory = Some(openat2(from, &chunk, how)?);
        if parts.peek().is_none() {
            return directory.ok_or(Errno::ENOENT);
        }
    }
}

/// Names of everything in an open directory.
pub fn names_in(directory: &OwnedFd) -> io::Result<Vec<OsString>> {
    let path = format!("/proc/self/fd/{}", directory.as_raw_fd());
    std::fs::read_dir(path)?.map(|entry| Ok(entry?.file_name())).collect()
}

fn is_writable(directory: &OwnedFd) -> bool {
    let path = format!("/proc/self/fd/{}", directory.as_raw_fd());
    let needed = AccessFlags::W_OK | AccessFlags::X_OK;
    faccessat(nix::fcntl::AT_FDCWD, path.as_str(), needed, AtFlags::AT_EACCESS).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn survey(path: &Path) -> Survey {
        Survey::of(&OwnedFd::from(std::fs::File::open(path).unwrap())).unwrap()
    }

    #[test]
    fn repositories_are_found_at_any_depth_and_a_repositorys_own_files_are_none() {
        let temp = tempfile::tempdir().unwrap();
        assert!(survey(temp.path()).is_empty);
        let mut deep = PathBuf::new();
        for _ in 0..400 {
            deep.push("0123456789");
        }
        // Longer than any path that one call takes.
        let mut made = std::fs::File::open(temp.path()).unwrap();
        for part in deep.components() {
            let mode = nix::sys::stat::Mode::S_IRWXU;
            nix::sys::stat::mkdirat(&made, part.as_os_str(), mode).unwrap();
            let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY;
            let mode = nix::sys::stat::Mode::empty();
            made = nix::fcntl::openat(&made, part.as_os_str(), flags, mode).unwrap().into();
        }
        let mode = nix::sys::stat::Mode::S_IRWXU;
        nix::sys::stat::mkdirat(&made, ".git", mode).unwrap();
        for path in ["bare/objects", "bare/refs", "bare/HEAD", "sub/.git/modules/x/objects"] {
            std::fs::create_dir_all(temp.path().join(path)).unwrap();
        }
        for path in ["sub/.git/modules/x/refs", "sub/.git/modules/x/HEAD", ".git", "plain/objects"]
        {
            std::fs::create_dir_all(temp.path().join(path)).unwrap();
        }
        let found = survey(temp.path());
        let expected = [
            Nested::Checkout(deep),
            Nested::Checkout(PathBuf::from("sub")),
            Nested::Bare(PathBuf::from("bare")),
        ];
        assert_eq!(found.nested, expected);
        assert!(!found.is_empty && found.obstacles.is_empty(), "{found:?}");
    }
}
