//! A time of each day, and when it comes next. Pure; the time zone is an argument.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// A time of each day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DailyTime(Time);

impl DailyTime {
    /// Reads `09:00`.
    pub fn parse(text: &str) -> Option<Self> {
        let (hour, minute) = text.trim().split_once(':')?;
        if hour.len() > 2 || minute.len() != 2 {
            return None;
        }
        Some(Self(Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()?))
    }

    /// The first time after `now_ms` at which it is this time in `zone`; epoch milliseconds. A time that is left out comes as much later
    /// as is left out, and one that is there twice comes at its first.
    pub fn next_ms(self, now_ms: i64, zone: &TimeZone) -> Option<i64> {
        let now = Timestamp::from_millisecond(now_ms).ok()?.to_zoned(zone.clone());
        let today = now.date();
        let days = [today, today.tomorrow().ok()?];
        days.iter().filter_map(|day| self.on(*day, zone)).find(|at| *at > now_ms)
    }

    fn on(self, day: Date, zone: &TimeZone) -> Option<i64> {
        let at: Zoned = day.to_datetime(self.0).to_zoned(zone.clone()).ok()?;
        Some(at.timestamp().as_millisecond())
    }
}

/// The day of a time in `zone`, as `2026-03-01`.
pub fn day_of(at_ms: i64, zone: &TimeZone) -> String {
    let at = Timestamp::from_millisecond(at_ms).unwrap_or_default();
    at.to_zoned(zone.clone()).date().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    #[test]
    fn it_comes_once_a_day_also_when_the_clock_is_changed() {
        for (daily, zone, now, next) in [
            ("09:00", "UTC", "2026-03-01T08:59:59Z", "2026-03-01T09:00:00Z"),
            ("09:00", "UTC", "2026-03-01T09:00:00Z", "2026-03-02T09:00:00Z"),
            ("09:00", "UTC", "2026-03-01T23:00:00Z", "2026-03-02T09:00:00Z"),
            ("9:00", "Europe/Berlin", "2026-03-01T08:00:00Z", "2026-03-02T08:00:00Z"),
            ("09:00", "America/New_York", "2026-03-01T03:00:00Z", "2026-03-01T14:00:00Z"),
            ("00:00", "UTC", "2026-12-31T00:00:00Z", "2027-01-01T00:00:00Z"),
            // Summer time begins: 02:30 is left out, and comes at 03:30.
            ("02:30", "Europe/Berlin", "2026-03-28T01:30:00Z", "2026-03-29T01:30:00Z"),
            ("02:30", "Europe/Berlin", "2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"),
            // It ends: 02:30 is there twice, and comes at the first.
            ("02:30", "Europe/Berlin", "2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z"),
            ("02:30", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"),
        ] {
            let zone = TimeZone::get(zone).unwrap();
            let found = DailyTime::parse(daily).unwrap().next_ms(at(now), &zone);
            assert_eq!(found, Some(at(next)), "{daily} {zone:?} after {now}");
        }
    }

    #[test]
    fn a_day_is_that_of_the_zone() {
        let of = |zone| day_of(at("2026-03-01T23:30:00Z"), &TimeZone::get(zone).unwrap());
        assert_eq!(
            (of("UTC").as_str(), of("Europe/Berlin").as_str()),
            ("2026-03-01", "2026-03-02")
        );
    }

    #[test]
    fn what_is_no_time_of_a_day_is_not_read() {
        for text in ["", "9", "24:00", "09:60", "009:00", "9:0", "at nine"] {
            assert_eq!(DailyTime::parse(text), None, "{text}");
        }
    }
}
