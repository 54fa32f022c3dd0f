//! What of an agent a user of this host has: its program, and a profile of Hermes.
//!
//! Hermes keeps a profile in `~/.hermes/profiles/NAME`, with its `config.yaml`; the profile `default` is `~/.hermes` itself.

use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::os::failure::in_words;
use crate::os::files::find_program;

/// Name of the profile that Hermes has without any in its folder of profiles.
const DEFAULT_PROFILE: &str = "default";

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentLook {
    /// Whether the program is found.
    pub has_program: bool,
    /// Path of the program, where it is found.
    pub program: Option<String>,
    /// Whether the profile is found.
    pub has_profile: bool,
    /// Why the profile could not be looked for.
    pub error: Option<String>,
}

/// Looks for `program` in the folders of `search_path`, and for a profile of the calling user.
pub fn look(program: &str, search_path: &str, profile: &str) -> AgentLook {
    let program = find_program(program, search_path);
    let program = program.map(|path| path.to_string_lossy().into_owned());
    let has_program = program.is_some();
    let found = match std::env::var_os("HOME") {
        Some(home) => has_profile(Path::new(&home), profile),
        None => Err(Error::new(ErrorKind::NotFound, "HOME is not set")),
    };
    match found {
        Ok(has_profile) => AgentLook { has_program, program, has_profile, error: None },
        Err(error) => {
            let error = Some(in_words(&error));
            AgentLook { has_program, program, has_profile: false, error }
        }
    }
}

/// Whether the user with this home has the profile.
///
/// # Errors
/// It cannot be looked for: a directory on the way may not be entered, for one.
fn has_profile(home: &Path, profile: &str) -> std::io::Result<bool> {
    let folder = home.join(".hermes");
    if profile == DEFAULT_PROFILE {
        return is_there(folder);
    }
    // A name with a slash would lead out of the folder, and is none of Hermes' names.
    if profile.contains('/') || profile.starts_with('.') {
        return Ok(false);
    }
    is_there(folder.join("profiles").join(profile).join("config.yaml"))
}

fn is_there(path: PathBuf) -> std::io::Result<bool> {
    match std::fs::metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_of_hermes_is_a_folder_with_a_configuration() {
        let home = tempfile::tempdir().unwrap();
        let has = |profile| has_profile(home.path(), profile).unwrap();
        assert_eq!((has("default"), has("coder")), (false, false));
        let profiles = home.path().join(".hermes/profiles");
        std::fs::create_dir_all(profiles.join("coder")).unwrap();
        assert_eq!((has("default"), has("coder")), (true, false));
        std::fs::write(profiles.join("coder/config.yaml"), "").unwrap();
        assert_eq!((has("coder"), has("codr"), has("../profiles/coder")), (true, false, false));
    }

    #[test]
    fn a_folder_that_cannot_be_looked_into_proves_nothing() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join(".hermes")).unwrap();
        // A link that leads to itself: neither there nor missing.
        let link = home.path().join(".hermes/profiles");
        std::os::unix::fs::symlink(&link, &link).unwrap();
        assert!(has_profile(home.path(), "coder").is_err());
    }

    #[test]
    fn a_program_is_found_in_the_search_path_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap().to_owned();
        assert!(!look("agent", &path, "x").has_program);
        std::os::unix::fs::symlink("/bin/true", folder.path().join("agent")).unwrap();
        assert!(look("agent", &path, "x").has_program);
        assert!(!look("agent", "/nonexistent", "x").has_program);
    }
}
