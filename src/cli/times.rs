//! Times and lengths of time, as people read them.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::kernel::ids::EpochSeconds;

/// The time of the command and the zone of its user.
#[derive(Debug, Clone)]
pub struct Times {
    now: EpochSeconds,
    zone: TimeZone,
}

impl Times {
    /// Now, here.
    #[expect(clippy::disallowed_methods, reason = "the one clock of the command line")]
    pub fn of_process() -> Self {
        Self { now: Timestamp::now().as_second(), zone: TimeZone::system() }
    }

    /// Now, epoch seconds.
    pub fn now(&self) -> EpochSeconds {
        self.now
    }

    /// `YYYYMMDDTHHMMSSZ` of now, UTC: in names of files.
    pub fn compact(&self) -> String {
        let now = Timestamp::from_second(self.now).unwrap_or_default();
        now.strftime("%Y%m%dT%H%M%SZ").to_string()
    }

    /// `YYYY-MM-DD HH:MM`, local.
    pub fn local(&self, seconds: EpochSeconds) -> String {
        match Timestamp::from_second(seconds) {
            Ok(time) => time.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M").to_string(),
            // Beyond what a calendar holds.
            Err(_) => seconds.to_string(),
        }
    }

    /// `YYYY-MM-DD HH:MM:SS`, local.
    pub fn exact(&self, seconds: EpochSeconds) -> String {
        match Timestamp::from_second(seconds) {
            Ok(time) => time.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
            Err(_) => seconds.to_string(),
        }
    }

    /// The beginning of a day that is written `YYYY-MM-DD`, epoch seconds; none when it is no day.
    pub fn midnight(&self, day: &str) -> Option<EpochSeconds> {
        let is_day =
            day.len() == 10 && day.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        let date: jiff::civil::Date = is_day.then(|| day.parse().ok()).flatten()?;
        Some(date.to_zoned(self.zone.clone()).ok()?.timestamp().as_second())
    }

    /// A time as RFC 3339, or local without a zone (`2026-05-01 09:00`), epoch seconds; none when it is neither.
    pub fn point(&self, text: &str) -> Option<EpochSeconds> {
        if let Ok(time) = text.parse::<Timestamp>() {
            return Some(time.as_second());
        }
        let local: jiff::civil::DateTime = text.parse().ok()?;
        Some(local.to_zoned(self.zone.clone()).ok()?.timestamp().as_second())
    }

    /// How long ago: `12s`, `3m`, `5h`, `2d`.
    pub fn age(&self, since: EpochSeconds) -> String {
        let seconds = self.now.saturating_sub(since).max(0);
        match seconds {
            0..60 => format!("{seconds}s"),
            60..3600 => format!("{}m", seconds / 60),
            3600..86_400 => format!("{}h", seconds / 3600),
            _ => format!("{}d", seconds / 86_400),
        }
    }

    /// From `start` to `end`, or to now: `12s`, `3m`, `1.5h`.
    pub fn elapsed(&self, start: EpochSeconds, end: Option<EpochSeconds>) -> String {
        let seconds = end.unwrap_or(self.now).saturating_sub(start).max(0);
        match seconds {
            0..60 => format!("{seconds}s"),
            60..3600 => format!("{}m", seconds / 60),
            _ => format!("{}.{}h", seconds / 3600, seconds % 3600 / 360),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(now: EpochSeconds) -> Times {
        Times { now, zone: TimeZone::fixed(jiff::tz::offset(2)) }
    }

    #[test]
    fn ages_are_given_in_their_largest_unit() {
        for (ago, expected) in [
            (-5, "0s"),
            (59, "59s"),
            (60, "1m"),
            (3599, "59m"),
            (3600, "1h"),
            (86_399, "23h"),
            (86_400, "1d"),
            (864_000, "10d"),
        ] {
            assert_eq!(at(1_000_000).age(1_000_000 - ago), expected);
        }
        assert_eq!(at(i64::MAX).age(i64::MIN), format!("{}d", i64::MAX / 86_400));
    }

    #[test]
    fn a_run_took_seconds_minutes_or_tenths_of_hours() {
        let times = at(10_000);
        assert_eq!(times.elapsed(0, Some(59)), "59s");
        assert_eq!(times.elapsed(0, Some(119)), "1m");
        assert_eq!(times.elapsed(0, Some(5400)), "1.5h");
        assert_eq!(times.elapsed(9_990, None), "10s");
        assert_eq!(times.elapsed(20, Some(10)), "0s");
    }

    #[test]
    fn a_day_begins_at_its_local_midnight() {
        assert_eq!(at(0).midnight("1970-01-02"), Some(86_400 - 7_200));
        assert_eq!(at(0).exact(0), "1970-01-01 02:00:00");
        for text in ["1970-1-2", "1970-02-30", "19700102", "1970-01-02T00:00", "today", ""] {
            assert_eq!(at(0).midnight(text), None, "{text:?}");
        }
    }

    #[test]
    fn times_are_local() {
        assert_eq!(at(0).local(0), "1970-01-01 02:00");
        assert_eq!(at(0).local(i64::MAX), i64::MAX.to_string());
    }
}
