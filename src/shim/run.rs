//! The steps of a shim, and what is true after each of them.
//!
//! | step | what is true afterwards |
//! |---|---|
//! | lock | no other shim can start this run's worker |
//! | spec read, nonce equal, never started before | this is the start that the daemon meant |
//! | `identity` | a daemon that finds the lock held knows whom to wait for |
//! | things handed over | what the daemon has made for the run is the worker's user's |
//! | lease read, where the run has one | the fence is armed before anything of the run is started |
//! | set-up done | the workspace is there, and nothing of what made it runs |
//! | worker started, `identity` again | the run has begun; from here on only a record ends it well |
//! | tree empty | proven by wait(2) and, where there is a leaf, by the leaf; the leaf is removed |
//! | `exit` | the daemon, this one or the next, learns how it ended |

use std::io;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::signal::Signal;
use nix::sys::signalfd::SignalFd;
use nix::sys::time::TimeSpec;

use crate::failpoint;
use crate::os::control_groups::leaf::Leaf;
use crate::os::host::clock::{epoch_ms, monotonic_ms};
use crate::os::host::descriptors::set_soft_limit;
use crate::os::processes::code_pages::give_back_code_pages;
use crate::os::processes::identity::ProcessIdentity;
use crate::os::processes::inherited::normalize_shim;
use crate::os::processes::own_process::{
    close_inherited_from, ignore_signals, lead_own_tree, signals_as_descriptor,
};
use crate::os::processes::proc_root::{HOST_PROC_DESCRIPTOR, read_through_inherited};
use crate::os::processes::status_pipe::{Reader, STATUS_DESCRIPTOR, StatusLine, StatusWriter};
use crate::os::processes::wait::WaitStatus;
use crate::os::run_files::directory::{
    ExitRecord, RUN_FILE_VERSION, RunDir, RunIdentity, RunSpec, StartFailure, is_exit_collected,
    read_identity, read_spec, sync_exit, write_exit, write_identity,
};
use crate::os::run_files::lock::RunLock;
use crate::shim::fence::{Fence, NoFence};
use crate::shim::handing;
use crate::shim::ladder::Ladder;
use crate::shim::log_pump::{LogPump, PumpTotals};
use crate::shim::setup::{self, SetupEnd};
use crate::shim::watch::{Tally, Watch};
use crate::shim::worker::{self, StartedWorker};
use crate::shim::{ShimExit, Start};

/// Time that the daemon is given to collect the exit record before it is flushed to the disk, milliseconds.
/// Flushing costs more than the whole rest of a short run, and is for nothing when the daemon has committed.
const COLLECT_MS: u16 = 50;

/// Pause before a record that found no room on the disk is written again.
const FULL_DISK_PAUSE: Duration = Duration::from_secs(1);

/// Supervises one run from lock to record.
pub fn run(start: &Start) -> Result<(), ShimExit> {
    let Start { dir, nonce, run_as, open_files, has_host_proc } = start;
    // Before anything is opened: descriptor 3 is either the daemon's or nobody's.
    let mut status = StatusWriter::inherited();
    let signals = set_up(&status, *open_files, *has_host_proc).map_err(|_error| ShimExit::SetUp)?;
    let lock = RunLock::try_acquire(dir).map_err(|_error| ShimExit::Files)?;
    let _lock = lock.ok_or(ShimExit::LockHeld)?;
    failpoint::hit("shim-locked");
    let spec = read_start(dir, nonce)?;
    let shim = ProcessIdentity::current().map_err(|_error| ShimExit::Files)?;
    let mut identity = RunIdentity {
        version: RUN_FILE_VERSION,
        nonce: nonce.clone(),
        shim,
        worker: None,
        deadline_ms: None,
    };
    write_identity(dir, &identity).map_err(|_error| ShimExit::Files)?;
    failpoint::hit("shim-identified");

    let leaf = spec.containment.as_ref().map(|groups| Leaf::new(&groups.leaf));
    let fence = spec.lease.as_ref().map(Fence::arm).transpose().map_err(|none| match none {
        NoFence::Over => SetupEnd::LeaseLost,
        NoFence::Failed(failure) => SetupEnd::Failed(failure),
    });
    let set_up = fence.and_then(|fence| {
        handing::hand_over(&spec, dir, run_as.as_ref()).map_err(SetupEnd::Failed)?;
        let log = setup::run(&spec, dir, run_as.as_ref(), &signals, leaf.as_ref(), fence.as_ref())?;
        // What was done until now has taken its time.
        if fence.as_ref().is_some_and(Fence::is_over) {
            return Err(SetupEnd::LeaseLost);
        }
        Ok((fence, log))
    });
    let mut record = match set_up {
        Ok((fence, log)) => {
            let clock = RunClock::start();
            match worker::start(&spec, run_as.as_ref(), log) {
                Ok(worker) => {
                    let limits = &spec.limits;
                    let ladder =
                        Ladder::new(clock.started_ms, limits.max_runtime_ms, limits.grace_ms);
                    identity.deadline_ms = ladder.first_deadline_ms();
                    announce(dir, &mut identity, &worker, &mut status);
                    let stops = Stops { signals: &signals, fence: fence.as_ref() };
                    supervise((dir, &spec), worker, ladder, &stops, &clock, leaf.as_ref())
                }
                Err(failure) => not_started(&spec, failure, &clock),
            }
        }
        Err(SetupEnd::Failed(failure)) => not_started(&spec, failure, &RunClock::start()),
        Err(SetupEnd::Stopped) => stopped_before(&spec, &RunClock::start()),
        Err(SetupEnd::LeaseLost) => {
            ExitRecord { lease_lost: true, ..RunClock::start().blank_record(&spec) }
        }
    };
    if let Some(leaf) = &leaf {
        count_and_remove(leaf, &mut record);
    }
    store(|| write_exit(dir, &record), || is_kill_asked(&signals))?;
    failpoint::hit("shim-recorded");
    hand_over(dir, &mut status);
    Ok(())
}

