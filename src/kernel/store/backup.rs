//! Copying the whole file.

use std::path::Path;

use rusqlite::Connection;

use super::Doing;
use crate::kernel::error::Fault;

/// Writes a compact copy, as of one instant (`VACUUM INTO`). The target must not exist.
pub fn copy_into(connection: &Connection, to: &Path) -> Result<(), Fault> {
    let to = to.to_string_lossy().into_owned();
    connection.execute("VACUUM main INTO ?1", [to]).map(|_| ()).doing("write a backup")
}
