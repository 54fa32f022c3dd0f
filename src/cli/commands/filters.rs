//! Filters that `list` and `search` share.

use clap::builder::PossibleValuesParser;

use crate::cli::arguments::point_in_time;
use crate::cli::complete;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::task_arg::TaskArg;
use crate::kernel::ids::EpochSeconds;
use crate::kernel::task::TaskStatus;

/// Which tasks are shown. Several filters narrow together.
#[derive(Debug, clap::Args)]
pub(super) struct Filters {
    /// Only tasks of your profile or user name
    #[arg(long, conflicts_with = "assignee")]
    mine: bool,
    /// Only tasks of this assignee
    #[arg(short = 'a', long, value_name = "NAME", add = complete::profiles())]
    assignee: Option<String>,
    /// Only tasks with this status
    #[arg(short = 's', long, value_parser = PossibleValuesParser::new(TaskStatus::ALL.map(TaskStatus::as_str)))]
    pub(super) status: Option<String>,
    /// Only tasks of this tenant
    #[arg(long, value_name = "NAME")]
    pub(super) tenant: Option<String>,
    /// Only tasks with this label
    #[arg(short = 'l', long, value_name = "NAME")]
    pub(super) label: Option<String>,
    /// Only tasks that depend on this task
    #[arg(long, value_name = "ID", add = complete::tasks())]
    pub(super) parent: Option<TaskArg>,
    /// Only tasks created after this time: epoch seconds, a date (2026-05-01) or an age (2d ago)
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
    created_after: Option<String>,
    /// Include archived tasks
    #[arg(long)]
    pub(super) archived: bool,
}

impl Filters {
    /// Whose tasks.
    pub(super) fn assignee(&self, session: &Session) -> Option<String> {
        if self.mine { Some(session.own_name()) } else { self.assignee.clone() }
    }

    /// Since when.
    ///
    /// # Errors
    /// A usage error.
    pub(super) fn created_after(&self, session: &Session) -> Result<Option<EpochSeconds>, Failure> {
        let point = |text: &String| point_in_time("--created-after", text, &session.times());
        self.created_after.as_ref().map(point).transpose()
    }
}
