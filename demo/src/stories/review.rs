//! Story 3: a pipeline of roles with a retry: the engineer is blocked by what review found, a person answers and unblocks,
//! the second attempt reads the answer; the reviewer reads what came of it.

use crate::check::{Check, attempts, metadata, summary};
use crate::home::DemoHome;
use crate::stage::Stage;
use crate::stories::{Played, after, task_in};
use kanband::api::client::task_path;
use kanband::cli::failure::Failure;
use kanband::kernel::ids::TaskId;
use kanband::kernel::run::RunOutcome;
use kanband::kernel::task::TaskStatus;
use kanband::kernel::verbs::{CommentReply, CommentTask, UnblockReply, UnblockTask};

const FINDINGS: &str =
    "A password also needs an upper-case letter, a lower-case letter and a digit.";

pub(super) fn play(stage: &mut Stage<'_>, home: &DemoHome) -> Result<Played, Failure> {
    const TENANT: &str = "password-check";
    stage.announce(
        "Story 3: spec -> engineer -> review; the engineer needs an answer and a second attempt",
    )?;
    let spec = task_in("Specify the password check", "product-manager", TENANT, home);
    let spec = stage.create(&spec)?;
    let build = after(&[&spec], task_in("Build the password check", "engineer", TENANT, home));
    let build = stage.create(&build)?;
    let review = task_in("Review the password check", "reviewer", TENANT, home);
    let review = stage.create(&after(&[&spec, &build], review))?;
    let tasks = vec![spec, build.clone(), review];
    stage.play(&tasks, |stage, event| {
        if event.kind == "blocked" && event.task_id == build {
            answer(stage, &build)?;
        }
        Ok(())
    })?;
    let seen = stage.all(&tasks)?;
    let [spec, build, review] = seen.as_slice() else { return Ok(Played::default()) };
    let checks = vec![
        Check::ended(
            "review: the specification and the review are done, each at its first attempt",
            &[spec, review],
            TaskStatus::Done,
            &[RunOutcome::Completed],
        ),
        Check::ended(
            "review: the engineer was blocked once, unblocked, and then done",
            &[build],
            TaskStatus::Done,
            &[RunOutcome::Blocked, RunOutcome::Completed],
        ),
        Check::that(
            "review: the second attempt read about the first, and the reviewer read both",
            metadata(build, "review_iteration").is_some_and(|number| number == 2)
                && summary(review) == "approved at review iteration 2",
            format!("{}; {:?}", attempts(build), summary(review)),
        ),
    ];
    Ok(Played { tasks, checks })
}

/// What a person does about a blocked task.
fn answer(stage: &mut Stage<'_>, id: &TaskId) -> Result<(), Failure> {
    let comment =
        CommentTask { id: id.to_string(), body: FINDINGS.to_owned(), author: None, board: None };
    let unblock = UnblockTask { id: id.to_string(), more_starts: false, board: None };
    let _: CommentReply = stage.client.post(&task_path(id.as_str(), "comment")?, &comment)?;
    let _: UnblockReply = stage.client.post(&task_path(id.as_str(), "unblock")?, &unblock)?;
    stage.tell_act(&format!("answered: {FINDINGS}"))
}
