//! From the end of a process to an outcome, and from an outcome to the next status of the task.
//!
//! [`classify`] reads the evidence; [`rule()`] is the table that says for each outcome whether it counts, against whom,
//! whether the next start waits, who is notified and what the next attempt reads. Nothing here reads a clock or a row.

mod rule;

use serde::{Deserialize, Serialize};

use crate::exit_codes::CliExit;
use crate::kernel::run::{RunOutcome, RunRole};
use crate::kernel::start_fault::{Blame, FailedStep, blame};
pub use rule::{Audience, BackOff, Charge, Destination, NextReads, Rule, rule};

/// How a launcher's workers report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerdictMode {
    /// The worker must say so; a clean exit without a verdict is a protocol violation.
    Report,
    /// The exit code is the verdict: 0 completed, 75 rate limited, else crashed.
    Exit,
}

impl VerdictMode {
    /// The mode as it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::Exit => "exit",
        }
    }

    /// Reads a stored mode.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Report, Self::Exit].into_iter().find(|mode| mode.as_str() == text)
    }
}

/// Exit code with which a worker says that its provider refuses work for now (EX_TEMPFAIL of sysexits.h).
pub const EXIT_RATE_LIMITED: i32 = 75;

/// How a worker's process came to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProcessEnd {
    /// It ended with this code.
    Exited(i32),
    /// This signal ended it.
    Signalled(i32),
    /// It was never started.
    StartFailed {
        /// Where on its way the start failed.
        step: FailedStep,
        /// One line: what could not be done.
        message: String,
        /// The kernel's error number, when it gave one.
        errno: Option<i32>,
    },
    /// It has not ended: it is to be ended because it shows no sign of life.
    Stalled {
        /// How long it had shown none, seconds.
        idle_seconds: i64,
    },
    /// Nothing was started, and nothing of the task is to blame: the daemon ended between claim and start.
    NotStarted,
    /// Nobody can know how it ended: its shim or its host was lost.
    Lost {
        /// One line: what was lost.
        message: String,
        /// Whether this host's supervision failed (a shim died), as opposed to the host itself (a reboot).
        is_host_fault: bool,
    },
}

impl ProcessEnd {
    /// The kernel's error number, of a start that failed with one.
    pub fn errno(&self) -> Option<i32> {
        match self {
            Self::StartFailed { errno, .. } => *errno,
            Self::Exited(_)
            | Self::Signalled(_)
            | Self::Stalled { .. }
            | Self::NotStarted
            | Self::Lost { .. } => None,
        }
    }
}

/// Everything that is known of a run's end when its tree is proven empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// How the worker's process ended.
    pub end: ProcessEnd,
    /// The run's time was up.
    pub timed_out: bool,
    /// The memory limit killed it.
    pub oom: bool,
    /// Its supervisor was asked to stop it.
    pub stop_requested: bool,
    /// The stop ladder had to kill.
    pub killed: bool,
    /// User and system time of the tree, milliseconds.
    pub cpu_ms: Option<i64>,
    /// Largest resident set of one process of the tree, bytes.
    pub max_rss_bytes: Option<i64>,
    /// Most memory that the tree had at one time, bytes; where nothing counted that, what is known of one process.
    pub memory_peak_bytes: Option<i64>,
    /// Processes that were killed because memory ran out; none where nothing counted them.
    pub oom_kills: Option<i64>,
    /// Time from start to end on a monotonic clock, seconds.
    pub elapsed_seconds: Option<i64>,
    /// The end of the log.
    pub log_tail: Option<String>,
    /// The session that the agent named in its output.
    #[serde(default)]
    pub session: Option<String>,
    /// When the tree was empty, epoch milliseconds.
    #[serde(default)]
    pub ended_at_ms: Option<i64>,
    /// Why a verdict of the worker may not have reached the daemon.
    #[serde(default)]
    pub unheard: Option<Unheard>,
}

/// When a run ended, or shortly before, its worker had no way to the daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unheard {
    /// One line: what was in the way.
    pub cause: String,
    /// Whether it still is: then the next worker is not heard either.
    pub is_lasting: bool,
}

impl Evidence {
    /// Evidence that holds nothing but the end itself.
    pub fn of(end: ProcessEnd) -> Self {
        Self {
            end,
            timed_out: false,
            oom: false,
            stop_requested: false,
            killed: false,
            cpu_ms: None,
            max_rss_bytes: None,
            memory_peak_bytes: None,
            oom_kills: None,
            elapsed_seconds: None,
            log_tail: None,
            session: None,
            ended_at_ms: None,
            unheard: None,
        }
    }

    /// Exit code and signal of the worker's process, each null when there was none.
    pub fn exit(&self) -> (Option<i32>, Option<i32>) {
        match self.end {
            ProcessEnd::Exited(code) => (Some(code), None),
            ProcessEnd::Signalled(signal) => (None, Some(signal)),
            ProcessEnd::StartFailed { .. }
            | ProcessEnd::NotStarted
            | ProcessEnd::Stalled { .. }
            | ProcessEnd::Lost { .. } => (None, None),
        }
    }

    /// What kept a worker that ended with `code` from being heard; none when its code says enough. Where workers
    /// report, any code but the one for a rate limit may stand for a report that failed; where the code is the
    /// verdict, only that of a `kanban` which no daemon answered.
    fn unheard_end(&self, mode: VerdictMode, code: i32) -> Option<&Unheard> {
        let may_be_unheard = match mode {
            VerdictMode::Report => code != EXIT_RATE_LIMITED,
            VerdictMode::Exit => code == i32::from(CliExit::NotReachable.code()),
        };
        self.unheard.as_ref().filter(|_| may_be_unheard)
    }

