//! `requests`: replies kept for clients that lost them.

use rusqlite::{OptionalExtension, named_params};

use super::Doing;
use crate::kernel::error::Fault;
use crate::kernel::ids::EpochSeconds;
use crate::kernel::store::Connection;

/// A reply that was given before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredReply {
    /// Digest of verb, arguments and caller.
    pub digest: String,
    /// The reply as JSON.
    pub reply: String,
}

/// The reply given to the request `id`, if it was given.
pub fn get(connection: &Connection, id: &str) -> Result<Option<StoredReply>, Fault> {
    connection
        .prepare_cached("SELECT digest, reply FROM requests WHERE id = :id")
        .and_then(|mut s| {
            s.query_row(named_params! { ":id": id }, |row| {
                Ok(StoredReply { digest: row.get(0)?, reply: row.get(1)? })
            })
            .optional()
        })
        .doing("look up a request")
}

/// Keeps the reply to the request `id`.
pub fn insert(
    connection: &Connection,
    id: &str,
    stored: &StoredReply,
    now: EpochSeconds,
) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "INSERT INTO requests (id, digest, reply, created_at) VALUES (:id, :digest, :reply, :now)",
        )
        .and_then(|mut s| {
            s.execute(named_params! {
                ":id": id, ":digest": stored.digest, ":reply": stored.reply, ":now": now,
            })
        })
        .map(|_| ())
        .doing("store a reply")
}

/// Forgets the replies from before `before` among the next `limit` ones after `cursor`, in the order of their ids; returns where
/// to go on, none at the end. An index by time would be one more page in every request.
pub fn prune(
    connection: &Connection,
    cursor: &str,
    before: EpochSeconds,
    limit: i64,
) -> Result<Option<String>, Fault> {
    let doing = "delete old replies";
    let next: Option<String> = connection
        .prepare_cached(
            "SELECT id FROM requests WHERE id > :cursor ORDER BY id LIMIT 1 OFFSET :limit - 1",
        )
        .and_then(|mut s| {
            s.query_row(named_params! { ":cursor": cursor, ":limit": limit }, |row| row.get(0))
                .optional()
        })
        .doing(doing)?;
    connection
        .prepare_cached(
            "DELETE FROM requests WHERE id > :cursor AND (:next IS NULL OR id <= :next) AND created_at < :before",
        )
        .and_then(|mut s| {
            s.execute(named_params! { ":cursor": cursor, ":next": next, ":before": before })
        })
        .doing(doing)?;
    Ok(next)
}
