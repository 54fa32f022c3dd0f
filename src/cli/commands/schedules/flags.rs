//! What a schedule does, as flags.

use serde_json::Value;

use crate::cli::arguments::{time_or_none, whole_seconds, zone_times};
use crate::cli::commands::task_flags::TaskFlags;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::kernel::error::ErrorCode;
use crate::kernel::schedule::{CatchUp, Overlap};
use crate::kernel::verbs::{AddSchedule, EditSchedule};

/// The flags of a schedule but for those of its tasks.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ScheduleFlags {
    /// When: five fields (`0 3 * * *`), or @hourly, @daily, @weekly, @monthly, @yearly
    #[arg(long, value_name = "EXPRESSION")]
    cron: Option<String>,
    /// Time zone of --cron and --until, such as Europe/Berlin (default: that of this host)
    #[arg(long, value_name = "ZONE")]
    tz: Option<String>,
    /// While the previous task is not over: skip the occurrence, queue behind it, or replace it (default: skip)
    #[arg(long, value_name = "POLICY", value_parser = ["skip", "queue", "replace"])]
    overlap: Option<String>,
    /// Which missed occurrences to make up for: none, one (the newest) or all, at most 100 (default: one)
    #[arg(long, value_name = "POLICY", value_parser = ["none", "one", "all"])]
    catch_up: Option<String>,
    /// No occurrence after this time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Maximum number of tasks
    #[arg(long, value_name = "N")]
    count: Option<String>,
    /// Make each task due this long after its occurrence (4h, 1d)
    #[arg(long, value_name = "DURATION")]
    due_in: Option<String>,
}

impl ScheduleFlags {
    /// A new schedule; name and board are the caller's to fill in.
    pub(super) fn add(
        self,
        title: Option<String>,
        task: TaskFlags,
        session: &Session,
    ) -> Result<AddSchedule, Failure> {
        let cron = self.cron.clone().ok_or_else(|| {
            Failure::usage("--cron is required").with_hint("--cron \"0 3 * * *\", or --cron @daily")
        })?;
        let title = title.ok_or_else(|| {
            Failure::usage_of(ErrorCode::TitleRequired, "title is required")
                .with_hint("--title \"Report of {date}\"")
        })?;
        let edit = self.edit(Some(title), task, session)?;
        let given = |value: &i64| *value != 0;
        Ok(AddSchedule {
            cron,
            zone: edit.zone.or_else(|| session.times().zone_name()),
            overlap: edit.overlap.unwrap_or_default(),
            catch_up: edit.catch_up.unwrap_or_default(),
            until_at: edit.until_at.filter(given),
            count: edit.count.filter(|count| *count != 0),
            due_in_seconds: edit.due_in_seconds.filter(given),
            task: edit.task,
            ..AddSchedule::default()
        })
    }

    /// What is to change; name and board are the caller's to fill in.
    pub(super) fn edit(
        self,
        title: Option<String>,
        task: TaskFlags,
        session: &Session,
    ) -> Result<EditSchedule, Failure> {
        let times = zone_times(self.tz.as_deref(), session)?;
        let mut task = task.given(session)?;
        if let Some(title) = title {
            task.insert("title".to_owned(), title.into());
        }
        for value in task.values_mut().filter(|value| is_blank(value)) {
            *value = Value::Null;
        }
        Ok(EditSchedule {
            cron: self.cron,
            zone: self.tz,
            overlap: self.overlap.as_deref().and_then(Overlap::parse),
            catch_up: self.catch_up.as_deref().and_then(CatchUp::parse),
            until_at: self.until.map(|text| time_or_none("--until", &text, &times)).transpose()?,
            count: self.count.as_deref().map(count).transpose()?,
            due_in_seconds: match self.due_in.as_deref() {
                Some(word) if word.eq_ignore_ascii_case("none") => Some(0),
                Some(text) => Some(whole_seconds("--due-in", text)?),
                None => None,
            },
            task,
            ..EditSchedule::default()
        })
    }
}

/// An empty text, or a list of one: it clears the field.
fn is_blank(value: &Value) -> bool {
    match value {
        Value::Array(items) => matches!(items.as_slice(), [only] if is_blank(only)),
        value => value.as_str() == Some(""),
    }
}

/// A number of tasks; 0 for `none`.
fn count(text: &str) -> Result<u32, Failure> {
    if text.eq_ignore_ascii_case("none") {
        return Ok(0);
    }
    text.parse::<u32>().ok().filter(|count| *count > 0).ok_or_else(|| {
        let message = format!("--count: not a number of tasks: {text:?}");
        Failure::usage_of(ErrorCode::InvalidValue, message)
            .with_hint("use a number from 1 on, or `none`")
    })
}
