//! Files for their owner alone.

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Makes an empty file for its owner alone, unless there is one: SQLite would make it by the file mode mask. Its journals get the
/// mode of the file.
pub(super) fn create_private(path: &Path) -> std::io::Result<()> {
    let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match made {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}
