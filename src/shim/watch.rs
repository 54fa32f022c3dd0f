//! The loop of a shim whose worker runs: signals, output, time, until no process is left.

use std::os::fd::AsFd;
use std::time::Duration;

use nix::libc::c_int;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::signal::Signal;
use nix::sys::signalfd::SignalFd;
use nix::sys::time::TimeSpec;

use crate::os::control_groups::leaf::Leaf;
use crate::os::host::clock::monotonic_ms;
use crate::os::processes::wait::{Reap, ReapedChild, WaitStatus, reap_any};
use crate::os::run_files::directory::{RunDir, read_deadline};
use crate::shim::fence::Fence;
use crate::shim::ladder::{Action, Deadline, Event, Ladder};
use crate::shim::log_pump::LogPump;
use crate::shim::tree::{Asker, Killer, count_living};

/// What the shim learned of the tree until it was empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// How the worker itself ended.
    pub worker_end: Option<WaitStatus>,
    /// Processes that were left when it had.
    pub swept_count: u32,
    /// User and system time of everything reaped, microseconds.
    pub cpu_us: u64,
    /// Largest resident set of any one process, bytes.
    pub max_rss_bytes: u64,
}

/// A run whose worker has been started.
#[derive(Debug)]
pub struct Watch<'a> {
    /// Reads SIGTERM, SIGQUIT and SIGCHLD.
    signals: &'a SignalFd,
    worker_pid: i32,
    pump: &'a mut LogPump,
    /// The standard error, where it is kept apart.
    errors: Option<&'a mut LogPump>,
    ladder: &'a mut Ladder,
    asker: Asker,
    killer: Killer,
    leaf: Option<&'a Leaf>,
    /// The directory of the run, and the nonce of its start; none where the deadline is never moved.
    start: Option<(&'a RunDir, &'a str)>,
    /// What ends a leased run.
    fence: Option<&'a Fence<'a>>,
    is_childless: bool,
    tally: Tally,
}

impl<'a> Watch<'a> {
    /// Watches over the worker `worker_pid`, a child that has not been reaped. `signals` reads SIGTERM, SIGQUIT
    /// and SIGCHLD, none of which has been lost since the worker was started. `leaf` is the worker's, where it has one. `start` is the
    /// directory of the run, where its deadline may be moved, with the nonce of this start.
    pub fn new(
        worker_pid: i32,
        signals: &'a SignalFd,
        pump: &'a mut LogPump,
        ladder: &'a mut Ladder,
        leaf: Option<&'a Leaf>,
        start: Option<(&'a RunDir, &'a str)>,
    ) -> Self {
        Self {
            signals,
            worker_pid,
            pump,
            errors: None,
            ladder,
            asker: Asker::default(),
            killer: Killer::default(),
            leaf,
            start,
            fence: None,
            is_childless: false,
            tally: Tally::default(),
        }
    }

    /// The same with a standard error that is kept apart.
    #[must_use]
    pub fn with_errors(self, errors: Option<&'a mut LogPump>) -> Self {
        Self { errors, ..self }
    }

    /// The same for a run that has a lease.
    #[must_use]
    pub fn with_fence(self, fence: Option<&'a Fence<'a>>) -> Self {
        Self { fence, ..self }
    }

    /// Returns when no process of the run is left.
    pub fn until_empty(mut self) -> Tally {
        while !self.ladder.is_empty() {
            self.read_deadline();
            self.apply(Event::Time);
            if self.is_childless {
                // No signal tells of the end of strangers; the ladder's rounds look for them.
                self.apply(self.emptiness());
            }
            if self.ladder.is_empty() {
                break;
            }
            let ready = self.wait(monotonic_ms());
            if ready.lease && self.fence.is_some_and(Fence::is_over) {
                self.fence = None;
                self.apply(Event::LeaseOver);
            }
            if ready.signals {
                self.take_signals();
            }
            if ready.output {
                self.pump.pump(monotonic_ms());
            }
            if let Some(errors) = self.errors.as_mut().filter(|_| ready.errors) {
                errors.pump(monotonic_ms());
            }
        }
        self.pump.drain();
        if let Some(errors) = &mut self.errors {
            errors.drain();
        }
        self.tally
    }

