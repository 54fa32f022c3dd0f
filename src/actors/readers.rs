//! Readers: read-only connections beside the writer, each on its own thread.
//!
//! *Owns* the threads; the connections are lent by [`ReaderPool`]. *Receives* queries. *Sends* nothing. A read never takes the
//! write lock and holds its snapshot only as long as it reads, which is bounded ([`limit`]); who reads next is [`schedule`]'s to
//! say. A query that panics costs a connection, which is reopened.

pub mod limit;
pub mod schedule;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::actors::reader_pool::ReaderPool;
use crate::kernel::caller::Caller;
use crate::kernel::context::LocalTime;
use crate::kernel::error::{Fault, Refusal, VerbError};
use crate::kernel::queries::Snapshot;
use crate::kernel::store::{self, Connection};
use crate::os::host::clock::epoch_seconds;
use limit::{Allowance, Stop, limited};
pub use schedule::READER_COUNT;
use schedule::{Lane, Schedule};

type Job = Box<dyn FnOnce(&Connection) + Send>;

/// The handle: cheap to clone, usable from every thread. The threads end with the last one.
#[derive(Clone)]
pub struct Readers {
    shared: Arc<Shared>,
    local_time: Arc<LocalTime>,
    _open: Arc<Open>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    reads: AtomicU64,
    stopped: AtomicU64,
}

#[derive(Default)]
struct State {
    schedule: Schedule<Job>,
    is_closed: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Dropped with the last handle.
struct Open(Arc<Shared>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.state().is_closed = true;
        self.0.changed.notify_all();
    }
}

