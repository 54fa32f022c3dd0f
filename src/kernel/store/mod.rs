//! The only module with SQL: one SQLite file, opened, migrated, read and written here.
//!
//! # Locking
//! One process writes (the daemon, under its lifetime lock) through one connection; each reader has a read-only
//! connection of its own. No exclusive mode: operators may look in with `sqlite3`.
//!
//! # Durability
//! WAL with `synchronous=FULL`: a commit that was answered survives a power cut. The bundled SQLite is asserted to be
//! at least 3.51.3 (older ones can reset the WAL under a reader and lose pages).
//!
//! # Compatibility
//! `user_version` is the number of the last migration; files of a newer one are refused, unchanged. The schema uses
//! nothing that SQLite 3.40 does not know. See [`migrate`].
//!
//! One file per table; each function is one statement, shown where its parameters and its row mapper are.

pub mod attachments;
pub mod backup;
pub mod backup_files;
pub mod boards;
pub mod breakers;
pub mod cards;
pub mod chat_messages;
pub mod chat_people;
pub mod chat_tokens;
pub mod check;
pub mod comments;
pub mod conditions;
mod connection;
pub mod counts;
pub mod due;
pub mod events;
mod faults;
pub mod filters;
pub mod footing;
pub mod foreign;
pub mod history;
pub mod inbound;
pub mod install;
pub mod labels;
pub mod leases;
pub mod links;
pub mod listing;
pub mod migrate;
pub mod neighbours;
mod open;
mod open_error;
pub mod outbox;
pub mod page;
pub mod pauses;
pub mod people;
mod private_file;
pub mod purge;
pub mod questions;
pub mod queue;
pub mod requests;
pub mod routes;
pub mod rows;
pub mod rows_of_backup;
pub mod runs;
pub mod schedules;
pub mod schema;
pub mod search;
pub mod subscriptions;
pub mod tasks;
pub mod transaction;
pub mod transfer;
pub mod waiting;
pub mod worker_tasks;
pub mod workspaces;

pub use connection::Connection;

pub(crate) use faults::{Doing, is_unique_violation};
pub use migrate::{MigrationWatch, Unwatched};
pub use open::{
    Checked, Verified, complete, find_damage, inspect, installation_of, make_stoppable,
    open_reader, open_watched, open_writer, verify,
};
pub(in crate::kernel) use open::{open_nothing, open_staged};
pub use open_error::{Birth, Difference, Missing, OpenError, SQLITE_VERSION_MIN};
pub use page::PageBounds;
