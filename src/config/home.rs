//! Where kanband keeps its board and its runs, and which files configure it.
//!
//! | who | home | configuration |
//! |---|---|---|
//! | `KANBAN_HOME` set | that directory | only the files in it |
//! | root, user `kanband` | `/var/lib/kanband` | `/etc/kanband` |
//! | anybody else | `$XDG_STATE_HOME/kanband` | `/etc/kanband`, then `$XDG_CONFIG_HOME/kanband` |
//!
//! Each of these directories holds a `kanband.toml` and a `conf.d`.
//!
//! Nothing is created or opened here.

use std::path::{Path, PathBuf};

use crate::config::ambient::{Ambient, Mode};
use crate::config::home_error::HomeError;

/// The place of one installation: everything that belongs to one board and its daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    path: PathBuf,
    kind: HomeKind,
    files: ConfigFiles,
}

/// What decided on the home.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HomeKind {
    /// `KANBAN_HOME`.
    Chosen,
    /// The machine's service.
    System,
    /// A user's own.
    User,
}

/// Files that are read, each over the ones before it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ConfigFiles {
    main: PathBuf,
    drop_ins: PathBuf,
    user: Option<PathBuf>,
}

impl Home {
    /// The home in these surroundings.
    pub fn resolve(ambient: &Ambient) -> Result<Self, HomeError> {
        if let Some(path) = ambient.path_var("KANBAN_HOME")? {
            let files = ConfigFiles {
                main: path.join("kanband.toml"),
                drop_ins: path.join("conf.d"),
                user: None,
            };
            return Ok(Self { path, kind: HomeKind::Chosen, files });
        }
        let main = ambient.system_path("etc/kanband/kanband.toml");
        let drop_ins = ambient.system_path("etc/kanband/conf.d");
        match ambient.mode() {
            Mode::System => Ok(Self {
                path: system_home(ambient),
                kind: HomeKind::System,
                files: ConfigFiles { main, drop_ins, user: None },
            }),
            Mode::User => {
                let config_home = ambient.xdg_home("XDG_CONFIG_HOME", ".config")?;
                let user = Some(config_home.join("kanband/kanband.toml"));
                Ok(Self {
                    path: user_home(ambient)?,
                    kind: HomeKind::User,
                    files: ConfigFiles { main, drop_ins, user },
                })
            }
        }
    }

    /// The directory itself, absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What decided on it.
    pub fn kind(&self) -> HomeKind {
        self.kind
    }

    /// The configuration file of the user of this home: the one to create and to edit.
    pub fn config_file(&self) -> &Path {
        self.files.user.as_deref().unwrap_or(&self.files.main)
    }

    /// The first file that is read. Another than [`Home::config_file`] only for a user's home, where it is the
    /// machine's.
    pub fn main_config_file(&self) -> &Path {
        &self.files.main
    }

    /// The directory of which every `*.toml` is read after the main file.
    pub fn conf_d(&self) -> &Path {
        &self.files.drop_ins
    }

    /// The file that a user has of their own, read after `conf.d`.
    pub fn user_config_file(&self) -> Option<&Path> {
        self.files.user.as_deref()
    }

    /// The directory beside it, of which every `*.toml` is read last.
    pub fn user_conf_d(&self) -> Option<PathBuf> {
        self.user_config_file().map(|file| file.with_file_name("conf.d"))
    }

    /// The directory of drop-ins beside [`Home::config_file`]: the one to create and to write in.
    pub fn own_conf_d(&self) -> PathBuf {
        self.user_conf_d().unwrap_or_else(|| self.files.drop_ins.clone())
    }

    /// The directory of programs that are started for every event: beside the machine's configuration, else in the home.
    pub fn hooks_d(&self) -> PathBuf {
        match self.kind {
            HomeKind::System => self.files.main.with_file_name("hooks.d"),
            HomeKind::Chosen | HomeKind::User => self.path.join("hooks.d"),
        }
    }

