//! What a worker actor watches beside its shim: that a run whose time is up does come to its end.
//!
//! The shim ends a run whose time is up by itself. When its tree does not die nobody hears of it, so the actor looks when
//! the whole ladder should have been through, and goes down the ladder itself: that ends in `unkillable` where it must.

use std::time::Duration;

use actix::{AsyncContext as _, Context};

use super::phase::Happening;
use super::seed::WorkerSeed;
use super::{KILL_MARGIN, Worker};

/// What is known of a run's time.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Vigil {
    /// The run's time limit. An adopted run is given all of it again: no clock that an earlier daemon has read survives a
    /// suspended machine or a set clock, and looking too late harms nobody, while too early would end a healthy run.
    max_runtime: Option<Duration>,
}

impl Vigil {
    /// The vigil over a run that was just claimed or was found.
    pub(super) fn of(seed: &WorkerSeed) -> Self {
        let seconds = |seconds: i64| Duration::from_secs(seconds.max(0).unsigned_abs());
        match seed {
            WorkerSeed::Claimed(order) => {
                Self { max_runtime: order.max_runtime_seconds.map(seconds) }
            }
            WorkerSeed::Adopted(adopted) => {
                Self { max_runtime: adopted.run.max_runtime_seconds.map(seconds) }
            }
            WorkerSeed::Ended(_) => Self::default(),
        }
    }
}

impl Worker {
    /// Begins when the worker process was seen.
    pub(super) fn keep_vigil(&mut self, context: &mut Context<Self>) {
        if let Some(max_runtime) = self.vigil.max_runtime {
            let grace = self.deps.context.settings().supervision.grace;
            context.run_later(max_runtime + grace + KILL_MARGIN, |worker, context| {
                worker.on(Happening::Overdue, context);
            });
        }
    }
}
