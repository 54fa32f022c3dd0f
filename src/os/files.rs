//! Small checks of files.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Whether a regular file is there that is executable.
pub fn is_executable_file(path: &Path) -> bool {
    std::fs::metadata(path)
        .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

/// Where the system would find a program, as execvp(3) looks for it in the folders of `search_path`.
pub fn find_program(program: &str, search_path: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(PathBuf::from(program)).filter(|path| is_executable_file(path));
    }
    std::env::split_paths(search_path)
        .map(|folder| folder.join(program))
        .find(|path| is_executable_file(path))
}

/// The permission bits of a file's mode, of what a link leads to.
///
/// # Errors
/// stat(2) refuses.
pub fn permission_bits(path: &Path) -> std::io::Result<u32> {
    std::fs::metadata(path).map(|file| file.permissions().mode() & 0o777)
}

/// Who may read a file beside its owner and the group that it is meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Nobody.
    Nobody,
    /// The members of another group.
    Group(u32),
    /// Everybody.
    Everybody,
}

/// The group of this process.
pub fn own_group() -> u32 {
    nix::unistd::getegid().as_raw()
}

/// Who may read a file beside its owner, root, and the group `own_gid`: by its mode and those of the directories on the way to it.
///
/// # Errors
/// It cannot be looked at.
pub fn other_readers(path: &Path, own_gid: u32) -> std::io::Result<Readers> {
    let real = path.canonicalize()?;
    let file = std::fs::metadata(&real)?;
    let group = file.gid();
    let mut members = Readers::Nobody;
    if file.mode() & 0o004 != 0 {
        members = Readers::Everybody;
    } else if file.mode() & 0o040 != 0 {
        members = Readers::Group(group);
    }
    for directory in real.ancestors().skip(1) {
        let found = std::fs::metadata(directory)?;
        members = let_through(members, found.mode(), found.gid());
    }
    Ok(match members {
        Readers::Group(group) if group == own_gid || group == 0 => Readers::Nobody,
        Readers::Nobody | Readers::Group(_) | Readers::Everybody => members,
    })
}

/// Which of `readers` a directory with this mode and group lets through. Who is in two groups is in the one that is named.
fn let_through(readers: Readers, mode: u32, gid: u32) -> Readers {
    let (lets_all, lets_group) = (mode & 0o001 != 0, mode & 0o010 != 0);
    match readers {
        Readers::Nobody => Readers::Nobody,
        Readers::Everybody if lets_all => Readers::Everybody,
        Readers::Everybody if lets_group => Readers::Group(gid),
        Readers::Group(group) if lets_all && group != gid => readers,
        Readers::Group(group) if lets_group && group == gid => readers,
        Readers::Everybody | Readers::Group(_) => Readers::Nobody,
    }
}

/// What is seen of a file that holds a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialLook {
    /// There is none.
    Missing,
    /// Others than its owner have rights on it.
    Open {
        /// Its permissions.
        mode: u32,
    },
    /// Its owner alone has.
    Closed {
        /// When it was last written or put there, epoch milliseconds.
        written_at_ms: i64,
    },
    /// It cannot be looked at.
    Unknown,
}

/// Looks at a file that holds a secret, without opening it.
pub fn look_at_credential(path: &Path) -> CredentialLook {
    let found = match std::fs::metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return CredentialLook::Missing;
        }
        Err(_) => return CredentialLook::Unknown,
    };
    let mode = found.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return CredentialLook::Open { mode };
    }
    // One that was moved here keeps the time of its last write.
    let modified = (found.mtime(), found.mtime_nsec());
    let (seconds, nanoseconds) = modified.max((found.ctime(), found.ctime_nsec()));
    CredentialLook::Closed {
        written_at_ms: seconds.saturating_mul(1_000).saturating_add(nanoseconds / 1_000_000),
    }
}

/// Gives a file to a group, with this mode; false when the system has no such group, and nothing is changed then.
///
/// # Errors
/// chown(2) or chmod(2) refuses: only a member of the group, or root, may give to it.
pub fn give_to_group(path: &Path, group: &str, mode: u32) -> std::io::Result<bool> {
    let Some(group) = nix::unistd::Group::from_name(group)? else { return Ok(false) };
    std::os::unix::fs::chown(path, None, Some(group.gid.as_raw()))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    Ok(true)
}

/// Makes a new file that only its owner may read or write.
///
/// # Errors
/// When it is there, or cannot be made.
pub fn create_private(path: &Path) -> std::io::Result<std::fs::File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Puts a file that only its owner may read in the place of another, whole or not at all.
///
/// # Errors
/// It cannot be written; the old one is as it was then.
pub fn replace_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    // What a killed process has left of one.
    drop(std::fs::remove_file(&new));
    let mut file = create_private(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&new, path)
}

