//! Database: the only write connection, on its own thread, with group commit.
//!
//! *Owns* the [`Board`] and with it the write connection. *Receives* verbs. *Sends* one [`Committed`] per commit to the event
//! hub. *Restarts*: never; a panic here ends the process (exit 70), the next start finds what was committed.
//!
//! actix cannot drain a mailbox, so this actor is a handle: a bounded channel into one thread. The thread takes one request,
//! then more without waiting (at most 256 or 2 ms of work), runs all in one transaction, commits once, then answers, then publishes.
//! When one of them fails after it has written, all are run again, each in a savepoint (docs/adr/0015-writes.md). Under load one sync
//! to disk serves many requests; a single request is not delayed.
//!
//! ```text
//!   submit ─▶ [bounded channel] ─▶ BEGIN · request · request · … · COMMIT ─▶ replies ─▶ Committed
//! ```

mod last_commit;
mod work;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Instant;

use tokio::sync::{mpsc, oneshot};

use last_commit::LastCommit;
use work::{TypedWork, Work, fail_all, run_pending};

use crate::actors::board_loss::fault_of;
use crate::actors::configuration::Configuration;
use crate::actors::database_figures::DatabaseFigures;
use crate::actors::event_hub::messages::Committed;
use crate::actors::live::Live;
use crate::actors::reader_pool::ReaderPool;
use crate::actors::shared_counts::SharedCounts;
use crate::actors::wire::Wire;
use crate::kernel::board::Board;
use crate::kernel::caller::Caller;
use crate::kernel::counts::Counts;
use crate::kernel::error::{Fault, VerbError};
use crate::kernel::ids::EventId;
use crate::kernel::limits::{COMMIT_REQUESTS_MAX, DATABASE_QUEUE_MAX};
use crate::kernel::restore::RestoreError;
use crate::kernel::store;
use crate::kernel::verb::Verb;
use crate::os::home::board_files::{BoardFiles, BoardLoss};
use crate::os::host::clock::{epoch_seconds, monotonic_ms};
use crate::os::host::disk::DiskReserve;

/// A verb on its way to the database.
pub struct Submit<V> {
    /// Who asks.
    pub caller: Caller,
    /// Id under which the client may repeat it.
    pub request_id: Option<String>,
    /// What is asked.
    pub verb: V,
}

impl<V> Submit<V> {
    /// A verb that a part of the daemon asks for.
    pub fn by_system(part: &'static str, verb: V) -> Self {
        Self { caller: Caller::System { part }, request_id: None, verb }
    }
}

/// The handle: cheap to clone, usable from every thread.
#[derive(Clone)]
pub struct Database {
    sender: mpsc::Sender<Order>,
    counts: SharedCounts,
    figures: Arc<DatabaseFigures>,
    files: Arc<BoardFiles>,
}

enum Order {
    Work(Box<dyn Work>),
    LookAtFiles,
    Replace(Box<Replacement>),
    /// Nothing but the answer that what came before is over.
    Settle(oneshot::Sender<()>),
}

/// A restore on its way to the database.
struct Replacement {
    staged: PathBuf,
    pool: ReaderPool,
    reply: oneshot::Sender<Result<Restored, RestoreError>>,
}

/// A restore that was done.
#[derive(Debug)]
pub struct Restored {
    /// New incarnation of the database.
    pub incarnation: String,
    /// Where the replaced file is kept.
    pub kept: PathBuf,
}

