//! Boards and profiles that are paused: `boards.paused_at` and `paused_profiles`.

use rusqlite::{OptionalExtension, named_params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Doing;
use crate::kernel::error::Fault;
use crate::kernel::ids::{BoardName, EpochSeconds};
use crate::kernel::store::Connection;
use crate::kernel::store::boards::BoardKey;

/// A board or profile that is paused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pause {
    /// The board or the profile.
    pub name: String,
    /// Since when, epoch seconds.
    pub paused_at: EpochSeconds,
    /// Who paused it.
    pub paused_by: Option<String>,
}

/// Profiles that are paused, by name.
pub fn list_profiles(connection: &Connection) -> Result<Vec<Pause>, Fault> {
    let sql = "SELECT profile, paused_at, paused_by FROM paused_profiles ORDER BY profile";
    list(connection, sql)
}

/// Boards that are paused, by name.
pub fn list_boards(connection: &Connection) -> Result<Vec<Pause>, Fault> {
    let sql =
        "SELECT name, paused_at, paused_by FROM boards WHERE paused_at IS NOT NULL ORDER BY name";
    list(connection, sql)
}

fn list(connection: &Connection, sql: &str) -> Result<Vec<Pause>, Fault> {
    let doing = "list what is paused";
    let mut statement = connection.prepare_cached(sql).doing(doing)?;
    let rows = statement
        .query_map([], |row| {
            Ok(Pause { name: row.get(0)?, paused_at: row.get(1)?, paused_by: row.get(2)? })
        })
        .doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// Pauses a profile, by whom and since when, or resumes it. False when it stood so already.
pub fn set_profile(
    connection: &Connection,
    profile: &str,
    pause: Option<(&str, EpochSeconds)>,
) -> Result<bool, Fault> {
    let changed = match pause {
        Some((by, now)) => connection
            .prepare_cached(
                "INSERT INTO paused_profiles (profile, paused_at, paused_by) VALUES (:profile, :now, :by)
                 ON CONFLICT DO NOTHING",
            )
            .and_then(|mut s| {
                s.execute(named_params! { ":profile": profile, ":now": now, ":by": by })
            }),
        None => connection
            .prepare_cached("DELETE FROM paused_profiles WHERE profile = :profile")
            .and_then(|mut s| s.execute(named_params! { ":profile": profile })),
    };
    changed.map(|changed| changed == 1).doing("pause or resume a profile")
}

/// The same for a board.
pub fn set_board(
    connection: &Connection,
    board: &BoardKey,
    pause: Option<(&str, EpochSeconds)>,
) -> Result<bool, Fault> {
    let (by, at) = (pause.map(|(by, _)| by), pause.map(|(_, at)| at));
    connection
        .prepare_cached(
            "UPDATE boards SET paused_at = :at, paused_by = :by
             WHERE id = :board AND (paused_at IS NULL) = (:at IS NOT NULL)",
        )
        .and_then(|mut s| s.execute(named_params! { ":board": board.number, ":at": at, ":by": by }))
        .map(|changed| changed == 1)
        .doing("pause or resume a board")
}

/// The key under which the tasks of a board wait while it is paused, when it is. It goes by the number of the board: a name can change.
pub fn wait_key(connection: &Connection, board: &BoardName) -> Result<Option<String>, Fault> {
    connection
        .prepare_cached("SELECT id FROM boards WHERE name = :board AND paused_at IS NOT NULL")
        .and_then(|mut s| {
            s.query_row(named_params! { ":board": board }, |row| row.get::<_, i64>(0)).optional()
        })
        .map(|number| number.map(|number| format!("{PREFIX}{number}")))
        .doing("look whether a board is paused")
}

/// Whether a wait is one for a board to be resumed, and if so, the name of that board while it is paused.
pub fn waited_for(connection: &Connection, key: &str) -> Result<Option<Option<String>>, Fault> {
    let Some(number) = key.strip_prefix(PREFIX).and_then(|number| number.parse::<i64>().ok())
    else {
        return Ok(None);
    };
    connection
        .prepare_cached("SELECT name FROM boards WHERE id = :number AND paused_at IS NOT NULL")
        .and_then(|mut s| {
            s.query_row(named_params! { ":number": number }, |row| row.get(0)).optional()
        })
        .map(Some)
        .doing("look whether a board is paused")
}

/// No path, lease or breaker has a key that begins with it.
const PREFIX: &str = "pause:";
