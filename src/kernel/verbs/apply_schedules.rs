//! `apply_schedules`: has a board's schedules be as a list says. Those that it does not name stay.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::limits::BULK_TASKS_MAX;
use crate::kernel::location::{DirectoryDoubts, WantedDirectory};
use crate::kernel::objects;
use crate::kernel::schedule::{Schedule, ScheduleSpec};
use crate::kernel::snapshot::Snapshot;
use crate::kernel::store;
use crate::kernel::tx::Tx;
use crate::kernel::validate;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::add_schedule::{AddSchedule, ScheduleChange, add};
use crate::kernel::verbs::edit_schedule::change;

/// Adds and changes schedules so that they are as given: all of them or, when one is refused, none.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ApplySchedules {
    /// The schedules, with the fields of `add_schedule`; without `board`.
    #[serde(deserialize_with = "objects::list")]
    pub schedules: Vec<AddSchedule>,
    /// Only say what would change.
    pub dry_run: bool,
    /// Board of the schedules; default: `default`.
    pub board: Option<String>,
    /// What is wrong with the directories of their tasks, as far as the host of the daemon knows.
    #[serde(skip)]
    pub directories: DirectoryDoubts,
}

/// What a schedule of a list came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Applied {
    /// It was not there.
    Added,
    /// It said something else.
    Changed,
    /// It is as given.
    Unchanged,
}

/// A schedule of a list.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "AppliedSchedule")]
pub struct AppliedSchedule<S = Schedule> {
    /// What it came to.
    pub applied: Applied,
    /// Fields that were changed.
    pub fields: Vec<String>,
    /// The schedule.
    pub schedule: S,
    /// What the caller may not expect, one line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// Result of `apply_schedules`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ApplySchedulesReply")]
pub struct ApplySchedulesReply<A = AppliedSchedule> {
    /// The schedules in the order of the request.
    pub schedules: Vec<A>,
    /// Whether nothing was changed because that was only asked for.
    pub dry_run: bool,
}

impl Verb for ApplySchedules {
    type Reply = ApplySchedulesReply;
    const NAME: &'static str = "apply_schedules";

    fn run(&self, tx: &mut Tx<'_>) -> Result<ApplySchedulesReply, VerbError> {
        let schedules =
            if self.dry_run { tx.try_out(|tx| self.apply(tx))? } else { self.apply(tx)? };
        Ok(ApplySchedulesReply { schedules, dry_run: self.dry_run })
    }
}

impl ApplySchedules {
    /// The directories of the tasks, for a look before it is done. What is refused is left to the verb.
    pub fn wanted_directories(&self, snapshot: &Snapshot<'_>) -> Vec<WantedDirectory> {
        if snapshot.board(self.board.as_deref(), Self::NAME).is_err() {
            return Vec::new();
        }
        let limit = usize::try_from(BULK_TASKS_MAX).unwrap_or(usize::MAX);
        self.schedules
            .iter()
            .take(limit)
            .filter_map(|given| WantedDirectory::of_fields(&given.task))
            .collect()
    }

    fn apply(&self, tx: &mut Tx<'_>) -> Result<Vec<AppliedSchedule>, VerbError> {
        let board = tx.board(self.board.as_deref(), Self::NAME)?;
        let mut applied: Vec<AppliedSchedule> = Vec::new();
        let limit = usize::try_from(BULK_TASKS_MAX).unwrap_or(usize::MAX);
        if self.schedules.len() > limit {
            let actual = self.schedules.len();
            return Err(Refusal::TooLarge { field: "schedules", actual, limit }.into());
        }
        for given in validate::list("schedules", &self.schedules)? {
            let spec = given.spec(&tx.policy.local_zone)?;
            let is_double = applied.iter().any(|one| one.schedule.name == spec.name);
            if is_double || given.board.is_some() {
                let problem =
                    if is_double { "names a schedule twice" } else { "has a board of its own" };
                return Err(Refusal::InvalidValue {
                    field: "schedules",
                    problem,
                    value: spec.name,
                }
                .into());
            }
            applied.push(match store::schedules::find(tx.store(), &board, &spec.name)? {
                None => {
                    let ScheduleChange { schedule, warnings, .. } =
                        add(tx, &board, &spec, &self.directories)?;
                    AppliedSchedule {
                        applied: Applied::Added,
                        fields: Vec::new(),
                        schedule,
                        warnings,
                    }
                }
                Some(there) => {
                    let fields = differences(&there.spec(), &spec);
                    let ScheduleChange { schedule, changed, warnings } =
                        change(tx, &board, there, spec, &self.directories)?;
                    let applied = if changed { Applied::Changed } else { Applied::Unchanged };
                    AppliedSchedule { applied, fields, schedule, warnings }
                }
            });
        }
        Ok(applied)
    }
}

/// The names of the fields in which they differ.
fn differences(one: &ScheduleSpec, other: &ScheduleSpec) -> Vec<String> {
    let own = [
        ("cron", one.cron != other.cron),
        ("zone", one.zone != other.zone),
        ("overlap", one.overlap != other.overlap),
        ("catch_up", one.catch_up != other.catch_up),
        ("until_at", one.until_at != other.until_at),
        ("count", one.count != other.count),
        ("due_in_seconds", one.due_in_seconds != other.due_in_seconds),
    ];
    let own = own.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name.to_owned());
    let mut of_task: Vec<&String> = one.task.keys().chain(other.task.keys()).collect();
    of_task.sort();
    of_task.dedup();
    let value =
        |spec: &ScheduleSpec, name: &str| spec.task.get(name).cloned().unwrap_or(Value::Null);
    let of_task = of_task.into_iter().filter(|name| value(one, name) != value(other, name));
    own.chain(of_task.cloned()).collect()
}
