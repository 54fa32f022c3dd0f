//! Questions on the random boards: asked by runs and by blocks, answered, taken over and left to their deadlines.

use kanband::kernel::ids::TaskId;
use kanband::kernel::rules::inbox::Kind;
use kanband::kernel::rules::reason::Reason;
use kanband::kernel::task::TaskStatus;
use kanband::kernel::verbs::{AnswerTask, AskTask, BlockTask};
use serde_json::json;

use super::{Boards, SETUP_FAILS};
use crate::bench_board::{wire, worker};

impl Boards {
    /// Asks or answers; but for boards on which breakers of workspaces are to open: a task that is blocked meets none.
    pub(super) fn talk(&mut self) {
        if self.usual_end == SETUP_FAILS {
            return;
        }
        let default = self.one_in(2).then_some("yes");
        let seconds = [5, 60, 700][self.below(3)];
        let ask = json!({"question": "Which?", "default": default, "timeout_seconds": seconds});
        let block = json!({"question": "May I?", "default": default, "deadline_seconds": seconds});
        let with_id = |mut fields: serde_json::Value, id: &TaskId| {
            fields["id"] = json!(id);
            fields
        };
        match self.below(5) {
            0 => {
                let Some(order) = self.some(&self.orders.clone()) else { return };
                let by = worker(&order);
                let ask = wire::<AskTask>(with_id(ask, &order.task.id));
                let Ok(asked) = self.bench.by(&by, &ask) else { return };
                if self.one_in(2) {
                    let block = json!({"id": order.task.id, "question": asked.question});
                    let _may_be_refused = self.bench.by(&by, &wire::<BlockTask>(block)).map(drop);
                }
            }
            1 => {
                let Some(order) = self.some(&self.orders.clone()) else { return };
                let block = wire::<BlockTask>(with_id(block, &order.task.id));
                let _may_be_refused = self.bench.by(&worker(&order), &block).map(drop);
            }
            2 | 3 => {
                let Some(id) = self.some(&self.tasks.clone()) else { return };
                let block = wire::<BlockTask>(with_id(block, &id));
                let _may_be_refused = self.bench.run(&block).map(drop);
                if self.one_in(2) {
                    // Often before another task takes the slot.
                    self.bench.now += seconds;
                    (0..4).for_each(|_| self.end_run());
                }
            }
            _ => {
                let Some(id) = self.some(&self.tasks.clone()) else { return };
                let answer =
                    AnswerTask { id: id.to_string(), answer: "no".into(), ..AnswerTask::default() };
                let _may_be_refused = self.bench.run(&answer).map(drop);
            }
        }
    }
}

/// What a board is to have had, if this is it.
pub(super) fn report(status: TaskStatus, reason: &Reason) -> Option<&'static str> {
    match (status, reason) {
        (TaskStatus::Blocked, Reason::StartsNext) => Some("answered_by_default"),
        (TaskStatus::Blocked, Reason::Question { run_id: None, .. }) => Some("asked_by_block"),
        (TaskStatus::Running, Reason::Question { run_id: Some(_), .. }) => Some("asked_by_run"),
        _ => None,
    }
}

/// The inbox has a question where `why` names one. Returns whether it is what a blocked task waits for.
pub(super) fn compare_inbox(
    id: &TaskId,
    of: &[Kind],
    (status, reason): (TaskStatus, &Reason),
) -> bool {
    let is_asked = of.contains(&Kind::Question);
    let is_expected = match reason {
        Reason::Question { .. } => true,
        // Its run is in doubt, or the pass answers it by default first.
        Reason::RunUnknown { .. } | Reason::StartsNext => is_asked,
        _ => false,
    };
    assert_eq!(is_asked, is_expected, "{id}: {of:?} {reason:?}");
    is_asked && status == TaskStatus::Blocked
}