fn set_up(
    status: &StatusWriter,
    open_files: Option<u64>,
    has_host_proc: bool,
) -> io::Result<SignalFd> {
    if has_host_proc {
        close_inherited_from(HOST_PROC_DESCRIPTOR + 1)?;
        read_through_inherited()?;
    } else {
        close_inherited_from(STATUS_DESCRIPTOR + i32::from(status.is_connected()))?;
    }
    normalize_shim()?;
    // First, so that nothing sent from here on is lost or ends this process.
    let signals = signals_as_descriptor(&[Signal::SIGTERM, Signal::SIGQUIT, Signal::SIGCHLD])?;
    ignore_signals(&[Signal::SIGPIPE, Signal::SIGHUP, Signal::SIGINT, Signal::SIGXFSZ])?;
    lead_own_tree(c"kanban-shim")?;
    if let Some(open_files) = open_files {
        set_soft_limit(open_files)?;
    }
    Ok(signals)
}

/// The spec, if it is that of this start and the start has not been made.
fn read_start(dir: &RunDir, nonce: &str) -> Result<RunSpec, ShimExit> {
    let spec = read_spec(dir).ok().flatten().ok_or(ShimExit::Files)?;
    if spec.nonce != nonce {
        return Err(ShimExit::OtherNonce);
    }
    // An earlier shim of this very start may have done the work and gone; a second worker would do it twice.
    let earlier = read_identity(dir).map_err(|_error| ShimExit::Files)?;
    if earlier.is_some_and(|earlier| earlier.nonce == nonce) {
        return Err(ShimExit::AlreadyStarted);
    }
    Ok(spec)
}

/// Says that the worker runs. Neither way of saying it may fail the run: without the file a daemon still finds
/// the shim, without the pipe it looks at the files.
fn announce(
    dir: &RunDir,
    identity: &mut RunIdentity,
    worker: &StartedWorker,
    status: &mut StatusWriter,
) {
    let pid = worker.pid;
    let boot_id = identity.shim.boot_id.clone();
    let message =
        worker.start_ticks.map(|start_ticks| ProcessIdentity { boot_id, pid, start_ticks });
    identity.worker = message.or_else(|| ProcessIdentity::of(pid).ok().flatten());
    let _kept_for_next_time = write_identity(dir, identity);
    failpoint::hit("shim-started");
    if let Some(worker) = &identity.worker {
        let start_ticks = worker.start_ticks;
        let _reader = status.say(StatusLine::Started { pid, start_ticks });
    }
}

/// What may end a run from outside.
struct Stops<'a> {
    signals: &'a SignalFd,
    fence: Option<&'a Fence<'a>>,
}

fn supervise(
    (dir, spec): (&RunDir, &RunSpec),
    worker: StartedWorker,
    mut ladder: Ladder,
    stops: &Stops<'_>,
    clock: &RunClock,
    leaf: Option<&Leaf>,
) -> ExitRecord {
    let mut pump = LogPump::new(worker.output, worker.log, &spec.log, clock.started_ms);
    let mut errors = worker
        .errors
        .zip(spec.stdio.as_ref())
        .map(|((pipe, log), stdio)| LogPump::new(pipe, log, &stdio.errors, clock.started_ms));
    let watch = Watch::new(
        worker.pid,
        stops.signals,
        &mut pump,
        &mut ladder,
        leaf,
        Some((dir, &spec.nonce)),
    )
    .with_errors(errors.as_mut())
    .with_fence(stops.fence);
    // There are hundreds of these, and each is about to sleep. One that keeps its pages works as well.
    let _kept_pages = give_back_code_pages();
    let tally = watch.until_empty();
    let _uncounted = errors.map(LogPump::finish);
    ended(spec, &tally, &ladder, pump.finish(), clock)
}

