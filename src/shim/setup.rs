//! What has to be done before the worker: the commands that make its workspace, in its environment and under its rights.
//!
//! They run like a worker does, below this process, with a time limit of their own, and nothing of them is left when the
//! worker starts. What they say goes into a file of the run; the end of it is told when they fail.

use std::ffi::CString;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::sys::signalfd::SignalFd;

use crate::os::cgroup_leaf::Leaf;
use crate::os::clock::monotonic_ms;
use crate::os::fork_exec::{ExecPlan, WorkerStdio, fork_exec};
use crate::os::run_files::{LogSpec, RunDir, RunSpec, SetupSpec, StartFailure, StartStep};
use crate::os::run_log::RunLogWriter;
use crate::os::user::RunAs;
use crate::os::wait::ProcessEnd;
use crate::shim::ladder::Ladder;
use crate::shim::log_pump::LogPump;
use crate::shim::watch::Watch;
use crate::shim::worker;

/// What is kept of their output.
const OUTPUT_BYTES_MAX: u64 = 256 * 1024;

/// Characters of it that are told.
const TOLD_CHARS_MAX: usize = 600;

/// Time between TERM and KILL when their time is up: they have nothing to save.
const GRACE_MS: u64 = 1_000;

/// Why there is no worker to start.
#[derive(Debug)]
pub enum SetupEnd {
    /// A command failed.
    Failed(StartFailure),
    /// The run was to stop.
    Stopped,
}

/// Runs the commands of `spec` one after the other.
///
/// # Errors
/// Why they were not all done. Nothing of them is left.
pub fn run(
    spec: &RunSpec,
    dir: &RunDir,
    run_as: Option<&RunAs>,
    signals: &SignalFd,
    leaf: Option<&Leaf>,
) -> Result<(), SetupEnd> {
    let Some(setup) = &spec.setup else { return Ok(()) };
    let output = dir.setup();
    let mut run_one = |argv: &Vec<String>| {
        let plan = plan(spec, argv, run_as).map_err(SetupEnd::Failed)?;
        run_one(spec, setup, &plan, argv, &output, signals, leaf)
    };
    let done = setup.argv.iter().try_for_each(&mut run_one);
    let _kept_for_the_curious = std::fs::remove_file(&output);
    done
}

fn run_one(
    spec: &RunSpec,
    setup: &SetupSpec,
    plan: &ExecPlan,
    argv: &[String],
    output: &Path,
    signals: &SignalFd,
    leaf: Option<&Leaf>,
) -> Result<(), SetupEnd> {
    let name = argv.first().map_or("", String::as_str);
    let failed = |errno: Errno, what: &str| {
        let message = format!("`{name}` {what}");
        SetupEnd::Failed(StartFailure { step: StartStep::Workspace, errno: errno as i32, message })
    };
    let unready = |errno: Errno| failed(errno, &format!("could not be started: {}", errno.desc()));
    let of_io =
        |error: std::io::Error| unready(error.raw_os_error().map_or(Errno::EIO, Errno::from_raw));
    let log_spec = LogSpec {
        path: output.to_owned(),
        head_bytes: OUTPUT_BYTES_MAX,
        tail_bytes: 0,
        pace_bytes_per_second: 0,
        redact: spec.log.redact.clone(),
    };
    let log = RunLogWriter::open(output, OUTPUT_BYTES_MAX, 0).map_err(of_io)?;
    let (input, pipe, their_end) = worker::stdio(plan.run_as.as_ref()).map_err(of_io)?;
    let stdio = WorkerStdio { input: input.as_fd(), output: their_end.as_fd() };
    let group = worker::enter_groups(spec).map_err(SetupEnd::Failed)?;
    let pid = fork_exec(plan, stdio, group.as_ref().map(AsFd::as_fd))
        .map_err(|failure| unready(failure.errno))?
        .pid;
    drop(their_end);
    let now_ms = monotonic_ms();
    let mut ladder = Ladder::new(now_ms, Some(setup.timeout_ms), GRACE_MS);
    let mut pump = LogPump::new(pipe, log, &log_spec, now_ms);
    let tally = Watch::new(pid, signals, &mut pump, &mut ladder, leaf).until_empty();
    let _totals = pump.finish();
    if ladder.stop_requested() {
        return Err(SetupEnd::Stopped);
    }
    if ladder.timed_out() {
        let what = format!("did not end in {} ms", setup.timeout_ms);
        return Err(failed(Errno::ETIMEDOUT, &what));
    }
    match tally.worker_end {
        Some(ProcessEnd::Exited(0)) => Ok(()),
        Some(ProcessEnd::Exited(code)) => match told(output) {
            Some(message) => Err(SetupEnd::Failed(StartFailure {
                step: StartStep::Workspace,
                errno: 0,
                message,
            })),
            None => Err(failed(Errno::UnknownErrno, &format!("ended with {code}"))),
        },
        Some(ProcessEnd::Signaled(signal)) => {
            let signal = Signal::try_from(signal).map_or("a signal", Signal::as_str);
            Err(failed(Errno::UnknownErrno, &format!("was ended by {signal}")))
        }
        None => Err(failed(Errno::UnknownErrno, "was lost")),
    }
}

/// As the worker's, but for the program and the directory: the workspace is not there yet.
fn plan(spec: &RunSpec, argv: &[String], run_as: Option<&RunAs>) -> Result<ExecPlan, StartFailure> {
    let spec = RunSpec {
        argv: argv.to_owned(),
        cwd: PathBuf::from("/"),
        limits: crate::os::run_files::LimitSpec {
            rlimits: Default::default(),
            ..spec.limits.clone()
        },
        ..spec.clone()
    };
    Ok(ExecPlan { cwd: CString::from(c"/"), ..worker::plan(&spec, run_as)? })
}

/// The last words of a command that failed, in one line.
fn told(output: &Path) -> Option<String> {
    let text = std::fs::read(output).ok()?;
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let last = lines.get(lines.len().saturating_sub(4)..)?.join("; ");
    let last = last.strip_prefix("error: ").unwrap_or(&last);
    (!last.is_empty()).then(|| last.chars().take(TOLD_CHARS_MAX).collect())
}