    /// The secrets of channels: beside the machine's configuration, else in the home.
    pub fn credentials(&self) -> PathBuf {
        match self.kind {
            HomeKind::System => self.files.main.with_file_name("credentials"),
            HomeKind::Chosen | HomeKind::User => self.path.join("credentials"),
        }
    }

    /// The board.
    pub fn database(&self) -> PathBuf {
        self.path.join("kanban.db")
    }

    /// Where the daemon listens unless something puts its sockets elsewhere: see
    /// [`crate::config::sockets::Sockets`].
    pub fn socket(&self) -> PathBuf {
        self.path.join("kanband.sock")
    }

    /// The file whose lock makes a daemon the only one.
    pub fn lock(&self) -> PathBuf {
        self.path.join("lock")
    }

    /// The file that says that a board was made here.
    pub fn install_id(&self) -> PathBuf {
        self.path.join("install_id")
    }

    /// A directory per run that has not been forgotten.
    pub fn runs(&self) -> PathBuf {
        self.path.join("runs")
    }

    /// Room that is given up on a full disk.
    pub fn reserve(&self) -> PathBuf {
        self.path.join("disk.reserve")
    }

    /// Who is logged in to the board on the web.
    pub fn web_sessions(&self) -> PathBuf {
        self.path.join("web-sessions.json")
    }

    /// The port at which the board was on the web last time.
    pub fn web_port(&self) -> PathBuf {
        self.path.join("web-port")
    }

    /// What workers printed.
    pub fn logs(&self) -> PathBuf {
        self.path.join("logs")
    }

    /// The operator's own skills: folders with a `SKILL.md`.
    pub fn skills(&self) -> PathBuf {
        self.path.join("skills")
    }

    /// What comes with the program, as this home's daemon keeps it.
    pub fn share(&self) -> PathBuf {
        self.path.join("share")
    }

    /// The skills among it.
    pub fn shipped_skills(&self) -> PathBuf {
        self.share().join("skills")
    }

    /// Files that were attached to tasks.
    pub fn attachments(&self) -> PathBuf {
        self.path.join("attachments")
    }

    /// Scratch workspaces.
    pub fn workspaces(&self) -> PathBuf {
        self.path.join("workspaces")
    }
}

/// The home of the machine's service.
pub fn system_home(ambient: &Ambient) -> PathBuf {
    ambient.system_path("var/lib/kanband")
}

/// The home of an ordinary user.
pub(super) fn user_home(ambient: &Ambient) -> Result<PathBuf, HomeError> {
    Ok(ambient.xdg_home("XDG_STATE_HOME", ".local/state")?.join("kanband"))
}

