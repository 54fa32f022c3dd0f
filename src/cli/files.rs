//! Files that a command writes atomically, so that none is ever incomplete.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::cli::failure::Failure;
use crate::config::{Ambient, Home, Sockets};
use crate::kernel::error::ErrorCode;
use crate::os::files::{create_private, create_private_dir, give_to_group};
use crate::os::home::files::{HomeFile, KnownHomes, home_file_at};
use crate::os::host::random::random_hex;

/// Mode of a new configuration file of the machine's service: its group reads it.
pub const SERVICE_MODE: u32 = 0o640;

/// A directory that nobody else may look into, removed at the end.
#[derive(Debug)]
pub struct PrivateDir {
    path: PathBuf,
    is_kept: bool,
}

impl PrivateDir {
    /// A new one where temporary files belong.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn new(prefix: &str) -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("{prefix}-{}", random_hex(8)?));
        create_private_dir(&path)?;
        Ok(Self { path, is_kept: false })
    }

    /// Path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves it where it is.
    pub fn keep(&mut self) {
        self.is_kept = true;
    }
}

impl Drop for PrivateDir {
    fn drop(&mut self) {
        if !self.is_kept {
            // What cannot be removed is readable by its owner only.
            drop(std::fs::remove_dir_all(&self.path));
        }
    }
}

/// A file that takes its name when it is whole.
#[derive(Debug)]
pub struct NewFile {
    target: PathBuf,
    staged: PathBuf,
    file: File,
    overwrite: Overwrite,
}

/// What becomes of a file that has the name already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overwrite {
    /// It stays: the new one is refused.
    Refuse,
    /// It is replaced.
    Allow,
}

impl NewFile {
    /// Where it is until it has its name.
    pub fn staged(&self) -> &Path {
        &self.staged
    }

    /// Begins one beside `target`, readable by its owner only.
    ///
    /// # Errors
    /// It is there, belongs to a home, or cannot be made.
    pub fn create(target: &Path, overwrite: Overwrite, ambient: &Ambient) -> Result<Self, Failure> {
        refuse_home_file(target, ambient)?;
        if overwrite == Overwrite::Refuse && target.symlink_metadata().is_ok() {
            return Err(is_there(target));
        }
        let Some(name) = target.file_name() else {
            return Err(Failure::usage(format!("{} is not a file name", target.display())));
        };
        if target.is_dir() {
            return Err(Failure::usage(format!("{} is a directory", target.display())));
        }
        let failed = |error| failed(target, &error);
        let mut staged_name = std::ffi::OsString::from(".");
        staged_name.push(name);
        staged_name.push(format!(".{}", random_hex(4).map_err(failed)?));
        let staged = target.with_file_name(staged_name);
        let file = create_private(&staged).map_err(failed)?;
        Ok(Self { target: target.to_owned(), staged, file, overwrite })
    }

    /// Lets everybody read it: it holds nothing of a board.
    ///
    /// # Errors
    /// The system refuses.
    pub fn let_all_read(&self) -> Result<(), Failure> {
        let mode = std::fs::Permissions::from_mode(0o644);
        self.file.set_permissions(mode).map_err(|error| failed(&self.target, &error))
    }

    /// Writes on.
    ///
    /// # Errors
    /// A full disk, for one.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.file.write_all(bytes).map_err(|error| failed(&self.target, &error))
    }

    /// Puts it on the disk under its name.
    ///
    /// # Errors
    /// Another process has taken the name, or the system refuses.
    pub fn finish(self) -> Result<(), Failure> {
        let failed = |error| failed(&self.target, &error);
        self.file.sync_all().map_err(failed)?;
        match self.overwrite {
            Overwrite::Allow => std::fs::rename(&self.staged, &self.target).map_err(failed),
            // A link never replaces; the other name goes when this value does.
            Overwrite::Refuse => match std::fs::hard_link(&self.staged, &self.target) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    Err(is_there(&self.target))
                }
                // A file system without links.
                Err(_) => std::fs::rename(&self.staged, &self.target).map_err(failed),
                Ok(()) => Ok(()),
            },
        }
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        // It is gone already when it was renamed.
        drop(std::fs::remove_file(&self.staged));
    }
}

/// Gives a configuration file another text, whole or not at all. It keeps its owner and its mode; a link stays one. A new one is for
/// its owner, and for `group` where the system has it: that is the service's, which has to read it.
///
/// # Errors
/// The system refuses.
pub fn replace_config(path: &Path, text: &str, group: Option<&str>) -> Result<(), Failure> {
    let target = path.canonicalize().unwrap_or_else(|_missing| path.to_owned());
    let failed = |error| failed(&target, &error);
    let old = match target.metadata() {
        Ok(metadata) => Some(metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(failed(error)),
    };
    if let (None, Some(folder)) = (&old, target.parent()) {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    // No name that ends in .toml: it would be read.
    let staged = target.with_extension(format!("{}.new", random_hex(4).map_err(failed)?));
    let mut file = create_private(&staged).map_err(failed)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| {
        if let Some(old) = &old {
            file.set_permissions(old.permissions())?;
            let new = file.metadata()?;
            if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
                std::os::unix::fs::fchown(&file, Some(old.uid()), Some(old.gid()))?;
            }
        } else if let Some(group) = group {
            give_to_group(&staged, group, SERVICE_MODE)?;
        }
        file.sync_all()?;
        std::fs::rename(&staged, &target)
    });
    written.map_err(|error| {
        drop(std::fs::remove_file(&staged));
        failed(error)
    })
}

