//! A schedule: a cron expression and the task that each of its occurrences makes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::kernel::ids::{BoardName, EpochSeconds, RunId, TaskId};

/// What happens when an occurrence comes while the task of the one before is not over. A task is over when it is done or archived.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Overlap {
    /// No task is made.
    #[default]
    Skip,
    /// The new task waits for the one before.
    Queue,
    /// The task of the one before is cancelled.
    Replace,
}

/// Which of the occurrences are made that came while the daemon was away or dispatch was off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CatchUp {
    /// None.
    None,
    /// The newest.
    #[default]
    One,
    /// The newest 100.
    All,
}

impl Overlap {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Skip, Self::Queue, Self::Replace];

    /// As it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Queue => "queue",
            Self::Replace => "replace",
        }
    }

    /// Reads a stored or typed one.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == text)
    }
}

impl CatchUp {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::None, Self::One, Self::All];

    /// As it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::One => "one",
            Self::All => "all",
        }
    }

    /// Reads a stored or typed one.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == text)
    }
}

/// Why a schedule makes no tasks, or that it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ScheduleState {
    /// It makes tasks.
    Active,
    /// Until it is resumed it makes none.
    Paused,
    /// Its end has passed, or it has made as many as it may.
    Over,
}

impl ScheduleState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Active, Self::Paused, Self::Over];

    /// As it is shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Over => "over",
        }
    }

    /// Reads one that was sent.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == text)
    }
}

/// Why the schedule of a worker is paused whose profile may not schedule by itself.
pub const WAITS_FOR_A_PERSON: &str = "waits until a person resumes it";

/// What is asked of a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleSpec {
    /// Its name, unique on its board.
    pub name: String,
    /// When, as a cron expression.
    pub cron: String,
    /// Time zone of the expression.
    pub zone: String,
    /// What happens while the occurrence before is not over.
    pub overlap: Overlap,
    /// What is made of missed occurrences.
    pub catch_up: CatchUp,
    /// No occurrence after this time, epoch seconds.
    pub until_at: Option<EpochSeconds>,
    /// How many tasks it makes at most.
    pub count: Option<u32>,
    /// A task is due so long after its occurrence, seconds.
    pub due_in_seconds: Option<i64>,
    /// The request that creates each task: its fields that are given.
    pub task: Map<String, Value>,
}

/// The worker that made a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScheduleMaker {
    /// Its profile.
    pub profile: String,
    /// Its run.
    pub run_id: RunId,
    /// The task of that run.
    #[schemars(with = "String")]
    pub task_id: TaskId,
}

/// A schedule as it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Schedule")]
pub struct Schedule<S = ScheduleState, O = Overlap, C = CatchUp> {
    /// Its number, which tasks have as `schedule_id`; never used again.
    pub id: i64,
    /// Its name, unique on its board.
    pub name: String,
    /// Its board.
    #[schemars(with = "String")]
    pub board: BoardName,
    /// Whether it makes tasks.
    pub state: S,
    /// Why it is paused.
    pub paused_why: Option<String>,
    /// When, as a cron expression.
    pub cron: String,
    /// Time zone of the expression.
    pub zone: String,
    /// What happens while the occurrence before is not over.
    pub overlap: O,
    /// What is made of missed occurrences.
    pub catch_up: C,
    /// No occurrence after this time, epoch seconds.
    pub until_at: Option<EpochSeconds>,
    /// How many tasks it makes at most.
    pub count: Option<u32>,
    /// A task is due so long after its occurrence, seconds.
    pub due_in_seconds: Option<i64>,
    /// The request that creates each task.
    #[schemars(with = "std::collections::BTreeMap<String, Value>")]
    pub task: Map<String, Value>,
    /// The next nominal time, epoch seconds; null unless it is active.
    pub next_at: Option<EpochSeconds>,
    /// Nothing is made for a nominal time that is not later than this, epoch seconds.
    pub last_at: EpochSeconds,
    /// Tasks made.
    pub made: u32,
    /// Occurrences that made no task because the one before was not over.
    pub skipped: u32,
    /// The same, since the last task.
    pub skipped_in_a_row: u32,
    /// Occurrences since the last task whose task was refused.
    pub refused_in_a_row: u32,
    /// Why the last one was refused.
    pub last_error: Option<String>,
    /// The newest task.
    #[schemars(with = "Option<String>")]
    pub last_task_id: Option<TaskId>,
    /// The worker that made it; null: an operator did.
    pub maker: Option<ScheduleMaker>,
    /// Who made it.
    pub created_by: String,
    /// When, epoch seconds.
    pub created_at: EpochSeconds,
    /// Who changed it last.
    pub updated_by: String,
    /// When, epoch seconds.
    pub updated_at: EpochSeconds,
}

impl Schedule {
    /// What was asked of it.
    pub fn spec(&self) -> ScheduleSpec {
        ScheduleSpec {
            name: self.name.clone(),
            cron: self.cron.clone(),
            zone: self.zone.clone(),
            overlap: self.overlap,
            catch_up: self.catch_up,
            until_at: self.until_at,
            count: self.count,
            due_in_seconds: self.due_in_seconds,
            task: self.task.clone(),
        }
    }

    /// How many tasks it may still make; none: no limit.
    pub fn left(&self) -> Option<u32> {
        self.count.map(|max| max.saturating_sub(self.made))
    }
}