/// Dropped when the caller stops waiting for the answer.
struct Waiting(Arc<AtomicBool>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Readers {
    /// Starts the threads on the connections of `pool`. They end with the last handle.
    ///
    /// # Errors
    /// When a thread cannot be made.
    pub fn start(pool: &ReaderPool, local_time: LocalTime) -> std::io::Result<Self> {
        let shared = Arc::<Shared>::default();
        for index in 0..READER_COUNT {
            let (pool, shared) = (pool.clone(), Arc::clone(&shared));
            std::thread::Builder::new()
                .name(format!("reader-{index}"))
                .spawn(move || read_until_closed(&pool, &shared))?;
        }
        let open = Arc::new(Open(Arc::clone(&shared)));
        Ok(Self { shared, local_time: Arc::new(local_time), _open: open })
    }

    /// Runs `f` on one snapshot, within the time of an ordinary answer.
    ///
    /// # Errors
    /// What `f` returns, [`Refusal::ReadTooLong`], or a fault.
    pub async fn read<T: Send + 'static>(
        &self,
        caller: Caller,
        f: impl FnOnce(&Snapshot<'_>) -> Result<T, VerbError> + Send + 'static,
    ) -> Result<T, VerbError> {
        self.read_then(caller, f, Ok).await
    }

    /// The same, and runs `then` on what was read, on the reader's thread, when the snapshot is over.
    ///
    /// # Errors
    /// As [`Readers::read`], and what `then` returns.
    pub async fn read_then<T: 'static, R: Send + 'static>(
        &self,
        caller: Caller,
        f: impl FnOnce(&Snapshot<'_>) -> Result<T, VerbError> + Send + 'static,
        then: impl FnOnce(T) -> Result<R, VerbError> + Send + 'static,
    ) -> Result<R, VerbError> {
        let (lane, allowance) = match &caller {
            Caller::Courier | Caller::System { .. } => (Lane::System, Allowance::Unlimited),
            Caller::Operator { name } => (Lane::Person(name.clone()), Allowance::Short),
            Caller::Chat(by) => (Lane::Person(by.name.clone()), Allowance::Short),
            Caller::Worker { run_id, .. } => (Lane::Worker(*run_id), Allowance::Short),
        };
        self.run(lane, allowance, caller, f, then).await
    }

    /// Runs `f` for a caller of whom nothing is proven yet: it has no more of the threads than workers have.
    ///
    /// # Errors
    /// As [`Readers::read`].
    pub async fn read_for_unproven<T: Send + 'static>(
        &self,
        f: impl FnOnce(&Snapshot<'_>) -> Result<T, VerbError> + Send + 'static,
    ) -> Result<T, VerbError> {
        let caller = Caller::System { part: "api" };
        self.run(Lane::Unproven, Allowance::Short, caller, f, Ok).await
    }

    /// Runs `f` on one snapshot although it looks at the whole file. For operations of persons only; one at a time.
    ///
    /// # Errors
    /// As [`Readers::read`].
    pub async fn read_long<T: Send + 'static>(
        &self,
        caller: Caller,
        f: impl FnOnce(&Snapshot<'_>) -> Result<T, VerbError> + Send + 'static,
    ) -> Result<T, VerbError> {
        self.run(Lane::Long, Allowance::Long, caller, f, Ok).await
    }

    async fn run<T: 'static, R: Send + 'static>(
        &self,
        lane: Lane,
        allowance: Allowance,
        caller: Caller,
        f: impl FnOnce(&Snapshot<'_>) -> Result<T, VerbError> + Send + 'static,
        then: impl FnOnce(T) -> Result<R, VerbError> + Send + 'static,
    ) -> Result<R, VerbError> {
        let (reply, answer) = oneshot::channel();
        let local_time = Arc::clone(&self.local_time);
        let is_abandoned = Arc::new(AtomicBool::new(false));
        let _waiting = Waiting(Arc::clone(&is_abandoned));
        let shared = Arc::clone(&self.shared);
        let job: Job = Box::new(move |connection| {
            if is_abandoned.load(Ordering::Relaxed) {
                return;
            }
            let now = epoch_seconds();
            let read = || {
                store::transaction::snapshot(connection, |connection| {
                    f(&Snapshot { connection, now, caller: &caller, local_time: &local_time })
                })
            };
            let (read, stopped) = limited(allowance, is_abandoned, read);
            let answer = match (read, stopped) {
                (Err(_), Some(Stop::TooLong(ms))) => {
                    shared.stopped.fetch_add(1, Ordering::Relaxed);
                    Err(Refusal::ReadTooLong { ms }.into())
                }
                (read, _) => read.and_then(then),
            };
            // A caller that went away does not want the answer.
            drop(reply.send(answer));
        });
        self.shared.reads.fetch_add(1, Ordering::Relaxed);
        if self.shared.state().schedule.push(lane, job).is_err() {
            return Err(Fault::Busy { what: "too many waiting reads of this caller" }.into());
        }
        self.shared.changed.notify_one();
        answer.await.unwrap_or_else(|_| Err(Fault::NoAnswer { part: "a reader" }.into()))
    }

    /// Reads done so far.
    pub fn reads(&self) -> u64 {
        self.shared.reads.load(Ordering::Relaxed)
    }

    /// Reads that were stopped because they took too long.
    pub fn stopped(&self) -> u64 {
        self.shared.stopped.load(Ordering::Relaxed)
    }
}

fn read_until_closed(pool: &ReaderPool, shared: &Shared) {
    loop {
        let mut state = shared.state();
        let (lane, job) = loop {
            if let Some(next) = state.schedule.next_read() {
                break next;
            }
            if state.is_closed {
                return;
            }
            state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        };
        drop(state);
        let read = std::panic::AssertUnwindSafe(|| pool.with(job));
        match std::panic::catch_unwind(read) {
            Ok(Ok(())) => {}
            Ok(Err(fault)) => tracing::error!(%fault, "cannot open a reading connection"),
            Err(_panic) => tracing::error!("a query panicked"),
        }
        shared.state().schedule.done(&lane);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::store::search::SearchIndex;
    use crate::kernel::store::{Birth, Missing, open_writer};
    use crate::os::home::board_files::BoardFiles;

    /// Never comes to its end by itself.
    fn endless(snapshot: &Snapshot<'_>) -> Result<i64, VerbError> {
        Ok(snapshot.connection.count_without_end()?)
    }

    fn with_readers(test: impl AsyncFnOnce(Readers)) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kanban.db");
        let birth = Birth { install_id: "i".into(), incarnation: "n".into(), now: 1 };
        let _writer = open_writer(&path, Missing::Create, &birth).unwrap();
        drop(SearchIndex::open(&path, "n").unwrap());
        let files = Arc::new(BoardFiles::learn(&path).unwrap());
        let pool = ReaderPool::open(&path, files, READER_COUNT).unwrap();
        let readers = Readers::start(&pool, LocalTime::new(jiff::tz::TimeZone::UTC)).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(test(readers));
    }

    fn person(name: &str) -> Caller {
        Caller::Operator { name: name.into() }
    }

    #[test]
    fn a_read_that_takes_too_long_is_stopped_and_told_so() {
        with_readers(async |readers| {
            let answer = readers.read(person("ada"), endless).await;
            let is_too_long =
                matches!(answer, Err(VerbError::Refused(Refusal::ReadTooLong { ms })) if ms > 0);
            assert!(is_too_long, "{answer:?}");
            assert_eq!(readers.stopped(), 1);
            readers.read(person("ada"), |_| Ok(())).await.unwrap();
        });
    }

    #[test]
    fn reads_that_nobody_waits_for_any_more_give_their_threads_back() {
        with_readers(async |readers| {
            // The daemon's own reads have no limit, so only their being abandoned ends them.
            let system = || Caller::System { part: "test" };
            for _ in 0..READER_COUNT {
                let read = readers.read(system(), endless);
                let begun = tokio::time::timeout(std::time::Duration::from_millis(20), read).await;
                assert!(begun.is_err());
            }
            readers.read(person("ada"), |_| Ok(())).await.unwrap();
        });
    }
}
