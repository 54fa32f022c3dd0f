//! `kanban request-review`.

use crate::api::client::seen::RequestReviewReply;
use crate::cli::commands::reopen::waiting_again;
use crate::cli::commands::targets::Targets;
use crate::cli::commands::{Ended, bulk};
use crate::cli::session::Session;
use crate::cli::text::one_line;
use crate::kernel::task::HUMAN;
use crate::kernel::verbs::RequestReview;

/// Send tasks to review that are done or blocked.
///
/// The task's reviewer reviews it (`kanban edit --review`), or a person where it has none. Ready tasks that depend on a done one
/// wait for it again; running ones continue.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban request-review t_1a2b3c4d
  kanban edit t_1a2b3c4d --review qa && kanban request-review t_1a2b3c4d")]
pub struct Arguments {
    #[command(flatten)]
    targets: Targets,
}

/// Runs it.
///
/// # Errors
/// No daemon.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    let client = session.client()?;
    let chosen = arguments.targets.chosen(&client, session)?;
    let board = session.board.clone();
    let request = RequestReview { id: String::new(), board };
    bulk::each(
        &client,
        &chosen,
        session,
        "request_review",
        &request,
        |reply: &RequestReviewReply| {
            let waiting = waiting_again(&reply.demoted);
            format!("{} is in review by {}{waiting}", reply.id, reviewer(&reply.reviewer))
        },
    )
}

/// A reviewer, for people.
pub(super) fn reviewer(name: &str) -> String {
    if name == HUMAN { "a person".to_owned() } else { one_line(name) }
}
