//! The programs of `hooks.d`, as far as nobody else can have put them there.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Bits of a mode that let others than the owner write.
const OTHERS_WRITE: u32 = 0o022;

/// Bits of a mode that let a user execute.
const EXECUTE: u32 = 0o111;

/// A program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookFile {
    /// The name of its file.
    pub name: String,
    /// Its path.
    pub path: PathBuf,
}

/// What a directory of programs holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HookFiles {
    /// Programs, by name.
    pub hooks: Vec<HookFile>,
    /// What is left out, each as one line with its reason.
    pub left_out: Vec<String>,
}

/// The executable files of `folder`. They and the folder have to belong to root or to the user `owner`, and to be writable by nobody
/// else. A folder that is not there holds none.
pub fn look(folder: &Path, owner: u32) -> HookFiles {
    let mut found = HookFiles::default();
    let is_there = match problem_of(folder, owner) {
        Ok(None) => true,
        Ok(Some(problem)) => {
            found.left_out.push(format!("{}: {problem}", folder.display()));
            false
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => {
            found.left_out.push(format!("{}: {error}", folder.display()));
            false
        }
    };
    let entries = std::fs::read_dir(folder).into_iter().filter(|_| is_there).flatten();
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        let is_executable = std::fs::metadata(&path)
            .is_ok_and(|found| found.is_file() && found.mode() & EXECUTE != 0);
        if name.starts_with('.') || !is_executable {
            continue;
        }
        match problem_of(&path, owner) {
            Ok(None) if is_plain(&name) => found.hooks.push(HookFile { name, path }),
            Ok(None) => found
                .left_out
                .push(format!("{}: the name of a hook takes a-z, 0-9, ., - and _", path.display())),
            Ok(Some(problem)) => found.left_out.push(format!("{}: {problem}", path.display())),
            Err(error) => found.left_out.push(format!("{}: {error}", path.display())),
        }
    }
    found
}

fn is_plain(name: &str) -> bool {
    let is_plain = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || "._-".contains(it);
    name.len() <= 64 && name.chars().all(is_plain)
}

fn problem_of(path: &Path, owner: u32) -> io::Result<Option<&'static str>> {
    let found = std::fs::symlink_metadata(path)?;
    if found.is_symlink() {
        // Who may write where it leads to is not known, and may change.
        return Ok(Some("is a symbolic link: put a script here that calls the program"));
    }
    let is_trusted = found.uid() == 0 || found.uid() == owner;
    if !is_trusted {
        return Ok(Some("belongs neither to root nor to the daemon's user"));
    }
    let is_open = found.mode() & OTHERS_WRITE != 0;
    Ok(is_open.then_some("is writable by other users than its owner"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn an_executable_file_is_a_hook_unless_others_may_have_written_it() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path().join("hooks.d");
        let me = std::fs::metadata(temp.path()).unwrap().uid();
        assert_eq!(look(&folder, me), HookFiles::default(), "there is none");
        std::fs::create_dir(&folder).unwrap();
        let set = |path: &Path, mode: u32| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        set(&folder, 0o755);
        for (name, mode) in [
            ("20-tell", 0o755),
            ("10-wake.sh", 0o700),
            ("notes", 0o644),
            (".hidden", 0o755),
            ("Upper", 0o755),
            ("open", 0o775),
        ] {
            std::fs::write(folder.join(name), "#!/bin/sh\n").unwrap();
            set(&folder.join(name), mode);
        }
        let found = look(&folder, me);
        let names: Vec<&str> = found.hooks.iter().map(|hook| hook.name.as_str()).collect();
        assert_eq!(names, ["10-wake.sh", "20-tell"]);
        let [upper, open] = found.left_out.as_slice() else { panic!("{found:?}") };
        assert!(upper.contains("takes a-z") && open.contains("writable"), "{found:?}");
        set(&folder, 0o777);
        let found = look(&folder, me);
        assert!(found.hooks.is_empty() && found.left_out.len() == 1, "{found:?}");
        set(&folder, 0o755);
        if me == 0 {
            std::os::unix::fs::chown(folder.join("20-tell"), Some(5), None).unwrap();
            assert_eq!(look(&folder, me).hooks.len(), 1, "another's file");
        }
    }
}
