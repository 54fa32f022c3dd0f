//! Which files belong to a home of kanband, so that no command writes over one of them.
//!
//! A home is recognized by what lies in it: a directory with an `install_id`, whatever it is called and however it is reached. Files
//! of a home that lie elsewhere (a configuration, a database behind a link) are recognized by device and inode.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

/// What makes a directory a home.
const INSTALL_ID: &str = "install_id";

/// Files of a home by their whole name.
const FILES: [&str; 4] = ["lock", INSTALL_ID, "disk.reserve", "kanband.toml"];

/// Files of the board on the web: its sessions, the port of last time, and what is on its way into their places.
const WEB_FILES: [&str; 3] = ["web-sessions.json", "web-sessions.json.new", "web-port"];

/// Files of a home by how their names begin: the board with its journals and kept copies, the search index, the sockets, what is
/// on its way in or out.
const BEGINNINGS: [&str; 5] =
    ["kanban.db", "kanban.search.db", "kanband.sock", ".backup-", ".restore-"];

/// Directories of which everything is the daemon's.
const DIRECTORIES: [&str; 5] = ["runs", "logs", "attachments", "share", "conf.d"];

/// The directory whose members are the daemon's, while what is in them is the workers'.
const WORKSPACES: &str = "workspaces";

/// A file that a command is not to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HomeFile {
    /// The file, by its own name in its home.
    pub path: PathBuf,
    /// The home; none for a file that a home uses and that lies elsewhere.
    pub home: Option<PathBuf>,
}

/// Names of the databases of a home; a journal's name begins with one of them.
const DATABASES: [&str; 2] = ["kanban.db", "kanban.search.db"];

/// Whether a file in a home's top directory is one that kanband made, by its exact name. A configuration is not: people write it.
pub fn is_made_file(name: &str) -> bool {
    if ["lock", INSTALL_ID, "disk.reserve"].contains(&name) || WEB_FILES.contains(&name) {
        return true;
    }
    let Some(rest) = DATABASES.iter().find_map(|database| name.strip_prefix(database)) else {
        return false;
    };
    let journal = ["-wal", "-shm", "-journal"].iter().find_map(|ending| rest.strip_suffix(ending));
    let copy = journal.unwrap_or(rest);
    copy.is_empty() || is_kept_copy(copy)
}

/// `.v8`, `.v8.2`, `.v8.new`, `.before-restore`, `.before-restore.2`.
fn is_kept_copy(ending: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    let parts: Vec<&str> = ending.split('.').collect();
    let (kind, number) = match parts[..] {
        ["", kind] => (kind, None),
        ["", kind, number] => (kind, Some(number)),
        _ => return false,
    };
    let is_version = kind.strip_prefix('v').is_some_and(is_number);
    let is_kind = is_version || kind == "before-restore";
    is_kind && number.is_none_or(|number| is_number(number) || is_version && number == "new")
}

/// What the installation of a home is called; none when its file is not there or does not say.
pub fn installation(home: &Path) -> Option<String> {
    let text = std::fs::read_to_string(home.join(INSTALL_ID)).ok()?;
    let is_word = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric());
    Some(text.trim().to_owned()).filter(|text| is_word(text))
}

/// What is known of homes before a look.
#[derive(Debug, Clone, Default)]
pub struct KnownHomes {
    /// Directories that are homes whatever lies in them.
    pub homes: Vec<PathBuf>,
    /// Files that a home uses wherever they lie.
    pub files: Vec<PathBuf>,
}

/// Whether a path below a home, relative to it, is kanband's.
pub fn is_own(relative: &Path) -> bool {
    let mut names = relative.components().filter_map(|part| match part {
        Component::Normal(name) => name.to_str(),
        _ => None,
    });
    let Some(first) = names.next() else { return true };
    let depth = 1 + names.clone().count();
    match first {
        // A mark begins with a dot.
        WORKSPACES => depth <= 2 || names.next().is_some_and(|name| name.starts_with('.')),
        _ if DIRECTORIES.contains(&first) => true,
        _ => {
            depth == 1
                && (FILES.contains(&first)
                    || WEB_FILES.contains(&first)
                    || BEGINNINGS.iter().any(|with| first.starts_with(with)))
        }
    }
}

/// The file of a home that writing `target` would touch; none when there is none. What is not there yet counts by the name that
/// it would get.
///
/// # Errors
/// The directory of `target` cannot be looked at.
pub fn home_file_at(target: &Path, known: &KnownHomes) -> io::Result<Option<HomeFile>> {
    let homes: Vec<PathBuf> =
        known.homes.iter().filter_map(|home| home.canonicalize().ok()).collect();
    let is_home = |directory: &Path| {
        let is_known = || homes.iter().any(|home| home == directory);
        directory.join(INSTALL_ID).symlink_metadata().is_ok() || is_known()
    };
    for path in places_of(target)? {
        for directory in path.ancestors().skip(1) {
            if let Ok(relative) = path.strip_prefix(directory)
                && is_home(directory)
                && is_own(relative)
            {
                return Ok(Some(HomeFile { home: Some(directory.to_owned()), path }));
            }
        }
    }
    let Ok(found) = std::fs::metadata(target) else { return Ok(None) };
    let is_same = |used: &Metadata| (used.dev(), used.ino()) == (found.dev(), found.ino());
    let same =
        known.files.iter().find(|path| std::fs::metadata(path).is_ok_and(|used| is_same(&used)));
    Ok(same.map(|path| HomeFile { home: None, path: path.clone() }))
}