impl Database {
    /// Starts the thread. Its commits go to `publish`; `on_end` is called when it ends, with whether it panicked.
    ///
    /// # Errors
    /// When the thread cannot be made.
    pub fn start(
        board: Board,
        configuration: Live<Configuration>,
        files: Arc<BoardFiles>,
        reserve: DiskReserve,
        publish: Wire<Committed>,
        on_end: impl FnOnce(bool) + Send + 'static,
    ) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (sender, receiver) = mpsc::channel(DATABASE_QUEUE_MAX);
        let counts = SharedCounts::new(board.counts().clone());
        let figures = Arc::new(DatabaseFigures::default());
        figures.newest_event.store(newest_event_of(&board), Ordering::Release);
        let handle = Self {
            sender,
            counts: counts.clone(),
            figures: Arc::clone(&figures),
            files: Arc::clone(&files),
        };
        let (pending, loss) = (VecDeque::new(), None);
        let mut thread = DatabaseThread {
            board,
            configuration,
            files,
            loss,
            reserve,
            receiver,
            pending,
            again_with_savepoints: 0,
            last_commit: LastCommit::default(),
            publish,
            counts,
            figures,
        };
        let join = std::thread::Builder::new().name("database".to_owned()).spawn(move || {
            let work = std::panic::AssertUnwindSafe(|| thread.work());
            let panicked = std::panic::catch_unwind(work).is_err();
            if !panicked {
                thread.close();
            }
            on_end(panicked);
        })?;
        Ok((handle, join))
    }

    /// Has a verb done. Returns when its effect is durable.
    ///
    /// # Errors
    /// The verb's refusal, or a fault; [`Fault::ShuttingDown`] when the thread is gone.
    pub async fn submit<V: Verb>(&self, submit: Submit<V>) -> Result<V::Reply, VerbError> {
        let (reply, answer) = oneshot::channel();
        let work = Box::new(TypedWork::new(submit, reply));
        self.sender.send(Order::Work(work)).await.map_err(|_| Fault::ShuttingDown)?;
        answer.await.unwrap_or_else(|_| Err(Fault::ShuttingDown.into()))
    }

    /// Puts a prepared file in the place of the board. Requests that come meanwhile wait.
    ///
    /// # Errors
    /// [`RestoreError`]; the board goes on as it was.
    pub async fn replace(
        &self,
        staged: PathBuf,
        pool: ReaderPool,
    ) -> Result<Restored, RestoreError> {
        let (reply, answer) = oneshot::channel();
        let order = Order::Replace(Box::new(Replacement { staged, pool, reply }));
        self.sender.send(order).await.map_err(|_| Fault::ShuttingDown)?;
        answer.await.unwrap_or_else(|_| Err(Fault::ShuttingDown.into()))
    }

    /// Waits until what was submitted before is committed or has failed, also what its caller no longer waits for. A read that begins
    /// afterwards sees all of it.
    ///
    /// # Errors
    /// [`Fault::ShuttingDown`] when the thread is gone.
    pub async fn settled(&self) -> Result<(), Fault> {
        let (reply, answer) = oneshot::channel();
        self.sender.send(Order::Settle(reply)).await.map_err(|_| Fault::ShuttingDown)?;
        answer.await.map_err(|_| Fault::ShuttingDown)
    }

    /// The counts as of the last commit.
    pub fn counts(&self) -> Counts {
        self.counts.now()
    }

    /// The counts, for reads that need those of their snapshot.
    pub fn shared_counts(&self) -> &SharedCounts {
        &self.counts
    }

    /// Id of the newest event that is committed: not below that of any request that was answered.
    pub fn newest_event(&self) -> EventId {
        self.figures.newest_event.load(Ordering::Acquire)
    }

    /// Has the thread look whether the board's files are still the ones it writes to. Does not wait: a thread that has a full queue
    /// looks anyway, before its next batch.
    pub fn look_at_files(&self) {
        drop(self.sender.try_send(Order::LookAtFiles));
    }

    /// What has become of the board's files, when that is why writes are disabled.
    pub fn loss(&self) -> Option<BoardLoss> {
        self.files.check().err()
    }

    /// What the thread has done so far.
    pub fn figures(&self) -> &DatabaseFigures {
        &self.figures
    }
}

/// Where that is unknown, every event to come is newer.
fn newest_event_of(board: &Board) -> EventId {
    board.read(store::events::newest_id).unwrap_or_default()
}

