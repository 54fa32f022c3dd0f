//! Where a task lands that goes on: after its creation, an unblock, a retry, a requeue, `reopen`, `unarchive`, a demotion, an import.
//! One function for all of them, so that none forgets a review, a time or a parent.

use crate::kernel::ids::EpochSeconds;
use crate::kernel::task::{Landing, Parents, Task};

/// What decides where a task lands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LandingFacts {
    /// A review round is open.
    pub is_review_open: bool,
    /// It waits until a person lets it go on.
    pub is_parked: bool,
    /// No start before this time, epoch seconds.
    pub start_at: Option<EpochSeconds>,
    /// Its parents.
    pub parents: Parents,
}

impl LandingFacts {
    /// Those of a task with these parents.
    pub fn of(task: &Task, parents: Parents) -> Self {
        Self {
            is_review_open: task.review_open,
            is_parked: task.parked,
            start_at: task.start_at,
            parents,
        }
    }
}

/// Where such a task lands at `now`, epoch seconds. A time that has come is none.
pub fn landing(facts: LandingFacts, now: EpochSeconds) -> Landing {
    if facts.is_review_open {
        Landing::Review
    } else if facts.is_parked || facts.start_at.is_some_and(|start_at| start_at > now) {
        Landing::Scheduled
    } else {
        match facts.parents {
            Parents::Open => Landing::Todo,
            Parents::Satisfied => Landing::Ready,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_review_comes_before_a_time_and_a_time_before_the_parents() {
        let now = 100;
        for (is_review_open, is_parked, start_at, parents, expected) in [
            (false, false, None, Parents::Satisfied, Landing::Ready),
            (false, false, None, Parents::Open, Landing::Todo),
            (false, false, Some(99), Parents::Satisfied, Landing::Ready),
            (false, false, Some(100), Parents::Open, Landing::Todo),
            (false, false, Some(101), Parents::Satisfied, Landing::Scheduled),
            (false, false, Some(101), Parents::Open, Landing::Scheduled),
            (false, true, None, Parents::Open, Landing::Scheduled),
            (false, true, Some(1), Parents::Satisfied, Landing::Scheduled),
            (true, false, None, Parents::Satisfied, Landing::Review),
            (true, true, Some(101), Parents::Open, Landing::Review),
        ] {
            let facts = LandingFacts { is_review_open, is_parked, start_at, parents };
            assert_eq!(landing(facts, now), expected, "{facts:?}");
        }
    }
}
