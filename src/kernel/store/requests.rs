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

/// Forgets up to `limit` replies from before `before`.
pub fn prune(connection: &Connection, before: EpochSeconds, limit: i64) -> Result<usize, Fault> {
    connection
        .prepare_cached(
            "DELETE FROM requests WHERE id IN
               (SELECT id FROM requests WHERE created_at < :before ORDER BY created_at LIMIT :limit)",
        )
        .and_then(|mut s| s.execute(named_params! { ":before": before, ":limit": limit }))
        .doing("delete old replies")
}
