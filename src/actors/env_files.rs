//! Reads an `env_file` without blocking the caller.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;

use tokio::sync::oneshot;

use crate::os::failure::errno_of;
use crate::os::run_files::env_file;

/// Why there are no variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// One line for people.
    pub problem: String,
    /// The kernel's error number, when it gave one.
    pub errno: Option<i32>,
}

impl Unread {
    fn by(problem: String, error: &(dyn Error + 'static)) -> Self {
        Self { problem, errno: errno_of(error) }
    }
}

/// The variables of the file at `path`.
///
/// # Errors
/// It cannot be read, or is not taken.
pub async fn read(path: PathBuf) -> Result<BTreeMap<String, String>, Unread> {
    let (reply, found) = oneshot::channel();
    // A thread of its own: one that hangs must not hold up the end of a runtime.
    let started = std::thread::Builder::new().name("env-file".into()).spawn(move || {
        // The caller may be gone.
        let read = env_file::read(&path).map_err(|error| Unread::by(error.to_string(), &error));
        drop(reply.send(read));
    });
    started.map_err(|error| {
        Unread::by(format!("env_file: cannot start a reading thread: {error}"), &error)
    })?;
    let gone = || Unread { problem: "env_file: cannot read it".to_owned(), errno: None };
    found.await.unwrap_or_else(|_gone| Err(gone()))
}
