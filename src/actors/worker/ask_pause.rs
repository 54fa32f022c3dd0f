//! A run that waits for an answer: its time limits pause, and its shim is to know by how much.
//!
//! The shim owns the deadline. The actor writes into the run's directory when it is later than the spec says; the shim reads that when
//! its time is up. A shim of an older release does not: then the API is to know when the run ends whatever it waits for.

use std::time::Duration;

use actix::{ActorFutureExt as _, AsyncContext as _, Context, WrapFuture as _};

use super::{WRITE_AGAIN, Worker};
use crate::actors::apart::on_own_thread;
use crate::kernel::rules::ask_pause::Wait;
use crate::os::host::clock::epoch_seconds;
use crate::os::run_files::deadline::{Moved, move_deadline};

/// How often the pause between two attempts to write is doubled.
const PAUSE_DOUBLINGS: u32 = 6;

impl Worker {
    /// Takes the waits of the run as its rows have them.
    pub(super) fn take_waits(&mut self, waits: Vec<Wait>, context: &mut Context<Self>) {
        self.time_limits.waits = waits;
        let pause = self.time_limits.pause(&self.deps.configuration.settings());
        let wanted = Duration::from_secs(pause.moved_seconds.max(0).unsigned_abs());
        let has_never_waited = self.time_limits.waits.is_empty();
        if self.time_limits.max_runtime.is_none() || has_never_waited {
            return;
        }
        if wanted != self.time_limits.moved.wanted {
            self.time_limits.moved.wanted = wanted;
            self.arm_overdue(context);
        }
        self.write_deadline(context);
    }

    /// One at a time, so that the last one written is the last one wanted.
    fn write_deadline(&mut self, context: &mut Context<Self>) {
        let moved = &mut self.time_limits.moved;
        if moved.is_being_written || moved.written == Some(moved.wanted) {
            return;
        }
        moved.is_being_written = true;
        let (dir, wanted) = (self.run_dir.clone(), moved.wanted);
        let write = on_own_thread("deadline", move || move_deadline(&dir, wanted));
        context.spawn(write.into_actor(self).map(move |written, worker, context| {
            worker.time_limits.moved.is_being_written = false;
            match written.flatten() {
                Ok(moved) => {
                    worker.time_limits.moved.written = Some(wanted);
                    worker.time_limits.moved.failures = 0;
                    if moved == Moved::NotRead {
                        worker.tell_fixed_end();
                    }
                    worker.write_deadline(context);
                }
                Err(error) => {
                    let failures = &mut worker.time_limits.moved.failures;
                    if *failures == 0 {
                        tracing::warn!(run = worker.run_id, task = %worker.task_id, %error, "cannot move the time limit of a run that waits for an answer");
                    }
                    // Its files may be lost for good.
                    let pause = WRITE_AGAIN * 2_u32.pow((*failures).min(PAUSE_DOUBLINGS));
                    *failures = failures.saturating_add(1);
                    context.run_later(pause, Self::write_deadline);
                }
            }
        }));
    }

    /// The shim does not know of waits: the run ends at its first time limit, and what asks for it returns before.
    fn tell_fixed_end(&self) {
        let limits = &self.time_limits;
        let (Some(limit), Some(from)) = (limits.max_runtime, limits.watched_from) else { return };
        let seconds = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        let ends_at = match limits.adopted_from {
            Some(started_at) => started_at.saturating_add(seconds(limit)),
            None => epoch_seconds().saturating_add(seconds(limit.saturating_sub(from.elapsed()))),
        };
        self.deps.live_runs.set_fixed_end(self.run_id, ends_at);
        tracing::info!(run = self.run_id, task = %self.task_id, "the shim is of an older release: the time limit does not pause while the run waits for an answer");
    }
}
