//! How a run without a verdict is settled: outcome, counters, breakers and the task's next status move in one
//! transaction, so that nothing can start without being counted.

use crate::kernel::breaker::BreakerKey;
use crate::kernel::error::{Fault, VerbError};
use crate::kernel::event::EventBody;
use crate::kernel::ids::EpochSeconds;
use crate::kernel::limits::{ERROR_CHARS_MAX, EVENT_SUMMARY_CHARS_MAX};
use crate::kernel::outcome::{
    BackOff, Charge, Destination, ProcessEnd, Settlement, classify, requests_changes, settlement,
};
use crate::kernel::reminder::{self, AfterViolation, Violation};
use crate::kernel::retry::{self, FailureCounts, Next};
use crate::kernel::run::{Run, RunOutcome};
use crate::kernel::store::tasks::Arrival;
use crate::kernel::task::{Task, TaskStep};
use crate::kernel::tx::Tx;
use crate::kernel::verbs::breaker_moves::{breakers_of, move_breaker};
use crate::kernel::verbs::close_run::CloseRun;
use crate::kernel::verbs::ending::{Ending, end_run};
use crate::kernel::verbs::moves::Cause;
use crate::kernel::verbs::release::promote_released_children;
use crate::kernel::verbs::review::{approval, approve, for_person, hand_in, request, send_back};
use crate::kernel::{store, validate};

/// A failure on its way into the rows.
struct Failure<'a> {
    run: &'a Run,
    task: &'a Task,
    outcome: RunOutcome,
    error: &'a str,
    settlement: Settlement,
}

impl CloseRun {
    /// Decides what becomes of a run without a verdict, and of its task.
    pub(super) fn settle(&self, tx: &mut Tx<'_>, run: &Run, task: &Task) -> Result<(), VerbError> {
        let (outcome, error) = classify(self.verdict_mode, run.role(), &self.evidence);
        if run.is_review() && requests_changes(self.verdict_mode, outcome, &self.evidence.end) {
            return self.send_back(tx, run, task);
        }
        let settlement = settlement(outcome, &self.evidence.end)
            .with_unheard(outcome, self.evidence.unheard.as_ref());
        match settlement.destination {
            Destination::Done => self.complete(tx, run, task),
            Destination::Blocked | Destination::Retry | Destination::AsSaid => {
                let error = error.unwrap_or_else(|| outcome.to_string());
                let error: String = error.chars().take(ERROR_CHARS_MAX).collect();
                self.fail(tx, &Failure { run, task, outcome, error: &error, settlement })
            }
        }
    }

    /// Exit code 0 is the verdict, the last line of the log the summary.
    fn complete(&self, tx: &mut Tx<'_>, run: &Run, task: &Task) -> Result<(), VerbError> {
        self.move_host_breaker(tx, (run, task), None)?;
        let summary = self
            .evidence
            .last_line()
            .and_then(|line| validate::first_line(line, EVENT_SUMMARY_CHARS_MAX));
        let summary = summary.as_deref();
        let ending = Ending { summary, ..Ending::of(RunOutcome::Completed) };
        let ending = if run.is_review() { approval(ending) } else { ending };
        end_run(tx, run, &ending)?;
        if task.current_run_id != Some(run.id) {
            return Ok(());
        }
        let left = ("complete", Some(run.id));
        if run.is_review() {
            approve(tx, task, left, (summary, None), &[])?;
            return Ok(());
        }
        if task.reviewer.is_some() {
            hand_in(tx, task, left, (summary, None), &[])?;
            return Ok(());
        }
        let message = EventBody::Completed { result_len: 0, summary, verified_cards: &[] };
        let cause = Cause::of("complete", Some(run.id), message);
        let arrival = Arrival::Done { result: None, keeps_result: false };
        tx.move_task(task, TaskStep::Complete, &Cause { arrival, ..cause })?;
        promote_released_children(tx, &task.id)?;
        Ok(())
    }

    /// Exit code 1 of a reviewer is a request for changes, the end of its log says which.
    fn send_back(&self, tx: &mut Tx<'_>, run: &Run, task: &Task) -> Result<(), VerbError> {
        self.move_host_breaker(tx, (run, task), None)?;
        let log = self.evidence.log_tail.as_deref().map(str::trim).filter(|log| !log.is_empty());
        let what = log.unwrap_or("exit code 1, without a word in its log");
        let ending = Ending { summary: Some(what), ..Ending::of(RunOutcome::Completed) };
        end_run(tx, run, &request(ending))?;
        if task.current_run_id == Some(run.id) {
            send_back(tx, task, ("request changes of", Some(run.id)), what)?;
        }
        Ok(())
    }

