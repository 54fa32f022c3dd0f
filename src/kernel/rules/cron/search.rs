//! The next occurrence of a cron expression on the clock of a zone, as the Python package `cronsim` 2.8 finds it.
//!
//! A change of the clock leaves a gap, times that the clock never shows, or a fold, times that it shows twice. A job at fixed
//! times is followed on the wall ([`Search::next_fixed`]): a time in a gap is moved to the first whole minute after the gap, and
//! one in a fold happens at its first showing. Any other is followed in elapsed time ([`Search::next_elapsed`]): whenever the clock
//! shows a time that is meant, it happens.
//!
//! The second way is cronsim's step by step, because its results depend on the steps. A day that is reached by its date
//! begins at a reading of 00:00 even where a gap has taken it; that reading is the first moment after the gap, and counts as
//! hour 0. Hours are counted in full from the last full hour, and a single minute is sought in one leap, so where the clock
//! changes by half an hour, the first half hour after the change can be passed over. One thing is not cronsim's: a step that would
//! lead back in time is not taken. It leads cronsim to give one occurrence again and again.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};

use super::{Cron, has};

/// Years that are searched.
const HORIZON_YEARS: i16 = 50;

/// Where a search ends whatever happens, so that it is bounded by construction. None is known that needs so many: 50 years have
/// 18,263 days, and hours and minutes are looked at on days that are meant, of which one without an occurrence has a gap.
const STEPS_MAX: u32 = 100_000;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;

/// What the clock shows.
#[derive(Debug, Clone, Copy)]
struct Reading {
    wall: DateTime,
    /// The second showing, where the clock shows this time twice.
    is_second: bool,
}

/// One search.
pub(super) struct Search<'a> {
    cron: &'a Cron,
    zone: &'a TimeZone,
    /// The last year that is searched.
    last_year: i16,
    /// Days, hours and minutes that were looked at.
    pub(super) steps: u32,
}

impl<'a> Search<'a> {
    /// A search for `cron` in `zone`.
    pub(super) fn new(cron: &'a Cron, zone: &'a TimeZone) -> Self {
        Self { cron, zone, last_year: i16::MAX, steps: 0 }
    }

    /// See [`Cron::next`].
    pub(super) fn next(&mut self, after: i64) -> Option<i64> {
        let start = self.reading(after.checked_add(1)?)?;
        self.last_year = start.wall.year().saturating_add(HORIZON_YEARS);
        if self.cron.is_fixed { self.next_fixed(after) } else { self.next_elapsed(start) }
    }

    /// By the clock on the wall: the next matching time, as the moment at which it occurs. In a doubled hour only the first pass counts.
    fn next_fixed(&mut self, after: i64) -> Option<i64> {
        let mut wall = self.reading(after)?.wall;
        loop {
            wall = self.wall_after(wall)?;
            let at = self.happens_at(wall)?;
            if at > after {
                return Some(at);
            }
        }
    }

    /// The first time that is meant after `wall`, whether or not the clock shows it.
    fn wall_after(&mut self, wall: DateTime) -> Option<DateTime> {
        let date = self.day_from(wall.date())?;
        if date == wall.date()
            && let Some(time) = self.time_from(wall.hour(), wall.minute().saturating_add(1))
        {
            return Some(date.to_datetime(time));
        }
        let date = if date == wall.date() { self.day_from(date.tomorrow().ok()?)? } else { date };
        Some(date.to_datetime(self.time_from(0, 0)?))
    }

    /// The first time of a day that is meant, from `hour` and `minute` on. Minute 60 is past the hour.
    fn time_from(&mut self, hour: i8, minute: i8) -> Option<Time> {
        for candidate in hour..24 {
            self.step()?;
            if self.cron.is_hour(candidate) {
                let from = if candidate == hour { minute } else { 0 };
                if let Some(minute) = (from..60).find(|minute| self.cron.is_minute(*minute)) {
                    return Time::new(candidate, minute, 0, 0).ok();
                }
            }
        }
        None
    }

    /// When a job at the fixed time `wall` runs.
    fn happens_at(&self, wall: DateTime) -> Option<i64> {
        match self.zone.to_ambiguous_timestamp(wall).offset() {
            AmbiguousOffset::Unambiguous { offset }
            | AmbiguousOffset::Fold { before: offset, .. } => {
                Some(offset.to_timestamp(wall).ok()?.as_second())
            }
            AmbiguousOffset::Gap { before, after } => {
                // With the offset of before, a time in the gap is read as a moment at the change or later.
                let late = before.to_timestamp(wall).ok()?.as_second();
                let change = self.zone.preceding(timestamp(late.checked_add(1)?)?).next()?;
                let into_minute = i64::from(after.to_datetime(change.timestamp()).second());
                Some(change.timestamp().as_second() + (MINUTE - into_minute) % MINUTE)
            }
        }
    }

