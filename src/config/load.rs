//! Loads the configuration: built-in values, files, environment, each overriding the ones before it.
//!
//! ```text
//! built-in launchers
//!   ← kanband.toml of the home (KANBAN_HOME) or of /etc/kanband
//!   ← *.toml in conf.d beside it, by name
//!   ← $XDG_CONFIG_HOME/kanband/kanband.toml     (an ordinary user without KANBAN_HOME)
//!   ← *.toml in conf.d beside it, by name
//!   ← KANBAND__SECTION__KEY
//! ```
//!
//! Tables are merged key by key, everything else is replaced. A file that is absent is skipped; anything that
//! is wrong is collected, so that one look tells all of it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use config::Config;

use crate::config::ambient::Ambient;
use crate::config::home::{Home, HomeKind};
use crate::config::problem::{ConfigProblems, Problem, ProblemKind};
use crate::config::settings::Settings;
use crate::config::shown::Shown;
use crate::config::worker_user::{OWN_USER, own_user};
use crate::config::{checks, layer, presets};

/// The settings of the daemon that lives in `home`, or everything that is wrong with them; with the values as text, so that a
/// later reading can say what has changed.
///
/// # Errors
/// [`ConfigProblems`].
pub fn load(ambient: &Ambient, home: &Home) -> Result<(Settings, Shown), ConfigProblems> {
    let Read { settings, shown, problems } = read(ambient, home, None);
    if problems.is_empty() { Ok((settings, shown)) } else { Err(ConfigProblems(problems)) }
}

/// What a reading brings.
#[derive(Debug, Clone)]
pub struct Read {
    /// The settings, as far as they are right.
    pub settings: Settings,
    /// The values as text.
    pub shown: Shown,
    /// Everything that is wrong.
    pub problems: Vec<Problem>,
}

/// The same with all that is known whether something is wrong or not. `over` is a file with the text that it is to have: in its
/// location where it is one of those that are read, else over all of them.
pub fn read(ambient: &Ambient, home: &Home, over: Option<(&Path, &str)>) -> Read {
    let mut problems = Vec::new();
    let mut layers = presets::layers(&mut problems);
    let mut files = files(home, &mut problems);
    if let Some((path, _)) = over
        && !files.iter().any(|file| file == path)
    {
        files.push(path.to_owned());
    }
    for file in files {
        let text = match over {
            Some((path, text)) if path == file => Some(text.to_owned()),
            Some(_) | None => read_if_there(home, &file, &mut problems),
        };
        if let Some(text) = text {
            layers.push(layer::from_toml(&file.display().to_string(), &text, &mut problems));
        }
    }
    layers.extend(layer::from_environment(&ambient.env, &mut problems));

    let read = Config::builder().add_source(layers).build().and_then(|merged| {
        let tree = merged.cache.clone();
        merged.try_deserialize::<Settings>().map(|settings| (with_own_users(settings), tree))
    });
    let (settings, shown) = match read {
        Ok((settings, tree)) => {
            checks::check(&settings, &tree, &mut problems);
            (settings, Shown::of(&tree))
        }
        // Every value was checked against the table of keys, so this tells of a difference between the table
        // and the types; it is still better told than assumed away.
        Err(error) => {
            let fault = ProblemKind::NotAccepted { message: error.to_string() };
            problems.push(Problem { origin: "configuration".to_owned(), key: None, fault });
            (Settings::default(), Shown::default())
        }
    };
    Read { settings, shown, problems }
}

/// The same settings with the name of its user for each profile that is to have one of its own.
fn with_own_users(mut settings: Settings) -> Settings {
    for (name, profile) in &mut settings.profiles {
        if profile.user.as_deref() == Some(OWN_USER) {
            profile.user = Some(own_user(name));
        }
    }
    settings
}

/// The files to read, in order, under the names by which problems call them. Those of `conf.d` are there; the others may be absent.
pub fn files(home: &Home, problems: &mut Vec<Problem>) -> Vec<PathBuf> {
    let mut files = vec![home.main_config_file().to_owned()];
    files.extend(drop_ins_of(home, home.conf_d(), problems));
    files.extend(home.user_config_file().map(Path::to_owned));
    if let Some(conf_d) = home.user_conf_d() {
        files.extend(drop_ins_of(home, &conf_d, problems));
    }
    files
}

fn drop_ins_of(home: &Home, dir: &Path, problems: &mut Vec<Problem>) -> Vec<PathBuf> {
    match drop_ins(dir) {
        Ok(found) => return found,
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) if is_of_another(home, dir, &error) => {}
        Err(error) => problems.push(unreadable(dir, &error)),
    }
    Vec::new()
}

/// Files in which the configuration of `home` stands, or stood: those that are read, and what editors and upgrades leave beside
/// them.
pub fn files_beside(home: &Home) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mains = [Some(home.main_config_file()), home.user_config_file()];
    for main in mains.into_iter().flatten() {
        let (Some(dir), Some(name)) = (main.parent(), main.file_name()) else { continue };
        let name = name.to_string_lossy();
        found.extend(entries(dir).filter(|path| {
            path.file_name().is_some_and(|other| other.to_string_lossy().contains(&*name))
        }));
    }
    found.extend(entries(home.conf_d()));
    found.extend(home.user_conf_d().iter().flat_map(|dir| entries(dir)));
    found.sort();
    found.dedup();
    found
}

fn entries(dir: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_file())
}

/// Every `*.toml` of the directory, by name. Names that begin with a dot are what editors leave behind.
fn drop_ins(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        let is_hidden =
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if path.extension().is_some_and(|extension| extension == "toml") && !is_hidden {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Whether a part of the machine's configuration is not for the user whose daemon this is. It may hold keys of the machine's
/// service, so it is left out, not refused.
fn is_of_another(home: &Home, path: &Path, error: &std::io::Error) -> bool {
    home.kind() == HomeKind::User
        && !home.user_config_file().and_then(Path::parent).is_some_and(|own| path.starts_with(own))
        && error.kind() == ErrorKind::PermissionDenied
}

/// The parts of the machine's configuration that are left out because this user may not read them.
pub fn left_out(home: &Home) -> Vec<PathBuf> {
    let mut parts = vec![home.main_config_file().to_owned(), home.conf_d().to_owned()];
    parts.extend(drop_ins(home.conf_d()).unwrap_or_default());
    parts.retain(|part| {
        let opened = std::fs::File::open(part).map(drop);
        opened.is_err_and(|error| is_of_another(home, part, &error))
    });
    parts
}

fn read_if_there(home: &Home, file: &Path, problems: &mut Vec<Problem>) -> Option<String> {
    match std::fs::read_to_string(file) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) if is_of_another(home, file, &error) => None,
        Err(error) => {
            problems.push(unreadable(file, &error));
            None
        }
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Problem {
    let fault = ProblemKind::Unreadable { cause: error.to_string() };
    Problem { origin: path.display().to_string(), key: None, fault }
}

#[cfg(test)]
pub(crate) mod tests;
