//! `complete`: the verdict that the work is done, given by a worker or a person.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::kernel::artifact::{self, Artifact};
use crate::kernel::caller::Caller;
use crate::kernel::error::{Fault, Refusal, VerbError};
use crate::kernel::event::EventBody;
use crate::kernel::ids::RunId;
use crate::kernel::limits::EVENT_SUMMARY_CHARS_MAX;
use crate::kernel::objects;
use crate::kernel::rules::review::{Means, Says};
use crate::kernel::run::RunOutcome;
use crate::kernel::store::tasks::Arrival;
use crate::kernel::task::{Task, TaskStatus, TaskStep};
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::chat_limits::refuse_unreviewed;
use crate::kernel::verbs::ending::Ending;
use crate::kernel::verbs::fence::callers_run;
use crate::kernel::verbs::moves::Cause;
use crate::kernel::verbs::release::promote_released_children;
use crate::kernel::verbs::review::{approval, approve, end_review, hand_in, meant};
use crate::kernel::verbs::verdict::{VerdictReply, already};
use crate::kernel::{created_cards, validate};

/// Completes a task.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CompleteTask {
    /// The task.
    pub id: String,
    /// Summary for the next reader: what was done, in a few sentences.
    pub summary: Option<String>,
    /// Machine-readable facts for the next reader.
    pub metadata: Option<Map<String, Value>>,
    /// Short result, stored on the task itself.
    pub result: Option<String>,
    /// Files produced, with their size and hash as the client found them.
    #[serde(deserialize_with = "objects::list")]
    pub artifacts: Vec<Artifact>,
    /// Ids of the tasks created by this run; each is checked.
    pub created_cards: Vec<String>,
    /// Board of the task; refused when the task is on another board.
    pub board: Option<String>,
}

impl Verb for CompleteTask {
    type Reply = VerdictReply;
    const NAME: &'static str = "complete";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<VerdictReply, VerbError> {
        let task = tx.task(&self.id, self.board.as_deref(), Self::NAME)?;
        let summary = validate::body("summary", self.summary.as_deref())?;
        let result = validate::body("result", self.result.as_deref())?;
        let metadata = validate::metadata(self.metadata.as_ref())?;
        if let Caller::Chat(by) = tx.caller
            && !self.artifacts.is_empty()
        {
            return Err(by.refused("name files").into());
        }
        let artifacts = artifact::validated(&self.artifacts)?;
        let cards = created_cards::listed(&self.created_cards)?;
        let handoff = summary.as_deref().or(result.as_deref());
        let own = callers_run(tx)?;
        if let Some(run) = &own {
            if handoff.is_none() && !run.is_review() {
                return Err(Refusal::SummaryRequired.into());
            }
            if run.ended_at.is_some() {
                let is_same = run.outcome == Some(RunOutcome::Completed)
                    && run.summary.as_deref() == handoff
                    && run.metadata == self.metadata_value()
                    && run.artifacts == artifacts
                    && run.created_cards == cards
                    && task.result == result;
                return already(tx, &task, run, is_same);
            }
        }
        let means = meant(tx, &task, (Says::Complete, Self::NAME), own.as_ref())?;
        refuse_unreviewed(tx.caller, &task, "complete a task that is to be reviewed")?;
        Tx::step(&task, TaskStep::Complete, Self::NAME, "")?;
        check_cards(tx, &task, &cards)?;
        let [artifacts, cards_json] = [as_list(&artifacts)?, as_list(&cards)?];
        let ending = Ending {
            summary: handoff,
            metadata: metadata.as_deref(),
            artifacts: artifacts.as_deref(),
            created_cards: cards_json.as_deref(),
            ..Ending::of(RunOutcome::Completed)
        };
        let ending = if means == Means::Approve { approval(ending) } else { ending };
        let run_id = end_review(tx, &task, &ending)?;
        let (said, left) = ((handoff, result.as_deref()), (Self::NAME, run_id));
        let (mut to, mut released, mut reviewer) = (TaskStatus::Done, 0, None);
        match means {
            Means::HandIn => {
                to = hand_in(tx, &task, left, said, &cards)?;
                reviewer = tx.reread(&task.id)?.acting_reviewer().map(str::to_owned);
            }
            Means::Approve => released = approve(tx, &task, left, said, &cards)?,
            Means::Done | Means::SendBack => released = done(tx, &task, left, said, &cards)?,
        }
        Ok(VerdictReply {
            id: task.id.to_string(),
            board: task.board,
            status: to,
            run_id,
            already: false,
            released,
            reviewer,
            question: None,
            retry_at: None,
        })
    }
}

/// The task is done, without a review; returns how many children became ready.
fn done(
    tx: &mut Tx<'_>,
    task: &Task,
    (verb, run_id): (&'static str, Option<RunId>),
    (handoff, result): (Option<&str>, Option<&str>),
    cards: &[String],
) -> Result<usize, VerbError> {
    let first_line = handoff.and_then(|text| validate::first_line(text, EVENT_SUMMARY_CHARS_MAX));
    let message = EventBody::Completed {
        result_len: result.map_or(0, |text| text.chars().count()),
        summary: first_line.as_deref(),
        verified_cards: cards,
    };
    let arrival = Arrival::Done { result, keeps_result: false };
    let cause = Cause { arrival, ..Cause::of(verb, run_id, message) };
    tx.move_task(task, TaskStep::Complete, &cause)?;
    promote_released_children(tx, &task.id)
}

/// Checks the word about created tasks. When it is wrong the run goes on, and an event tells of it.
fn check_cards(tx: &mut Tx<'_>, task: &Task, ids: &[String]) -> Result<(), VerbError> {
    let checked = created_cards::check(tx.store(), tx.caller, task, ids);
    if let Err(VerbError::Refused(Refusal::UnknownCards { ids, .. })) = &checked {
        let run_id = match tx.caller {
            Caller::Worker { run_id, .. } => Some(*run_id),
            Caller::Operator { .. } | Caller::Courier | Caller::Chat(_) | Caller::System { .. } => {
                None
            }
        };
        let message = EventBody::CompletionBlockedHallucination { phantom_cards: ids };
        tx.event_if_refused(task, run_id, &message);
    }
    checked
}

/// A list as its column holds it: none when it is empty.
fn as_list<T: Serialize>(items: &[T]) -> Result<Option<String>, Fault> {
    if items.is_empty() {
        return Ok(None);
    }
    serde_json::to_string(items)
        .map(Some)
        .map_err(|error| Fault::Corrupt { what: "list", value: error.to_string() })
}

impl CompleteTask {
    fn metadata_value(&self) -> Option<Value> {
        self.metadata.clone().filter(|object| !object.is_empty()).map(Value::Object)
    }
}
