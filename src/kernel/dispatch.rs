//! The walk of a dispatch pass through the ready queues, as a function.
//!
//! Every assignee has a queue, ordered by (priority, arrival). The walk merges the heads of those queues whose assignee has
//! room ([`crate::kernel::rules::start::profile`]), and tries one after the other until the slots are gone. It never looks past
//! the head of a queue that has no room, so its cost grows with what it tries, not with what waits.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::kernel::ids::TaskId;

/// Location of a task in its queue; smaller starts earlier.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct QueueKey {
    /// Larger priorities first.
    pub priority: Reverse<i64>,
    /// Then the one that arrived earlier on this board.
    pub seq: i64,
    /// Its id.
    pub id: TaskId,
}

/// One assignee's side of the walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lane {
    /// The assignee.
    pub assignee: String,
    /// How many of its tasks may start now.
    pub room: u32,
}

/// What became of a task that was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tried {
    /// It starts.
    Started,
    /// It has used up what one task gets, and is given up. It takes the turn of a start: a pass gives up no more than it may start.
    GivenUp,
    /// It does not start now, and whatever stands behind it has its turn.
    PutAside,
}

/// Where the walk reads the queues from, and what it does with the tasks.
pub trait Candidates {
    /// What can go wrong.
    type Error;

    /// The next task of `assignee` after `after` (from the head when none).
    fn next(
        &mut self,
        assignee: &str,
        after: Option<&QueueKey>,
    ) -> Result<Option<QueueKey>, Self::Error>;

    /// Starts a task, if nothing about it is in the way.
    fn try_start(&mut self, id: &TaskId) -> Result<Tried, Self::Error>;
}

/// How far a walk goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Free slots of the host.
    pub free_slots: u32,
    /// Starts of this pass at most.
    pub max_starts: u32,
    /// Tasks put aside at most.
    pub max_aside: usize,
}

/// How a walk ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Walked {
    /// Tasks that could have started if there were room under the global limit: a reason to end lingering runs early.
    pub wants_slots: u32,
    /// Whether it stopped at the maximum number of tasks put aside.
    pub is_cut_short: bool,
}

