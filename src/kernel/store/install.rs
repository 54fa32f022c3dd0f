//! `install`: the installation and the incarnation of this file; `settings`: what operators set at run time.

use rusqlite::{OptionalExtension, named_params};

use super::faults::Doing as _;
use super::open_error::Birth;
use crate::kernel::error::Fault;
use crate::kernel::ids::EpochSeconds;
use crate::kernel::store::Connection;

/// Setting that keeps the id of the newest event that gc removed: a cursor below it may have missed something.
pub const EVENTS_FLOOR: &str = "events_floor";

/// Setting that keeps what the last gc removed, as JSON.
pub const LAST_GC: &str = "last_gc";

/// The file's identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Install {
    /// Id of the installation; never changes.
    pub install_id: String,
    /// Names this life of the database; event cursors and run directories of another one are void.
    pub incarnation: String,
}

pub(super) fn insert(connection: &rusqlite::Connection, birth: &Birth) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT INTO install (id, install_id, incarnation, created_at)
         VALUES (1, :install_id, :incarnation, :now)",
        named_params! {
            ":install_id": birth.install_id, ":incarnation": birth.incarnation, ":now": birth.now,
        },
    )?;
    connection.execute(
        "INSERT INTO boards (id, name, created_at) VALUES (1, 'default', :now)",
        named_params! { ":now": birth.now },
    )?;
    Ok(())
}

/// Reads the identity.
pub fn get(connection: &Connection) -> Result<Install, Fault> {
    connection
        .query_row("SELECT install_id, incarnation FROM install WHERE id = 1", [], |row| {
            Ok(Install { install_id: row.get(0)?, incarnation: row.get(1)? })
        })
        .doing("read the installation")
}

/// Begins a new life of the file, in a home of the installation `install_id`: cursors and run directories of the last one are
/// void.
pub fn begin_new_life(
    connection: &Connection,
    incarnation: &str,
    install_id: &str,
) -> Result<(), Fault> {
    connection
        .execute(
            "UPDATE install SET incarnation = :incarnation, install_id = :install_id",
            named_params! { ":incarnation": incarnation, ":install_id": install_id },
        )
        .map(|_| ())
        .doing("create a new incarnation")
}

/// Reads a run-time setting.
pub fn setting(connection: &Connection, key: &str) -> Result<Option<String>, Fault> {
    connection
        .prepare_cached("SELECT value FROM settings WHERE key = :key")
        .and_then(|mut s| s.query_row(named_params! { ":key": key }, |row| row.get(0)).optional())
        .doing("read a setting")
}

/// Writes a run-time setting.
pub fn set_setting(
    connection: &Connection,
    key: &str,
    value: &str,
    now: EpochSeconds,
    by: &str,
) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "INSERT INTO settings (key, value, changed_at, changed_by)
             VALUES (:key, :value, :now, :by)
             ON CONFLICT (key) DO UPDATE SET value = :value, changed_at = :now, changed_by = :by",
        )
        .and_then(|mut s| {
            s.execute(named_params! { ":key": key, ":value": value, ":now": now, ":by": by })
        })
        .map(|_| ())
        .doing("write a setting")
}
