//! Resolution of a path: its innermost existing directory, links resolved, with device and inode.
//!
//! Nothing is opened or read. A look may hang (a file system whose server is gone), so it is for threads that may wait. An error
//! says either that the path is no directory and cannot become one, or that nobody can tell; only the first is an answer.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

use crate::os::failure::in_words;
use crate::os::workspaces::marked::FileIdentity;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundLocation {
    /// The innermost directory that is there.
    pub anchor: PathBuf,
    /// What it is.
    pub identity: FileIdentity,
    /// Names below it that are not there, outermost first.
    pub missing: Vec<String>,
    /// What the directories above the anchor are, nearest first.
    pub above: Vec<FileIdentity>,
}

/// Why a look found no place.
#[derive(Debug)]
pub enum LookError {
    /// The path leads to no directory, and none can be made there.
    Broken {
        /// One line: what is wrong with it.
        problem: String,
        /// The kernel's error number, when it gave one.
        errno: Option<i32>,
    },
    /// Unknown where it leads.
    Unknown(io::Error),
}

/// What a look in another process has brought, as that prints it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A place.
    Found(FoundLocation),
    /// None, and none can be made.
    Broken {
        /// See [`LookError::Broken`].
        problem: String,
        /// See [`LookError::Broken`].
        errno: Option<i32>,
    },
    /// Unknown.
    Unknown {
        /// The kernel's error number; 0 when there was none.
        errno: i32,
    },
}

impl LookError {
    /// Whether another user may see more.
    pub fn is_for_want_of_rights(&self) -> bool {
        match self {
            Self::Unknown(error) => error.kind() == io::ErrorKind::PermissionDenied,
            Self::Broken { .. } => false,
        }
    }

    fn broken(problem: &str, errno: Option<Errno>) -> Self {
        let errno = errno.map(|errno| errno as i32);
        Self::Broken { problem: problem.to_owned(), errno }
    }
}

impl Outcome {
    /// What [`look_at`] has brought.
    pub fn of(found: Result<FoundLocation, LookError>) -> Self {
        match found {
            Ok(found) => Self::Found(found),
            Err(LookError::Broken { problem, errno }) => Self::Broken { problem, errno },
            Err(LookError::Unknown(error)) => {
                Self::Unknown { errno: error.raw_os_error().unwrap_or_default() }
            }
        }
    }

    /// The same, as [`look_at`] says it.
    ///
    /// # Errors
    /// [`LookError`].
    pub fn into_result(self) -> Result<FoundLocation, LookError> {
        match self {
            Self::Found(found) => Ok(found),
            Self::Broken { problem, errno } => Err(LookError::Broken { problem, errno }),
            Self::Unknown { errno } => Err(LookError::Unknown(io::Error::from_raw_os_error(errno))),
        }
    }
}