    /// By elapsed time: the first matching clock reading at or after `now`.
    fn next_elapsed(&mut self, mut now: Reading) -> Option<i64> {
        loop {
            self.step()?;
            let date = self.day_from(now.wall.date())?;
            now = if date != now.wall.date() {
                self.midnight(date, now)?
            } else if !self.cron.is_hour(now.wall.hour()) {
                self.next_hour(now)?
            } else if !self.cron.is_minute(now.wall.minute()) {
                self.next_minute(now)?
            } else if now.wall.second() != 0 {
                self.later(now, MINUTE - i64::from(now.wall.second()))?
            } else {
                return self.moment(now);
            };
        }
    }

    /// 00:00 of a later day, at its second showing if the first is over.
    fn midnight(&self, date: Date, now: Reading) -> Option<Reading> {
        let first = Reading { wall: date.to_datetime(Time::midnight()), is_second: false };
        let is_over = self.moment(first)? <= self.moment(now)?;
        Some(Reading { is_second: is_over, ..first })
    }

    /// Hour by hour from the last full hour, to one that is meant or to the next day.
    fn next_hour(&mut self, now: Reading) -> Option<Reading> {
        let start = self.moment(now)?;
        let full_hour = Time::new(now.wall.hour(), 0, 0, 0).ok()?;
        let mut reading = Reading { wall: now.wall.date().to_datetime(full_hour), ..now };
        loop {
            self.step()?;
            reading = self.later(reading, HOUR)?;
            let hour = reading.wall.hour();
            if (self.cron.is_hour(hour) || hour == 0) && self.moment(reading)? > start {
                return Some(reading);
            }
        }
    }

    /// Advances to the next matching minute, or to the next hour. A single minute is reached in one step.
    fn next_minute(&mut self, now: Reading) -> Option<Reading> {
        let (hour, minute) = (now.wall.hour(), now.wall.minute());
        let full_minute = Time::new(hour, minute, 0, 0).ok()?;
        let mut reading = Reading { wall: now.wall.date().to_datetime(full_minute), ..now };
        if self.cron.minutes.is_power_of_two() {
            let single = i64::from(self.cron.minutes.trailing_zeros());
            reading = self.later(reading, (single - i64::from(minute)).rem_euclid(60) * MINUTE)?;
        }
        while !has(self.cron.minutes, reading.wall.minute()) {
            self.step()?;
            reading = self.later(reading, MINUTE)?;
            if reading.wall.minute() == 0 {
                break;
            }
        }
        Some(reading)
    }

    /// The first day that is meant, from `date` on.
    fn day_from(&mut self, mut date: Date) -> Option<Date> {
        while date.year() <= self.last_year {
            self.step()?;
            if !self.cron.is_month(date) {
                date = date.last_of_month().tomorrow().ok()?;
            } else if self.cron.is_day(date) {
                return Some(date);
            } else {
                date = date.tomorrow().ok()?;
            }
        }
        None
    }

    fn step(&mut self) -> Option<()> {
        self.steps += 1;
        (self.steps <= STEPS_MAX).then_some(())
    }

    /// What the clock shows `seconds` after a reading.
    fn later(&self, reading: Reading, seconds: i64) -> Option<Reading> {
        self.reading(self.moment(reading)?.checked_add(seconds)?)
    }

    /// What the clock shows at a moment.
    fn reading(&self, at: i64) -> Option<Reading> {
        let at = timestamp(at)?;
        let wall = self.zone.to_datetime(at);
        let is_second = match self.zone.to_ambiguous_timestamp(wall).offset() {
            AmbiguousOffset::Fold { after, .. } => self.zone.to_offset(at) == after,
            AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Gap { .. } => false,
        };
        Some(Reading { wall, is_second })
    }

    /// The moment of a reading. In a gap, the clock is read as if it had not changed yet.
    fn moment(&self, reading: Reading) -> Option<i64> {
        let offset = match self.zone.to_ambiguous_timestamp(reading.wall).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset,
            AmbiguousOffset::Fold { after, .. } | AmbiguousOffset::Gap { after, .. }
                if reading.is_second =>
            {
                after
            }
            AmbiguousOffset::Fold { before, .. } | AmbiguousOffset::Gap { before, .. } => before,
        };
        Some(offset.to_timestamp(reading.wall).ok()?.as_second())
    }
}

fn timestamp(seconds: i64) -> Option<Timestamp> {
    Timestamp::from_second(seconds).ok()
}
