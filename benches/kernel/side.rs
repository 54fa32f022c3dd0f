//! One copy of the filled board, open as the daemon opens it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kanband::kernel::board::{Batch, Board};
use kanband::kernel::caller::Caller;
use kanband::kernel::policy::Policy;
use kanband::kernel::random::SeededRandom;
use kanband::kernel::store::{Birth, Missing};
use kanband::kernel::verb::Verb;
use rusqlite::config::DbConfig;

/// Runs that may be open, and requests in one transaction.
pub const BATCH: usize = 16;

pub fn birth() -> Birth {
    Birth { install_id: "i".into(), incarnation: "n".into(), now: 1 }
}

pub fn person() -> Caller {
    Caller::Operator { name: "ada".into() }
}

pub fn system() -> Caller {
    Caller::System { part: "dispatcher" }
}

pub fn open(path: &Path, seed: u64) -> Board {
    let policy = Policy {
        max_running: BATCH as u32,
        lifetime_starts: u32::MAX,
        claim_ttl_seconds: 1_000_000,
        ..Policy::default()
    };
    let random = Box::new(SeededRandom::new(seed));
    Board::open(path, Missing::Create, &birth(), Arc::new(policy), random).unwrap()
}

/// SQLite alone on a file, set up as the board's own connections are.
pub fn open_bare(path: &Path) -> rusqlite::Connection {
    let bare = rusqlite::Connection::open(path).unwrap();
    bare.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).unwrap();
    bare.execute_batch(
        "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY;
         PRAGMA cache_size = -4096; PRAGMA synchronous = FULL;",
    )
    .unwrap();
    bare
}

/// A board and its time.
pub struct Side {
    pub board: Board,
    pub now: i64,
}

impl Side {
    /// Several requests in one transaction.
    pub fn together<T>(&mut self, work: impl FnOnce(&mut Batch<'_>) -> T) -> T {
        let mut batch = self.board.batch(self.now).unwrap();
        let answer = work(&mut batch);
        batch.commit().unwrap();
        answer
    }
}

/// A request that must succeed.
pub fn run<V: Verb>(batch: &mut Batch<'_>, caller: &Caller, verb: &V) -> V::Reply {
    batch.run(caller, None, verb).unwrap_or_else(|error| panic!("{}: {error}", V::NAME))
}

/// Copies a board that nobody has open, with its search index.
pub fn copy(from: &Path, name: &str) -> PathBuf {
    let to = from.with_file_name(format!("{name}.db"));
    std::fs::copy(from, &to).unwrap();
    std::fs::copy(from.with_extension("search.db"), to.with_extension("search.db")).unwrap();
    // What is still on its way to the disk would be paid by the first measured commits.
    std::fs::File::open(&to).unwrap().sync_all().unwrap();
    to
}
