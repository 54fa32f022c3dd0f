//! The home of the demo: a directory of its own with a configuration, the workers' scripts and the places they work in.

use std::fmt::Write as _;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use kanband::cli::failure::Failure;
use kanband::kernel::error::ErrorCode;
use kanband::os::host::random::random_hex;

/// Failed runs after which the demo's daemon gives a task up.
pub const FAILURE_LIMIT: usize = 3;

/// The profile whose program is not there.
pub const DEPLOYER: &str = "deployer";

/// A profile whose worker is a shell script.
struct Script {
    profile: &'static str,
    text: &'static str,
    max_running: usize,
}

macro_rules! script {
    ($profile:literal, $max_running:literal) => {
        Script {
            profile: $profile,
            text: include_str!(concat!("workers/", $profile, ".sh")),
            max_running: $max_running,
        }
    };
}

const SCRIPTS: [Script; 11] = [
    script!("schema-dev", 1),
    script!("api-dev", 1),
    script!("qa-dev", 1),
    script!("translator", 2),
    script!("transcriber", 2),
    script!("copywriter", 2),
    script!("product-manager", 1),
    script!("engineer", 1),
    script!("reviewer", 1),
    script!("migrator", 1),
    script!("watcher", 1),
];

/// The directory; removed with everything in it when this is dropped, if it was made for this demo alone.
#[derive(Debug)]
pub struct DemoHome {
    path: PathBuf,
    is_removed_at_end: bool,
}

impl DemoHome {
    /// A new temporary directory, or `chosen` if that is empty or not there yet.
    ///
    /// # Errors
    /// A directory that cannot be made or is not empty.
    pub fn make(chosen: Option<&Path>) -> Result<Self, Failure> {
        let path = match chosen {
            Some(path) => path.to_owned(),
            None => std::env::temp_dir().join(format!("kanban-demo-{}", random_name()?)),
        };
        let failed = |error: &dyn std::fmt::Display| {
            let message = format!("cannot use the demo's home {}: {error}", path.display());
            Failure::refused(ErrorCode::InvalidValue, message)
        };
        match std::fs::DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && chosen.is_some() => {
                let mut entries = std::fs::read_dir(&path).map_err(|error| failed(&error))?;
                if entries.next().is_some() {
                    return Err(failed(&"it is not empty"));
                }
            }
            Err(error) => return Err(failed(&error)),
        }
        let path = path.canonicalize().map_err(|error| failed(&error))?;
        let home = Self { path, is_removed_at_end: chosen.is_none() };
        home.fill().map_err(|error| failed(&error))?;
        Ok(home)
    }

    /// Path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The daemon's log.
    pub fn daemon_log(&self) -> PathBuf {
        self.path.join("kanband.log")
    }

    /// A directory in which tasks work one after the other.
    pub fn project(&self, name: &str) -> PathBuf {
        self.path.join("projects").join(name)
    }

    /// Whether nothing of it is left in the end.
    pub fn is_removed_at_end(&self) -> bool {
        self.is_removed_at_end
    }

    /// Leaves it where it is.
    pub fn keep(mut self) {
        self.is_removed_at_end = false;
    }

    fn fill(&self) -> io::Result<()> {
        let workers = self.path.join("workers");
        std::fs::create_dir(&workers)?;
        for script in &SCRIPTS {
            std::fs::write(workers.join(format!("{}.sh", script.profile)), script.text)?;
        }
        std::fs::write(self.path.join("kanband.toml"), self.configuration(&workers))
    }

    /// Nothing waits for the tick here: it is an hour away.
    fn configuration(&self, workers: &Path) -> String {
        let mut text = format!(
            "[dispatch]\ninterval_seconds = 3600\nmax_running = 6\nfailure_limit = {FAILURE_LIMIT}\n\
             backoff_base = \"100ms\"\n\n[supervision]\ngrace = \"1s\"\n"
        );
        let mut profile = |name: &str, max_running: usize, argv: &[&Path]| {
            let words: Vec<String> = argv.iter().map(|word| toml_string(word)).collect();
            // Writing to a String cannot fail.
            let _infallible = write!(
                text,
                "\n[profiles.{name}]\nargv = [{}]\nverdict = \"report\"\nmax_running = {max_running}\n",
                words.join(", ")
            );
        };
        for script in &SCRIPTS {
            let file = workers.join(format!("{}.sh", script.profile));
            profile(script.profile, script.max_running, &[Path::new("/bin/sh"), &file]);
        }
        profile(DEPLOYER, 1, &[&self.path.join("bin/deploy-to-production")]);
        text
    }
}

impl Drop for DemoHome {
    fn drop(&mut self) {
        if self.is_removed_at_end {
            // What cannot be removed is in the directory for temporary files.
            drop(std::fs::remove_dir_all(&self.path));
        }
    }
}

fn random_name() -> Result<String, Failure> {
    random_hex(4).map_err(|error| Failure::fault(format!("no randomness: {error}")))
}

/// A path as a TOML string. Braces around a placeholder's name are doubled, as `argv` is a template.
fn toml_string(path: &Path) -> String {
    let text = path.to_string_lossy();
    let mut quoted = serde_json::Value::from(text.as_ref()).to_string();
    for name in ["task", "assignee", "workspace", "prompt", "skills"] {
        quoted = quoted.replace(&format!("{{{name}}}"), &format!("{{{{{name}}}}}"));
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use kanband::config::{Ambient, Home};

    #[test]
    fn the_configuration_is_one_that_the_daemon_takes() {
        let home = DemoHome::make(None).unwrap();
        let variable = ("KANBAN_HOME".to_owned(), home.path().to_str().unwrap().to_owned());
        let surroundings = Ambient { env: [variable].into(), ..Ambient::of_process().unwrap() };
        let home_found = Home::resolve(&surroundings).unwrap();
        let (settings, _) = kanband::config::load(&surroundings, &home_found).unwrap();
        assert_eq!(settings.profiles.len(), SCRIPTS.len() + 1);
        assert_eq!(usize::try_from(settings.dispatch.failure_limit).unwrap(), FAILURE_LIMIT);
    }

    #[test]
    fn only_a_home_of_its_own_is_removed() {
        let temp = tempfile::tempdir().unwrap();
        let own = DemoHome::make(None).unwrap();
        let path = own.path().to_owned();
        drop(own);
        assert!(!path.exists());
        let chosen = temp.path().join("chosen");
        drop(DemoHome::make(Some(&chosen)).unwrap());
        assert!(chosen.join("kanband.toml").exists());
        assert!(DemoHome::make(Some(&chosen)).is_err(), "it is no longer empty");
        assert!(DemoHome::make(Some(&temp.path().join("a/b"))).is_err(), "no parent");
    }
}
