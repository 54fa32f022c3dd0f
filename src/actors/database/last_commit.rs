//! What the last commit says about how long to wait for requests that may share the next one.

use std::time::Duration;

/// The commit before the next one.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LastCommit {
    /// Requests that it served.
    pub requests: usize,
    /// How long it took, the sync included.
    pub took: Duration,
}

impl LastCommit {
    /// Whether to wait for more requests with `pending` there, after having `waited`: for as many as the last commit served, whose clients
    /// ask again, and for at most half the time of that commit. A single request is not delayed.
    pub(super) fn is_worth_waiting(self, pending: usize, waited: Duration) -> bool {
        (1..self.requests).contains(&pending) && waited < self.took / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_waits_for_others_only_after_a_commit_of_several_and_for_half_its_time() {
        let ms = Duration::from_millis;
        let last = |requests, took| LastCommit { requests, took: ms(took) };
        for (last, pending, waited, waits) in [
            (LastCommit::default(), 1, 0, false),
            (last(1, 10), 1, 0, false),
            (last(8, 10), 0, 0, false),
            (last(8, 10), 1, 0, true),
            (last(8, 10), 7, 4, true),
            (last(8, 10), 7, 5, false),
            (last(8, 10), 8, 0, false),
            (last(8, 10), 9, 0, false),
        ] {
            assert_eq!(
                last.is_worth_waiting(pending, ms(waited)),
                waits,
                "{last:?} {pending} {waited}"
            );
        }
    }
}