/// Tries the heads of `lanes` in their common order, as far as `bounds` go.
///
/// # Errors
/// What `candidates` returns.
pub fn walk<C: Candidates>(
    lanes: &[Lane],
    bounds: Bounds,
    candidates: &mut C,
) -> Result<Walked, C::Error> {
    let mut rooms: Vec<u32> = lanes.iter().map(|lane| lane.room).collect();
    let mut heads = BinaryHeap::new();
    for (index, lane) in lanes.iter().enumerate() {
        if lane.room > 0
            && let Some(key) = candidates.next(&lane.assignee, None)?
        {
            heads.push(Reverse((key, index)));
        }
    }
    let budget = bounds.free_slots.min(bounds.max_starts);
    let (mut used, mut aside) = (0, 0);
    while used < budget {
        let Some(Reverse((key, index))) = heads.pop() else { break };
        let (Some(room), Some(lane)) = (rooms.get_mut(index), lanes.get(index)) else { continue };
        match candidates.try_start(&key.id)? {
            Tried::Started | Tried::GivenUp => {
                used += 1;
                *room -= 1;
            }
            Tried::PutAside => aside += 1,
        }
        if *room > 0
            && let Some(next) = candidates.next(&lane.assignee, Some(&key))?
        {
            heads.push(Reverse((next, index)));
        }
        if aside >= bounds.max_aside {
            return Ok(Walked { wants_slots: 0, is_cut_short: true });
        }
    }
    let is_short_of_slots = bounds.free_slots <= bounds.max_starts && used == budget;
    let waiting = if is_short_of_slots { heads.len() } else { 0 };
    let wants_slots = u32::try_from(waiting).unwrap_or(u32::MAX);
    Ok(Walked { wants_slots, is_cut_short: false })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::convert::Infallible;

    use super::*;
    use crate::kernel::breaker::Gate;
    use crate::kernel::rules::start::{GateFacts, ProfileFacts, profile};

    #[derive(Default)]
    struct Queues {
        by_assignee: BTreeMap<String, Vec<QueueKey>>,
        reads: usize,
        aside: Vec<TaskId>,
        given_up: Vec<TaskId>,
        start: Vec<TaskId>,
    }

    impl Queues {
        fn add(&mut self, assignee: &str, priority: i64, seq: i64, n: u32) {
            let key = QueueKey { priority: Reverse(priority), seq, id: id(n) };
            let queue = self.by_assignee.entry(assignee.to_owned()).or_default();
            queue.push(key);
            queue.sort();
        }
    }

    impl Candidates for Queues {
        type Error = Infallible;

        fn next(
            &mut self,
            assignee: &str,
            after: Option<&QueueKey>,
        ) -> Result<Option<QueueKey>, Infallible> {
            self.reads += 1;
            let queue = self.by_assignee.get(assignee).map(Vec::as_slice).unwrap_or_default();
            Ok(queue.iter().find(|key| after.is_none_or(|after| *key > after)).cloned())
        }

        fn try_start(&mut self, id: &TaskId) -> Result<Tried, Infallible> {
            if self.aside.contains(id) {
                return Ok(Tried::PutAside);
            }
            if self.given_up.contains(id) {
                return Ok(Tried::GivenUp);
            }
            self.start.push(id.clone());
            Ok(Tried::Started)
        }
    }

    fn lane(assignee: &str, open_runs: u32, max_running: Option<u32>, gate: Gate) -> Lane {
        let facts = ProfileFacts {
            paused: None,
            open_runs,
            max_running,
            breaker: GateFacts { gate, last_error: None },
        };
        Lane { assignee: assignee.to_owned(), room: profile(&facts).unwrap_or_default() }
    }

    struct Plan {
        start: Vec<TaskId>,
        wants_slots: u32,
        is_cut_short: bool,
    }

    fn plan(lanes: &[Lane], free_slots: u32, max_starts: u32, queues: &mut Queues) -> Plan {
        let bounds = Bounds { free_slots, max_starts, max_aside: 3 };
        let Walked { wants_slots, is_cut_short } = walk(lanes, bounds, queues).unwrap();
        Plan { start: std::mem::take(&mut queues.start), wants_slots, is_cut_short }
    }

    fn id(n: u32) -> TaskId {
        TaskId::parse(&format!("t_{n:08x}")).unwrap()
    }

    fn numbers(plan: &Plan) -> Vec<u32> {
        plan.start.iter().map(|id| u32::from_str_radix(&id.as_str()[2..], 16).unwrap()).collect()
    }

    #[test]
    fn priority_then_arrival_across_assignees() {
        let mut queues = Queues::default();
        queues.add("a", 0, 10, 1);
        queues.add("a", 5, 30, 2);
        queues.add("b", 0, 10, 3);
        queues.add("b", 0, 5, 4);
        let lanes = [lane("a", 0, None, Gate::Free), lane("b", 0, None, Gate::Free)];
        let plan = plan(&lanes, 10, 10, &mut queues);
        assert_eq!(numbers(&plan), [2, 4, 1, 3]);
        assert_eq!(plan.wants_slots, 0);
    }

    #[test]
    fn no_more_starts_than_slots_caps_and_breakers_allow() {
        for (slots, open, cap, gate, expected) in [
            (2, 0, None, Gate::Free, 2),
            (10, 0, Some(3), Gate::Free, 3),
            (10, 2, Some(3), Gate::Free, 1),
            (10, 3, Some(3), Gate::Free, 0),
            (10, 4, Some(3), Gate::Free, 0),
            (10, 0, None, Gate::Probe, 1),
            (10, 0, None, Gate::Shut { until: None }, 0),
            (0, 0, None, Gate::Free, 0),
        ] {
            let mut queues = Queues::default();
            for n in 0..8 {
                queues.add("a", 0, i64::from(n), n);
            }
            let plan = plan(&[lane("a", open, cap, gate)], slots, 100, &mut queues);
            assert_eq!(
                plan.start.len(),
                expected,
                "{slots} slots, {open} open, cap {cap:?}, {gate:?}"
            );
        }
    }

    #[test]
    fn a_capped_profile_with_many_tasks_costs_no_reads() {
        let mut queues = Queues::default();
        for n in 0..1000 {
            queues.add("capped", 9, 0, n);
        }
        queues.add("free", 0, 0, 5000);
        let lanes = [lane("capped", 1, Some(1), Gate::Free), lane("free", 0, None, Gate::Free)];
        let plan = plan(&lanes, 10, 10, &mut queues);
        assert_eq!(numbers(&plan), [5000]);
        assert!(queues.reads <= 2, "{} reads", queues.reads);
    }

    #[test]
    fn a_full_house_says_that_it_wants_slots() {
        let mut queues = Queues::default();
        queues.add("a", 0, 0, 1);
        queues.add("b", 0, 0, 2);
        let lanes = [lane("a", 0, None, Gate::Free), lane("b", 0, None, Gate::Free)];
        assert_eq!(plan(&lanes, 0, 10, &mut queues).wants_slots, 2);
        assert_eq!(plan(&lanes, 1, 10, &mut queues).wants_slots, 1);
        assert_eq!(plan(&lanes, 10, 1, &mut queues).wants_slots, 0, "the pass was short");
    }

    #[test]
    fn what_is_put_aside_takes_no_turn_and_what_is_given_up_takes_one() {
        let lanes = [lane("a", 0, Some(2), Gate::Free), lane("b", 0, None, Gate::Free)];
        for (aside, given_up, expected) in [
            (vec![], vec![], vec![1, 2, 4]),
            (vec![1], vec![], vec![2, 3, 4]),
            (vec![1, 4], vec![], vec![2, 3, 5]),
            (vec![], vec![1], vec![2, 4]),
        ] {
            let mut queues = Queues {
                aside: aside.into_iter().map(id).collect(),
                given_up: given_up.into_iter().map(id).collect(),
                ..Queues::default()
            };
            for n in 1..=3 {
                queues.add("a", 1, 0, n);
                queues.add("b", 0, 0, n + 3);
            }
            assert_eq!(numbers(&plan(&lanes, 3, 10, &mut queues)), expected);
        }
    }

    #[test]
    fn a_pass_that_puts_many_aside_stops_and_says_so() {
        let mut queues = Queues { aside: (0..3).map(id).collect(), ..Queues::default() };
        for n in 0..9 {
            queues.add("a", 0, 0, n);
        }
        let plan = plan(&[lane("a", 0, None, Gate::Free)], 5, 10, &mut queues);
        assert!(plan.is_cut_short && plan.start.is_empty() && plan.wants_slots == 0);
    }
}
