//! Schedules: which occurrences are made at a moment, what becomes of one whose predecessor is not over, and what its task says.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::kernel::ids::EpochSeconds;
use crate::kernel::limits::{CATCH_UP_MAX, ON_TIME_SECONDS};
use crate::kernel::rules::cron::Cron;
use crate::kernel::schedule::{CatchUp, Overlap};

/// When a schedule has occurrences.
#[derive(Debug, Clone)]
pub struct Times<'a> {
    /// The expression.
    pub cron: &'a Cron,
    /// Its zone.
    pub zone: &'a TimeZone,
    /// No occurrence after this time, epoch seconds.
    pub until_at: Option<EpochSeconds>,
}

/// What is done at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Nominal times of the occurrences that are made, oldest first.
    pub make: Vec<EpochSeconds>,
    /// Nothing is made for a nominal time that is not later than this.
    pub last_at: EpochSeconds,
    /// The next nominal time; none when no other comes.
    pub next_at: Option<EpochSeconds>,
}

impl Times<'_> {
    /// The first nominal time later than `after`; none when no other comes.
    pub fn next(&self, after: EpochSeconds) -> Option<EpochSeconds> {
        let next = self.cron.next(after, self.zone)?;
        self.until_at.is_none_or(|until_at| next <= until_at).then_some(next)
    }

    /// What is done at `now` of the occurrences later than `last_at`. The clock may have been set: nothing is made twice, and what
    /// comes next is later than what was made.
    pub fn plan(&self, catch_up: CatchUp, last_at: EpochSeconds, now: EpochSeconds) -> Plan {
        let make = match catch_up {
            CatchUp::None => {
                let on_time = |at: &EpochSeconds| now.saturating_sub(*at) <= ON_TIME_SECONDS;
                self.newest(last_at, now, 1).into_iter().filter(on_time).collect()
            }
            CatchUp::One => self.newest(last_at, now, 1),
            CatchUp::All => self.newest(last_at, now, CATCH_UP_MAX),
        };
        // What was decided stays decided, and no more than that: the clock may be wrong.
        let last_at = make.last().map_or(last_at, |newest| last_at.max(*newest));
        Plan { make, last_at, next_at: self.next(last_at.max(now)) }
    }

    /// The newest `limit` nominal times that are later than `after` and not later than `now`, oldest first. It looks back from `now`
    /// in growing windows, so that a long absence costs no more than a short one.
    fn newest(&self, after: EpochSeconds, now: EpochSeconds, limit: usize) -> Vec<EpochSeconds> {
        let mut window_seconds = 3600;
        loop {
            let from = after.max(now.saturating_sub(window_seconds));
            let mut found = Vec::new();
            let mut at = from;
            while let Some(next) = self.next(at).filter(|next| *next <= now) {
                found.push(next);
                at = next;
            }
            if found.len() >= limit || from == after {
                return found.split_off(found.len().saturating_sub(limit));
            }
            window_seconds = window_seconds.saturating_mul(2);
        }
    }
}

/// What becomes of an occurrence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Its task is made.
    Make,
    /// No task is made.
    Skip,
    /// Its task is made and waits for the one before.
    Queue,
    /// The task of the one before is cancelled, and its own is made.
    Replace,
}

/// What becomes of an occurrence whose predecessor is over or not.
pub fn fate(overlap: Overlap, is_previous_over: bool) -> Fate {
    match (overlap, is_previous_over) {
        (_, true) => Fate::Make,
        (Overlap::Skip, false) => Fate::Skip,
        (Overlap::Queue, false) => Fate::Queue,
        (Overlap::Replace, false) => Fate::Replace,
    }
}

