//! `edit_schedule`: changes what a schedule says. It makes no occurrences of the past, and its numbers go on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::kernel::clockwork::Clockwork;
use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::ids::EpochSeconds;
use crate::kernel::location::{DirectoryDoubts, WantedDirectory};
use crate::kernel::schedule::{
    CatchUp, Overlap, Schedule, ScheduleSpec, ScheduleState, WAITS_FOR_A_PERSON,
};
use crate::kernel::snapshot::Snapshot;
use crate::kernel::store::boards::BoardKey;
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::add_schedule::{ScheduleChange, checked_due_in, found, given};
use crate::kernel::verbs::caller_schedules::{may_schedule, schedule_of_caller};
use crate::kernel::verbs::occurrences::{arm, try_task};
use crate::kernel::{store, validate};

/// Changes a schedule. A field that is not given stays.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EditSchedule {
    /// The schedule.
    pub name: String,
    /// New cron expression.
    pub cron: Option<String>,
    /// New time zone.
    pub zone: Option<String>,
    /// New policy while the task of the occurrence before is not over: `skip`, `queue` or `replace`.
    pub overlap: Option<Overlap>,
    /// New policy for missed occurrences: `none`, `one` or `all`.
    pub catch_up: Option<CatchUp>,
    /// New end, epoch seconds; 0 clears it.
    pub until_at: Option<EpochSeconds>,
    /// New maximum number of tasks; 0 clears it.
    pub count: Option<u32>,
    /// New time between an occurrence and the due time of its task, seconds; 0 clears it.
    pub due_in_seconds: Option<i64>,
    /// New fields of its tasks; a null clears a field, one that is not named stays.
    #[schemars(with = "std::collections::BTreeMap<String, Value>")]
    pub task: Map<String, Value>,
    /// Board of the schedule.
    pub board: Option<String>,
    /// What is wrong with the new directory of its tasks, as far as the host of the daemon knows.
    #[serde(skip)]
    pub directories: DirectoryDoubts,
}

impl Verb for EditSchedule {
    type Reply = ScheduleChange;
    const NAME: &'static str = "edit_schedule";

    fn run(&self, tx: &mut Tx<'_>) -> Result<ScheduleChange, VerbError> {
        let (board, schedule) =
            schedule_of_caller(tx, &self.name, self.board.as_deref(), Self::NAME)?;
        let spec = self.spec(&schedule)?;
        change(tx, &board, schedule, spec, &self.directories)
    }
}

impl EditSchedule {
    /// The directory that it gives the tasks of the schedule, for a look before it is done; none when it says nothing about that.
    ///
    /// # Errors
    /// What the edit would refuse for lack of rights or as malformed.
    pub fn wanted_directory(
        &self,
        snapshot: &Snapshot<'_>,
    ) -> Result<Option<WantedDirectory>, VerbError> {
        if !["workspace_kind", "workspace_path", "assignee"]
            .iter()
            .any(|it| self.task.contains_key(*it))
        {
            return Ok(None);
        }
        let board = snapshot.board(self.board.as_deref(), Self::NAME)?;
        let schedule = store::schedules::find(snapshot.connection, &board, &self.name)?;
        let spec = schedule.map(|schedule| self.spec(&schedule)).transpose()?;
        Ok(spec.and_then(|spec| WantedDirectory::of_fields(&spec.task)))
    }

    fn spec(&self, schedule: &Schedule) -> Result<ScheduleSpec, Refusal> {
        let mut spec = schedule.spec();
        if let Some(cron) = &self.cron {
            cron.trim().clone_into(&mut spec.cron);
        }
        if let Some(zone) = &self.zone {
            spec.zone.clone_from(zone);
        }
        spec.overlap = self.overlap.unwrap_or(spec.overlap);
        spec.catch_up = self.catch_up.unwrap_or(spec.catch_up);
        if let Some(until_at) = self.until_at {
            spec.until_at = validate::time("until_at", until_at)?;
        }
        if let Some(max) = self.count {
            spec.count = Some(max).filter(|max| *max > 0);
        }
        if self.due_in_seconds.is_some() {
            spec.due_in_seconds = checked_due_in(self.due_in_seconds)?;
        }
        spec.task.extend(self.task.clone());
        spec.task = given(&spec.task);
        Ok(spec)
    }
}

/// Has a schedule say what `spec` says.
pub(super) fn change(
    tx: &mut Tx<'_>,
    board: &BoardKey,
    mut schedule: Schedule,
    spec: ScheduleSpec,
    directories: &DirectoryDoubts,
) -> Result<ScheduleChange, VerbError> {
    let before = schedule.spec();
    if before == spec {
        return Ok(ScheduleChange { schedule, changed: false, warnings: Vec::new() });
    }
    let clockwork = Clockwork::read(&spec.cron, &spec.zone, spec.until_at)?;
    let has_other_times = before.cron != spec.cron || before.zone != spec.zone;
    if has_other_times || schedule.state == ScheduleState::Over {
        schedule.last_at = schedule.last_at.max(tx.now);
    }
    let ScheduleSpec { name, cron, zone, overlap, catch_up, until_at, count, .. } = spec;
    schedule = Schedule {
        name,
        cron,
        zone,
        overlap,
        catch_up,
        until_at,
        count,
        due_in_seconds: spec.due_in_seconds,
        task: spec.task,
        ..schedule
    };
    let next_at = clockwork.times().next(schedule.last_at).filter(|_| schedule.left() != Some(0));
    schedule.next_at = next_at.filter(|_| schedule.state != ScheduleState::Paused);
    let mut warnings = try_task(tx, &schedule, &clockwork, directories)?;
    let by = (tx.caller.author(), tx.now);
    store::schedules::set_spec(tx.store(), &schedule, by)?;
    if !may_schedule(tx) {
        // A person has agreed to what it was.
        store::schedules::set_paused(tx.store(), schedule.id, WAITS_FOR_A_PERSON, by)?;
        warnings.push(format!("the schedule {WAITS_FOR_A_PERSON}"));
        schedule.next_at = None;
    }
    arm(tx, &schedule);
    Ok(ScheduleChange { schedule: found(tx, board, &schedule.name)?, changed: true, warnings })
}
