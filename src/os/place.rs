//! What a path leads to: its innermost directory that is there, links resolved, with device and inode.
//!
//! Nothing is opened or read. A look may still hang (a file system whose server is gone), so [`look_at_all`] looks from
//! threads of its own and does not wait for ever.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use crate::os::workspaces::FileIdentity;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundPlace {
    /// The innermost directory that is there.
    pub anchor: PathBuf,
    /// What it is.
    pub identity: FileIdentity,
    /// Names below it that are not there, outermost first.
    pub missing: Vec<String>,
}

/// Looks where an absolute path leads.
///
/// # Errors
/// It leads to something that is no directory, a part of it may not be looked at, a link in it leads nowhere, or `..` stands
/// behind a part that is not there.
pub fn look_at(path: &Path) -> io::Result<FoundPlace> {
    if !path.is_absolute() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut there = path.to_owned();
    let mut missing = Vec::new();
    loop {
        match std::fs::canonicalize(&there) {
            Ok(anchor) => {
                let found = std::fs::metadata(&anchor)?;
                if !found.is_dir() {
                    return Err(io::ErrorKind::NotADirectory.into());
                }
                let identity = FileIdentity { device: found.dev(), inode: found.ino() };
                missing.reverse();
                return Ok(FoundPlace { anchor, identity, missing });
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        if std::fs::symlink_metadata(&there).is_ok() {
            return Err(io::ErrorKind::NotFound.into()); // a link that leads nowhere
        }
        let Some(Component::Normal(name)) = there.components().next_back() else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        missing.push(name.to_str().ok_or(io::ErrorKind::InvalidInput)?.to_owned());
        if !there.pop() {
            return Err(io::ErrorKind::NotFound.into());
        }
    }
}

/// Looks at every path; none for those that could not be looked at within `patience`.
pub fn look_at_all(paths: Vec<String>, patience: Duration) -> BTreeMap<String, Option<FoundPlace>> {
    let mut found: BTreeMap<String, Option<FoundPlace>> =
        paths.into_iter().map(|path| (path, None)).collect();
    let (sender, answers) = channel();
    let mut asked = 0;
    for path in found.keys().cloned() {
        let sender = sender.clone();
        let look = move || {
            let answer = look_at(Path::new(&path)).ok();
            // Nobody listens any more when it took too long.
            drop(sender.send((path, answer)));
        };
        asked += usize::from(std::thread::Builder::new().name("look".into()).spawn(look).is_ok());
    }
    let until = Instant::now() + patience;
    while asked > 0 {
        let left = until.saturating_duration_since(Instant::now());
        let Ok((path, answer)) = answers.recv_timeout(left) else { break };
        found.insert(path, answer);
        asked -= 1;
    }
    found
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
    fn what_cannot_be_judged_is_an_error() {
        let temp = tempfile::tempdir().unwrap();
        std::fs::write(temp.path().join("file"), "").unwrap();
        std::os::unix::fs::symlink("nowhere", temp.path().join("dangling")).unwrap();
        for path in ["file", "file/x", "dangling", "dangling/x", "not/../there"] {
            assert!(look_at(&temp.path().join(path)).is_err(), "{path}");
        }
        assert!(look_at(Path::new("relative")).is_err());
        let all = look_at_all(
            vec![temp.path().display().to_string(), "/no/such\0path".to_owned()],
            Duration::from_secs(60),
        );
        assert_eq!(all.values().filter(|found| found.is_some()).count(), 1);
    }
}
