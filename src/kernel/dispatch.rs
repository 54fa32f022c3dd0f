//! Which ready tasks start now: the whole decision of a dispatch pass as a function.
//!
//! Every assignee has a queue, ordered by (priority, created, id). The plan merges the heads of those queues whose
//! assignee has room under its cap and whose breaker lets starts through, until the slots are gone. It never looks past
//! the head of a queue that cannot start, so its cost grows with what it starts, not with what waits.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::kernel::breaker::Gate;
use crate::kernel::ids::{EpochSeconds, TaskId};

/// Place of a task in its queue; smaller starts earlier.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct QueueKey {
    /// Larger priorities first.
    pub priority: Reverse<i64>,
    /// Then the older.
    pub created_at: EpochSeconds,
    /// The id last, so that no order is left to chance.
    pub id: TaskId,
}

/// One assignee's side of the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lane {
    /// The assignee.
    pub assignee: String,
    /// Open supervised runs that it has.
    pub open_runs: u32,
    /// Its cap, when it has one.
    pub max_running: Option<u32>,
    /// What its breaker allows.
    pub gate: Gate,
}

impl Lane {
    /// How many of its tasks may start now.
    pub fn room(&self) -> u32 {
        let under_cap = self.max_running.map_or(u32::MAX, |cap| cap.saturating_sub(self.open_runs));
        match self.gate {
            Gate::Free => under_cap,
            Gate::Probe => under_cap.min(1),
            Gate::Shut { .. } => 0,
        }
    }
}

/// Where the plan reads the queues from.
pub trait ReadyQueue {
    /// What can go wrong while reading.
    type Error;

    /// The next task of `assignee` after `after` (from the head when none).
    fn next(
        &mut self,
        assignee: &str,
        after: Option<&QueueKey>,
    ) -> Result<Option<QueueKey>, Self::Error>;
}

/// What a pass does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Tasks to start, in this order.
    pub start: Vec<TaskId>,
    /// Tasks that would start now if there were room under the global cap: a reason to end lingering runs early.
    pub wants_slots: u32,
}

/// Makes the plan: at most `free_slots` starts, and at most `max_starts` in this pass.
pub fn plan<Q: ReadyQueue>(
    lanes: &[Lane],
    free_slots: u32,
    max_starts: u32,
    queue: &mut Q,
) -> Result<Plan, Q::Error> {
    let mut rooms: Vec<u32> = lanes.iter().map(Lane::room).collect();
    let mut heads = BinaryHeap::new();
    for (index, lane) in lanes.iter().enumerate() {
        if lane.room() > 0
            && let Some(key) = queue.next(&lane.assignee, None)?
        {
            heads.push(Reverse((key, index)));
        }
    }
    let budget = usize::try_from(free_slots.min(max_starts)).unwrap_or(usize::MAX);
    let mut start = Vec::new();
    while start.len() < budget {
        let Some(Reverse((key, index))) = heads.pop() else { break };
        start.push(key.id.clone());
        let (Some(room), Some(lane)) = (rooms.get_mut(index), lanes.get(index)) else { continue };
        *room -= 1;
        if *room > 0
            && let Some(next) = queue.next(&lane.assignee, Some(&key))?
        {
            heads.push(Reverse((next, index)));
        }
    }
    let is_short_of_slots = free_slots <= max_starts && start.len() == budget;
    let waiting = if is_short_of_slots { heads.len() } else { 0 };
    Ok(Plan { start, wants_slots: u32::try_from(waiting).unwrap_or(u32::MAX) })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::convert::Infallible;

    use super::*;

    #[derive(Default)]
    struct Queues {
        by_assignee: BTreeMap<String, Vec<QueueKey>>,
        reads: usize,
    }

    impl Queues {
        fn add(&mut self, assignee: &str, priority: i64, created_at: i64, n: u32) {
            let key = QueueKey {
                priority: Reverse(priority),
                created_at,
                id: TaskId::parse(&format!("t_{n:08x}")).unwrap(),
            };
            let queue = self.by_assignee.entry(assignee.to_owned()).or_default();
            queue.push(key);
            queue.sort();
        }
    }

    impl ReadyQueue for Queues {
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
    }

    fn lane(assignee: &str, open_runs: u32, max_running: Option<u32>, gate: Gate) -> Lane {
        Lane { assignee: assignee.to_owned(), open_runs, max_running, gate }
    }

    fn numbers(plan: &Plan) -> Vec<u32> {
        plan.start.iter().map(|id| u32::from_str_radix(&id.as_str()[2..], 16).unwrap()).collect()
    }

    #[test]
    fn priority_then_age_then_id_across_assignees() {
        let mut queues = Queues::default();
        queues.add("a", 0, 10, 1);
        queues.add("a", 5, 30, 2);
        queues.add("b", 0, 10, 3);
        queues.add("b", 0, 5, 4);
        let lanes = [lane("a", 0, None, Gate::Free), lane("b", 0, None, Gate::Free)];
        let plan = plan(&lanes, 10, 10, &mut queues).unwrap();
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
            let plan = plan(&[lane("a", open, cap, gate)], slots, 100, &mut queues).unwrap();
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
        let plan = plan(&lanes, 10, 10, &mut queues).unwrap();
        assert_eq!(numbers(&plan), [5000]);
        assert!(queues.reads <= 2, "{} reads", queues.reads);
    }

    #[test]
    fn a_full_house_says_that_it_wants_slots() {
        let mut queues = Queues::default();
        queues.add("a", 0, 0, 1);
        queues.add("b", 0, 0, 2);
        let lanes = [lane("a", 0, None, Gate::Free), lane("b", 0, None, Gate::Free)];
        assert_eq!(plan(&lanes, 0, 10, &mut queues).unwrap().wants_slots, 2);
        assert_eq!(plan(&lanes, 1, 10, &mut queues).unwrap().wants_slots, 1);
        assert_eq!(plan(&lanes, 10, 1, &mut queues).unwrap().wants_slots, 0, "the pass was short");
    }
}
