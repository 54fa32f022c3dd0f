//! Readers: read-only connections beside the writer, each on a thread of its own.
//!
//! *Owns* the threads; the connections are lent by [`ReaderPool`]. *Receives* queries. *Sends* nothing. A read never takes the
//! write lock and holds its snapshot only as long as it reads. A query that panics costs a connection, which is opened anew.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot};

use crate::actors::reader_pool::ReaderPool;
use crate::kernel::caller::Caller;
use crate::kernel::context::LocalTime;
use crate::kernel::error::{Fault, VerbError};
use crate::kernel::queries::{Query, Snapshot};
use crate::kernel::store::{self, Connection};
use crate::os::clock::epoch_seconds;

/// Reading threads. More would only compete with the writer for the two cores of a small host.
pub const READER_COUNT: usize = 2;

/// Queries that may wait; more make their callers wait.
const QUERY_QUEUE_MAX: usize = 256;

type Job = Box<dyn FnOnce(&Connection) + Send>;

/// The handle: cheap to clone, usable from every thread.
#[derive(Clone)]
pub struct Readers {
    sender: mpsc::Sender<Job>,
    local_time: Arc<LocalTime>,
    reads: Arc<AtomicU64>,
}

impl Readers {
    /// Starts the threads on the connections of `pool`. They end with the last handle.
    ///
    /// # Errors
    /// When a thread cannot be made.
    pub fn start(pool: &ReaderPool, local_time: LocalTime) -> std::io::Result<Self> {
        let (sender, receiver) = mpsc::channel::<Job>(QUERY_QUEUE_MAX);
        let receiver = Arc::new(Mutex::new(receiver));
        for index in 0..READER_COUNT {
            let (pool, receiver) = (pool.clone(), Arc::clone(&receiver));
            std::thread::Builder::new()
                .name(format!("reader-{index}"))
                .spawn(move || read_until_closed(&pool, &receiver))?;
        }
        Ok(Self { sender, local_time: Arc::new(local_time), reads: Arc::default() })
    }

    /// Has a query answered from one snapshot.
    ///
    /// # Errors
    /// The query's refusal, or a fault.
    pub async fn query<Q: Query>(&self, caller: Caller, query: Q) -> Result<Q::Reply, VerbError> {
        self.read(caller, move |snapshot| query.read(snapshot)).await
    }

    /// Runs `f` on one snapshot.
    ///
    /// # Errors
    /// What `f` returns, or a fault.
    pub async fn read<T: Send + 'static>(
        &self,
        caller: Caller,
        f: impl FnOnce(&Snapshot<'_>) -> Result<T, VerbError> + Send + 'static,
    ) -> Result<T, VerbError> {
        let (reply, answer) = oneshot::channel();
        let local_time = Arc::clone(&self.local_time);
        let job: Job = Box::new(move |connection| {
            let now = epoch_seconds();
            let read = store::transaction::snapshot(connection, |connection| {
                f(&Snapshot { connection, now, caller: &caller, local_time: &local_time })
            });
            // A caller that went away does not want the answer any more.
            drop(reply.send(read));
        });
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.sender.send(job).await.map_err(|_| Fault::ShuttingDown)?;
        answer.await.unwrap_or_else(|_| Err(Fault::NoAnswer { part: "a reader" }.into()))
    }

    /// Reads done so far.
    pub fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }
}

fn read_until_closed(pool: &ReaderPool, receiver: &Mutex<mpsc::Receiver<Job>>) {
    loop {
        let next = receiver.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        let Some(job) = next else { return };
        let read = std::panic::AssertUnwindSafe(|| pool.with(job));
        match std::panic::catch_unwind(read) {
            Ok(Ok(())) => {}
            Ok(Err(fault)) => tracing::error!(%fault, "a reading connection could not be had"),
            Err(_panic) => tracing::error!("a query panicked"),
        }
    }
}
