//! What makes a schedule go: its expression and its zone, read.

use jiff::tz::TimeZone;

use crate::kernel::error::Refusal;
use crate::kernel::ids::EpochSeconds;
use crate::kernel::rules::cron::Cron;
use crate::kernel::rules::schedule::Times;
use crate::kernel::schedule::Schedule;
use crate::kernel::shorten::shorten;

/// Expression, zone and end of a schedule.
#[derive(Debug, Clone)]
pub struct Clockwork {
    cron: Cron,
    zone: TimeZone,
    until_at: Option<EpochSeconds>,
}

impl Clockwork {
    /// Reads them. The zones are those of the host, or, where it has none, those that are built in.
    ///
    /// # Errors
    /// [`Refusal::BadCron`] and, for an unknown zone, [`Refusal::InvalidValue`].
    pub fn read(cron: &str, zone: &str, until_at: Option<EpochSeconds>) -> Result<Self, Refusal> {
        let cron = Cron::parse(cron).map_err(|fault| Refusal::BadCron { fault })?;
        let zone = TimeZone::get(zone).map_err(|_| Refusal::InvalidValue {
            field: "zone",
            problem: "unknown time zone",
            value: shorten(zone),
        })?;
        Ok(Self { cron, zone, until_at })
    }

    /// Those of a schedule.
    ///
    /// # Errors
    /// As [`Self::read`]: its row was written by another program, or the host has its zone no longer.
    pub fn of(schedule: &Schedule) -> Result<Self, Refusal> {
        Self::read(&schedule.cron, &schedule.zone, schedule.until_at)
    }

    /// When it has occurrences.
    pub fn times(&self) -> Times<'_> {
        Times { cron: &self.cron, zone: &self.zone, until_at: self.until_at }
    }

    /// Its zone.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }
}