/// Refuses to write over, or into, what belongs to a home of kanband: the board, its journals, locks, runs,
/// configuration. No flag lifts that.
///
/// # Errors
/// The refusal; or its directory cannot be looked at.
pub fn refuse_home_file(target: &Path, ambient: &Ambient) -> Result<(), Failure> {
    let found =
        home_file_at(target, &known_homes(ambient)).map_err(|error| failed(target, &error))?;
    let Some(HomeFile { path, home }) = found else { return Ok(()) };
    let (target, path) = (target.display(), path.display());
    let message = match home {
        Some(home) => format!("{target} is {path}, a file of the kanband home {}", home.display()),
        None => format!("{target} is {path}, which a kanband home uses"),
    };
    Err(Failure::refused(ErrorCode::InvalidValue, format!("{message}; refusing to overwrite it"))
        .with_hint("choose another file"))
}

/// The home of these surroundings, and the files that it uses elsewhere.
fn known_homes(ambient: &Ambient) -> KnownHomes {
    let Ok(home) = Home::resolve(ambient) else { return KnownHomes::default() };
    let mut files = vec![
        home.database(),
        home.install_id(),
        home.lock(),
        home.config_file().to_owned(),
        home.main_config_file().to_owned(),
    ];
    if let Ok(Sockets { operators, workers, courier }) = Sockets::of_daemon(ambient, &home) {
        files.extend([operators, workers].into_iter().chain(courier));
    }
    KnownHomes { homes: vec![home.path().to_owned()], files }
}

fn is_there(target: &Path) -> Failure {
    let message = format!("{} already exists", target.display());
    Failure::refused(ErrorCode::InvalidValue, message).with_hint("use `--force` to overwrite it")
}

fn failed(target: &Path, error: &io::Error) -> Failure {
    let message = format!("cannot write {}: {error}", target.display());
    Failure::refused(ErrorCode::InvalidValue, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ambient::tests::ambient;

    fn names(path: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(path).unwrap().flatten();
        entries.map(|entry| entry.file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_has_its_name_when_it_is_whole_and_leaves_nothing_when_it_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("x");
        let surroundings = ambient(&[("KANBAN_HOME", "/nowhere")]);
        let create = |target: &Path, overwrite| NewFile::create(target, overwrite, &surroundings);
        drop(create(&target, Overwrite::Refuse).unwrap());
        assert_eq!(names(dir.path()), [] as [&str; 0]);
        let mut file = create(&target, Overwrite::Refuse).unwrap();
        file.write(b"one").unwrap();
        assert!(!target.exists());
        let late = create(&target, Overwrite::Refuse).unwrap();
        file.finish().unwrap();
        assert!(late.finish().is_err(), "the name was taken meanwhile");
        assert!(create(&target, Overwrite::Refuse).is_err());
        let mut other = create(&target, Overwrite::Allow).unwrap();
        other.write(b"two").unwrap();
        other.finish().unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"two");
        assert_eq!(names(dir.path()), ["x"]);
        assert!(create(dir.path(), Overwrite::Allow).is_err());
    }

    #[test]
    fn a_new_configuration_file_can_be_read_by_the_group_of_the_service_and_an_old_one_stays_as_it_is()
     {
        let dir = tempfile::tempdir().unwrap();
        let own_gid = dir.path().metadata().unwrap().gid();
        let groups = std::fs::read_to_string("/etc/group").unwrap();
        let own = groups.lines().find_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            (fields.nth(1)? == own_gid.to_string()).then_some(name)
        });
        let mode = |path: &Path| path.metadata().unwrap().mode() & 0o777;
        for (name, group, expected) in
            [("given", own, 0o640), ("without", None, 0o600), ("unknown", Some("no:group"), 0o600)]
        {
            let path = dir.path().join(name);
            replace_config(&path, "a = 1\n", group).unwrap();
            assert_eq!(mode(&path), expected, "{name}");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o604)).unwrap();
            replace_config(&path, "a = 2\n", group).unwrap();
            assert_eq!(mode(&path), 0o604, "{name}");
        }
    }

    #[test]
    fn a_private_directory_goes_unless_it_is_kept() {
        use std::os::unix::fs::PermissionsExt as _;
        let mut dir = PrivateDir::new("kanban-test").unwrap();
        let path = dir.path().to_owned();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        std::fs::write(path.join("x"), "").unwrap();
        dir.keep();
        drop(dir);
        assert!(path.join("x").exists());
        drop(PrivateDir { path: path.clone(), is_kept: false });
        assert!(!path.exists());
    }
}