/// Looks where an absolute path leads.
///
/// # Errors
/// [`LookError`].
pub fn look_at(path: &Path) -> Result<FoundLocation, LookError> {
    if !path.is_absolute() {
        return Err(LookError::broken("the path is not absolute", None));
    }
    let mut there = path.to_owned();
    let mut missing = Vec::new();
    loop {
        match std::fs::canonicalize(&there) {
            Ok(anchor) => {
                missing.reverse();
                return found(anchor, missing);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(judged(error)),
        }
        match std::fs::symlink_metadata(&there) {
            Ok(_link) => {
                return Err(LookError::broken("a link in the path is broken", Some(Errno::ENOENT)));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(judged(error)),
        }
        let Some(Component::Normal(name)) = there.components().next_back() else {
            return Err(LookError::broken(
                "`..` follows a directory that does not exist",
                Some(Errno::ENOENT),
            ));
        };
        let name =
            name.to_str().ok_or_else(|| LookError::broken("the path is not valid UTF-8", None))?;
        missing.push(name.to_owned());
        if !there.pop() {
            return Err(LookError::broken("the path does not exist", Some(Errno::ENOENT)));
        }
    }
}

fn found(anchor: PathBuf, missing: Vec<String>) -> Result<FoundLocation, LookError> {
    let directory = std::fs::metadata(&anchor).map_err(judged)?;
    if !directory.is_dir() {
        return Err(LookError::broken("it is not a directory", Some(Errno::ENOTDIR)));
    }
    let identity =
        |found: &std::fs::Metadata| FileIdentity { device: found.dev(), inode: found.ino() };
    let above = anchor
        .ancestors()
        .skip(1)
        .map(|parent| std::fs::metadata(parent).map(|found| identity(&found)))
        .collect::<io::Result<_>>()
        .map_err(judged)?;
    Ok(FoundLocation { identity: identity(&directory), anchor, missing, above })
}

/// Whether an error is about the path itself, which then is no directory, or leaves open what it is.
fn judged(error: io::Error) -> LookError {
    let errno = error.raw_os_error().map(Errno::from_raw);
    match errno {
        Some(errno @ (Errno::ENOTDIR | Errno::ELOOP | Errno::ENAMETOOLONG | Errno::EINVAL)) => {
            LookError::broken(&in_words(&errno.into()), Some(errno))
        }
        // A zero byte.
        None if error.kind() == io::ErrorKind::InvalidInput => {
            LookError::broken("the path contains a NUL byte", None)
        }
        // Of a path that was there a moment ago.
        Some(_) | None => LookError::Unknown(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_leads_to_the_same_place() {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("x/y")).unwrap();
        std::os::unix::fs::symlink(root.join("x"), root.join("link")).unwrap();
        let expected = look_at(&root.join("x/y")).unwrap();
        assert_eq!(
            (expected.anchor.as_path(), expected.missing.len()),
            (root.join("x/y").as_path(), 0)
        );
        assert_eq!(expected.above.len(), expected.anchor.components().count() - 1);
        assert_eq!(expected.above[0], look_at(&root.join("x")).unwrap().identity);
        for spelling in ["x/../x/y", "link/y", "link/./y/", "x/y/../../link/y"] {
            assert_eq!(look_at(&root.join(spelling)).unwrap(), expected, "{spelling}");
        }
        let missing = look_at(&root.join("link/new/deep")).unwrap();
        assert_eq!(
            (missing.anchor, missing.missing),
            (root.join("x"), vec!["new".into(), "deep".into()])
        );
    }

    #[test]
    fn what_is_no_directory_is_broken() {
        let temp = tempfile::tempdir().unwrap();
        std::fs::write(temp.path().join("file"), "").unwrap();
        std::os::unix::fs::symlink("nowhere", temp.path().join("dangling")).unwrap();
        std::os::unix::fs::symlink("circle", temp.path().join("circle")).unwrap();
        let long = "x".repeat(300);
        for path in
            ["file", "file/x", "dangling", "dangling/x", "not/../there", "circle", "\0", &long]
        {
            let seen = look_at(&temp.path().join(path));
            assert!(matches!(seen, Err(LookError::Broken { .. })), "{path}: {seen:?}");
        }
        assert!(matches!(look_at(Path::new("relative")), Err(LookError::Broken { .. })));
    }

    #[test]
    fn errors_of_the_one_who_looks_or_of_the_file_system_leave_it_open() {
        for errno in [
            Errno::EACCES,
            Errno::EPERM,
            Errno::EIO,
            Errno::ESTALE,
            Errno::ENOTCONN,
            Errno::ETIMEDOUT,
            Errno::ENOMEM,
            Errno::EMFILE,
            Errno::ENOENT,
            Errno::EHOSTDOWN,
        ] {
            let seen = judged(errno.into());
            assert!(matches!(seen, LookError::Unknown(_)), "{errno}: {seen:?}");
        }
    }

    #[test]
    fn what_another_process_sees_reads_as_it_was_printed() {
        let here = look_at(Path::new("/")).unwrap();
        let printed = serde_json::to_string(&Outcome::of(Ok(here.clone()))).unwrap();
        let read: Outcome = serde_json::from_str(&printed).unwrap();
        assert_eq!(read.into_result().unwrap(), here);
        let denied = Outcome::of(Err(LookError::Unknown(Errno::EACCES.into())));
        assert!(denied.into_result().unwrap_err().is_for_want_of_rights());
    }
}
