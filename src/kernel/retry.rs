//! When a failed task is retried, and when it is not.

use crate::kernel::error::Fault;
use crate::kernel::policy::Policy;
use crate::kernel::random::{Random, below};
use crate::kernel::run::RunRole;
use crate::kernel::store;
use crate::kernel::task::Task;
use crate::kernel::tx::Tx;

/// Counters of a task after a failure was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailureCounts {
    /// Failures of every kind since the last success or reset by a person.
    pub failures: u32,
    /// Clean exits without a verdict among them.
    pub protocol_violations: u32,
    /// Automatic starts over the task's whole life.
    pub auto_starts: u32,
}

impl FailureCounts {
    /// Those of a task as it stands: work and reviews are counted apart.
    pub fn of(task: &Task, role: RunRole) -> Self {
        let (failures, protocol_violations) = match role {
            RunRole::Work => (task.spawn_failures, task.protocol_violations),
            RunRole::Review => (task.review_failures, task.review_violations),
        };
        Self { failures, protocol_violations, auto_starts: task.auto_starts }
    }

    /// Writes them, with the last error.
    ///
    /// # Errors
    /// A fault of the database.
    pub fn store(
        self,
        tx: &Tx<'_>,
        task: &Task,
        role: RunRole,
        error: Option<&str>,
    ) -> Result<(), Fault> {
        let write = match role {
            RunRole::Work => store::tasks::set_failures,
            RunRole::Review => store::tasks::set_review_failures,
        };
        write(tx.store(), &task.id, self.failures, self.protocol_violations, error)
    }
}

/// What happens after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Another attempt.
    Retry,
    /// A person has to look.
    GiveUp,
}

/// Whether a task with these counters gets another attempt.
///
/// `failure_limit` is the policy's, or that of a manual dispatch. The lifetime cap holds whatever resets the other
/// counters, so that a loop of unblocking and failing ends too.
pub fn next(counts: FailureCounts, failure_limit: u32, policy: &Policy) -> Next {
    let is_spent = counts.failures >= failure_limit
        || counts.protocol_violations >= policy.protocol_violation_limit
        || counts.auto_starts >= policy.lifetime_starts;
    if is_spent { Next::GiveUp } else { Next::Retry }
}

/// Seconds to wait before attempt `failures + 1`: doubling from the base, half of it random so that tasks which
/// failed together do not start together, at most the maximum. Rounded to the nearest second, the grain of the rows.
pub fn backoff_seconds(failures: u32, policy: &Policy, random: &mut dyn Random) -> i64 {
    let doublings = failures.saturating_sub(1).min(32);
    let full_ms = policy.backoff_base_ms.saturating_mul(1 << doublings).min(policy.backoff_max_ms);
    let jittered_ms = full_ms / 2 + below(random, full_ms / 2 + 1);
    i64::try_from((jittered_ms + 500) / 1000).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::random::SeededRandom;

    #[test]
    fn a_task_is_given_up_at_exactly_its_limits() {
        let policy = Policy::default();
        let counts = |failures, protocol_violations, auto_starts| FailureCounts {
            failures,
            protocol_violations,
            auto_starts,
        };
        for (given, expected) in [
            (counts(4, 0, 4), Next::Retry),
            (counts(5, 0, 5), Next::GiveUp),
            (counts(1, 1, 1), Next::Retry),
            (counts(2, 2, 2), Next::GiveUp),
            (counts(1, 0, 19), Next::Retry),
            (counts(1, 0, 20), Next::GiveUp),
        ] {
            assert_eq!(next(given, policy.failure_limit, &policy), expected, "{given:?}");
        }
    }

    #[test]
    fn backoff_doubles_within_its_jitter_and_stops_at_the_maximum() {
        let policy = Policy { backoff_base_ms: 8000, backoff_max_ms: 60_000, ..Policy::default() };
        let mut random = SeededRandom::new(1);
        for (failures, low, high) in [(1, 4, 8), (2, 8, 16), (3, 16, 32), (4, 30, 60), (40, 30, 60)]
        {
            for _ in 0..100 {
                let seconds = backoff_seconds(failures, &policy, &mut random);
                assert!((low..=high).contains(&seconds), "{failures} failures wait {seconds}s");
            }
        }
    }

    #[test]
    fn no_backoff_configured_means_at_once() {
        let policy = Policy { backoff_base_ms: 0, ..Policy::default() };
        assert_eq!(backoff_seconds(9, &policy, &mut SeededRandom::new(1)), 0);
    }
}
