//! Boards as records: what an export writes and an import reads, from this program or from the predecessor.
//!
//! A [`record::TaskRecord`] is one task with everything that belongs to it. Links name two tasks, so they come after all tasks. An
//! import is sent in batches; each record stands for itself and recognizes what an earlier import brought, so it can be
//! repeated as a whole.
//!
//! | file | what |
//! |---|---|
//! | [`record`] | the record, lenient in what it takes |
//! | [`normalize`] | from a record to rows that this board may hold: pure, with a table of tests |
//! | [`fit`](mod@fit) | the board's bounds, applied to a record: pure |
//! | [`settle`](mod@settle) | where tasks stand once their links are there: pure |
//! | [`shorten_history`](mod@shorten_history) | the newest rows of a history that is too large: pure |
//! | [`report`] | what an import says beside its counts |
//! | [`import`] | the verbs that write them |
//! | [`export`] | reading a board as records |
//! | [`hermes`] | reading a file of the predecessor as records |

pub mod export;
pub mod fit;
pub mod hermes;
pub mod import;
pub mod normalize;
mod questions;
pub mod record;
pub mod report;
pub mod settle;
pub mod shorten_history;
