//! The owner of a flock(2), from the kernel's list. Asking for the lock instead would hold it for a moment, and a daemon that
//! starts in that moment would take itself for the second one.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use nix::sys::stat::{major, minor};

const LOCKS: &str = "/proc/locks";

/// A file as the list names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Listed {
    major: u64,
    minor: u64,
    inode: u64,
}

/// PID of a process that holds an exclusive flock(2) on one of `files`; none when nobody does, as far as the list tells: it
/// leaves out holders in other PID namespaces.
///
/// # Errors
/// `/proc/locks` cannot be read.
pub fn lock_owner(files: &[&Path]) -> io::Result<Option<i32>> {
    let wanted: Vec<Listed> = files
        .iter()
        .filter_map(|path| std::fs::metadata(path).ok())
        .map(|found| Listed {
            major: major(found.dev()),
            minor: minor(found.dev()),
            inode: found.ino(),
        })
        .collect();
    if wanted.is_empty() {
        return Ok(None);
    }
    let list = std::fs::read_to_string(LOCKS)?;
    Ok(list.lines().filter_map(read_line).find_map(|(pid, file)| {
        let is_wanted = wanted.contains(&file);
        is_wanted.then_some(pid)
    }))
}

/// Holder and file of a line about a held, exclusive flock. One that waits has `->` behind its number.
fn read_line(line: &str) -> Option<(i32, Listed)> {
    let mut words = line.split_ascii_whitespace().skip(1);
    if words.next()? != "FLOCK" || words.nth(1)? != "WRITE" {
        return None;
    }
    let pid = words.next()?.parse().ok().filter(|pid| *pid > 0)?;
    let mut file = words.next()?.split(':');
    let listed = Listed {
        major: u64::from_str_radix(file.next()?, 16).ok()?,
        minor: u64::from_str_radix(file.next()?, 16).ok()?,
        inode: file.next()?.parse().ok()?,
    };
    Some((pid, listed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::run_files::lock::try_lock;

    #[test]
    fn only_lines_about_held_exclusive_flocks_are_read() {
        let file = Listed { major: 0xfe, minor: 1, inode: 58 };
        for (line, expected) in [
            ("2: FLOCK  ADVISORY  WRITE 12729 fe:01:58 0 EOF", Some((12729, file))),
            ("1: -> FLOCK  ADVISORY  WRITE 11899 fe:01:58 0 EOF", None),
            ("4: FLOCK  ADVISORY  READ 12492 fe:01:58 0 EOF", None),
            ("5: POSIX  ADVISORY  WRITE 12492 fe:01:58 0 EOF", None),
            ("6: FLOCK  ADVISORY  WRITE 0 fe:01:58 0 EOF", None),
            ("7: FLOCK  ADVISORY  WRITE -1 <none>:0 0 EOF", None),
            ("", None),
        ] {
            assert_eq!(read_line(line), expected, "{line}");
        }
    }

    #[test]
    fn the_holder_of_a_lock_is_found_and_nobody_after_it() {
        let temp = tempfile::tempdir().unwrap();
        let (path, other) = (temp.path().join("lock"), temp.path().join("other"));
        std::fs::write(&other, "").unwrap();
        let held = try_lock(&path).unwrap().unwrap();
        let me = i32::try_from(std::process::id()).unwrap();
        assert_eq!(lock_owner(&[&other, &path]).unwrap(), Some(me));
        assert_eq!(lock_owner(&[&other, temp.path()]).unwrap(), None);
        drop(held);
        assert_eq!(lock_owner(&[&path]).unwrap(), None);
        assert_eq!(lock_owner(&[&temp.path().join("missing")]).unwrap(), None);
    }
}
