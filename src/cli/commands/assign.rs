//! `kanban assign`.

use crate::api::client::Client;
use crate::cli::arguments::profile_or_nobody;
use crate::cli::commands::bulk::{Answer, Shape};
use crate::cli::commands::targets::{Chosen, Filter};
use crate::cli::commands::warnings::print_warnings;
use crate::cli::commands::{Ended, bulk};
use crate::cli::complete;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::text::one_line;
use crate::cli::words;
use crate::kernel::verbs::{AssignReply, AssignTask};

/// Assign tasks to a profile, or clear their assignee.
///
/// Running tasks are refused; use `kanban reassign`, which stops the run first.
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "kanban assign [OPTIONS] ID... PROFILE
       kanban assign [OPTIONS] --where FILTER PROFILE",
    after_help = "Examples:
  kanban assign t_1a2b3c4d backend-dev
  kanban assign t_1a2b3c4d t_5e6f7a8b backend-dev
  kanban assign --where assignee=old-dev,status=ready backend-dev
  kanban assign t_1a2b3c4d none"
)]
pub struct Arguments {
    #[command(flatten)]
    to: TasksToProfile,
}

/// Tasks, and behind them the profile that gets them.
#[derive(Debug, clap::Args)]
pub(super) struct TasksToProfile {
    /// Tasks to assign (`-` reads ids from stdin), then the name of the profile; `none`, `-` or `null` clears the assignee
    #[arg(value_name = "ID... PROFILE", add = complete::tasks_and_profiles())]
    words: Vec<String>,
    #[command(flatten)]
    filter: Filter,
}

impl TasksToProfile {
    /// The tasks and the profile; none when the assignee is to be cleared.
    ///
    /// # Errors
    /// A wrong command line, or no daemon.
    pub(super) fn read(
        &self,
        client: &Client,
        session: &mut Session,
    ) -> Result<(Chosen, Option<String>), Failure> {
        let (ids, profile) =
            words::ids_and_profile(&self.words, self.filter.is_given()).map_err(|message| {
                Failure::usage(message).with_hint("ID… PROFILE, or --where FILTER PROFILE")
            })?;
        let assignee = profile_or_nobody(&profile)?;
        Ok((self.filter.chosen(&ids, client, session)?, assignee))
    }
}

/// Runs it.
///
/// # Errors
/// A wrong command line, or no daemon.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    let client = session.client()?;
    let (chosen, assignee) = arguments.to.read(&client, session)?;
    let request = AssignTask { id: String::new(), assignee, board: session.board.clone() };
    let answers: Vec<Answer<AssignReply>> =
        bulk::answers(&client, &chosen, session, "assign", &request)?;
    print_warnings(answers.iter().flatten().flat_map(|reply| &reply.warnings), session);
    bulk::show(&chosen, Shape::OneOrList, answers, session, |reply| {
        let already = if reply.changed { "" } else { " (no change)" };
        format!("Assigned {} to {}{already}", reply.id, name(&reply.assignee))
    })
}

/// An assignee in a sentence.
pub(super) fn name(assignee: &Option<String>) -> String {
    assignee.as_deref().map_or_else(|| "(unassigned)".to_owned(), one_line)
}
