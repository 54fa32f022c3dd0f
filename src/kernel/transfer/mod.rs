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
//! | [`import`] | the verbs that write them |
//! | `fit` | columns that violate a constraint of this board |
//! | [`export`] | reading a board as records |
//! | [`hermes`] | reading a file of the predecessor as records |

pub mod export;
mod fit;
pub mod hermes;
pub mod import;
pub mod normalize;
pub mod record;
