//! From the way in which a process ended to an outcome, and from an outcome to what becomes of the task.
//!
//! Both are tables: [`classify`] reads the evidence, [`settlement`] says for each outcome whether it counts, against
//! whom, and whether the next start waits. Nothing here reads a clock or a row.

use serde::{Deserialize, Serialize};

use crate::kernel::run::RunOutcome;

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
        /// One line: what could not be done.
        message: String,
        /// The kernel's error number, 0 when there is none.
        errno: i32,
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
        }
    }

    /// Exit code and signal of the worker's process, each null when there was none.
    pub fn exit(&self) -> (Option<i32>, Option<i32>) {
        match self.end {
            ProcessEnd::Exited(code) => (Some(code), None),
            ProcessEnd::Signalled(signal) => (None, Some(signal)),
            ProcessEnd::StartFailed { .. } | ProcessEnd::NotStarted | ProcessEnd::Lost { .. } => {
                (None, None)
            }
        }
    }

    /// The last line of the log that is not blank: the summary of a worker whose exit code is its verdict.
    pub fn last_line(&self) -> Option<&str> {
        self.log_tail.as_deref()?.lines().map(str::trim).rfind(|line| !line.is_empty())
    }
}

/// Outcome and one line of explanation for a run that ended without a verdict.
pub fn classify(mode: VerdictMode, evidence: &Evidence) -> (RunOutcome, Option<String>) {
    match &evidence.end {
        ProcessEnd::StartFailed { message, .. } => (RunOutcome::SpawnFailed, Some(message.clone())),
        ProcessEnd::NotStarted => (
            RunOutcome::SpawnFailed,
            Some("not started: the daemon ended between claim and start".to_owned()),
        ),
        ProcessEnd::Lost { message, .. } => (RunOutcome::Lost, Some(message.clone())),
        ProcessEnd::Exited(_) | ProcessEnd::Signalled(_) if evidence.timed_out => {
            let elapsed = evidence.elapsed_seconds.unwrap_or_default();
            (RunOutcome::TimedOut, Some(format!("its time was up after {elapsed}s")))
        }
        ProcessEnd::Exited(_) | ProcessEnd::Signalled(_) if evidence.oom => {
            let peak = evidence.memory_peak_bytes.or(evidence.max_rss_bytes).unwrap_or_default();
            (RunOutcome::Oom, Some(format!("killed for using too much memory (peak {peak} bytes)")))
        }
        ProcessEnd::Exited(_) | ProcessEnd::Signalled(_) if evidence.stop_requested => (
            RunOutcome::Reclaimed,
            Some("its supervisor was asked to stop it (host shutdown?)".to_owned()),
        ),
        ProcessEnd::Exited(EXIT_RATE_LIMITED) => {
            (RunOutcome::RateLimited, Some("the worker met a rate limit (exit code 75)".to_owned()))
        }
        ProcessEnd::Exited(0) => match mode {
            VerdictMode::Exit => (RunOutcome::Completed, None),
            VerdictMode::Report => (
                RunOutcome::ProtocolViolation,
                Some("the worker ended (exit code 0) without completing or blocking".to_owned()),
            ),
        },
        ProcessEnd::Exited(code) => (RunOutcome::Crashed, Some(format!("exit code {code}"))),
        ProcessEnd::Signalled(signal) => (RunOutcome::Crashed, Some(format!("signal {signal}"))),
    }
}

/// Against whom a failure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charge {
    /// Nobody.
    Nobody,
    /// The task.
    Task,
    /// The profile, and the task as long as the profile's breaker is closed.
    Start,
    /// The host.
    Host,
}

/// Where the task goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    /// `done`.
    Done,
    /// `blocked`.
    Blocked,
    /// `ready` again, unless a limit says `blocked`.
    Retry,
}

/// What an outcome means for the task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settlement {
    /// Where the task goes.
    pub destination: Destination,
    /// Against whom it counts.
    pub charge: Charge,
    /// Whether the next automatic start waits for the back-off.
    pub backs_off: bool,
}