fn ended(
    spec: &RunSpec,
    tally: &Tally,
    ladder: &Ladder,
    output: PumpTotals,
    clock: &RunClock,
) -> ExitRecord {
    let (code, signal) = match tally.worker_end {
        Some(WaitStatus::Exited(code)) => (Some(code), None),
        Some(WaitStatus::Signaled(signal)) => (None, Some(signal)),
        None => (None, None),
    };
    ExitRecord {
        code,
        signal,
        timed_out: ladder.timed_out(),
        stop_requested: ladder.stop_requested(),
        lease_lost: ladder.lease_lost(),
        killed: ladder.killed(),
        swept_count: tally.swept_count,
        cpu_us: tally.cpu_us,
        max_rss_bytes: tally.max_rss_bytes,
        log_bytes: output.taken_bytes,
        log_lost_bytes: output.lost_bytes,
        ..clock.blank_record(spec)
    }
}

/// Takes what the leaf has counted, and removes it: it is empty. One that cannot be removed in this instant is the daemon's
/// to remove.
fn count_and_remove(leaf: &Leaf, record: &mut ExitRecord) {
    let usage = leaf.usage();
    record.memory_peak_bytes = usage.memory_peak_bytes;
    record.oom_kill_count = usage.oom_kill_count;
    record.cpu_us = usage.cpu_us.unwrap_or_default().max(record.cpu_us);
    let _left_to_the_daemon = leaf.remove();
}

fn not_started(spec: &RunSpec, failure: StartFailure, clock: &RunClock) -> ExitRecord {
    ExitRecord { start_failure: Some(failure), ..clock.blank_record(spec) }
}

/// Stopped while its workspace was being made: as a worker that was ended by the same request.
fn stopped_before(spec: &RunSpec, clock: &RunClock) -> ExitRecord {
    let signal = Some(Signal::SIGTERM as i32);
    ExitRecord { signal, stop_requested: true, ..clock.blank_record(spec) }
}

/// When the worker was started, on both clocks.
struct RunClock {
    started_at_ms: i64,
    started_ms: u64,
}

impl RunClock {
    fn start() -> Self {
        Self { started_at_ms: epoch_ms(), started_ms: monotonic_ms() }
    }

    /// A record of a run that ends now and of which nothing else is known.
    fn blank_record(&self, spec: &RunSpec) -> ExitRecord {
        ExitRecord {
            version: RUN_FILE_VERSION,
            nonce: spec.nonce.clone(),
            start_failure: None,
            code: None,
            signal: None,
            timed_out: false,
            stop_requested: false,
            killed: false,
            swept_count: 0,
            started_at_ms: self.started_at_ms,
            ended_at_ms: epoch_ms(),
            elapsed_ms: monotonic_ms().saturating_sub(self.started_ms),
            cpu_us: 0,
            max_rss_bytes: 0,
            log_bytes: 0,
            log_lost_bytes: 0,
            memory_peak_bytes: None,
            oom_kill_count: None,
            lease_lost: false,
        }
    }
}

/// Writes the record, for as long as it takes to find room on the disk: the daemon cannot commit anything on a
/// full disk either, and it sees by the lock that the run is not closed. Any other error will not pass.
fn store(
    mut write: impl FnMut() -> io::Result<()>,
    mut is_given_up: impl FnMut() -> bool,
) -> Result<(), ShimExit> {
    loop {
        let Err(error) = write() else { return Ok(()) };
        let may_pass =
            matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        if !may_pass || is_given_up() {
            return Err(ShimExit::Record);
        }
    }
}

/// Waits a pause, or until SIGQUIT arrives in it. Nothing is left that another signal could be about.
fn is_kill_asked(signals: &SignalFd) -> bool {
    use std::os::fd::AsFd;

    let mut watched = [PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
    let pause = TimeSpec::from_duration(FULL_DISK_PAUSE);
    let _ready = ppoll(&mut watched, Some(pause), None);
    let mut is_asked = false;
    while let Ok(Some(signal)) = signals.read_signal() {
        is_asked |= i32::try_from(signal.ssi_signo) == Ok(Signal::SIGQUIT as i32);
    }
    is_asked
}

/// Tells the daemon, and makes the record outlive a power cut when nobody has taken it over.
fn hand_over(dir: &RunDir, status: &mut StatusWriter) {
    if status.say(StatusLine::Exit) == Reader::Open {
        let _seen = status.wait_for_close(COLLECT_MS);
    }
    if !is_exit_collected(dir) {
        // It is readable all the same; a disk that cannot flush is reported elsewhere.
        let _unflushed = sync_exit(dir);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> io::Error {
        io::Error::from_raw_os_error(nix::libc::ENOSPC)
    }

    #[test]
    fn a_record_waits_for_room_on_the_disk() {
        let mut errors = vec![full(), io::Error::from_raw_os_error(nix::libc::EDQUOT)];
        let mut pauses = 0;
        let stored = store(
            || errors.pop().map_or(Ok(()), Err),
            || {
                pauses += 1;
                false
            },
        );
        assert_eq!((stored, pauses), (Ok(()), 2));
    }

    #[test]
    fn a_record_that_nobody_wants_or_can_store_is_given_up() {
        assert_eq!(store(|| Err(full()), || true), Err(ShimExit::Record));
        let gone = || Err(io::Error::from(io::ErrorKind::NotFound));
        assert_eq!(store(gone, || false), Err(ShimExit::Record));
    }
}
