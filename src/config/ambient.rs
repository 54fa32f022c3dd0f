//! The environment of the process as a value: variables, user, working directory, root of the file system.
//!
//! Everything in this layer takes an [`Ambient`] instead of asking the system, so that a test can put a
//! daemon of root, of the service user and of anybody beside each other without changing its own process.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use nix::unistd::{Uid, User};

use crate::config::home_error::HomeError;

/// Name of the user that the packaged service runs as when it does not run as root.
pub const SERVICE_USER: &str = "kanband";

/// The surroundings of a process. Its `Debug` leaves the environment out, which holds secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct Ambient {
    /// Environment variables. Those that are not UTF-8 are left out.
    pub env: BTreeMap<String, String>,
    /// Effective user id.
    pub uid: u32,
    /// Name of that user; none when the user data base has none.
    pub user_name: Option<String>,
    /// Home directory of that user in the user data base.
    pub user_home: Option<PathBuf>,
    /// Working directory; none when it has been removed.
    pub working_directory: Option<PathBuf>,
    /// What `/etc`, `/run` and `/var` are below: `/` outside tests.
    pub root: PathBuf,
}

/// For whom the daemon works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// For the machine: as root or as the service user.
    System,
    /// For the user who started it.
    User,
}

impl Ambient {
    /// The surroundings of this process. Refused when a variable that names a place of ours is not UTF-8:
    /// taking it for unset would open another board.
    pub fn of_process() -> Result<Self, HomeError> {
        let mut env = BTreeMap::new();
        for (name, value) in std::env::vars_os() {
            let Ok(name) = name.into_string() else { continue };
            match value.into_string() {
                Ok(value) => {
                    env.insert(name, value);
                }
                Err(value) if is_ours(&name) => {
                    let value = value.to_string_lossy().into_owned();
                    return Err(HomeError::NotUtf8 { variable: name, value });
                }
                Err(_) => {}
            }
        }
        let uid = Uid::effective();
        let user = User::from_uid(uid).ok().flatten();
        Ok(Self {
            env,
            uid: uid.as_raw(),
            user_name: user.as_ref().map(|user| user.name.clone()),
            user_home: user.map(|user| user.dir),
            working_directory: std::env::current_dir().ok(),
            root: PathBuf::from("/"),
        })
    }

    /// For whom a daemon in these surroundings works.
    pub fn mode(&self) -> Mode {
        let is_system = self.uid == 0 || self.user_name.as_deref() == Some(SERVICE_USER);
        if is_system { Mode::System } else { Mode::User }
    }

    /// The variable `name`; a blank one counts as unset.
    pub fn var(&self, name: &str) -> Option<&str> {
        self.env.get(name).map(String::as_str).filter(|value| !value.trim().is_empty())
    }

    /// The path in the variable `name`, made absolute against the working directory.
    pub(super) fn path_var(&self, name: &'static str) -> Result<Option<PathBuf>, HomeError> {
        let Some(value) = self.var(name).map(Path::new) else { return Ok(None) };
        if value.is_absolute() {
            return Ok(Some(without_dots(value)));
        }
        match &self.working_directory {
            Some(base) => Ok(Some(without_dots(&base.join(value)))),
            None => Err(HomeError::NoWorkingDirectory { variable: name, value: value.to_owned() }),
        }
    }

    /// The directory in an `XDG_…` variable. The base directory specification has relative ones ignored.
    pub(super) fn xdg_dir(&self, name: &str) -> Option<PathBuf> {
        self.var(name).map(PathBuf::from).filter(|path| path.is_absolute())
    }

    /// The directory of an `XDG_…_HOME` variable, or its place below the home directory.
    pub(super) fn xdg_home(&self, name: &str, below_home: &str) -> Result<PathBuf, HomeError> {
        match self.xdg_dir(name) {
            Some(path) => Ok(path),
            None => self.home_dir().map(|home| home.join(below_home)),
        }
    }

    /// `path` of the file system as a process of the system sees it, below [`Ambient::root`].
    pub(super) fn system_path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    fn home_dir(&self) -> Result<PathBuf, HomeError> {
        self.xdg_dir("HOME").or_else(|| self.user_home.clone()).ok_or(HomeError::NoHome)
    }
}

impl fmt::Debug for Ambient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ambient")
            .field("uid", &self.uid)
            .field("user_name", &self.user_name)
            .field("user_home", &self.user_home)
            .field("working_directory", &self.working_directory)
            .field("root", &self.root)
            .finish_non_exhaustive()
    }
}

/// Whether the variable says where kanband's things are or what it does.
fn is_ours(name: &str) -> bool {
    name.starts_with("KANBAN") || name.starts_with("XDG_") || name == "HOME"
}

/// The path without `.` parts. `..` stays: behind a symbolic link it cannot be resolved by its letters.
fn without_dots(path: &Path) -> PathBuf {
    path.components().collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An ordinary user, 1000, in a home directory below `/home`, with the variables `env`.
    pub(crate) fn ambient(env: &[(&str, &str)]) -> Ambient {
        Ambient {
            env: env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            uid: 1000,
            user_name: Some("ann".to_owned()),
            user_home: Some(PathBuf::from("/home/ann")),
            working_directory: Some(PathBuf::from("/here")),
            root: PathBuf::from("/"),
        }
    }

    #[test]
    fn root_and_the_service_user_work_for_the_machine() {
        let table = [
            (0, Some("root"), Mode::System),
            (0, None, Mode::System),
            (998, Some("kanband"), Mode::System),
            (1000, Some("ann"), Mode::User),
            (1000, None, Mode::User),
        ];
        for (uid, name, expected) in table {
            let user_name = name.map(str::to_owned);
            let surroundings = Ambient { uid, user_name, ..ambient(&[]) };
            assert_eq!(surroundings.mode(), expected, "{uid} {name:?}");
        }
    }

    #[test]
    fn a_blank_variable_is_unset() {
        let surroundings = ambient(&[("A", ""), ("B", "  "), ("C", "c")]);
        assert_eq!(
            ["A", "B", "C", "D"].map(|name| surroundings.var(name)),
            [None, None, Some("c"), None]
        );
    }

    #[test]
    fn debug_output_leaves_the_environment_out() {
        let shown = format!("{:?}", ambient(&[("TOKEN", "secret")]));
        assert!(shown.contains("ann") && !shown.contains("secret"), "{shown}");
    }

    #[test]
    fn only_places_of_ours_must_be_utf_8() {
        for (name, expected) in [
            ("KANBAN_HOME", true),
            ("KANBAND__LOG__LEVEL", true),
            ("XDG_RUNTIME_DIR", true),
            ("HOME", true),
            ("LESS_TERMCAP_md", false),
        ] {
            assert_eq!(is_ours(name), expected, "{name}");
        }
    }

    #[test]
    fn the_process_has_surroundings() {
        let surroundings = Ambient::of_process().unwrap();
        assert_eq!(surroundings.root, Path::new("/"));
        assert_eq!(surroundings.uid, Uid::effective().as_raw());
        assert!(surroundings.working_directory.is_some());
    }
}
