//! Which read is next: fair between callers, and never all threads for workers or for long reads.
//!
//! Each caller has a lane of its own, in which its reads wait in their order. The lanes take turns. A lane whose kind has as many
//! threads as it may have is passed over, so that a read of a person finds a thread whatever workers ask for.

use std::collections::{HashMap, VecDeque};

use crate::kernel::ids::RunId;

/// Reading threads. More would only compete with the writer for the two cores of a small host.
pub const READER_COUNT: usize = 3;

/// Threads that the reads of workers may have at one time, all together.
const WORKERS_AT_ONCE: usize = 1;

/// Threads that long reads may have at one time, all together.
const LONG_AT_ONCE: usize = 1;

/// Threads that one person's reads may have at one time.
const PERSON_AT_ONCE: usize = READER_COUNT - 1;

/// Reads that may wait in one lane. A caller with more has far more connections than it needs.
const WAITING_PER_LANE_MAX: usize = 256;

/// Whose read it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Lane {
    /// The daemon's own.
    System,
    /// A person's or a program's outside any run, by name.
    Person(String),
    /// Of persons, those that look at the whole file.
    Long,
    /// A run's.
    Worker(RunId),
    /// Of callers of whom nothing is proven yet: the row that decides about them.
    Unproven,
}

/// Reads that wait, and how many are under way.
pub struct Schedule<J> {
    waiting: HashMap<Lane, VecDeque<J>>,
    /// Lanes with waiting reads, the next one first.
    turns: VecDeque<Lane>,
    running: HashMap<Lane, usize>,
}

impl<J> Default for Schedule<J> {
    fn default() -> Self {
        Self { waiting: HashMap::new(), turns: VecDeque::new(), running: HashMap::new() }
    }
}

impl<J> Schedule<J> {
    /// Has a read wait for its turn. Given back when its lane is full.
    pub fn push(&mut self, lane: Lane, job: J) -> Result<(), J> {
        let waiting = self.waiting.entry(lane.clone()).or_default();
        if waiting.len() >= WAITING_PER_LANE_MAX {
            return Err(job);
        }
        if waiting.is_empty() {
            self.turns.push_back(lane);
        }
        waiting.push_back(job);
        Ok(())
    }

    /// The next read and its lane, for [`Schedule::done`]; none when nothing may run.
    pub fn next_read(&mut self) -> Option<(Lane, J)> {
        let is_system = |lane: &Lane| *lane == Lane::System;
        let turn = self
            .turns
            .iter()
            .position(is_system)
            .or_else(|| self.turns.iter().position(|lane| self.may_run(lane)))?;
        let lane = self.turns.remove(turn)?;
        let waiting = self.waiting.get_mut(&lane)?;
        let job = waiting.pop_front()?;
        if waiting.is_empty() {
            self.waiting.remove(&lane);
        } else {
            self.turns.push_back(lane.clone());
        }
        *self.running.entry(lane.clone()).or_default() += 1;
        Some((lane, job))
    }

    /// A read of this lane is through.
    pub fn done(&mut self, lane: &Lane) {
        if let Some(running) = self.running.get_mut(lane) {
            *running -= 1;
            if *running == 0 {
                self.running.remove(lane);
            }
        }
    }

    fn may_run(&self, lane: &Lane) -> bool {
        let running = |lane: &Lane| self.running.get(lane).copied().unwrap_or_default();
        match lane {
            Lane::System => true,
            Lane::Person(_) => running(lane) < PERSON_AT_ONCE,
            Lane::Long => running(lane) < LONG_AT_ONCE,
            Lane::Worker(_) | Lane::Unproven => {
                let of_workers = |(lane, count): (&Lane, &usize)| {
                    if matches!(lane, Lane::Worker(_) | Lane::Unproven) { *count } else { 0 }
                };
                self.running.iter().map(of_workers).sum::<usize>() < WORKERS_AT_ONCE
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(name: &str) -> Lane {
        match name.split_at(1) {
            ("w", run) => Lane::Worker(run.parse().unwrap()),
            ("s", _) => Lane::System,
            ("l", _) => Lane::Long,
            ("u", _) => Lane::Unproven,
            (_, _) => Lane::Person(name.to_owned()),
        }
    }

    fn schedule(waiting: &[&str], running: &[&str]) -> Schedule<usize> {
        let mut schedule = Schedule::default();
        for name in running {
            schedule.push(lane(name), 0).unwrap();
            assert_eq!(
                schedule.next_read().unwrap().0,
                lane(name),
                "{running:?} cannot run together"
            );
        }
        for (number, name) in waiting.iter().enumerate() {
            schedule.push(lane(name), number).unwrap();
        }
        schedule
    }

    #[test]
    fn lanes_take_turns_and_no_kind_gets_every_thread() {
        for (running, waiting, expected) in [
            (vec![], vec!["ada", "ada", "bob"], vec!["ada", "bob", "ada"]),
            (vec![], vec!["w1", "w1", "w2", "ada"], vec!["w1", "ada"]),
            (vec!["w1"], vec!["w1", "w2", "ada"], vec!["ada"]),
            (vec!["w1"], vec!["w2", "l", "l", "ada"], vec!["l", "ada"]),
            (vec!["ada", "ada"], vec!["ada", "w1", "bob"], vec!["w1", "bob"]),
            (vec!["w1"], vec!["w2", "s", "s"], vec!["s", "s"]),
            (vec!["w1"], vec!["ada", "s"], vec!["s", "ada"]),
            (vec!["w1"], vec!["u", "ada"], vec!["ada"]),
            (vec!["u"], vec!["u", "w1", "ada", "s"], vec!["s", "ada"]),
            (vec![], vec![], vec![]),
        ] {
            let mut schedule = schedule(&waiting, &running);
            let mut order = Vec::new();
            while let Some((lane, _)) = schedule.next_read() {
                order.push(lane);
            }
            let expected: Vec<Lane> = expected.into_iter().map(lane).collect();
            assert_eq!(order, expected, "{waiting:?} beside {running:?}");
        }
    }

    #[test]
    fn a_worker_with_many_reads_costs_another_one_turn() {
        let mut schedule = schedule(&["w1"; 100], &[]);
        schedule.push(lane("w2"), 100).unwrap();
        let mut order = Vec::new();
        while let Some((lane, number)) = schedule.next_read() {
            schedule.done(&lane);
            order.push(number);
        }
        assert_eq!(order.iter().position(|number| *number == 100), Some(1));
        assert_eq!(order.len(), 101);
    }

    #[test]
    fn a_lane_that_is_full_takes_nothing_more_and_holds_up_no_other() {
        let mut schedule = schedule(&["w1"; WAITING_PER_LANE_MAX], &[]);
        assert_eq!(schedule.push(lane("w1"), 7), Err(7));
        assert_eq!(schedule.push(lane("w2"), 7), Ok(()));
    }
}