/// Title or body of the task of an occurrence: `{date}`, `{time}` and `{n}` stand for its nominal time in the zone of the schedule and
/// for its number.
pub fn filled(text: &str, at: EpochSeconds, zone: &TimeZone, number: u32) -> String {
    let Ok(at) = Timestamp::from_second(at) else { return text.to_owned() };
    let at = at.to_zoned(zone.clone());
    text.replace("{date}", &at.strftime("%Y-%m-%d").to_string())
        .replace("{time}", &at.strftime("%H:%M").to_string())
        .replace("{n}", &number.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3600;
    const DAY: i64 = 24 * HOUR;

    fn plan(expression: &str, catch_up: CatchUp, last_at: i64, now: i64) -> Plan {
        let (cron, zone) = (Cron::parse(expression).unwrap(), TimeZone::UTC);
        Times { cron: &cron, zone: &zone, until_at: None }.plan(catch_up, last_at, now)
    }

    #[test]
    fn on_time_every_policy_makes_the_one_that_is_due() {
        for catch_up in CatchUp::ALL {
            for late in [0, 1, ON_TIME_SECONDS] {
                let plan = plan("0 9 * * *", catch_up, 8 * HOUR, 9 * HOUR + late);
                assert_eq!(plan.make, [9 * HOUR], "{catch_up:?} {late}");
                assert_eq!(plan.next_at, Some(DAY + 9 * HOUR));
            }
        }
    }

    #[test]
    fn of_missed_ones_none_the_newest_or_the_newest_hundred_are_made() {
        let now = 1000 * DAY;
        for (catch_up, made) in [(CatchUp::None, 0), (CatchUp::One, 1), (CatchUp::All, 100)] {
            let plan = plan("0 9 * * *", catch_up, 0, now);
            assert_eq!(plan.make.len(), made, "{catch_up:?}");
            assert!(plan.make.last().is_none_or(|last| *last == 999 * DAY + 9 * HOUR));
            assert!(plan.make.is_sorted());
            assert_eq!(plan.last_at, plan.make.last().copied().unwrap_or(0));
            assert_eq!(plan.next_at, Some(now + 9 * HOUR));
        }
        let few = plan("0 9 * * *", CatchUp::All, 0, 3 * DAY);
        assert_eq!(few.make, [9 * HOUR, DAY + 9 * HOUR, 2 * DAY + 9 * HOUR]);
    }

    #[test]
    fn nothing_is_made_before_the_first_time_or_twice() {
        for catch_up in CatchUp::ALL {
            assert!(plan("0 9 * * *", catch_up, 0, 9 * HOUR - 1).make.is_empty());
            assert!(plan("0 9 * * *", catch_up, 9 * HOUR, 9 * HOUR).make.is_empty());
        }
    }

    #[test]
    fn after_a_clock_that_was_set_back_the_next_one_is_later_than_the_last() {
        let last = 100 * DAY + 9 * HOUR;
        let plan = plan("0 9 * * *", CatchUp::All, last, 50 * DAY);
        assert!(plan.make.is_empty());
        assert_eq!((plan.last_at, plan.next_at), (last, Some(last + DAY)));
    }

    #[test]
    fn no_occurrence_comes_after_the_end() {
        let (cron, zone) = (Cron::parse("0 9 * * *").unwrap(), TimeZone::UTC);
        let times = Times { cron: &cron, zone: &zone, until_at: Some(2 * DAY) };
        let plan = times.plan(CatchUp::All, 0, 10 * DAY);
        assert_eq!(plan.make, [9 * HOUR, DAY + 9 * HOUR]);
        assert_eq!(plan.next_at, None);
    }

    #[test]
    fn an_absence_of_twenty_years_costs_few_looks() {
        let now = 20 * 366 * DAY;
        for expression in ["* * * * *", "0 9 * * *", "0 0 29 2 *", "* * 1 1 *"] {
            let plan = plan(expression, CatchUp::One, 0, now);
            assert_eq!(plan.make.len(), 1, "{expression}");
        }
    }

    #[test]
    fn the_policy_of_overlaps_matters_only_while_the_one_before_is_not_over() {
        for (overlap, not_over) in [
            (Overlap::Skip, Fate::Skip),
            (Overlap::Queue, Fate::Queue),
            (Overlap::Replace, Fate::Replace),
        ] {
            assert_eq!(fate(overlap, true), Fate::Make);
            assert_eq!(fate(overlap, false), not_over);
        }
    }

    #[test]
    fn date_time_and_number_are_filled_in_in_the_zone_of_the_schedule() {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        let text = "Report {n} of {date} {time} ({date}) {other}";
        let expected = "Report 7 of 1970-01-02 01:00 (1970-01-02) {other}";
        assert_eq!(filled(text, 23 * HOUR, &zone, 7), expected);
    }
}
