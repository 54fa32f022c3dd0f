//! The tasks that a worker says it created. A model may name some that were never made; a plan that is built on those stands
//! still, so the claim is checked before the verdict is taken.

use crate::kernel::caller::Caller;
use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::ids::TaskId;
use crate::kernel::origin::{self, Origin};
use crate::kernel::shorten::shorten;
use crate::kernel::store::{self, Connection};
use crate::kernel::task::Task;
use crate::kernel::validate;

/// Why an id is not that of a task that the caller created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doubt {
    /// No task of this board has it.
    Unknown,
    /// Another caller created the task.
    Foreign(String),
    /// Nobody knows who created the task.
    Unattributed,
}

/// What is wrong with the claim of `caller` to have created a task in its work on `own`; none when it is right. `found` says
/// who created it, when there is such a task on the board. Earlier attempts at the same task count as the same work.
pub fn doubt(found: Option<&Origin>, own: &TaskId, caller: &Caller) -> Option<Doubt> {
    match found {
        None => Some(Doubt::Unknown),
        Some(Origin::Unknown) => Some(Doubt::Unattributed),
        Some(Origin::Run { task_id, .. }) if task_id == own => None,
        Some(Origin::Run { run_id, task_id }) => {
            Some(Doubt::Foreign(format!("run {run_id} of {task_id}")))
        }
        Some(Origin::Somebody(actor)) if *actor == caller.actor() => None,
        Some(Origin::Somebody(name)) => Some(Doubt::Foreign(shorten(&name.to_string()))),
    }
}

/// The ids as they are recorded: trimmed, blank ones dropped, each once.
///
/// # Errors
/// [`Refusal::TooLarge`].
pub fn listed(given: &[String]) -> Result<Vec<String>, Refusal> {
    let mut ids: Vec<String> = Vec::new();
    for id in validate::list("created_cards", given)? {
        let id = id.trim();
        if !id.is_empty() && !ids.iter().any(|known| known == id) {
            ids.push(id.to_owned());
        }
    }
    Ok(ids)
}

/// Refuses ids that are not those of tasks that the caller created in its work on `task`, all of them by name.
///
/// # Errors
/// [`Refusal::UnknownCards`], or a fault.
pub fn check(
    connection: &Connection,
    caller: &Caller,
    task: &Task,
    ids: &[String],
) -> Result<(), VerbError> {
    let mut doubts = Vec::new();
    for id in ids {
        let mut found = None;
        if let Some(card) = TaskId::parse(id)
            && let Some((_, board)) = store::tasks::get_status(connection, &card)?
            && board == task.board
        {
            found = Some(origin::of_task(connection, &card)?);
        }
        if let Some(doubt) = doubt(found.as_ref(), &task.id, caller) {
            doubts.push((shorten(id), doubt));
        }
    }
    if doubts.is_empty() {
        return Ok(());
    }
    let ids = doubts.iter().map(|(id, _)| id.clone()).collect();
    let doubts_of: Vec<String> =
        doubts.into_iter().map(|(id, doubt)| doubt_of(&id, &doubt)).collect();
    Err(Refusal::UnknownCards { ids, doubts: doubts_of.join(", ") }.into())
}

fn doubt_of(id: &str, doubt: &Doubt) -> String {
    match doubt {
        Doubt::Unknown => format!("{id} (no such task)"),
        Doubt::Foreign(by) => format!("{id} (created by {by})"),
        Doubt::Unattributed => format!("{id} (its creator is unknown)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::ids::BoardName;

    #[test]
    fn a_card_counts_as_created_in_the_work_on_its_task_or_by_the_caller() {
        let [own, other] = ["t_1", "t_2"].map(|id| TaskId::parse(id).unwrap());
        let worker = Caller::Worker {
            run_id: 7,
            task_id: own.clone(),
            board: BoardName::default(),
            profile: "dev".into(),
        };
        let ada = Caller::Operator { name: "ada".into() };
        let by_run = |run_id, task_id: &TaskId| Origin::Run { run_id, task_id: task_id.clone() };
        let by = |name: &str| Origin::Somebody(name.into());
        let foreign = |by: &str| Some(Doubt::Foreign(by.to_owned()));
        for (found, caller, expected) in [
            (None, &worker, Some(Doubt::Unknown)),
            (Some(by_run(7, &own)), &worker, None),
            (Some(by_run(3, &own)), &worker, None),
            (Some(by_run(8, &other)), &worker, foreign("run 8 of t_2")),
            (Some(by("ada")), &worker, foreign("ada")),
            // A profile's name on a task is no proof: anybody outside a run may have chosen it.
            (Some(by("dev")), &worker, foreign("dev")),
            (Some(Origin::Unknown), &worker, Some(Doubt::Unattributed)),
            (None, &ada, Some(Doubt::Unknown)),
            (Some(by("ada")), &ada, None),
            (Some(by("bob")), &ada, foreign("bob")),
            (Some(by_run(7, &own)), &ada, None),
            (Some(by_run(8, &other)), &ada, foreign("run 8 of t_2")),
            (Some(Origin::Unknown), &ada, Some(Doubt::Unattributed)),
        ] {
            assert_eq!(doubt(found.as_ref(), &own, caller), expected, "{found:?} {caller:?}");
        }
    }

    #[test]
    fn ids_are_recorded_once_without_blanks() {
        let given = ["t_2", " t_1 ", "", "t_2"].map(str::to_owned);
        assert_eq!(listed(&given).unwrap(), ["t_2", "t_1"]);
    }
}
