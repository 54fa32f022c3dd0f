//! Filters that `list` and `search` share.

use clap::builder::PossibleValuesParser;

use crate::cli::arguments::point_in_time;
use crate::cli::complete;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::task_arg::TaskArg;
use crate::kernel::ids::EpochSeconds;
use crate::kernel::task::TaskStatus;
use crate::kernel::task_filter::NOBODY;

/// Which tasks are shown. Several filters narrow together.
#[derive(Debug, clap::Args)]
pub(super) struct Filters {
    /// Only tasks of your profile or user name
    #[arg(long, conflicts_with = "assignee")]
    mine: bool,
    /// Only tasks of these assignees, separated by commas; `none`: of nobody
    #[arg(short = 'a', long, value_name = "NAMES", add = complete::profiles())]
    assignee: Option<String>,
    /// Only tasks with one of these statuses, separated by commas
    #[arg(short = 's', long, value_delimiter = ',', value_parser = PossibleValuesParser::new(TaskStatus::ALL.map(TaskStatus::as_str)))]
    status: Vec<String>,
    /// Only tasks with none of these statuses, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "STATUS", conflicts_with = "status", value_parser = PossibleValuesParser::new(TaskStatus::ALL.map(TaskStatus::as_str)))]
    not: Vec<String>,
    /// Only tasks of this tenant
    #[arg(long, value_name = "NAME")]
    pub(super) tenant: Option<String>,
    /// Only tasks with this label
    #[arg(short = 'l', long, value_name = "NAME")]
    pub(super) label: Option<String>,
    /// Only tasks that depend on this task
    #[arg(long, value_name = "ID", add = complete::tasks())]
    pub(super) parent: Option<TaskArg>,
    /// Only tasks created after this time: a date (2026-05-01), a time (2026-05-01 09:00), an age (2d ago) or epoch seconds
    #[arg(long, visible_alias = "since", value_name = "WHEN", allow_hyphen_values = true)]
    created_after: Option<String>,
    /// Only tasks created before this time
    #[arg(long, visible_alias = "until", value_name = "WHEN", allow_hyphen_values = true)]
    created_before: Option<String>,
    /// Only tasks to which something has happened since this time: a change, a comment, a run
    #[arg(long, visible_alias = "updated", value_name = "WHEN", allow_hyphen_values = true)]
    updated_since: Option<String>,
    /// Include archived tasks
    #[arg(long)]
    pub(super) archived: bool,
}

impl Filters {
    /// Whose tasks.
    pub(super) fn assignee(&self, session: &Session) -> Option<String> {
        if self.mine {
            return Some(session.own_name());
        }
        let word = |name: &str| {
            if name.trim().eq_ignore_ascii_case("none") { NOBODY } else { name }.to_owned()
        };
        let names = |names: &String| names.split(',').map(word).collect::<Vec<_>>().join(",");
        self.assignee.as_ref().map(names)
    }

    /// Which statuses; none: those of the daemon's own choice.
    pub(super) fn status(&self) -> Option<String> {
        if !self.status.is_empty() {
            return Some(self.status.join(","));
        }
        let is_wanted = |status: &&str| {
            let is_hidden = *status == TaskStatus::Archived.as_str() && !self.archived;
            !is_hidden && !self.not.iter().any(|name| name == status)
        };
        let rest = || TaskStatus::ALL.map(TaskStatus::as_str).into_iter().filter(is_wanted);
        (!self.not.is_empty()).then(|| rest().collect::<Vec<_>>().join(","))
    }

    /// When they were created and when something has happened to them.
    ///
    /// # Errors
    /// A usage error.
    pub(super) fn times(&self, session: &Session) -> Result<FilterTimes, Failure> {
        let times = session.times();
        let point = |flag: &str, text: &Option<String>| {
            text.as_deref().map(|text| point_in_time(flag, text, &times)).transpose()
        };
        Ok(FilterTimes {
            created_after: point("--created-after", &self.created_after)?,
            created_before: point("--created-before", &self.created_before)?,
            updated_since: point("--updated-since", &self.updated_since)?,
        })
    }
}

/// The times of a filter, epoch seconds.
pub(super) struct FilterTimes {
    pub(super) created_after: Option<EpochSeconds>,
    pub(super) created_before: Option<EpochSeconds>,
    pub(super) updated_since: Option<EpochSeconds>,
}
