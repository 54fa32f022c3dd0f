//! Watching a run beside its shim: that a run whose time is up does come to its end, and (where the configuration asks for it)
//! that a run shows signs of life.
//!
//! The shim ends a run whose time is up by itself. When its tree does not die nobody hears of it, so the actor looks when the
//! whole ladder should have been through, and goes down the ladder itself: that ends in `unkillable` where it must.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use actix::{ActorFutureExt as _, AsyncContext as _, Context, WrapFuture as _};

use super::phase::{Happening, Phase};
use super::progress::{Progress, ProgressWatch, Sample};
use super::time_limits::between_looks;
use super::{KILL_MARGIN, Worker};
use crate::actors::apart::on_own_thread;
use crate::actors::database::Submit;
use crate::kernel::verbs::EndStalledRun;
use crate::os::control_groups::leaf::Leaf;
use crate::os::host::clock::monotonic_ms;
use crate::os::processes::{proc_stat, proc_tree, proc_view};
use crate::os::run_files::log as run_log;

/// Microseconds of a clock tick: the least time that counts as a sign of life.
const TICK_US: u64 = 10_000;

impl Worker {
    /// Begins when the worker process was seen. Without a limit there is no timer.
    pub(super) fn watch_time_limits(&mut self, context: &mut Context<Self>) {
        self.time_limits.watched_from = Some(Instant::now());
        self.arm_overdue(context);
        if let Some(timeout) = self.time_limits.progress_timeout {
            let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
            let interval_ms = ms(between_looks(timeout));
            self.time_limits.watch =
                Some(ProgressWatch::new(ms(timeout), interval_ms, monotonic_ms()));
            self.look_later(timeout, context);
        }
    }

    /// Looks when the run must be over, its waits for answers counted.
    pub(super) fn arm_overdue(&mut self, context: &mut Context<Self>) {
        if let Some(overdue) = self.time_limits.overdue.take() {
            context.cancel_future(overdue);
        }
        let grace = self.deps.configuration.settings().supervision.grace;
        if let Some(after) = self.time_limits.overdue_in(grace + KILL_MARGIN) {
            self.time_limits.overdue = Some(context.run_later(after, |worker, context| {
                worker.time_limits.overdue = None;
                worker.on(Happening::Overdue, context);
            }));
        }
    }

    fn look_later(&self, timeout: Duration, context: &mut Context<Self>) {
        context.run_later(between_looks(timeout), move |worker, context| {
            match worker.phase {
                Phase::Launching { .. } | Phase::Starting | Phase::Running => {
                    worker.look_for_life(timeout, context);
                }
                // It ends already.
                Phase::Lingering
                | Phase::Stopping
                | Phase::Unkillable
                | Phase::Closing
                | Phase::Closed => {}
            }
        });
    }

    /// Looks on another thread: reading `/proc` takes a while where there are many processes.
    fn look_for_life(&mut self, timeout: Duration, context: &mut Context<Self>) {
        let log_path = self.deps.supervision.paths.log_path(&self.task_id, self.run_id);
        let shim_pid = self.shim.as_ref().map(|shim| shim.identity().pid);
        let calls = self.deps.live_runs.calls(self.run_id);
        let of_spec = || self.spec.as_ref()?.containment.as_ref().map(|groups| groups.leaf.clone());
        let leaf = self.footing.leaf.clone().or_else(of_spec);
        let look = on_own_thread("time-limits", move || {
            let cpu_ticks = tree_cpu_ticks(shim_pid?, leaf)?;
            Some(Sample { log: run_log::mark(&log_path), cpu_ticks, calls })
        });
        context.spawn(look.into_actor(self).map(move |sample, worker, context| {
            worker.judge(sample.ok().flatten(), context);
            worker.look_later(timeout, context);
        }));
    }

    fn judge(&mut self, sample: Option<Sample>, context: &mut Context<Self>) {
        let is_waiting = self.time_limits.pause(&self.deps.configuration.settings()).is_on;
        // A worker that waits for an answer need not show anything.
        let sample = sample.filter(|_| !is_waiting);
        let Some(watch) = &mut self.time_limits.watch else { return };
        let Progress::Stalled { idle_ms } = watch.look(sample, monotonic_ms()) else { return };
        let idle_seconds = i64::try_from(idle_ms / 1000).unwrap_or(i64::MAX);
        tracing::warn!(run = self.run_id, task = %self.task_id, board = %self.board, idle_seconds, "the run makes no progress and is stopped");
        // The verdict comes back as a signal, and that one goes down the ladder. One that cannot be written is given again
        // after the next look.
        let verb = EndStalledRun { run_id: self.run_id, idle_seconds };
        let database = self.deps.database.clone();
        let submit = async move { database.submit(Submit::by_system("worker", verb)).await };
        context.spawn(submit.into_actor(self).map(|answer, worker, _| {
            if let Err(error) = answer {
                tracing::warn!(run = worker.run_id, %error, "cannot stop a run without progress");
            }
        }));
    }
}

/// CPU time of everything under a shim; none when it cannot be read. Where `/proc` hides processes only the run's control group
/// has all of it: a hidden process that computes must not count as one that sleeps.
fn tree_cpu_ticks(shim_pid: i32, leaf: Option<PathBuf>) -> Option<u64> {
    if proc_view::is_limited() {
        return Some(Leaf::new(leaf?).usage().cpu_us? / TICK_US);
    }
    let tree = proc_tree::descendants(shim_pid).ok()?;
    let ticks = tree.iter().filter_map(|process| proc_stat::cpu_ticks(process.identity.pid));
    Some(ticks.fold(0, u64::saturating_add))
}