    /// When the time is up: it may have been moved.
    fn read_deadline(&mut self) {
        let now_ms = monotonic_ms();
        if !self.ladder.wants_deadline(now_ms) {
            return;
        }
        let deadline = match self.start.map(|(dir, nonce)| (read_deadline(dir), nonce)) {
            Some((Ok(Some(moved)), nonce)) if moved.nonce == nonce => {
                Deadline::Moved { at_ms: moved.deadline_ms }
            }
            Some((Ok(Some(_) | None), _)) | None => Deadline::AsKnown,
            Some((Err(_error), _)) => Deadline::Unread,
        };
        self.ladder.deadline_read(deadline, now_ms);
    }

    fn apply(&mut self, event: Event) {
        match self.ladder.apply(event, monotonic_ms()) {
            Action::Nothing => {}
            Action::Terminate => self.asker.round(self.worker_pid),
            Action::Kill => {
                crate::failpoint::hit("shim-kill-round");
                let round = self.killer.round(self.leaf);
                self.ladder.round_done(round, monotonic_ms());
            }
        }
    }

    fn wait(&mut self, now_ms: u64) -> Ready {
        let pump_wakes = self.pump.wake_at_ms();
        let errors_wake = self.errors.as_ref().and_then(|errors| errors.wake_at_ms());
        let wakes = [self.ladder.wake_at_ms(), pump_wakes, errors_wake];
        let wake_at_ms = wakes.into_iter().flatten().min();
        let timeout = wake_at_ms
            .map(|at| TimeSpec::from_duration(Duration::from_millis(at.saturating_sub(now_ms))));
        let mut watched = vec![PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
        let to_read = |pipe| PollFd::new(pipe, PollFlags::POLLIN);
        watched.extend(self.pump.wants(now_ms).map(to_read));
        let errors_at = watched.len();
        let errors = self.errors.as_mut().and_then(|errors| errors.wants(now_ms));
        watched.extend(errors.map(to_read));
        let lease_at = watched.len();
        watched.extend(self.fence.map(|fence| to_read(fence.wakes())));
        // An interrupted or failed wait shows nothing ready, and the loop looks at the clock again.
        let polled = ppoll(&mut watched, timeout, None).unwrap_or(0);
        let is_ready =
            |at: usize| polled > 0 && watched.get(at).and_then(PollFd::any) == Some(true);
        let has_output = errors_at > 1;
        Ready {
            signals: is_ready(0),
            output: has_output && is_ready(1),
            errors: lease_at > errors_at && is_ready(errors_at),
            lease: is_ready(lease_at),
        }
    }

    fn take_signals(&mut self) {
        while let Ok(Some(signal)) = self.signals.read_signal() {
            let number = c_int::try_from(signal.ssi_signo).unwrap_or(0);
            let event = match Signal::try_from(number) {
                Ok(Signal::SIGTERM) => Some(Event::StopAsked),
                Ok(Signal::SIGQUIT) => Some(Event::KillAsked),
                Ok(_) | Err(_) => self.reap(),
            };
            if let Some(event) = event {
                self.apply(event);
            }
        }
    }

    /// What it means that there is no child: proof, unless the leaf has a process. What is unknown is no proof.
    fn emptiness(&self) -> Event {
        let is_populated = self.leaf.is_some_and(|leaf| leaf.is_populated().unwrap_or(true));
        if is_populated { Event::StrangersLeft } else { Event::TreeEmpty }
    }

    /// Reaps whatever has ended; several ends may have come as one signal.
    fn reap(&mut self) -> Option<Event> {
        let had_ended = self.tally.worker_end.is_some();
        let mut reaped_count = 0;
        loop {
            match reap_any() {
                Ok(Reap::Child(child)) => self.tally.add(child, self.worker_pid),
                Ok(Reap::NoChildren) => {
                    self.is_childless = true;
                    return Some(self.emptiness());
                }
                Ok(Reap::NoneEnded) | Err(_) => break,
            }
            reaped_count += 1;
        }
        if self.tally.worker_end.is_some() && !had_ended {
            self.tally.swept_count = count_living();
            return Some(Event::WorkerEnded);
        }
        (reaped_count > 0).then_some(Event::OtherEnded)
    }
}

/// What a wait has found.
struct Ready {
    signals: bool,
    output: bool,
    errors: bool,
    lease: bool,
}

impl Tally {
    fn add(&mut self, child: ReapedChild, worker_pid: i32) {
        self.cpu_us = self.cpu_us.saturating_add(child.cpu_us);
        self.max_rss_bytes = self.max_rss_bytes.max(child.max_rss_bytes);
        // Only the first of this PID is the worker: once reaped, the number may be anybody's.
        if child.pid == worker_pid && self.worker_end.is_none() {
            self.worker_end = Some(child.end);
        }
    }
}
