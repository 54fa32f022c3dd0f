//! The pool of read-only connections: each is lent for one read, so that all can be closed when the file is replaced.
//!
//! SQLite finds a database's WAL by the name of its file. Were a connection to the old file still open when a restored one
//! takes its name, closing it later could remove the new file's WAL. A restore therefore calls [`ReaderPool::replace`], which
//! waits for every connection to come home, closes them all, has the file replaced, and opens new ones.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::actors::board_loss::fault_of;
use crate::actors::readers::limit::{Allowance, Stop, limited, must_stop};
use crate::kernel::error::Fault;
use crate::kernel::store::{self, Connection};
use crate::os::home::board_files::BoardFiles;

struct State {
    idle: Vec<Connection>,
    lent_count: usize,
    is_closed: bool,
}

/// Shared by readers; cheap to clone.
#[derive(Clone)]
pub struct ReaderPool {
    path: Arc<PathBuf>,
    files: Arc<BoardFiles>,
    size: usize,
    state: Arc<(Mutex<State>, Condvar)>,
    /// Set while every connection is waited for: what may be done again later lets go of its own.
    is_wanted_back: Arc<AtomicBool>,
}

impl ReaderPool {
    /// `size` connections to the board at `path`, opened now: readers go on when the file is lost at its path. One that is given up
    /// is reopened when it is needed.
    ///
    /// # Errors
    /// One of them cannot be opened.
    pub fn open(path: &Path, files: Arc<BoardFiles>, size: usize) -> Result<Self, Fault> {
        let idle = (0..size).map(|_| open(path, &files)).collect::<Result<_, _>>()?;
        let state = State { idle, lent_count: 0, is_closed: false };
        Ok(Self {
            path: Arc::new(path.to_owned()),
            files,
            size,
            state: Arc::new((Mutex::new(state), Condvar::new())),
            is_wanted_back: Arc::default(),
        })
    }

    /// Lends a connection to `f`, waiting until one is free. A panic in `f` costs the connection, which is reopened; so does a
    /// transaction that is left open, because a read that was stopped could not end it.
    ///
    /// # Errors
    /// When no connection can be had.
    pub fn with<T>(&self, f: impl FnOnce(&Connection) -> T) -> Result<T, Fault> {
        let (mutex, changed) = &*self.state;
        let mut state = lock(mutex);
        while state.is_closed || (state.idle.is_empty() && state.lent_count >= self.size) {
            state = changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let connection = state.idle.pop();
        state.lent_count += 1;
        drop(state);
        let mut loan = Loan { pool: self, connection };
        if loan.connection.is_none() {
            loan.connection = Some(open(&self.path, &self.files)?);
        }
        let answer = match &loan.connection {
            Some(connection) => f(connection),
            None => return Err(Fault::NoAnswer { part: "a reading connection" }),
        };
        if loan.connection.as_ref().is_some_and(Connection::is_outside_transaction) {
            loan.finish();
        }
        Ok(answer)
    }

    /// The same for a long look that a restore need not wait for. Also says whether it was stopped.
    ///
    /// # Errors
    /// As [`ReaderPool::with`].
    pub fn with_until_wanted<T>(
        &self,
        f: impl FnOnce(&Connection) -> T,
    ) -> Result<(T, Option<Stop>), Fault> {
        let is_wanted_back = Arc::clone(&self.is_wanted_back);
        self.with(|connection| limited(Allowance::Unlimited, is_wanted_back, || f(connection)))
    }

    /// Waits until every connection is home, closes them, runs `replace`, and opens new ones.
    ///
    /// # Errors
    /// What `replace` returns; the connections are opened again all the same.
    pub fn replace<T, E>(&self, replace: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let (mutex, changed) = &*self.state;
        let mut state = lock(mutex);
        state.is_closed = true;
        self.is_wanted_back.store(true, Ordering::Relaxed);
        while state.lent_count > 0 {
            state = changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.idle.clear();
        drop(state);
        let answer = replace();
        self.is_wanted_back.store(false, Ordering::Relaxed);
        lock(mutex).is_closed = false;
        changed.notify_all();
        answer
    }
}

/// A connection on loan. Comes home by [`Loan::finish`]; dropped by a panic it is given up.
struct Loan<'p> {
    pool: &'p ReaderPool,
    connection: Option<Connection>,
}

impl Loan<'_> {
    fn finish(mut self) {
        if let Some(connection) = self.connection.take() {
            lock(&self.pool.state.0).idle.push(connection);
        }
    }
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        // Closed before it counts as home: a restore must not begin before that.
        drop(self.connection.take());
        let (mutex, changed) = &*self.pool.state;
        lock(mutex).lent_count -= 1;
        changed.notify_all();
    }
}

fn lock(mutex: &Mutex<State>) -> MutexGuard<'_, State> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Opens a connection to the board that is being served, and to no other file of its name.
fn open(path: &Path, files: &BoardFiles) -> Result<Connection, Fault> {
    files.check().map_err(|loss| fault_of(&loss))?;
    let mut connection = store::open_reader(path)?;
    store::search::attach(&connection, path)?;
    store::make_stoppable(&mut connection, must_stop)?;
    files.check().map_err(|loss| fault_of(&loss))?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::store::search::SearchIndex;
    use crate::kernel::store::{Birth, Missing, open_writer};

    fn pool_of(dir: &Path, size: usize) -> (Connection, ReaderPool) {
        let path = dir.join("kanban.db");
        let birth = Birth { install_id: "i".into(), incarnation: "n".into(), now: 1 };
        let writer = open_writer(&path, Missing::Create, &birth).unwrap();
        let files = Arc::new(BoardFiles::learn(&path).unwrap());
        drop(SearchIndex::open(&path, "n").unwrap());
        (writer, ReaderPool::open(&path, files, size).unwrap())
    }

    #[test]
    fn a_transaction_that_was_left_open_is_no_later_loans() {
        let dir = tempfile::tempdir().unwrap();
        let (_writer, pool) = pool_of(dir.path(), 1);
        for _ in 0..3 {
            pool.with(Connection::begin_for_good).unwrap();
        }
    }

    #[test]
    fn a_replacement_begins_when_every_loan_is_over_and_a_panic_ends_a_loan_too() {
        let dir = tempfile::tempdir().unwrap();
        let (_writer, pool) = pool_of(dir.path(), 2);
        let panicking = std::panic::AssertUnwindSafe(|| pool.with(|_| panic!("inside a loan")));
        assert!(std::panic::catch_unwind(panicking).is_err());
        let (begun, wait_begun) = std::sync::mpsc::channel();
        let (end, wait_end) = std::sync::mpsc::channel::<()>();
        let order = Arc::new(Mutex::new(Vec::new()));
        let lender = {
            let (pool, order) = (pool.clone(), Arc::clone(&order));
            std::thread::spawn(move || {
                pool.with(|_| {
                    begun.send(()).unwrap();
                    wait_end.recv().unwrap();
                    order.lock().unwrap().push("loan over");
                })
                .unwrap();
            })
        };
        wait_begun.recv().unwrap();
        let replacer = {
            let (pool, order) = (pool.clone(), Arc::clone(&order));
            std::thread::spawn(move || {
                pool.replace(|| {
                    order.lock().unwrap().push("replaced");
                    Ok::<(), Fault>(())
                })
                .unwrap();
            })
        };
        end.send(()).unwrap();
        lender.join().unwrap();
        replacer.join().unwrap();
        assert_eq!(*order.lock().unwrap(), ["loan over", "replaced"]);
        pool.with(|_| ()).unwrap();
    }
}
