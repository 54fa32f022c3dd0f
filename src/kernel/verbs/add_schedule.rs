//! `add_schedule`: a schedule that makes a task at each of its occurrences.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::kernel::clockwork::Clockwork;
use crate::kernel::error::{Fault, Refusal, VerbError};
use crate::kernel::ids::EpochSeconds;
use crate::kernel::limits::{SCHEDULE_NAME_BYTES_MAX, SCHEDULES_PER_BOARD_MAX};
use crate::kernel::location::{DirectoryDoubts, WantedDirectory};
use crate::kernel::schedule::{CatchUp, Overlap, Schedule, ScheduleSpec, WAITS_FOR_A_PERSON};
use crate::kernel::shorten::shorten;
use crate::kernel::snapshot::Snapshot;
use crate::kernel::store::boards::BoardKey;
use crate::kernel::store::schedules::NewSchedule;
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::caller_schedules::{may_schedule, refuse_no_scheduler, schedule_maker};
use crate::kernel::verbs::occurrences::{arm, try_task};
use crate::kernel::{store, validate};

/// Adds a schedule.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AddSchedule {
    /// Name, unique on its board: letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// When: five fields (`0 3 * * *`), or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`.
    pub cron: String,
    /// Time zone, such as `Europe/Berlin`; default: the daemon's.
    pub zone: Option<String>,
    /// While the task of the occurrence before is not over: `skip` (default), `queue` or `replace`.
    #[schemars(with = "String")]
    pub overlap: Overlap,
    /// Missed occurrences that are made: `none`, `one` (default) or `all`, at most 100.
    #[schemars(with = "String")]
    pub catch_up: CatchUp,
    /// No occurrence after this time, epoch seconds.
    pub until_at: Option<EpochSeconds>,
    /// Maximum number of tasks.
    pub count: Option<u32>,
    /// Each task is due so long after its occurrence, seconds.
    pub due_in_seconds: Option<i64>,
    /// The task of each occurrence: fields of `create`; `{date}`, `{time}` and `{n}` in title and body are filled in.
    #[schemars(with = "std::collections::BTreeMap<String, Value>")]
    pub task: Map<String, Value>,
    /// Board; default: `default`, inside a run the board of the run.
    pub board: Option<String>,
    /// What is wrong with the directory of its tasks, as far as the host of the daemon knows.
    #[serde(skip)]
    pub directories: DirectoryDoubts,
}

/// A schedule as it stands after a change.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ScheduleChange")]
pub struct ScheduleChange<S = Schedule> {
    /// The schedule.
    #[serde(flatten)]
    pub schedule: S,
    /// Whether anything changed.
    pub changed: bool,
    /// What the caller may not expect, one line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl Verb for AddSchedule {
    type Reply = ScheduleChange;
    const NAME: &'static str = "add_schedule";

    fn run(&self, tx: &mut Tx<'_>) -> Result<ScheduleChange, VerbError> {
        let board = tx.board(self.board.as_deref(), Self::NAME)?;
        refuse_no_scheduler(tx, Self::NAME)?;
        let spec = self.spec(&tx.policy.local_zone)?;
        if store::schedules::find(tx.store(), &board, &spec.name)?.is_some() {
            return Err(Refusal::ScheduleExists { name: spec.name }.into());
        }
        add(tx, &board, &spec, &self.directories)
    }
}

impl AddSchedule {
    /// The directory of its tasks, for a look before it is added. What is refused is left to the verb.
    pub fn wanted_directory(&self, snapshot: &Snapshot<'_>) -> Option<WantedDirectory> {
        snapshot.board(self.board.as_deref(), Self::NAME).ok()?;
        WantedDirectory::of_fields(&self.task)
    }

    /// What it asks for, with its defaults.
    pub(super) fn spec(&self, local_zone: &str) -> Result<ScheduleSpec, Refusal> {
        Ok(ScheduleSpec {
            name: checked_name(&self.name)?,
            cron: self.cron.trim().to_owned(),
            zone: self.zone.clone().unwrap_or_else(|| local_zone.to_owned()),
            overlap: self.overlap,
            catch_up: self.catch_up,
            until_at: self.until_at.map_or(Ok(None), |at| validate::time("until_at", at))?,
            count: self.count.filter(|max| *max > 0),
            due_in_seconds: checked_due_in(self.due_in_seconds)?,
            task: given(&self.task),
        })
    }
}

/// Adds a schedule that the board does not have.
pub(super) fn add(
    tx: &mut Tx<'_>,
    board: &BoardKey,
    spec: &ScheduleSpec,
    directories: &DirectoryDoubts,
) -> Result<ScheduleChange, VerbError> {
    if store::schedules::count_of_board(tx.store(), board)? >= SCHEDULES_PER_BOARD_MAX {
        let (of, limit) = (format!("board {}", board.name), SCHEDULES_PER_BOARD_MAX);
        return Err(Refusal::TooManySchedules { of, limit }.into());
    }
    let maker = schedule_maker(tx)?;
    let by = tx.caller.author().to_owned();
    let clockwork = Clockwork::read(&spec.cron, &spec.zone, spec.until_at)?;
    let next_at = clockwork.times().next(tx.now);
    if next_at.is_none() {
        return Err(Refusal::NoOccurrence { name: spec.name.clone() }.into());
    }
    let may_act = may_schedule(tx);
    let paused_why = (!may_act).then_some(WAITS_FOR_A_PERSON);
    let next_at = next_at.filter(|_| may_act);
    let new = NewSchedule {
        board,
        spec,
        maker: maker.as_ref(),
        paused_why,
        next_at,
        by: &by,
        now: tx.now,
    };
    store::schedules::insert(tx.store(), new)?;
    let schedule = found(tx, board, &spec.name)?;
    let mut warnings = try_task(tx, &schedule, &clockwork, directories)?;
    warnings.extend(paused_why.map(|why| format!("the schedule {why}")));
    arm(tx, &schedule);
    Ok(ScheduleChange { schedule, changed: true, warnings })
}

/// The schedule with this name, which is there.
pub(super) fn found(tx: &Tx<'_>, board: &BoardKey, name: &str) -> Result<Schedule, VerbError> {
    let missing = || Fault::Corrupt { what: "schedule", value: name.to_owned() };
    Ok(store::schedules::find(tx.store(), board, name)?.ok_or_else(missing)?)
}

/// The fields that say something: a null is as good as none.
pub(super) fn given(fields: &Map<String, Value>) -> Map<String, Value> {
    fields
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// How long after its occurrence a task is due; 0 is none.
pub(super) fn checked_due_in(seconds: Option<i64>) -> Result<Option<i64>, Refusal> {
    match seconds.filter(|seconds| *seconds != 0) {
        Some(seconds) => validate::time("due_in_seconds", seconds),
        None => Ok(None),
    }
}

fn checked_name(name: &str) -> Result<String, Refusal> {
    let is_fit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name = name.trim();
    // It is a part of paths and an argument of commands.
    let is_valid = (1..=SCHEDULE_NAME_BYTES_MAX).contains(&name.len())
        && name.chars().all(is_fit)
        && !name.starts_with(['-', '.']);
    if is_valid {
        return Ok(name.to_owned());
    }
    Err(Refusal::InvalidValue {
        field: "name",
        problem: "a schedule's name has 1 to 64 letters, digits, `-`, `_` and `.`, and begins with a letter, a digit or `_`",
        value: shorten(name),
    })
}