struct DatabaseThread {
    board: Board,
    /// The policy of each transaction.
    configuration: Live<Configuration>,
    files: Arc<BoardFiles>,
    /// What has become of the files, as it was last told.
    loss: Option<BoardLoss>,
    reserve: DiskReserve,
    receiver: mpsc::Receiver<Order>,
    pending: VecDeque<Box<dyn Work>>,
    /// How many of those at its head are run again, each in a savepoint.
    again_with_savepoints: usize,
    last_commit: LastCommit,
    publish: Wire<Committed>,
    counts: SharedCounts,
    figures: Arc<DatabaseFigures>,
}

impl DatabaseThread {
    /// Until the last handle is gone and everything that waited is done.
    fn work(&mut self) {
        loop {
            if self.pending.is_empty() {
                match self.receiver.blocking_recv() {
                    Some(order) => self.take(order),
                    None => return,
                }
            }
            while self.pending.len() < COMMIT_REQUESTS_MAX
                && let Ok(order) = self.receiver.try_recv()
            {
                self.take(order);
            }
            self.gather();
            if !self.pending.is_empty() {
                self.commit_pending();
            }
        }
    }

    /// Waits for those who were answered by the last commit to ask again, for as long as half of that commit took: they then share
    /// the next one. A single request is not delayed.
    fn gather(&mut self) {
        let started = Instant::now();
        while self.last_commit.is_worth_waiting(self.pending.len(), started.elapsed()) {
            match self.receiver.try_recv() {
                Ok(order) => self.take(order),
                Err(_) => std::thread::yield_now(),
            }
        }
    }

    fn take(&mut self, order: Order) {
        match order {
            Order::Work(work) => self.pending.push_back(work),
            // What it finds is logged, and each batch looks again.
            Order::LookAtFiles => drop(self.look_at_files()),
            Order::Replace(replacement) => {
                self.commit_all();
                self.replace(*replacement);
            }
            Order::Settle(reply) => {
                self.commit_all();
                let _caller_is_gone = reply.send(()).is_err();
            }
        }
    }

    /// What was asked before is done before.
    fn commit_all(&mut self) {
        while !self.pending.is_empty() {
            self.commit_pending();
        }
    }

    fn replace(&mut self, replacement: Replacement) {
        let Replacement { staged, pool, reply } = replacement;
        // What happened to the files decides what may still be written into the old one.
        let _known = self.look_at_files().is_ok();
        let (board, files) = (&mut self.board, &self.files);
        let answer = pool.replace(|| {
            let replaced = board.replace_with(&staged);
            let learned = files.learn_again(board.path()).map_err(|loss| fault_of(&loss));
            let kept = replaced?;
            learned?;
            let incarnation = board.install()?.incarnation;
            Ok(Restored { incarnation, kept })
        });
        self.counts.replace(self.board.counts().clone());
        self.figures.newest_event.store(newest_event_of(&self.board), Ordering::Release);
        drop(reply.send(answer));
    }

