//! `request_review`: a person sends a task to review that is done or blocked.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::VerbError;
use crate::kernel::event::EventBody;
use crate::kernel::ids::BoardName;
use crate::kernel::rules::review::person_instead;
use crate::kernel::store;
use crate::kernel::store::tasks::Arrival;
use crate::kernel::task::{HUMAN, TaskStatus, TaskStep};
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::moves::Cause;
use crate::kernel::verbs::release::demote_ready_children;

/// The verb, as a refusal names it.
const WORDS: &str = "request a review of";

/// Sends a task to review that is done or blocked. Its reviewer reviews it; a person, where it has none. Ready children of a done task
/// wait again; running ones continue.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RequestReview {
    /// The task.
    pub id: String,
    /// Board of the task; refused when the task is on another board.
    pub board: Option<String>,
}

/// Result of `request_review`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "RequestReviewReply")]
pub struct RequestReviewReply<S = TaskStatus> {
    /// The task.
    pub id: String,
    /// Its board.
    #[schemars(with = "String")]
    pub board: BoardName,
    /// Its new status.
    pub status: S,
    /// Who reviews it: a profile, or `human`.
    pub reviewer: String,
    /// Children that wait for it again.
    pub demoted: Vec<String>,
}

impl Verb for RequestReview {
    type Reply = RequestReviewReply;
    const NAME: &'static str = "request_review";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<RequestReviewReply, VerbError> {
        let mut task = tx.task(&self.id, self.board.as_deref(), Self::NAME)?;
        Tx::step(&task, TaskStep::RequestReview, WORDS, " (not done or blocked)")?;
        if task.reviewer.is_none() {
            store::tasks::set_reviewer(tx.store(), &task.id, Some(HUMAN), true)?;
            task = tx.reread(&task.id)?;
        }
        let demoted = demote_ready_children(tx, &task.id, WORDS)?;
        let why = person_instead(&task, tx.policy);
        let named = task.reviewer.clone().unwrap_or_default();
        let reviewer = if why.is_some() { HUMAN.to_owned() } else { named };
        let message = EventBody::ReviewRequested {
            reviewer: &reviewer,
            round: task.review_round,
            summary: None,
            why: why.as_deref(),
            verified_cards: &[],
        };
        let cause = Cause::of(WORDS, None, message).with(Arrival::ReviewRequested);
        let status = tx.move_task(&task, TaskStep::RequestReview, &cause)?;
        tx.stop_open_run(&task.id)?;
        Ok(RequestReviewReply {
            id: task.id.to_string(),
            board: task.board,
            status,
            reviewer,
            demoted,
        })
    }
}