/// The folder in which an ordinary user has units of their own: systemd.unit(5).
///
/// # Errors
/// The user has no home directory.
pub fn own_units(ambient: &Ambient) -> Result<PathBuf, HomeError> {
    Ok(ambient.xdg_home("XDG_CONFIG_HOME", ".config")?.join("systemd/user"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ambient::tests::ambient;

    fn root(env: &[(&str, &str)]) -> Ambient {
        let user_home = Some(PathBuf::from("/root"));
        Ambient { uid: 0, user_name: Some("root".to_owned()), user_home, ..ambient(env) }
    }

    fn service_user(env: &[(&str, &str)]) -> Ambient {
        Ambient { uid: 998, user_name: Some("kanband".to_owned()), ..ambient(env) }
    }

    #[test]
    fn the_home_is_the_chosen_one_the_machines_or_the_users() {
        let table = [
            (ambient(&[("KANBAN_HOME", "/srv/k")]), "/srv/k", HomeKind::Chosen),
            (root(&[("KANBAN_HOME", "/srv/k")]), "/srv/k", HomeKind::Chosen),
            (ambient(&[("KANBAN_HOME", "k/./b")]), "/here/k/b", HomeKind::Chosen),
            (ambient(&[("KANBAN_HOME", ".")]), "/here", HomeKind::Chosen),
            (root(&[]), "/var/lib/kanband", HomeKind::System),
            (root(&[("KANBAN_HOME", "")]), "/var/lib/kanband", HomeKind::System),
            (root(&[("XDG_STATE_HOME", "/x")]), "/var/lib/kanband", HomeKind::System),
            (service_user(&[("HOME", "/nowhere")]), "/var/lib/kanband", HomeKind::System),
            (ambient(&[("XDG_STATE_HOME", "/x")]), "/x/kanband", HomeKind::User),
            (ambient(&[("XDG_STATE_HOME", "x")]), "/home/ann/.local/state/kanband", HomeKind::User),
            (ambient(&[("HOME", "/h")]), "/h/.local/state/kanband", HomeKind::User),
            (ambient(&[("HOME", "")]), "/home/ann/.local/state/kanband", HomeKind::User),
        ];
        for (surroundings, path, kind) in table {
            let home = Home::resolve(&surroundings).unwrap();
            // By letters, because two paths are equal also when one has a `.` in it.
            assert_eq!(home.path().as_os_str(), path, "{:?}", surroundings.env);
            assert_eq!(home.kind(), kind, "{:?}", surroundings.env);
        }
    }

    #[test]
    fn without_any_home_directory_the_way_out_is_told() {
        let surroundings = Ambient { user_home: None, ..ambient(&[]) };
        let refusal = Home::resolve(&surroundings).unwrap_err();
        assert_eq!(refusal, HomeError::NoHome);
        assert!(refusal.to_string().contains("KANBAN_HOME"));
    }

    #[test]
    fn a_relative_home_in_a_removed_directory_is_refused() {
        let surroundings = Ambient { working_directory: None, ..ambient(&[("KANBAN_HOME", "k")]) };
        assert_eq!(
            Home::resolve(&surroundings).unwrap_err(),
            HomeError::NoWorkingDirectory { variable: "KANBAN_HOME", value: PathBuf::from("k") }
        );
        let absolute = Ambient { env: ambient(&[("KANBAN_HOME", "/k")]).env, ..surroundings };
        assert!(Home::resolve(&absolute).is_ok());
    }

    #[test]
    fn a_chosen_home_is_configured_by_nothing_outside_it() {
        let home = Home::resolve(&ambient(&[("KANBAN_HOME", "/k")])).unwrap();
        assert_eq!(home.config_file(), Path::new("/k/kanband.toml"));
        assert_eq!(home.main_config_file(), home.config_file());
        assert_eq!(home.conf_d(), Path::new("/k/conf.d"));
        assert_eq!(home.user_config_file(), None);
    }

    #[test]
    fn a_user_has_a_file_of_their_own_over_the_machines() {
        let etc = Path::new("/etc/kanband/kanband.toml");
        for (surroundings, user_file) in [
            (ambient(&[]), Some("/home/ann/.config/kanband/kanband.toml")),
            (ambient(&[("XDG_CONFIG_HOME", "/c")]), Some("/c/kanband/kanband.toml")),
            (root(&[("XDG_CONFIG_HOME", "/c")]), None),
            (service_user(&[("XDG_CONFIG_HOME", "/c")]), None),
        ] {
            let home = Home::resolve(&surroundings).unwrap();
            let user_file = user_file.map(Path::new);
            assert_eq!(home.main_config_file(), etc);
            assert_eq!(home.conf_d(), Path::new("/etc/kanband/conf.d"));
            assert_eq!(home.user_config_file(), user_file);
            assert_eq!(home.config_file(), user_file.unwrap_or(etc));
        }
    }

    #[test]
    fn everything_of_an_installation_is_below_its_home() {
        let home = Home::resolve(&ambient(&[("KANBAN_HOME", "/k")])).unwrap();
        let paths = [
            (home.database(), "/k/kanban.db"),
            (home.socket(), "/k/kanband.sock"),
            (home.lock(), "/k/lock"),
            (home.install_id(), "/k/install_id"),
            (home.runs(), "/k/runs"),
            (home.logs(), "/k/logs"),
            (home.workspaces(), "/k/workspaces"),
            (home.attachments(), "/k/attachments"),
        ];
        for (path, expected) in paths {
            assert_eq!(path, Path::new(expected));
        }
    }
}
