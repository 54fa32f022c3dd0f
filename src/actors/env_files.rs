//! Reads a file of variables without holding up the caller.

use std::collections::BTreeMap;
use std::path::PathBuf;

use tokio::sync::oneshot;

use crate::os::env_file;

/// The variables of the file at `path`.
///
/// # Errors
/// One line: it cannot be read, or is not taken.
pub async fn read(path: PathBuf) -> Result<BTreeMap<String, String>, String> {
    let (reply, found) = oneshot::channel();
    // A thread of its own: one that hangs must not hold up the end of a runtime.
    let started = std::thread::Builder::new().name("env-file".into()).spawn(move || {
        // The caller may be gone.
        drop(reply.send(env_file::read(&path).map_err(|error| error.to_string())));
    });
    started.map_err(|error| format!("env_file: no thread reads it: {error}"))?;
    found.await.unwrap_or_else(|_gone| Err("env_file: it could not be read".to_owned()))
}