    /// The last line of the log that is not blank: the summary of a worker whose exit code is its verdict.
    pub fn last_line(&self) -> Option<&str> {
        self.log_tail.as_deref()?.lines().map(str::trim).rfind(|line| !line.is_empty())
    }
}

/// Outcome and one line of explanation for a run that ended without a verdict.
pub fn classify(
    mode: VerdictMode,
    role: RunRole,
    evidence: &Evidence,
) -> (RunOutcome, Option<String>) {
    match &evidence.end {
        ProcessEnd::StartFailed { message, .. } => (RunOutcome::SpawnFailed, Some(message.clone())),
        ProcessEnd::NotStarted => (
            RunOutcome::SpawnFailed,
            Some("not started: the daemon exited between claim and start".to_owned()),
        ),
        ProcessEnd::Lost { message, .. } => (RunOutcome::Lost, Some(message.clone())),
        ProcessEnd::Stalled { idle_seconds } => {
            (RunOutcome::TimedOut, Some(format!("no progress for {idle_seconds}s")))
        }
        ProcessEnd::Exited(_) | ProcessEnd::Signalled(_) if evidence.timed_out => {
            let elapsed = evidence.elapsed_seconds.unwrap_or_default();
            (RunOutcome::TimedOut, Some(format!("exceeded its time limit after {elapsed}s")))
        }
        ProcessEnd::Exited(_) | ProcessEnd::Signalled(_) if evidence.oom => {
            let peak = evidence.memory_peak_bytes.or(evidence.max_rss_bytes).unwrap_or_default();
            (
                RunOutcome::Oom,
                Some(format!("killed because it ran out of memory (peak {peak} bytes)")),
            )
        }
        ProcessEnd::Exited(_) | ProcessEnd::Signalled(_) if evidence.stop_requested => (
            RunOutcome::Reclaimed,
            Some("the shim was asked to stop the run (host shutdown?)".to_owned()),
        ),
        ProcessEnd::Exited(code) if let Some(unheard) = evidence.unheard_end(mode, *code) => {
            let cause = &unheard.cause;
            let report =
                format!("exit code {code}; the worker was unable to report its verdict: {cause}");
            (RunOutcome::Lost, Some(report))
        }
        ProcessEnd::Exited(EXIT_RATE_LIMITED) => (
            RunOutcome::RateLimited,
            Some("the worker reported a rate limit (exit code 75)".to_owned()),
        ),
        ProcessEnd::Exited(0) => match mode {
            VerdictMode::Exit => (RunOutcome::Completed, None),
            VerdictMode::Report => {
                let verdict = match role {
                    RunRole::Work => "completing or blocking the task",
                    RunRole::Review => "approving the task or requesting changes",
                };
                let error = format!("the worker exited (code 0) without {verdict}");
                (RunOutcome::ProtocolViolation, Some(error))
            }
        },
        ProcessEnd::Exited(code) => (RunOutcome::Crashed, Some(format!("exit code {code}"))),
        ProcessEnd::Signalled(signal) => (RunOutcome::Crashed, Some(format!("signal {signal}"))),
    }
}

/// Exit code with which a reviewer whose exit code is its verdict requests changes.
const EXIT_CHANGES_REQUESTED: i32 = 1;

/// Whether the end of a review run, of this outcome, is a request for changes.
pub fn requests_changes(mode: VerdictMode, outcome: RunOutcome, end: &ProcessEnd) -> bool {
    let is_said = *end == ProcessEnd::Exited(EXIT_CHANGES_REQUESTED);
    // A time limit, a lack of memory or a stop is what it is, whatever the code.
    mode == VerdictMode::Exit && outcome == RunOutcome::Crashed && is_said
}

/// What an outcome means for the task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settlement {
    /// Where the task goes.
    pub destination: Destination,
    /// Against whom it counts.
    pub charge: Charge,
    /// How long the next automatic start waits.
    pub back_off: BackOff,
}

/// The table's row, for runs that end without a verdict of their worker; with what the way of ending changes in it.
pub fn settlement(outcome: RunOutcome, end: &ProcessEnd) -> Settlement {
    let Rule { destination, charge, back_off, .. } = rule(outcome);
    // Nobody has said anything, so it is tried again.
    let destination = match destination {
        Destination::AsSaid => Destination::Retry,
        Destination::Done | Destination::Blocked | Destination::Retry => destination,
    };
    let (charge, back_off) = match (outcome, end) {
        (RunOutcome::SpawnFailed, ProcessEnd::NotStarted) => (Charge::Nobody, BackOff::None),
        (RunOutcome::SpawnFailed, ProcessEnd::StartFailed { step, errno, .. }) => {
            match blame(*step, *errno) {
                Blame::Host => (Charge::Host, BackOff::None),
                Blame::Profile => (charge, back_off),
                Blame::Workspace => (Charge::Workspace, back_off),
                Blame::Task => (Charge::Task, back_off),
            }
        }
        (RunOutcome::Lost, ProcessEnd::Lost { is_host_fault: true, .. }) => (charge, back_off),
        // The host itself went down and came back: it says nothing about what runs on it.
        (RunOutcome::Lost, _) => (Charge::Nobody, BackOff::None),
        _ => (charge, back_off),
    };
    Settlement { destination, charge, back_off }
}

impl Settlement {
    /// The same for a run whose worker was not heard, which is charged to nobody; while that lasts it is the host's
    /// fault, whose breaker then keeps the next ones from working for nothing.
    #[must_use]
    pub fn with_unheard(self, outcome: RunOutcome, unheard: Option<&Unheard>) -> Self {
        let is_lasting = outcome == RunOutcome::Lost && unheard.is_some_and(|it| it.is_lasting);
        if is_lasting { Self { charge: Charge::Host, ..self } } else { self }
    }
}

#[cfg(test)]
mod tests;