/// Makes a new file that only its owner may read, whole or not at all. `mark` is in the name that it has until it is whole, which
/// begins with a dot.
///
/// # Errors
/// Something of this name is there ([`std::io::ErrorKind::AlreadyExists`]), or it cannot be written.
pub fn add_private(path: &Path, bytes: &[u8], mark: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let new = path.with_file_name(format!(".{name}.{mark}"));
    let mut file = create_private(&new)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    let placed = written.and_then(|()| {
        // Unlike rename(2), it puts nothing in the place of another.
        let flags = nix::fcntl::RenameFlags::RENAME_NOREPLACE;
        let (from, to) = (nix::fcntl::AT_FDCWD, nix::fcntl::AT_FDCWD);
        Ok(nix::fcntl::renameat2(from, &new, to, path, flags)?)
    });
    if placed.is_err() {
        drop(std::fs::remove_file(&new));
        return placed;
    }
    match path.parent() {
        Some(folder) => std::fs::File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// Whether a user may open a socket file: by its owner, its group and its mode, as connect(2) asks them. `groups` are all of the
/// user's.
///
/// # Errors
/// The file cannot be looked at.
pub fn may_connect(socket: &Path, uid: u32, groups: &[u32]) -> std::io::Result<bool> {
    let file = std::fs::metadata(socket)?;
    Ok(lets_in(file.mode(), (file.uid(), file.gid()), (uid, groups)))
}

/// Whether a mode lets a user write. The first of owner, group and others that the user is counts, and no other.
fn lets_in(mode: u32, (owner, group): (u32, u32), (uid, groups): (u32, &[u32])) -> bool {
    let bit = if uid == owner {
        0o200
    } else if groups.contains(&group) {
        0o020
    } else {
        0o002
    };
    uid == 0 || mode & bit != 0
}

/// Makes a directory that only its owner may enter, with those above it, unless it is there.
///
/// # Errors
/// It cannot be made.
pub fn create_private_dirs(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().mode(0o700).recursive(true).create(path)
}

/// Makes a new directory that only its owner may enter.
///
/// # Errors
/// When it is there, or cannot be made.
pub fn create_private_dir(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().mode(0o700).create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_added_for_its_owner_alone_and_never_over_another() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("one.toml");
        add_private(&file, b"first", "1").unwrap();
        let again = add_private(&file, b"second", "2").unwrap_err();
        assert_eq!(again.kind(), std::io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&file).unwrap(), b"first");
        assert_eq!(permission_bits(&file).unwrap(), 0o600);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing half is left");
    }

    #[test]
    fn who_may_read_a_file_is_told_by_its_mode_and_its_directories() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("inner");
        std::fs::create_dir(&inner).unwrap();
        let file = inner.join("file");
        std::fs::write(&file, "").unwrap();
        let group = std::fs::metadata(&file).unwrap().gid();
        let set = |path: &Path, mode: u32| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        let other = Readers::Group(group);
        for (top, above, mode, expected) in [
            (0o755, 0o755, 0o644, Readers::Everybody),
            (0o711, 0o711, 0o644, Readers::Everybody),
            (0o755, 0o700, 0o644, Readers::Nobody),
            (0o700, 0o755, 0o644, Readers::Nobody),
            (0o755, 0o755, 0o640, other),
            (0o755, 0o750, 0o640, other),
            (0o755, 0o750, 0o644, other),
            (0o755, 0o755, 0o600, Readers::Nobody),
        ] {
            set(dir.path(), top);
            set(&inner, above);
            set(&file, mode);
            // Root's own group is nobody to be afraid of.
            let expected = if expected == other && group == 0 { Readers::Nobody } else { expected };
            let found = other_readers(&file, group + 1).unwrap();
            assert_eq!(found, expected, "{top:o} {above:o} {mode:o}");
        }
        set(&file, 0o640);
        set(&inner, 0o755);
        assert_eq!(other_readers(&file, group).unwrap(), Readers::Nobody, "its own group");
    }

    #[test]
    fn who_may_connect_is_told_by_owner_group_and_mode() {
        for (mode, uid, groups, expected) in [
            (0o600, 0, &[][..], true),
            (0o600, 5, &[], true),
            (0o600, 6, &[7], false),
            (0o660, 6, &[7], true),
            (0o660, 6, &[8], false),
            (0o060, 5, &[7], false),
            (0o666, 6, &[], true),
            (0o606, 6, &[7], false),
        ] {
            let found = lets_in(mode, (5, 7), (uid, groups));
            assert_eq!(found, expected, "{mode:o} {uid} {groups:?}");
        }
    }

    #[test]
    fn a_file_is_replaced_whole_and_is_its_owners_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(dir.path().join("file.new"), "left over").unwrap();
        for text in ["one", "two"] {
            replace_private(&path, text.as_bytes()).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
            assert_eq!(permission_bits(&path).unwrap(), 0o600);
        }
        assert!(!dir.path().join("file.new").exists());
    }
}