    fn fail(&self, tx: &mut Tx<'_>, failure: &Failure<'_>) -> Result<(), VerbError> {
        let Failure { run, task, outcome, error, settlement } = failure;
        let is_charged = self.charge(tx, failure)?;
        let before = FailureCounts::of(task, run.role());
        let after = (*outcome == RunOutcome::ProtocolViolation).then(|| {
            reminder::after_violation(Violation {
                is_resumable: run.session.is_some(),
                was_reminder: run.resumed_run_id.is_some(),
                counted_before: before.protocol_violations,
            })
        });
        let is_counted = is_charged && after == Some(AfterViolation::Count);
        let counts = FailureCounts {
            failures: before.failures + u32::from(is_charged),
            protocol_violations: before.protocol_violations + u32::from(is_counted),
            auto_starts: task.auto_starts,
        };
        let limit = run.failure_limit.unwrap_or(tx.policy.failure_limit);
        let next = if is_charged { retry::next(counts, limit, tx.policy) } else { Next::Retry };
        let gives_up = next == Next::GiveUp || settlement.destination == Destination::Blocked;
        let ending = Ending {
            outcome: if gives_up { RunOutcome::GaveUp } else { *outcome },
            cause: gives_up.then_some(*outcome),
            error: Some(error),
            ..Ending::of(*outcome)
        };
        end_run(tx, run, &ending)?;
        if task.current_run_id != Some(run.id) {
            return Ok(());
        }
        counts.store(tx, task, run.role(), Some(error))?;
        let is_reminded = !gives_up && after == Some(AfterViolation::Remind);
        // A reminder needs no back-off: nothing has failed that could need time.
        let waits = !gives_up && !is_reminded;
        let not_before = if waits { not_before(tx, failure, counts, is_charged) } else { None };
        if let (RunOutcome::RateLimited, Some(retry_at)) = (*outcome, not_before) {
            store::runs::set_retry_at(tx.store(), run.id, retry_at)?;
        }
        // What keeps every start from succeeding is no fault of the task, whose starts are numbered.
        let is_start = matches!(self.evidence.end, ProcessEnd::StartFailed { .. });
        if run.automatic && is_start && !is_charged {
            store::tasks::take_back_automatic_start(tx.store(), &task.id)?;
        }
        let is_blocked = gives_up && !run.is_review();
        let step = if is_blocked { TaskStep::GiveUp } else { TaskStep::Requeue(tx.landing(task)?) };
        let next = if is_blocked {
            "blocked"
        } else if gives_up {
            "person"
        } else if is_reminded {
            "resume"
        } else {
            "retry"
        };
        let message = self.event_of(failure, counts.failures, not_before, next)?;
        let cause = Cause::of("requeue", Some(run.id), message);
        let given_up = (gives_up && run.is_review()).then(|| given_up(run, error));
        let cause = match &given_up {
            Some(why) => cause.with(Arrival::PersonReviews { why }),
            None => cause.not_before(not_before),
        };
        tx.move_task(task, step, &cause)?;
        if is_reminded {
            store::tasks::set_resume(tx.store(), &task.id, run.id)?;
        }
        if gives_up {
            let message = EventBody::GaveUp { failures: counts.failures, error };
            tx.event(task, Some(run.id), &message)?;
        }
        if let Some(why) = &given_up {
            tx.event(task, Some(run.id), &for_person(task, why))?;
        }
        Ok(())
    }

    /// Moves the breakers that the failure concerns; true when it counts against the task.
    fn charge(&self, tx: &mut Tx<'_>, failure: &Failure<'_>) -> Result<bool, VerbError> {
        let Failure { run, task, error, settlement, .. } = failure;
        let is_host_fault = settlement.charge == Charge::Host;
        self.move_host_breaker(tx, (run, task), is_host_fault.then_some(*error))?;
        let (profile, workspace) = breakers_of(tx, run)?;
        let blamed = match settlement.charge {
            Charge::Start => &profile,
            Charge::Workspace => &workspace,
            Charge::Task | Charge::Nobody | Charge::Host => &None,
        };
        let mut is_charged = match settlement.charge {
            Charge::Task | Charge::Start | Charge::Workspace => true,
            Charge::Nobody | Charge::Host => false,
        };
        let now = tx.now;
        for key in [&profile, &workspace].into_iter().flatten() {
            let message = (*task, Some(run.id));
            if blamed.as_ref() == Some(key) {
                move_breaker(tx, key, message, |breaker| {
                    breaker.after_failure(&task.id, run.id, error, now)
                })?;
                is_charged = store::breakers::get(tx.store(), key)?.is_closed();
            } else {
                move_breaker(tx, key, message, |breaker| breaker.after_silent_probe(run.id))?;
            }
        }
        Ok(is_charged)
    }

