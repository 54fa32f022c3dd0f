//! `task_attachments`: the attachments of a task, without their content.

use rusqlite::{OptionalExtension as _, Row, named_params};
use serde::{Deserialize, Serialize};

use super::Doing;
use crate::kernel::error::Fault;
use crate::kernel::ids::{EpochSeconds, TaskId};
use crate::kernel::store::Connection;

/// An attachment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Attachment {
    /// Row id.
    pub id: i64,
    /// Name, unique within the task.
    pub filename: String,
    /// Size, bytes.
    pub size_bytes: i64,
    /// SHA-256 of the content, lower-case hex.
    pub sha256: String,
    /// User or profile that attached it.
    pub uploaded_by: String,
    /// Time, epoch seconds.
    pub created_at: EpochSeconds,
}

fn read(row: &Row<'_>) -> rusqlite::Result<Attachment> {
    Ok(Attachment {
        id: row.get(0)?,
        filename: row.get(1)?,
        size_bytes: row.get(2)?,
        sha256: row.get(3)?,
        uploaded_by: row.get(4)?,
        created_at: row.get(5)?,
    })
}

/// What a row begins with.
#[derive(Debug, Clone, Copy)]
pub struct NewAttachment<'a> {
    /// Its name.
    pub filename: &'a str,
    /// Size, bytes.
    pub size_bytes: i64,
    /// SHA-256 of its bytes.
    pub sha256: &'a str,
    /// User or profile that attached it.
    pub uploaded_by: &'a str,
}

/// Adds a file to a task.
pub fn insert(
    connection: &Connection,
    task_id: &TaskId,
    new: &NewAttachment<'_>,
    now: EpochSeconds,
) -> Result<Attachment, Fault> {
    connection
        .prepare_cached(
            "INSERT INTO task_attachments (task_id, filename, size_bytes, sha256, uploaded_by, created_at)
             VALUES (:task_id, :filename, :size_bytes, :sha256, :uploaded_by, :now)
             RETURNING id, filename, size_bytes, sha256, uploaded_by, created_at",
        )
        .and_then(|mut s| {
            s.query_row(
                named_params! {
                    ":task_id": task_id, ":filename": new.filename, ":size_bytes": new.size_bytes,
                    ":sha256": new.sha256, ":uploaded_by": new.uploaded_by, ":now": now,
                },
                read,
            )
        })
        .doing("attach a file")
}

/// The file of a task that has this name.
pub fn get(
    connection: &Connection,
    task_id: &TaskId,
    filename: &str,
) -> Result<Option<Attachment>, Fault> {
    connection
        .prepare_cached(
            "SELECT id, filename, size_bytes, sha256, uploaded_by, created_at FROM task_attachments
             WHERE task_id = :task_id AND filename = :filename",
        )
        .and_then(|mut s| {
            let parameters = named_params! { ":task_id": task_id, ":filename": filename };
            s.query_row(parameters, read).optional()
        })
        .doing("look up an attachment")
}

/// All files of a task, by name.
pub fn list(connection: &Connection, task_id: &TaskId) -> Result<Vec<Attachment>, Fault> {
    let doing = "list attachments";
    let mut statement = connection
        .prepare_cached(
            "SELECT id, filename, size_bytes, sha256, uploaded_by, created_at FROM task_attachments
             WHERE task_id = :task_id ORDER BY filename",
        )
        .doing(doing)?;
    let rows = statement.query_map(named_params! { ":task_id": task_id }, read).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// Whether the task has these bytes under some name.
pub fn has(connection: &Connection, task_id: &TaskId, sha256: &str) -> Result<bool, Fault> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM task_attachments WHERE task_id = :task_id AND sha256 = :sha256)",
        )
        .and_then(|mut s| {
            let parameters = named_params! { ":task_id": task_id, ":sha256": sha256 };
            s.query_row(parameters, |row| row.get(0))
        })
        .doing("look up the content of an attachment")
}

/// Removes a file from its task.
pub fn remove(connection: &Connection, task_id: &TaskId, filename: &str) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "DELETE FROM task_attachments WHERE task_id = :task_id AND filename = :filename",
        )
        .and_then(|mut s| s.execute(named_params! { ":task_id": task_id, ":filename": filename }))
        .map(|_| ())
        .doing("remove an attachment")
}
