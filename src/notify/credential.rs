//! Credentials of channels: files of one secret each, which only this program reads.
//!
//! Under the service they are what the service manager has loaded (`$CREDENTIALS_DIRECTORY`), else they are in the home.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::notify::secret::Secret;

/// Longest one.
const BYTES_MAX: u64 = 16 * 1024;

/// Bits of a mode that let others read.
const MODE_OF_OTHERS: u32 = 0o077;

/// Where credentials are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialFolder {
    path: PathBuf,
    /// Whether the service manager has put them there: then their modes are its own matter.
    is_loaded: bool,
}

/// Why a credential cannot be used.
#[derive(Debug, Error)]
pub enum CredentialError {
    /// Not a name of a file.
    #[error("`{name}` is not the name of a credential: letters, digits, `-`, `_` and `.`")]
    Name {
        /// The name.
        name: String,
    },
    /// There is none.
    #[error("there is no credential `{name}` in {}: `kanban notify setup CHANNEL` writes it", folder.display())]
    Missing {
        /// Its name.
        name: String,
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// Readable by others.
    #[error("the credential {} has mode {mode:o}, so others may read it: chmod 600", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It cannot be read.
    #[error("cannot read the credential {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Nothing, too much, or not text.
    #[error("the credential {} is {what}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
}

impl CredentialFolder {
    /// The folder that the service manager has loaded them into.
    pub fn loaded(path: PathBuf) -> Self {
        Self { path, is_loaded: true }
    }

    /// The folder of a home.
    pub fn of_home(home: &Path) -> Self {
        Self { path: home.join("credentials"), is_loaded: false }
    }

    /// This folder.
    pub fn at(path: PathBuf) -> Self {
        Self { path, is_loaded: false }
    }

    /// Reads one.
    ///
    /// # Errors
    /// It is missing, may be read by others, or is no secret.
    pub fn read(&self, name: &str) -> Result<Secret, CredentialError> {
        if !is_name(name) {
            return Err(CredentialError::Name { name: name.to_owned() });
        }
        let path = self.path.join(name);
        let unreadable = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => {
                CredentialError::Missing { name: name.to_owned(), folder: self.path.clone() }
            }
            _ => CredentialError::Unreadable { path: path.clone(), source },
        };
        let file = File::open(&path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        let mode = metadata.mode() & 0o7777;
        if !self.is_loaded && mode & MODE_OF_OTHERS != 0 {
            return Err(CredentialError::Open { path, mode });
        }
        let mut bytes = Vec::new();
        file.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        let content = |what| CredentialError::Content { path: path.clone(), what };
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > BYTES_MAX {
            return Err(content("longer than 16 KiB"));
        }
        let text = String::from_utf8(bytes).map_err(|_| content("not text"))?;
        let text = text.trim();
        if text.is_empty() {
            return Err(content("empty"));
        }
        Ok(Secret::new(text))
    }
}

/// Whether a text is the name of a credential: it is a file in one folder, and a word in a unit file.
pub fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && !text.starts_with('.')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn put(folder: &Path, name: &str, content: &[u8], mode: u32) {
        std::fs::write(folder.join(name), content).unwrap();
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(folder.join(name), mode).unwrap();
    }

    #[test]
    fn a_credential_is_one_secret_that_nobody_else_may_read() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("credentials");
        std::fs::create_dir(&folder).unwrap();
        put(&folder, "good", b" 123:abc\n", 0o600);
        put(&folder, "open", b"x", 0o640);
        put(&folder, "empty", b" \n", 0o600);
        put(&folder, "binary", b"\xff\xfe", 0o600);
        put(&folder, "long", &[b'x'; 17_000], 0o400);
        let credentials = CredentialFolder::of_home(home.path());
        assert_eq!(credentials.read("good").unwrap().expose(), "123:abc");
        for (name, expected) in [
            ("none", "kanban notify setup"),
            ("open", "mode 640"),
            ("empty", "is empty"),
            ("binary", "not text"),
            ("long", "16 KiB"),
            ("../good", "not the name"),
            (".good", "not the name"),
            ("", "not the name"),
        ] {
            let error = credentials.read(name).unwrap_err().to_string();
            assert!(error.contains(expected), "{name}: {error}");
        }
        // The service manager gives them modes of its own.
        let loaded = CredentialFolder::loaded(folder);
        assert_eq!(loaded.read("open").unwrap().expose(), "x");
    }
}