    /// A lost shim counts against the host; every run that closes in another way speaks for it.
    pub(super) fn move_host_breaker(
        &self,
        tx: &mut Tx<'_>,
        (run, task): (&Run, &Task),
        error: Option<&str>,
    ) -> Result<(), VerbError> {
        let now = tx.now;
        move_breaker(tx, &BreakerKey::Host, (task, Some(run.id)), |breaker| {
            match (&self.evidence.end, error) {
                (_, Some(error)) => breaker.after_failure(&run.task_id, run.id, error, now),
                (ProcessEnd::StartFailed { step, .. }, None) if !step.is_after_supervisor() => {
                    breaker.after_silent_probe(run.id)
                }
                (
                    ProcessEnd::Lost { .. } | ProcessEnd::NotStarted | ProcessEnd::Stalled { .. },
                    None,
                ) => breaker.after_silent_probe(run.id),
                (
                    ProcessEnd::Exited(_)
                    | ProcessEnd::Signalled(_)
                    | ProcessEnd::StartFailed { .. },
                    None,
                ) => breaker.after_success(),
            }
        })
    }

    /// The event that tells of a failure; `next` says what becomes of a task whose worker gave no verdict.
    fn event_of<'a>(
        &self,
        failure: &Failure<'a>,
        failures: u32,
        retry_at: Option<EpochSeconds>,
        next: &'static str,
    ) -> Result<EventBody<'a>, Fault> {
        let Failure { run, task, outcome, error, .. } = failure;
        let pid = run.worker_pid;
        Ok(match outcome {
            RunOutcome::TimedOut => EventBody::TimedOut {
                pid,
                error,
                elapsed_seconds: self.evidence.elapsed_seconds,
                limit_seconds: run.max_runtime_seconds,
                sigkill: self.evidence.killed,
            },
            RunOutcome::SpawnFailed => {
                EventBody::SpawnFailed { error, errno: self.evidence.end.errno(), failures }
            }
            RunOutcome::Oom => EventBody::Oom {
                pid,
                max_rss_bytes: self.evidence.max_rss_bytes,
                memory_peak_bytes: self.evidence.memory_peak_bytes,
            },
            RunOutcome::ProtocolViolation => EventBody::ProtocolViolation { pid, failures, next },
            RunOutcome::RateLimited => EventBody::RateLimitedByExit { retry_at },
            RunOutcome::Crashed => {
                let (exit_code, signal) = self.evidence.exit();
                let claimer = task.claim_lock.as_deref();
                EventBody::Crashed { pid, claimer, error, exit_code, signal }
            }
            RunOutcome::Reclaimed => EventBody::ReclaimedBySupervisor { reason: error },
            RunOutcome::Lost => EventBody::Lost { reason: error },
            // These are verdicts: no end of a process is judged to be one of them.
            RunOutcome::Stopped
            | RunOutcome::Completed
            | RunOutcome::Blocked
            | RunOutcome::GaveUp => {
                let value = outcome.as_str().to_owned();
                return Err(Fault::Corrupt { what: "outcome of a process's end", value });
            }
        })
    }
}

/// Why a person reviews after the reviewer was given up.
fn given_up(run: &Run, error: &str) -> String {
    format!("{} was given up: {error}", run.profile.as_deref().unwrap_or("its reviewer"))
}

/// When the next automatic attempt may begin.
fn not_before(
    tx: &mut Tx<'_>,
    failure: &Failure<'_>,
    counts: FailureCounts,
    is_charged: bool,
) -> Option<EpochSeconds> {
    let policy = tx.policy;
    let seconds = match failure.settlement.back_off {
        BackOff::None => 0,
        BackOff::Stated => policy.rate_limit_seconds,
        BackOff::Growing if is_charged => {
            retry::backoff_seconds(counts.failures, policy, tx.random())
        }
        // A start that is not charged waits for its profile's breaker, not for a back-off of its own.
        BackOff::Growing => 0,
    };
    (seconds > 0).then(|| tx.now + seconds)
}
