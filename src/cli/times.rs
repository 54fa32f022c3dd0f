//! Times and lengths of time, as people read them.

use jiff::Timestamp;
use jiff::civil::Weekday;
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

    /// The same time in the zone of this name (`Europe/Berlin`); none when there is no such zone.
    pub fn in_zone(self, name: &str) -> Option<Self> {
        Some(Self { zone: TimeZone::get(name).ok()?, ..self })
    }

    /// The name of the zone, where it has one.
    pub fn zone_name(&self) -> Option<String> {
        self.zone.iana_name().map(str::to_owned)
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

    /// `YYYY-MM-DDTHH:MM:SS+02:00`, local with its distance from UTC (RFC 3339).
    pub fn rfc3339(&self, seconds: EpochSeconds) -> String {
        match Timestamp::from_second(seconds) {
            Ok(time) => {
                time.to_zoned(self.zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
            }
            Err(_) => seconds.to_string(),
        }
    }

    /// `HH:MM:SS`, local.
    pub fn clock(&self, seconds: EpochSeconds) -> String {
        self.exact(seconds).split_once(' ').map_or_else(String::new, |(_, time)| time.to_owned())
    }

    /// `YYYY-MM-DD`, local.
    pub fn day(&self, seconds: EpochSeconds) -> String {
        let exact = self.exact(seconds);
        exact.split_once(' ').map_or_else(|| exact.clone(), |(day, _)| day.to_owned())
    }

    /// The beginning of today, epoch seconds.
    pub fn today(&self) -> EpochSeconds {
        let now = Timestamp::from_second(self.now).unwrap_or_default().to_zoned(self.zone.clone());
        now.start_of_day().map_or(self.now, |start| start.timestamp().as_second())
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

    /// The next time that is written `today 17:00`, `tomorrow 9:00`, `mon 9:00` or, for the beginning of the day, `tomorrow` or `mon`; epoch
    /// seconds; none when it is none of them. A weekday is today's as long as its time is ahead.
    pub fn ahead(&self, text: &str) -> Option<EpochSeconds> {
        let (day, time) = text.split_once(' ').unwrap_or((text, "0:00"));
        let (hour, minute) = time.trim().split_once(':')?;
        let is_number =
            |text: &str| (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        if !is_number(hour) || !is_number(minute) || minute.len() != 2 {
            return None;
        }
        let time = jiff::civil::Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()?;
        let today = Timestamp::from_second(self.now).ok()?.to_zoned(self.zone.clone()).date();
        let at = |date: jiff::civil::Date| {
            Some(date.to_datetime(time).to_zoned(self.zone.clone()).ok()?.timestamp().as_second())
        };
        match day.to_ascii_lowercase().as_str() {
            "today" => at(today),
            "tomorrow" => at(today.tomorrow().ok()?),
            day => {
                let weekday = weekday(day)?;
                if today.weekday() == weekday && at(today)? > self.now {
                    return at(today);
                }
                at(today.nth_weekday(1, weekday).ok()?)
            }
        }
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

/// `mon` or `monday`.
fn weekday(text: &str) -> Option<Weekday> {
    let named = [
        ("monday", Weekday::Monday),
        ("tuesday", Weekday::Tuesday),
        ("wednesday", Weekday::Wednesday),
        ("thursday", Weekday::Thursday),
        ("friday", Weekday::Friday),
        ("saturday", Weekday::Saturday),
        ("sunday", Weekday::Sunday),
    ];
    let is_meant = |name: &str| name == text || name.get(..3) == Some(text);
    named.into_iter().find(|(name, _)| is_meant(name)).map(|(_, weekday)| weekday)
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
        assert_eq!(
            (at(0).today(), at(79_199).today(), at(79_200).today()),
            (-7_200, -7_200, 79_200)
        );
        for text in ["1970-1-2", "1970-02-30", "19700102", "1970-01-02T00:00", "today", ""] {
            assert_eq!(at(0).midnight(text), None, "{text:?}");
        }
    }

    #[test]
    fn times_are_local() {
        assert_eq!(at(0).local(0), "1970-01-01 02:00");
        assert_eq!((at(0).day(0).as_str(), at(0).clock(0).as_str()), ("1970-01-01", "02:00:00"));
        assert_eq!(at(0).local(i64::MAX), i64::MAX.to_string());
        assert_eq!(at(0).rfc3339(0), "1970-01-01T02:00:00+02:00");
    }

    #[test]
    fn days_are_named_by_words_and_weekdays_are_ahead() {
        let times = |text: &str| {
            let zone = TimeZone::fixed(jiff::tz::offset(2));
            Times { now: text.parse::<Timestamp>().unwrap().as_second(), zone }
        };
        // A Monday, 10:00 in this zone.
        let monday = times("2026-11-30T08:00:00Z");
        for (text, expected) in [
            ("today 17:00", Some("2026-11-30T15:00:00Z")),
            ("tomorrow 9:00", Some("2026-12-01T07:00:00Z")),
            ("Tomorrow", Some("2026-11-30T22:00:00Z")),
            ("mon 10:01", Some("2026-11-30T08:01:00Z")),
            ("mon 10:00", Some("2026-12-07T08:00:00Z")),
            ("monday 9:00", Some("2026-12-07T07:00:00Z")),
            ("sun", Some("2026-12-05T22:00:00Z")),
            ("tue 23:59", Some("2026-12-01T21:59:00Z")),
            ("yesterday 9:00", None),
            ("mon 24:00", None),
            ("mon 9", None),
            ("mon 9:5", None),
            ("mon 9:00 x", None),
            ("mond 9:00", None),
            ("", None),
        ] {
            let expected = expected.map(|text| text.parse::<Timestamp>().unwrap().as_second());
            assert_eq!(monday.ahead(text), expected, "{text}");
        }
    }
}
