//! Reading a backup to the last row, before anybody restores it.

use std::path::Path;

use super::open_error::OpenError;
use super::{check, foreign, migrate};
use crate::kernel::store::Connection;

/// Reads every row of a backup that [`super::inspect`] has passed, as far as this program knows what stands in it without bringing it up to
/// date. The file is only read.
///
/// # Errors
/// [`OpenError`].
pub fn read_all(path: &Path) -> Result<(), OpenError> {
    let at = |error: rusqlite::Error| OpenError::from_sqlite(path, &error);
    let connection = foreign::open_unchanging(path).map_err(at)?;
    if migrate::version(&connection).map_err(at)? < migrate::newest_version() {
        return Ok(());
    }
    check::read_every_row(&Connection::of(connection))
        .map_err(|detail| OpenError::Damaged { path: path.to_owned(), detail })
}
