//! The table of outcomes: what each means for the task, and against whom it counts.

use crate::kernel::run::RunOutcome;

/// Against whom a failure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charge {
    /// Nobody.
    Nobody,
    /// The task.
    Task,
    /// The profile, and the task as long as the profile's breaker is closed.
    Start,
    /// The workspace, and the task as long as the workspace's breaker is closed.
    Workspace,
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
    /// Wherever the person who ended it has said.
    AsSaid,
}

/// How long the next automatic start waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackOff {
    /// Not at all.
    None,
    /// Longer with each failure.
    Growing,
    /// Until the time that the worker told, else a configured time.
    Stated,
}

/// Who hears of it beside those who read the task's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Nobody.
    Nobody,
    /// Who has subscribed to the task.
    Subscribers,
}

/// What the worker of the next attempt reads about this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextReads {
    /// Its summary and metadata.
    Summary,
    /// Its error.
    Error,
    /// Its error and the end of its log.
    ErrorAndLog,
}

/// Everything that an outcome means: a row of the table of outcomes (`docs/outcomes.md` shows the same).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// How a run comes to it.
    pub when: &'static str,
    /// What the run's row keeps of it.
    pub evidence: &'static str,
    /// Where the task goes.
    pub destination: Destination,
    /// Against whom it counts.
    pub charge: Charge,
    /// How long the next automatic start waits.
    pub back_off: BackOff,
    /// Who hears of it.
    pub audience: Audience,
    /// What the next attempt reads.
    pub next_reads: NextReads,
}

impl Charge {
    /// As the table says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Task => "the task",
            Self::Start => "the profile; the task too while its breaker is closed",
            Self::Workspace => "the workspace; the task too while its breaker is closed",
            Self::Host => "the host",
        }
    }
}

impl Destination {
    /// As the table says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Blocked => "blocked",
            Self::Retry => "ready",
            Self::AsSaid => "as requested",
        }
    }
}

impl BackOff {
    /// As the table says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "no",
            Self::Growing => "back-off",
            Self::Stated => "until retry_at",
        }
    }
}

impl Audience {
    /// As the table says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nobody => "event",
            Self::Subscribers => "event, subscribers",
        }
    }
}

impl NextReads {
    /// As the table says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Summary => "summary",
            Self::Error => "error",
            Self::ErrorAndLog => "error, end of log",
        }
    }
}

/// A row about a run with a verdict.
fn verdict(when: &'static str, destination: Destination) -> Rule {
    Rule {
        when,
        evidence: "summary, metadata",
        destination,
        charge: Charge::Nobody,
        back_off: BackOff::None,
        audience: Audience::Subscribers,
        next_reads: NextReads::Summary,
    }
}

/// A row about a run that failed and is tried again.
fn failure(when: &'static str, evidence: &'static str, charge: Charge, audience: Audience) -> Rule {
    Rule {
        when,
        evidence,
        destination: Destination::Retry,
        charge,
        back_off: BackOff::Growing,
        audience,
        next_reads: NextReads::ErrorAndLog,
    }
}

/// A row about a run that was ended without a verdict on the work.
fn taken(when: &'static str, next_reads: NextReads) -> Rule {
    Rule {
        when,
        evidence: "error, verdict_by",
        destination: Destination::AsSaid,
        charge: Charge::Nobody,
        back_off: BackOff::None,
        audience: Audience::Nobody,
        next_reads,
    }
}

/// The table of outcomes.
pub fn rule(outcome: RunOutcome) -> Rule {
    match outcome {
        RunOutcome::Completed => verdict(
            "a worker or a person completes it, or exit code 0 is the verdict",
            Destination::Done,
        ),
        RunOutcome::Blocked => verdict("a worker or a person blocks it", Destination::Blocked),
        RunOutcome::Crashed => failure(
            "the worker ended with a non-zero exit code, or by a signal",
            "exit_code or signal",
            Charge::Task,
            Audience::Subscribers,
        ),
        RunOutcome::Oom => failure(
            "it was killed because it exceeded its memory limit",
            "max_rss_bytes, signal",
            Charge::Task,
            Audience::Subscribers,
        ),
        RunOutcome::TimedOut => failure(
            "it exceeded its time limit, or made no progress for too long",
            "error, exit_code or signal",
            Charge::Task,
            Audience::Subscribers,
        ),
        RunOutcome::SpawnFailed => {
            failure("its worker was not started", "error, errno", Charge::Start, Audience::Nobody)
        }
        RunOutcome::ProtocolViolation => failure(
            "the worker exited with code 0, but without the required verdict",
            "exit_code",
            Charge::Task,
            Audience::Nobody,
        ),
        RunOutcome::RateLimited => Rule {
            back_off: BackOff::Stated,
            ..failure(
                "the worker reports it (`kanban rate-limited`), or its exit code is 75",
                "retry_at",
                Charge::Nobody,
                Audience::Nobody,
            )
        },
        RunOutcome::Stopped => taken("a person stopped it", NextReads::Error),
        RunOutcome::Reclaimed => taken(
            "it was reclaimed, its task was archived, or a manual claim expired",
            NextReads::ErrorAndLog,
        ),
        RunOutcome::Lost => Rule {
            back_off: BackOff::None,
            ..failure(
                "its shim died with it, or its verdict did not reach the daemon",
                "error",
                Charge::Host,
                Audience::Nobody,
            )
        },
        RunOutcome::GaveUp => Rule {
            destination: Destination::Blocked,
            back_off: BackOff::None,
            ..failure(
                "a failure after which no further attempt is made",
                "cause, and that outcome's",
                Charge::Nobody,
                Audience::Subscribers,
            )
        },
    }
}
