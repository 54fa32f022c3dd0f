//! What has to be done before the worker: the command that makes its workspace, then those of the operator (`worktree.setup`), in
//! its environment and under its rights.
//!
//! They run like a worker does, below this process, with a time limit of their own, and nothing of them is left when the
//! worker starts. What the first prints is a report for the daemon, and the reason when it fails; what the operator's print goes
//! into the run's log, before what the worker prints.

use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::sys::signalfd::SignalFd;

use crate::os::control_groups::leaf::Leaf;
use crate::os::host::clock::monotonic_ms;
use crate::os::processes::fork_exec::{ExecFailure, ExecPlan, ExecStep, WorkerStdio, fork_exec};
use crate::os::processes::user::RunAs;
use crate::os::processes::wait::WaitStatus;
use crate::os::run_files::directory::{
    LogSpec, RunDir, RunSpec, SetupCommand, SetupFailure, StartFailure, StartPart, StartStep,
};
use crate::os::run_files::log::{Moment, RunLogWriter, read_log};
use crate::shim::fence::Fence;
use crate::shim::ladder::Ladder;
use crate::shim::log_pump::LogPump;
use crate::shim::stdio::{self, Stdio};
use crate::shim::watch::Watch;
use crate::shim::worker;

/// What is kept of the output of a command that makes the workspace.
const OUTPUT_BYTES_MAX: u64 = 256 * 1024;

/// Bytes of the end of a log in which the last lines are looked for.
const LAST_BYTES: u64 = 4 * 1024;

/// Maximum length of it in a message, characters.
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
    /// Its lease was over.
    LeaseLost,
}

/// What every command has in common.
struct Setup<'a> {
    spec: &'a RunSpec,
    run_as: Option<&'a RunAs>,
    signals: &'a SignalFd,
    leaf: Option<&'a Leaf>,
    fence: Option<&'a Fence<'a>>,
    timeout_ms: u64,
}

/// Runs the commands of `spec` one after the other. Returns the run's log when one of them has begun it.
///
/// # Errors
/// Why they were not all done. Nothing of them is left.
pub fn run(
    spec: &RunSpec,
    dir: &RunDir,
    run_as: Option<&RunAs>,
    signals: &SignalFd,
    leaf: Option<&Leaf>,
    fence: Option<&Fence<'_>>,
) -> Result<Option<RunLogWriter>, SetupEnd> {
    let Some(setup) = &spec.setup else { return Ok(None) };
    let timeout_ms = setup.timeout_ms;
    let commands = Setup { spec, run_as, signals, leaf, fence, timeout_ms };
    let output = dir.setup();
    let made = setup.argv.iter().try_for_each(|argv| {
        commands.make(argv, &output)?;
        let _unread_report = std::fs::rename(&output, dir.prepared());
        Ok(())
    });
    let _kept_for_the_curious = std::fs::remove_file(&output);
    made?;
    let mut log = None;
    for command in &setup.commands {
        log = Some(commands.run_in_log(command, log)?);
    }
    Ok(log)
}

impl Setup<'_> {
    /// A command that makes the workspace; what it prints is in `output`.
    fn make(&self, argv: &[String], output: &Path) -> Result<(), SetupEnd> {
        let name = argv.first().map_or("", String::as_str);
        let subject = Subject {
            name: format!("`{name}`"),
            // The program is this installation's own, so the host keeps it from starting.
            part_unready: StartPart::SetupHost,
        };
        let log_spec = LogSpec {
            path: output.to_owned(),
            head_bytes: OUTPUT_BYTES_MAX,
            tail_bytes: 0,
            pace_bytes_per_second: 0,
            redact: self.spec.log.redact.clone(),
        };
        let log = open(&subject, &log_spec)?;
        let ended = self.execute(&subject, (argv, Path::new("/")), log, &log_spec)?;
        match ended.how {
            Ok(()) => Ok(()),
            Err(what) => Err(reported(output).unwrap_or_else(|| subject.failed(0, &what))),
        }
    }

    /// A command of the operator's, in the workspace; what it prints is in the run's log.
    fn run_in_log(
        &self,
        command: &SetupCommand,
        log: Option<RunLogWriter>,
    ) -> Result<RunLogWriter, SetupEnd> {
        let name = command.argv.first().map_or("", String::as_str);
        let subject = Subject {
            name: format!("{}: `{name}`", command.setting),
            part_unready: StartPart::Setup,
        };
        let log_spec = &self.spec.log;
        let log = match log {
            Some(begun) => begun,
            None => {
                let mut log = open(&subject, log_spec)?;
                log.keep_times(Moment::now());
                log
            }
        };
        let ended = self.execute(&subject, (&command.argv, &command.cwd), log, log_spec)?;
        ended.how.map(|()| ended.log).map_err(|what| {
            let lines = last_lines(log_spec).map_or(String::new(), |lines| format!(": {lines}"));
            subject.failed(0, &format!("{what}{lines}"))
        })
    }

    /// Runs a command until nothing of it is left.
    fn execute(
        &self,
        subject: &Subject,
        (argv, cwd): (&[String], &Path),
        log: RunLogWriter,
        log_spec: &LogSpec,
    ) -> Result<Ended, SetupEnd> {
        let mut plan = plan(self.spec, argv, cwd, self.run_as).map_err(SetupEnd::Failed)?;
        if subject.is_own() {
            // It writes beside the workspace, into the repository.
            plan.write_only_below = None;
        }
        let Stdio { input, output: pipe, worker_end: their_end, errors: _none } =
            stdio::open(None, plan.run_as.as_ref())
                .map_err(|error| subject.not_opened(StartStep::Fork, &error))?;
        let errors = their_end.as_fd();
        let stdio = WorkerStdio { input: input.as_fd(), output: their_end.as_fd(), errors };
        let group = worker::enter_groups(self.spec).map_err(SetupEnd::Failed)?;
        let pid = fork_exec(&plan, stdio, group.as_ref().map(AsFd::as_fd))
            .map_err(|failure| subject.unready(&failure))?
            .pid;
        drop(their_end);
        let now_ms = monotonic_ms();
        let mut ladder = Ladder::new(now_ms, Some(self.timeout_ms), GRACE_MS);
        let mut pump = LogPump::new(pipe, log, log_spec, now_ms);
        let watch = Watch::new(pid, self.signals, &mut pump, &mut ladder, self.leaf, None)
            .with_fence(self.fence);
        let tally = watch.until_empty();
        let (_totals, log) = pump.finish_with_log();
        if ladder.stop_requested() {
            return Err(SetupEnd::Stopped);
        }
        if ladder.lease_lost() {
            return Err(SetupEnd::LeaseLost);
        }
        if ladder.timed_out() {
            let what =
                format!("did not end within {} ms (workspaces.setup_timeout)", self.timeout_ms);
            return Err(subject.failed(Errno::ETIMEDOUT as i32, &what));
        }
        let how = match tally.worker_end {
            Some(WaitStatus::Exited(0)) => Ok(()),
            Some(WaitStatus::Exited(code)) => Err(format!("exited with code {code}")),
            Some(WaitStatus::Signaled(signal)) => {
                let signal = Signal::try_from(signal).map_or("a signal", Signal::as_str);
                Err(format!("was killed by {signal}"))
            }
            None => {
                let detail = format!("{} was lost", subject.name);
                return Err(failed(StartPart::SetupHost, 0, detail));
            }
        };
        Ok(Ended { how, log })
    }
}

