//! The question before a verb removes much: how many tasks, and how old.

use crate::cli::commands::targets::Chosen;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::times::Times;
use crate::kernel::error::ErrorCode;
use crate::kernel::ids::EpochSeconds;

/// Tasks that are removed without a question.
const UNASKED_MAX: usize = 20;

/// Asks the person at the terminal before `verb` takes more than a few tasks. Without a terminal nothing is asked: what a script says is meant.
///
/// # Errors
/// The person says no.
pub(super) fn confirm_many(
    verb: &str,
    chosen: &Chosen,
    yes: bool,
    session: &mut Session,
) -> Result<(), Failure> {
    let count = chosen.ids.len();
    if yes || count <= UNASKED_MAX || !session.is_interactive() {
        return Ok(());
    }
    let oldest =
        chosen.oldest.map(|at| format!(", the oldest created {}", aged(at, &session.times())));
    let question = format!("{verb} {count} tasks{}?", oldest.unwrap_or_default());
    confirmed(&question, "no task was changed", session)
}

/// Asks, and refuses unless the answer is yes.
///
/// # Errors
/// The person says no; `outcome` says what that means.
pub(super) fn confirmed(
    question: &str,
    outcome: &str,
    session: &mut Session,
) -> Result<(), Failure> {
    if session.confirm(question)? {
        return Ok(());
    }
    Err(Failure::refused(ErrorCode::BadRequest, format!("not confirmed; {outcome}")))
}

/// A time with its age.
pub(super) fn aged(at: EpochSeconds, times: &Times) -> String {
    format!("{} ({} ago)", times.exact(at), times.elapsed(at, Some(times.now())))
}
