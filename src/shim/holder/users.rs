//! The file of users that workers may run as: one login name per line, `#` begins a comment.
//!
//! It is read at each start, so that a change needs no restart, and believed only when nobody but root can have written it: the
//! file and every directory above it belong to root and are not writable by anybody else (a sticky directory like `/tmp` is, but
//! nobody can replace what root has in it).

use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use nix::fcntl::OFlag;

/// Longest file that is read, bytes.
const BYTES_MAX: u64 = 64 * 1024;

/// Bits of a mode that let others than the owner write.
const OTHERS_WRITE: u32 = 0o022;

/// Bit of a directory in which everybody removes only what is their own.
const STICKY: u32 = 0o1000;

/// The names in the file.
///
/// # Errors
/// Why it cannot be read or believed, in one line.
pub fn allowed(path: &Path) -> Result<Vec<String>, String> {
    let shown = path.display();
    let flags = (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)
        .map_err(|error| format!("cannot read {shown}: {error}"))?;
    let found = file.metadata().map_err(|error| format!("{shown}: {error}"))?;
    if !found.is_file() {
        return Err(format!("{shown} is not a file"));
    }
    if found.uid() != 0 || found.mode() & OTHERS_WRITE != 0 {
        return Err(format!("{shown} must belong to root and be writable by no other user"));
    }
    for above in path.ancestors().skip(1) {
        let found =
            std::fs::metadata(above).map_err(|error| format!("{}: {error}", above.display()))?;
        let is_open = found.mode() & OTHERS_WRITE != 0 && found.mode() & STICKY == 0;
        if found.uid() != 0 || is_open {
            return Err(format!(
                "{}, above {shown}, must belong to root and be writable by no other user",
                above.display()
            ));
        }
    }
    Ok(names(&read(file).map_err(|error| format!("cannot read {shown}: {error}"))?))
}

fn read(file: File) -> std::io::Result<String> {
    let mut text = String::new();
    file.take(BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

fn names(text: &str) -> Vec<String> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    lines.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_name_stands_in_a_line_of_its_own() {
        let text = "# who\nkanban-agent\n\n  ann # a person\n#bob\n";
        assert_eq!(names(text), ["kanban-agent", "ann"]);
    }

    #[test]
    fn a_file_that_others_can_write_is_not_believed() {
        if !nix::unistd::geteuid().is_root() {
            eprintln!("skipped: only root can make a file of root's");
            return;
        }
        let temp = tempfile::tempdir().unwrap();
        let set = |path: &Path, mode: u32| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        let path = temp.path().join("users");
        assert!(allowed(&path).unwrap_err().contains("cannot read "));
        std::fs::write(&path, "ann\n").unwrap();
        set(&path, 0o644);
        assert_eq!(allowed(&path), Ok(vec!["ann".to_owned()]));
        for mode in [0o664, 0o646] {
            set(&path, mode);
            assert!(allowed(&path).unwrap_err().contains("no other user"), "{mode:o}");
        }
        set(&path, 0o644);
        let link = temp.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(allowed(&link).is_err(), "a link is not followed");
        std::os::unix::fs::chown(&path, Some(5), None).unwrap();
        assert!(allowed(&path).is_err(), "another's file");
        std::os::unix::fs::chown(&path, Some(0), None).unwrap();
        set(temp.path(), 0o777);
        assert!(allowed(&path).unwrap_err().contains("above"), "another could replace it");
        set(temp.path(), 0o1777);
        assert!(allowed(&path).is_ok(), "what root has in a sticky directory stays root's");
        set(temp.path(), 0o700);
        std::os::unix::fs::chown(temp.path(), Some(5), None).unwrap();
        assert!(allowed(&path).is_err(), "its owner could replace it");
    }
}