/// Where `target` is and where it leads: its name in its real directory, and the file behind a link.
fn places_of(target: &Path) -> io::Result<Vec<PathBuf>> {
    let target = std::path::absolute(target)?;
    let mut locations = Vec::new();
    if let (Some(parent), Some(name)) = (target.parent(), target.file_name()) {
        locations.push(real_directory(parent)?.join(name));
    }
    match target.canonicalize() {
        Ok(real) if !locations.contains(&real) => locations.push(real),
        // A link that leads nowhere yet makes a file where it points to.
        Err(_) => locations.extend(link_target(&target)),
        Ok(_) => {}
    }
    Ok(locations)
}

/// A directory without links on the way to it, as far as it is there.
fn real_directory(directory: &Path) -> io::Result<PathBuf> {
    match (directory.canonicalize(), directory.parent(), directory.file_name()) {
        (Err(error), Some(parent), Some(name)) if error.kind() == io::ErrorKind::NotFound => {
            Ok(real_directory(parent)?.join(name))
        }
        (found, _, _) => found,
    }
}

fn link_target(link: &Path) -> Option<PathBuf> {
    let target = link.parent()?.join(std::fs::read_link(link).ok()?);
    Some(target.parent()?.canonicalize().ok()?.join(target.file_name()?))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_is_kanbands_in_a_home_is_told_by_its_name() {
        for (path, expected) in [
            ("", true),
            ("kanban.db", true),
            ("kanban.db-wal", true),
            ("kanban.db-journal", true),
            ("kanban.db.v8", true),
            ("kanban.db.before-restore", true),
            ("kanban.search.db-shm", true),
            ("lock", true),
            ("install_id", true),
            ("web-sessions.json", true),
            ("disk.reserve", true),
            ("kanband.toml", true),
            ("kanband.sock.worker", true),
            (".backup-0123", true),
            ("runs", true),
            ("runs/7/spec", true),
            ("logs/t_1/1.log", true),
            ("attachments/t_1/x", true),
            ("conf.d/base.toml", true),
            ("share/skills/x/SKILL.md", true),
            ("workspaces", true),
            ("workspaces/t_1", true),
            ("workspaces/.marks/t_1", true),
            ("workspaces/t_1/report.pdf", false),
            ("backups/kanban-20260501T031500Z.db", false),
            ("backups/kanban.db", false),
            ("board.db", false),
            ("e.jsonl", false),
            ("skills/mine/SKILL.md", false),
        ] {
            assert_eq!(is_own(Path::new(path)), expected, "{path}");
        }
    }

    #[test]
    fn what_kanband_made_is_told_from_what_only_sounds_like_it() {
        for (name, expected) in [
            ("kanban.db", true),
            ("kanban.db-wal", true),
            ("kanban.db-journal", true),
            ("kanban.db.v8", true),
            ("kanban.db.v10.2", true),
            ("kanban.db.v8.new", true),
            ("kanban.db.before-restore", true),
            ("kanban.db.before-restore.3-wal", true),
            ("kanban.search.db-shm", true),
            ("lock", true),
            ("kanban.db.notes", false),
            ("kanban.db.v", false),
            ("kanban.db.v8.old", false),
            ("kanban.db.before-restore.new", false),
            ("kanban.dbx", false),
            ("kanband.toml", false),
            ("kanband.sock", false),
            ("mine.db", false),
        ] {
            assert_eq!(is_made_file(name), expected, "{name}");
        }
    }

    #[test]
    fn a_file_of_a_home_is_known_by_whatever_way_it_is_reached() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let home = root.join("home");
        std::fs::create_dir_all(home.join("runs/7")).unwrap();
        std::fs::create_dir_all(root.join("elsewhere")).unwrap();
        for name in ["install_id", "kanban.db"] {
            std::fs::write(home.join(name), "x").unwrap();
        }
        let elsewhere = |name: &str| root.join("elsewhere").join(name);
        symlink(&home, root.join("linked")).unwrap();
        symlink(home.join("kanban.db"), elsewhere("link")).unwrap();
        symlink(home.join("kanban.db-journal"), elsewhere("dangling")).unwrap();
        symlink("../home/lock", elsewhere("relative")).unwrap();
        std::fs::hard_link(home.join("kanban.db"), elsewhere("hard")).unwrap();
        let files = vec![home.join("kanban.db"), elsewhere("kanband.toml")];
        std::fs::write(&files[1], "").unwrap();
        let known = KnownHomes { homes: vec![elsewhere("new")], files };
        std::fs::create_dir(elsewhere("new")).unwrap();
        for (target, expected) in [
            (home.join("kanban.db"), true),
            (home.join("kanban.db-journal"), true),
            (home.join("runs/../kanban.db"), true),
            (home.join("runs/7/out.db"), true),
            (root.join("linked/kanban.db"), true),
            (elsewhere("link"), true),
            (elsewhere("dangling"), true),
            (elsewhere("relative"), true),
            (elsewhere("hard"), true),
            (elsewhere("kanband.toml"), true),
            (elsewhere("new/kanban.db"), true),
            (elsewhere("kanban.db"), false),
            (home.join("board.db"), false),
        ] {
            let found = home_file_at(&target, &known).unwrap();
            assert_eq!(found.is_some(), expected, "{}: {found:?}", target.display());
        }
        assert_eq!(home_file_at(&root.join("none/x"), &known).unwrap(), None);
        assert!(home_file_at(&root.join("linked/runs/9/deep/x"), &known).unwrap().is_some());
    }
}
