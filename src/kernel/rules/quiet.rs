//! Quiet hours: when a person's channel waits with its news. Pure; the time zone is part of the value.

use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::TimeZone;

use crate::kernel::ids::EpochSeconds;

/// Part of each day, in a time zone. It may go over midnight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuietHours {
    from: Time,
    until: Time,
    zone: TimeZone,
}

impl QuietHours {
    /// Reads `22:00-07:00`, with the name of a zone behind it where that is not `local_zone`.
    pub fn parse(text: &str, local_zone: &str) -> Option<Self> {
        let (window, zone) = text.trim().split_once(' ').unwrap_or((text.trim(), local_zone));
        let (from, until) = window.split_once('-')?;
        let (from, until) = (time_of(from)?, time_of(until)?);
        let zone = TimeZone::get(zone.trim()).ok()?;
        (from != until).then_some(Self { from, until, zone })
    }

    /// The time zone.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The end of the quiet hours that `now` is in; none outside of them.
    pub fn end(&self, now: EpochSeconds) -> Option<EpochSeconds> {
        let local = Timestamp::from_second(now).ok()?.to_zoned(self.zone.clone());
        let time = local.time();
        let (is_inside, is_tomorrow) = if self.from < self.until {
            ((self.from..self.until).contains(&time), false)
        } else {
            (time >= self.from || time < self.until, time >= self.from)
        };
        if !is_inside {
            return None;
        }
        let date = if is_tomorrow { local.date().tomorrow().ok()? } else { local.date() };
        // An hour that is left out ends at the next one that there is; one that is there twice at its first.
        let end = date.to_datetime(self.until).to_zoned(self.zone.clone()).ok()?;
        Some(end.timestamp().as_second()).filter(|end| *end > now)
    }
}

fn time_of(text: &str) -> Option<Time> {
    let (hour, minute) = text.trim().split_once(':')?;
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> EpochSeconds {
        text.parse::<Timestamp>().unwrap().as_second()
    }

    #[test]
    fn quiet_hours_end_also_behind_midnight_and_over_a_changed_clock() {
        for (quiet, now, end) in [
            ("22:00-07:00 UTC", "2026-03-01T21:59:59Z", None),
            ("22:00-07:00 UTC", "2026-03-01T22:00:00Z", Some("2026-03-02T07:00:00Z")),
            ("22:00-07:00 UTC", "2026-03-02T06:59:59Z", Some("2026-03-02T07:00:00Z")),
            ("22:00-07:00 UTC", "2026-03-02T07:00:00Z", None),
            ("12:00-13:00 UTC", "2026-03-02T12:30:00Z", Some("2026-03-02T13:00:00Z")),
            ("12:00-13:00 UTC", "2026-03-02T13:00:00Z", None),
            // Summer time begins in this night: 02:30 does not exist.
            ("23:00-02:30 Europe/Berlin", "2026-03-29T00:30:00Z", Some("2026-03-29T01:30:00Z")),
            // It ends in this one: 02:30 comes twice, and the first is meant.
            ("23:00-02:30 Europe/Berlin", "2026-10-25T00:00:00Z", Some("2026-10-25T00:30:00Z")),
        ] {
            let found = QuietHours::parse(quiet, "UTC").unwrap().end(at(now));
            assert_eq!(found, end.map(at), "{quiet} at {now}");
        }
    }

    #[test]
    fn what_is_no_window_of_a_day_is_not_read() {
        for text in ["", "22:00", "22-07", "25:00-07:00", "22:00-22:00", "22:00-07:00 Nowhere/X"] {
            assert_eq!(QuietHours::parse(text, "UTC"), None, "{text}");
        }
    }
}