    /// One transaction for what waits; what does not fit into its time has the next.
    fn commit_pending(&mut self) {
        crate::failpoint::hit("database-pending");
        if let Err(fault) = self.look_at_files() {
            fail_all(self.pending.drain(..), fault);
            return;
        }
        self.turn_away_on_full_disk();
        // What was asked after a reload was answered has the new one.
        self.board.set_policy(self.configuration.policy());
        let again = std::mem::take(&mut self.again_with_savepoints);
        let begin = if again > 0 { Board::batch_with_savepoints } else { Board::batch };
        let mut batch = match begin(&mut self.board, epoch_seconds()) {
            Ok(batch) => batch,
            Err(fault) => {
                tracing::error!(%fault, "cannot begin a transaction");
                fail_all(self.pending.drain(..), fault);
                return;
            }
        };
        let (done, is_full) = run_pending(&mut self.pending, &mut batch, again);
        if batch.wants_savepoints() {
            drop(batch);
            self.again_with_savepoints = done.len();
            return self.put_back(done);
        }
        if is_full && self.reserve.release() {
            drop(batch);
            return self.try_again(done);
        }
        self.counts.announce(batch.effects());
        let commit_started = Instant::now();
        // Looked at again: what was committed into a lost file is not told as done.
        let committed = batch.commit().and_then(|effects| self.look_at_files().map(|()| effects));
        self.counts.settle(committed.is_ok());
        self.last_commit = LastCommit { requests: done.len(), took: commit_started.elapsed() };
        let commit_us = u64::try_from(self.last_commit.took.as_micros()).unwrap_or(u64::MAX);
        self.figures.requests.fetch_add(done.len() as u64, Ordering::Relaxed);
        self.figures.commits.fetch_add(1, Ordering::Relaxed);
        self.figures.commit_us.fetch_add(commit_us, Ordering::Relaxed);
        self.figures.commit_times_us.see(commit_us);
        self.figures.batch_sizes.see(done.len() as u64);
        match committed {
            Ok(effects) => {
                if let Some(newest) = effects.events.last() {
                    self.figures.newest_event.store(newest.id, Ordering::Release);
                }
                done.into_iter().for_each(|work| work.settle(Ok(())));
                crate::failpoint::hit("replies-sent");
                self.figures.see_free_bytes(self.reserve.free_bytes(), monotonic_ms());
                if !effects.events.is_empty() || !effects.signals.is_empty() {
                    self.publish.tell(Committed::new(effects));
                }
            }
            Err(fault) => {
                if matches!(fault, Fault::DiskFull { .. }) && self.reserve.release() {
                    return self.try_again(done);
                }
                tracing::error!(%fault, requests = done.len(), "cannot commit");
                fail_all(done, fault);
            }
        }
    }

    /// Whether what is written now can be found again. When that changes it is logged, and what the journal holds is moved into
    /// the file that is open: so that a file that was only renamed holds everything, and no journal is left for another file.
    fn look_at_files(&mut self) -> Result<(), Fault> {
        let loss = self.files.check().err();
        if loss != self.loss {
            match &loss {
                Some(loss) => tracing::error!(%loss, "writes are disabled"),
                None => tracing::warn!("the board's files are back: writes are enabled"),
            }
            match &loss {
                Some(loss) if loss.is_intact() => self.complete_file(),
                Some(BoardLoss::Overwritten { .. } | BoardLoss::Damaged { .. }) => {
                    self.leave_file_alone();
                }
                Some(_) | None => {}
            }
            self.loss = loss;
        }
        self.loss.as_ref().map_or(Ok(()), |loss| Err(fault_of(loss)))
    }

    fn complete_file(&self) {
        if let Err(fault) = self.board.complete_file() {
            tracing::error!(%fault, "cannot merge the journal into the database");
        }
    }

    fn leave_file_alone(&mut self) {
        if let Err(fault) = self.board.leave_file_alone() {
            tracing::error!(%fault, "cannot detach from the file: the daemon may write to it when it exits");
        }
    }

    fn close(mut self) {
        let _known = self.look_at_files().is_ok();
        if let Err(fault) = self.board.close() {
            tracing::warn!(%fault, "cannot close the database cleanly");
        }
    }

    /// Requests that found no room stand in line again.
    fn try_again(&mut self, requests: Vec<Box<dyn Work>>) {
        tracing::warn!("the disk is full: released the disk reserve for pending writes");
        self.put_back(requests);
    }

    /// Requests of a transaction that is no more, in their old order and before what has come since.
    fn put_back(&mut self, requests: Vec<Box<dyn Work>>) {
        requests.into_iter().rev().for_each(|work| self.pending.push_front(work));
    }

    /// While the reserve is given up, only what may use it is let through.
    fn turn_away_on_full_disk(&mut self) {
        if !self.reserve.is_spent() || self.reserve.refill() {
            return;
        }
        let (may, rest): (VecDeque<_>, VecDeque<_>) =
            self.pending.drain(..).partition(|work| work.may_use_reserve());
        self.pending = may;
        for work in rest {
            work.settle(Err(Fault::DiskFull { doing: "accept anything but verdicts".to_owned() }));
        }
    }
}
