//! Requests on the database's thread: run in a transaction, answered when its fate is known.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::Submit;
use crate::kernel::board::Batch;
use crate::kernel::error::{Fault, VerbError};
use crate::kernel::limits::COMMIT_COLLECT_MS_MAX;
use crate::kernel::verb::Verb;

/// Where an answer goes.
type Reply<V> = oneshot::Sender<Result<<V as Verb>::Reply, VerbError>>;

/// A request whose type the thread does not know.
pub(super) trait Work: Send {
    /// Whether it must be possible even on a full disk.
    fn may_use_reserve(&self) -> bool;
    /// Runs it, for the first time or again in another transaction.
    fn run(&mut self, batch: &mut Batch<'_>) -> Ran;
    /// Gives the answer of the last run, now that the commit's fate is known.
    fn settle(self: Box<Self>, committed: Result<(), Fault>);
}

/// How a request ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ran {
    /// To its end: a reply, a refusal, or a fault that nothing can be done about.
    Through,
    /// Into the end of the disk.
    OutOfRoom,
}

/// Answers requests whose transaction failed. The fault is in the log already.
pub(super) fn fail_all(requests: impl IntoIterator<Item = Box<dyn Work>>, fault: Fault) {
    let fault = Fault::Uncommitted { cause: Box::new(fault) };
    requests.into_iter().for_each(|work| work.settle(Err(fault.clone())));
}

/// A request of one type, with its answer once it ran.
pub(super) struct TypedWork<V: Verb> {
    submit: Submit<V>,
    answer: Option<Result<V::Reply, VerbError>>,
    reply: Reply<V>,
}

impl<V: Verb> TypedWork<V> {
    /// A request, and where its answer goes.
    pub(super) fn new(submit: Submit<V>, reply: Reply<V>) -> Self {
        Self { submit, answer: None, reply }
    }
}

impl<V: Verb> Work for TypedWork<V> {
    fn may_use_reserve(&self) -> bool {
        V::MAY_USE_RESERVE
    }

    fn run(&mut self, batch: &mut Batch<'_>) -> Ran {
        let Submit { caller, request_id, verb } = &self.submit;
        let answer = batch.run(caller, request_id.as_deref(), verb);
        let is_full = matches!(answer, Err(VerbError::Failed(Fault::DiskFull { .. })));
        self.answer = Some(answer);
        if is_full { Ran::OutOfRoom } else { Ran::Through }
    }

    fn settle(self: Box<Self>, committed: Result<(), Fault>) {
        let Self { answer, reply, .. } = *self;
        let answer = match (answer, committed) {
            (Some(answer), Ok(())) => answer,
            // A refusal changed nothing, so it holds whatever became of the commit.
            (Some(answer), Err(fault)) => answer.and_then(|_| Err(fault.into())),
            (None, Err(fault)) => Err(fault.into()),
            (None, Ok(())) => Err(Fault::NoAnswer { part: "the database" }.into()),
        };
        // A caller that went away in the meantime misses nothing: its request is done or not, as the rows say.
        drop(reply.send(answer));
    }
}

/// Runs what waits for as long as one transaction may last, at most `again` requests where that is not 0. Returns what ran, and whether
/// it ran into the end of the disk.
pub(super) fn run_pending(
    pending: &mut VecDeque<Box<dyn Work>>,
    batch: &mut Batch<'_>,
    again: usize,
) -> (Vec<Box<dyn Work>>, bool) {
    let started = Instant::now();
    let budget = Duration::from_millis(COMMIT_COLLECT_MS_MAX);
    let mut done: Vec<Box<dyn Work>> = Vec::with_capacity(pending.len());
    let mut is_full = false;
    while let Some(mut work) = pending.pop_front() {
        is_full |= work.run(batch) == Ran::OutOfRoom;
        done.push(work);
        let is_over = batch.is_broken() || batch.wants_savepoints() || done.len() == again;
        if is_over || started.elapsed() >= budget {
            break;
        }
    }
    (done, is_full)
}