/// How a command ended that had its time.
struct Ended {
    how: Result<(), String>,
    log: RunLogWriter,
}

/// The command that is run, as its failures name it.
struct Subject {
    name: String,
    /// Which part of the start failed when the program cannot be executed.
    part_unready: StartPart,
}

impl Subject {
    /// Whether the program is this installation's.
    fn is_own(&self) -> bool {
        self.part_unready == StartPart::SetupHost
    }

    fn failed(&self, errno: i32, what: &str) -> SetupEnd {
        failed(StartPart::Setup, errno, format!("{} {what}", self.name))
    }

    fn unready(&self, failure: &ExecFailure) -> SetupEnd {
        let part = match failure.step {
            ExecStep::User => StartPart::User,
            _ => self.part_unready,
        };
        let why = failure.errno.desc();
        failed(part, failure.errno as i32, format!("cannot start {}: {why}", self.name))
    }

    fn not_opened(&self, step: StartStep, error: &std::io::Error) -> SetupEnd {
        let what = format!("cannot start {}", self.name);
        SetupEnd::Failed(worker::failure_of(step, error, &what))
    }
}

fn failed(part: StartPart, errno: i32, message: String) -> SetupEnd {
    let (step, part) = (StartStep::Workspace, Some(part));
    SetupEnd::Failed(StartFailure { step, part, errno, message })
}

fn open(subject: &Subject, log: &LogSpec) -> Result<RunLogWriter, SetupEnd> {
    RunLogWriter::open(&log.path, log.head_bytes, log.tail_bytes)
        .map_err(|error| subject.not_opened(StartStep::Log, &error))
}

/// As the worker's, but for the program and the directory.
fn plan(
    spec: &RunSpec,
    argv: &[String],
    cwd: &Path,
    run_as: Option<&RunAs>,
) -> Result<ExecPlan, StartFailure> {
    let spec = RunSpec {
        argv: argv.to_owned(),
        cwd: PathBuf::from(cwd),
        limits: crate::os::run_files::directory::LimitSpec {
            rlimits: Default::default(),
            ..spec.limits.clone()
        },
        ..spec.clone()
    };
    worker::plan(&spec, run_as)
}

/// What a command that makes the workspace says of its failure: its report, else its last lines.
fn reported(output: &Path) -> Option<SetupEnd> {
    let text = std::fs::read(output).ok()?;
    let text = String::from_utf8_lossy(&text);
    let report = text.lines().last().and_then(|line| serde_json::from_str(line).ok());
    let SetupFailure { message, errno } = match report {
        Some(report) => report,
        None => SetupFailure { message: last_of(&text)?, errno: 0 },
    };
    let message = message.chars().take(TOLD_CHARS_MAX).collect();
    Some(failed(StartPart::Setup, errno, message))
}

/// The last lines of a log, in one.
fn last_lines(log: &LogSpec) -> Option<String> {
    let text = read_log(&log.path, Some(LAST_BYTES)).ok().flatten()?;
    last_of(&String::from_utf8_lossy(&text.bytes))
}

fn last_of(text: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let last = lines.get(lines.len().saturating_sub(4)..)?.join("; ");
    let last = last.strip_prefix("error: ").unwrap_or(&last);
    (!last.is_empty()).then(|| last.chars().take(TOLD_CHARS_MAX).collect())
}
