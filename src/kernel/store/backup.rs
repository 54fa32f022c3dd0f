//! Copying the whole file.

use std::path::Path;

use super::Doing;
use crate::kernel::error::Fault;
use crate::kernel::store::Connection;

/// Writes a compact copy, as of one instant (`VACUUM INTO`). The target must not exist.
pub fn copy_into(connection: &Connection, to: &Path) -> Result<(), Fault> {
    let doing = "write a backup";
    super::private_file::create_private(to).map_err(|error| Fault::Database {
        doing: doing.to_owned(),
        detail: error.to_string(),
        retryable: false,
    })?;
    let to = to.to_string_lossy().into_owned();
    // A connection that may only query may not write the copy either; the board itself is open for reading only all the same.
    connection.raw().pragma_update(None, "query_only", false).doing(doing)?;
    let copied = connection.execute("VACUUM main INTO ?1", [to]).map(|_| ()).doing(doing);
    connection.raw().pragma_update(None, "query_only", true).doing(doing)?;
    copied
}