/// The table of outcomes for runs that end without a verdict of their worker.
pub fn settlement(outcome: RunOutcome, end: &ProcessEnd) -> Settlement {
    let (destination, charge, backs_off) = match outcome {
        RunOutcome::Completed => (Destination::Done, Charge::Nobody, false),
        RunOutcome::Blocked | RunOutcome::GaveUp => (Destination::Blocked, Charge::Nobody, false),
        RunOutcome::Crashed
        | RunOutcome::Oom
        | RunOutcome::TimedOut
        | RunOutcome::ProtocolViolation => (Destination::Retry, Charge::Task, true),
        RunOutcome::SpawnFailed => match end {
            ProcessEnd::NotStarted => (Destination::Retry, Charge::Nobody, false),
            ProcessEnd::StartFailed { .. }
            | ProcessEnd::Exited(_)
            | ProcessEnd::Signalled(_)
            | ProcessEnd::Lost { .. } => (Destination::Retry, Charge::Start, true),
        },
        RunOutcome::RateLimited => (Destination::Retry, Charge::Nobody, true),
        RunOutcome::Lost => match end {
            ProcessEnd::Lost { is_host_fault: true, .. } => {
                (Destination::Retry, Charge::Host, false)
            }
            ProcessEnd::Lost { is_host_fault: false, .. }
            | ProcessEnd::NotStarted
            | ProcessEnd::StartFailed { .. }
            | ProcessEnd::Exited(_)
            | ProcessEnd::Signalled(_) => (Destination::Retry, Charge::Nobody, false),
        },
        RunOutcome::Stopped | RunOutcome::Reclaimed => (Destination::Retry, Charge::Nobody, false),
    };
    Settlement { destination, charge, backs_off }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_to_end_has_its_outcome() {
        let start_failed = ProcessEnd::StartFailed { message: "no".into(), errno: 2 };
        let lost = ProcessEnd::Lost { message: "shim".into(), is_host_fault: true };
        for (mode, end, timed_out, oom, expected) in [
            (VerdictMode::Exit, ProcessEnd::Exited(0), false, false, RunOutcome::Completed),
            (
                VerdictMode::Report,
                ProcessEnd::Exited(0),
                false,
                false,
                RunOutcome::ProtocolViolation,
            ),
            (VerdictMode::Exit, ProcessEnd::Exited(75), false, false, RunOutcome::RateLimited),
            (VerdictMode::Report, ProcessEnd::Exited(75), false, false, RunOutcome::RateLimited),
            (VerdictMode::Exit, ProcessEnd::Exited(3), false, false, RunOutcome::Crashed),
            (VerdictMode::Report, ProcessEnd::Signalled(9), false, false, RunOutcome::Crashed),
            (VerdictMode::Exit, ProcessEnd::Exited(0), true, false, RunOutcome::TimedOut),
            (VerdictMode::Report, ProcessEnd::Signalled(9), false, true, RunOutcome::Oom),
            (VerdictMode::Exit, start_failed, false, false, RunOutcome::SpawnFailed),
            (VerdictMode::Exit, ProcessEnd::NotStarted, false, false, RunOutcome::SpawnFailed),
            (VerdictMode::Report, lost, false, false, RunOutcome::Lost),
        ] {
            let mut evidence = Evidence::of(end.clone());
            evidence.timed_out = timed_out;
            evidence.oom = oom;
            assert_eq!(classify(mode, &evidence).0, expected, "{mode:?} {end:?}");
        }
    }

    #[test]
    fn a_run_that_never_started_is_charged_to_nobody() {
        let settlement = settlement(RunOutcome::SpawnFailed, &ProcessEnd::NotStarted);
        assert_eq!(settlement.charge, Charge::Nobody);
        assert!(!settlement.backs_off);
    }

    #[test]
    fn the_last_line_is_the_last_one_with_words() {
        let mut evidence = Evidence::of(ProcessEnd::Exited(0));
        evidence.log_tail = Some("one\ntwo \n\n  \n".into());
        assert_eq!(evidence.last_line(), Some("two"));
    }
}
